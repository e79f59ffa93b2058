"""The tools that assistants call: each asks the service just as a route does, with the rights of its caller."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool

from api.access import Caller, Permission
from api.links import Links
from api.problems import invalid_request, not_found
from api.routes.documents import MAX_REVISION, revision
from api.schemas import AnswerBody, AnswerRequest, place_parts, source_bodies
from api.search_schemas import SearchRequest
from api.service import Service
from api.tool_schemas import (
    MAX_TEXT,
    AskArguments,
    AskResult,
    FetchArguments,
    FetchResult,
    SearchArguments,
    SearchResult,
    SearchResults,
)

COLLECTION = "collection"
"""Query parameter of the server's address that names the collection to use."""
_PLACE = re.compile(r"([0-9a-f]{1,64})@(\d{1,10})(?::(\d{1,12})-(\d{1,12}))?")


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool: in which request, by whom."""

    service: Service
    request: Request
    caller: Caller

    @property
    def links(self) -> Links:
        """Links into this service."""
        return Links.of(self.request, self.service.settings)

    async def answer(self, text: str, collection: str | None) -> AnswerBody:
        """The service's answer; given up when the client leaves. Raises `Problem`."""
        asked = AnswerRequest(question=text, collection=collection or await self.collection())
        question = asked.to_question(self.service.settings.collection)
        exchange = await self.service.ask(question, self.request, self.caller)
        return exchange.body(await exchange.answer(self.request))

    async def collection(self) -> str | None:
        """The collection that the address names; else the usual one, or one that the caller may know of."""
        named = self.request.query_params.get(COLLECTION)
        usual = self.service.settings.collection
        if named or self.caller.sees(usual):
            return named or usual
        known = await run_in_threadpool(self.service.catalog.collections, self.caller.scope)
        return next(iter(self.caller.visible(known)), None)


async def search(call: Call, arguments: SearchArguments) -> SearchResults:
    """Passages of the documents that fit best."""
    asked = SearchRequest(query=arguments.query, collection=await call.collection())
    question = asked.to_question(call.service.settings.collection)
    found = source_bodies(await call.service.search(question, call.caller, asked.limit))
    return SearchResults(results=[SearchResult.of(source, call.links) for source in found])


async def fetch(call: Call, arguments: FetchArguments) -> FetchResult:
    """The text around a place. Raises a 404 `Problem`, also for what the caller may not read."""
    place = _PLACE.fullmatch(arguments.id)
    if place is None or not 1 <= int(place[2]) <= MAX_REVISION:
        raise not_found(f"There is nothing with the id {arguments.id!r}; ids come from search and ask.")
    body = await run_in_threadpool(revision, call.service, call.caller, place[1], int(place[2]))
    span = (int(place[3]), int(place[4])) if place[3] else (0, 0)
    start, end = _window(span, len(body.text))
    path = next((s.path for s in reversed(body.sections) if s.span[0] <= span[0] < s.span[1]), [])
    return FetchResult(
        id=arguments.id,
        title=" › ".join(place_parts(body.title, path)),
        text=body.text[start:end],
        url=call.links.place(body.document, body.revision, span if place[3] else (0, len(body.text))),
        metadata={
            "collection": body.collection,
            "source": body.source,
            "revision": str(body.revision),
            "current": "no" if body.valid_to else "yes",
            "characters": f"{start}-{end} of {len(body.text)}",
        },
    )


async def ask(call: Call, arguments: AskArguments) -> AskResult:
    """An answer built from the documents, each sentence with its status and citations."""
    return AskResult.of(await call.answer(arguments.question, arguments.collection), call.links)


def _window(span: tuple[int, int], length: int) -> tuple[int, int]:
    """At most `MAX_TEXT` characters of a text of this length, with the middle of ``span`` in their middle."""
    middle = min((span[0] + span[1]) // 2, length)
    start = max(0, min(middle - MAX_TEXT // 2, length - MAX_TEXT))
    return start, min(length, start + MAX_TEXT)


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as assistants see it, what its caller must be allowed to, and what carries it out."""

    name: str
    title: str
    description: str
    permission: Permission
    takes: type[BaseModel]
    gives: type[BaseModel]
    run: Callable[[Call, Any], Awaitable[BaseModel]]

    async def __call__(self, call: Call, arguments: dict[str, Any]) -> BaseModel:
        """Check the arguments and carry it out. Raises `Problem`."""
        try:
            taken = self.takes.model_validate(arguments)
        except ValidationError as error:
            first = error.errors()[0]
            raise invalid_request(".".join(map(str, first["loc"])) or "arguments", first["msg"]) from error
        return await self.run(call, taken)


TOOLS = {
    tool.name: tool
    for tool in (
        Tool(
            "search",
            "Search the documents",
            "Finds the passages of the company's documentation that fit a query best; fetch gives their whole text.",
            Permission.READ,
            SearchArguments,
            SearchResults,
            search,
        ),
        Tool(
            "fetch",
            "Read a document",
            "Gives the text of a document that search or ask named; of a long one the part around the named place.",
            Permission.READ,
            FetchArguments,
            FetchResult,
            fetch,
        ),
        Tool(
            "ask",
            "Ask the documents",
            "Answers a question from the company's documentation alone, each sentence with the places it rests on, or "
            "says that the documents do not hold the answer.",
            Permission.ASK,
            AskArguments,
            AskResult,
            ask,
        ),
    )
}
