"""The API's description: FastAPI's own, with errors as they really are on the wire."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from api.openai_schemas import ErrorBody
from api.problems import MEDIA_TYPE, speaks_openai
from api.schemas import ProblemBody

JSON = "application/json"
EVERYWHERE = {
    "413": "The body is too large",
    "421": "The service is not reached under this host name",
    "500": "Something went wrong on the server",
}
"""Errors that any route may answer with."""
SIGNED_IN = {
    "401": "Not signed in, or the key is unknown, revoked or expired",
    "403": "Role or scopes of the caller lack the permission, or a page of another site asked",
    "429": "Over the rate limit; Retry-After says when to come again",
}
"""Errors of routes that ask who calls."""
OPEN = ("/healthz", "/readyz")


def describe_errors(app: FastAPI) -> None:
    """Make ``app.openapi()`` name the media type and the schema of each error response."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            described = generate()
            schemas = described["components"]["schemas"]
            described["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            for body in (ProblemBody, ErrorBody):
                schema = body.model_json_schema(ref_template="#/components/schemas/{model}")
                schemas |= {**schema.pop("$defs", {}), body.__name__: schema}
            for path, methods in described["paths"].items():
                for operation in methods.values():
                    if "requestBody" in operation:
                        operation["responses"].setdefault("400", {"description": "The body can't be read"})
                    _describe(path, operation["responses"])
                    if path not in OPEN:
                        operation["security"] = [{"key": []}, {}]
        return app.openapi_schema or generate()

    app.openapi = openapi  # type: ignore[method-assign]


def _describe(path: str, responses: dict[str, Any]) -> None:
    openai = speaks_openai({"type": "http", "path": path})
    schema = ErrorBody.__name__ if openai else ProblemBody.__name__
    content = {JSON if openai else MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    if openai:
        responses.pop("422", None)  # a request that can't be used is a 400 there
    for status, description in (EVERYWHERE if path in OPEN else EVERYWHERE | SIGNED_IN).items():
        responses.setdefault(status, {"description": description})
    for status, response in responses.items():
        if int(status) >= 400:
            response["content"] = content
