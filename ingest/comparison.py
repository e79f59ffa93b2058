"""What changed from one text of a document to another, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

CONTEXT_LINES = 3
"""Unchanged lines shown before and after a change."""


class Change(StrEnum):
    """What became of a line."""

    SAME = "same"
    REMOVED = "removed"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its end."""

    change: Change
    text: str


@dataclass(frozen=True, slots=True)
class Hunk:
    """Changes that lie near to each other, with the unchanged lines around them.

    ``before`` and ``after`` are the numbers, from 0, of the first line in either text and of the line behind the last.
    """

    before: tuple[int, int]
    after: tuple[int, int]
    lines: tuple[Line, ...]


def compare(before: Sequence[str], after: Sequence[str]) -> list[Hunk]:
    """The hunks that turn the lines ``before`` into ``after``, in their order; none where nothing changed.

    The time it takes may grow with the product of the two lengths.
    """
    groups = SequenceMatcher(None, before, after).get_grouped_opcodes(CONTEXT_LINES)
    return [
        Hunk(
            before=(group[0][1], group[-1][2]),
            after=(group[0][3], group[-1][4]),
            lines=tuple(line for _, *places in group for line in _lines(before, after, *places)),
        )
        for group in groups
    ]


def _lines(
    before: Sequence[str], after: Sequence[str], first: int, end: int, new_first: int, new_end: int
) -> Iterator[Line]:
    old, new = before[first:end], after[new_first:new_end]
    if old == new:
        yield from (Line(Change.SAME, text) for text in old)
    else:
        yield from (Line(Change.REMOVED, text) for text in old)
        yield from (Line(Change.ADDED, text) for text in new)
