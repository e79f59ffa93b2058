"""What became of drafts is counted by source, compared with theory, and located in the texts."""

from __future__ import annotations

import pytest

from decoding.draft import Draft, Guess, Origin
from decoding.draft_record import DraftRecord
from decoding.drafting.step_cost import StepCost
from decoding.generator import CopiedRun
from decoding.speedup import SourceCount

TREE = Draft(
    (
        Guess(5, -1, "text", 2, Origin("prompt", 10)),
        Guess(6, 0, "text", 3, Origin("prompt", 11)),
        Guess(7, 0, "successor", 0),
        Guess(8, 1, "text", 3, Origin("prompt", 12)),
    ),
    seconds=0.1,
)


def test_guesses_are_counted_by_source_and_match_length() -> None:
    record = DraftRecord(StepCost((1, 5), (1.0, 2.0)))
    assert record.speedup() is None
    record.add(TREE, [0, 1], prompt=False)
    record.add(Draft(()), [], prompt=False)
    assert (record.steps, record.drafted, record.accepted) == (2, 4, 2)
    assert record.sources() == (
        SourceCount("successor", 0, 1, 0),
        SourceCount("text", 2, 1, 1),
        SourceCount("text", 3, 2, 1),
    )
    found = record.speedup()
    assert found is not None
    assert found.alpha == pytest.approx(2 / 3)  # the third place was guessed at and missed
    assert found.gamma == 1.5
    assert found.c == pytest.approx(0.1 / 3)
    assert found.theorem == pytest.approx((1 - (2 / 3) ** 2.5) / (1 / 3) / (1.5 * 0.1 / 3 + 1))
    assert found.measured_cost == pytest.approx(4 / (2.0 + 1.0 + 0.1))


def test_copied_tokens_are_runs_of_one_place() -> None:
    record = DraftRecord(StepCost((1, 5), (1.0, 2.0)))
    record.add(TREE, [0, 1], prompt=True)
    record.add(Draft.chain([1], "text"), [0], prompt=False)
    record.add(Draft((Guess(5, -1, "text", 2, Origin("manual", 40)),)), [0], prompt=False)
    record.add(Draft((Guess(5, -1, "text", 2, Origin("manual", 42)),)), [0], prompt=False)
    assert record.copied(99) == (
        CopiedRun(0, 2, "prompt", 10),
        CopiedRun(5, 6, "manual", 40),
        CopiedRun(7, 8, "manual", 42),
    )
    assert record.copied(1) == (CopiedRun(0, 1, "prompt", 10),)


def test_guesses_behind_the_prompt_are_counted_but_no_step() -> None:
    record = DraftRecord(StepCost((1, 5), (1.0, 2.0)))
    record.add(TREE, [0], prompt=True)
    assert (record.steps, record.rows, record.drafted, record.accepted) == (0, 0, 4, 1)
    assert record.speedup() is None
    record.add(Draft.chain([1], "text"), [], prompt=False)
    found = record.speedup()
    assert found is not None
    assert (record.rows, found.alpha, found.gamma) == (2, 0.0, 1.0)
