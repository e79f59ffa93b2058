"""Words and lines of a page: text with its place and type. Lengths are in points, from the page's top left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from ingest.inline import Run, raised
from ingest.readers.pdf.faces import Face

_NARROWEST_SPACE = 0.15
"""Ems between words; what is closer is one word in two forms."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle."""

    x0: float
    top: float
    x1: float
    bottom: float

    @property
    def centre(self) -> tuple[float, float]:
        """Its middle."""
        return (self.x0 + self.x1) / 2, (self.top + self.bottom) / 2

    def holds(self, x: float, y: float) -> bool:
        """Whether a point lies inside."""
        return self.x0 <= x <= self.x1 and self.top <= y <= self.bottom


@dataclass(frozen=True, slots=True, eq=False)
class Word:
    """Characters without a gap, in one face and size (points). ``link`` is a target, empty without one."""

    text: str
    box: Box
    size: float
    face: Face
    link: str = ""

    @property
    def run(self) -> Run:
        """The word as formatted text; not before all pages are read, see `Face`."""
        return Run(self.text, self.face.bold, self.face.italic, self.face.mono, self.link)


@dataclass(frozen=True, eq=False)
class Line:
    """Words on one base line, from left to right. ``right`` is where the column ends that it stands in."""

    page: int
    words: tuple[Word, ...]
    right: float = 0.0
    column: int = 0

    @cached_property
    def box(self) -> Box:
        """The rectangle around the words."""
        boxes = [word.box for word in self.words]
        return Box(
            min(box.x0 for box in boxes),
            min(box.top for box in boxes),
            max(box.x1 for box in boxes),
            max(box.bottom for box in boxes),
        )

    @cached_property
    def size(self) -> float:
        """The size of most of its characters, to half a point."""
        sizes: Counter[float] = Counter()
        for word in self.words:
            sizes[round(word.size * 2) / 2] += len(word.text)
        return sizes.most_common(1)[0][0]

    @cached_property
    def base(self) -> float:
        """Where the characters of the main size stand."""
        return max((w.box.bottom for w in self.words if abs(w.size - self.size) < 0.6), default=self.box.bottom)

    @cached_property
    def text(self) -> str:
        """The words with their spaces."""
        return "".join(run.text for run in self.runs())

    @cached_property
    def bold(self) -> bool:
        """Whether all of it is bold."""
        return all(word.face.bold for word in self.words)

    @cached_property
    def mono(self) -> bool:
        """Whether it is in a typewriter face, but for a sign or two that the face may lack."""
        return sum(len(word.text) for word in self.words if word.face.mono) > 0.9 * sum(len(w.text) for w in self.words)

    def runs(self, skip: int = 0) -> list[Run]:
        """Formatted text of the words from the one at ``skip`` on, with spaces between them."""
        words = self.words[skip:]
        runs = [self._run(word) for word in words[:1]]
        for before, word in pairwise(words):
            run = self._run(word)
            if word.box.x0 - before.box.x1 > _NARROWEST_SPACE * min(word.size, before.size):
                runs.append(space_between(runs[-1], run))
            runs.append(run)
        return runs

    def _run(self, word: Word) -> Run:
        """The word as formatted text, a small one above the base line as superscript."""
        small = word.size < 0.85 * self.size and word.box.bottom < self.base - 0.15 * self.size
        return replace(word.run, text=raised(word.text)) if small else word.run


def space_between(before: Run, after: Run) -> Run:
    """A space, in the form of the runs around it where they share one."""
    return replace(before, text=" ") if before.form == after.form else Run(" ")


def lines_of(words: Iterable[Word], page: int) -> list[Line]:
    """Words gathered into lines from top to bottom; a raised or smaller word belongs to the line that it touches."""
    rows: list[tuple[Box, list[Word]]] = []
    for word in sorted(words, key=lambda word: (-word.size, word.box.top)):
        row = next((row for first, row in reversed(rows) if _on_one_line(first, word.box)), None)
        if row is None:
            rows.append((word.box, [word]))
        else:
            row.append(word)
    lines = [Line(page, tuple(sorted(row, key=lambda word: word.box.x0))) for _, row in rows]
    return sorted(lines, key=lambda line: (line.box.top, line.box.x0))


def _on_one_line(one: Box, two: Box) -> bool:
    shared = min(one.bottom, two.bottom) - max(one.top, two.top)
    return shared > 0.5 * min(one.bottom - one.top, two.bottom - two.top)


def body_size(lines: Sequence[Line]) -> float:
    """The size in which most characters outside code are set."""
    sizes: Counter[float] = Counter()
    for line in lines:
        if not line.mono:
            sizes[line.size] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 10.0
