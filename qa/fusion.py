"""Reciprocal rank fusion: several rankings become one, without comparing their scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

RANK_CONSTANT = 10
"""Usually 60; that was tuned for lists of a thousand. With lists of 60 the first places deserve more."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """Ids, best first, each at most once, with the ``weight`` their ranks have in the fusion."""

    ids: Sequence[str]
    weight: float = 1.0


def fuse(rankings: Sequence[Ranking], constant: int = RANK_CONSTANT) -> list[tuple[str, float]]:
    """Ids with their fused scores, best first, ties by id.

    An id scores ``weight / (constant + rank)`` for each ranking that holds it, ranks counted from 1. A larger
    constant lets agreement between rankings count for more than a first place in one of them.
    """
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, item in enumerate(ranking.ids, start=1):
            scores[item] = scores.get(item, 0.0) + ranking.weight / (constant + rank)
    return sorted(scores.items(), key=lambda entry: (-entry[1], entry[0]))
