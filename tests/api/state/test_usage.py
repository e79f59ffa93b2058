from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from api.state.database import Database
from api.state.feedback import FeedbackStore, Rating
from api.state.usage import DAY_S, Figures, Outcome, Part, UsageStore, Use

FIRST_DAY, SECOND_DAY = date(2026, 11, 29), date(2026, 11, 30)
BOTH = Part(FIRST_DAY, SECOND_DAY)
NOON = 1_795_953_600.0  # of the first day, UTC


@pytest.fixture
def now() -> list[float]:
    return [NOON]


@pytest.fixture
def store(database: Database, now: list[float]) -> UsageStore:
    return UsageStore(database, lambda: now[0])


def asked(store: UsageStore, id: str, caller: str = "ada", collection: str = "default", **figures: Any) -> None:  # noqa: ANN401 - fields of a use
    use: dict[str, Any] = {"outcome": Outcome.ANSWERED, "total_s": 2.0, **figures}
    store.note(Use(id, caller, collection, **use), 30)


def two_days(store: UsageStore, now: list[float]) -> None:
    figures: dict[str, Any] = {
        "sentences": 3,
        "unsupported": 1,
        "prompt_tokens": 100,
        "output_tokens": 20,
        "first_token_s": 0.5,
    }
    asked(store, "a", **figures)
    asked(store, "b", "bob", outcome=Outcome.ABSTAINED, prompt_tokens=50, output_tokens=4, first_token_s=1.5)
    now[0] += DAY_S
    asked(store, "c", total_s=5.0, collection="staff", **figures)
    for number, outcome in enumerate((Outcome.CANCELLED, Outcome.DEADLINE, Outcome.FAILED)):
        asked(store, f"d{number}", "bob", outcome=outcome, total_s=8.0)


def test_questions_are_summed_by_day_by_caller_and_in_all(
    store: UsageStore, database: Database, now: list[float]
) -> None:
    two_days(store, now)
    opinions = FeedbackStore(database)
    for author, rating in (("ada", Rating.UP), ("eve", Rating.UP), ("bob", Rating.DOWN)):
        opinions.give("a", author, rating, None, "")
    opinions.give("unknown", "ada", Rating.DOWN, None, "")
    second, first = store.by_day(BOTH)
    assert first == Figures("2026-11-29", 2, 1, 0, 3, 1, 2, 1, 150, 24, 1.0, 2.0, 2.0)
    assert second == Figures("2026-11-30", 4, 0, 3, 3, 1, 0, 0, 100, 20, 0.5, 7.25, 8.0)
    bob, ada = store.by_caller(BOTH, 9)
    assert (bob.name, bob.questions, bob.abstained, bob.lost, bob.mean_first_token_s) == ("bob", 4, 1, 3, 1.5)
    assert ada == Figures("ada", 2, 0, 0, 6, 2, 2, 1, 200, 40, 0.5, 3.5, 5.0)
    assert store.by_caller(BOTH, 1) == [bob]
    assert store.callers(BOTH) == 2
    total = store.in_all(BOTH)
    assert (total.questions, total.helpful, total.longest_total_s) == (6, 2, 8.0)


def test_days_collections_and_one_caller_are_chosen(store: UsageStore, now: list[float]) -> None:
    two_days(store, now)
    assert [found.name for found in store.by_day(Part(SECOND_DAY, SECOND_DAY))] == ["2026-11-30"]
    assert store.in_all(Part(FIRST_DAY, SECOND_DAY, {"staff"})).questions == 1
    assert store.in_all(Part(FIRST_DAY, SECOND_DAY, set())).questions == 0
    assert store.in_all(Part(FIRST_DAY, SECOND_DAY, caller="bob")).questions == 4


def test_nothing_asked_is_told_as_such(store: UsageStore) -> None:
    assert store.in_all(BOTH) == Figures("", 0, 0, 0, 0, 0, 0, 0, 0, 0, None, None, None)
    assert (store.by_day(BOTH), store.by_caller(BOTH, 9), store.callers(BOTH)) == ([], [], 0)


def test_what_is_older_than_it_may_be_is_forgotten(store: UsageStore, now: list[float]) -> None:
    asked(store, "old")
    now[0] += 30 * DAY_S + 1
    asked(store, "new")
    assert store.in_all(Part(FIRST_DAY, date(2027, 12, 31))).questions == 1
