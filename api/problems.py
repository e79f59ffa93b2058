"""Errors on the wire: RFC 9457 problems on native routes, OpenAI's shape on the routes its clients call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import Scope

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:docqa:problem:"
OPENAI_PATHS = ("/v1/chat/", "/v1/embeddings", "/v1/models")


class Problem(HTTPException):
    """An error that a caller may see. ``name`` is stable and ends the type's URN; ``extras`` are further members."""

    def __init__(
        self,
        status: int,
        name: str,
        detail: str,
        *,
        title: str | None = None,
        headers: Mapping[str, str] | None = None,
        **extras: Any,  # noqa: ANN401 - any JSON value
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.name = name
        self.title = title or HTTPStatus(status).phrase
        self.extras = extras

    def body(self, scope: Scope) -> dict[str, Any]:
        """The problem as JSON, for the request of this ASGI scope."""
        return {
            "type": TYPE_PREFIX + self.name,
            "title": self.title,
            "status": self.status_code,
            "detail": self.detail,
            "instance": scope["path"],
            "request_id": scope.get("request_id"),
            **self.extras,
        }

    def openai_body(self) -> dict[str, Any]:
        """The same in the shape that OpenAI's clients read."""
        kind = "server_error" if self.status_code >= 500 else "invalid_request_error"
        if self.status_code == 429:
            kind = "rate_limit_error"
        errors = self.extras.get("errors") or [{}]
        return {
            "error": {"message": self.detail, "type": kind, "param": errors[0].get("field"), "code": self.name},
        }

    def response(self, scope: Scope) -> Response:
        """The whole answer to the request of this scope."""
        headers = self.headers or {}
        if speaks_openai(scope):
            # OpenAI knows no 422: a request that can't be used is a 400 there.
            status = 400 if self.status_code == 422 else self.status_code
            return JSONResponse(self.openai_body(), status, headers)
        return JSONResponse(self.body(scope), self.status_code, headers, media_type=MEDIA_TYPE)


def invalid_request(field: str, message: str, **extras: Any) -> Problem:  # noqa: ANN401 - any JSON value
    """422 that names the field and, among ``extras``, the limit it broke."""
    return _invalid([{"field": field, "message": message, **extras}])


def not_found(what: str) -> Problem:
    """404 with what was looked for."""
    return Problem(404, "not-found", what)


def internal_error() -> Problem:
    """500 that says nothing of the inside; the log has it under the request's id."""
    return Problem(500, "internal-error", "Something went wrong on the server. Its log names this request by its id.")


def speaks_openai(scope: Scope) -> bool:
    """Whether the request's path is one that OpenAI's clients call."""
    return str(scope["path"]).startswith(OPENAI_PATHS)


def install_handlers(app: FastAPI) -> None:
    """Let every error that routing, validation or a route raises leave in one of the two shapes."""
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(RequestValidationError, _validation_error)


def _http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return as_problem(error).response(request.scope)


def as_problem(error: HTTPException) -> Problem:
    """The framework's own errors (no such path, method not allowed, unreadable body) as problems."""
    if isinstance(error, Problem):
        return error
    phrase = HTTPStatus(error.status_code).phrase
    detail = {
        404: "There is nothing at this path.",
        405: "This path does not take this method; the Allow header names those it takes.",
    }.get(error.status_code, str(error.detail))
    return Problem(error.status_code, phrase.lower().replace(" ", "-"), detail, headers=error.headers)


def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    details = error.errors()
    if details and details[0]["type"] == "json_invalid":
        where = details[0]["loc"][-1]
        reason = details[0]["ctx"]["error"]
        problem = Problem(400, "malformed-json", f"The body is not valid JSON: {reason} at character {where}.")
    else:
        # What was sent is left out: it may be long, and it may not be encodable.
        problem = _invalid([_field_error(item) for item in details])
    return problem.response(request.scope)


def _field_error(item: Mapping[str, Any]) -> dict[str, Any]:
    _, *location = map(str, item["loc"])  # after the part of the request: body, query, path or header
    found: dict[str, Any] = {"field": ".".join(location) or "body", "message": item["msg"]}
    limits = [value for key, value in (item.get("ctx") or {}).items() if key in _LIMITS]
    return found | ({"limit": limits[0]} if limits else {})


_LIMITS = frozenset({"max_length", "min_length", "le", "ge", "lt", "gt"})


def _invalid(errors: Sequence[Mapping[str, Any]]) -> Problem:
    detail = "; ".join(f"{item['field']}: {item['message']}" for item in errors)
    return Problem(422, "invalid-request", detail, title="The request is not valid", errors=list(errors))
