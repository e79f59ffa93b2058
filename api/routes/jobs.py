"""Jobs that ingest: listed, followed, cancelled."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.concurrency import run_in_threadpool

from api.access import Caller
from api.callers import Ingester
from api.idempotency import IdempotentRoute
from api.job_schemas import JobBody, JobsBody, WholeJobBody
from api.jobs import JobOver, JobView
from api.pages import DEFAULT_LIMIT, Cursor, Limit, page
from api.problems import Problem, not_found
from api.service import AnyService, Service
from api.sse import MEDIA_TYPE, EventStream, encode_event

router = APIRouter(prefix="/v1/jobs", tags=["ingestion"], route_class=IdempotentRoute)

JobId = Annotated[str, Path(max_length=64)]
MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "No such job"}}
EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events `job` with the job as it is then, until it is over.",
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
    },
    **MISSING,
}


@router.get("")
def jobs(service: AnyService, caller: Ingester, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> JobsBody:
    """Jobs, the newest first: all of them for who reads every document, else one's own."""
    owner = None if caller.labels is None else caller.id
    found = page(lambda: service.jobs.page(limit, cursor, caller.collections, owner))
    return JobsBody(jobs=[JobBody.of(view) for view in found.items], next_cursor=found.next_cursor)


@router.get("/{job}", responses=MISSING)
def job(job: JobId, service: AnyService, caller: Ingester) -> WholeJobBody:
    """A job as it is now, with its report once it succeeded."""
    return WholeJobBody.of(_find(job, service, caller))


@router.get("/{job}/events", status_code=200, responses=EVENTS, response_class=EventStream)
async def events(job: JobId, service: AnyService, caller: Ingester) -> EventStream:
    """Follow a job until it is over, by server-sent events."""
    await run_in_threadpool(_find, job, service, caller)
    return EventStream(_events(job, service), lambda: None)


@router.post("/{job}/cancel", responses={**MISSING, 409: {"description": "It is over"}})
def cancel(job: JobId, request: Request, service: AnyService, caller: Ingester) -> JobBody:
    """Have a job end within seconds; what it published until then stays."""
    found = _find(job, service, caller)
    try:
        view = service.jobs.cancel(job)
    except JobOver as error:
        raise Problem(409, "job-over", f"The job {job} is over: it {_ended(service.jobs.find(job))}.") from error
    details = {"collection": found.job.collection}
    service.memory.audit.add(caller.id, "ingest.cancel", job, details, request.scope["request_id"])
    return JobBody.of(view)


async def _events(id: str, service: Service) -> AsyncGenerator[bytes, None]:
    async for view in service.jobs.watch(id):
        yield encode_event(JobBody.of(view).model_dump(mode="json"), "job")


def _find(id: str, service: Service, caller: Caller) -> JobView:
    try:
        view = service.jobs.find(id)
    except KeyError as error:
        raise _unknown(id) from error
    # Its files' names may be of documents with labels.
    if not caller.sees(view.job.collection) or (caller.labels is not None and caller.id != view.job.owner):
        raise _unknown(id)
    return view


def _ended(view: JobView) -> str:
    state = view.job.state.value
    return state if state in ("succeeded", "failed") else f"was {state}"


def _unknown(id: str) -> Problem:
    return not_found(f"There is no job {id!r}.")
