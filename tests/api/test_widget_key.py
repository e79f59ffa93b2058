from __future__ import annotations

import pytest

from api.access import Permission, Role
from api.state.keys import KeyRequest
from api.widget_key import origin_of, widget_key


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://intranet.example", "https://intranet.example"),
        ("HTTPS://Intranet.Example:443/", "https://intranet.example"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://intranet.example:8443", "https://intranet.example:8443"),
    ],
)
def test_origins_are_written_as_browsers_write_them(text: str, origin: str) -> None:
    assert origin_of(text) == origin


@pytest.mark.parametrize(
    "text",
    [
        "",
        "intranet.example",
        "*",
        "https://*.example",
        "https://",
        "https://a.example/path",
        "https://a.example?x",
        "https://ada@a.example",
        "https://a.example:port",
        "file:///a",
        "https://a.example; script-src *",
        "https://a.example 'unsafe-inline'",
        "https://a.example\r\nSet-Cookie: a=b",
        "https://[::1",
    ],
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no origin"):
        origin_of(text)


def test_a_key_that_is_kept_secret_stays_what_it_is() -> None:
    request = KeyRequest("bot", Role.ADMIN)
    assert widget_key(request) is request


def test_a_public_key_asks_one_collection_at_a_bounded_rate() -> None:
    made = widget_key(
        KeyRequest("intranet", collections=["staff"], origins=["https://b.example/", "https://a.example"])
    )
    assert (made.scopes, made.collections, made.requests_per_minute) == ([Permission.ASK], ["staff"], 60)
    assert made.origins == ["https://a.example", "https://b.example"]


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (KeyRequest("a", collections=["staff"], origins=[]), "1 to 20 origins"),
        (KeyRequest("a", Role.CURATOR, collections=["staff"], origins=["https://a.example"]), "only asks"),
        (KeyRequest("a", scopes=[Permission.READ], collections=["s"], origins=["https://a.example"]), "only asks"),
        (KeyRequest("a", origins=["https://a.example"]), "exactly one collection"),
        (KeyRequest("a", collections=["s", "t"], origins=["https://a.example"]), "exactly one collection"),
    ],
)
def test_a_public_key_that_could_do_more_is_refused(request_: KeyRequest, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        widget_key(request_)
