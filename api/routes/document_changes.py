"""Documents taken out of the index and brought back: as jobs, like all that changes it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from api.access import Caller
from api.callers import Ingester
from api.document_changes import RemovedDocument, RestoredDocument
from api.idempotency import IdempotentRoute
from api.ingest_sources import Source
from api.job_schemas import JobBody
from api.job_submission import submit
from api.jobs import JobView
from api.originals import path_of
from api.problems import Problem, not_found
from api.routes.documents import Named, Numbered, find_revision
from api.service import ReadyService, Service
from api.state.jobs import Job
from ingest.document import DocumentId, Revision
from ingest.pipeline import Removal

router = APIRouter(prefix="/v1/documents", tags=["documents"], route_class=IdempotentRoute)

RESPONSES: dict[int | str, dict[str, Any]] = {
    202: {"description": "The job that does it; Location names it"},
    429: {"description": "Over the rate limit, or too many jobs wait; Retry-After says when to come again"},
    503: {"description": "The service is starting or stopping"},
}


@router.delete(
    "/{document}",
    status_code=202,
    responses={
        **RESPONSES,
        404: {"description": "No such document"},
        409: {"description": "It was removed already, or a job with its file is not over yet (`job` names it)"},
    },
)
def remove(document: Named, request: Request, response: Response, service: ReadyService, caller: Ingester) -> JobBody:
    """Take a document out of the index; its history stays.

    An ingest of its folder brings it back, unless its file is gone by then.
    """
    last = _last(document, service, caller)
    if last.valid_to is not None:
        raise Problem(409, "document-removed", f"{last.source} was removed already.")
    source = RemovedDocument(last, path_of(last, service.settings))
    return _taken("document.remove", source, last, request, response, service, caller)


@router.post(
    "/{document}/revisions/{revision}/restore",
    status_code=202,
    responses={
        **RESPONSES,
        404: {"description": "No such document or revision"},
        409: {
            "description": "The revision holds already, another document stands at its place, or a job with its file "
            "is not over yet (`job` names it)"
        },
    },
)
def restore(
    document: Named,
    revision: Numbered,
    request: Request,
    response: Response,
    service: ReadyService,
    caller: Ingester,
) -> JobBody:
    """Let what a revision said hold again as the document's next revision; also of a document that was removed."""
    found = find_revision(document, revision, service, caller)
    last = _last(document, service, caller)
    if found.valid_to is None:
        raise Problem(409, "revision-holds", f"Revision {revision} of {found.source} holds already.")
    standing = service.catalog.current_of(last.collection, last.source, last.root)
    if standing is not None and standing.document_id != last.document_id:
        raise Problem(409, "name-taken", f"Another document stands at {last.source} now: remove it first.")
    source = RestoredDocument(found, path_of(last, service.settings), standing is not None)
    return _taken("document.restore", source, found, request, response, service, caller)


def _taken(
    action: str,
    source: Source,
    revision: Revision,
    request: Request,
    response: Response,
    service: Service,
    caller: Caller,
) -> JobBody:
    job: Job = submit(source, revision.collection, Removal.NONE, service, caller)
    details = {
        "collection": revision.collection,
        "source": revision.source,
        "revision": revision.number,
        "job": job.id,
    }
    service.memory.audit.add(caller.id, action, revision.document_id, details, request.scope["request_id"])
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return JobBody.of(JobView(job))


def _last(document: str, service: Service, caller: Caller) -> Revision:
    """The revision that holds, or the last that did. Raises a 404 `Problem`."""
    found = service.catalog.history(DocumentId(document))
    if not found or not caller.reads(found[-1]):
        raise not_found(f"There is no document {document!r}.")
    return found[-1]
