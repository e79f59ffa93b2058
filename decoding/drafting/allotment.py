"""Which guesses a step takes, of all that could be made for its sequences."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence

from decoding.draft import Draft, Guess, Proposal
from decoding.drafting.step_cost import GUESS_SECONDS, StepCost

_GUESSED_RIGHT = 1.5
"""Guesses of a step that come true, about."""

Price = Callable[[int], float]
"""Seconds of a step with so many guesses."""


def price(cost: StepCost, rows: int, tokens: int) -> Price:
    """Of a step with ``rows`` rows that are run anyway, which confirm ``tokens`` tokens.

    Where some of the rows are those of prompts, guesses ride along: the rows are no price of theirs, and each confirmed
    token saves what a token costs in other steps, so that stands in for them.
    """
    alone = cost.of(rows)
    base = alone if rows == tokens else tokens * cost.of(tokens) / (tokens + _GUESSED_RIGHT)
    return lambda guesses: base + cost.of(rows + guesses) - alone + GUESS_SECONDS * guesses


def allot(
    proposals: Sequence[Proposal | None], limits: Sequence[int], room: int, seconds: Price, tokens: int
) -> list[Draft]:
    """The drafts that make the step worth the most tokens per second, perhaps empty.

    Each has at most its limit of guesses, all of them together ``room``.

    A guess adds its probability to the tokens that the step is expected to confirm, which are ``tokens`` without any
    (Leviathan et al. 2023, arXiv:2211.17192, with measured times for the constant cost; for several sequences
    SmartSpec, Liu et al. 2024, arXiv:2406.14066). The likeliest goes first, whoever's it is.
    """
    waiting = [
        (-proposal.probability, index)
        for index, (proposal, limit) in enumerate(zip(proposals, limits, strict=True))
        if proposal is not None and limit > 0 and proposal.probability > 0.0
    ]
    heapq.heapify(waiting)
    most = min(room, sum(limit for limit in limits if limit > 0))
    guesses: list[list[Guess]] = [[] for _ in proposals]
    order: list[int] = []
    if not waiting:
        return [Draft(()) for _ in proposals]
    expected, best_rate, best = float(tokens), tokens / seconds(0), 0
    while waiting:
        negative, index = heapq.heappop(waiting)
        if not _may_pay(expected, -negative, len(order), most, best_rate, seconds):
            break
        proposal = proposals[index]
        assert proposal is not None
        guesses[index].append(proposal.take())
        order.append(index)
        expected -= negative
        rate = expected / seconds(len(order))
        if rate > best_rate:
            best_rate, best = rate, len(order)
        if len(guesses[index]) < limits[index] and proposal.probability > 0.0:
            heapq.heappush(waiting, (-proposal.probability, index))
    for index in order[best:]:
        guesses[index].pop()
    return [Draft(tuple(each)) for each in guesses]


def _may_pay(expected: float, probability: float, guesses: int, most: int, best: float, seconds: Price) -> bool:
    """Whether any number of further guesses, none of which is likelier than this one, could beat the ``best`` rate."""
    return any(
        (expected + further * probability) / seconds(guesses + further) > best
        for further in range(1, most - guesses + 1)
    )
