"""Lines in reading order to blocks: paragraphs, list items, code; joined over line, column and page ends."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import pairwise

from ingest.readers.pdf.columns import Item
from ingest.readers.pdf.headings import Heading
from ingest.readers.pdf.pages import Cell, Grid
from ingest.readers.pdf.words import Line

_BULLET = re.compile(r"[•‣◦▪■●○□❑➢►▶–—·*-]|\uf0b7|\uf0a7|\ufffd")
_NUMBER = re.compile(r"(?:\d{1,3}|[a-zA-Z]|[ivx]{1,4})[.)]|\((?:\d{1,2}|[a-z]|[ivx]{1,4})\)")
_LEADING = 1.25
"""Ems between base lines, as type is usually set; taken where a document has too few lines to tell."""
_FEWEST_PITCHES = 4
_SENTENCE_END = re.compile(r"[.!?:;…][\"'”’)\]]*$")


class Form(Enum):
    """What a block is."""

    PARAGRAPH = auto()
    ITEM = auto()
    CODE = auto()


@dataclass(slots=True)
class Text:
    """Lines of one block. An item has its ``marker`` as first word; ``indent`` (blanks) is that of the items above."""

    form: Form
    lines: list[Line]
    indent: int = 0
    marker: str = ""

    @property
    def last(self) -> Line:
        """The line that was added last."""
        return self.lines[-1]


@dataclass(slots=True)
class Table:
    """A table, perhaps from several pages: each row with the page on which it stands."""

    rows: list[tuple[int, tuple[Cell, ...]]]
    header: tuple[str, ...]
    last: Grid


Block = Text | Table | Heading


@dataclass(frozen=True, slots=True)
class _OpenItem:
    """A list item that more may belong to: where its marker and its text stand, its indent in blanks."""

    left: float
    text_left: float
    width: int


@dataclass(slots=True)
class BlockBuilder:
    """Goes once through the items of a document. ``headings`` are known by their first line."""

    headings: Mapping[Line, Heading]
    leading: Mapping[float, float]
    _items: list[_OpenItem] = field(default_factory=list)

    def build(self, items: Sequence[Item]) -> Iterator[Block]:
        """The blocks in order."""
        block: Block | None = None
        skip: set[Line] = set()
        for item in items:
            if isinstance(item, Line) and item in skip:
                continue
            if isinstance(item, Line) and item in self.headings:
                heading = self.headings[item]
                skip.update(heading.lines)
                if block is not None:
                    yield block
                block = heading
                self._items.clear()
                continue
            if block is not None and self._added(block, item):
                continue
            if block is not None:
                yield block
            block = self._new(item)
        if block is not None:
            yield block

    def _added(self, block: Block, item: Item) -> bool:
        """Whether the item goes on with the block, in which case it is part of it now."""
        if isinstance(block, Table) and isinstance(item, Grid) and _same_table(block.last, item):
            rows = item.rows[1:] if item.header == block.header else item.rows
            block.rows.extend((item.page, row) for row in rows)
            block.last = item
            return True
        if isinstance(block, Text) and isinstance(item, Line) and self._goes_on(block, item):
            block.lines.append(item)
            return True
        return False

    def _new(self, item: Item) -> Block:
        if isinstance(item, Grid):
            self._items.clear()
            return Table([(item.page, row) for row in item.rows], item.header, item)
        if item.mono:
            return Text(Form.CODE, [item])
        if marker := _marker(item):
            while self._items and self._items[-1].left > item.box.x0 - 2:
                self._items.pop()
            indent = sum(outer.width for outer in self._items)
            width = len(marker) + 1 if marker[0].isdecimal() else 2
            self._items.append(_OpenItem(item.box.x0, item.words[1].box.x0, width))
            return Text(Form.ITEM, [item], indent, marker)
        if self._items and abs(item.box.x0 - self._items[-1].text_left) < 3:
            return Text(Form.PARAGRAPH, [item], indent=sum(outer.width for outer in self._items))
        self._items.clear()
        return Text(Form.PARAGRAPH, [item])

    def _goes_on(self, block: Text, line: Line) -> bool:
        last = block.last
        if abs(line.size - last.size) > 0.1 * last.size:
            return False
        if line.page != last.page or line.column != last.column:
            return self._goes_on_elsewhere(block, line)
        pitch = line.base - last.base
        leading = self.leading.get(last.size, _LEADING * last.size)
        if block.form is Form.CODE:
            return line.mono and pitch < 3.2 * leading
        if pitch > 1.2 * leading or pitch < 0:
            return False
        if _marker(line) and self._begins_item(block, line):
            return False
        if _ends_short(last, line) and _SENTENCE_END.search(last.text):
            return False
        return not self._indented_anew(block, line)

    def _goes_on_elsewhere(self, block: Text, line: Line) -> bool:
        """Over the end of a column or a page."""
        last = block.last
        if block.form is Form.CODE:
            return line.mono
        if line.mono or _marker(line):
            return False
        return not (_SENTENCE_END.search(last.text) and _ends_short(last, line))

    def _begins_item(self, block: Text, line: Line) -> bool:
        """A number at the start of a line may be plain text; after an item or a finished line it is a marker."""
        if block.form is Form.ITEM:
            return any(abs(item.left - line.box.x0) < 3 for item in self._items) or line.box.x0 < _text_edge(block)
        return _ends_short(block.last, line) or bool(_SENTENCE_END.search(block.last.text))

    def _indented_anew(self, block: Text, line: Line) -> bool:
        edge = _text_edge(block)
        step = 0.8 * line.size
        if block.form is Form.ITEM:
            hangs = len(block.lines) > 1 and block.lines[1].box.x0 > edge - step
            return line.box.x0 < edge - step and (hangs or _ends_short(block.last, line))
        return len(block.lines) > 1 and line.box.x0 > edge + step


def _same_table(one: Grid, two: Grid) -> bool:
    """Whether the second is the first one's continuation at the top of the next page or column."""
    elsewhere = (two.page, two.column) > (one.page, one.column) and two.page <= one.page + 1
    alike = len(one.rows[0]) == len(two.rows[0]) and abs(one.box.x1 - one.box.x0 - two.box.x1 + two.box.x0) < 3
    return elsewhere and alike


def _marker(line: Line) -> str:
    first = line.words[0].text
    if len(line.words) > 1 and (_BULLET.fullmatch(first) or _NUMBER.fullmatch(first)):
        return first
    return ""


def _text_edge(block: Text) -> float:
    """Where the text of a block begins: beside an item's marker, under a paragraph's first line."""
    if block.form is Form.ITEM:
        return block.lines[0].words[1].box.x0
    return min(line.box.x0 for line in block.lines)


def _ends_short(line: Line, following: Line) -> bool:
    """Whether the next line's first word would have found room: then the author, not the margin, ended the line."""
    word = following.words[0].box
    return line.box.x1 + 0.3 * line.size + (word.x1 - word.x0) < line.right - 1


def usual_leading(items: Sequence[Item]) -> dict[float, float]:
    """For each size of type, the usual distance between the base lines of a paragraph."""
    pitches: defaultdict[float, Counter[float]] = defaultdict(Counter)
    for one, two in pairwise(items):
        if isinstance(one, Line) and isinstance(two, Line) and (one.page, one.column) == (two.page, two.column):
            pitch = two.base - one.base
            if one.size == two.size and 0.9 * one.size < pitch < 2 * one.size:
                pitches[one.size][round(pitch * 2) / 2] += 1
    usual: dict[float, float] = {}
    for size, counts in pitches.items():
        often = [pitch for pitch, count in counts.items() if count >= 0.2 * counts.total()]
        pitch = min(often, default=counts.most_common(1)[0][0])
        usual[size] = pitch if counts[pitch] >= _FEWEST_PITCHES else min(pitch, _LEADING * size)
    return usual
