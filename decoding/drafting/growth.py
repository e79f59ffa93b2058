"""Growing a draft: which guesses could be made, the most probable first."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from decoding.draft import Guess
from decoding.drafting.acceptance import Acceptance
from decoding.drafting.candidates import Candidate, Cursor

MOST_CANDIDATES = 12
"""Candidates that are asked at one place."""

DEEPEST = 48


@dataclass(slots=True)
class Offer:
    """What may follow one guess (or the context): candidates with their probabilities, in the order of asking."""

    cursors: Sequence[Cursor]
    candidates: list[tuple[float, Candidate]]
    depth: int
    grown: dict[int, int] = field(default_factory=dict)
    """Token -> index of its guess."""


class Growth:
    """The `decoding.draft.Proposal` of several sources, whose places behind the context the ``cursors`` are.

    A guess is as probable as its whole path. They come by falling probability, so any number of first ones is a tree
    and the best of its size. Tokens that are ``ends`` of the text take their share of probability but no row: the row
    before tells the end. ``trust`` is a factor on all probabilities.
    """

    def __init__(
        self,
        cursors: Sequence[Cursor],
        acceptance: Acceptance,
        *,
        trust: float = 1.0,
        ends: Collection[int] = (),
    ) -> None:
        self._acceptance = acceptance
        self._ends = ends
        self._taken = 0
        root = offer(cursors, acceptance, 0)
        self.offers = [root]
        """What was offered behind the context and then behind each guess, to learn from."""
        self._waiting: list[tuple[float, int, int, int, float]] = []
        self._wait(0, root, 0, trust)

    @property
    def probability(self) -> float:
        """That the next guess is right; 0.0 when there is none."""
        return -self._waiting[0][0] if self._waiting else 0.0

    def take(self) -> Guess:
        """Make the next guess."""
        negative, _, parent, rank, before = heapq.heappop(self._waiting)
        above = self.offers[parent]
        chance, candidate = above.candidates[rank]
        above.grown[candidate.token] = self._taken
        self._taken += 1
        self._wait(parent, above, rank + 1, before * (1.0 - chance))
        followed = [cursor.follow(candidate.token) for cursor in above.cursors] if above.depth < DEEPEST else []
        below = offer([cursor for cursor in followed if cursor is not None], self._acceptance, above.depth + 1)
        self.offers.append(below)
        self._wait(len(self.offers) - 1, below, 0, -negative)
        evidence = candidate.evidence
        return Guess(candidate.token, parent - 1, evidence.source, evidence.match_length, candidate.origin)

    def _wait(self, index: int, at: Offer, rank: int, before: float) -> None:
        """Put the candidate at ``rank`` in the queue, or the next one that is no end: it is asked with ``before``."""
        while rank < len(at.candidates) and at.candidates[rank][1].token in self._ends:
            before *= 1.0 - at.candidates[rank][0]
            rank += 1
        if rank < len(at.candidates):
            chance = before * at.candidates[rank][0]
            heapq.heappush(self._waiting, (-chance, len(self._waiting), index, rank, before))


def offer(cursors: Sequence[Cursor], acceptance: Acceptance, depth: int) -> Offer:
    """The candidates of all ``cursors``, the likeliest first; of two for one token the likelier stays."""
    likeliest: dict[int, tuple[float, Candidate]] = {}
    for cursor in cursors:
        for candidate in cursor.candidates():
            probability = acceptance.probability(candidate.evidence)
            known = likeliest.get(candidate.token)
            if known is None or probability > known[0]:
                likeliest[candidate.token] = (probability, candidate)
    ranked = sorted(likeliest.values(), key=_probability, reverse=True)
    return Offer(cursors, ranked[:MOST_CANDIDATES], depth)


def learn(growth: Growth, confirmed: Sequence[int], acceptance: Acceptance) -> Iterator[tuple[float, bool]]:
    """Learn what became of the offers on the path that the ``confirmed`` tokens took.

    For each offer: how probable it was that one of its candidates is right, and whether one was.
    """
    index: int | None = 0
    for token in confirmed:
        if index is None:
            return
        at = growth.offers[index]
        none_right, right = 1.0, False
        for chance, candidate in at.candidates:
            right = right or candidate.token == token
            none_right *= 1.0 - chance
        for _, candidate in at.candidates:
            acceptance.learn(candidate.evidence, candidate.token == token)
            if candidate.token == token:
                break
        yield 1.0 - none_right, right
        grown = at.grown.get(token)
        index = grown + 1 if grown is not None else None


def knows(growth: Growth, confirmed: Sequence[int], besides: str) -> int:
    """How many of the ``confirmed`` tokens were guessed before the first that only the source ``besides`` guessed."""
    index = 0
    for count, token in enumerate(confirmed):
        at = growth.offers[index]
        grown = at.grown.get(token)
        if grown is None or any(each.token == token and each.evidence.source == besides for _, each in at.candidates):
            return count
        index = grown + 1
    return len(confirmed)


def _probability(ranked: tuple[float, Candidate]) -> float:
    return ranked[0]
