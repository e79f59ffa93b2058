"""OpenAI's chat completions over the documents, so that tools which speak that API can ask them."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from api.callers import Asker, Priority
from api.links import Links
from api.openai_schemas import ChatCompletion, ChatRequest, Evidence, Link, ModelCard, ModelList, Unsupported, Usage
from api.openai_schemas import finish_reason as openai_finish_reason
from api.problems import Problem, invalid_request
from api.service import AnyService, Exchange, ReadyService, Service
from api.sse import MEDIA_TYPE, EventStream, encode_event
from qa.answer import AnswerDone, TextDelta

router = APIRouter(prefix="/v1", tags=["openai"])

DONE = b"data: [DONE]\n\n"
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "With `stream` the chunks as events", "content": {MEDIA_TYPE: {"schema": {"type": "string"}}}},
    400: {"description": "The request can't be used"},
    404: {"description": "Unknown model or collection"},
    429: {"description": "The queue is full"},
    503: {"description": "The service is starting or stopping"},
    504: {"description": "The answer took longer than the deadline"},
}


@router.get("/models")
def models(service: AnyService, caller: Asker) -> ModelList:
    """The model that answers, and the one that embeds."""
    return ModelList(data=[ModelCard(id=name, created=0) for name in _models(service)])


@router.get("/models/{model}", responses={404: {"description": "Unknown model"}})
def model(model: str, service: AnyService, caller: Asker) -> ModelCard:
    """The card of that model."""
    if model not in _models(service):
        raise _no_model(model, service)
    return ModelCard(id=model, created=0)


@router.post("/chat/completions", response_model=ChatCompletion, responses=RESPONSES)
async def chat_completions(
    body: ChatRequest, request: Request, service: ReadyService, caller: Asker, priority: Priority = "interactive"
) -> Response:
    """Answer the conversation's last message from the documents."""
    if body.model != service.settings.model:
        raise _no_model(body.model, service)
    try:
        question = body.to_question(service.settings.collection)
    except Unsupported as error:
        raise invalid_request(error.param, str(error)) from error
    exchange = await service.ask(question, request, caller, batch=priority == "batch")
    link = Links.of(request, service.settings).citation
    created = int(time.time())
    if body.stream:
        usage = body.stream_options is not None and body.stream_options.include_usage
        return EventStream(_chunks(exchange, link, created, usage=usage), exchange.finish)
    answer = await exchange.answer(request)
    completion = ChatCompletion.of(answer, link, id=_chat_id(exchange), created=created, model=exchange.model)
    return JSONResponse(completion.model_dump())


async def _chunks(exchange: Exchange, link: Link, created: int, *, usage: bool) -> AsyncGenerator[bytes, None]:
    """Chunks of the answer; its citations stand once, in the last one that has a choice."""

    def chunk(**members: Any) -> bytes:  # noqa: ANN401 - JSON values
        head = {"id": _chat_id(exchange), "object": "chat.completion.chunk", "created": created}
        counted = {"usage": None} if usage else {}
        return encode_event({**head, "model": exchange.model, **counted, **members})

    def choice(delta: dict[str, Any], finish_reason: str | None = None) -> list[dict[str, Any]]:
        return [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}]

    try:
        yield chunk(choices=choice({"role": "assistant", "content": ""}))
        async for event in exchange.events():
            if isinstance(event, TextDelta):
                yield chunk(choices=choice({"content": event.text}))
            elif isinstance(event, AnswerDone):
                evidence = Evidence.of(event.answer, link).model_dump()
                yield chunk(choices=choice(evidence, openai_finish_reason(event.answer)))
                if usage:
                    yield chunk(choices=[], usage=Usage.of(event.answer.stats).model_dump())
        yield DONE
    except Problem as problem:
        yield encode_event(problem.openai_body())


def _chat_id(exchange: Exchange) -> str:
    return f"chatcmpl-{exchange.id}"


def _models(service: Service) -> tuple[str, str]:
    return service.settings.model, service.settings.embedder


def _no_model(name: str, service: Service) -> Problem:
    known = service.settings.model
    return Problem(404, "model_not_found", f"There is no model {name!r}; this service answers with {known!r}.")
