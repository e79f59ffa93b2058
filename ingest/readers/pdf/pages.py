"""The pages of a PDF file: words, and tables that are drawn with rules."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ingest.canonical import normalise
from ingest.readers.pdf.faces import Faces
from ingest.readers.pdf.words import Box, Line, Word, lines_of

if TYPE_CHECKING:
    from pdfplumber._typing import T_obj
    from pdfplumber.page import Page as PlumberPage
    from pdfplumber.table import Table

_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})
_UNMAPPED = re.compile(r"\(cid:\d+\)")
_MOST_RULES = 10_000
"""Edges on a page above which it is a drawing, in which to look for tables would take minutes."""

Cell = tuple[Line, ...]


@dataclass(frozen=True, eq=False)
class Grid:
    """A table at a place: the lines of its cells by row and column."""

    page: int
    box: Box
    rows: tuple[tuple[Cell, ...], ...]
    column: int = 0

    @property
    def header(self) -> tuple[str, ...]:
        """The words of the first row."""
        return tuple(" ".join(line.text for line in cell) for cell in self.rows[0])


@dataclass(frozen=True, slots=True)
class Page:
    """What stands on a page. ``number`` counts from 1.

    ``characters`` counts those of the text, ``unmapped`` those among them that no one knows the meaning of;
    ``pictured`` is set if a picture covers most of the page.
    """

    number: int
    width: float
    height: float
    words: tuple[Word, ...]
    grids: tuple[Grid, ...]
    characters: int
    unmapped: int
    pictured: bool


def read_page(page: PlumberPage, number: int, faces: Faces) -> Page:
    """Take what is needed out of a pdfplumber page; ``faces`` are those of the document."""
    readable = page.filter(_readable(page))
    for character in readable.chars:
        faces.see(character["fontname"], character["text"], character["width"] / max(character["size"], 0.1))
    words = sorted(_words(readable, page.hyperlinks, faces), key=lambda word: word.box.centre[1])
    tables = [] if len(readable.edges) > _MOST_RULES else readable.find_tables()
    grids = tuple(_grid(table, words, number) for table in tables if _is_table(table, words))
    return Page(
        number=number,
        width=float(page.width),
        height=float(page.height),
        words=tuple(word for word in words if not any(grid.box.holds(*word.box.centre) for grid in grids)),
        grids=grids,
        characters=sum(len(word.text) for word in words),
        unmapped=sum(word.text.count("\ufffd") for word in words),
        pictured=any(
            (image["x1"] - image["x0"]) * (image["bottom"] - image["top"]) > 0.5 * page.width * page.height
            for image in page.images
        ),
    )


def _readable(page: PlumberPage) -> Callable[[T_obj], bool]:
    """Takes no text that is turned or beside the page, and none twice: printing it twice makes it bold."""
    left, top, right, bottom = page.bbox
    seen: set[tuple[str, int, int]] = set()

    def accepts(item: T_obj) -> bool:
        if item["object_type"] != "char":
            return True
        x, y = (item["x0"] + item["x1"]) / 2, (item["top"] + item["bottom"]) / 2
        if not item["upright"] or not (left <= x <= right and top <= y <= bottom):
            return False
        place = (round(item["x0"]), round(item["top"]))
        if item["text"] != " " and any((item["text"], place[0] + step, place[1]) in seen for step in (-1, 0, 1)):
            return False
        seen.add((item["text"], *place))
        return True

    return accepts


def _words(page: PlumberPage, hyperlinks: Sequence[T_obj], faces: Faces) -> Iterator[Word]:
    links = [(Box(link["x0"], link["top"], link["x1"], link["bottom"]), str(link["uri"])) for link in hyperlinks]
    for found in page.extract_words(x_tolerance_ratio=0.15, y_tolerance=2, extra_attrs=["fontname", "size"]):
        box = Box(found["x0"], found["top"], found["x1"], found["bottom"])
        link = next((uri for area, uri in links if area.holds(*box.centre)), "")
        text = _UNMAPPED.sub("\ufffd", normalise(found["text"]).translate(_LIGATURES))
        if text.strip():
            yield Word(text, box, float(found["size"]), faces[found["fontname"]], link)


def _is_table(table: Table, words: Sequence[Word]) -> bool:
    """Several columns with text in them: frames around text and shaded notes are no tables."""
    if max((len(row.cells) for row in table.rows), default=0) < 2:
        return False
    cells = [Box(*cell) for cell in table.cells]
    filled = sum(bool(_inside(cell, words)) for cell in cells)
    return len(cells) >= 2 and filled >= max(2, 0.3 * len(cells))


def _inside(area: Box, words: Sequence[Word]) -> list[Word]:
    """Those of the words, which are sorted by the height of their centres, that have it in an area."""
    first = bisect_left(words, area.top, key=lambda word: word.box.centre[1])
    after = bisect_right(words, area.bottom, key=lambda word: word.box.centre[1])
    return [word for word in words[first:after] if area.holds(*word.box.centre)]


def _grid(table: Table, words: Sequence[Word], page: int) -> Grid:
    box = Box(*table.bbox)
    cells = {area: _cell(area, words, page) for area in (Box(*cell) for cell in table.cells)}
    lefts = [column.bbox[0] for column in table.columns]
    rows: list[tuple[Cell, ...]] = []
    for row in table.rows:
        _, top, _, bottom = row.bbox
        found: list[Cell] = []
        for left, cell in zip(lefts, row.cells, strict=False):
            if cell is not None:
                found.append(cells[Box(*cell)])
            else:  # Covered by a merged cell, whose text stands in each place that it covers.
                spot = (left + 1, (top + bottom) / 2)
                found.append(next((lines for area, lines in cells.items() if area.holds(*spot)), ()))
        rows.append(tuple(found))
    return Grid(page, box, tuple(rows))


def _cell(area: Box, words: Sequence[Word], page: int) -> Cell:
    """The lines in a cell; they end where the cell does, less a margin like the one on their left."""
    lines = lines_of(_inside(area, words), page)
    margin = min((line.box.x0 - area.x0 for line in lines), default=0.0)
    return tuple(replace(line, right=area.x1 - margin) for line in lines)
