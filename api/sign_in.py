"""Who sent a request: by API key, by his session, by the proxy in front; without sign-in, whoever it is."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Iterable

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import Scope

from api.access import Caller, Role, held
from api.edge import SAFE_METHODS
from api.owner_key import OWNER, OwnerKey
from api.problems import Problem
from api.session_cookie import SESSION
from api.settings import Settings
from api.state.keys import PREFIX, Keys
from api.state.sessions import Session, Sessions

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="docqa"'}


class SignIn:
    """Finds the caller of a request as the settings say."""

    def __init__(self, settings: Settings, keys: Keys, sessions: Sessions, owner: OwnerKey | None = None) -> None:
        self._settings = settings
        self._owner = owner
        self._keys = keys
        self._sessions = sessions
        self._proxies = tuple(ipaddress.ip_network(network) for network in settings.trusted_proxies)

    async def caller(self, scope: Scope) -> Caller:
        """Raises a 401 `Problem`."""
        headers = Headers(scope=scope)
        secret = _secret(headers)
        # OpenAI's clients always send a key: where none is asked for, one that is not ours means nothing.
        if secret is not None and (secret.startswith(PREFIX) or self._settings.sign_in):
            return await self._of_key(secret)
        if "oidc" in self._settings.sign_in and (session := await self._session(scope, headers)):
            return self._user(session.user, session.groups)
        if "proxy" in self._settings.sign_in and self._from_proxy(scope):
            user = headers.get(self._settings.proxy_user_header, "").strip()
            groups = headers.get(self._settings.proxy_groups_header, "").split(",")
            if user:
                return self._user(user, map(str.strip, groups))
        if self._settings.sign_in:
            raise Problem(401, "not-signed-in", "Sign in, or send an API key as a bearer token.", headers=CHALLENGE)
        # Who sits at this machine runs it; who comes from elsewhere may only read.
        here = self._settings.on_loopback
        role = Role.ADMIN if here else Role.READER
        return Caller("local", role, labels=held(role), shared=not here)

    async def _of_key(self, secret: str) -> Caller:
        if self._owner is not None and secrets.compare_digest(secret.encode(), self._owner.secret.encode()):
            return OWNER
        key = await run_in_threadpool(self._keys.check, secret)
        if key is None:
            detail = "This API key is unknown, revoked or expired."
            raise Problem(401, "invalid-key", detail, headers=CHALLENGE)
        return key.caller

    def _from_proxy(self, scope: Scope) -> bool:
        client = scope.get("client")
        try:
            address = ipaddress.ip_address(client[0]) if client else None
        except ValueError:
            return False
        return address is not None and any(address in network for network in self._proxies)

    async def _session(self, scope: Scope, headers: Headers) -> Session | None:
        """The session whose cookie the request carries. Raises a 403 `Problem` for a write of unknown origin."""
        secret = SESSION.read(HTTPConnection(scope), self._settings)
        session = await run_in_threadpool(self._sessions.find, secret) if secret else None
        # The edge has refused what says that it comes from elsewhere; a cookie goes along with what says nothing too.
        if session and scope["method"] not in SAFE_METHODS and not {"sec-fetch-site", "origin"} & set(headers):
            raise Problem(403, "cross-site", "A write with a session's cookie must say where it comes from (Origin).")
        return session

    def _user(self, user: str, groups: Iterable[str]) -> Caller:
        names = {user, *groups}
        role = self._role_of(names)
        labels = {label for name in names for label in self._settings.held_labels.get(name, ())}
        return Caller(f"user:{user}", role, labels=None if held(role) is None else frozenset(labels))

    def _role_of(self, names: set[str]) -> Role:
        if names & set(self._settings.admins):
            return Role.ADMIN
        return Role.CURATOR if names & set(self._settings.curators) else Role.READER


def _secret(headers: Headers) -> str | None:
    """The key that the request carries, if any."""
    kind, _, secret = headers.get("authorization", "").partition(" ")
    return secret.strip() if kind.lower() == "bearer" and secret.strip() else None
