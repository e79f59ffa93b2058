"""Verbatim runs: where the words of a sentence stand, in the same order, in a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qa.words import Token


@dataclass(frozen=True, slots=True)
class Run:
    """Tokens ``start..start+length`` of a sentence that stand at ``at`` in text number ``text``."""

    text: int
    start: int
    at: int
    length: int

    @property
    def end(self) -> int:
        """One past its last token in the sentence."""
        return self.start + self.length


class RunFinder:
    """Finds the longest common runs of tokens with any of some texts."""

    def __init__(self, texts: Sequence[Sequence[Token]]) -> None:
        self._forms = [[token.form for token in text] for text in texts]
        self._places: dict[str, list[tuple[int, int]]] = {}
        for number, forms in enumerate(self._forms):
            for at, form in enumerate(forms):
                self._places.setdefault(form, []).append((number, at))

    def best_runs(self, sentence: Sequence[Token], count: int, min_length: int) -> list[Run]:
        """At most ``count`` disjoint runs of at least ``min_length`` tokens, the one with most content first.

        Of runs that are equally good the first text wins, then the earliest place.
        """
        forms = [token.form for token in sentence]
        free = [True] * len(forms)
        chosen: list[Run] = []
        while len(chosen) < count:
            run = self._best(sentence, forms, free, min_length)
            if run is None:
                break
            chosen.append(run)
            for position in range(run.start, run.end):
                free[position] = False
        return chosen

    def _best(
        self, sentence: Sequence[Token], forms: Sequence[str], free: Sequence[bool], min_length: int
    ) -> Run | None:
        best: Run | None = None
        best_value = (0, 0)
        for start, form in enumerate(forms):
            if not free[start]:
                continue
            for number, at in self._places.get(form, ()):
                text = self._forms[number]
                if start > 0 and at > 0 and free[start - 1] and forms[start - 1] == text[at - 1]:
                    continue  # the run that begins one token earlier holds this one
                length = 1
                while (
                    start + length < len(forms)
                    and at + length < len(text)
                    and free[start + length]
                    and forms[start + length] == text[at + length]
                ):
                    length += 1
                if length < min_length:
                    continue
                value = (sum(token.is_content for token in sentence[start : start + length]), length)
                if value > best_value:
                    best, best_value = Run(number, start, at, length), value
        return best


def covered(runs: Sequence[Run]) -> frozenset[int]:
    """Positions of the sentence's tokens that some run holds."""
    return frozenset(position for run in runs for position in range(run.start, run.end))
