"""Blocks of canonical Markdown, for readers of formats that are not Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# What at the start of a line would begin another block than a paragraph.
_BLOCK_START = re.compile(
    r"^(?:(?P<number>\d{1,9})(?=[.)](?:\s|$))|(?=#{1,6}(?:\s|$)|>|[-+*](?:\s|$)|=+\s*$|[ :|-]*-[ :|-]*$"
    r"|`{3}|~{3}|<[a-zA-Z/!?]|\[[^\]]+\]:))",
    re.MULTILINE,
)

_LONGEST_REPEATED = 500
"""Characters; a page of text that covers a hundred rows must not become a hundred pages."""


@dataclass(frozen=True, slots=True)
class Written:
    """A finished block; ``item`` for a list item, which stands close to the item before it."""

    text: str
    item: bool = False


def join(blocks: Iterable[Written], *, inside_item: bool = False) -> str:
    """The blocks one under the other, a blank line between them but for list items."""
    parts: list[str] = []
    previous: Written | None = None
    for block in blocks:
        if not block.text.strip():
            continue
        if previous is not None:
            close = block.item and (previous.item or inside_item)
            parts.append("\n" if close else "\n\n")
        parts.append(block.text)
        previous = block
    return "".join(parts)


def heading(level: int, inline: str) -> Written:
    """A heading of level 1 to 6 (others are brought into that range)."""
    return Written(f"{'#' * min(max(level, 1), 6)} {' '.join(inline.split())}" if inline.strip() else "")


def paragraph(inline: str) -> Written:
    """A paragraph; what looks like another block at the start of a line is escaped."""
    return Written(_BLOCK_START.sub(lambda found: f"{found['number'] or ''}\\", inline))


def item(marker: str, blocks: Sequence[Written]) -> Written:
    """A list item: ``marker`` is ``-`` or ``1.``; further lines are indented to the item's text."""
    text = join(blocks, inside_item=True)
    indent = " " * (len(marker) + 1)
    lines = [indent + line if line and number else line for number, line in enumerate(text.split("\n"))]
    return Written(f"{marker} " + "\n".join(lines), item=True)


def quote(blocks: Sequence[Written]) -> Written:
    """A block quote."""
    return Written("\n".join(f"> {line}".rstrip(" ") for line in join(blocks).split("\n")))


def code(text: str, language: str = "") -> Written:
    """A fenced code block, verbatim."""
    text = text.strip("\n")
    longest = max((len(found) for found in re.findall("`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return Written(f"{fence}{language}\n{text}\n{fence}" if text.strip() else "")


def repeated(text: str, times: int) -> list[str]:
    """The text of a merged cell in each place that it covers, at least one; only in the first where it is long."""
    again = text if len(text) <= _LONGEST_REPEATED else ""
    return [text, *[again] * (times - 1)]


def table(rows: Sequence[Sequence[str]]) -> Written:
    """A pipe table of inline Markdown; the first row is the header, short rows are filled up."""
    width = max((len(row) for row in rows), default=0)
    if not any(cell.strip() for row in rows for cell in row):
        return Written("")
    lines = [_row([*row, *[""] * (width - len(row))]) for row in rows]
    return Written("\n".join([lines[0], "|" + "---|" * width, *lines[1:]]))


def _row(cells: Sequence[str]) -> str:
    clean = (cell.replace("|", r"\|").replace("\n", " ").strip(" ") for cell in cells)
    return "|" + "|".join(f" {cell} " if cell else " " for cell in clean) + "|"
