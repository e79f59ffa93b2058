"""A job asked for by a request: taken, or refused in the way that HTTP knows."""

from __future__ import annotations

from api.access import Caller
from api.ingest_sources import Source
from api.jobs import MAX_WAITING, JobsFull, SourceBusy, Stopped
from api.problems import Problem
from api.service import Service, shutting_down
from api.state.jobs import Job
from ingest.pipeline import Removal

RETRY_SECONDS = 60


def submit(source: Source, collection: str, removal: Removal, service: Service, caller: Caller) -> Job:
    """Take the job; ``source`` is discarded if that can't be. Raises a 409, 429 or 503 `Problem`."""
    try:
        return service.jobs.submit(source, collection, removal, caller.id)
    except SourceBusy as error:
        source.discard()
        raise Problem(409, "source-busy", f"{str(error).capitalize()}.", job=error.job.id) from error
    except JobsFull as error:
        source.discard()
        detail = f"{MAX_WAITING} jobs are waiting already; try again in {RETRY_SECONDS} s."
        headers = {"Retry-After": str(RETRY_SECONDS)}
        raise Problem(429, "queue-full", detail, headers=headers, retry_after=RETRY_SECONDS) from error
    except Stopped as error:
        source.discard()
        raise shutting_down() from error
