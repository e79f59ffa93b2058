"""Lines of one block as running text: what the margin parted is one again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from ingest.inline import Run
from ingest.readers.pdf.words import Line, space_between

_HYPHENATED = re.compile(r"([^\W\d_]+)[-‐]$")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")


@dataclass(frozen=True, slots=True)
class Flow:
    """Joins lines. ``vocabulary`` are the document's words in lower case, by which hyphenation is undone."""

    vocabulary: frozenset[str]

    def runs(self, lines: Iterable[Line], *, skip: int = 0, page_mark: Callable[[int], str] | None = None) -> list[Run]:
        """The text of the lines, without the first ``skip`` words; ``page_mark`` gives what precedes a new page."""
        runs: list[Run] = []
        before: Line | None = None
        for line in lines:
            new = line.runs(skip if before is None else 0)
            if not new:
                continue
            if runs and before is not None:
                self._join(runs, before, line)
            if page_mark is not None:
                new[0] = replace(new[0], text=page_mark(line.page) + new[0].text)
            runs.extend(new)
            before = line
        return runs

    def _join(self, runs: list[Run], before: Line, line: Line) -> None:
        """End the text so that the next line can follow: with a space, without a hyphen, or as it is."""
        last, first = runs[-1], line.words[0].run
        if last.text.endswith("\u00ad"):
            return
        ended = _HYPHENATED.search(last.text)
        if ended and first.text[:1].islower():
            if not self._keeps_hyphen(ended[1], first.text):
                runs[-1] = replace(last, text=last.text[:-1])
        elif not _broken_by_force(before, line):
            runs.append(space_between(last, first))

    def _keeps_hyphen(self, start: str, rest: str) -> bool:
        """Whether the hyphen at a line's end belongs to the word, judged by the document's other words."""
        found = _WORD.match(rest)
        rest = found[0].lower() if found else rest.lower()
        start = start.lower()
        if start + rest in self.vocabulary:
            return False
        return f"{start}-{rest}" in self.vocabulary or {start, rest} <= self.vocabulary


def _broken_by_force(before: Line, line: Line) -> bool:
    """Whether an identifier was cut because it is wider than its column: it fills the line, and goes on."""
    if len(before.words) > 1 or not (before.mono and line.words[0].face.mono):
        return False
    word = before.words[0]
    character = (word.box.x1 - word.box.x0) / len(word.text)
    return word.box.x1 + 0.9 * character > before.right


def vocabulary_of(lines: Iterable[Line]) -> frozenset[str]:
    """All words of the lines in lower case and the parts of compounds, but for what may be half a word."""
    words: set[str] = set()
    for line in lines:
        text = line.text
        if _HYPHENATED.search(text):
            text = text.rpartition(" ")[0]
        for found in _WORD.findall(text.lower()):
            words.update([found, *found.split("-")])
    return frozenset(words)
