"""Drafts of one sequence alone, made as a step makes them."""

from __future__ import annotations

from decoding.draft import Draft, DraftSource, Proposal
from decoding.drafting.allotment import allot, price
from decoding.drafting.step_cost import StepCost

FLAT = StepCost((1, 100), (1.0, 1.0))
"""Rows cost nothing, so that drafts are as large as they can be."""


def draft_of(proposal: Proposal | None, limit: int, cost: StepCost = FLAT, rows: int = 1) -> Draft:
    """The draft of at most ``limit`` guesses that pays best beside ``rows`` rows."""
    (draft,) = allot([proposal], [limit], limit, price(cost, rows, 1), 1)
    return draft


def make_draft(source: DraftSource, limit: int, cost: StepCost = FLAT, rows: int = 1) -> Draft:
    """What ``source`` guesses now."""
    return draft_of(source.propose(rows), limit, cost, rows)
