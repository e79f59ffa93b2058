"""Memory in which the kernels note where the tokens of a sequence look."""

from __future__ import annotations

import copy
import ctypes

import numpy as np
import numpy.typing as npt

from decoding.attention import AttentionQuery
from decoding.exact.kernels import Watch


class Watching:
    """What one ``query`` asks of one sequence, and what is known of it.

    Each row has numbers of its own, so that whoever computes them, and in which order, changes none.
    """

    def __init__(self, query: AttentionQuery, heads: int) -> None:
        """``heads`` is how many a layer has."""
        self.query = query
        # What the kernels point into must live as long as they may.
        self._spans = np.array(query.spans, np.int32).reshape(-1, 2)
        self._heads = np.array([layer * heads + head for layer, head in query.heads], np.int32)
        self._shares = np.zeros((query.end - query.start, len(query.heads), len(query.spans)), np.float32)
        self._watch = Watch(self._spans.ctypes.data, self._heads.ctypes.data, len(query.spans), len(query.heads))

    def watch_over(self, rows: npt.NDArray[np.void]) -> None:
        """Say in those of the ``rows`` that ask where to note it."""
        query = self.query
        asking = np.flatnonzero((rows["slot"] >= query.start) & (rows["slot"] < query.end))
        row_bytes = np.uint64(self._shares.strides[0])
        first = np.uint64(self._shares.ctypes.data)
        rows["watch"][asking] = ctypes.addressof(self._watch)
        rows["shares"][asking] = first + (rows["slot"][asking] - query.start).astype(np.uint64) * row_bytes

    def shares(self, length: int) -> tuple[float, ...]:
        """The share of each span, once the sequence has the ``length`` that it takes; before, nothing."""
        if length < self.query.end:
            return ()
        return tuple(self._shares.mean((0, 1), dtype=np.float64).tolist())

    def fork(self) -> Watching:
        """What is known, for a sequence that goes on by itself."""
        forked = copy.copy(self)
        forked._shares = self._shares.copy()
        return forked
