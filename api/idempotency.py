"""Writes that may be sent again: a request with an ``Idempotency-Key`` takes effect once.

The first one with a key is carried out and its response kept for a day; the same request with the same key gets that
response again. After the IETF's draft "The Idempotency-Key HTTP Header Field".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Coroutine
from typing import Any, BinaryIO

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from api.callers import caller_of
from api.problems import Problem, invalid_request
from api.service import Service
from api.sse import MEDIA_TYPE as STREAM
from api.state.requests import Begun, InProgress, KeptResponse, Mismatch
from api.uploads import is_form, read_form

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
WRITES = {"POST", "PATCH", "DELETE"}
KEPT_HEADERS = ("content-type", "location")
HASHED_BYTES = 1024 * 1024
_FORM = re.compile(r"[\x21-\x7e]{1,255}")

PARAMETER = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
    "description": "Any name for this write: sent again with it within a day, it takes effect once.",
}
RESPONSES: dict[int | str, dict[str, Any]] = {
    409: {"description": "The first request with this idempotency key is still being carried out"},
    422: {"description": "The request is not valid, or the idempotency key came with another one"},
}

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class IdempotentRoute(APIRoute):
    """A route whose writes honour the header; without it nothing changes."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **details: Any) -> None:  # noqa: ANN401 - FastAPI's own
        if WRITES & set(details["methods"]):
            extra = details.get("openapi_extra") or {}
            described = [*extra.get("parameters", ()), PARAMETER]
            details["openapi_extra"] = {**extra, "parameters": described}
            details["responses"] = {**RESPONSES, **(details.get("responses") or {})}
        super().__init__(path, endpoint, **details)

    def get_route_handler(self) -> Handler:
        """Called by FastAPI once for each route."""
        handler = super().get_route_handler()
        if not WRITES & set(self.methods or ()):
            return handler

        async def handle(request: Request) -> Response:
            key = request.headers.get(HEADER)
            if key is None:
                return await handler(request)
            try:
                return await _once(key, request, handler)
            finally:
                await request.close()  # the files of a form

        return handle


async def _once(key: str, request: Request, handler: Handler) -> Response:
    if not _FORM.fullmatch(key):
        raise invalid_request(HEADER, "1 to 255 visible ASCII characters")
    if STREAM in request.headers.get("accept", ""):
        raise invalid_request(HEADER, "a response that streams can't be kept; ask for JSON")
    service: Service = request.app.state.service
    caller = await caller_of(request, service)
    requests = service.memory.requests
    body = await _form_digest(request, service) if is_form(request) else await request.body()
    fingerprint = hashlib.sha256(b"\n".join([request.method.encode(), request.url.path.encode(), body])).hexdigest()
    found = await run_in_threadpool(requests.begin, caller.id, key, fingerprint)
    match found:
        case Mismatch():
            raise Problem(422, "idempotency-key-reused", "This key came with another request before.")
        case InProgress():
            detail = "The first request with this key is still being carried out."
            raise Problem(409, "idempotency-in-progress", detail, headers={"Retry-After": "1"})
        case KeptResponse(status, headers, kept):
            return Response(kept, status, {**headers, REPLAYED: "true"})
        case Begun():
            return await _carry_out(caller.id, key, request, handler)


async def _form_digest(request: Request, service: Service) -> bytes:
    """What a form holds, whatever stands between its parts: programs take another boundary each time."""
    form = await read_form(request, service.settings)

    def digest() -> bytes:
        whole = hashlib.sha256()
        for field, value in form.multi_items():
            if isinstance(value, str):
                whole.update(repr((field, value)).encode())
            else:
                whole.update(repr((field, value.filename, _hash(value.file))).encode())
        return whole.digest()

    return await run_in_threadpool(digest)


def _hash(file: BinaryIO) -> bytes:
    file.seek(0)
    found = hashlib.sha256()
    while part := file.read(HASHED_BYTES):
        found.update(part)
    return found.digest()


async def _carry_out(caller: str, key: str, request: Request, handler: Handler) -> Response:
    requests = request.app.state.service.memory.requests
    try:
        response = await handler(request)
        headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
        body = bytes(response.body).decode()
        await run_in_threadpool(requests.end, caller, key, KeptResponse(response.status_code, headers, body))
    except BaseException:
        # What was refused or failed took no effect, so that it may be sent again.
        await run_in_threadpool(requests.forget, caller, key)
        raise
    return response
