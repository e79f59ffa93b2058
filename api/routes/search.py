"""POST /v1/search: the passages that fit a query, as they are written."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from api.callers import Reader
from api.links import Links
from api.search_schemas import SearchBody, SearchRequest
from api.service import ReadyService

router = APIRouter(prefix="/v1", tags=["documents"])

RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"description": "The body is not JSON"},
    404: {"description": "Unknown collection"},
    503: {"description": "The service is starting"},
}


@router.post("/search", responses=RESPONSES)
async def search(body: SearchRequest, request: Request, service: ReadyService, caller: Reader) -> SearchBody:
    """Find the passages that fit a query best, by meaning and by words; no text is generated."""
    question = body.to_question(service.settings.collection)
    found = await service.search(question, caller, body.offset + body.limit + 1)
    return SearchBody.of(body, question.collection, found, Links.of(request, service.settings))
