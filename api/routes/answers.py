"""POST /v1/answers: a question in, a cited answer out, whole or as it comes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from api.problems import Problem, invalid_request
from api.schemas import AnswerBody, AnswerRequest, DeltaEvent, LimitBroken, ProblemBody, SourcesEvent, source_bodies
from api.service import Exchange, ReadyService
from api.sse import MEDIA_TYPE, EventStream, encode_event
from qa.answer import PassagesFound, TextDelta

router = APIRouter(prefix="/v1", tags=["answers"])

RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer; with `Accept: text/event-stream` the events `sources`, `delta`…, `answer` "
        "(or `error` with a problem).",
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
    },
    404: {"model": ProblemBody, "description": "Unknown collection"},
    422: {"model": ProblemBody, "description": "A field is missing, unknown or over its limit"},
    429: {"model": ProblemBody, "description": "The queue is full; Retry-After says when to come again"},
    503: {"model": ProblemBody, "description": "The service is starting or stopping"},
    504: {"model": ProblemBody, "description": "The answer took longer than the deadline"},
}


@router.post("/answers", response_model=AnswerBody, responses=RESPONSES)
async def answers(body: AnswerRequest, request: Request, service: ReadyService) -> Response:
    """Answer a question from the documents of one collection."""
    try:
        question = body.to_question(service.settings)
    except LimitBroken as error:
        raise invalid_request(error.field, error.message, limit=error.limit) from error
    exchange = await service.ask(question)
    if MEDIA_TYPE in request.headers.get("accept", ""):
        return EventStream(_events(exchange, request), exchange.finish)
    answer = await exchange.answer(request)
    whole = AnswerBody.of(answer, id=exchange.id, model=exchange.model, question=question)
    return JSONResponse(whole.model_dump(), headers={"Cache-Control": "no-store"})


async def _events(exchange: Exchange, request: Request) -> AsyncGenerator[bytes, None]:
    question = exchange.question
    try:
        async for event in exchange.events():
            if isinstance(event, PassagesFound):
                sources = SourcesEvent(
                    id=exchange.id,
                    model=exchange.model,
                    collection=question.collection,
                    sources=source_bodies(event.passages),
                )
                yield encode_event(sources.model_dump(), "sources")
            elif isinstance(event, TextDelta):
                yield encode_event(DeltaEvent(text=event.text).model_dump(), "delta")
            else:
                whole = AnswerBody.of(event.answer, id=exchange.id, model=exchange.model, question=question)
                yield encode_event(whole.model_dump(), "answer")
    except Problem as problem:
        yield encode_event(problem.body(request.scope), "error")
