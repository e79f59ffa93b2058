"""POST /v1/ingest: files or folders into the index, as a job."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from api.access import Caller
from api.callers import Ingester
from api.idempotency import IdempotentRoute
from api.ingest_sources import UPLOADS, Folders, Source
from api.job_schemas import IngestOptionsBody, IngestRequest, JobBody
from api.job_submission import submit
from api.jobs import JobView
from api.problems import Problem, invalid_request
from api.service import ReadyService, Service
from api.settings import Settings
from api.state.jobs import Job
from api.uploads import SentForm, is_form, read_form, stage
from ingest.pipeline import Removal

router = APIRouter(prefix="/v1/ingest", tags=["ingestion"], route_class=IdempotentRoute)

COLLECTION_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
RESPONSES: dict[int | str, dict[str, Any]] = {
    202: {"description": "The job that ingests them; Location names it"},
    400: {"description": "The body is neither JSON nor a form"},
    403: {"description": "A folder that may not be ingested, or a caller who may not ingest it"},
    404: {"description": "Unknown collection"},
    409: {"description": "A job with these files is not over yet (`job` names it), or a name is taken"},
    415: {"description": "The body is of another kind than these two"},
    422: {"description": "A field is missing, unknown or over its limit, or a file's name can't be used"},
    429: {"description": "Over the rate limit, or too many jobs wait; Retry-After says when to come again"},
    503: {"description": "The service is starting or stopping"},
    507: {"description": "There is no room for the files"},
}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {
                        "files": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "description": "A file name may be a path below a folder, such as `hr/leave.pdf`. One that "
                            "was uploaded before becomes the next revision of its document.",
                        },
                        "collection": {"type": "string", "pattern": f"^{COLLECTION_NAME.pattern}$"},
                    },
                }
            },
            "application/json": {"schema": IngestRequest.model_json_schema()},
        },
    }
}


@router.get("", responses={503: {"description": "The service is starting"}})
def options(service: ReadyService, caller: Ingester) -> IngestOptionsBody:
    """Which folders may be ingested, and how much may be uploaded at once."""
    settings = service.settings
    return IngestOptionsBody(
        folders=[str(folder) for folder in settings.ingest_folders] if caller.labels is None else [],
        max_files=settings.max_upload_files,
        max_bytes=settings.max_upload_bytes,
        max_file_bytes=settings.max_file_bytes,
    )


@router.post("", status_code=202, responses=RESPONSES, openapi_extra=BODY)
async def ingest(request: Request, response: Response, service: ReadyService, caller: Ingester) -> JobBody:
    """Upload files as a form, or name folders of the server as JSON; a job brings them into the index.

    The collection becomes equal to folders, which are for callers who may read every document; uploaded files are added
    to those uploaded before.
    """
    if is_form(request):
        try:
            sent = SentForm.of(await read_form(request, service.settings), service.settings)
            collection = await run_in_threadpool(_collection, sent.collection, service, caller)
            await run_in_threadpool(_refuse_hidden, sent, collection, service, caller)
            source: Source = await run_in_threadpool(stage, sent.files, service.settings, collection)
        finally:
            await request.close()
        removal = Removal.ALL
    else:
        body = await _json(request)
        if caller.labels is not None:  # the report names files that may become documents with labels
            raise Problem(403, "forbidden", "Folders are for those who may read every document; upload files instead.")
        collection = await run_in_threadpool(_collection, body.collection, service, caller)
        source = Folders(await run_in_threadpool(_allowed, body.paths, service.settings, caller))
        removal = Removal(body.removal)
    job = await run_in_threadpool(_submit, source, collection, removal, request, service, caller)
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return JobBody.of(JobView(job))


def _submit(
    source: Source, collection: str, removal: Removal, request: Request, service: Service, caller: Caller
) -> Job:
    job = submit(source, collection, removal, service, caller)
    details = {"collection": collection, "kind": job.kind.value, "sources": list(job.sources), "removal": removal.value}
    service.memory.audit.add(caller.id, "ingest.start", job.id, details, request.scope["request_id"])
    return job


async def _json(request: Request) -> IngestRequest:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, "unsupported-media-type", "Send files as multipart/form-data or folders as JSON.")
    try:
        sent = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise Problem(400, "malformed-json", "The body is not valid JSON.") from error
    try:
        return IngestRequest.model_validate(sent)
    except ValidationError as error:
        raise RequestValidationError([{**found, "loc": ("body", *found["loc"])} for found in error.errors()]) from error


def _collection(named: str | None, service: Service, caller: Caller) -> str:
    """Where to; it need not exist yet. Raises a 404 or 422 `Problem`."""
    name = service.settings.collection if named is None else named
    if not COLLECTION_NAME.fullmatch(name):
        raise invalid_request("collection", "letters, digits, '.', '_' and '-', at most 63")
    if not caller.sees(name):
        known = caller.visible(service.catalog.collections(caller.scope))
        raise Problem(404, "unknown-collection", f"There is no collection {name!r}.", collections=known)
    return name


def _refuse_hidden(sent: SentForm, collection: str, service: Service, caller: Caller) -> None:
    """Raises a 409 `Problem` for a file that would replace a document which the caller may not read."""
    hidden = [
        revision.source
        for revision in service.catalog.current(collection)
        if revision.root == UPLOADS and not caller.reads(revision)
    ]
    for name, _ in sent.files:
        if name in hidden or any(source.startswith(f"{name}/") for source in hidden):
            detail = f"A file {name!r} can't be uploaded by this caller: choose another name."
            raise Problem(409, "name-taken", detail)


def _allowed(paths: list[str], settings: Settings, caller: Caller) -> tuple[Path, ...]:
    """The paths, resolved. Raises a 403 `Problem` for one that the settings do not allow, whether it exists or not.

    Who owns the data may name any; where one does not exist, the job's report says so.
    """
    folders = [folder.resolve() for folder in settings.ingest_folders]
    found = []
    for number, path in enumerate(paths):
        try:
            resolved = Path(path).resolve()
        except (OSError, ValueError, RuntimeError) as error:
            raise invalid_request(f"paths.{number}", "not a path") from error
        if not caller.owner:
            if not Path(path).is_absolute() or not any(resolved.is_relative_to(folder) for folder in folders):
                detail = f"{path!r} is not in a folder that DOCQA_INGEST_FOLDERS allows."
                raise Problem(403, "folder-not-allowed", detail)
            if not resolved.exists():
                raise invalid_request(f"paths.{number}", f"there is no {path!r} on the server")
        found.append(resolved)
    return tuple(dict.fromkeys(found))
