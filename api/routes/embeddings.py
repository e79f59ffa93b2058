"""OpenAI's embeddings: vectors of texts by the model that the documents are searched with."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from api.callers import Asker
from api.embedding_schemas import EmbeddingList, EmbeddingsRequest, Unembeddable
from api.problems import Problem, invalid_request
from api.service import ReadyService

router = APIRouter(prefix="/v1", tags=["openai"])

AT_ONCE = 32
"""Texts that are embedded before it is looked whether somebody still waits for them."""
RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"description": "The request can't be used"},
    404: {"description": "Unknown model"},
    503: {"description": "The service is starting"},
}


@router.post("/embeddings", responses=RESPONSES)
async def embeddings(body: EmbeddingsRequest, request: Request, service: ReadyService, caller: Asker) -> EmbeddingList:
    """Embed one text or several."""
    known = service.settings.embedder
    if body.model != known:
        raise Problem(404, "model_not_found", f"There is no model {body.model!r} that embeds; {known!r} does.")
    embedder = service.components.embedder
    try:
        tokens = await run_in_threadpool(body.check, embedder)
    except Unembeddable as error:
        raise invalid_request("input", str(error)) from error
    rows: list[list[float]] = []
    for start in range(0, len(body.texts), AT_ONCE):
        if await request.is_disconnected():
            raise ClientDisconnect
        vectors = await run_in_threadpool(embedder.embed, body.texts[start : start + AT_ONCE])
        rows += vectors.tolist()
    return EmbeddingList.of(rows, model=known, tokens=tokens, encoding=body.encoding_format)
