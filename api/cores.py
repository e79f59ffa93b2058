"""Who may use the processor's cores now.

Passes of the language model and the embedding of texts both run on all cores, and wait for their slowest thread by
spinning. Side by side they slow each other five-fold and more; one after the other nobody waits longer than for the
piece of work that goes on.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ingest.embedder import Embedder, Vectors

if TYPE_CHECKING:
    from qa.reranker import Reranker

TEXTS = 32
"""Texts that are embedded before others may go on: about a tenth of a second."""


class Cores:
    """A lock that is had in the order in which it was asked for. Use it in a `with`; not twice by one thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Lock] = deque()

    def __enter__(self) -> None:
        with self._lock:
            if not self._taken:
                self._taken = True
                return
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        turn.acquire()  # released by whoever hands over

    def __exit__(self, *error: object) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False


class TurnTakingEmbedder:
    """An embedder that takes its turn for the ``cores`` with others, some texts at a time."""

    def __init__(self, embedder: Embedder, cores: Cores) -> None:
        self._embedder = embedder
        self._cores = cores

    def __reduce__(self) -> tuple[object, ...]:
        """In another process, such as one that reads files, it is the embedder itself."""
        return _itself, (self._embedder,)

    @property
    def name(self) -> str:
        """See `Embedder`."""
        return self._embedder.name

    @property
    def dimensions(self) -> int:
        """See `Embedder`."""
        return self._embedder.dimensions

    @property
    def max_tokens(self) -> int:
        """See `Embedder`."""
        return self._embedder.max_tokens

    def count_tokens(self, text: str) -> int:
        """See `Embedder`."""
        return self._embedder.count_tokens(text)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """float32 of shape (len(texts), dimensions)."""
        import numpy as np

        vectors = np.empty((len(texts), self.dimensions), np.float32)
        # Texts of one length cost least together.
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        for start in range(0, len(texts), TEXTS):
            some = order[start : start + TEXTS]
            with self._cores:
                vectors[some] = self._embedder.embed([texts[index] for index in some])
        return vectors


class TurnTakingReranker:
    """A reranker that takes its turn for the ``cores`` with others, a text at a time."""

    def __init__(self, reranker: Reranker, cores: Cores) -> None:
        self._reranker = reranker
        self._cores = cores

    def relevance(self, question: str, texts: Sequence[str]) -> Sequence[float]:
        """See `Reranker`."""
        scores: list[float] = []
        for text in texts:
            with self._cores:
                scores.extend(self._reranker.relevance(question, [text]))
        return scores


def _itself(embedder: Embedder) -> Embedder:
    return embedder
