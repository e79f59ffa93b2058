from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.fusion import Scores, fuse, least, of_best

searches = st.lists(
    st.builds(
        Scores,
        st.dictionaries(st.sampled_from("abcdefgh"), st.floats(0, 1)),
        st.floats(0.1, 3.0),
    ),
    max_size=4,
)


def test_scores_are_weighted_and_added() -> None:
    fused = dict(fuse([Scores({"a": 0.5, "b": 0.4}, missing=0.3), Scores({"b": 1.0, "c": 0.5}, weight=0.5)]))
    assert fused == pytest.approx({"a": 0.5, "b": 0.4 + 0.5, "c": 0.3 + 0.25})


def test_ties_are_broken_by_id() -> None:
    assert [item for item, _ in fuse([Scores({"b": 1.0}), Scores({"a": 1.0})])] == ["a", "b"]


def test_nothing_gives_nothing() -> None:
    assert fuse([]) == []
    assert fuse([Scores({}), Scores({})]) == []
    assert of_best({}) == {}
    assert least({}) == 0.0


def test_what_a_list_that_is_not_full_leaves_out_has_nothing() -> None:
    scores = {"a": 0.5, "b": 0.4}
    assert least(scores) == least(scores, 2) == 0.4
    assert least(scores, 3) == 0.0


def test_scores_without_a_unit_become_shares() -> None:
    assert of_best({"a": 8.0, "b": 2.0}) == {"a": 1.0, "b": 0.25}
    assert of_best({"a": 0.0}) == {"a": 0.0}


@given(searches)
def test_each_id_once_and_sorted(given_searches: list[Scores]) -> None:
    fused = fuse(given_searches)
    assert sorted(item for item, _ in fused) == sorted({item for search in given_searches for item in search.by_id})
    assert [score for _, score in fused] == sorted((score for _, score in fused), reverse=True)


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.floats(0, 1)))
def test_what_is_missing_is_never_above_what_was_found(scores: dict[str, float]) -> None:
    fused = dict(fuse([Scores(scores, missing=least(scores)), Scores(dict.fromkeys("abcdefghi", 0.0))]))
    assert all(fused["i"] <= fused[item] for item in scores)
