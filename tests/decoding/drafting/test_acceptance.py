"""Estimates begin at the prior and follow what happens."""

from __future__ import annotations

import itertools

import pytest

from decoding.drafting.acceptance import Acceptance, prior
from decoding.drafting.candidates import MATCH_LENGTHS, OUTPUT, Evidence, agreement, match_range

ALL = [
    Evidence(source, length, agreed, part)
    for source, length, agreed, part in itertools.product(
        ("text", "document", "answer", "successor"), MATCH_LENGTHS[1:], range(5), range(OUTPUT + 1)
    )
]


def test_priors_are_probabilities_that_grow_with_the_evidence() -> None:
    assert all(0.0 < prior(evidence) < 1.0 for evidence in ALL)
    for source in ("text", "document", "successor"):
        for agreed in range(1, 5):
            assert prior(Evidence(source, 3, agreed)) > prior(Evidence(source, 3, agreed - 1))
    for short, long in itertools.pairwise(MATCH_LENGTHS[1:]):
        assert prior(Evidence("text", long)) > prior(Evidence("text", short))


@pytest.mark.parametrize("evidence", [Evidence("text", 17), Evidence("successor", 1, 0)])
@pytest.mark.parametrize("every", [1, 4])
def test_estimates_approach_what_happens(evidence: Evidence, every: int) -> None:
    acceptance = Acceptance()
    assert acceptance.probability(evidence) == pytest.approx(prior(evidence))
    for turn in range(2000):
        acceptance.learn(evidence, turn % every == 0)
    assert acceptance.probability(evidence) == pytest.approx(1 / every, abs=0.02)
    assert acceptance.probability(Evidence("text", 1)) == pytest.approx(prior(Evidence("text", 1)))


def test_estimates_follow_a_change() -> None:
    acceptance, evidence = Acceptance(), Evidence("text", 3)
    for _ in range(10_000):
        acceptance.learn(evidence, True)
    for _ in range(1000):
        acceptance.learn(evidence, False)
    assert acceptance.probability(evidence) < 0.1


def test_ranges() -> None:
    assert [match_range(length) for length in (0, 1, 2, 4, 8, 16, 24, 99)] == [0, 1, 2, 3, 5, 9, 17, 17]
    assert [agreement(count, 100) for count in (1, 8, 20, 45, 80, 100)] == [0, 1, 2, 3, 4, 4]
