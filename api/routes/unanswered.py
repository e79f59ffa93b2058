"""The queue of unanswered questions: listed, asked again, closed, deleted."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from starlette.concurrency import run_in_threadpool

from api.access import Caller
from api.callers import Curator
from api.idempotency import IdempotentRoute
from api.pages import DEFAULT_LIMIT, Cursor, Limit, page
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
from ingest.scope import NOW
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
    found = page(lambda: store.page(limit, cursor, collection, closed=state == "closed"))
    bodies = [_body(entry, service) for entry in found.items if caller.sees(entry.collection)]
    return UnansweredPageBody(unanswered=bodies, next_cursor=found.next_cursor)


@router.get("/{unanswered}", responses=MISSING)
def entry(unanswered: EntryId, service: ReadyService, caller: Curator) -> WholeUnansweredBody:
    """One entry with the questions in it."""
    found = find_entry(unanswered, service, caller)
    askings = service.memory.unanswered.askings(found.id, SHOWN_ASKINGS)
    return WholeUnansweredBody(
        **_body(found, service).model_dump(), askings=[AskingBody.of(asking) for asking in askings]
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
    return RecheckBody(entry=await run_in_threadpool(_body, checked, service), answer=body)


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
    if not caller.sees(found.collection):
        raise _unknown(id)
    return found


def _body(entry: Entry, service: Service) -> UnansweredBody:
    def readable(document: str) -> bool:
        history = service.catalog.history(DocumentId(document))
        return bool(history) and NOW.reads(history[-1].labels)

    return UnansweredBody.of(entry, readable)


def _unknown(id: str) -> Problem:
    return not_found(f"There is no entry {id!r} in the queue.")
