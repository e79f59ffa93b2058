"""Puts questions that were left open into the queue, and takes them out once they are answered."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from api.schemas import AnswerBody, SourceBody
from api.settings import Settings
from api.state.database import DatabaseUnusable
from api.state.memory import Memory
from api.state.unanswered import Entry, Nearest, Resolution
from qa.answer import Origin, Question, Turn
from qa.conversation import queries
from qa.question_match import QuestionMatcher
from qa.unanswered import Unanswered, unanswered

log = logging.getLogger(__name__)


class UnansweredQueue:
    """The queue over one memory; for many threads. With ``unanswered_days`` 0 nothing gets into it."""

    def __init__(self, memory: Memory, matcher: QuestionMatcher, settings: Settings) -> None:
        self._memory = memory
        self._matcher = matcher
        self._days = settings.unanswered_days

    def answered(self, question: Question, body: AnswerBody) -> None:
        """Hear of an answer that was given; questions about the past say nothing about the documents of today."""
        reason = unanswered(body.abstained, [sentence.status for sentence in body.sentences])
        if reason is not None and question.scope.as_of is None:
            try:
                self._add(body.collection, _understood(question.text, question.history), reason, body)
            except DatabaseUnusable as error:
                # Whoever asked still gets the answer; that the question is not kept is for the operator to see.
                log.error("question not queued", extra={"answer": body.id}, exc_info=error)

    def disliked(self, answer_id: str) -> None:
        """Hear that somebody was not helped by an answer; only those kept in a conversation are known here."""
        found = self._memory.conversations.turns_until(answer_id)
        if found and found[-1].answer is not None:
            turn = found[-1]
            history = tuple(Turn(before.question, before.text) for before in found[:-1])
            body = AnswerBody.model_validate(turn.answer)
            self._add(body.collection, _understood(turn.question, history), Unanswered.DISLIKED, body)

    def rechecked(self, entry: Entry, body: AnswerBody, by: str) -> Entry:
        """Close ``entry`` if ``body``, which answers it now, leaves nothing open; by whom."""
        if unanswered(body.abstained, [sentence.status for sentence in body.sentences]) is not None:
            return entry
        curated = body.curated if body.origin is Origin.CURATED else None
        resolution = Resolution.DOCUMENT if curated is None else Resolution.CURATED
        return self._memory.unanswered.close(entry.id, resolution, by, None if curated is None else curated.id)

    def sweep(self) -> None:
        """Delete what has been there for longer than the setting allows."""
        self._memory.unanswered.sweep(self._days)

    def _add(self, collection: str, question: str, reason: Unanswered, body: AnswerBody) -> None:
        if not self._days:
            return
        self.sweep()
        places = [_nearest(source) for source in body.nearest or _cited(body)]
        self._memory.unanswered.add(
            collection, question, reason, body.id, places, lambda known: self._matcher.near(question, known)
        )


def _understood(question: str, history: Sequence[Turn]) -> str:
    """The question as it is to be understood, after those that it follows."""
    return queries(question, history)[0].text


def _cited(body: AnswerBody) -> Sequence[SourceBody]:
    """The passages that an answer rests on, else the first ones that were found."""
    cited = {citation.passage for sentence in body.sentences for citation in sentence.citations}
    return [source for source in body.sources if source.number in cited][:3] or body.sources[:3]


def _nearest(source: SourceBody) -> Nearest:
    return Nearest(
        source.document, source.source, source.title, source.revision, tuple(source.section_path), source.span
    )
