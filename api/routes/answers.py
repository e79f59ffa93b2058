"""POST /v1/answers: a question in, a cited answer out, whole or as it comes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from api.callers import Asker, Priority
from api.idempotency import IdempotentRoute
from api.problems import Problem
from api.schemas import EVENT_NAMES, AnswerBody, AnswerRequest, event_body
from api.service import Exchange, Place, ReadyService
from api.sse import MEDIA_TYPE, EventStream, encode_event

router = APIRouter(prefix="/v1", tags=["answers"], route_class=IdempotentRoute)

RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer; with `Accept: text/event-stream` the events `sources`, `delta`…, `answer` "
        "(or `error` with a problem).",
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
    },
    400: {"description": "The body is not JSON"},
    404: {"description": "Unknown collection or conversation"},
    409: {"description": "The first request with this idempotency key is still being carried out"},
    422: {"description": "A field is missing, unknown or over its limit"},
    429: {"description": "The queue is full; Retry-After says when to come again"},
    503: {"description": "The service is starting or stopping"},
    504: {"description": "The answer took longer than the deadline"},
}


@router.post("/answers", response_model=AnswerBody, responses=RESPONSES)
async def answers(
    body: AnswerRequest, request: Request, service: ReadyService, caller: Asker, priority: Priority = "interactive"
) -> Response:
    """Answer a question from the documents of one collection; with `conversation`, as its next turn."""
    place = None if body.conversation is None else Place(body.conversation, body.replace)
    question = body.to_question(service.settings.collection)
    exchange = await service.ask(question, request, caller, batch=priority == "batch", place=place)
    if MEDIA_TYPE in request.headers.get("accept", ""):
        return EventStream(_events(exchange, request), exchange.finish)
    answer = await exchange.answer(request)
    return JSONResponse(exchange.body(answer).model_dump())


async def _events(exchange: Exchange, request: Request) -> AsyncGenerator[bytes, None]:
    try:
        async for event in exchange.events():
            body = event_body(event, id=exchange.id, model=exchange.model, question=exchange.question)
            yield encode_event(body.model_dump(), EVENT_NAMES[type(body)])
    except Problem as problem:
        yield encode_event(problem.body(request.scope), "error")
