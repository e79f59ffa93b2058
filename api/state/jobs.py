"""Changes of the index that a server carries out, kept: what each was to do, how far it came and what it came to."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, delete, select, update

from api.paging import Page, Position, page_of
from api.state.database import Database
from api.state.rows import newest_first, row_of
from api.state.tables import jobs

KEPT = 1_000
"""Jobs that are kept, the newest; older ones are forgotten."""


class JobKind(StrEnum):
    """What a job does: brings in files from folders or uploaded ones, takes a document out, or brings one back."""

    FOLDERS = "folders"
    UPLOAD = "upload"
    REMOVE = "remove"
    RESTORE = "restore"


class JobState(StrEnum):
    """How it stands with a job."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    """All that it published is found by questions from now on."""
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    """The server ended before it did. What it published stays."""

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self not in UNFINISHED


UNFINISHED = frozenset({JobState.QUEUED, JobState.RUNNING})


@dataclass(frozen=True, slots=True)
class Job:
    """One of them. Times are UTC seconds since the epoch; ``sources`` are folders, or the names of files.

    ``progress`` is the last that was known of a job that runs or did (`api.job_progress.JobProgress`), ``counts`` how
    many documents were added and so on, ``report`` the same by name.
    """

    id: str
    kind: JobKind
    collection: str
    sources: tuple[str, ...]
    removal: str
    owner: str
    state: JobState
    created_at: float
    started_at: float | None = None
    ended_at: float | None = None
    progress: Mapping[str, Any] | None = None
    counts: Mapping[str, int] | None = None
    report: Mapping[str, Any] | None = None
    error: str | None = None


class JobStore:
    """All of them in one database."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def create(self, kind: JobKind, collection: str, sources: Sequence[str], removal: str, owner: str) -> Job:
        """A new one that waits for its turn. The oldest of all that are over may be forgotten for it."""
        now = self._clock()
        made = Job(f"job_{uuid.uuid4().hex}", kind, collection, tuple(sources), removal, owner, JobState.QUEUED, now)
        with self._database.write() as connection:
            connection.execute(jobs.insert().values(row_of(jobs, made)))
            newest = select(jobs.c.id).order_by(jobs.c.created_at.desc(), jobs.c.id.desc()).limit(KEPT)
            over = jobs.c.state.not_in(UNFINISHED)
            connection.execute(delete(jobs).where(over, jobs.c.id.not_in(newest)))
        return made

    def start(self, job: Job) -> Job:
        """Its turn has come."""
        return self._change(replace(job, state=JobState.RUNNING, started_at=self._clock()))

    def note(self, job: Job, progress: Mapping[str, Any]) -> Job:
        """Keep how far it has come."""
        return self._change(replace(job, progress=progress))

    def end(
        self,
        job: Job,
        state: JobState,
        *,
        counts: Mapping[str, int] | None = None,
        report: Mapping[str, Any] | None = None,
        error: str | None = None,
    ) -> Job:
        """It is over."""
        return self._change(
            replace(job, state=state, ended_at=self._clock(), counts=counts, report=report, error=error)
        )

    def interrupt_unfinished(self) -> int:
        """Whatever an earlier server left unfinished ended with it; how many there were."""
        values = {"state": JobState.INTERRUPTED.value, "ended_at": self._clock()}
        with self._database.write() as connection:
            return connection.execute(update(jobs).where(jobs.c.state.in_(UNFINISHED)).values(values)).rowcount

    def find(self, id: str) -> Job:
        """Raises KeyError."""
        with self._database.read() as connection:
            row = connection.execute(select(jobs).where(jobs.c.id == id)).first()
        if row is None:
            raise KeyError(id)
        return _job(row._mapping)

    def page(
        self,
        limit: int,
        cursor: str | None = None,
        collections: Collection[str] | None = None,
        owner: str | None = None,
    ) -> Page[Job]:
        """The newest first, of these ``collections`` and this ``owner`` where given. Raises `api.paging.BadCursor`."""
        query: Select[Any] = select(jobs)
        if owner is not None:
            query = query.where(jobs.c.owner == owner)
        if collections is not None:
            query = query.where(jobs.c.collection.in_(collections))
        query = newest_first(query, jobs.c.created_at, jobs.c.id, limit, cursor)
        with self._database.read() as connection:
            found = [_job(row._mapping) for row in connection.execute(query)]
        return page_of(found, limit, lambda job: Position(job.created_at, job.id))

    def _change(self, changed: Job) -> Job:
        values = row_of(jobs, changed)
        with self._database.write() as connection:
            connection.execute(update(jobs).where(jobs.c.id == changed.id).values(values))
        return changed


def _job(row: Mapping[Any, Any]) -> Job:
    return Job(
        **{
            **row,
            "kind": JobKind(row["kind"]),
            "state": JobState(row["state"]),
            "sources": tuple(row["sources"]),
        }
    )
