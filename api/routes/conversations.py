"""Conversations of the caller: kept, found again, renamed, deleted, exported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from api.callers import Keeper
from api.conversation_export import as_markdown, file_name
from api.idempotency import IdempotentRoute
from api.kept_answers import KeptAnswers
from api.pages import DEFAULT_LIMIT, Cursor, Limit, page
from api.paging import page_of_those
from api.service import ReadyService, unknown_conversation
from api.state.conversations import Conversation
from api.state_schemas import (
    ConversationBody,
    ConversationRequest,
    ConversationsBody,
    RenameRequest,
    StoredTurnBody,
    WholeConversationBody,
)

router = APIRouter(prefix="/v1/conversations", tags=["conversations"], route_class=IdempotentRoute)

ConversationId = Annotated[str, Path(max_length=64)]
MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "No such conversation of the caller"}}


@router.post("", status_code=201)
def create(body: ConversationRequest, service: ReadyService, caller: Keeper, response: Response) -> ConversationBody:
    """Begin a conversation; name its id in `POST /v1/answers` to ask in it."""
    made = service.memory.conversations.create(caller.id, body.title or "", body.collection)
    response.headers["Location"] = f"/v1/conversations/{made.id}"
    return ConversationBody.of(made)


@router.get("")
def conversations(
    service: ReadyService,
    caller: Keeper,
    search: Annotated[str, Query(max_length=200, description="Words that title, questions or answers hold.")] = "",
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> ConversationsBody:
    """The caller's conversations, the last changed first."""
    store, kept = service.memory.conversations, KeptAnswers(service.catalog, caller)

    def holds(found: Conversation) -> bool:
        return not search.strip() or kept.holds(search, found.title, store.turns(caller.id, found.id)[1])

    found = page(lambda: page_of_those(partial(store.page, caller.id, search=search), limit, cursor, holds))
    bodies = [ConversationBody.of(conversation) for conversation in found.items]
    return ConversationsBody(conversations=bodies, next_cursor=found.next_cursor)


@router.get("/{conversation}", responses=MISSING)
def conversation(conversation: ConversationId, service: ReadyService, caller: Keeper) -> WholeConversationBody:
    """A conversation with its turns; answers come as they were given, citations included.

    One that rests on documents that the caller may not read any more is withheld.
    """
    with _known(conversation):
        found, turns = service.memory.conversations.turns(caller.id, conversation)
    ratings = service.memory.feedback.ratings(caller.id, [turn.answer["id"] for turn in turns if turn.answer])
    readable = KeptAnswers(service.catalog, caller).turns(turns)
    bodies = [StoredTurnBody.of(turn, ratings) for turn in readable]
    return WholeConversationBody(**ConversationBody.of(found).model_dump(), turns=bodies)


@router.patch("/{conversation}", responses=MISSING)
def rename(
    conversation: ConversationId, body: RenameRequest, service: ReadyService, caller: Keeper
) -> ConversationBody:
    """Give a conversation another title."""
    with _known(conversation):
        return ConversationBody.of(service.memory.conversations.rename(caller.id, conversation, body.title))


@router.delete("/{conversation}", status_code=204, responses=MISSING)
def delete(conversation: ConversationId, service: ReadyService, caller: Keeper) -> None:
    """Delete a conversation with all its turns."""
    with _known(conversation):
        service.memory.conversations.delete(caller.id, conversation)


@router.get(
    "/{conversation}/export",
    responses={**MISSING, 200: {"content": {"text/markdown": {"schema": {"type": "string"}}}}},
    response_class=Response,
)
def export(conversation: ConversationId, service: ReadyService, caller: Keeper) -> Response:
    """A conversation as a Markdown file with its sources."""
    with _known(conversation):
        found, turns = service.memory.conversations.turns(caller.id, conversation)
    disposition = f'attachment; filename="{file_name(found.title)}"'
    headers = {"Content-Disposition": disposition}
    readable = KeptAnswers(service.catalog, caller).turns(turns)
    return Response(as_markdown(found, readable), media_type="text/markdown; charset=utf-8", headers=headers)


@contextmanager
def _known(id: str) -> Iterator[None]:
    """Turns a KeyError into a 404 `Problem`."""
    try:
        yield
    except KeyError as error:
        raise unknown_conversation(id) from error
