from __future__ import annotations

import pytest

from api.state import jobs as module
from api.state.database import Database
from api.state.jobs import Job, JobKind, JobState, JobStore
from tests.api.state.conftest import Clock


@pytest.fixture
def store(database: Database, clock: Clock) -> JobStore:
    return JobStore(database, clock)


def queued(store: JobStore, collection: str = "default") -> Job:
    return store.create(JobKind.FOLDERS, collection, ["/srv/manuals"], "cautious", "user:ada")


def test_a_job_is_kept_from_its_beginning_to_its_end(store: JobStore) -> None:
    made = queued(store)
    assert store.find(made.id) == made
    started = store.note(store.start(made), {"position": 1})
    assert store.find(made.id) == started
    assert (started.state, started.state.over) == (JobState.RUNNING, False)
    ended = store.end(started, JobState.SUCCEEDED, counts={"added": 1}, report={"added": ["a.md"]})
    assert store.find(made.id) == ended
    assert ended.state.over
    assert ended.created_at < (ended.started_at or 0) < (ended.ended_at or 0)
    with pytest.raises(KeyError):
        store.find("none")


def test_what_was_unfinished_is_interrupted(store: JobStore) -> None:
    waiting, running, failed = queued(store), store.start(queued(store)), store.start(queued(store))
    store.end(failed, JobState.FAILED, error="no room")
    assert store.interrupt_unfinished() == 2
    assert [store.find(job.id).state for job in (waiting, running, failed)] == [
        JobState.INTERRUPTED,
        JobState.INTERRUPTED,
        JobState.FAILED,
    ]
    assert store.find(running.id).ended_at is not None
    assert store.interrupt_unfinished() == 0


def test_pages_hold_the_newest_first_and_the_named_collections(store: JobStore) -> None:
    made = [queued(store, name).id for name in ("a", "b", "a", "c")]
    first = store.page(3)
    rest = store.page(3, first.next_cursor)
    assert [job.id for job in [*first.items, *rest.items]] == made[::-1]
    assert [job.id for job in store.page(9, collections={"a"}).items] == [made[2], made[0]]
    assert store.page(9, collections=set()).items == ()


def test_the_oldest_that_are_over_are_forgotten(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 2)
    over, running = store.end(queued(store), JobState.CANCELLED), queued(store)
    last = [queued(store), queued(store)]
    assert {job.id for job in store.page(9).items} == {running.id, *(job.id for job in last)}
    with pytest.raises(KeyError):
        store.find(over.id)
