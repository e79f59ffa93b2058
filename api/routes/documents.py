"""The documents behind the answers: which there are, their history, each revision's text and the file it came from."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Response

from api.access import Caller
from api.callers import Reader
from api.originals import INLINE, place_of, read_original
from api.problems import invalid_request, not_found
from api.schemas import (
    CollectionsBody,
    DiffBody,
    DocumentBody,
    DocumentsBody,
    HistoryBody,
    RevisionBody,
    RevisionEntryBody,
)
from api.service import ReadyService, Service
from ingest.comparison import compare
from ingest.document import DocumentId, Revision

router = APIRouter(prefix="/v1", tags=["documents"], responses={503: {"description": "The service is starting"}})

MAX_REVISION = 2**31 - 1
MAX_COMPARED_LINES = 20_000
"""Lines of a text that is compared over HTTP, at most: the time grows with more than their number."""
FILE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content security policy of an original: nothing in it is carried out or fetched."""

Named = Annotated[str, Path(max_length=64)]
Numbered = Annotated[int, Path(ge=1, le=MAX_REVISION)]


@router.get("/collections")
def collections(service: ReadyService, caller: Reader) -> CollectionsBody:
    """The collections that hold documents."""
    return CollectionsBody(collections=caller.visible(service.catalog.collections(caller.scope)))


@router.get("/documents")
def documents(
    service: ReadyService,
    caller: Reader,
    collection: Annotated[str | None, Query(max_length=63, description="Left out: all collections.")] = None,
    removed: Annotated[bool, Query(description="Those that were removed, with their last revision.")] = False,
) -> DocumentsBody:
    """Every document, by collection and source, with the revision that holds now."""
    catalog = service.catalog
    seen = filter(caller.reads, catalog.removed(collection) if removed else catalog.current(collection))
    return DocumentsBody(documents=[DocumentBody.of(revision) for revision in seen])


@router.get("/documents/{document}/revisions", responses={404: {"description": "No such document"}})
def history(service: ReadyService, caller: Reader, document: Named) -> HistoryBody:
    """The revisions of a document that are kept, the newest first; a removed document has them too."""
    found = service.catalog.history(DocumentId(document))
    if not found or not caller.reads(found[-1]):
        raise not_found(f"There is no document {document!r}.")
    entries = [RevisionEntryBody.of(revision) for revision in reversed(found)]
    return HistoryBody(document=document, collection=found[-1].collection, revisions=entries)


@router.get(
    "/documents/{document}/revisions/{revision}", responses={404: {"description": "No such document or revision"}}
)
def revision(service: ReadyService, caller: Reader, document: Named, revision: Numbered) -> RevisionBody:
    """A revision's canonical text with its sections and pages; citations point into it."""
    found = find_revision(document, revision, service, caller)
    original = place_of(found, service.settings) is not None
    return RevisionBody.of(found, service.catalog.document(found.id), original=original)


@router.get("/documents/{document}/diff", responses={404: {"description": "No such document or revision"}})
def diff(
    service: ReadyService,
    caller: Reader,
    document: Named,
    before: Annotated[int | None, Query(ge=1, le=MAX_REVISION, description="Left out: the one before `after`.")] = None,
    after: Annotated[int | None, Query(ge=1, le=MAX_REVISION, description="Left out: the last one.")] = None,
) -> DiffBody:
    """What changed between two revisions of a document, by the lines of their canonical text."""
    numbers = [entry.revision for entry in history(service, caller, document).revisions]
    new = find_revision(document, after or numbers[0], service, caller)
    earlier = before or next((number for number in numbers if number < new.number), None)
    if earlier is None:
        raise not_found(f"There is no revision before {new.number} of this document.")
    old = find_revision(document, earlier, service, caller)
    was, now = (service.catalog.document(found.id).text.splitlines() for found in (old, new))
    if max(len(was), len(now)) > MAX_COMPARED_LINES:
        raise invalid_request("document", f"more than {MAX_COMPARED_LINES:,} lines: compare with docqa documents diff")
    return DiffBody.of(old, new, compare(was, now))


@router.get(
    "/documents/{document}/revisions/{revision}/original",
    responses={
        200: {
            "description": "The file",
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        },
        404: {"description": "No such revision, or its file is gone or has changed since"},
    },
    response_class=Response,
)
def original(service: ReadyService, caller: Reader, document: Named, revision: Numbered) -> Response:
    """The file that a revision was read from, byte for byte; a browser shows PDF and text, and saves all else."""
    found = find_revision(document, revision, service, caller)
    content = read_original(found, service.settings)
    if content is None:
        raise not_found(f"The file of revision {revision} is gone or has changed since; its text is kept.")
    shown = INLINE.get(found.media_type)
    name = quote(found.source.rpartition("/")[2], safe="")
    headers = {
        "Content-Disposition": f"{'inline' if shown else 'attachment'}; filename*=UTF-8''{name}",
        "Content-Security-Policy": FILE_POLICY,
    }
    return Response(content, media_type=shown or "application/octet-stream", headers=headers)


def find_revision(document: str, number: int, service: Service, caller: Caller) -> Revision:
    """Raises a 404 `Problem` for a revision that is not there, or not for the caller."""
    found = service.catalog.revision(DocumentId(document), number)
    if found is None or not caller.reads(found):
        raise not_found(f"There is no revision {number} of a document {document!r}.")
    return found
