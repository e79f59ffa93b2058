"""The order in which a page is read: down each column, across where something spans them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from ingest.readers.pdf.pages import Grid
from ingest.readers.pdf.words import Line, Word, lines_of

Item = Line | Grid
_FEWEST_LINES = 6
_DEEPEST = 3


@dataclass(frozen=True, slots=True)
class _Row:
    """Words that stand beside one another, or a table."""

    words: tuple[Word, ...]
    grid: Grid | None
    top: float


def reading_order(words: Sequence[Word], grids: Sequence[Grid], page: int) -> list[Item]:
    """Lines and tables of a page as a person reads them."""
    items = _ordered(list(words), list(grids), page, _DEEPEST)
    ordered: list[Item] = []
    for column, part in enumerate(items):
        right = max((item.box.x1 for item in part), default=0.0)
        ordered.extend(
            replace(item, right=right, column=column) if isinstance(item, Line) else replace(item, column=column)
            for item in part
        )
    return ordered


def _ordered(words: list[Word], grids: list[Grid], page: int, depth: int) -> list[list[Item]]:
    """Parts of the page in order, each of which is read straight down."""
    lines = lines_of(words, page)
    gutter = _gutter(lines) if depth else None
    if gutter is None:
        return [sorted([*lines, *grids], key=lambda item: item.box.top)]
    rows = [_Row(line.words, None, line.box.top) for line in lines]
    rows += [_Row((), grid, grid.box.top) for grid in grids]
    rows.sort(key=lambda row: row.top)
    parts: list[list[Item]] = []
    for crosses, group in groupby(rows, key=lambda row: _crosses(row, gutter)):
        band = list(group)
        if crosses:
            found: list[Item] = [row.grid or Line(page, row.words) for row in band]
            parts.append(found)
            continue
        for left in (True, False):
            side = [word for row in band for word in row.words if (word.box.centre[0] < gutter) == left]
            tables = [row.grid for row in band if row.grid and (row.grid.box.x1 < gutter) == left]
            if side or tables:
                parts.extend(_ordered(side, tables, page, depth - 1))
    return parts


def _crosses(row: _Row, gutter: float) -> bool:
    if row.grid is not None:
        return row.grid.box.x0 < gutter < row.grid.box.x1
    return any(word.box.x0 < gutter < word.box.x1 for word in row.words) or _bridged(row.words, gutter)


def _bridged(words: Sequence[Word], gutter: float) -> bool:
    """Whether the words on both sides are no farther apart than words of one sentence."""
    left = max((word.box.x1 for word in words if word.box.x1 <= gutter), default=None)
    right = min((word.box.x0 for word in words if word.box.x0 >= gutter), default=None)
    return left is not None and right is not None and right - left < 0.6 * words[0].size


def _gutter(lines: Sequence[Line]) -> float | None:
    """The middle of the white strip between two columns of running text; None where there is none.

    Columns of running text fill their width line after line, which those of a table without rules do not.
    """
    gaps = [gap for line in lines for gap in _gaps(line)]
    if len(lines) < _FEWEST_LINES or len(gaps) < _FEWEST_LINES:
        return None
    left, right = min(line.box.x0 for line in lines), max(line.box.x1 for line in lines)
    middle, shared = max(
        ((x, sum(a <= x <= b for a, b in gaps)) for x in sorted({round((a + b) / 2) for a, b in gaps})),
        key=lambda found: found[1],
    )
    if shared < max(_FEWEST_LINES, 0.4 * len(lines)):
        return None
    both = [line for line in lines if any(a <= middle <= b for a, b in _gaps(line))]
    used_left = sum(max(word.box.x1 for word in line.words if word.box.x1 <= middle) - left for line in both)
    used_right = sum(line.box.x1 - middle for line in both)
    full_left, full_right = 0.75 * len(both) * (middle - left), 0.75 * len(both) * (right - middle)
    return middle if used_left > full_left and used_right > full_right else None


def _gaps(line: Line) -> list[tuple[float, float]]:
    return [(a.box.x1, b.box.x0) for a, b in pairwise(line.words) if b.box.x0 - a.box.x1 > 0.9 * line.size]
