from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from api.paging import BadCursor
from api.state.conversations import Conversations
from api.state.database import Database
from tests.api.state.conftest import Clock

ANSWER: dict[str, Any] = {
    "id": "ans_1",
    "answer": "Every 2,000 hours.",
    "sentences": [{"span": [0, 18], "citations": [{"quote": "2,000\u0000hours", "page": None}]}],
}


@pytest.fixture
def kept(database: Database, clock: Clock) -> Conversations:
    return Conversations(database, clock)


def test_a_turn_is_kept_as_it_was_given(kept: Conversations) -> None:
    id = kept.create("ada").id
    begun = kept.begin_turn("ada", id, "How often?")
    _, (waiting,) = kept.turns("ada", id)
    assert (waiting.question, waiting.text, waiting.answer) == ("How often?", "", None)
    kept.end_turn(begun, "How often?", "Every 2,000 hours.", ANSWER)
    conversation, (turn,) = kept.turns("ada", id)
    assert (turn.text, turn.answer) == ("Every 2,000 hours.", ANSWER)
    assert conversation.title == "How often?"


def test_the_last_turn_is_replaced_once_the_new_one_is_there(kept: Conversations) -> None:
    id = kept.create("ada").id
    first = kept.begin_turn("ada", id, "One?")
    kept.end_turn(first, "One?", "1", {**ANSWER, "id": "ans_a"})
    second = kept.begin_turn("ada", id, "Two?")
    kept.end_turn(second, "Two?", "2", {**ANSWER, "id": "ans_b"})
    again = kept.begin_turn("ada", id, "Two, please?", replace=True)
    assert again == second
    assert [turn.text for turn in kept.turns("ada", id)[1]] == ["1", "2"]
    kept.end_turn(again, "Two, please?", "zwei", {**ANSWER, "id": "ans_c"})
    assert [(turn.question, turn.text) for turn in kept.turns("ada", id)[1]] == [
        ("One?", "1"),
        ("Two, please?", "zwei"),
    ]


def test_replacing_in_an_empty_conversation_begins_it(kept: Conversations) -> None:
    id = kept.create("ada").id
    begun = kept.begin_turn("ada", id, "One?", replace=True)
    kept.end_turn(begun, "One?", "so far", None)
    assert [(turn.text, turn.answer) for turn in kept.turns("ada", id)[1]] == [("so far", None)]


def test_others_conversations_do_not_exist(kept: Conversations) -> None:
    id = kept.create("ada", "Mine").id
    for act in (
        lambda: kept.find("bob", id),
        lambda: kept.turns("bob", id),
        lambda: kept.rename("bob", id, "His"),
        lambda: kept.delete("bob", id),
        lambda: kept.begin_turn("bob", id, "What?"),
        lambda: kept.find("ada", "conv_none"),
    ):
        with pytest.raises(KeyError):
            act()
    assert kept.page("bob", 10).items == ()
    assert kept.find("ada", id).title == "Mine"


def test_deleting_takes_the_turns_along(kept: Conversations) -> None:
    id = kept.create("ada").id
    begun = kept.begin_turn("ada", id, "One?")
    kept.delete("ada", id)
    kept.end_turn(begun, "One?", "1", ANSWER)
    with pytest.raises(KeyError):
        kept.turns("ada", id)
    assert kept.page("ada", 10, search="One").items == ()


def test_pages_show_each_once_the_last_changed_first(kept: Conversations) -> None:
    ids = [kept.create("ada", f"Number {number}").id for number in range(7)]
    kept.rename("ada", ids[2], "Changed last")
    seen, cursor = [], None
    while True:
        page = kept.page("ada", 3, cursor)
        seen += [conversation.id for conversation in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [ids[2], *(ids[number] for number in (6, 5, 4, 3, 1, 0))]


@pytest.mark.parametrize("cursor", ["", "x", "W10", "é", "W251bGwsMV0", "a" * 10_000, "eyJhIjoxfQ", "WzEsICJhIl0"])
def test_a_cursor_that_no_page_gave_is_refused(kept: Conversations, cursor: str) -> None:
    with pytest.raises(BadCursor):
        kept.page("ada", 3, cursor)


def test_search_finds_titles_questions_and_answers_whatever_their_case(kept: Conversations) -> None:
    filters, oil = kept.create("ada", "Filters").id, kept.create("ada", "50% off_now").id
    begun = kept.begin_turn("ada", filters, "ÜBERDRUCK an Ventil?")
    kept.end_turn(begun, "ÜBERDRUCK an Ventil?", "Replace the Gasket.", ANSWER)

    def found(words: str) -> list[str]:
        return [conversation.id for conversation in kept.page("ada", 10, search=words).items]

    assert found("überdruck") == found("gasket filters") == [filters]
    assert found("50%") == found("f_n") == [oil]
    assert found("%") == [oil]
    assert found("gasket oil") == []
    assert found("  ") == [filters, oil]
    assert found("'; DROP TABLE turns; --\0") == []


def test_questions_at_once_all_get_their_own_turn(kept: Conversations) -> None:
    id = kept.create("ada").id
    with ThreadPoolExecutor(8) as pool:
        begun = list(pool.map(lambda number: kept.begin_turn("ada", id, f"{number}?"), range(24)))
    turns = kept.turns("ada", id)[1]
    assert sorted(turn.id for turn in turns) == sorted(begun)


def test_nul_is_kept_as_the_replacement_character(kept: Conversations) -> None:
    id = kept.create("ada", "a\0b").id
    kept.begin_turn("ada", id, "c\0d")
    conversation, (turn,) = kept.turns("ada", id)
    assert (conversation.title, turn.question) == ("a\ufffdb", "c\ufffdd")
