from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest

from api.sse import HEARTBEAT, EventStream, encode_event
from tests.api.running import QUESTION, client_of, fake_product
from tests.api.serving import eventually, served
from tests.api.waiting import AsyncRequest, wait_for

GOLDEN = Path(__file__).parent / "golden" / "answer_events.txt"
STREAM = {"Accept": "text/event-stream"}


def events_of(text: str) -> list[tuple[str, dict[str, object]]]:
    """Name and data of each event of a stream."""
    events = []
    for block in text.strip().split("\n\n"):
        name, data = block.split("\n")
        events.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return events


@pytest.mark.anyio
async def test_events_are_as_recorded() -> None:
    async with client_of(fake_product()) as client:
        response = await client.post("/v1/answers", json={"question": QUESTION}, headers=STREAM)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] == "no-store"
    assert re.sub(r"ans_[0-9a-f]{32}", "ans_ID", response.text) == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.anyio
async def test_deltas_make_up_the_answer() -> None:
    async with client_of(fake_product()) as client:
        response = await client.post("/v1/answers", json={"question": QUESTION}, headers=STREAM)
        whole = (await client.post("/v1/answers", json={"question": QUESTION})).json()
    (_, sources), *deltas, (last, body) = events_of(response.text)
    assert {name for name, _ in deltas} == {"delta"}
    assert last == "answer"
    assert "".join(str(data["text"]) for _, data in deltas) == body["answer"]
    assert sources["sources"] == body["sources"]
    assert sources["id"] == body["id"]
    assert {**body, "id": None} == {**whole, "id": None}


@pytest.mark.anyio
async def test_errors_before_the_stream_are_problems() -> None:
    async with client_of(fake_product()) as client:
        response = await client.post("/v1/answers", json={"question": ""}, headers=STREAM)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.anyio
async def test_error_in_the_stream_is_an_event() -> None:
    async with client_of(fake_product()) as client:
        response = await client.post("/v1/answers", json={"question": "fail over the filter"}, headers=STREAM)
    ((name, problem),) = events_of(response.text)
    assert name == "error"
    assert problem["type"] == "urn:docqa:problem:internal-error"
    assert problem["request_id"] == response.headers["x-request-id"]
    assert "secret" not in response.text


@pytest.mark.anyio
async def test_deadline_in_the_stream_is_an_event() -> None:
    async with client_of(fake_product(delay=5, deadline_seconds=0.2)) as client:
        response = await client.post("/v1/answers", json={"question": QUESTION}, headers=STREAM)
    name, problem = events_of(response.text)[-1]
    assert (name, problem["status"]) == ("error", 504)


def test_client_that_leaves_stops_the_answer() -> None:
    product = fake_product(delay=5)
    with served(product.app) as url, httpx.Client(base_url=url, trust_env=False) as client:
        eventually(product.loaded.is_set)
        with client.stream("POST", "/v1/answers", json={"question": QUESTION}, headers=STREAM) as response:
            assert "event: sources" in next(response.iter_text())
        eventually(lambda: product.service.admission.running == 0)
    assert (product.answers.finished, product.answers.stopped) == (0, 1)


@pytest.mark.anyio
async def test_client_that_leaves_while_waiting_for_json_stops_the_answer() -> None:
    product = fake_product(delay=5)
    with served(product.app) as url:
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            await wait_for(product.loaded.is_set)
            async with AsyncRequest(client, "/v1/answers", {"question": QUESTION}):
                await wait_for(lambda: bool(product.answers.questions))
            await wait_for(lambda: product.service.admission.running == 0)
    assert (product.answers.finished, product.answers.stopped) == (0, 1)


@pytest.mark.anyio
async def test_client_that_leaves_the_queue_frees_its_place() -> None:
    product = fake_product(delay=5)
    body = {"question": QUESTION}
    with served(product.app) as url:
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            await wait_for(product.loaded.is_set)
            async with AsyncRequest(client, "/v1/answers", body):
                await wait_for(lambda: bool(product.answers.questions))
                async with AsyncRequest(client, "/v1/answers", body):
                    await wait_for(lambda: product.service.admission.waiting == 1)
                await wait_for(lambda: product.service.admission.waiting == 0)
                assert product.service.admission.running == 1
    assert len(product.answers.questions) == 1


def test_stopping_the_server_ends_streams_and_threads() -> None:
    product = fake_product(delay=0.05)
    with served(product.app) as url:
        eventually(product.loaded.is_set)
        client = httpx.Client(base_url=url, trust_env=False)
        response = client.send(
            client.build_request("POST", "/v1/answers", json={"question": QUESTION * 3}, headers=STREAM), stream=True
        )
        chunks = response.iter_text()
        next(chunks)
    client.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("answer")]


async def slow(pauses: list[float], closed: list[bool]) -> AsyncGenerator[bytes, None]:
    try:
        for pause in pauses:
            await asyncio.sleep(pause)
            yield encode_event({"pause": pause})
    finally:
        closed.append(True)


class Connection:
    """The two ends of an ASGI request."""

    def __init__(self) -> None:
        self.body = b""
        self.left = asyncio.Event()

    async def receive(self) -> dict[str, object]:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, object]) -> None:
        body = message.get("body", b"")
        assert isinstance(body, bytes)
        self.body += body


@pytest.mark.anyio
async def test_silence_is_filled_with_comments() -> None:
    finished: list[bool] = []
    connection = Connection()
    stream = EventStream(slow([0.25, 0.0], []), lambda: finished.append(True), heartbeat_s=0.1)
    await stream({"type": "http"}, connection.receive, connection.send)  # type: ignore[arg-type]
    first, second = encode_event({"pause": 0.25}), encode_event({"pause": 0.0})
    assert connection.body == HEARTBEAT + HEARTBEAT + first + second
    assert finished == [True]


@pytest.mark.anyio
async def test_leaving_ends_the_events_at_once() -> None:
    closed: list[bool] = []
    finished: list[bool] = []
    connection = Connection()
    stream = EventStream(slow([0.0, 60.0], closed), lambda: finished.append(True))
    sending = asyncio.ensure_future(stream({"type": "http"}, connection.receive, connection.send))  # type: ignore[arg-type]
    await wait_for(lambda: connection.body != b"")
    connection.left.set()
    await asyncio.wait_for(sending, 1)
    await asyncio.sleep(0)
    assert (closed, finished) == ([True], [True])


def test_data_stays_on_one_line() -> None:
    event = encode_event({"text": "a\nb\r\n\u2028c"}, "delta").decode()
    assert event.count("\n") == 3
    assert json.loads(event.split("data: ")[1]) == {"text": "a\nb\r\n\u2028c"}
