"""Confirming a draft: how much of the guess is what the target says itself?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from decoding.draft import Draft


@dataclass(frozen=True, slots=True)
class Verification:
    """Indices of the guesses that were right, from the root on; ``next_token`` is the target's choice after them."""

    path: tuple[int, ...]
    next_token: int


def verify(draft: Draft, choose: Callable[[int], int]) -> Verification:
    """Walk down the tree as long as a guess equals the target's choice.

    ``choose(i)`` is the target's token after the i-th row, where row 0 is the last confirmed token and row i the
    draft's guess i - 1. It is asked for no row off the path, whose context would be wrong. Since each emitted token
    is the target's own choice, drafts cannot change the output.
    """
    path: list[int] = []
    while True:
        at = path[-1] if path else -1
        chosen = choose(at + 1)
        right = draft.children(at).get(chosen)
        if right is None:
            return Verification(tuple(path), chosen)
        path.append(right)
