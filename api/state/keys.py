"""API keys. Only their hash is kept: whoever reads the database can't use them."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import Row, or_, select, update

from api.access import Caller, Permission, Role, held
from api.state.database import Database
from api.state.secret_hash import secret_hash
from api.state.tables import api_keys
from ingest.scope import labels_of

PREFIX = "docqa_"
SHOWN = len(PREFIX) + 6
USE_RESOLUTION_S = 60.0
"""The last use is written at most this often: reading with a key must not mean writing each time."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key; ``prefix`` is its beginning, by which a person tells it from others.

    ``scopes``, ``collections`` and ``labels`` are None where the role alone decides. ``origins`` are those of other
    sites whose pages may show the chat by it, None for a key that is kept secret. Times are UTC seconds since the
    epoch.
    """

    id: str
    name: str
    prefix: str
    role: Role
    scopes: frozenset[Permission] | None
    collections: frozenset[str] | None
    batch: bool
    requests_per_minute: int | None
    created_at: float
    expires_at: float | None
    revoked_at: float | None
    last_used_at: float | None
    origins: frozenset[str] | None
    labels: frozenset[str] | None

    def holds_at(self, now: float) -> bool:
        """Whether it opens anything at this time."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    @property
    def caller(self) -> Caller:
        """Whoever comes with it."""
        return Caller(
            f"key:{self.id}",
            self.role,
            self.scopes,
            self.collections,
            self.batch,
            self.requests_per_minute,
            public=self.origins is not None,
            labels=held(self.role) if self.labels is None else self.labels,
        )


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """What a new key shall be."""

    name: str
    role: Role = Role.READER
    scopes: Iterable[Permission] | None = None
    collections: Iterable[str] | None = None
    batch: bool = False
    requests_per_minute: int | None = None
    expires_at: float | None = None
    origins: Iterable[str] | None = None
    labels: Iterable[str] | None = None


def beyond(maker: Caller, wanted: KeyRequest) -> str | None:
    """What a key would reach that its maker does not: "collections", "labels"; None when nothing."""
    labels = held(wanted.role) if wanted.labels is None else wanted.labels
    for name, mine, asked in (
        ("collections", maker.collections, wanted.collections),
        ("labels", maker.labels, labels),
    ):
        if mine is not None and (asked is None or not mine.issuperset(asked)):
            return name
    return None


class Keys:
    """All keys in one database."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def create(self, request: KeyRequest) -> tuple[ApiKey, str]:
        """A new key and its secret, which can't be had again. Raises ValueError for a label that is none."""
        # 256 random bits: no dictionary helps, so that a fast hash without salt is enough.
        secret = PREFIX + secrets.token_urlsafe(32)
        row = {
            "id": f"key_{uuid.uuid4().hex[:12]}",
            "name": request.name,
            "prefix": secret[:SHOWN],
            "hash": secret_hash(secret),
            "role": request.role.value,
            "scopes": None if request.scopes is None else sorted(request.scopes),
            "collections": None if request.collections is None else sorted(request.collections),
            "batch": request.batch,
            "requests_per_minute": request.requests_per_minute,
            "created_at": self._clock(),
            "expires_at": request.expires_at,
            "origins": None if request.origins is None else sorted(request.origins),
            "labels": None if request.labels is None else labels_of(request.labels),
        }
        with self._database.write() as connection:
            made = connection.execute(api_keys.insert().values(row).returning(api_keys)).one()
        return _key(made), secret

    def list(self) -> list[ApiKey]:
        """All, the revoked ones too, the oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id))
            return [_key(row) for row in rows]

    def revoke(self, name: str) -> ApiKey:
        """End the key of this id or prefix. Raises KeyError, also when it was revoked before."""
        named = or_(api_keys.c.id == name, api_keys.c.prefix == name)
        ended = update(api_keys).where(named, api_keys.c.revoked_at.is_(None)).values(revoked_at=self._clock())
        with self._database.write() as connection:
            row = connection.execute(ended.returning(api_keys)).first()
        if row is None:
            raise KeyError(name)
        return _key(row)

    def check(self, secret: str) -> ApiKey | None:
        """The key with this secret if it holds now; its last use is noted."""
        now = self._clock()
        with self._database.read() as connection:
            row = connection.execute(select(api_keys).where(api_keys.c.hash == secret_hash(secret))).first()
        if row is None or not _key(row).holds_at(now):
            return None
        if row.last_used_at is None or now - row.last_used_at >= USE_RESOLUTION_S:
            with self._database.write() as connection:
                connection.execute(update(api_keys).where(api_keys.c.id == row.id).values(last_used_at=now))
        return _key(row)

    def origins(self, prefix: str) -> frozenset[str]:
        """Whose pages may show the chat by the keys that hold now and begin like this."""
        with self._database.read() as connection:
            rows = connection.execute(select(api_keys).where(api_keys.c.prefix == prefix)).all()
        now = self._clock()
        return frozenset().union(*(key.origins or () for key in map(_key, rows) if key.holds_at(now)))


def _key(row: Row[tuple[object, ...]]) -> ApiKey:
    values = dict(row._mapping)
    del values["hash"]
    values["role"] = Role(values["role"])
    values["scopes"] = values["scopes"] and map(Permission, values["scopes"])
    for name in ("scopes", "collections", "origins", "labels"):
        values[name] = None if values[name] is None else frozenset(values[name])
    return ApiKey(**values)
