"""The section tree of a canonical text, read from its headings."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.document import Section, Span
from ingest.markdown_blocks import Block, Kind, parse_blocks, plain_text


def sections_of(text: str, blocks: Sequence[Block] | None = None) -> tuple[Section, ...]:
    """Sections in order of their start, outer before inner; headings inside quotes and lists open none.

    ``blocks`` are those of ``text`` where the caller has them already.
    """
    headings = [block for block in (parse_blocks(text) if blocks is None else blocks) if block.kind is Kind.HEADING]
    ends = _ends(headings, len(text))
    sections: list[Section] = []
    path: list[tuple[int, str]] = []
    for heading, end in zip(headings, ends, strict=True):
        while path and path[-1][0] >= heading.level:
            path.pop()
        path.append((heading.level, plain_text(heading.heading)))
        names = tuple(name for _, name in path)
        sections.append(Section(names, heading.level, Span(heading.start, end)))
    return tuple(sections)


def lowered(text: str, by: int) -> str:
    """``text`` with every heading ``by`` levels further down, as a part of another text; the sixth is the last."""
    parts: list[str] = []
    at = 0
    for block in parse_blocks(text):
        if block.kind is Kind.HEADING:
            parts.extend((text[at : block.start], "#" * min(block.level + by, 6), " ", " ".join(block.heading.split())))
            at = block.end
    return "".join([*parts, text[at:]])


def _ends(headings: Sequence[Block], length: int) -> list[int]:
    """For each heading the start of the next one of its level or above, or the end of the text."""
    ends = [length] * len(headings)
    next_at = [length] * 7  # By level: where the nearest following heading of that level or above begins.
    for index in range(len(headings) - 1, -1, -1):
        level = headings[index].level
        ends[index] = next_at[level]
        next_at[level:] = [headings[index].start] * (7 - level)
    return ends
