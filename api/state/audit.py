"""The audit log: who changed what, when. Rows are added, never changed."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from api.paging import Page, Position, page_of
from api.state.database import Database
from api.state.rows import newest_first, row_of
from api.state.tables import audit


@dataclass(frozen=True, slots=True)
class Entry:
    """One administrative act: ``action`` on ``subject`` by ``actor``, at UTC seconds since the epoch.

    ``details`` never holds a secret, a question or a document's text.
    """

    id: str
    at: float
    actor: str
    action: str
    subject: str
    details: Mapping[str, Any]
    request_id: str | None


class AuditLog:
    """The log in one database."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def add(
        self,
        actor: str,
        action: str,
        subject: str,
        details: Mapping[str, Any] | None = None,
        request_id: str | None = None,
    ) -> None:
        """Add one entry."""
        entry = Entry(f"aud_{uuid.uuid4().hex}", self._clock(), actor, action, subject, details or {}, request_id)
        with self._database.write() as connection:
            connection.execute(audit.insert().values(row_of(audit, entry)))

    def page(self, limit: int, cursor: str | None = None) -> Page[Entry]:
        """The newest first. Raises `api.paging.BadCursor`."""
        query = newest_first(select(audit), audit.c.at, audit.c.id, limit, cursor)
        with self._database.read() as connection:
            found = [Entry(**row._mapping) for row in connection.execute(query)]
        return page_of(found, limit, lambda entry: Position(entry.at, entry.id))
