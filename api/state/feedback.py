"""What people think of answers."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import select

from api.paging import Page, Position, page_of
from api.state.database import Database, upsert
from api.state.rows import newest_first, row_of
from api.state.tables import feedback, turns


class Rating(StrEnum):
    """Thumbs."""

    UP = "up"
    DOWN = "down"


class Reason(StrEnum):
    """Why an answer did not help."""

    WRONG = "wrong"
    INCOMPLETE = "incomplete"
    NOT_FOUND = "not_found"
    WRONG_SOURCE = "wrong_source"
    OUTDATED = "outdated"
    UNCLEAR = "unclear"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Feedback:
    """One person's opinion of one answer.

    ``question``, ``text`` and the whole ``answer`` are those of a stored conversation, else None.
    """

    id: str
    answer_id: str
    author: str
    rating: Rating
    reason: Reason | None
    comment: str
    created_at: float
    question: str | None = None
    text: str | None = None
    answer: Mapping[str, Any] | None = None


class FeedbackStore:
    """All feedback in one database; a person's later opinion of an answer replaces the earlier one."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def give(self, answer_id: str, author: str, rating: Rating, reason: Reason | None, comment: str) -> Feedback:
        """Keep it."""
        given = Feedback(f"fb_{uuid.uuid4().hex}", answer_id, author, rating, reason, comment, self._clock())
        with self._database.write() as connection:
            upsert(connection, feedback, row_of(feedback, given))
        return given

    def ratings(self, author: str, answer_ids: Collection[str]) -> dict[str, Rating]:
        """What ``author`` thinks of these answers, as far as he said."""
        own = feedback.c.author == author, feedback.c.answer_id.in_(answer_ids)
        with self._database.read() as connection:
            found = connection.execute(select(feedback.c.answer_id, feedback.c.rating).where(*own))
            return {row.answer_id: Rating(row.rating) for row in found}

    def page(self, limit: int, cursor: str | None = None, rating: Rating | None = None) -> Page[Feedback]:
        """The newest first. Raises `api.paging.BadCursor`."""
        joined = feedback.outerjoin(turns, turns.c.answer_id == feedback.c.answer_id)
        query = select(feedback, turns.c.question, turns.c.text, turns.c.answer).select_from(joined)
        if rating is not None:
            query = query.where(feedback.c.rating == rating)
        query = newest_first(query, feedback.c.created_at, feedback.c.id, limit, cursor)
        with self._database.read() as connection:
            rows = [dict(row._mapping) for row in connection.execute(query)]
        found = [
            Feedback(**{**row, "rating": Rating(row["rating"]), "reason": row["reason"] and Reason(row["reason"])})
            for row in rows
        ]
        return page_of(found, limit, lambda given: Position(given.created_at, given.id))
