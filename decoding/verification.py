"""Confirming a draft: how much of the guess is what the target says itself?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verification:
    """The first ``accepted`` tokens of the draft were right; ``next_token`` is the target's own choice after them."""

    accepted: int
    next_token: int


def verify(draft: Sequence[int], choose: Callable[[int], int]) -> Verification:
    """Walk along ``draft`` as far as it equals the target's choices.

    ``choose(i)`` is the target's token after the i-th row, where row 0 is the last confirmed token and row i the
    draft's token i - 1. It is asked for no row behind the first mismatch, whose context would be wrong. Since each
    emitted token is the target's own choice, drafts cannot change the output.
    """
    for index, guess in enumerate(draft):
        chosen = choose(index)
        if chosen != guess:
            return Verification(index, chosen)
    return Verification(len(draft), choose(len(draft)))
