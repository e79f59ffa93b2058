"""Tables by row and column."""

from __future__ import annotations

from collections.abc import Sequence

from lxml.html import HtmlElement

from ingest.markdown_writer import repeated
from ingest.readers.html.text import inline, runs_of

_COLUMNS = 200
"""Cells of a row to which spans may reach; what asks for more is not a table that a person reads."""


def has_header(rows: Sequence[HtmlElement]) -> bool:
    """Whether the first row names the columns: in a table with row headers only, nothing does."""
    first = [cell.tag for cell in rows[0].iterchildren("td", "th")]
    names_rows = any(row.find("th") is not None for row in rows)
    return rows[0].getparent().tag == "thead" or all(tag == "th" for tag in first) or not names_rows


def grid_of(rows: Sequence[HtmlElement]) -> list[list[str]]:
    """Cells by row and column; a cell that spans several stands in each of them."""
    grid: list[list[str]] = []
    below: dict[int, tuple[str, int]] = {}  # By column: text that reaches down, and how many rows further.
    for row in rows:
        cells: list[str] = []
        for cell in [*row.iterchildren("td", "th"), None]:
            while len(cells) in below:
                text, left = below.pop(len(cells))
                if left > 1:
                    below[len(cells)] = (text, left - 1)
                cells.append(text)
            if cell is None:
                continue
            text = inline(runs_of(cell), line_break=" ")
            down = _span(cell, "rowspan")
            for covered in repeated(text, min(_span(cell, "colspan"), _COLUMNS - len(cells))):
                if down > 1:
                    below[len(cells)] = (repeated(text, 2)[1], down - 1)
                cells.append(covered)
        grid.append(cells)
    return grid


def _span(cell: HtmlElement, name: str) -> int:
    try:
        return min(max(int(cell.get(name, "1")), 1), _COLUMNS)
    except ValueError:
        return 1
