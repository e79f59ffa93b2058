"""Curated answers, kept."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import delete, select, update

from api.paging import Page, Position, page_of
from api.state.database import Database
from api.state.rows import newest_first
from api.state.tables import curated
from ingest.document import Span
from qa.curated import CuratedAnswer, CuratedSource


class CuratedStore:
    """All of them in one database; implements `qa.curated.Pinned`."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def now(self) -> float:
        """UTC seconds since the epoch."""
        return self._clock()

    def create(
        self,
        collection: str,
        question: str,
        text: str,
        sources: Iterable[CuratedSource],
        owner: str,
        variants: Iterable[str] = (),
        expires_at: float | None = None,
    ) -> CuratedAnswer:
        """A new one, verified now."""
        now = self._clock()
        id = f"cur_{uuid.uuid4().hex}"
        made = CuratedAnswer(
            id, collection, question, tuple(variants), text, tuple(sources), owner, now, now, expires_at
        )
        with self._database.write() as connection:
            connection.execute(curated.insert().values(_row(made)))
        return self.find(id)

    def find(self, id: str) -> CuratedAnswer:
        """Raises KeyError."""
        with self._database.read() as connection:
            row = connection.execute(select(curated).where(curated.c.id == id)).first()
        if row is None:
            raise KeyError(id)
        return _answer(dict(row._mapping))

    def replace(self, changed: CuratedAnswer) -> CuratedAnswer:
        """Put it in place of the one with its id. Raises KeyError."""
        with self._database.write() as connection:
            done = connection.execute(update(curated).where(curated.c.id == changed.id).values(_row(changed)))
            if done.rowcount == 0:
                raise KeyError(changed.id)
        return self.find(changed.id)

    def delete(self, id: str) -> None:
        """Raises KeyError."""
        with self._database.write() as connection:
            if connection.execute(delete(curated).where(curated.c.id == id)).rowcount == 0:
                raise KeyError(id)

    def page(self, limit: int, cursor: str | None = None, collection: str | None = None) -> Page[CuratedAnswer]:
        """The newest first. Raises `api.paging.BadCursor`."""
        query = select(curated)
        if collection is not None:
            query = query.where(curated.c.collection == collection)
        query = newest_first(query, curated.c.created_at, curated.c.id, limit, cursor)
        with self._database.read() as connection:
            found = [_answer(dict(row._mapping)) for row in connection.execute(query)]
        return page_of(found, limit, lambda answer: Position(answer.created_at, answer.id))

    def questions(self, collection: str) -> Sequence[tuple[str, Sequence[str]]]:
        """See `qa.curated.Pinned`. The newest first, so that it wins where two have one question."""
        query = select(curated.c.id, curated.c.question, curated.c.variants)
        query = query.where(curated.c.collection == collection).order_by(curated.c.created_at.desc(), curated.c.id)
        with self._database.read() as connection:
            return [(row.id, [row.question, *row.variants]) for row in connection.execute(query)]


def _row(answer: CuratedAnswer) -> dict[str, Any]:
    sources = [
        {
            "document": source.document_id,
            "revision": source.revision,
            "span": [source.span.start, source.span.end],
            "quote": source.quote,
        }
        for source in answer.sources
    ]
    values = {name: getattr(answer, name) for name in curated.c.keys()}  # noqa: SIM118 - not a dict
    return {**values, "variants": list(answer.variants), "sources": sources}


def _answer(row: Mapping[str, Any]) -> CuratedAnswer:
    sources = tuple(
        CuratedSource(kept["document"], kept["revision"], Span(*kept["span"]), kept["quote"]) for kept in row["sources"]
    )
    return replace(CuratedAnswer(**row), variants=tuple(row["variants"]), sources=sources)
