"""How the service is used: by day and by caller, without what was asked."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from api.callers import Admin
from api.problems import invalid_request
from api.service import AnyService
from api.state.usage import Part
from api.usage_schemas import UsageBody

router = APIRouter(prefix="/v1/usage", tags=["administration"])

SHOWN_DAYS = 30
MAX_CALLERS = 1_000


@router.get("")
def usage(
    service: AnyService,
    caller: Admin,
    first: Annotated[date | None, Query(description="Left out: 30 days up to `last`.")] = None,
    last: Annotated[date | None, Query(description="UTC. Left out: today.", examples=["2026-11-30"])] = None,
    asked_by: Annotated[str | None, Query(max_length=400, description="Only questions of this `caller`.")] = None,
    callers: Annotated[int, Query(ge=0, le=MAX_CALLERS, description="Callers to be told of, at most.")] = 100,
) -> UsageBody:
    """Questions, what became of them and what they took: in all, by day and by who asked.

    They are counted for as long as `usage_days` says. Questions that were refused for a full queue are not among them.
    """
    until = last or datetime.now(UTC).date()
    since = first or until - timedelta(days=min(SHOWN_DAYS, until.toordinal()) - 1)
    if since > until:
        raise invalid_request("first", "after `last`")
    part = Part(since, until, caller.collections, asked_by)
    return UsageBody.of(service.memory.usage, part, callers, service.memory.keys)
