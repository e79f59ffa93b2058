from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx
import pytest

from api.client import Client, ServerFailed
from api.schemas import AnswerBody, AnswerRequest, DeltaEvent, SourcesEvent
from tests.api.running import QUESTION, fake_product
from tests.api.serving import eventually, served


@pytest.fixture
def client() -> Iterator[Client]:
    product = fake_product()
    with served(product.app) as url, Client(f"{url}/") as client:
        eventually(product.loaded.is_set)
        yield client


def test_events_come_as_the_server_sent_them(client: Client) -> None:
    first, *deltas, last = client.ask(AnswerRequest(question=QUESTION))
    assert isinstance(first, SourcesEvent)
    assert isinstance(last, AnswerBody)
    assert "".join(delta.text for delta in deltas if isinstance(delta, DeltaEvent)) == last.answer
    assert last.id == first.id


def test_refusal_is_told_in_the_server_s_words(client: Client) -> None:
    with pytest.raises(ServerFailed, match="question: at most 2000 characters, got 3000"):
        list(client.ask(AnswerRequest(question="a" * 3000)))


def test_failure_in_the_stream_is_told(client: Client) -> None:
    with pytest.raises(ServerFailed, match="Something went wrong on the server"):
        list(client.ask(AnswerRequest(question="fail over the filter")))


def test_alive_only_where_docqa_answers(client: Client) -> None:
    assert client.alive()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with Client(f"http://127.0.0.1:{port}") as nobody:
        assert not nobody.alive()
        with pytest.raises(ServerFailed, match=rf"127\.0\.0\.1:{port}"):
            list(nobody.ask(AnswerRequest(question="a")))
    other = httpx.MockTransport(lambda _: httpx.Response(200, text="<html>"))
    with Client("http://other", transport=other) as someone_else:
        assert not someone_else.alive()


@pytest.mark.parametrize(
    ("response", "says"),
    [
        (httpx.Response(502, text="<html>bad gateway"), "status 502"),
        (httpx.Response(200, text='event: delta\ndata: {"text": "a"}\n\n'), "ended before the answer"),
    ],
)
def test_server_that_breaks_off_is_told(response: httpx.Response, says: str) -> None:
    with (
        Client("http://x", transport=httpx.MockTransport(lambda _: response)) as client,
        pytest.raises(ServerFailed, match=says),
    ):
        list(client.ask(AnswerRequest(question="a")))


def test_comments_and_unknown_events_are_skipped() -> None:
    text = ': heartbeat\n\nevent: later\ndata: {"x": 1}\n\nevent: delta\ndata: {"text": "a"}\n\n'
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text=text))
    with Client("http://x", transport=transport) as client:
        assert next(client.ask(AnswerRequest(question="a"))) == DeltaEvent(text="a")
