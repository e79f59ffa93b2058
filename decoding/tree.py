"""Tokens of one forward pass as a tree: which token follows which.

A tree is written as its parents: entry i is the index of the token that token i follows, -1 for the last token kept
before the step. Parents stand before their children. A chain is the tree -1, 0, 1, 2...
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StepTree:
    """The tokens of one step: the first ones follow the token at position ``start`` - 1."""

    start: int
    parents: tuple[int, ...]

    @classmethod
    def of(cls, start: int, tokens: int, parents: Sequence[int] | None) -> StepTree:
        """``parents`` None stands for a chain. Raises ValueError for what is no tree of ``tokens`` tokens."""
        if parents is None:
            return cls(start, tuple(range(-1, tokens - 1)))
        if len(parents) != tokens:
            raise ValueError(f"{len(parents)} parents were given for {tokens} tokens")
        for index, parent in enumerate(parents):
            if not -1 <= parent < index:
                raise ValueError(f"token {index} of a tree can't follow token {parent}; parents come first")
        return cls(start, tuple(parents))

    @property
    def is_chain(self) -> bool:
        """Whether each token follows the one before it."""
        return self.parents == tuple(range(-1, len(self.parents) - 1))

    @property
    def depths(self) -> list[int]:
        """Tokens of the step before each one on its path; its position is ``start`` plus that."""
        depths: list[int] = []
        for parent in self.parents:
            depths.append(depths[parent] + 1 if parent >= 0 else 0)
        return depths

    def path_to(self, index: int) -> tuple[int, ...]:
        """Indices from the root to the token ``index``."""
        path: list[int] = []
        while index >= 0:
            path.append(index)
            index = self.parents[index]
        return tuple(reversed(path))
