"""Is the process alive, can it answer, what has it done."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.callers import Admin
from api.metrics import CONTENT_TYPE
from api.service import AnyService, ReadyService

router = APIRouter(tags=["operation"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """200 as long as the process serves requests, also while it loads."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"description": "Loading, or loading failed"}})
async def readyz(service: ReadyService) -> dict[str, str]:
    """200 once questions are answered; until then 503 that says what is being loaded."""
    return {"status": "ready"}


@router.get("/metrics", response_class=Response)
async def metrics(service: AnyService, caller: Admin) -> Response:
    """Prometheus' text format."""
    return Response(service.metrics.text(), media_type=CONTENT_TYPE)
