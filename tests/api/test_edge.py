from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import httpx
import pytest

from api.edge import MAX_BODY_BYTES
from ingest.scope import EVERYTHING, Scope
from tests.api.running import QUESTION, FakeProduct, client_of, fake_product

pytestmark = pytest.mark.anyio
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("path", ["/", "/healthz", "/v1/documents", "/no/such/page", "/v1/answers"])
async def test_every_response_carries_the_security_headers(path: str) -> None:
    async with client_of(fake_product()) as client:
        headers = (await client.get(path)).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-request-id"]


async def test_page_is_served_beside_the_api() -> None:
    async with client_of(fake_product()) as client:
        page = await client.get("/")
        missing = await client.get("/no/such/page")
        outside = await client.get("/..%2fapp.py")
        wrong_method = await client.get("/v1/answers")
        posted = await client.post("/no/such/page")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    for response in (missing, outside, posted):
        assert response.status_code == 404
        assert response.json()["type"] == "urn:docqa:problem:not-found"
    assert wrong_method.status_code == 405
    assert wrong_method.headers["allow"] == "POST"
    assert wrong_method.json()["type"] == "urn:docqa:problem:method-not-allowed"


@pytest.mark.parametrize(("given", "kept"), [("abc-1.2_X", True), ("a b", False), ("x" * 65, False), ("é", False)])
async def test_request_id_is_kept_if_harmless(given: str, kept: bool) -> None:
    async with client_of(fake_product()) as client:
        response = await client.get("/healthz", headers={b"X-Request-Id": given.encode()})
    assert (response.headers["x-request-id"] == given) is kept


async def test_body_over_the_limit_is_refused_by_its_declared_length() -> None:
    async with client_of(fake_product()) as client:
        response = await client.post("/v1/answers", content=b" " * (MAX_BODY_BYTES + 1), headers=JSON)
    assert response.status_code == 413
    assert response.json()["limit"] == MAX_BODY_BYTES
    assert response.json()["type"] == "urn:docqa:problem:content-too-large"


@pytest.mark.parametrize("path", ["/v1/answers", "/v1/chat/completions"])
async def test_body_over_the_limit_is_refused_while_it_comes(path: str) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY_BYTES // 65_536 + 1):
            yield b" " * 65_536

    async with client_of(fake_product()) as client:
        response = await client.post(path, content=endless(), headers=JSON)
    assert response.status_code == 413


async def request_to(product: FakeProduct, host: str) -> httpx.Response:
    async with client_of(product) as client:
        return await client.get("/healthz", headers={"Host": host})


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "LOCALHOST:1", "[::1]:8000"])
async def test_on_loopback_its_names_are_served(host: str) -> None:
    assert (await request_to(fake_product(), host)).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8000", "localhost.evil.example", ""])
async def test_on_loopback_other_names_are_refused(host: str) -> None:
    response = await request_to(fake_product(), host)
    assert response.status_code == 421
    assert "DOCQA_ALLOWED_HOSTS" in response.json()["detail"]


async def test_elsewhere_any_name_is_served_unless_some_are_listed() -> None:
    assert (await request_to(fake_product(host="0.0.0.0"), "docs.example.com")).status_code == 200
    listed = fake_product(host="0.0.0.0", allowed_hosts=("docs.example.com",))
    assert (await request_to(listed, "docs.example.com")).status_code == 200
    assert (await request_to(listed, "other.example.com")).status_code == 421


async def test_error_that_nothing_handled_says_nothing_of_the_inside(caplog: pytest.LogCaptureFixture) -> None:
    product = fake_product()

    def broken(scope: Scope = EVERYTHING) -> list[str]:
        raise RuntimeError("secret detail")

    product.catalog.collections = broken  # type: ignore[method-assign]
    with caplog.at_level(logging.ERROR, "api"):
        async with client_of(product) as client:
            response = await client.get("/v1/collections")
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["content-security-policy"]
    assert "secret" not in response.text
    (record,) = caplog.records
    assert vars(record)["request_id"] == response.json()["request_id"]


async def test_log_has_no_question_and_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "api"):
        async with client_of(fake_product()) as client:
            answer = (await client.post("/v1/answers", json={"question": QUESTION})).json()["answer"]
            await client.post("/v1/answers", json={"question": ""})
    records = [vars(record) for record in caplog.records if record.name.startswith("api")]
    assert {record["message"] for record in records} >= {"loading", "answer", "request"}
    for record in records:
        written = " ".join(map(str, record.values()))
        assert QUESTION not in written
        assert answer[:20] not in written


async def test_answers_and_documents_stay_out_of_caches() -> None:
    async with client_of(fake_product()) as client:
        assert (await client.get("/v1/documents")).headers["cache-control"] == "no-store"
        assert (await client.get("/")).headers["cache-control"] == "no-cache"
