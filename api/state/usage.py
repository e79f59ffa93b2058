"""How the service is used: a row for each question, with what it took and without what was asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, FromClause, case, cast, delete, func, literal, select

from api.state.database import Database
from api.state.feedback import Rating
from api.state.tables import feedback, usage

DAY_S = 86_400.0


class Outcome(StrEnum):
    """What became of a question."""

    ANSWERED = "answered"
    ABSTAINED = "abstained"
    """The documents leave it open."""
    CANCELLED = "cancelled"
    DEADLINE = "deadline"
    FAILED = "failed"


LOST = (Outcome.CANCELLED.value, Outcome.DEADLINE.value, Outcome.FAILED.value)
"""Questions that got no whole answer."""


@dataclass(frozen=True, slots=True)
class Use:
    """One question. Times are seconds; ``first_token_s`` from being taken up, ``total_s`` from its arrival.

    ``sentences`` are those of the answer, of which the sources carry all but the ``unsupported`` ones.
    """

    answer_id: str
    caller: str
    collection: str
    outcome: Outcome
    total_s: float
    first_token_s: float | None = None
    sentences: int = 0
    unsupported: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums over questions, and means of their times (seconds; None where there is none to tell of).

    ``name`` is the day (ISO 8601, UTC) or the caller that they are of. ``lost`` questions got no whole answer.
    """

    name: str
    questions: int
    abstained: int
    lost: int
    sentences: int
    unsupported: int
    helpful: int
    unhelpful: int
    prompt_tokens: int
    output_tokens: int
    mean_first_token_s: float | None
    mean_total_s: float | None
    longest_total_s: float | None


@dataclass(frozen=True, slots=True)
class Part:
    """Which questions: from the day ``first`` to the day ``last``, of these collections and this caller if any."""

    first: date
    last: date
    collections: Collection[str] | None = None
    caller: str | None = None


class UsageStore:
    """All of it in one database."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def note(self, use: Use, kept_days: float) -> None:
        """Count a question that is over now, and forget those of more than ``kept_days`` ago."""
        now = self._clock()
        day = datetime.fromtimestamp(now, UTC).date().isoformat()
        with self._database.write() as connection:
            connection.execute(delete(usage).where(usage.c.asked_at < now - kept_days * DAY_S))
            connection.execute(usage.insert().values(**asdict(use), asked_at=now, day=day))

    def by_day(self, part: Part) -> Sequence[Figures]:
        """The days on which something was asked, the newest first."""
        return self._figures(part, usage.c.day, [usage.c.day.desc()])

    def by_caller(self, part: Part, limit: int) -> Sequence[Figures]:
        """The callers who asked most, first; at most ``limit`` of them."""
        return self._figures(part, usage.c.caller, [func.count().desc(), usage.c.caller], limit)

    def in_all(self, part: Part) -> Figures:
        """All questions together, by no name."""
        return self._figures(part, None)[0]

    def callers(self, part: Part) -> int:
        """How many different callers asked."""
        query = select(func.count(usage.c.caller.distinct())).where(*_within(part))
        with self._database.read() as connection:
            return connection.scalar(query) or 0

    def _figures(
        self,
        part: Part,
        name: ColumnElement[str] | None,
        order: Sequence[ColumnElement[Any]] = (),
        limit: int | None = None,
    ) -> Sequence[Figures]:
        opinions = _opinions()
        joined = usage.outerjoin(opinions, opinions.c.answer_id == usage.c.answer_id)
        query = select(
            (literal("") if name is None else name).label("name"),
            func.count().label("questions"),
            _count(usage.c.outcome == Outcome.ABSTAINED.value).label("abstained"),
            _count(usage.c.outcome.in_(LOST)).label("lost"),
            *(_sum(column).label(column.name) for column in (usage.c.sentences, usage.c.unsupported)),
            *(_sum(column).label(column.name) for column in (opinions.c.helpful, opinions.c.unhelpful)),
            *(_sum(column).label(column.name) for column in (usage.c.prompt_tokens, usage.c.output_tokens)),
            func.avg(usage.c.first_token_s).label("mean_first_token_s"),
            func.avg(usage.c.total_s).label("mean_total_s"),
            func.max(usage.c.total_s).label("longest_total_s"),
        )
        query = query.select_from(joined).where(*_within(part)).order_by(*order).limit(limit)
        if name is not None:
            query = query.group_by(name)
        with self._database.read() as connection:
            return [Figures(**row._mapping) for row in connection.execute(query)]


def _within(part: Part) -> list[ColumnElement[bool]]:
    found = [usage.c.day >= part.first.isoformat(), usage.c.day <= part.last.isoformat()]
    if part.collections is not None:
        found.append(usage.c.collection.in_(part.collections))
    if part.caller is not None:
        found.append(usage.c.caller == part.caller)
    return found


def _opinions() -> FromClause:
    """How often each answer was found helpful, and not."""
    ratings = {"helpful": Rating.UP, "unhelpful": Rating.DOWN}
    counts = [_count(feedback.c.rating == rating.value).label(name) for name, rating in ratings.items()]
    return select(feedback.c.answer_id, *counts).group_by(feedback.c.answer_id).subquery()


def _count(holds: ColumnElement[bool]) -> ColumnElement[int]:
    return _sum(case((holds, 1), else_=0))


def _sum(column: ColumnElement[int]) -> ColumnElement[int]:
    """Postgres makes a decimal number of a sum of whole ones."""
    return cast(func.coalesce(func.sum(column), 0), BigInteger)
