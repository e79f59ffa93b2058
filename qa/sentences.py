"""Cutting Markdown into the smallest pieces that can be said, checked and cited by themselves.

A piece is a sentence, a heading, a table row, or a block of code. The same cut serves answers and documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ingest.document import Span
from qa.tables import is_delimiter_row, is_row
from qa.words import word_set

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r" {0,3}#{1,6}(?:\s|$)")
_RULE = re.compile(r" {0,3}(?:(?:-\s*){3,}|(?:\*\s*){3,}|(?:_\s*){3,}|=+\s*)")
_LIST_MARKER = re.compile(r"\s*(?:[-*+•–]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s+")

_END = re.compile(r"[.!?…]+[\"'”’»)\]*_]*(?=\s)|[。！？]+")
_INLINE_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
_LAST_WORD = re.compile(r"[^\s(\[\"'“‘]+$")
_LOWER_WORD = re.compile(r"[a-z]+(?:['’-][a-z]+)*(?=[\s.,;:!?)]|$)")

# Never the end of a sentence, whatever follows.
_ABBREVIATIONS = word_set(
    """
    e.g i.e vs cf mr mrs ms dr prof st approx ca resp incl excl fig figs eq viz
    """
)
# The end of a sentence only before a capital letter: "No. 4" and "max. 5 A" go on, "and so on, etc. Then" does not.
_ABBREVIATIONS_BEFORE_NUMBERS = word_set(
    """
    no nos art sec ch chap vol p pp para ext tel min max etc a.m p.m inc ltd co corp dept est rev ver ed jan feb mar
    apr jun jul aug sep sept oct nov dec
    """
)


def pieces(text: str) -> tuple[Span, ...]:
    """Spans of the pieces of ``text``: in order, disjoint, without outer white space, nothing visible left out."""
    found: list[Span] = []
    for start, end in _blocks(text):
        for piece in _split_block(text, start, end):
            stripped = _strip(text, piece.start, piece.end)
            if stripped is not None:
                found.append(stripped)
    return tuple(found)


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each run of lines that belongs together: a paragraph, list item, row, heading or code block."""
    begin = 0
    fence: str | None = None
    previous_is_row = False
    position = 0
    for line in text.splitlines(keepends=True):
        start, position = position, position + len(line)
        if fence is not None:
            if line.strip().startswith(fence) and not line.strip().strip(fence[0]):
                fence = None
                yield begin, position
                begin = position
            continue
        opening = _FENCE.match(line)
        row = is_row(line)
        delimiter = row and previous_is_row and is_delimiter_row(line.rstrip("\r\n"))
        alone = row or not line.strip() or _HEADING.match(line) is not None
        if opening or (alone and not delimiter) or _LIST_MARKER.match(line):
            if begin < start:
                yield begin, start
            begin = start
        elif _RULE.fullmatch(line.rstrip("\r\n")) or (previous_is_row and not row):
            # Rules and lines after a table; a rule directly under a paragraph is its underline, both stay apart.
            if begin < start:
                yield begin, start
            begin = start
        if opening:
            fence = opening[1]
        elif _HEADING.match(line) or not line.strip() or _RULE.fullmatch(line.rstrip("\r\n")):
            yield begin, position
            begin = position
        previous_is_row = row
    if begin < len(text):
        yield begin, len(text)


def _split_block(text: str, start: int, end: int) -> Iterator[Span]:
    block = text[start:end]
    if is_row(block) or _FENCE.match(block) or _HEADING.match(block):
        yield Span(start, end)
        return
    marker = _LIST_MARKER.match(block)
    code = [match.span() for match in _INLINE_CODE.finditer(block)]
    begin = 0
    for match in _END.finditer(block, marker.end() if marker else 0):
        inside_code = any(first < match.start() < last for first, last in code)
        if not inside_code and _ends_sentence(block, match):
            yield Span(start + begin, start + match.end())
            begin = match.end()
    if begin < len(block):
        yield Span(start + begin, end)


def _ends_sentence(block: str, match: re.Match[str]) -> bool:
    following = block[match.end() :].lstrip().lstrip("\"'“‘(*_")
    if not following or match.group()[0] not in ".…":
        return True
    word = _LAST_WORD.search(block, 0, match.start())
    before = word.group().lower().strip("*_`") if word else ""
    if match.group()[0] == ".":
        if before in _ABBREVIATIONS or _is_initial(block, word):
            return False
        if before in _ABBREVIATIONS_BEFORE_NUMBERS and not following[0].isupper():
            return False
    return _LOWER_WORD.match(following) is None


def _is_initial(block: str, word: re.Match[str] | None) -> bool:
    """Whether a lone letter before a full stop is part of a name; after a number it is a unit ("5 A.")."""
    if word is None or len(word.group()) != 1 or not word.group().isalpha():
        return False
    return not block[: word.start()].rstrip()[-1:].isdigit()


def _strip(text: str, start: int, end: int) -> Span | None:
    piece = text[start:end]
    stripped = piece.strip()
    if not stripped:
        return None
    offset = start + len(piece) - len(piece.lstrip())
    return Span(offset, offset + len(stripped))
