"""The queue of questions that the documents left open, for the people who keep the documents.

Who asked is not kept. Questions that are near to each other make one entry; what is older than the queue's days is
deleted, and an entry with its last asking.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, and_, delete, exists, func, select, update

from api.paging import Page, Position, page_of
from api.state.database import Database, upsert
from api.state.rows import newest_first
from api.state.tables import unanswered, unanswered_askings
from qa.unanswered import Unanswered

DAY_S = 86_400.0


class Resolution(StrEnum):
    """What closed an entry: a curated answer, or documents that now answer it."""

    CURATED = "curated"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class Nearest:
    """A section to look in. ``span`` is in the canonical text of that revision."""

    document: str
    source: str
    title: str
    revision: int
    section_path: tuple[str, ...]
    span: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Asking:
    """One time that it was asked."""

    answer_id: str
    question: str
    reason: Unanswered
    asked_at: float


@dataclass(frozen=True, slots=True)
class Entry:
    """Questions near to ``question``, the first of them; ``counts`` by reason. Open while ``resolution`` is None."""

    id: str
    collection: str
    question: str
    nearest: tuple[Nearest, ...]
    first_at: float
    last_at: float
    resolution: Resolution | None
    curated_id: str | None
    closed_by: str | None
    closed_at: float | None
    counts: Mapping[Unanswered, int]

    @property
    def count(self) -> int:
        """How often it was asked."""
        return sum(self.counts.values())


Group = Callable[[Sequence[tuple[str, Sequence[str]]]], str | None]
"""Chooses one of some entries, each with its question, or none of them."""


class UnansweredStore:
    """The whole queue in one database."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def add(
        self,
        collection: str,
        question: str,
        reason: Unanswered,
        answer_id: str,
        nearest: Sequence[Nearest],
        group: Group,
    ) -> str:
        """Put a question into the entry that ``group`` chooses, which is open again, or into one of its own.

        The id of the entry. A question with the same ``answer_id`` was there before: its reason changes.
        """
        known = self._known(answer_id) or group(self._questions(collection))
        now = self._clock()
        rows = [
            {
                "document": place.document,
                "source": place.source,
                "title": place.title,
                "revision": place.revision,
                "section_path": list(place.section_path),
                "span": list(place.span),
            }
            for place in nearest
        ]
        opened = {"resolution": None, "curated_id": None, "closed_by": None, "closed_at": None, "last_at": now}
        with self._database.write() as connection:
            again = update(unanswered).where(unanswered.c.id == known).values(**opened)
            if known is None or connection.execute(again).rowcount == 0:
                known = f"unq_{uuid.uuid4().hex}"
                entry = {"id": known, "collection": collection, "question": question, "first_at": now}
                connection.execute(unanswered.insert().values(**entry, **opened, nearest=rows))
            elif rows:
                connection.execute(update(unanswered).where(unanswered.c.id == known).values(nearest=rows))
            asking = {"unanswered_id": known, "question": question, "reason": reason.value, "asked_at": now}
            upsert(connection, unanswered_askings, {"answer_id": answer_id, **asking})
        return known

    def find(self, id: str) -> Entry:
        """Raises KeyError."""
        with self._database.read() as connection:
            row = connection.execute(select(unanswered).where(unanswered.c.id == id)).first()
            if row is None:
                raise KeyError(id)
            return _entry(dict(row._mapping), _counts(connection, [id])[id])

    def askings(self, id: str, limit: int) -> tuple[Asking, ...]:
        """The last ``limit`` times that it was asked, the newest first."""
        askings = unanswered_askings
        query = select(askings.c.answer_id, askings.c.question, askings.c.reason, askings.c.asked_at)
        query = query.where(askings.c.unanswered_id == id).order_by(askings.c.asked_at.desc(), askings.c.answer_id)
        with self._database.read() as connection:
            rows = connection.execute(query.limit(limit))
            return tuple(Asking(row.answer_id, row.question, Unanswered(row.reason), row.asked_at) for row in rows)

    def page(
        self, limit: int, cursor: str | None = None, collection: str | None = None, *, closed: bool = False
    ) -> Page[Entry]:
        """The open or the closed ones, the last asked first. Raises `api.paging.BadCursor`."""
        query = select(unanswered).where(
            unanswered.c.resolution.is_not(None) if closed else unanswered.c.resolution.is_(None)
        )
        if collection is not None:
            query = query.where(unanswered.c.collection == collection)
        query = newest_first(query, unanswered.c.last_at, unanswered.c.id, limit, cursor)
        with self._database.read() as connection:
            rows = [dict(row._mapping) for row in connection.execute(query)]
            counts = _counts(connection, [row["id"] for row in rows])
        found = [_entry(row, counts[row["id"]]) for row in rows]
        return page_of(found, limit, lambda entry: Position(entry.last_at, entry.id))

    def close(self, id: str, resolution: Resolution, by: str, curated_id: str | None = None) -> Entry:
        """Raises KeyError."""
        values = {"resolution": resolution.value, "curated_id": curated_id, "closed_by": by, "closed_at": self._clock()}
        with self._database.write() as connection:
            if connection.execute(update(unanswered).where(unanswered.c.id == id).values(**values)).rowcount == 0:
                raise KeyError(id)
        return self.find(id)

    def delete(self, id: str) -> None:
        """Delete it with all its questions. Raises KeyError."""
        with self._database.write() as connection:
            if connection.execute(delete(unanswered).where(unanswered.c.id == id)).rowcount == 0:
                raise KeyError(id)

    def sweep(self, days: float) -> None:
        """Delete what was asked more than ``days`` ago."""
        askings = unanswered_askings
        with self._database.write() as connection:
            connection.execute(delete(askings).where(askings.c.asked_at < self._clock() - days * DAY_S))
            asked = exists().where(askings.c.unanswered_id == unanswered.c.id)
            connection.execute(delete(unanswered).where(~asked))

    def _known(self, answer_id: str) -> str | None:
        askings = unanswered_askings
        with self._database.read() as connection:
            known = connection.scalar(select(askings.c.unanswered_id).where(askings.c.answer_id == answer_id))
        return None if known is None else str(known)

    def _questions(self, collection: str) -> list[tuple[str, Sequence[str]]]:
        query = select(unanswered.c.id, unanswered.c.question).where(unanswered.c.collection == collection)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(unanswered.c.first_at, unanswered.c.id))
            return [(row.id, [row.question]) for row in rows]


def _counts(connection: Connection, ids: Sequence[str]) -> dict[str, dict[Unanswered, int]]:
    askings = unanswered_askings
    query = select(askings.c.unanswered_id, askings.c.reason, func.count().label("times"))
    query = query.where(and_(askings.c.unanswered_id.in_(ids))).group_by(askings.c.unanswered_id, askings.c.reason)
    counts: dict[str, dict[Unanswered, int]] = {id: {} for id in ids}
    for row in connection.execute(query):
        counts[row.unanswered_id][Unanswered(row.reason)] = row.times
    return counts


def _entry(row: Mapping[str, Any], counts: Mapping[Unanswered, int]) -> Entry:
    nearest = tuple(
        Nearest(
            place["document"],
            place["source"],
            place["title"],
            place["revision"],
            tuple(place["section_path"]),
            (place["span"][0], place["span"][1]),
        )
        for place in row["nearest"]
    )
    resolution = None if row["resolution"] is None else Resolution(row["resolution"])
    return Entry(**{**row, "nearest": nearest, "resolution": resolution}, counts=counts)
