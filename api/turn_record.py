"""Writes an answer into the conversation that it belongs to, however it ends."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from starlette.concurrency import run_in_threadpool

from api.state.conversations import Conversations
from api.state.database import DatabaseUnusable

log = logging.getLogger(__name__)


class TurnRecord:
    """The turn ``turn`` of a conversation while its answer is made; `hear` each piece of text as it comes."""

    def __init__(self, conversations: Conversations, turn: str, question: str) -> None:
        self._conversations = conversations
        self._turn = turn
        self._question = question
        self._text = ""

    def hear(self, text: str) -> None:
        """A further piece came."""
        self._text += text

    async def answered(self, body: dict[str, Any]) -> None:
        """Keep the whole answer; once this returns it is on the disk."""
        await run_in_threadpool(self._end, body["answer"], body)

    def stopped(self) -> None:
        """Keep what had come, in a thread of its own: nobody waits for it."""
        if self._text:
            asyncio.get_running_loop().run_in_executor(None, self._end, self._text, None)

    def _end(self, text: str, body: dict[str, Any] | None) -> None:
        try:
            self._conversations.end_turn(self._turn, self._question, text, body)
        except DatabaseUnusable as error:
            # Whoever asked still gets the answer; that it is not kept is for the operator to see.
            log.error("answer not kept", extra={"turn": self._turn}, exc_info=error)
