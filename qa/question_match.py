"""Which of some known questions a question is, or is near to: by its words, and by its meaning."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import TypeVar

from ingest.embedder import Embedder
from qa.question_wording import Wording, wording

T = TypeVar("T")

MIN_SIMILARITY = 0.75
"""Cosine below which the same words are taken to mean something else. The lowest of 96 true variants had 0.78."""

NEAR_SIMILARITY = 0.85
MIN_SHARED = 0.5
"""Share of their content words that questions must have in common to be compared by meaning at all."""

_wording = lru_cache(maxsize=8_192)(wording)

Known = Iterable[tuple[T, Sequence[str]]]
"""Things, each with the questions that it stands for."""


class QuestionMatcher:
    """Compares questions: `same` to serve another one's answer, `near` to put them side by side."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def same(self, question: str, known: Known[T], allowed: Callable[[T], bool] = lambda _: True) -> T | None:
        """The thing one of whose questions asks the same as ``question``; None when none surely does.

        Only what is ``allowed`` counts, which is asked of those with the same words before anything dear is done.
        """
        asked = _wording(question)
        candidates = [(thing, text) for thing, texts in known for text in texts if _wording(text).same_as(asked)]
        return self._best(question, [found for found in candidates if allowed(found[0])], MIN_SIMILARITY)

    def near(self, question: str, known: Known[T]) -> T | None:
        """The thing one of whose questions is nearest to ``question``, if it is near and differs in no number."""
        asked = _wording(question)
        candidates = [(thing, text) for thing, texts in known for text in texts if _comparable(_wording(text), asked)]
        return self._best(question, candidates, NEAR_SIMILARITY)

    def _best(self, question: str, candidates: Sequence[tuple[T, str]], least: float) -> T | None:
        if not candidates:
            return None
        for thing, text in candidates:
            if text == question:
                return thing
        vectors = self._embedder.embed([question, *(text for _, text in candidates)])
        cosines = [float(vector @ vectors[0]) for vector in vectors[1:]]
        best = max(range(len(cosines)), key=lambda at: (cosines[at], -at))
        return candidates[best][0] if cosines[best] >= least else None


def _comparable(first: Wording, second: Wording) -> bool:
    if first.fixed != second.fixed or first.turns != second.turns:
        return False
    both = first.content | second.content
    return bool(both) and len(first.content & second.content) >= MIN_SHARED * len(both)
