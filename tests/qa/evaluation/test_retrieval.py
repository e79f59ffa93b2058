"""Retrieval measures against values worked out by hand, and their bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.document import Span
from qa.answer import RetrievedPassage
from qa.evaluation.gold import GoldSpan
from qa.evaluation.questions import GoldQuestion
from qa.evaluation.retrieval import Ranks, ndcg, rank_questions, ranks_of, recall, reciprocal_rank, report
from tests.qa.evaluation.material import question, retrieved


def gold(source: str, start: int, end: int, section: tuple[int, int]) -> GoldSpan:
    return GoldSpan(source, Span(start, end), ("S",), Span(*section))


@pytest.mark.parametrize(
    ("ranks", "at_1", "at_5", "rr", "gain"),
    [
        ([1], 1.0, 1.0, 1.0, 1.0),
        ([3], 0.0, 1.0, 1 / 3, 0.5),  # 1 / log2(4)
        ([7], 0.0, 0.0, 1 / 7, 1 / 3),  # 1 / log2(8)
        ([None], 0.0, 0.0, 0.0, 0.0),
        ([1, None], 0.5, 0.5, 1.0, 0.613147),  # 1 / (1 + 1 / log2(3))
        ([3, 1], 0.5, 1.0, 1.0, 0.919721),  # (1 + 1 / 2) / (1 + 1 / log2(3))
        ([1, 1], 1.0, 1.0, 1.0, 1.0),  # one passage holds both
        ([3, 3], 0.0, 1.0, 1 / 3, 0.613147),  # (1 / 2 + 1 / 2) / (1 + 1 / log2(3))
    ],
)
def test_by_hand(ranks: list[int | None], at_1: float, at_5: float, rr: float, gain: float) -> None:
    assert recall(ranks, 1) == pytest.approx(at_1)
    assert recall(ranks, 5) == pytest.approx(at_5)
    assert reciprocal_rank(ranks) == pytest.approx(rr)
    assert ndcg(ranks) == pytest.approx(gain, abs=1e-6)


def test_what_lies_beyond_the_cutoff_gains_nothing() -> None:
    assert ndcg([4], k=3) == 0
    assert ndcg([1, 4], k=3) == pytest.approx(0.613147, abs=1e-6)
    assert ndcg([1, 1], k=1) == 1


RANKS = st.lists(st.none() | st.integers(1, 10), min_size=1, max_size=4)


@given(RANKS)
def test_bounds(ranks: list[int | None]) -> None:
    for value in (recall(ranks, 1), recall(ranks, 10), reciprocal_rank(ranks), ndcg(ranks)):
        assert 0 <= value <= 1
    assert recall(ranks, 1) <= recall(ranks, 5) <= recall(ranks, 10)
    assert (ndcg(ranks) == 0) == all(rank is None for rank in ranks)


@given(RANKS, st.data())
def test_finding_a_quote_earlier_is_never_worse(ranks: list[int | None], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(ranks) - 1))
    better = [*ranks[:at], data.draw(st.integers(1, ranks[at] or 10)), *ranks[at + 1 :]]
    assert ndcg(better) >= ndcg(ranks) - 1e-12
    assert reciprocal_rank(better) >= reciprocal_rank(ranks)


def test_a_hit_shares_characters_with_the_quote_in_its_own_document() -> None:
    hits = [retrieved(1, "b", 100, 200), retrieved(2, "a", 50, 100), retrieved(3, "a", 119, 160)]
    golds = [gold("a", 100, 120, (0, 300)), gold("b", 90, 100, (80, 100)), gold("b", 0, 10, (0, 101))]
    assert ranks_of(golds, hits) == Ranks(passage=(3, None, None), section=(2, None, 1))


def test_report_groups_by_kind_and_tag_and_leaves_out_the_unanswerable() -> None:
    asked = [
        question("one", tags=["table"]),
        question("two", kind="two", tags=["table", "code"]),
        question("none", kind="unanswerable"),
    ]
    golds = {
        "one": [gold("a", 10, 20, (0, 50))],
        "two": [gold("a", 10, 20, (0, 50)), gold("b", 10, 20, (0, 50))],
        "none": [],
    }

    def find(asked_question: GoldQuestion) -> Sequence[RetrievedPassage]:
        return [retrieved(1, "a", 30, 40), retrieved(2, "a", 10, 20)]

    ranked = list(rank_questions(asked, golds, find))
    assert [(one.id, one.ranks.passage, one.ranks.section) for one in ranked] == [
        ("one", (2,), (1,)),
        ("two", (2, None), (1, None)),
    ]
    result = report(ranked)
    assert result.overall.questions == 2
    assert result.overall.passage.recall == {1: 0.0, 5: 0.75, 10: 0.75}
    assert result.overall.section.recall == {1: 0.75, 5: 0.75, 10: 0.75}
    assert result.overall.passage.mrr == 0.5
    assert result.overall.section.ndcg == pytest.approx((1 + 0.613147) / 2, abs=1e-6)
    assert {kind: score.questions for kind, score in result.by_kind.items()} == {"single": 1, "two": 1}
    assert {tag: score.questions for tag, score in result.by_tag.items()} == {"code": 1, "table": 2}
    assert result.by_tag["code"].section.recall[5] == 0.5


def test_nothing_to_measure_is_an_error() -> None:
    with pytest.raises(ValueError, match="no answerable question"):
        report([])


def test_a_place_that_states_the_same_counts_like_the_gold() -> None:
    here, elsewhere = gold("a", 0, 5, (0, 9)), gold("b", 20, 25, (20, 29))
    found = [retrieved(1, "c", 0, 9), retrieved(2, "b", 20, 29)]
    assert ranks_of([here], found).section == (None,)
    both = replace(here, also=(elsewhere,))
    assert ranks_of([both], found) == Ranks(passage=(2,), section=(2,))
