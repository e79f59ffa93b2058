"""Drafts of one sequence alone, made as a step makes them."""

from __future__ import annotations

from collections.abc import Collection

from decoding.draft import Draft, DraftSource, Proposal
from decoding.drafting.allotment import allot, price
from decoding.drafting.model import DraftModel
from decoding.drafting.step_cost import StepCost
from decoding.drafting.wager import Wager
from decoding.target import TargetModel

FLAT = StepCost((1, 100), (1.0, 1.0))
"""Rows cost nothing, so that drafts are as large as they can be."""


def draft_of(proposal: Proposal | None, limit: int, cost: StepCost = FLAT, rows: int = 1) -> Draft:
    """The draft of at most ``limit`` guesses that pays best beside ``rows`` rows."""
    (draft,) = allot([proposal], [limit], limit, price(cost, rows, 1), 1)
    return draft


def make_draft(source: DraftSource, limit: int, cost: StepCost = FLAT, rows: int = 1) -> Draft:
    """What ``source`` guesses now."""
    return draft_of(source.propose(rows), limit, cost, rows)


CHEAP = StepCost((1, 100), (0.01, 0.01))


def draft_model(
    small: TargetModel,
    vocabulary: int,
    memory_bytes: int = 1 << 20,
    cost: StepCost = CHEAP,
    target_cost: StepCost = FLAT,
    *,
    ends: Collection[int] = (),
    eager: bool = True,
    rejection: bool = False,
) -> DraftModel:
    """A model that guesses for a target with so large a vocabulary, whatever reading its texts costs."""
    wager = Wager(target_cost, cost, eager=eager)
    reading = (cost.of(100) - cost.of(1)) / 99
    return DraftModel(small, cost, wager, vocabulary, memory_bytes, reading=reading, ends=ends, rejection=rejection)
