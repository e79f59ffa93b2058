"""Which lines are headings, and of which level: by the document's outline and by type."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ingest.readers.pdf.columns import Item
from ingest.readers.pdf.words import Line

_NUMBER = re.compile(r"^(?:(?:chapter|section|appendix|part)\s+)?(?:\d+|[A-Z])(?:\.\d+)*[.:)]?\s+", re.IGNORECASE)
_LONGEST = 200
_LARGER = 1.08
"""Times the body's size from which type is a heading's."""


@dataclass(frozen=True, slots=True)
class OutlineEntry:
    """A bookmark of the file: level from 1, and its text."""

    level: int
    title: str


@dataclass(frozen=True, slots=True)
class Heading:
    """Lines that form one heading; ``level`` from 1."""

    level: int
    lines: tuple[Line, ...]


_Style = tuple[float, bool]


def find_headings(items: Sequence[Item], outline: Sequence[OutlineEntry], body: float) -> dict[Line, Heading]:
    """The headings by their first line. ``items`` are in reading order, ``body`` is the size of running text."""
    groups = _candidates(items, body)
    matched = _matched(groups, outline)
    if matched:  # Terms, notes and captions look like small headings, and the outline can tell them apart.
        others = {group[0] for group in groups} if _is_complete(matched, outline, items) else _terms(items, body)
        groups = [group for group in groups if group[0] in matched or group is groups[0] or group[0] not in others]
    levels = _levels_by_style(groups, matched)
    title = _title(groups, matched, outline)
    headings: dict[Line, Heading] = {}
    for group in groups:
        level = 0 if group is title else matched.get(group[0]) or levels.get(_style(group[0]))
        if level is not None:
            headings[group[0]] = Heading(level + (title is not None), group)
    return headings


def _style(line: Line) -> _Style:
    return line.size, line.bold


def _candidates(items: Sequence[Item], body: float) -> list[tuple[Line, ...]]:
    """Groups of lines that stand out by their type."""
    groups: list[tuple[Line, ...]] = []
    at = 0
    while at < len(items):
        line = items[at]
        end = at + 1
        if isinstance(line, Line) and not line.mono and _stands_out(items, at, body):
            while end < len(items) and _goes_on(items[end - 1], items[end], body):
                end += 1
            group = tuple(item for item in items[at:end] if isinstance(item, Line))
            if sum(len(part.text) for part in group) <= _LONGEST and re.search(r"\w", line.text):
                groups.append(group)
        at = end
    return groups


def _stands_out(items: Sequence[Item], at: int, body: float) -> bool:
    line = items[at]
    assert isinstance(line, Line)
    if line.size >= _LARGER * body:
        return True
    if not line.bold or line.size < body - 0.6 or line.text.rstrip().endswith((".", ",", ";", ":")):
        return False
    before = items[at - 1] if at else None
    after = items[at + 1] if at + 1 < len(items) else None
    apart = not isinstance(before, Line) or not _neighbours(before, line) or line.base - before.base > 1.5 * line.size
    return apart and not (isinstance(after, Line) and after.bold and _neighbours(line, after)) and after is not None


def _neighbours(one: Line, two: Line) -> bool:
    return one.page == two.page and one.column == two.column


def _goes_on(one: Item, two: Item, body: float) -> bool:
    if not isinstance(one, Line) or not isinstance(two, Line):
        return False
    close = 0 < two.base - one.base <= 1.5 * one.size
    code = two.mono and one.size < _LARGER * body  # Names of code stand in headings, code itself is never so large.
    return close and _neighbours(one, two) and _style(one) == _style(two) and not code


def _is_complete(matched: Mapping[Line, int], outline: Sequence[OutlineEntry], items: Sequence[Item]) -> bool:
    """Whether the outline names all headings, not those of chapters alone: it has as many as there are pages."""
    return len(matched) >= max(0.8 * len(outline), max(item.page for item in items))


def _terms(items: Sequence[Item], body: float) -> set[Line]:
    """Lines in the size of running text above text that is indented: terms with what they mean."""
    return {
        one
        for one, two in pairwise(items)
        if isinstance(one, Line) and isinstance(two, Line)
        if one.size < _LARGER * body and _neighbours(one, two) and two.box.x0 > one.box.x0 + 0.8 * one.size
    }


def _text(group: Sequence[Line]) -> str:
    return " ".join(" ".join(line.text for line in group).split()).casefold()


def _matched(groups: Sequence[tuple[Line, ...]], outline: Sequence[OutlineEntry]) -> dict[Line, int]:
    """Levels from the outline, for headings that are in it; empty if it names other things than headings."""
    levels: dict[str, list[int]] = {}
    for entry in outline:
        title = " ".join(entry.title.split()).casefold()
        levels.setdefault(title, []).append(entry.level)
    bare = {_NUMBER.sub("", title): found for title, found in levels.items()}
    matched: dict[Line, int] = {}
    for group in groups:
        text = _text(group)
        found = levels.get(text) or bare.get(_NUMBER.sub("", text))
        if found:
            matched[group[0]] = found.pop(0) if len(found) > 1 else found[0]
    return matched if len(matched) >= 0.5 * len(outline) else {}


def _levels_by_style(groups: Sequence[tuple[Line, ...]], matched: dict[Line, int]) -> dict[_Style, int]:
    """Levels of styles: as the outline has them, otherwise by rank of size, and bold before regular."""
    styles = Counter(_style(group[0]) for group in groups)
    ranked = sorted(styles, key=lambda style: (-style[0], not style[1]))
    if not matched:
        return {style: rank for rank, style in enumerate(ranked, 1)}
    known: dict[_Style, Counter[int]] = {}
    for line, level in matched.items():
        known.setdefault(_style(line), Counter())[level] += 1
    levels: dict[_Style, int] = {}
    deepest = max(matched.values())
    smallest = min(known)
    for style in ranked:
        if style in known:
            levels[style] = known[style].most_common(1)[0][0]
        elif style < smallest:
            levels[style] = deepest + 1
    return levels


def _title(
    groups: Sequence[tuple[Line, ...]], matched: dict[Line, int], outline: Sequence[OutlineEntry]
) -> tuple[Line, ...] | None:
    """The title on the first page if the outline leaves it out, so that its level has to be made."""
    if not matched or not groups:
        return None
    first = groups[0]
    largest = max(group[0].size for group in groups)
    if first[0] in matched or first[0].page > 1 or first[0].size < largest:
        return None
    return first
