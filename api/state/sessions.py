"""People who are signed in, and those who are about to be. Only hashes of what their browsers hold are kept."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import delete, select

from api.state.database import Database
from api.state.secret_hash import secret_hash
from api.state.tables import sessions, sign_ins

SIGN_IN_S = 600.0
"""Seconds that somebody may take at the identity provider."""
MAX_SIGN_INS = 10_000
"""Sign-ins that may be under way; anybody can begin one, so the oldest go first."""


@dataclass(frozen=True, slots=True)
class Session:
    """Who is signed in, until UTC seconds since the epoch."""

    user: str
    groups: frozenset[str]
    expires_at: float


@dataclass(frozen=True, slots=True)
class SignInAttempt:
    """What was sent to the identity provider with ``state``, to be compared with what comes back."""

    state: str
    nonce: str
    verifier: str
    destination: str


class Sessions:
    """All of them in one database."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def begin_sign_in(self, destination: str) -> SignInAttempt:
        """Note that somebody goes to the provider and wants to get to ``destination`` afterwards."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        now = self._clock()
        row = {
            "state": secret_hash(state),
            "nonce": nonce,
            "verifier": verifier,
            "destination": destination,
            "created_at": now,
        }
        newest = select(sign_ins.c.state).order_by(sign_ins.c.created_at.desc()).limit(MAX_SIGN_INS - 1)
        with self._database.write() as connection:
            connection.execute(delete(sign_ins).where(sign_ins.c.created_at < now - SIGN_IN_S))
            connection.execute(delete(sign_ins).where(sign_ins.c.state.not_in(newest)))
            connection.execute(sign_ins.insert().values(row))
        return SignInAttempt(state, nonce, verifier, destination)

    def end_sign_in(self, state: str) -> SignInAttempt | None:
        """The attempt with this state, once; None if there is none, or it took too long."""
        ended = delete(sign_ins).where(sign_ins.c.state == secret_hash(state)).returning(sign_ins)
        with self._database.write() as connection:
            row = connection.execute(ended).first()
        if row is None or row.created_at < self._clock() - SIGN_IN_S:
            return None
        return SignInAttempt(state, row.nonce, row.verifier, row.destination)

    def create(self, user: str, groups: Iterable[str], seconds: float) -> str:
        """Sign ``user`` in for that long; the secret that his browser keeps."""
        secret = secrets.token_urlsafe(32)
        now = self._clock()
        row = {
            "id": secret_hash(secret),
            "user_name": user,
            "groups": sorted(groups),
            "created_at": now,
            "expires_at": now + seconds,
        }
        with self._database.write() as connection:
            connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
            connection.execute(sessions.insert().values(row))
        return secret

    def find(self, secret: str) -> Session | None:
        """The session of this secret while it lasts."""
        with self._database.read() as connection:
            row = connection.execute(select(sessions).where(sessions.c.id == secret_hash(secret))).first()
        if row is None or row.expires_at <= self._clock():
            return None
        return Session(row.user_name, frozenset(row.groups), row.expires_at)

    def end(self, secret: str) -> None:
        """Sign out; a session that is over is no error."""
        with self._database.write() as connection:
            connection.execute(delete(sessions).where(sessions.c.id == secret_hash(secret)))
