"""The corpus's questions: enough of each kind, about documents that exist, with facts that their gold states."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from qa.evaluation.facts import states
from qa.evaluation.questions import GoldQuestion, read_questions

CORPUS = Path(__file__).resolve().parents[2] / "docs_corpus"
QUESTIONS = read_questions(CORPUS / "questions.jsonl")
ANSWERABLE = [question for question in QUESTIONS if question.answerable]


def test_there_are_enough_of_each_kind() -> None:
    kinds = Counter(question.kind.value for question in QUESTIONS)
    assert len(QUESTIONS) >= 150
    assert kinds["unanswerable"] >= 30
    assert kinds["followup"] >= 20
    assert kinds["two"] >= 20
    assert sum(question.near_miss for question in QUESTIONS) * 2 == kinds["unanswerable"]


def test_they_are_sorted_and_none_is_asked_twice() -> None:
    ids = [question.id for question in QUESTIONS]
    assert ids == sorted(ids)
    asked = Counter((question.question.casefold(), question.history) for question in QUESTIONS)
    assert [words for words, times in asked.items() if times > 1] == []


def test_only_follow_ups_have_a_history() -> None:
    assert [q.id for q in QUESTIONS if bool(q.history) != (q.kind.value == "followup")] == []


def test_every_document_is_asked_about() -> None:
    documents = {path.relative_to(CORPUS / "documents").as_posix() for path in _files()}
    asked = {gold.document for question in QUESTIONS for gold in question.gold}
    assert asked - documents == set()
    assert documents - asked == set()


def test_tables_are_tagged() -> None:
    """The tag says that the answer stands in a table: its quote is a row, with bars between the cells."""
    untagged = [q.id for q in ANSWERABLE if any(" | " in g.quote for g in q.gold) and "table" not in q.tags]
    assert untagged == []


@pytest.mark.parametrize("question", ANSWERABLE, ids=lambda question: question.id)
def test_the_gold_states_every_fact(question: GoldQuestion) -> None:
    """Otherwise a right answer, in the words of the document, would count as wrong."""
    gold = "\n".join(" ".join((*one.section, one.quote)) for one in question.gold)
    assert [spellings for spellings in question.facts if not states(gold, spellings)] == []


@pytest.mark.parametrize("question", ANSWERABLE, ids=lambda question: question.id)
def test_the_question_does_not_give_the_answer_away(question: GoldQuestion) -> None:
    """An answer that only repeats the question must not pass."""
    assert not all(states(question.question, spellings) for spellings in question.facts)


def _files() -> list[Path]:
    return [path for path in (CORPUS / "documents").rglob("*") if path.is_file()]
