"""Plain text files, with the habits of people who write them: underlined headings, lists, aligned columns."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from ingest.canonical import canonical_document, normalise
from ingest.charset import decode
from ingest.document import Document
from ingest.inline import escape
from ingest.markdown_writer import Written, code, heading, join, paragraph
from ingest.source_file import DEFAULT_LIMITS, Limits, SourceFile

_UNDERLINE = re.compile(r"([=\-~^*+#])\1{2,}[ \t]*$")
_ITEM = re.compile(r"[ \t]*(?:[-*+•]|\d{1,3}[.)])[ \t]+(?=\S)")
_GAP = re.compile(r"\S(?: {3,}|[ \t]*\t[ \t]*|(?<![.!?:;]) {2})(?=\S)")
_HEADING_LENGTH = 120
_MARKUP = re.compile(rb"\s*<(?:!doctype\s+html|html[\s>])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TextReader:
    """Underlined lines become headings, aligned blocks code; paragraphs keep their lines."""

    limits: Limits = DEFAULT_LIMITS
    version: str = "text 2"
    suffixes: frozenset[str] = frozenset({".txt", ".text"})

    def read(self, path: Path, source: str) -> Document:
        """Read one file. Raises `UnreadableFile`."""
        file = SourceFile.load(path, source, self.limits)
        file.refuse_foreign()
        if _MARKUP.match(file.data):
            raise file.unreadable("is an HTML page by its content: rename it to .html")
        lines = normalise(decode(file)).split("\n")
        return canonical_document(
            file,
            join(text_blocks(lines)),
            media_type="text/plain",
            limits=self.limits,
            title=_first_line(lines),
        )


def _first_line(lines: Sequence[str]) -> str:
    line = next((line.strip() for line in lines if line.strip()), "")
    return line if len(line) <= _HEADING_LENGTH else ""


def text_blocks(lines: Sequence[str]) -> Iterator[Written]:
    """Headings and, between them, the blocks of each run of lines without a blank one."""
    levels: list[str] = []
    pending: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        mark = _underline_of(lines, at)
        if mark or not line.strip():
            yield from _plain_blocks(pending)
            pending = []
        if mark:
            if mark not in levels:
                levels.append(mark)
            yield heading(levels.index(mark) + 1, escape(line.strip()))
            at += 1
        elif line.strip():
            pending.append(line.rstrip())
        at += 1
    yield from _plain_blocks(pending)


def _underline_of(lines: Sequence[str], at: int) -> str:
    """The sign that underlines the line, if it is a heading: at the margin and after a blank line or a rule."""
    line = lines[at]
    if at + 1 >= len(lines) or not line.strip() or line[0] in " \t" or len(line) > _HEADING_LENGTH:
        return ""
    if (at and lines[at - 1].strip() and not _UNDERLINE.match(lines[at - 1])) or _UNDERLINE.match(line):
        return ""
    rule = _UNDERLINE.match(lines[at + 1])
    return rule[1] if rule and len(rule[0].strip()) >= len(line.strip()) // 2 else ""


def _plain_blocks(lines: Sequence[str]) -> Iterator[Written]:
    """Lists, aligned lines and paragraphs out of lines that stand together."""
    for kind, group in groupby(zip(_kinds(lines), lines, strict=True), key=lambda pair: pair[0]):
        text = textwrap.dedent("\n".join(line for _, line in group))
        if kind == "aligned":
            yield code(text)
        elif kind == "list":
            yield Written("\n".join(_item_line(line) for line in text.split("\n")), item=True)
        else:
            yield paragraph("\n".join(escape(line.strip()) for line in text.split("\n")))


def _item_line(line: str) -> str:
    mark = _ITEM.match(line)
    if mark is None:
        return line[: len(line) - len(line.lstrip())] + escape(line.lstrip())
    return mark[0].replace("•", "-") + escape(line[mark.end() :])


def _kinds(lines: Sequence[str]) -> list[str]:
    """For each line ``list``, ``aligned`` or ``paragraph``."""
    kinds: list[str] = []
    item_indent = -1
    for line in lines:
        indent = len(line) - len(line.lstrip())
        previous = kinds[-1] if kinds else ""
        if _ITEM.match(line):
            kind, item_indent = "list", indent
        elif previous == "list" and indent > item_indent:
            kind = "list"
        elif _GAP.search(line) or indent >= 4:
            kind = "aligned"
        else:
            kind = "paragraph"
        kinds.append(kind)
    return kinds
