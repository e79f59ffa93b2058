from __future__ import annotations

import pytest

from api.state.audit import AuditLog
from api.state.conversations import Conversations
from api.state.database import Database
from api.state.feedback import FeedbackStore, Rating, Reason
from tests.api.state.conftest import Clock


@pytest.fixture
def feedback(database: Database, clock: Clock) -> FeedbackStore:
    return FeedbackStore(database, clock)


def test_feedback_comes_with_the_stored_turn(feedback: FeedbackStore, database: Database) -> None:
    conversations = Conversations(database)
    turn = conversations.begin_turn("ada", conversations.create("ada").id, "How often?")
    conversations.end_turn(turn, "How often?", "Never.", {"id": "ans_1"})
    feedback.give("ans_1", "ada", Rating.DOWN, Reason.WRONG, "It is\0 hourly.")
    feedback.give("ans_2", "bob", Rating.UP, None, "")
    bob, ada = feedback.page(10).items
    assert (ada.question, ada.text, ada.rating, ada.reason) == ("How often?", "Never.", Rating.DOWN, Reason.WRONG)
    assert ada.comment == "It is\ufffd hourly."
    assert (bob.question, bob.reason) == (None, None)
    assert feedback.page(10, rating=Rating.UP).items == (bob,)


def test_a_later_opinion_replaces_the_earlier_one(feedback: FeedbackStore) -> None:
    feedback.give("ans_1", "ada", Rating.DOWN, Reason.OTHER, "hm")
    feedback.give("ans_1", "bob", Rating.DOWN, None, "")
    feedback.give("ans_1", "ada", Rating.UP, None, "")
    found = {given.author: (given.rating, given.reason, given.comment) for given in feedback.page(10).items}
    assert found == {"ada": (Rating.UP, None, ""), "bob": (Rating.DOWN, None, "")}


def test_ratings_are_those_of_one_author(feedback: FeedbackStore) -> None:
    feedback.give("ans_1", "ada", Rating.UP, None, "")
    feedback.give("ans_2", "ada", Rating.DOWN, None, "")
    feedback.give("ans_3", "bob", Rating.DOWN, None, "")
    assert feedback.ratings("ada", ["ans_1", "ans_3", "ans_4"]) == {"ans_1": Rating.UP}
    assert feedback.ratings("ada", []) == {}


def test_pages_go_back_in_time(feedback: FeedbackStore) -> None:
    for number in range(5):
        feedback.give(f"ans_{number}", "ada", Rating.UP, None, "")
    first = feedback.page(3)
    second = feedback.page(3, first.next_cursor)
    assert [given.answer_id for given in (*first.items, *second.items)] == [f"ans_{n}" for n in (4, 3, 2, 1, 0)]
    assert second.next_cursor is None


def test_the_audit_log_keeps_its_order(database: Database, clock: Clock) -> None:
    log = AuditLog(database, clock)
    log.add("cli", "key.create", "key_1", {"role": "admin"}, "req-1")
    log.add("ada", "key.revoke", "key_1")
    first = log.page(1)
    second = log.page(1, first.next_cursor)
    assert [(entry.actor, entry.action) for entry in (*first.items, *second.items)] == [
        ("ada", "key.revoke"),
        ("cli", "key.create"),
    ]
    assert (second.items[0].details, second.items[0].request_id) == ({"role": "admin"}, "req-1")
