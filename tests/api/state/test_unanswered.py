from __future__ import annotations

from collections.abc import Sequence

import pytest

from api.state.database import Database
from api.state.unanswered import Entry, Nearest, Resolution, UnansweredStore
from qa.unanswered import Unanswered
from tests.api.state.conftest import Clock

PLACE = Nearest("doc", "a.md", "A", 2, ("A", "B \u00e9"), (3, 9))


@pytest.fixture
def store(database: Database, clock: Clock) -> UnansweredStore:
    return UnansweredStore(database, clock)


def alone(_: Sequence[tuple[str, Sequence[str]]]) -> None:
    return None


def first(known: Sequence[tuple[str, Sequence[str]]]) -> str | None:
    return known[0][0] if known else None


def test_questions_that_are_grouped_make_one_entry(store: UnansweredStore) -> None:
    id = store.add("default", "Dogs?", Unanswered.REFUSED, "ans_1", [PLACE], alone)
    assert store.add("default", "A\0 \ud800dog?", Unanswered.UNSUPPORTED, "ans_2", [], first) == id
    other = store.add("staff", "Cats?", Unanswered.REFUSED, "ans_3", [], first)
    entry = store.find(id)
    assert (entry.question, entry.nearest, entry.count) == ("Dogs?", (PLACE,), 2)
    assert entry.counts == {Unanswered.REFUSED: 1, Unanswered.UNSUPPORTED: 1}
    assert [asking.question for asking in store.askings(id, 10)] == ["A\ufffd \ufffddog?", "Dogs?"]
    assert [entry.id for entry in store.page(10).items] == [other, id]
    assert [entry.id for entry in store.page(10, collection="default").items] == [id]


def test_an_answer_that_is_disliked_later_is_no_second_asking(store: UnansweredStore) -> None:
    id = store.add("default", "Dogs?", Unanswered.REFUSED, "ans_1", [], alone)
    assert store.add("default", "Dogs?", Unanswered.DISLIKED, "ans_1", [], alone) == id
    assert store.find(id).counts == {Unanswered.DISLIKED: 1}


def test_closed_entries_open_again_when_they_are_asked_again(store: UnansweredStore) -> None:
    id = store.add("default", "Dogs?", Unanswered.REFUSED, "ans_1", [], alone)
    closed = store.close(id, Resolution.CURATED, "ada", "cur_1")
    assert (closed.resolution, closed.curated_id, closed.closed_by) == (Resolution.CURATED, "cur_1", "ada")
    assert store.page(10).items == ()
    assert store.page(10, closed=True).items == (closed,)
    store.add("default", "Dogs?", Unanswered.REFUSED, "ans_2", [], first)
    (again,) = store.page(10).items
    assert (again.id, again.resolution, again.curated_id, again.count) == (id, None, None, 2)


def test_what_is_old_or_deleted_leaves_nothing(store: UnansweredStore, clock: Clock) -> None:
    old = store.add("default", "Dogs?", Unanswered.REFUSED, "ans_1", [], alone)
    kept = store.add("default", "Cats?", Unanswered.REFUSED, "ans_2", [], alone)
    clock.now += 50 * 86_400
    store.add("default", "Cats?", Unanswered.REFUSED, "ans_3", [], lambda known: kept)
    store.sweep(30)
    assert [(entry.id, entry.count) for entry in store.page(10).items] == [(kept, 1)]
    store.delete(kept)
    for id in (old, kept):
        assert store.askings(id, 10) == ()
        for gone in (store.find, store.delete, lambda id: store.close(id, Resolution.DOCUMENT, "ada")):
            with pytest.raises(KeyError):
                gone(id)


def test_pages_go_back_in_time(store: UnansweredStore) -> None:
    ids = [store.add("default", f"{n}?", Unanswered.REFUSED, f"ans_{n}", [], alone) for n in range(5)]
    found: list[Entry] = []
    cursor: str | None = None
    while cursor is not None or not found:
        page = store.page(2, cursor)
        found += page.items
        cursor = page.next_cursor
    assert [entry.id for entry in found] == ids[::-1]
