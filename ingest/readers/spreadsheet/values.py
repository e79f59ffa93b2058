"""A cell's value as text, near to how its sheet shows it."""

from __future__ import annotations

import re
from datetime import date, datetime, time

_LITERAL = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
_DECIMALS = re.compile(r"\.(0+)")


def shown(value: object, number_format: str) -> str:
    """``value`` as text; percentages and decimals by the sheet's format, but never rounded."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (int, float)):
        return _number(value, _LITERAL.sub("", number_format.partition(";")[0]))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "minutes")
    if isinstance(value, (date, time)):
        return value.isoformat()
    return str(value)


def _number(value: float, form: str) -> str:
    percent = "%" in form
    digits = f"{value * 100 if percent else value:.15g}"
    decimals = _DECIMALS.search(form)
    if decimals and re.fullmatch(r"-?\d+(\.\d+)?", digits) and "E" not in form:
        whole, _, fraction = digits.partition(".")
        digits = f"{whole}.{fraction.ljust(len(decimals[1]), '0')}"
    return digits + "%" * percent
