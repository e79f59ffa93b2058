from __future__ import annotations

import pytest

from qa.answer import Turn
from qa.conversation import leans_on_history, queries, retrieve_in_context
from tests.fakes.qa import WordRetriever
from tests.qa.library import manuals

WINDOW = Turn("How long does the pairing window of the Corvo 200 stay open?", "4 minutes.")


@pytest.mark.parametrize(
    "question",
    [
        "And for the Pipit?",
        "ok and with SEV2?",
        "How much is it?",
        "Why?",
        "What is the lowest I can set that to?",
        "Does it start again if they get another one instead?",
        "the water meter?",
    ],
)
def test_these_lean_on_what_was_said_before(question: str) -> None:
    assert leans_on_history(question)


@pytest.mark.parametrize(
    "question",
    ["How long does the battery of the Pipit 10 last?", "Which error code means a medium hotter than 130 °C?"],
)
def test_these_stand_on_their_own(question: str) -> None:
    assert not leans_on_history(question)


def test_without_history_a_question_is_searched_as_it_is() -> None:
    assert [query.text for query in queries("And for the Pipit?", ())] == ["And for the Pipit?"]


def test_a_question_that_stands_on_its_own_is_searched_alone() -> None:
    question = "How long does the battery of the Pipit 10 last?"
    assert [query.text for query in queries(question, (WINDOW,))] == [question]


def test_the_earlier_question_is_put_in_front_of_a_follow_up() -> None:
    texts = [query.text for query in queries("And for the Pipit?", (WINDOW,))]
    assert texts == [f"{WINDOW.question} And for the Pipit?", "And for the Pipit?"]


def test_forerunners_reach_back_to_one_that_stands_on_its_own() -> None:
    old = Turn("Which error codes does the Lantern gateway have?", "Many.")
    chain = (old, WINDOW, Turn("And for the Pipit?", "6 minutes."))
    first = queries("And after that?", chain)[0].text
    assert first == f"{WINDOW.question} And for the Pipit? And after that?"


def test_earlier_answers_are_not_searched_for() -> None:
    history = (Turn("How long is it open?", "The glycol is blue."),)
    assert not any("glycol" in query.text for query in queries("And why?", history))


def test_a_follow_up_finds_what_it_is_about() -> None:
    library = manuals()
    found = retrieve_in_context(library.retriever(), "And on the Pipit?", (WINDOW,), "default", 3)
    assert "6 minutes" in found[1].stored.passage.text
    assert [passage.rank for passage in found] == [1, 2, 3]
    assert [passage.score for passage in found] == sorted((p.score for p in found), reverse=True)


def test_the_better_of_both_similarities_is_kept() -> None:
    retriever = WordRetriever(manuals().catalog)
    found = retrieve_in_context(retriever, "And on the Pipit?", (WINDOW,), "default", 2)
    assert len(retriever.asked) == 2
    assert {collection for _, collection, _ in retriever.asked} == {"default"}
    for passage in found:
        alone = [
            other.similarity or 0.0
            for query, collection, k in list(retriever.asked)
            for other in retriever.retrieve(query, collection, k)
            if other.stored.id == passage.stored.id
        ]
        assert passage.similarity == max(alone)
