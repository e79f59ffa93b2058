"""Counts a question once it is over: who asked, what became of it and what it took."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from api.state.database import DatabaseUnusable
from api.state.usage import Outcome, UsageStore, Use
from qa.answer import Answer, SentenceStatus

log = logging.getLogger(__name__)


class UsageCount:
    """For one question of ``caller``; what is counted is kept for ``days``."""

    def __init__(self, store: UsageStore, days: float, caller: str, collection: str) -> None:
        self._store = store
        self._days = days
        self._caller = caller
        self._collection = collection

    def over(self, id: str, outcome: Outcome, seconds: float, answer: Answer | None) -> None:
        """Count it, ``seconds`` after it came, in a thread of its own: nobody waits for it."""
        use = Use(id, self._caller, self._collection, outcome, seconds)
        if answer is not None:
            use = _with_figures(use, answer)
        asyncio.get_running_loop().run_in_executor(None, self._note, use)

    def _note(self, use: Use) -> None:
        try:
            self._store.note(use, self._days)
        except DatabaseUnusable as error:
            log.error("question not counted", extra={"answer": use.answer_id}, exc_info=error)


def _with_figures(use: Use, answer: Answer) -> Use:
    statuses = [] if answer.abstained else [sentence.status for sentence in answer.sentences]
    return replace(
        use,
        sentences=len(statuses),
        unsupported=statuses.count(SentenceStatus.UNSUPPORTED),
        prompt_tokens=answer.stats.prompt_tokens,
        output_tokens=answer.stats.output_tokens,
        first_token_s=answer.stats.ttft_s if answer.stats.output_tokens else None,
    )
