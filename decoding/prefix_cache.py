"""Keys and values of earlier prompts, so that what a new prompt begins with need not be computed again.

Stored sequences are the leaves of a radix tree over token ids, held in lexicographic order: no one is the beginning
of another, and the longest common beginning with any prompt is that of a neighbour in the order. Inner nodes need no
store of their own, since every leaf below one holds its keys and values.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from decoding.target import TargetSequence


@dataclass(slots=True)
class _Leaf:
    tokens: tuple[int, ...]
    sequence: TargetSequence
    used: int


class PrefixCache:
    """At most ``limit_bytes`` of sequences; the least recently used goes first. It may be used by several threads.

    Sequences are found only by the scope under which they were kept. Whoever asks sees in the time to the first
    token whether a prompt's beginning is known, so callers that may not read each other's texts must not share a scope.
    """

    def __init__(self, limit_bytes: int) -> None:
        if limit_bytes < 1:
            raise ValueError(f"a prefix cache needs at least 1 byte, not {limit_bytes}")
        self._limit = limit_bytes
        self._leaves: dict[str, list[_Leaf]] = {}
        self._bytes = 0
        self._clock = 0
        self._lock = Lock()

    @property
    def bytes(self) -> int:
        """Memory of the keys and values that are kept."""
        return self._bytes

    def __len__(self) -> int:
        """Sequences that are kept."""
        return sum(map(len, self._leaves.values()))

    def begin(self, scope: str, prompt: Sequence[int]) -> TargetSequence | None:
        """A sequence of the caller's own with the longest beginning of ``prompt`` that is known, or nothing.

        The prompt's last token is always left over: its row of logits is still to be computed.
        """
        tokens = tuple(prompt)
        with self._lock:
            leaves = self._leaves.get(scope, [])
            place = bisect_left(leaves, tokens, key=_tokens)
            neighbours = leaves[max(0, place - 1) : place + 1]
            best = max(neighbours, key=lambda leaf: common(leaf.tokens, tokens), default=None)
            length = min(common(best.tokens, tokens), len(tokens) - 1) if best is not None else 0
            if best is None or length == 0:
                return None
            self._touch(best)
            return best.sequence.fork(length)

    def keep(self, scope: str, tokens: Sequence[int], sequence: TargetSequence) -> None:
        """Take over ``sequence``, which holds exactly ``tokens``; it is closed now or once it must go."""
        leaf = _Leaf(tuple(tokens), sequence, 0)
        with self._lock:
            leaves = self._leaves.setdefault(scope, [])
            place = bisect_left(leaves, leaf.tokens, key=_tokens)
            if place < len(leaves) and leaves[place].tokens[: len(tokens)] == leaf.tokens:
                self._touch(leaves[place])  # all of it is known
                sequence.close()
                return
            if place > 0 and leaf.tokens[: len(leaves[place - 1].tokens)] == leaves[place - 1].tokens:
                place -= 1
                self._drop(leaves.pop(place))  # the new one goes further
            leaves.insert(place, leaf)
            self._touch(leaf)
            self._bytes += sequence.bytes
            while self._bytes > self._limit:
                self._evict()

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            for leaves in self._leaves.values():
                for leaf in leaves:
                    self._drop(leaf)
            self._leaves.clear()

    def _touch(self, leaf: _Leaf) -> None:
        self._clock += 1
        leaf.used = self._clock

    def _evict(self) -> None:
        scope, place = min(
            ((scope, place) for scope, leaves in self._leaves.items() for place in range(len(leaves))),
            key=lambda at: self._leaves[at[0]][at[1]].used,
        )
        self._drop(self._leaves[scope].pop(place))
        if not self._leaves[scope]:
            del self._leaves[scope]

    def _drop(self, leaf: _Leaf) -> None:
        self._bytes -= leaf.sequence.bytes
        leaf.sequence.close()


def _tokens(leaf: _Leaf) -> tuple[int, ...]:
    return leaf.tokens


def common(left: Sequence[int], right: Sequence[int]) -> int:
    """Length of the common beginning of two texts."""
    for index, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return index
    return min(len(left), len(right))
