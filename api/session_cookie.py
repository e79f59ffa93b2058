"""The two cookies of signing in: the session's, and the one that ties a sign-in to the browser that began it."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import HTTPConnection
from starlette.responses import Response

from api.settings import Settings

MAX_SECRET = 100


@dataclass(frozen=True, slots=True)
class SecretCookie:
    """A cookie out of the reach of scripts and of what other sites make a browser send in the background."""

    name: str

    def read(self, connection: HTTPConnection, settings: Settings) -> str | None:
        """The secret that the browser sent, if any."""
        secret = connection.cookies.get(self._name(connection, settings))
        return secret if secret and len(secret) <= MAX_SECRET else None

    def write(
        self, response: Response, connection: HTTPConnection, settings: Settings, secret: str, seconds: float
    ) -> None:
        """Let the browser keep ``secret`` for that long."""
        response.set_cookie(
            self._name(connection, settings),
            secret,
            max_age=int(seconds),
            httponly=True,
            secure=_encrypted(connection, settings),
            samesite="lax",
        )

    def forget(self, response: Response, connection: HTTPConnection, settings: Settings) -> None:
        """Let the browser forget it."""
        self.write(response, connection, settings, "", 0)

    def _name(self, connection: HTTPConnection, settings: Settings) -> str:
        # Under such a name a browser takes a cookie from this very host alone, and only when encrypted.
        return f"__Host-{self.name}" if _encrypted(connection, settings) else self.name


SESSION = SecretCookie("docqa_session")
SIGN_IN = SecretCookie("docqa_sign_in")


def _encrypted(connection: HTTPConnection, settings: Settings) -> bool:
    """Whether the browser reaches the service by https."""
    return (settings.public_url or str(connection.url)).startswith("https:")
