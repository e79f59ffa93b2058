"""Keys for a page of another site: they stand in its source for everybody to read, so they open next to nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import urlsplit

from api.access import Permission, Role
from api.state.keys import KeyRequest

PATHS = frozenset({"/v1/answers", "/v1/session"})
"""All that such a key opens: its callers are strangers to each other and must share nothing that is kept."""
REQUESTS_PER_MINUTE = 60
MAX_ORIGINS = 20
DEFAULT_PORTS = {"http": 80, "https": 443}


def widget_key(request: KeyRequest) -> KeyRequest:
    """The key that was asked for, as it must be if pages of other sites may show the chat by it.

    Raises ValueError for one that could do more than ask one collection.
    """
    if request.origins is None:
        return request
    origins = sorted({origin_of(text) for text in request.origins})
    if not 1 <= len(origins) <= MAX_ORIGINS:
        raise ValueError(f"a key for other sites' pages takes 1 to {MAX_ORIGINS} origins")
    if request.role is not Role.READER or set(request.scopes or [Permission.ASK]) != {Permission.ASK}:
        raise ValueError("a key for other sites' pages only asks: its role is reader, its scope ask")
    if _listed(request.labels):
        raise ValueError("a key for other sites' pages holds no labels: everybody can read what it reads")
    if len(_listed(request.collections)) != 1:
        raise ValueError("a key for other sites' pages takes exactly one collection")
    return replace(
        request,
        origins=origins,
        scopes=[Permission.ASK],
        collections=_listed(request.collections),
        requests_per_minute=request.requests_per_minute or REQUESTS_PER_MINUTE,
    )


def origin_of(text: str) -> str:
    """An origin as browsers write it, such as https://intranet.example. Raises ValueError."""
    try:
        parts = urlsplit(text.strip().lower())
        port = parts.port
    except ValueError:
        raise _no_origin(text) from None
    host = parts.hostname or ""
    named = host.replace("-", "").replace(".", "").isalnum() and host.isascii()
    if parts.scheme not in DEFAULT_PORTS or not named or parts.path.strip("/") or parts.query or parts.fragment:
        raise _no_origin(text)
    if parts.username is not None:
        raise _no_origin(text)
    return f"{parts.scheme}://{host}" + (f":{port}" if port and port != DEFAULT_PORTS[parts.scheme] else "")


def _no_origin(text: str) -> ValueError:
    return ValueError(f"{text[:200]!r} is no origin; one looks like https://intranet.example or http://127.0.0.1:8080")


def _listed(names: Iterable[str] | None) -> list[str]:
    return list(names or ())
