from __future__ import annotations

import asyncio

import pytest

from tests.api.running import QUESTION, client_of, fake_product
from tests.api.waiting import wait_for

pytestmark = pytest.mark.anyio
KEY = {"Idempotency-Key": "7f3c"}


async def test_a_write_sent_again_takes_effect_once() -> None:
    async with client_of(fake_product()) as client:
        first = await client.post("/v1/conversations", json={"title": "A"}, headers=KEY)
        again = await client.post("/v1/conversations", json={"title": "A"}, headers=KEY)
        count = len((await client.get("/v1/conversations")).json()["conversations"])
    assert again.status_code == first.status_code == 201
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]
    assert (first.headers.get("idempotency-replayed"), again.headers["idempotency-replayed"]) == (None, "true")
    assert count == 1


async def test_an_answer_is_made_once() -> None:
    product = fake_product()
    async with client_of(product) as client:
        both = [await client.post("/v1/answers", json={"question": QUESTION}, headers=KEY) for _ in range(2)]
        deleted = await client.delete("/v1/conversations/none", headers={"Idempotency-Key": "other"})
    assert both[0].json() == both[1].json()
    assert len(product.answers.questions) == 1
    assert deleted.status_code == 404


async def test_another_request_with_the_same_key_is_refused() -> None:
    async with client_of(fake_product()) as client:
        await client.post("/v1/conversations", json={"title": "A"}, headers=KEY)
        other = await client.post("/v1/conversations", json={"title": "B"}, headers=KEY)
    assert (other.status_code, other.json()["type"]) == (422, "urn:docqa:problem:idempotency-key-reused")


async def test_while_the_first_is_carried_out_the_second_must_wait() -> None:
    product = fake_product(delay=5)
    async with client_of(product) as client:
        first = asyncio.create_task(client.post("/v1/answers", json={"question": QUESTION}, headers=KEY))
        await wait_for(lambda: product.service.admission.running == 1)
        second = await client.post("/v1/answers", json={"question": QUESTION}, headers=KEY)
        first.cancel()
    assert (second.status_code, second.headers["retry-after"]) == (409, "1")


async def test_what_failed_may_be_sent_again() -> None:
    product = fake_product()
    body = {"question": QUESTION, "collection": "none"}
    async with client_of(product) as client:
        refused = [await client.post("/v1/answers", json=body, headers=KEY) for _ in range(2)]
        accepted = await client.post("/v1/answers", json={"question": QUESTION}, headers=KEY)
    assert [response.status_code for response in refused] == [404, 404]
    assert accepted.status_code == 200


@pytest.mark.parametrize(
    "headers", [{"Idempotency-Key": "a b"}, {"Idempotency-Key": "x" * 256}, {"Idempotency-Key": ""}]
)
async def test_a_key_that_is_none_is_refused(headers: dict[str, str]) -> None:
    async with client_of(fake_product()) as client:
        assert (await client.post("/v1/conversations", json={}, headers=headers)).status_code == 422


async def test_streams_are_not_kept() -> None:
    headers = {**KEY, "Accept": "text/event-stream"}
    async with client_of(fake_product()) as client:
        assert (await client.post("/v1/answers", json={"question": QUESTION}, headers=headers)).status_code == 422
