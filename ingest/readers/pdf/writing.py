"""The blocks of a PDF document as Markdown, with a mark where each page begins."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ingest import markdown_writer as md
from ingest.canonical import PAGE_MARK
from ingest.inline import Run, render
from ingest.markdown_writer import Written
from ingest.readers.pdf.blocks import Block, Form, Table, Text
from ingest.readers.pdf.headings import Heading
from ingest.readers.pdf.words import Line

_HYPHENATED = re.compile(r"([^\W\d_]+)[-‐]$")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")


@dataclass(slots=True)
class PdfWriter:
    """Writes blocks in order. ``vocabulary`` are the document's words in lower case, to undo hyphenation by."""

    vocabulary: frozenset[str]
    _page: int = 0

    def write(self, blocks: Iterable[Block]) -> Iterator[Written]:
        """Markdown, one block after the other."""
        for block in blocks:
            if isinstance(block, Heading):
                mark = self._turn_to(block.lines[0].page)
                runs = [replace(run, bold=False) for run in self._runs(block.lines)]
                yield _marked(mark, md.heading(block.level, render(runs)))
            elif isinstance(block, Table):
                yield self._table(block)
            elif block.form is Form.CODE:
                yield self._code(block)
            else:
                yield self._text(block)

    def _turn_to(self, page: int) -> str:
        marks = PAGE_MARK * (page - self._page)
        self._page = max(page, self._page)
        return marks

    def _text(self, block: Text) -> Written:
        mark = self._turn_to(block.lines[0].page)
        inline = render(self._runs(block.lines, skip=1 if block.form is Form.ITEM else 0))
        indent = "   " * block.depth
        if block.form is Form.PARAGRAPH:
            text = md.paragraph(inline).text
            return _marked(mark, Written(indent + text if text else ""))
        number = re.fullmatch(r"(\d+)[.)]", block.marker)
        if number:
            item = md.item(f"{number[1]}.", [md.paragraph(inline)])
        elif block.marker[0].isalnum() or block.marker[0] == "(":
            item = md.item("-", [md.paragraph(f"{block.marker} {inline}")])
        else:
            item = md.item("-", [md.paragraph(inline)])
        return _marked(mark, Written(indent + item.text, item=True))

    def _runs(self, lines: Iterable[Line], skip: int = 0) -> list[Run]:
        """The lines as one: hyphenation undone, blanks between them, marks where pages begin."""
        runs: list[Run] = []
        for line in lines:
            new = line.runs(skip if not runs else 0)
            if not new:
                continue
            glue = " " if runs else ""
            if runs and (ended := _HYPHENATED.search(runs[-1].text)) and new[0].text[:1].islower():
                glue = ""
                if not self._keeps_hyphen(ended[1], new[0].text):
                    runs[-1] = replace(runs[-1], text=runs[-1].text[:-1])
            elif runs and runs[-1].text.endswith("\u00ad"):
                glue = ""
            if glue:
                same = runs[-1].form == new[0].form
                runs.append(replace(new[0], text=glue) if same else Run(glue))
            mark = self._turn_to(line.page)
            if mark:
                new[0] = replace(new[0], text=mark + new[0].text)
            runs.extend(new)
        return runs

    def _keeps_hyphen(self, before: str, after: str) -> bool:
        """Whether the hyphen at a line's end belongs to the word, judged by the document's other words."""
        found = _WORD.match(after)
        rest = found[0].lower() if found else after.lower()
        before = before.lower()
        if before + rest in self.vocabulary:
            return False
        return f"{before}-{rest}" in self.vocabulary or {before, rest} <= self.vocabulary

    def _table(self, block: Table) -> Written:
        marks = [self._turn_to(page) for page, _ in block.rows]
        lines = md.table([row for _, row in block.rows]).text.split("\n")
        if len(lines) == 1:
            return Written(marks[0])
        body = [mark + line for mark, line in zip(marks[1:], lines[2:], strict=True)]
        return Written("\n".join([marks[0] + lines[0], lines[1], *body]))

    def _code(self, block: Text) -> Written:
        left = min(line.box.x0 for line in block.lines)
        first = block.lines[0].words[0]
        width = max((first.box.x1 - first.box.x0) / len(first.text), 0.1)
        leading = min(
            (b.base - a.base for a, b in zip(block.lines, block.lines[1:], strict=False) if b.base > a.base),
            default=first.size,
        )
        lines: list[str] = []
        previous: Line | None = None
        opening = self._turn_to(block.lines[0].page)
        for line in block.lines:
            if previous is not None and previous.page == line.page:
                blank_lines = round((line.base - previous.base) / leading) - 1
                lines.extend([""] * min(max(blank_lines, 0), 3))
            lines.append(self._turn_to(line.page) + _typed(line, left, width))
            previous = line
        return _marked(opening, md.code("\n".join(lines)))


def _marked(mark: str, written: Written) -> Written:
    return replace(written, text=mark + written.text) if mark else written


def _typed(line: Line, left: float, width: float) -> str:
    """The line with each word at the column where it stands."""
    text = ""
    for word in line.words:
        column = round((word.box.x0 - left) / width)
        text += " " * max(column - len(text), 1 if text else 0) + word.text
    return text


def vocabulary_of(lines: Iterable[Line]) -> frozenset[str]:
    """All words of the lines in lower case, but for those at a line's end that may be halves."""
    words: set[str] = set()
    for line in lines:
        text = line.text
        whole = text if not _HYPHENATED.search(text) else text.rsplit(" ", 1)[0] if " " in text else ""
        words.update(found.lower() for found in _WORD.findall(whole))
        words.update(part.lower() for found in _WORD.findall(whole) for part in found.split("-"))
    return frozenset(words)
