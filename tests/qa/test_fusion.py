from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.fusion import Ranking, fuse

rankings = st.lists(
    st.builds(
        Ranking,
        st.lists(st.sampled_from("abcdefgh"), unique=True),
        st.floats(0.1, 3.0, allow_nan=False),
    ),
    max_size=4,
)


def test_scores_are_weighted_reciprocal_ranks() -> None:
    fused = dict(fuse([Ranking(["a", "b"], 1.0), Ranking(["b", "c"], 0.5)], constant=60))
    assert fused["a"] == pytest.approx(1 / 61)
    assert fused["b"] == pytest.approx(1 / 62 + 0.5 / 61)
    assert fused["c"] == pytest.approx(0.5 / 62)


def test_agreement_beats_a_single_first_place() -> None:
    assert fuse([Ranking(["a", "x"]), Ranking(["b", "x"])])[0][0] == "x"


def test_ties_are_broken_by_id() -> None:
    assert [item for item, _ in fuse([Ranking(["b"]), Ranking(["a"])])] == ["a", "b"]


def test_nothing_gives_nothing() -> None:
    assert fuse([]) == []
    assert fuse([Ranking([]), Ranking([])]) == []


@given(rankings)
def test_each_id_once_and_sorted(given_rankings: list[Ranking]) -> None:
    fused = fuse(given_rankings)
    assert sorted(item for item, _ in fused) == sorted({item for ranking in given_rankings for item in ranking.ids})
    assert [score for _, score in fused] == sorted((score for _, score in fused), reverse=True)


@given(rankings)
def test_a_single_ranking_keeps_its_order(given_rankings: list[Ranking]) -> None:
    for ranking in given_rankings:
        assert [item for item, _ in fuse([ranking])] == list(ranking.ids)
