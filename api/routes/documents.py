"""The documents behind the answers: which there are, and the text of each revision."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.callers import Reader
from api.problems import not_found
from api.schemas import CollectionsBody, DocumentBody, DocumentsBody, RevisionBody
from api.service import ReadyService
from ingest.document import DocumentId

router = APIRouter(prefix="/v1", tags=["documents"], responses={503: {"description": "The service is starting"}})

MAX_REVISION = 2**31 - 1


@router.get("/collections")
def collections(service: ReadyService, caller: Reader) -> CollectionsBody:
    """The collections that hold documents."""
    return CollectionsBody(collections=caller.visible(service.catalog.collections(caller.scope)))


@router.get("/documents")
def documents(
    service: ReadyService,
    caller: Reader,
    collection: Annotated[str | None, Query(max_length=63, description="Left out: all collections.")] = None,
) -> DocumentsBody:
    """Every document, by collection and source, with the revision that holds now."""
    seen = filter(caller.reads, service.catalog.current(collection))
    return DocumentsBody(documents=[DocumentBody.of(revision) for revision in seen])


@router.get(
    "/documents/{document}/revisions/{revision}", responses={404: {"description": "No such document or revision"}}
)
def revision(
    service: ReadyService,
    caller: Reader,
    document: Annotated[str, Path(max_length=64)],
    revision: Annotated[int, Path(ge=1, le=MAX_REVISION)],
) -> RevisionBody:
    """A revision's canonical text with its sections and pages; citations point into it."""
    found = service.catalog.revision(DocumentId(document), revision)
    if found is None or not caller.reads(found):
        raise not_found(f"There is no revision {revision} of a document {document!r}.")
    return RevisionBody.of(found, service.catalog.document(found.id))
