from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.api.fake_answers import ABSTENTION
from tests.api.running import MANUAL, MODEL, QUESTION, client_of, fake_product
from tests.api.waiting import AsyncRequest, wait_for

pytestmark = pytest.mark.anyio


async def test_answer_carries_chapter_and_verse() -> None:
    async with client_of(fake_product()) as client:
        response = await client.post("/v1/answers", json={"question": f"  {QUESTION} "})
    assert response.status_code == 200
    body = response.json()
    assert body["model"] == MODEL
    assert body["collection"] == "default"
    assert body["question"] == QUESTION
    assert body["abstained"] is False
    assert body["nearest"] == []
    assert body["id"].startswith("ans_")
    first = body["sentences"][0]
    assert first["status"] == "quoted"
    assert body["answer"][first["span"][0] : first["span"][1]] == first["text"]
    citation = first["citations"][0]
    assert citation["source"] == "corvo/manual.md"
    assert citation["title"] == "Corvo 200 Manual"
    assert citation["revision"] == 1
    assert citation["section_path"] == ["Corvo 200 Manual", "Maintenance", "Inlet filter"]
    assert citation["page"] is None
    assert MANUAL[slice(*citation["span"])] == citation["quote"]
    source = body["sources"][citation["passage"] - 1]
    assert source["number"] == citation["passage"]
    assert source["document"] == citation["document"]
    assert MANUAL[slice(*source["span"])] == source["text"]
    assert body["stats"]["output_tokens"] == 40


async def test_every_citation_opens() -> None:
    async with client_of(fake_product()) as client:
        body = (await client.post("/v1/answers", json={"question": QUESTION})).json()
        for sentence in body["sentences"]:
            for citation in sentence["citations"]:
                path = f"/v1/documents/{citation['document']}/revisions/{citation['revision']}"
                text = (await client.get(path)).json()["text"]
                assert text[slice(*citation["span"])] == citation["quote"]


async def test_abstention_names_the_nearest() -> None:
    async with client_of(fake_product()) as client:
        response = await client.post("/v1/answers", json={"question": "Is the weather good for the inlet filter?"})
    body = response.json()
    assert (body["answer"], body["abstained"], body["sentences"]) == (ABSTENTION, True, [])
    assert body["nearest"][0]["section_path"][-1] == "Inlet filter"


async def test_question_reaches_the_product_whole() -> None:
    product = fake_product()
    async with client_of(product) as client:
        await client.post(
            "/v1/answers",
            json={
                "question": QUESTION,
                "collection": "default",
                "history": [{"question": "What is a Corvo?", "answer": "A device."}],
                "max_tokens": 50,
                "temperature": 0.5,
                "seed": 7,
            },
        )
    (asked,) = product.answers.questions
    assert (asked.text, asked.collection, asked.max_output_tokens) == (QUESTION, "default", 50)
    assert (asked.temperature, asked.seed) == (0.5, 7)
    assert [(turn.question, turn.answer) for turn in asked.history] == [("What is a Corvo?", "A device.")]


TURN = {"question": "a", "answer": "b"}


@pytest.mark.parametrize(
    ("body", "field", "limit"),
    [
        ({}, "question", None),
        ({"question": ""}, "question", 1),
        ({"question": " \n\t "}, "question", 1),
        ({"question": "ü" * 2001}, "question", 2000),
        ({"question": 7}, "question", None),
        ({"question": "a", "collection": "c" * 64}, "collection", 63),
        ({"question": "a", "history": [TURN] * 21}, "history", 20),
        ({"question": "a", "history": [{"question": "a", "answer": "x" * 20_001}]}, "history.0.answer", 20_000),
        ({"question": "a", "history": [{"question": "a"}]}, "history.0.answer", None),
        ({"question": "a", "max_tokens": 0}, "max_tokens", 1),
        ({"question": "a", "max_tokens": 385}, "max_tokens", 384),
        ({"question": "a", "max_tokens": 10**30}, "max_tokens", 384),
        ({"question": "a", "temperature": -0.1}, "temperature", 0.0),
        ({"question": "a", "temperature": 5.1}, "temperature", 5.0),
        ({"question": "a", "seed": -1}, "seed", 0),
        ({"question": "a", "seed": 2**53}, "seed", 2**53 - 1),
        ({"question": "a", "qestion": "b"}, "qestion", None),
    ],
)
async def test_bad_field_is_named_with_its_limit(body: dict[str, Any], field: str, limit: float | None) -> None:
    product = fake_product()
    async with client_of(product) as client:
        response = await client.post("/v1/answers", json=body)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["type"] == "urn:docqa:problem:invalid-request"
    assert problem["status"] == 422
    assert problem["instance"] == "/v1/answers"
    assert problem["request_id"] == response.headers["x-request-id"]
    (error,) = problem["errors"]
    assert error["field"] == field
    assert error.get("limit") == limit
    assert field in problem["detail"]
    assert product.answers.questions == []


async def test_longest_question_counts_code_points() -> None:
    async with client_of(fake_product()) as client:
        response = await client.post("/v1/answers", json={"question": "😀" * 2000})
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("content", "status", "name"),
    [
        (b'{"question": "a"', 400, "malformed-json"),
        (b"\xff\xfe{}", 400, "malformed-json"),
        (b"[" * 100_000, 400, "bad-request"),
        (b'{"question": "a", "temperature": NaN}', 422, "invalid-request"),
        (b'{"question": "\\ud800"}', 422, "invalid-request"),
        (b"[]", 422, "invalid-request"),
        (b"", 422, "invalid-request"),
    ],
)
async def test_unusable_body(content: bytes, status: int, name: str) -> None:
    async with client_of(fake_product()) as client:
        response = await client.post("/v1/answers", content=content, headers={"Content-Type": "application/json"})
    assert response.status_code == status
    assert response.json()["type"] == f"urn:docqa:problem:{name}"


async def test_form_is_not_read_as_json() -> None:
    """What a page from elsewhere can send without asking first is refused."""
    async with client_of(fake_product()) as client:
        response = await client.post(
            "/v1/answers", content=b'{"question": "a"}', headers={"Content-Type": "text/plain"}
        )
    assert response.status_code == 422


async def test_unknown_collection_names_the_known() -> None:
    async with client_of(fake_product()) as client:
        response = await client.post("/v1/answers", json={"question": "a", "collection": "secret"})
    assert response.status_code == 404
    assert response.json()["type"] == "urn:docqa:problem:unknown-collection"
    assert response.json()["collections"] == ["default"]


async def test_full_queue_says_when_to_come_again() -> None:
    product = fake_product(delay=5, queue_size=0)
    async with client_of(product) as client, AsyncRequest(client, "/v1/answers", {"question": QUESTION}):
        await wait_for(lambda: product.service.admission.running == 1)
        response = await client.post("/v1/answers", json={"question": QUESTION})
    assert response.status_code == 429
    assert int(response.headers["retry-after"]) == response.json()["retry_after"] >= 1
    assert response.json()["type"] == "urn:docqa:problem:queue-full"


async def test_estimate_comes_from_the_answers_before() -> None:
    product = fake_product(delay=0.02, queue_size=0)
    async with client_of(product) as client:
        await client.post("/v1/answers", json={"question": QUESTION})
        await wait_for(lambda: product.service.admission.running == 0)
        async with AsyncRequest(client, "/v1/answers", {"question": QUESTION}):
            await wait_for(lambda: product.service.admission.running == 1)
            response = await client.post("/v1/answers", json={"question": QUESTION})
    assert response.headers["retry-after"] == "1"


async def test_deadline_is_told() -> None:
    product = fake_product(delay=5, deadline_seconds=0.2)
    async with client_of(product) as client:
        response = await client.post("/v1/answers", json={"question": QUESTION})
        assert response.status_code == 504
        assert response.json()["type"] == "urn:docqa:problem:deadline-exceeded"
        await wait_for(lambda: product.service.admission.running == 0)


async def test_failure_says_nothing_of_the_inside(caplog: pytest.LogCaptureFixture) -> None:
    async with client_of(fake_product()) as client:
        response = await client.post("/v1/answers", json={"question": "fail over the filter"})
    (logged,) = [vars(record) for record in caplog.records if record.levelname == "ERROR"]
    assert logged["request_id"] == response.json()["request_id"]
    assert response.status_code == 500
    assert response.json()["type"] == "urn:docqa:problem:internal-error"
    assert "secret" not in response.text


async def test_until_ready_questions_are_told_to_wait() -> None:
    hold = threading.Event()
    product = fake_product(hold=hold)
    async with client_of(product, ready=False) as client:
        await wait_for(lambda: "language model" in str(product.service.readiness.state))
        response = await client.post("/v1/answers", json={"question": QUESTION})
        assert response.status_code == 503
        assert int(response.headers["retry-after"]) > 0
        assert response.json()["loading"] == "language model"
        hold.set()
        await wait_for(product.loaded.is_set)
        assert (await client.post("/v1/answers", json={"question": QUESTION})).status_code == 200


async def test_markup_in_documents_comes_as_text() -> None:
    async with client_of(fake_product()) as client:
        response = await client.post("/v1/answers", json={"question": "How many days of leave?"})
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "<script>alert(1)</script>" in response.json()["answer"]
