"""Carries out ingests, and whatever else changes the index, beside the answering of questions.

One after the other, each as a job that can be followed.

A job has succeeded once all that it published is found: it writes into the index that this process searches.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from threading import Condition, Event, Thread
from typing import Protocol

from starlette.concurrency import run_in_threadpool

from api.data_lock import DataLocked
from api.document_changes import DocumentChanged
from api.ingest_sources import Source, same_place
from api.job_progress import JobProgress, Pace
from api.job_schemas import ReportBody
from api.metrics import Metrics
from api.paging import Page
from api.state.database import DatabaseUnusable
from api.state.jobs import Job, JobState, JobStore
from ingest.catalog import CatalogUnusable
from ingest.embedder import EmbedderUnusable
from ingest.pipeline import Pipeline, Removal, Report
from ingest.progress import Progress
from ingest.vectors import VectorsUnusable
from ingest.workers import WorkersUnusable

log = logging.getLogger(__name__)

EXPECTED = (
    CatalogUnusable,
    VectorsUnusable,
    EmbedderUnusable,
    WorkersUnusable,
    DataLocked,
    DatabaseUnusable,
    DocumentChanged,
    OSError,
)
"""Errors whose message tells an operator what to do."""
NOTED_EVERY_S = 5.0
"""Seconds between two times that progress is written down, for whoever asks after the server was killed."""
SHOWN_EVERY_S = 0.25
MAX_WAITING = 50
"""Jobs that may wait: uploads that wait take room."""
STOP_WAIT_S = 8.0
"""Seconds that the service's end waits for the job at work to notice."""


class SourceBusy(Exception):
    """A job with this source is not over yet."""

    def __init__(self, job: Job) -> None:
        super().__init__(f"these files are being ingested already, by {job.id}")
        self.job = job


class JobsFull(Exception):
    """So many jobs wait that no further one is taken."""


class JobOver(Exception):
    """The job can't be cancelled any more."""


class Stopped(Exception):
    """The service is stopping: no job is taken."""


class _Broken(Exception):
    """Raised by the listener to end an ingest that was cancelled."""


class Ingesting(Protocol):
    """Lends the pipeline for one job: `api.components.Components`."""

    def ingesting(self) -> AbstractContextManager[Pipeline]:
        """Raises `DataLocked` where another process writes."""
        ...


@dataclass(frozen=True, slots=True)
class JobView:
    """A job as it is now; ``cancelling`` once it was told to end and has not yet."""

    job: Job
    cancelling: bool = False


@dataclass(slots=True)
class _Active:
    """A job that is not over."""

    job: Job
    source: Source
    removal: Removal
    cancel: Event = field(default_factory=Event)

    @property
    def view(self) -> JobView:
        return JobView(self.job, self.cancel.is_set())


class Jobs:
    """The jobs of one server. For many threads."""

    def __init__(self, components: Ingesting, store: JobStore, metrics: Metrics) -> None:
        self._components = components
        self._store = store
        self._metrics = metrics
        self._changed = Condition()
        self._active: dict[str, _Active] = {}
        self._stopping = Event()
        self._thread: Thread | None = None

    def begin(self) -> None:
        """What an earlier server left unfinished is over."""
        if interrupted := self._store.interrupt_unfinished():
            log.warning("jobs were interrupted by the end of the last server", extra={"jobs": interrupted})

    def stop(self) -> None:
        """End the job at work, which then counts as interrupted like those that wait, and take no others.

        Returns at once, and may be called by the handler of a signal.
        """
        self._stopping.set()

    def close(self) -> None:
        """Stop, and wait some seconds for that."""
        self.stop()
        with self._changed:
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(STOP_WAIT_S)

    def submit(self, source: Source, collection: str, removal: Removal, owner: str) -> Job:
        """Take a job, which begins when those before it are over. Raises `SourceBusy`, `JobsFull`, `Stopped`."""
        with self._changed:
            if self._stopping.is_set():
                raise Stopped
            for active in self._active.values():
                if active.job.collection == collection and same_place(active.source.places, source.places):
                    raise SourceBusy(active.job)
            if len(self._active) > MAX_WAITING:
                raise JobsFull
            job = self._store.create(source.kind, collection, source.names, removal, owner)
            self._active[job.id] = _Active(job, source, removal)
            self._count()
            self._changed.notify_all()
            if self._thread is None:
                # A daemon: a file that can't be left at once must not hold up the program's end.
                self._thread = Thread(target=self._work, name="jobs", daemon=True)
                self._thread.start()
        return job

    def cancel(self, id: str) -> JobView:
        """End a job, within seconds; what it published stays. Raises KeyError, `JobOver`."""
        with self._changed:
            active = self._active.get(id)
            if active is None:
                raise JobOver(self._store.find(id).state)
            active.cancel.set()
            if active.job.state is JobState.QUEUED:
                self._end(active, JobState.CANCELLED)
            return active.view

    def find(self, id: str) -> JobView:
        """Raises KeyError."""
        with self._changed:
            active = self._active.get(id)
            if active is not None:
                return active.view
        return JobView(self._store.find(id))

    def page(
        self, limit: int, cursor: str | None, collections: Collection[str] | None, owner: str | None
    ) -> Page[JobView]:
        """See `JobStore.page`."""
        found = self._store.page(limit, cursor, collections, owner)
        with self._changed:
            views = [self._active[job.id].view if job.id in self._active else JobView(job) for job in found.items]
        return Page(tuple(views), found.next_cursor, lambda view: found.place(view.job))

    async def watch(self, id: str) -> AsyncGenerator[JobView, None]:
        """The job now, and again whenever it has come further, until it is over. Raises KeyError."""
        last = None
        while last is None or not last.job.state.over:
            view = await run_in_threadpool(self.find, id)
            if view != last:
                yield view
                last = view
            else:
                await asyncio.sleep(SHOWN_EVERY_S)

    def _work(self) -> None:
        while (active := self._next()) is not None:
            self._carry_out(active)

    def _next(self) -> _Active | None:
        """The job whose turn it is, which runs from now on; None when the service stops."""
        with self._changed:
            while not self._stopping.is_set() and not self._active:
                self._changed.wait()
            if self._stopping.is_set():
                for active in list(self._active.values()):
                    self._end(active, JobState.INTERRUPTED)
                return None
            active = next(iter(self._active.values()))
            active.job = replace(active.job, state=JobState.RUNNING)
            self._count()
            return active

    def _carry_out(self, active: _Active) -> None:
        job = active.job
        log.info("job begins", extra={"job": job.id, "collection": job.collection})
        try:
            active.job = self._store.start(job)
            with self._components.ingesting() as pipeline:
                listener = _Listener(active, self._store, self._stopping)
                report = active.source.ingest(pipeline, job.collection, active.removal, listener)
        except _Broken:
            self._end(active, JobState.CANCELLED)
        except EXPECTED as error:
            log.error("job failed", extra={"job": job.id, "reason": str(error)})
            self._end(active, JobState.FAILED, error=str(error))
        except Exception as error:
            log.error("job failed", extra={"job": job.id}, exc_info=error)
            self._end(active, JobState.FAILED, error=f"something went wrong; the server's log names {job.id}")
        else:
            self._end(active, JobState.SUCCEEDED, report)

    def _end(self, active: _Active, state: JobState, report: Report | None = None, error: str | None = None) -> None:
        if self._stopping.is_set() and state is not JobState.SUCCEEDED:
            state, error = JobState.INTERRUPTED, None  # whatever it was, the service's end is why
        body = None if report is None else ReportBody.of(report)
        active.source.discard()
        self._metrics.ingested(state, report)
        counts = None if body is None else body.counts
        whole = None if body is None else body.model_dump(by_alias=True)
        with self._changed:
            try:
                active.job = self._store.end(active.job, state, counts=counts, report=whole, error=error)
            except DatabaseUnusable as lost:  # the next start of the service will call it interrupted
                log.error("a job's end could not be kept", extra={"job": active.job.id, "reason": str(lost)})
            del self._active[active.job.id]
            self._count()
        log.info("job ended", extra={"job": active.job.id, "state": state.value, "counts": active.job.counts})

    def _count(self) -> None:
        states = [active.job.state for active in self._active.values()]
        self._metrics.ingest_running.set(states.count(JobState.RUNNING))
        self._metrics.ingest_waiting.set(states.count(JobState.QUEUED))


class _Listener:
    """Hears how far the pipeline is, for whoever asks; ends it when its job was cancelled or the service stops."""

    def __init__(self, active: _Active, store: JobStore, stopping: Event) -> None:
        self._active = active
        self._store = store
        self._stopping = stopping
        self._pace = Pace()
        self._noted = time.monotonic()

    def __call__(self, moment: Progress) -> None:
        if self._active.cancel.is_set() or self._stopping.is_set():
            raise _Broken
        progress: JobProgress = self._pace.at(moment)
        now = time.monotonic()
        if now - self._noted >= NOTED_EVERY_S:
            self._noted = now
            self._active.job = self._store.note(self._active.job, progress.row())
        else:
            self._active.job = replace(self._active.job, progress=progress.row())
