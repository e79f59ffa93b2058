"""What routes ask of their caller: a permission, checked before anything else, and a rate kept to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Depends, Header, Request

from api import widget_key
from api.access import Caller, Permission
from api.problems import Problem
from api.service import AnyService, Service, no_conversations


@dataclass(frozen=True, slots=True)
class Requires:
    """A dependency of a route: the caller, if it has this permission."""

    permission: Permission

    async def __call__(self, request: Request, service: AnyService) -> Caller:
        """Raises a 401, 403 or 429 `Problem`."""
        caller = await caller_of(request, service)
        if not caller.may(self.permission):
            detail = f"This takes the permission {self.permission.value!r}, which role or scopes of the caller lack."
            raise Problem(403, "forbidden", detail, permission=self.permission.value)
        return caller


async def caller_of(request: Request, service: Service) -> Caller:
    """Who sent ``request``; found and counted once. Raises a 401 or 429 `Problem`."""
    known: Caller | None = getattr(request.state, "caller", None)
    if known is not None:
        return known
    caller = await service.sign_in.caller(request.scope)
    if caller.public and request.url.path not in widget_key.PATHS:
        raise Problem(403, "forbidden", "A key for pages of other sites opens nothing but the chat.")
    per_minute = caller.requests_per_minute or service.settings.requests_per_minute
    wait = service.rates.take(caller.id, per_minute) if per_minute else 0
    if wait:
        detail = f"At most {per_minute} requests a minute; try again in {wait} s."
        raise Problem(429, "rate-limited", detail, headers={"Retry-After": str(wait)}, retry_after=wait)
    request.state.caller = caller
    return caller


async def _anybody(request: Request, service: AnyService) -> Caller:
    return await caller_of(request, service)


async def _keeper(request: Request, service: AnyService) -> Caller:
    caller = await Requires(Permission.ASK)(request, service)
    if not caller.keeps_conversations:
        raise no_conversations()
    return caller


Priority = Annotated[
    Literal["interactive", "batch"],
    Header(alias="X-Docqa-Priority", description="`batch`: let questions of people go first."),
]

Known = Annotated[Caller, Depends(_anybody)]
"""Whoever it is: what he may do decides what he finds here."""
Asker = Annotated[Caller, Depends(Requires(Permission.ASK))]
Keeper = Annotated[Caller, Depends(_keeper)]
"""Who may ask, and by a name that is no stranger's too: he has conversations of his own."""
Reader = Annotated[Caller, Depends(Requires(Permission.READ))]
Curator = Annotated[Caller, Depends(Requires(Permission.CURATE))]
Ingester = Annotated[Caller, Depends(Requires(Permission.INGEST))]
Admin = Annotated[Caller, Depends(Requires(Permission.ADMIN))]
