"""Several searches become one: what each thinks of a passage is added up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scores:
    """What one search gives to ids, and what its opinion weighs; ``missing`` is what it gives to all others."""

    by_id: Mapping[str, float]
    weight: float = 1.0
    missing: float = 0.0


def fuse(searches: Sequence[Scores]) -> list[tuple[str, float]]:
    """Ids of any of the searches with their weighted sums, best first, ties by id.

    Sums keep what ranks throw away: how much better a first place is than the second.
    """
    ids = sorted({item for search in searches for item in search.by_id})
    sums = [(item, sum(s.weight * s.by_id.get(item, s.missing) for s in searches)) for item in ids]
    return sorted(sums, key=lambda entry: (-entry[1], entry[0]))


def of_best(scores: Mapping[str, float]) -> dict[str, float]:
    """Scores without a unit (BM25) as shares of the best one."""
    best = max(scores.values(), default=0.0)
    return {item: score / best for item, score in scores.items()} if best > 0 else dict(scores)


def least(scores: Mapping[str, float], k: int | None = None) -> float:
    """The lowest score: what is not among the best k can have no more. 0 where there is none, or fewer than ``k``."""
    return 0.0 if k is not None and len(scores) < k else min(scores.values(), default=0.0)
