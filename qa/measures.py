"""Numbers with their units of measure: 15 minutes and 15 min are the same, 15 hours are not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from qa.words import Kind, Token

_SPELLINGS = {
    "s": "s sec secs second seconds",
    "min": "min mins minute minutes",
    "h": "h hr hrs hour hours",
    "day": "day days",
    "week": "week weeks",
    "month": "month months",
    "year": "year years yr yrs",
    "%": "% percent",
    "€": "€ eur euro euros",
    "$": "$ usd dollar dollars",
    "£": "£ gbp pound pounds",
    "kb": "kb kilobyte kilobytes",
    "mb": "mb megabyte megabytes",
    "gb": "gb gigabyte gigabytes",
    "tb": "tb terabyte terabytes",
    "mm": "mm millimetre millimetres millimeter millimeters",
    "cm": "cm centimetre centimetres centimeter centimeters",
    "m": "m metre metres meter meters",
    "km": "km kilometre kilometres kilometer kilometers",
    "g": "g gram grams",
    "kg": "kg kilogram kilograms",
    "l": "l litre litres liter liters",
    "ml": "ml millilitre millilitres milliliter milliliters",
    "v": "v volt volts",
    "a": "a ampere amperes amp amps",
    "w": "w watt watts",
    "kw": "kw kilowatt kilowatts",
    "hz": "hz hertz",
    "khz": "khz kilohertz",
    "mhz": "mhz megahertz",
    "ghz": "ghz gigahertz",
    "bar": "bar bars",
    "mbar": "mbar millibar millibars",
    "c": "c celsius",
    "k": "k kelvin",
    "dbm": "dbm",
}
_UNITS = {spelling: unit for unit, spellings in _SPELLINGS.items() for spelling in spellings.split()}
_BEFORE_NUMBER = frozenset("€$£")
_QUALIFIERS = frozenset(["°", "working", "calendar", "business", "more", "full", "whole", "degrees", "degree"])


class Measure(NamedTuple):
    """A number in its one spelling and the unit that stands beside it, if any."""

    number: str
    unit: str | None


def measure_at(tokens: Sequence[Token], position: int) -> Measure:
    """The number at ``position`` with its unit."""
    if position > 0 and tokens[position - 1].form in _BEFORE_NUMBER:
        return Measure(tokens[position].form, _UNITS[tokens[position - 1].form])
    for token in tokens[position + 1 : position + 3]:
        if token.form in _UNITS:
            return Measure(tokens[position].form, _UNITS[token.form])
        if token.form not in _QUALIFIERS:
            break
    return Measure(tokens[position].form, None)


def measures(tokens: Sequence[Token]) -> frozenset[Measure]:
    """All numbers of a text with their units."""
    return frozenset(measure_at(tokens, i) for i, token in enumerate(tokens) if token.kind is Kind.NUMBER)


def states(held: frozenset[Measure], claimed: Measure) -> bool:
    """Whether a claimed number is among those held; a unit that one side leaves out is no contradiction."""
    if claimed.unit is None:
        return any(measure.number == claimed.number for measure in held)
    return claimed in held or Measure(claimed.number, None) in held
