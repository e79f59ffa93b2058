"""The blocks of a PDF document as Markdown, with a mark where each page begins."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ingest import markdown_writer as md
from ingest.canonical import PAGE_MARK
from ingest.inline import Run, render
from ingest.markdown_writer import Written
from ingest.readers.pdf.blocks import Block, Form, Table, Text
from ingest.readers.pdf.flow import Flow
from ingest.readers.pdf.headings import Heading
from ingest.readers.pdf.words import Line


@dataclass(slots=True)
class PdfWriter:
    """Writes blocks in order."""

    flow: Flow
    _page: int = 0

    def write(self, blocks: Iterable[Block]) -> Iterator[Written]:
        """Markdown, one block after the other."""
        for block in blocks:
            if isinstance(block, Heading):
                mark = self._turn_to(block.lines[0].page)
                yield _marked(mark, md.heading(block.level, render(_regular(self.flow.runs(block.lines)))))
            elif isinstance(block, Table):
                yield self._table(block)
            elif block.form is Form.CODE:
                yield self._code(block)
            else:
                yield self._text(block)

    def _turn_to(self, page: int) -> str:
        """What marks the pages that begin before text of ``page``."""
        marks = PAGE_MARK * (page - self._page)
        self._page = max(page, self._page)
        return marks

    def _text(self, block: Text) -> Written:
        mark = self._turn_to(block.lines[0].page)
        skip = 1 if block.form is Form.ITEM else 0
        inline = render(self.flow.runs(block.lines, skip=skip, page_mark=self._turn_to))
        indent = " " * block.indent
        if block.form is Form.PARAGRAPH:
            text = md.paragraph(inline).text
            return _marked(mark, Written(indent + text if text else ""))
        number = re.fullmatch(r"(\d+)[.)]", block.marker)
        if number is None and block.marker[-1] in ".)":  # Letters and the like, which Markdown does not number by.
            inline = f"{block.marker} {inline}"
        item = md.item(f"{number[1]}." if number else "-", [md.paragraph(inline)])
        return _marked(mark, Written(indent + item.text, item=True))

    def _table(self, block: Table) -> Written:
        marks = [self._turn_to(row[0]) for row in block.rows]
        rows = [
            [render(_without_header_bold(self.flow.runs(cell), header=number == 0)) for cell in row]
            for number, (_, row) in enumerate(block.rows)
        ]
        header, *lines = md.table(rows).text.split("\n")
        if not lines:
            return Written("".join(marks))
        body = [mark + line for mark, line in zip(marks[1:], lines[1:], strict=True)]
        return Written("\n".join([marks[0] + header, lines[0], *body]))

    def _code(self, block: Text) -> Written:
        opening = self._turn_to(block.lines[0].page)
        left = min(line.box.x0 for line in block.lines)
        word = block.lines[0].words[0]
        width = max((word.box.x1 - word.box.x0) / len(word.text), 0.1)
        steps = [below.base - above.base for above, below in pairwise(block.lines) if below.page == above.page]
        leading = min((step for step in steps if step > 0.5 * word.size), default=word.size)
        lines = [_typed(block.lines[0], left, width)]
        for above, line in pairwise(block.lines):
            if above.page == line.page:
                lines.extend([""] * (round((line.base - above.base) / leading) - 1))
            lines.append(self._turn_to(line.page) + _typed(line, left, width))
        return _marked(opening, md.code("\n".join(lines)))


def _marked(mark: str, written: Written) -> Written:
    return replace(written, text=mark + written.text) if mark else written


def _regular(runs: Iterable[Run]) -> list[Run]:
    """Without bold: a heading's or a header cell's form, not an emphasis."""
    return [replace(run, bold=False) for run in runs]


def _without_header_bold(runs: Sequence[Run], *, header: bool) -> Sequence[Run]:
    return _regular(runs) if header and all(run.bold for run in runs if run.text.strip()) else runs


def _typed(line: Line, left: float, width: float) -> str:
    """The line with each word at the column where it stands."""
    text = ""
    for word in line.words:
        column = round((word.box.x0 - left) / width)
        text += " " * max(column - len(text), 1 if text else 0) + word.text
    return text
