"""GET /sign-in: to the identity provider and back, which ends in a session."""

from __future__ import annotations

import html
import logging
import re
import secrets
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from api.links import Links
from api.problems import not_found
from api.routes.session import SIGN_IN_PATH
from api.service import AnyService, Service
from api.session_cookie import SESSION, SIGN_IN
from api.state.sessions import SIGN_IN_S, SignInAttempt

log = logging.getLogger(__name__)

router = APIRouter(include_in_schema=False)

CALLBACK = f"{SIGN_IN_PATH}/callback"
HOME = "/"
# A path on this site: a second slash, or a backslash, which browsers take for one, would lead to another.
_OWN_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]{0,1000}")
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Not signed in</title>
<h1>Not signed in</h1><p>{reason}</p><p><a href="{again}">Try again</a></p></html>
"""


@router.get(SIGN_IN_PATH)
async def sign_in(request: Request, service: AnyService, to: str = HOME) -> Response:
    """To the provider; afterwards to the path ``to`` of this site."""
    _require_provider(service)
    from api.identity_provider import SignInFailed

    attempt = await run_in_threadpool(service.memory.sessions.begin_sign_in, own_path(to))
    try:
        address = await service.identity_provider.address(attempt, _callback(request, service))
    except SignInFailed as error:
        return _failed(error, request, 502)
    response = RedirectResponse(address, 302, {"Cache-Control": "no-store"})
    SIGN_IN.write(response, request, service.settings, attempt.state, SIGN_IN_S)
    return response


@router.get(CALLBACK)
async def come_back(
    request: Request,
    service: AnyService,
    code: Annotated[str, Query(max_length=4096)] = "",
    state: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """From the provider, with a code for what it says of the person who signed in there."""
    _require_provider(service)
    from api.identity_provider import SignInFailed

    attempt = await _attempt(request, service, state)
    if attempt is None:
        reason = "This sign-in was not begun in this browser, was completed before, or took too long."
        return _failed(SignInFailed(reason), request, 400)
    if not code:
        return _failed(SignInFailed("The identity provider signed nobody in."), request, 403)
    try:
        identity = await service.identity_provider.identity(attempt, code, _callback(request, service))
    except SignInFailed as error:
        return _failed(error, request, 403)
    seconds = service.settings.session_hours * 3600
    secret = await run_in_threadpool(service.memory.sessions.create, identity.user, identity.groups, seconds)
    response = RedirectResponse(attempt.destination, 303, {"Cache-Control": "no-store"})
    SIGN_IN.forget(response, request, service.settings)
    SESSION.write(response, request, service.settings, secret, seconds)
    return response


def own_path(path: str) -> str:
    """``path`` if it leads to this site, else the path of its first page."""
    return path if _OWN_PATH.fullmatch(path) else HOME


async def _attempt(request: Request, service: Service, state: str) -> SignInAttempt | None:
    """The attempt of this browser with this state; it is over then."""
    begun = SIGN_IN.read(request, service.settings)
    if not begun or not secrets.compare_digest(begun.encode(), state.encode()):
        return None
    return await run_in_threadpool(service.memory.sessions.end_sign_in, state)


def _callback(request: Request, service: Service) -> str:
    return Links.of(request, service.settings).base + CALLBACK.removeprefix("/")


def _require_provider(service: Service) -> None:
    if "oidc" not in service.settings.sign_in:
        raise not_found("This service has no identity provider.")


def _failed(error: Exception, request: Request, status: int) -> Response:
    cause = type(error.__cause__).__name__ if error.__cause__ else None
    log.warning(
        "sign-in failed", extra={"request_id": request.scope["request_id"], "reason": str(error), "cause": cause}
    )
    page = PAGE.format(reason=html.escape(str(error)), again=SIGN_IN_PATH)
    return HTMLResponse(page, status, {"Cache-Control": "no-store"})
