"""Curated answers: pinned, found, changed, verified again, deleted."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from api.access import Caller
from api.callers import Curator
from api.curated_schemas import CuratedBody, CuratedChange, CuratedPageBody, CuratedRequest, CuratedSourceRequest
from api.idempotency import IdempotentRoute
from api.pages import DEFAULT_LIMIT, Cursor, Limit, page
from api.paging import page_of_those
from api.problems import Problem, invalid_request, not_found
from api.routes.unanswered import find_entry
from api.service import ReadyService, Service
from api.state.unanswered import Resolution
from ingest.document import DocumentId, Span
from qa.curated import CuratedAnswer, CuratedSource, SourceNotFound

router = APIRouter(prefix="/v1/curated", tags=["curation"], route_class=IdempotentRoute)

CuratedId = Annotated[str, Path(max_length=64)]
MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "No such curated answer"}}
UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"description": "Unknown collection or entry of the queue"}}


@router.post("", status_code=201, responses=UNKNOWN)
def pin(
    body: CuratedRequest, request: Request, service: ReadyService, caller: Curator, response: Response
) -> CuratedBody:
    """Pin a verified answer to a question; it is served at once for that question and its close variants."""
    collection = body.collection or service.settings.collection
    known = caller.visible(service.catalog.collections(caller.scope))
    if collection not in known:
        raise Problem(404, "unknown-collection", f"There is no collection {collection!r}.", collections=known)
    entry = None if body.unanswered is None else find_entry(body.unanswered, service, caller)
    if entry is not None and entry.collection != collection:
        raise invalid_request("unanswered", f"this entry is of collection {entry.collection!r}")
    made = service.memory.curated.create(
        collection,
        body.question,
        body.answer,
        _sources(body.sources, collection, service, caller),
        body.owner or caller.id,
        _distinct(body.question, [*body.variants, *([entry.question] if entry else [])]),
        body.expires_at,
    )
    _audit(service, caller, "curated.create", made, request)
    if entry is not None:
        with suppress(KeyError):  # deleted meanwhile
            service.memory.unanswered.close(entry.id, Resolution.CURATED, caller.id, made.id)
    response.headers["Location"] = f"/v1/curated/{made.id}"
    return _body(made, service)


@router.get("")
def curated_answers(
    service: ReadyService,
    caller: Curator,
    collection: Annotated[str | None, Query(max_length=63, description="Left out: all collections.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> CuratedPageBody:
    """Curated answers, the newest first, with what has become of their sources."""
    fetch = partial(service.memory.curated.page, collection=collection)
    found = page(lambda: page_of_those(fetch, limit, cursor, lambda answer: _seen(answer, service, caller)))
    return CuratedPageBody(curated=[_body(answer, service) for answer in found.items], next_cursor=found.next_cursor)


@router.get("/{curated}", responses=MISSING)
def curated_answer(curated: CuratedId, service: ReadyService, caller: Curator) -> CuratedBody:
    """One curated answer."""
    return _body(_find(curated, service, caller), service)


@router.patch("/{curated}", responses=MISSING)
def change(
    curated: CuratedId, body: CuratedChange, request: Request, service: ReadyService, caller: Curator
) -> CuratedBody:
    """Change a curated answer, which counts as verified anew."""
    found = _find(curated, service, caller)
    given = body.model_fields_set
    question = body.question or found.question
    variants = found.variants if body.variants is None else body.variants
    sources = found.sources if body.sources is None else _sources(body.sources, found.collection, service, caller)
    changed = replace(
        found,
        question=question,
        variants=_distinct(question, variants),
        text=body.answer or found.text,
        sources=sources,
        owner=body.owner or found.owner,
        expires_at=body.expires_at if "expires_at" in given else found.expires_at,
        verified_at=service.memory.curated.now(),
    )
    return _replace(changed, "curated.update", request, service, caller)


@router.post("/{curated}/verify", responses={**MISSING, 409: {"description": "A quote no longer stands"}})
def verify(curated: CuratedId, request: Request, service: ReadyService, caller: Curator) -> CuratedBody:
    """Say that it still holds as it is: its quotes are found again in the revisions that hold now."""
    found = _find(curated, service, caller)
    try:
        renewed = service.curated.renewed(found)
    except SourceNotFound as error:
        raise Problem(
            409, "source-changed", f"{str(error)[0].upper()}{str(error)[1:]}; give it new sources."
        ) from error
    return _replace(renewed, "curated.verify", request, service, caller)


@router.delete("/{curated}", status_code=204, responses=MISSING)
def delete(curated: CuratedId, request: Request, service: ReadyService, caller: Curator) -> None:
    """Delete a curated answer; its question is answered from the documents again."""
    found = _find(curated, service, caller)
    try:
        service.memory.curated.delete(found.id)
    except KeyError as error:
        raise _unknown(curated) from error
    _audit(service, caller, "curated.delete", found, request)


def _replace(changed: CuratedAnswer, action: str, request: Request, service: Service, caller: Caller) -> CuratedBody:
    try:
        kept = service.memory.curated.replace(changed)
    except KeyError as error:
        raise _unknown(changed.id) from error
    _audit(service, caller, action, kept, request)
    return _body(kept, service)


def _find(id: str, service: Service, caller: Caller) -> CuratedAnswer:
    try:
        found = service.memory.curated.find(id)
    except KeyError as error:
        raise _unknown(id) from error
    if not _seen(found, service, caller):
        raise _unknown(id)
    return found


def _seen(answer: CuratedAnswer, service: Service, caller: Caller) -> bool:
    return caller.sees(answer.collection) and service.curated.readable(answer, caller.scope)


def _sources(
    wanted: Iterable[CuratedSourceRequest], collection: str, service: Service, caller: Caller
) -> tuple[CuratedSource, ...]:
    """Raises a 422 `Problem` that names the first source that does not stand where it should."""
    return tuple(_source(number, source, collection, service, caller) for number, source in enumerate(wanted))


def _source(
    number: int, wanted: CuratedSourceRequest, collection: str, service: Service, caller: Caller
) -> CuratedSource:
    field = f"sources.{number}"
    history = service.catalog.history(DocumentId(wanted.document))
    if not history or history[-1].collection != collection or not caller.reads(history[-1]):
        raise invalid_request(f"{field}.document", f"there is no document {wanted.document!r} in this collection")
    near = None if wanted.start is None else Span(wanted.start, wanted.start)
    try:
        return service.curated.source(wanted.document, wanted.quote, near)
    except SourceNotFound as error:
        raise invalid_request(f"{field}.quote", str(error)) from error


def _distinct(question: str, variants: Iterable[str]) -> tuple[str, ...]:
    return tuple(variant for variant in dict.fromkeys(variants) if variant != question)


def _audit(service: Service, caller: Caller, action: str, answer: CuratedAnswer, request: Request) -> None:
    details = {"collection": answer.collection, "documents": sorted({source.document_id for source in answer.sources})}
    service.memory.audit.add(caller.id, action, answer.id, details, request.scope["request_id"])


def _body(answer: CuratedAnswer, service: Service) -> CuratedBody:
    return CuratedBody.of(answer, service.curated, service.catalog)


def _unknown(id: str) -> Problem:
    return not_found(f"There is no curated answer {id!r}.")
