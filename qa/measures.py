"""Numbers with their units of measure: 15 minutes and 15 min are the same, 15 hours are not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from qa.words import Kind, Token, word_set

_SPELLINGS = {
    "s": "s sec secs second seconds",
    "min": "min mins minute minutes",
    "h": "h hr hrs hour hours",
    "day": "day days",
    "week": "week weeks",
    "month": "month months",
    "year": "year years yr yrs",
    "%": "% percent percentage",
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
_JOINS = word_set("to or and")
_CURRENCIES = word_set("€ $ £")
_COUNTED = word_set("day week month year hour minute")
_QUALIFIERS = word_set("° working calendar business more full whole degrees degree")


class Measure(NamedTuple):
    """A number in its one spelling and the unit that stands beside it, if any."""

    number: str
    unit: str | None


def measure_at(tokens: Sequence[Token], position: int) -> Measure:
    """The number at ``position`` with its unit; in "5 to 10 min" and "1, 2 or 3 h" the unit is that of all."""
    number = tokens[position].form
    before = tokens[position - 1].form if position else ""
    if before in _CURRENCIES:
        return Measure(number, _UNITS[before])
    current = position
    while True:
        following = _unit_or_number(tokens, current)
        if following is None:
            # "On day 12" is 12 days after the first.
            return Measure(number, _UNITS[before] if before in _COUNTED else None)
        if tokens[following].kind is not Kind.NUMBER:
            return Measure(number, _UNITS[tokens[following].form])
        current = following


def unit_positions(tokens: Sequence[Token]) -> frozenset[int]:
    """Where the units of the numbers stand: they are part of a measure and say nothing by themselves."""
    found = set()
    for position, token in enumerate(tokens):
        if token.kind is Kind.NUMBER:
            following = _unit_or_number(tokens, position)
            if following is not None and tokens[following].kind is not Kind.NUMBER:
                found.add(following)
    return frozenset(found)


def measures(tokens: Sequence[Token]) -> frozenset[Measure]:
    """All numbers of a text with their units."""
    return frozenset(measure_at(tokens, i) for i, token in enumerate(tokens) if token.kind is Kind.NUMBER)


def states(held: frozenset[Measure], claimed: Measure, *, unit_may_lack: bool) -> bool:
    """Whether a claimed number is among those held.

    A claim may leave the unit out; what is held may do so where ``unit_may_lack``, as in the cell of a table.
    """
    if claimed.unit is None:
        return any(measure.number == claimed.number for measure in held)
    return claimed in held or (unit_may_lack and Measure(claimed.number, None) in held)


def _unit_or_number(tokens: Sequence[Token], position: int) -> int | None:
    """Position of the unit of the number at ``position``, or of the next number of its series."""
    index = position + 1
    while index < len(tokens) and tokens[index].form in _QUALIFIERS:
        index += 1
    if index < len(tokens) and tokens[index].form in _UNITS:
        return index
    if index == position + 1 < len(tokens):
        joined = tokens[index].form in _JOINS
        index += joined
        near = joined or tokens[index].start - tokens[position].end <= len(", ")
        if near and index < len(tokens) and tokens[index].kind is Kind.NUMBER:
            return index
    return None
