"""The queue of unanswered questions: listed, asked again, closed, deleted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from starlette.concurrency import run_in_threadpool

from api.access import Caller
from api.callers import Curator
from api.idempotency import IdempotentRoute
from api.pages import DEFAULT_LIMIT, Cursor, Limit, page
from api.paging import page_of_those
from api.problems import Problem, not_found
from api.service import ReadyService, Service
from api.state.unanswered import Entry
from api.unanswered_schemas import (
    AskingBody,
    RecheckBody,
    UnansweredBody,
    UnansweredPageBody,
    WholeUnansweredBody,
)
from ingest.document import DocumentId
from ingest.scope import EVERYTHING
from qa.answer import Question

router = APIRouter(prefix="/v1/unanswered", tags=["curation"], route_class=IdempotentRoute)

EntryId = Annotated[str, Path(max_length=64)]
MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "No such entry"}}
RECHECKED: dict[int | str, dict[str, Any]] = {
    404: {"description": "No such entry, or its collection is gone"},
    429: {"description": "The queue of answers is full; Retry-After says when to come again"},
    504: {"description": "The answer took longer than the deadline"},
}
SHOWN_ASKINGS = 100


@router.get("")
def queue(
    service: ReadyService,
    caller: Curator,
    collection: Annotated[str | None, Query(max_length=63, description="Left out: all collections.")] = None,
    state: Annotated[Literal["open", "closed"], Query()] = "open",
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> UnansweredPageBody:
    """Questions that the documents left open, the last asked first, those near to each other as one."""
    service.unanswered.sweep()
    store = service.memory.unanswered
    fetch = partial(store.page, collection=collection, closed=state == "closed")
    known = _known(service, caller)
    found = page(lambda: page_of_those(fetch, limit, cursor, lambda entry: known(entry.collection)))
    bodies = [_body(entry, service, caller) for entry in found.items]
    return UnansweredPageBody(unanswered=bodies, next_cursor=found.next_cursor)


@router.get("/{unanswered}", responses=MISSING)
def entry(unanswered: EntryId, service: ReadyService, caller: Curator) -> WholeUnansweredBody:
    """One entry with the questions in it."""
    found = find_entry(unanswered, service, caller)
    askings = service.memory.unanswered.askings(found.id, SHOWN_ASKINGS)
    return WholeUnansweredBody(
        **_body(found, service, caller).model_dump(), askings=[AskingBody.of(asking) for asking in askings]
    )


@router.post("/{unanswered}/recheck", responses=RECHECKED)
async def recheck(unanswered: EntryId, request: Request, service: ReadyService, caller: Curator) -> RecheckBody:
    """Ask the question again; the entry is closed if documents or a curated answer now answer it."""
    found = await run_in_threadpool(find_entry, unanswered, service, caller)
    question = Question(found.question[: service.settings.max_question_length], found.collection)
    exchange = await service.ask(question, request, caller, batch=True, queued=False)
    body = exchange.body(await exchange.answer(request))
    try:
        checked = await run_in_threadpool(service.unanswered.rechecked, found, body, caller.id)
    except KeyError as error:
        raise _unknown(unanswered) from error
    if checked.resolution is not None:
        details = {"collection": checked.collection, "resolution": checked.resolution.value}
        audit = service.memory.audit
        await run_in_threadpool(
            audit.add, caller.id, "unanswered.close", checked.id, details, request.scope["request_id"]
        )
    return RecheckBody(entry=await run_in_threadpool(_body, checked, service, caller), answer=body)


@router.delete("/{unanswered}", status_code=204, responses=MISSING)
def delete(unanswered: EntryId, request: Request, service: ReadyService, caller: Curator) -> None:
    """Delete an entry with all its questions."""
    found = find_entry(unanswered, service, caller)
    try:
        service.memory.unanswered.delete(found.id)
    except KeyError as error:
        raise _unknown(unanswered) from error
    details = {"collection": found.collection}
    service.memory.audit.add(caller.id, "unanswered.delete", found.id, details, request.scope["request_id"])


def find_entry(id: str, service: Service, caller: Caller) -> Entry:
    """Raises a 404 `Problem` for an entry that is not there, or not for the caller."""
    try:
        found = service.memory.unanswered.find(id)
    except KeyError as error:
        raise _unknown(id) from error
    if not _known(service, caller)(found.collection):
        raise _unknown(id)
    return found


def _known(service: Service, caller: Caller) -> Callable[[str], bool]:
    """Whether the caller may know of a collection: also of one that is gone, but of none that he can't read."""
    closed = set(service.catalog.collections(EVERYTHING)) - set(service.catalog.collections(caller.scope))
    return lambda collection: caller.sees(collection) and collection not in closed


def _body(entry: Entry, service: Service, caller: Caller) -> UnansweredBody:
    def readable(document: str) -> bool:
        history = service.catalog.history(DocumentId(document))
        return bool(history) and caller.reads(history[-1])

    if entry.curated_id is not None and not _reads_curated(entry.curated_id, service, caller):
        entry = replace(entry, curated_id=None)
    return UnansweredBody.of(entry, readable)


def _reads_curated(id: str, service: Service, caller: Caller) -> bool:
    try:
        return service.curated.readable(service.memory.curated.find(id), caller.scope)
    except KeyError:  # deleted since
        return False


def _unknown(id: str) -> Problem:
    return not_found(f"There is no entry {id!r} in the queue.")
