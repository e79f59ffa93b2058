"""Keys and the audit log."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import Field, StringConstraints

from api.access import Permission, Role
from api.callers import Admin
from api.pages import DEFAULT_LIMIT, Cursor, Limit, page
from api.problems import Problem, invalid_request, not_found
from api.schemas import CollectionName, RequestBody
from api.service import AnyService
from api.state.keys import KeyRequest, beyond
from api.state_schemas import AuditBody, AuditEntryBody, KeyBody, KeysBody, Title
from api.widget_key import MAX_ORIGINS, widget_key

router = APIRouter(prefix="/v1", tags=["administration"])


Label = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]


class NewKeyRequest(RequestBody):
    """What a new key shall be."""

    name: Title = Field(examples=["ticket system"])
    role: Role = Role.READER
    scopes: list[Permission] | None = Field(None, max_length=10, description="Left out: whatever the role may.")
    collections: list[CollectionName] | None = Field(None, max_length=100, description="Left out: all.")
    batch: bool = Field(False, description="Its questions let those of people go first.")
    requests_per_minute: int | None = Field(None, ge=1, le=1_000_000)
    origins: list[str] | None = Field(
        None,
        max_length=MAX_ORIGINS,
        description="Sites whose pages may show the chat by this key, which then only asks, one collection.",
        examples=[["https://intranet.example"]],
    )
    labels: list[Label] | None = Field(
        None,
        max_length=100,
        description="Labels of documents that it may read beside those without any. Left out: what the role may, an "
        "admin everything.",
        examples=[["hr"]],
    )
    expires_at: float | None = Field(None, gt=0, lt=1e11, description="UTC seconds since the epoch.")


class NewKeyBody(KeyBody):
    """A key with its secret, which is shown this once."""

    secret: str


@router.get("/keys")
def keys(service: AnyService, caller: Admin) -> KeysBody:
    """All API keys, the revoked ones too."""
    return KeysBody(keys=[KeyBody.of(key) for key in service.memory.keys.list()])


@router.post("/keys", status_code=201)
def create_key(body: NewKeyRequest, request: Request, service: AnyService, caller: Admin) -> NewKeyBody:
    """Make an API key, which reaches no more documents than its maker."""
    try:
        key = widget_key(KeyRequest(**body.model_dump()))
    except ValueError as error:
        raise invalid_request("origins", str(error)) from error
    out_of_reach = beyond(caller, key)
    if out_of_reach:
        raise Problem(403, "forbidden", f"The key would reach {out_of_reach} that its maker does not.")
    made, secret = service.memory.keys.create(key)
    described = KeyBody.of(made)
    details = described.model_dump(
        mode="json", include={"name", "role", "scopes", "collections", "expires_at", "origins", "labels"}
    )
    service.memory.audit.add(caller.id, "key.create", made.id, details, request.scope["request_id"])
    return NewKeyBody(**described.model_dump(), secret=secret)


@router.delete("/keys/{key}", responses={404: {"description": "No such key that holds"}})
def revoke_key(
    key: Annotated[str, Path(max_length=64)], request: Request, service: AnyService, caller: Admin
) -> KeyBody:
    """Revoke an API key; it opens nothing from now on."""
    try:
        revoked = service.memory.keys.revoke(key)
    except KeyError as error:
        raise not_found(f"There is no key {key!r} that holds.") from error
    service.memory.audit.add(caller.id, "key.revoke", revoked.id, request_id=request.scope["request_id"])
    return KeyBody.of(revoked)


@router.get("/audit")
def audit(service: AnyService, caller: Admin, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> AuditBody:
    """The audit log, the newest first."""
    found = page(lambda: service.memory.audit.page(limit, cursor))
    return AuditBody(entries=[AuditEntryBody.of(entry) for entry in found.items], next_cursor=found.next_cursor)
