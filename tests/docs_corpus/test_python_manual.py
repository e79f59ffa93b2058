"""The questions about Python's manual, which is not here: enough of them, of each kind, and half in other words."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from qa.evaluation.facts import states
from qa.evaluation.questions import read_questions

QUESTIONS = read_questions(Path(__file__).resolve().parents[2] / "docs_corpus" / "python-manual.jsonl")
ANSWERABLE = [question for question in QUESTIONS if question.answerable]


def test_there_are_enough_and_half_share_few_words_with_their_passage() -> None:
    kinds = Counter(question.kind.value for question in QUESTIONS)
    assert len(ANSWERABLE) >= 100
    assert min(kinds[kind] for kind in ("single", "two", "followup", "unanswerable")) >= 5
    assert 2 * sum("far" in question.tags for question in ANSWERABLE) >= len(ANSWERABLE)
    assert sum(question.near_miss for question in QUESTIONS) * 2 >= kinds["unanswerable"]


def test_they_are_sorted_and_none_is_asked_twice() -> None:
    ids = [question.id for question in QUESTIONS]
    assert ids == sorted(ids)
    assert max(Counter((question.question.casefold(), question.history) for question in QUESTIONS).values()) == 1


def test_gold_is_in_the_parts_that_are_fetched() -> None:
    assert {gold.document.split("/")[0] for question in ANSWERABLE for gold in question.gold} == {"library", "tutorial"}


def test_no_question_gives_its_answer_away() -> None:
    given = [
        q.id
        for q in ANSWERABLE
        if all(states(" ".join((q.question, *(turn.answer for turn in q.history))), fact) for fact in q.facts)
    ]
    assert given == []
