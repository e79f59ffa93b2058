"""The pages of a PDF file: words, and tables that are drawn with rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ingest.inline import Run, render
from ingest.readers.pdf.words import Box, Word, lines_of

_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})
_UNMAPPED = re.compile(r"\(cid:\d+\)")
_MOST_RULES = 6_000
"""Edges on a page above which it is a drawing, in which to look for tables would take minutes."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table at a place: inline Markdown by row and column, the columns' left edges, and the plain first row."""

    page: int
    box: Box
    rows: tuple[tuple[str, ...], ...]
    column: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """What stands on a page. ``number`` counts from 1; ``unmapped`` counts characters without a known meaning."""

    number: int
    width: float
    height: float
    words: tuple[Word, ...]
    grids: tuple[Grid, ...]
    characters: int
    unmapped: int
    pictured: bool


def read_page(page: Any, number: int) -> Page:
    """Take what is needed out of a pdfplumber page."""
    upright = page.filter(lambda item: item["object_type"] != "char" or item["upright"])
    words = tuple(_words(upright, page.hyperlinks))
    tables = [table for table in _tables(upright) if _is_table(table, words)]
    grids = tuple(_grid(table, words, number) for table in tables)
    free = tuple(word for word in words if not any(grid.box.holds(*word.centre) for grid in grids))
    unmapped = sum(len(_UNMAPPED.findall(word.text)) for word in words)
    pictured = any(
        (image["x1"] - image["x0"]) * (image["bottom"] - image["top"]) > 0.5 * page.width * page.height
        for image in page.images
    )
    return Page(number, float(page.width), float(page.height), free, grids, len(upright.chars), unmapped, pictured)


def _words(page: Any, links: Sequence[Any]) -> Iterator[Word]:
    targets = [(Box(link["x0"], link["top"], link["x1"], link["bottom"]), str(link["uri"])) for link in links]
    found = page.dedupe_chars().extract_words(
        x_tolerance_ratio=0.15, y_tolerance=2, keep_blank_chars=False, extra_attrs=["fontname", "size"]
    )
    for word in found:
        box = Box(word["x0"], word["top"], word["x1"], word["bottom"])
        text = word["text"].translate(_LIGATURES)
        made = Word(text, box, str(word["fontname"]).rsplit("+", 1)[-1], float(word["size"]))
        link = next((uri for area, uri in targets if area.holds(*made.centre)), "")
        yield Word(text, box, made.font, made.size, link) if link else made


def _tables(page: Any) -> list[Any]:
    return [] if len(page.edges) > _MOST_RULES else list(page.find_tables())


def _is_table(table: Any, words: Sequence[Word]) -> bool:
    """Several columns with text in them: frames around text and shaded notes are no tables."""
    columns = max((len(row.cells) for row in table.rows), default=0)
    if columns < 2:
        return False
    cells = [Box(*cell) for row in table.rows for cell in row.cells if cell is not None]
    filled = sum(any(cell.holds(*word.centre) for word in words) for cell in cells)
    return len(cells) >= 2 and filled >= max(2, 0.3 * len(cells))


def _grid(table: Any, words: Sequence[Word], page: int) -> Grid:
    box = Box(*table.bbox)
    inside = [word for word in words if box.holds(*word.centre)]
    lefts = [column.bbox[0] for column in table.columns]
    cells = [Box(*cell) for row in table.rows for cell in row.cells if cell is not None]
    texts = {cell: _cell_text(cell, inside, page) for cell in cells}
    rows: list[tuple[str, ...]] = []
    for row in table.rows:
        _, top, _, bottom = row.bbox
        texts_of_row: list[str] = []
        for left, cell in zip(lefts, row.cells, strict=False):
            if cell is not None:
                texts_of_row.append(texts[Box(*cell)])
            else:  # Covered by a merged cell, whose text stands in each place that it covers.
                spot = (left + 1, (top + bottom) / 2)
                texts_of_row.append(next((texts[cell] for cell in cells if cell.holds(*spot)), ""))
        rows.append(tuple(texts_of_row))
    return Grid(page, box, tuple(rows))


def _cell_text(cell: Box, words: Sequence[Word], page: int) -> str:
    lines = lines_of((word for word in words if cell.holds(*word.centre)), page)
    runs: list[Run] = []
    for line in lines:
        runs.extend([Run(" "), *line.runs()])
    bold = all(run.bold for run in runs if run.text.strip())
    return render([Run(run.text, False, run.italic, run.code, run.link) for run in runs] if bold else runs)
