"""Requests that carry an idempotency key, and the responses they got."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.exc import IntegrityError

from api.state.database import Database
from api.state.tables import idempotency

KEPT_S = 24 * 3600.0
ABANDONED_S = 600.0
"""A request that has no response by then died with its process."""


@dataclass(frozen=True, slots=True)
class KeptResponse:
    """The response to the first request."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Begun:
    """This is the first one: carry it out."""


@dataclass(frozen=True, slots=True)
class InProgress:
    """The first one has no response yet."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The first one was another request."""


class Requests:
    """All of them in one database."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def begin(self, owner: str, key: str, fingerprint: str) -> Begun | InProgress | Mismatch | KeptResponse:
        """Note a request unless one with this key is known; what is known of it."""
        now = self._clock()
        row = {"owner": owner, "key": key, "fingerprint": fingerprint, "created_at": now}
        try:
            with self._database.write() as connection:
                abandoned = and_(idempotency.c.status.is_(None), idempotency.c.created_at < now - ABANDONED_S)
                over = or_(idempotency.c.created_at < now - KEPT_S, abandoned)
                connection.execute(delete(idempotency).where(over))
                connection.execute(idempotency.insert().values(row))
        except IntegrityError:
            return self._known(owner, key, fingerprint)
        return Begun()

    def end(self, owner: str, key: str, response: KeptResponse) -> None:
        """Keep the response."""
        values = {"status": response.status, "headers": dict(response.headers), "body": response.body}
        with self._database.write() as connection:
            connection.execute(update(idempotency).where(_one(owner, key)).values(values))

    def forget(self, owner: str, key: str) -> None:
        """As if it had never come."""
        with self._database.write() as connection:
            connection.execute(delete(idempotency).where(_one(owner, key)))

    def _known(self, owner: str, key: str, fingerprint: str) -> InProgress | Mismatch | KeptResponse:
        with self._database.read() as connection:
            row = connection.execute(select(idempotency).where(_one(owner, key))).first()
        if row is None:
            return InProgress()  # it was forgotten just now: the caller comes again
        if row.fingerprint != fingerprint:
            return Mismatch()
        return InProgress() if row.status is None else KeptResponse(row.status, row.headers, row.body)


def _one(owner: str, key: str) -> ColumnElement[bool]:
    return and_(idempotency.c.owner == owner, idempotency.c.key == key)
