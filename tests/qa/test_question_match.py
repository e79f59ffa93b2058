"""Which questions ask the same: measured on variants and near misses, and by the laws of the comparison."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.embedder import Vectors
from ingest.sentence_embedder import SentenceEmbedder
from qa.question_match import QuestionMatcher
from qa.question_wording import wording
from tests.fakes.embedder import HashEmbedder

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "data" / "models" / "all-minilm-l6-v2"
CASES = [
    json.loads(line)
    for line in (Path(__file__).parent / "question_variants.jsonl").read_text(encoding="utf-8").splitlines()
]
QUESTIONS = [
    entry["question"]
    for entry in map(json.loads, (ROOT / "docs_corpus" / "questions.jsonl").read_text(encoding="utf-8").splitlines())
    if entry["kind"] != "followup"
]


@pytest.fixture(scope="module")
def matcher() -> QuestionMatcher:
    if not MODEL.is_dir():
        pytest.skip(f"no embedder in {MODEL}")
    return QuestionMatcher(SentenceEmbedder(MODEL))


def served(matcher: QuestionMatcher, case: dict[str, object], kind: str) -> list[str]:
    known = [("it", [str(case["question"])])]
    texts: list[str] = case[kind]  # type: ignore[assignment]
    return [text for text in texts if matcher.same(text, known)]


@pytest.mark.models
def test_no_near_miss_is_served_and_most_variants_are(matcher: QuestionMatcher) -> None:
    wrong = [text for case in CASES for text in served(matcher, case, "near_misses")]
    assert wrong == []
    for held_out in (False, True):
        cases = [case for case in CASES if bool(case.get("held_out")) is held_out]
        found = sum(len(served(matcher, case, "variants")) for case in cases)
        assert found >= 0.8 * sum(len(case["variants"]) for case in cases), held_out


@pytest.mark.models
def test_each_variant_finds_its_own_question_among_all(matcher: QuestionMatcher) -> None:
    known = [(case["question"], [case["question"]]) for case in CASES]
    for case in CASES:
        for text in case["variants"]:
            assert matcher.same(text, known) in (case["question"], None)


@pytest.mark.models
def test_questions_side_by_side_are_about_one_thing(matcher: QuestionMatcher) -> None:
    known = [("filter", ["How often must the inlet filter of the Corvo be cleaned?"])]
    assert matcher.near("When do we clean the inlet filter of the Corvo?", known) == "filter"
    assert matcher.near("How regularly must one clean the Corvo's inlet filter thoroughly?", known) == "filter"
    assert matcher.near("How often must the battery of the Corvo be replaced?", known) is None
    assert matcher.near("How often must the 2 inlet filters of the Corvo be cleaned?", known) is None


def test_different_questions_of_the_sample_corpus_never_ask_the_same() -> None:
    words = [(question, wording(question)) for question in QUESTIONS]
    same = [(a, b) for i, (a, x) in enumerate(words) for b, y in words[:i] if x.same_as(y)]
    assert same == []


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("How long is it kept?", "how long is it stored", True),
        ("May I smoke here?", "Must I smoke here?", False),
        ("May I smoke here?", "May I not smoke here?", False),
        ("Can I go from A1 to B2?", "Can I go from B2 to A1?", False),
        ("Move data from Tally to Harbour?", "Move data from Harbour to Tally?", False),
        ("What is P-06?", "What is P-6?", False),
        ("What is p-06", "What is P-06?", True),
        ("Are 2 keys enough?", "Are two keys enough?", True),
        ("Is it allowed?", "Is it possible?", False),  # nothing is said of what
        ("", "", False),
    ],
)
def test_wordings(first: str, second: str, same: bool) -> None:
    assert wording(first).same_as(wording(second)) is same


@given(st.text(max_size=80), st.text(max_size=80))
def test_asking_the_same_is_symmetric_and_every_question_with_content_asks_what_it_asks(
    first: str, second: str
) -> None:
    one, other = wording(first), wording(second)
    assert one.same_as(other) is other.same_as(one)
    assert one.same_as(one) is bool(one.content)


def test_the_same_words_far_apart_in_meaning_are_not_the_same() -> None:
    class Opposed(HashEmbedder):
        def embed(self, texts: Sequence[str]) -> Vectors:
            rows = super().embed(texts)
            rows[1:] *= -1
            return rows

    known = [("it", ["How often is the filter cleaned?"])]
    assert QuestionMatcher(HashEmbedder()).same("How often is the filter to be cleaned?", known) == "it"
    assert QuestionMatcher(Opposed()).same("How often is the filter to be cleaned?", known) is None


def test_what_is_not_allowed_is_no_candidate_and_costs_no_embedding() -> None:
    class Unused(HashEmbedder):
        def embed(self, texts: Sequence[str]) -> Vectors:
            raise AssertionError(texts)

    known = [("hidden", ["How often is the filter cleaned?"]), ("seen", ["How often is the filter cleaned?"])]
    asked = "How often is the filter to be cleaned?"
    assert QuestionMatcher(HashEmbedder()).same(asked, known, lambda id: id == "seen") == "seen"
    assert QuestionMatcher(Unused()).same(asked, known, lambda _: False) is None
