"""Who the caller is to the service, and how one signs in: what a page asks first."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from api.access import Caller, Permission, Role
from api.callers import caller_of
from api.problems import Problem
from api.service import AnyService
from api.session_cookie import SESSION
from api.settings import SignInMethod

router = APIRouter(prefix="/v1", tags=["session"])

SIGN_IN_PATH = "/sign-in"


class CallerBody(BaseModel):
    """The caller, and what he may do."""

    id: str
    role: Role
    permissions: list[Permission]
    collections: list[str] | None = Field(description="Null: all.")
    labels: list[str] | None = Field(description="Labels of documents that it may read. Null: it reads everything.")

    @classmethod
    def of(cls, caller: Caller) -> CallerBody:
        """The body of ``caller``."""
        return cls(
            id=caller.id,
            role=caller.role,
            permissions=[permission for permission in Permission if caller.may(permission)],
            collections=None if caller.collections is None else sorted(caller.collections),
            labels=None if caller.labels is None else sorted(caller.labels),
        )


class SessionBody(BaseModel):
    """Who calls, and the ways to sign in."""

    caller: CallerBody | None = Field(description="Null: not signed in, or with a key that holds no longer.")
    keeps_conversations: bool = Field(
        description="Whether conversations are this caller's own. False where strangers share one name: they must not "
        "find each other's."
    )
    ways: list[SignInMethod] = Field(description="Ways to sign in; none where nobody needs to.")
    sign_in_url: str | None = Field(description="Page that leads to the identity provider and back, if there is one.")


@router.get("/session")
async def session(request: Request, service: AnyService) -> SessionBody:
    """The caller as he is known from this request; for everybody, signed in or not."""
    try:
        caller = await caller_of(request, service)
    except Problem as problem:
        if problem.status_code != 401:
            raise
        caller = None
    settings = service.settings
    return SessionBody(
        caller=None if caller is None else CallerBody.of(caller),
        keeps_conversations=caller is not None and caller.keeps_conversations and caller.may(Permission.ASK),
        ways=list(settings.sign_in),
        sign_in_url=SIGN_IN_PATH if "oidc" in settings.sign_in else None,
    )


@router.delete("/session", status_code=204)
def sign_out(request: Request, service: AnyService) -> Response:
    """Sign out of the service, not of the identity provider; keys and the proxy's users stay who they are."""
    secret = SESSION.read(request, service.settings)
    if secret:
        service.memory.sessions.end(secret)
    response = Response(status_code=204)
    SESSION.forget(response, request, service.settings)
    return response
