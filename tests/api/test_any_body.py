"""Whatever is sent, the service answers with one of the statuses it describes, in the shape it describes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.api.running import MODEL, client_of, fake_product

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("a" * 2001)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
ROLES = st.sampled_from(["system", "user", "assistant", "tool"])
MESSAGES = st.lists(st.fixed_dictionaries({"role": ROLES | VALUES, "content": st.text() | VALUES}), max_size=4)
TURNS = st.lists(st.fixed_dictionaries({"question": VALUES, "answer": VALUES}), max_size=3)


def bodies(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Objects with some of the fields, each fitting or not, and now and then something else."""
    return st.fixed_dictionaries({}, optional={name: fits | VALUES for name, fits in fields.items()}) | VALUES


ANSWERS = bodies(
    question=st.text(),
    collection=st.just("default"),
    history=TURNS,
    max_tokens=st.integers(),
    temperature=st.floats(),
    seed=st.integers(),
)
CHATS = bodies(
    model=st.just(MODEL),
    messages=MESSAGES,
    max_tokens=st.integers(),
    temperature=st.floats(),
    seed=st.integers(),
    stop=st.text(),
    n=st.integers(),
    response_format=VALUES,
)
INGESTS = bodies(
    paths=st.lists(st.text(max_size=10) | VALUES, max_size=3) | st.just(["/allowed"]),
    collection=st.text(max_size=5),
    removal=st.sampled_from(["cautious", "all", "none"]),
)
ANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Sender:
    """Sends bodies to one running application."""

    def __init__(self, portal: BlockingPortal, client: httpx.AsyncClient) -> None:
        self._portal = portal
        self._client = client

    def __call__(self, path: str, body: object) -> httpx.Response:
        content = json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        return self._portal.call(lambda: self._client.post(path, content=content, headers=headers))


@pytest.fixture(scope="module")
def send() -> Iterator[Sender]:
    # One task starts and stops it, as its own task groups must be.
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(client_of(fake_product())) as client,
    ):
        yield Sender(portal, client)


@ANY
@given(body=ANSWERS)
@example(body={"question": "\ud800"})
@example(body={"question": "a", "history": [{"question": "\udfff", "answer": "b"}]})
@example(body={"question": "a", "\ud800": 1})
def test_answers(send: Sender, body: object) -> None:
    response = send("/v1/answers", body)
    if response.status_code != 200:
        assert response.status_code in (404, 422)
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["status"] == response.status_code


@ANY
@given(body=CHATS)
@example(body={"model": "\ud800", "messages": [{"role": "user", "content": "a"}]})
@example(body={"model": MODEL, "messages": [{"role": "user", "content": "\ud800"}]})
def test_chat_completions(send: Sender, body: object) -> None:
    response = send("/v1/chat/completions", body)
    if response.status_code != 200:
        assert response.status_code in (400, 404)
        assert set(response.json()["error"]) == {"message", "type", "param", "code"}


@ANY
@given(body=INGESTS)
@example(body={"paths": ["\ud800"]})
@example(body={"paths": ["/\0"]})
@example(body={"paths": ["/allowed"], "collection": "\ud800"})
def test_ingests(send: Sender, body: object) -> None:
    response = send("/v1/ingest", body)
    assert response.status_code in (403, 422)
    assert response.headers["content-type"] == "application/problem+json"
