"""Growing the draft: the most probable guesses first, as many as make the step worth the most tokens per second."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from decoding.draft import Guess
from decoding.drafting.acceptance import Acceptance
from decoding.drafting.candidates import Candidate, Cursor
from decoding.drafting.step_cost import GUESS_SECONDS, StepCost

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


@dataclass(frozen=True, slots=True)
class Growth:
    """``guesses`` to be run, and what was offered behind each (``offers[0]``: behind the context) to learn from."""

    guesses: tuple[Guess, ...]
    offers: tuple[Offer, ...]


def grow(
    cursors: Sequence[Cursor],
    acceptance: Acceptance,
    cost: StepCost,
    limit: int,
    *,
    trust: float = 1.0,
    ends: Collection[int] = (),
) -> Growth:
    """At most ``limit`` guesses: expected tokens over ``cost`` decides how many, none included.

    A guess adds the probability of its whole path to the tokens that the step is expected to confirm (Leviathan et
    al. 2023, arXiv:2211.17192, with measured times for the constant cost). They come by falling probability, so
    any number of first ones is a tree and the best of its size. Tokens that are ``ends`` of the text take their share
    of probability but no row: the row before tells the end. ``trust`` is a factor on all probabilities.
    """
    root = offer(cursors, acceptance, 0)
    offers = [root]
    guesses: list[Guess] = []
    waiting: list[tuple[float, int, int, int, float]] = []
    _wait(waiting, 0, root, 0, trust, ends)
    expected, best_rate, best = 1.0, 1.0 / cost.of(1), 0
    while waiting and len(guesses) < limit:
        negative, _, parent, rank, before = heapq.heappop(waiting)
        probability = -negative
        if not _may_pay(expected, probability, len(guesses), limit, best_rate, cost):
            break
        above = offers[parent]
        chance, candidate = above.candidates[rank]
        above.grown[candidate.token] = len(guesses)
        guesses.append(
            Guess(
                candidate.token,
                parent - 1,
                candidate.evidence.source,
                candidate.evidence.match_length,
                candidate.origin,
            )
        )
        expected += probability
        rate = expected / _seconds(cost, len(guesses))
        if rate > best_rate:
            best_rate, best = rate, len(guesses)
        _wait(waiting, parent, above, rank + 1, before * (1.0 - chance), ends)
        followed = [cursor.follow(candidate.token) for cursor in above.cursors] if above.depth < DEEPEST else []
        below = offer([cursor for cursor in followed if cursor is not None], acceptance, above.depth + 1)
        offers.append(below)
        _wait(waiting, len(offers) - 1, below, 0, probability, ends)
    return Growth(tuple(guesses[:best]), tuple(offers))


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


def _wait(
    waiting: list[tuple[float, int, int, int, float]],
    index: int,
    at: Offer,
    rank: int,
    before: float,
    ends: Collection[int],
) -> None:
    """Put the candidate at ``rank`` in the queue, or the next one that is no end: it is asked with ``before``."""
    while rank < len(at.candidates) and at.candidates[rank][1].token in ends:
        before *= 1.0 - at.candidates[rank][0]
        rank += 1
    if rank < len(at.candidates):
        heapq.heappush(waiting, (-before * at.candidates[rank][0], len(waiting), index, rank, before))


def _may_pay(expected: float, probability: float, guesses: int, limit: int, best: float, cost: StepCost) -> bool:
    """Whether any number of further guesses, none of which is likelier than this one, could beat the ``best`` rate."""
    further = 1
    while guesses + further <= limit:
        total = guesses + further
        if (expected + further * probability) / _seconds(cost, total) > best:
            return True
        further *= 2
    return False


def _seconds(cost: StepCost, guesses: int) -> float:
    return cost.of(1 + guesses) + GUESS_SECONDS * guesses


def _probability(ranked: tuple[float, Candidate]) -> float:
    return ranked[0]
