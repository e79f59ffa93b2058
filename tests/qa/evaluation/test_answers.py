"""Answer measures against values worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.document import Document, Span
from qa.answer import Answer, AnswerStats, SentenceStatus
from qa.evaluation.answers import Distribution, Share, citation_problem, distribution, judge, report
from qa.evaluation.gold import GoldSpan
from tests.qa.evaluation.material import STATS, answer, citation, document, question

QUOTED, SUPPORTED, UNSUPPORTED = SentenceStatus.QUOTED, SentenceStatus.SUPPORTED, SentenceStatus.UNSUPPORTED
TEXT = "Hold it for 5 s. Then let go. Call 4250."
GOLD = GoldSpan("a", Span(0, 16), ("S",), Span(0, 29))
DOCUMENTS = {"rev-a": document("a", TEXT), "rev-b": document("b", TEXT)}


def document_of(revision_id: str) -> Document:
    return DOCUMENTS[revision_id]


def test_a_right_answer() -> None:
    given_answer = answer(
        ("Hold it for 5 s.", QUOTED, [citation("a", TEXT, 0, 16)]),
        ("Then release.", SUPPORTED, [citation("a", TEXT, 17, 29), citation("b", TEXT, 0, 16)]),
    )
    judged = judge(question("q"), [GOLD], given_answer, document_of)
    assert judged.complete
    assert (judged.citations, judged.held_citations, judged.right_citations) == (3, 3, 2)
    assert (judged.golds, judged.found_golds) == (1, 1)
    assert judged.statuses == (QUOTED, SUPPORTED)
    assert judged.broken == ()


def test_a_citation_of_a_place_that_states_the_same_is_right() -> None:
    elsewhere = replace(GOLD, source="b")
    given_answer = answer(("Hold it for 5 s.", QUOTED, [citation("b", TEXT, 0, 16)]))
    assert judge(question("q"), [GOLD], given_answer, document_of).right_citations == 0
    judged = judge(question("q"), [replace(GOLD, also=(elsewhere,))], given_answer, document_of)
    assert (judged.right_citations, judged.found_golds) == (1, 1)


def test_every_fact_is_needed() -> None:
    asked = question("q", facts=[["5 s"], ["4250", "exchange"]])
    part = judge(asked, [GOLD], answer(("Hold it for 5 s.", UNSUPPORTED, [])), document_of)
    assert part.facts == (True, False)
    assert not part.complete
    assert judge(asked, [GOLD], answer(("Hold it 5s and ring the exchange.", QUOTED, [])), document_of).complete


def test_a_refusal_is_not_complete_whatever_it_says() -> None:
    refusal = answer(("No document says whether it is 5 s.", UNSUPPORTED, []), abstained=True)
    judged = judge(question("q"), [GOLD], refusal, document_of)
    assert not judged.complete
    assert judged.golds == 0


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({}, None),
        ({"quote": "Hold it for 6 s."}, "not the quote"),
        ({"span": Span(1, 17)}, "not the quote"),
        ({"span": Span(900, 910), "quote": ""}, "holds ''"),
        ({"revision_id": "rev-c"}, "does not exist"),
        ({"source": "b"}, "the revision is one of a"),
        ({"page": 2}, "stands on page 1, not 2"),
    ],
)
def test_a_citation_holds_to_the_letter_or_is_reported(change: dict[str, object], problem: str | None) -> None:
    changed = replace(citation("a", TEXT, 0, 16), **change)  # type: ignore[arg-type]
    found = citation_problem(changed, document_of)
    assert (found is None) if problem is None else (found is not None and problem in found)
    judged = judge(question("q"), [GOLD], answer(("Hold it for 5 s.", QUOTED, [changed])), document_of)
    assert judged.held_citations == (1 if problem is None else 0)
    assert len(judged.broken) == judged.citations - judged.held_citations


def test_a_sentence_that_is_not_where_it_says_is_reported() -> None:
    right = answer(("Hold it for 5 s.", QUOTED, []))
    moved = replace(right, sentences=(replace(right.sentences[0], span=Span(1, 16)),))
    assert (
        "q: the sentence 'Hold it for 5 s.' is not at 1..16" in judge(question("q"), [], moved, document_of).broken[0]
    )


def test_report_by_hand() -> None:
    refusal = answer(("Not in the documents.", UNSUPPORTED, []), abstained=True, stats=replace(STATS, output_tokens=0))
    right = answer(("Hold it for 5 s.", QUOTED, [citation("a", TEXT, 0, 16)]))
    wrong = answer(("Hold it for 7 s.", UNSUPPORTED, [citation("b", TEXT, 0, 16)]), ("Then let go.", SUPPORTED, []))
    cases: list[tuple[str, dict[str, object], Answer]] = [
        ("single", {"tags": ["table"]}, right),
        ("single", {}, wrong),
        ("two", {"tags": ["table"]}, refusal),
        ("unanswerable", {"near_miss": True}, refusal),
        ("unanswerable", {"near_miss": True}, wrong),
        ("unanswerable", {}, refusal),
    ]
    judged = [
        judge(question(str(n), kind, **fields), [] if kind == "unanswerable" else [GOLD], given_answer, document_of)
        for n, (kind, fields, given_answer) in enumerate(cases)
    ]
    result = report(judged)
    assert result.questions == 6
    assert result.complete == Share(1, 3)
    assert result.complete_by_kind == {"single": Share(1, 2), "two": Share(0, 1)}
    assert result.complete_by_tag == {"table": Share(1, 2)}
    assert result.refusal_recall == Share(2, 3)
    assert result.refusal_precision == Share(2, 3)
    assert result.near_misses_refused == Share(1, 2)
    assert result.wrong_refusals == Share(1, 3)
    assert result.unanswerable_answered == Share(1, 3)
    assert result.citations_hold == Share(3, 3)
    assert result.citation_precision == Share(1, 2)
    assert result.citation_recall == Share(1, 2)
    assert result.sentences == {"quoted": Share(1, 5), "supported": Share(2, 5), "unsupported": Share(2, 5)}
    assert result.costs["tokens_per_step"] == Distribution(2.0, 2.0, 2.0)
    assert result.costs["acceptance"] == Distribution(0.3, 0.3, 0.3)


def test_costs_leave_out_what_was_not_measured() -> None:
    def judged(stats: AnswerStats) -> object:
        return judge(question("q"), [GOLD], answer(("x", QUOTED, []), stats=stats), document_of)

    none = AnswerStats(0, 0, 0, 0, 0, 0.0, 0.0, 0.01)
    one_token = AnswerStats(50, 1, 0, 0, 0, 0.2, 0.0, 0.2)
    many = AnswerStats(70, 12, 4, 20, 8, 0.4, 30.0, 0.8)
    costs = report([judged(none), judged(one_token), judged(many)]).costs  # type: ignore[list-item]
    assert costs["prompt_tokens"] == Distribution(60.0, 60.0, 69.0)
    assert costs["tokens_per_step"].mean == 3.0
    assert costs["decode_tokens_per_s"].mean == 30.0
    assert costs["ttft_s"].mean == pytest.approx(0.3)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50))
def test_a_distribution_lies_within_its_values(values: list[float]) -> None:
    found = distribution(values)
    slack = 1e-9 * max(values)
    assert min(values) <= found.p50 <= found.p95 + slack
    assert found.p95 <= max(values) + slack
    assert min(values) - slack <= found.mean <= max(values) + slack


def test_nothing_to_report_is_an_error() -> None:
    with pytest.raises(ValueError, match="no answer"):
        report([])
    assert Share(0, 0).value is None
