"""Markdown tables in canonical text, as far as prompts and citations need to know them."""

from __future__ import annotations

import re

_BORDER = re.compile(r"(?<!\\)\|")
_DELIMITER_ROW = re.compile(r"\s*\|?\s*:?-{1,}:?\s*(\|\s*:?-{1,}:?\s*)*\|?\s*")


def is_row(line: str) -> bool:
    """Whether ``line`` looks like a row of a table."""
    return line.lstrip().startswith("|")


def is_delimiter_row(line: str) -> bool:
    """Whether ``line`` is the row of dashes under a table's header."""
    return "|" in line and "-" in line and _DELIMITER_ROW.fullmatch(line) is not None


def delimiter_row(header: str) -> str:
    """The row of dashes that makes ``header`` a table's header."""
    return "|" + "---|" * (len(_BORDER.findall(header.strip())) - 1)
