"""The queue of unanswered questions over HTTP."""

from __future__ import annotations

import json
import logging
from typing import Any

import httpx
import pytest

from api.access import Role
from tests.api.library import markdown_document, passages_of, publish
from tests.api.running import QUESTION, client_of, fake_product
from tests.api.test_access import key_for
from tests.api.test_curated import ask, pinned, source_of

pytestmark = pytest.mark.anyio
OPEN = "What will the weather be at the inlet filter of the device tomorrow?"
AGAIN = "What will be the weather tomorrow at the inlet filter of the device"


async def queue(client: httpx.AsyncClient, **parameters: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    return list((await client.get("/v1/unanswered", params=parameters)).json()["unanswered"])


async def test_what_is_refused_is_counted_with_the_nearest_sections() -> None:
    product = fake_product()
    async with client_of(product) as client:
        for question in (OPEN, QUESTION, AGAIN, "Who paints the weather vane?"):
            await ask(client, question)
        other, entry = await queue(client)
        whole = (await client.get(f"/v1/unanswered/{entry['id']}")).json()
    assert other["question"] == "Who paints the weather vane?"
    assert (entry["question"], entry["count"], entry["refused"], entry["resolution"]) == (OPEN, 2, 2, None)
    assert entry["nearest"][0]["section_path"][0] == "Corvo 200 Manual"
    assert [(asking["question"], asking["reason"]) for asking in whole["askings"]] == [
        (AGAIN, "refused"),
        (OPEN, "refused"),
    ]


async def test_a_follow_up_is_kept_as_it_was_meant() -> None:
    async with client_of(fake_product()) as client:
        history = [{"question": "Is the device dry?", "answer": "Yes."}]
        await ask(client, "And in that weather?", history=history)
        (entry,) = await queue(client)
    assert entry["question"] == "Is the device dry? And in that weather?"


async def test_what_did_not_help_gets_into_the_queue() -> None:
    async with client_of(fake_product()) as client:
        id = (await client.post("/v1/conversations", json={})).json()["id"]
        answer = await ask(client, conversation=id)
        assert await queue(client) == []
        for rating in ("up", "down", "down"):
            await client.post("/v1/feedback", json={"answer": answer["id"], "rating": rating})
        await client.post("/v1/feedback", json={"answer": "ans_" + "0" * 32, "rating": "down"})
        (entry,) = await queue(client)
    assert (entry["question"], entry["disliked"], entry["count"]) == (QUESTION, 1, 1)
    assert entry["nearest"][0]["source"] == "corvo/manual.md"


async def test_a_curated_answer_closes_it_and_answers_those_who_asked() -> None:
    product = fake_product()
    async with client_of(product) as client:
        await ask(client, OPEN)
        (entry,) = await queue(client)
        body = pinned(product, question="How is the weather?", unanswered=entry["id"])
        made = (await client.post("/v1/curated", json=body)).json()
        assert made["variants"] == [OPEN]
        assert await queue(client) == []
        (closed,) = await queue(client, state="closed")
        assert (closed["resolution"], closed["curated"]) == ("curated", made["id"])
        assert (await ask(client, OPEN))["origin"] == "curated"
        unknown = await client.post("/v1/curated", json={**body, "unanswered": "unq_none"})
    assert unknown.status_code == 404


async def test_asked_again_it_closes_once_the_documents_answer() -> None:
    product = fake_product()
    question = "Who feeds the cat?"
    async with client_of(product) as client:
        answer = await ask(client, question)
        assert answer["abstained"]
        (entry,) = await queue(client)
        first = (await client.post(f"/v1/unanswered/{entry['id']}/recheck")).json()
        assert (first["entry"]["resolution"], first["entry"]["count"], first["answer"]["abstained"]) == (None, 1, True)
        publish(product.catalog, "default", markdown_document("cat.md", "# Cat\n\nThe porter always feeds the cat."))
        second = (await client.post(f"/v1/unanswered/{entry['id']}/recheck")).json()
        assert (second["entry"]["resolution"], second["answer"]["abstained"]) == ("document", False)
        assert await queue(client) == []
        assert (await client.delete(f"/v1/unanswered/{entry['id']}")).status_code == 204
        assert await queue(client, state="closed") == []
        entries = (await client.get("/v1/audit")).text
    assert "unanswered.close" in entries
    assert "unanswered.delete" in entries
    assert "cat" not in json.loads(entries)["entries"][0]["details"].values()


async def test_nothing_is_told_of_documents_and_collections_that_one_may_not_see() -> None:
    product = fake_product(sign_in=("keys",))
    async with client_of(product) as client:
        client.headers.update(key_for(product, role=Role.CURATOR))
        await ask(client, OPEN)
        manual = markdown_document("corvo/manual.md", "# Corvo 200 Manual\n\nThe inlet filter is secret now, for ever.")
        prepared = product.catalog.prepare("default", manual, passages_of(manual), labels=("board",))
        product.catalog.publish(prepared)
        (entry,) = await queue(client)
        assert source_of(product) not in {place["document"] for place in entry["nearest"]}
        client.headers.update(key_for(product, role=Role.CURATOR, collections=["staff"]))
        assert await queue(client) == []
        for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/recheck")):
            assert (await client.request(method, f"/v1/unanswered/{entry['id']}{path}")).status_code == 404


async def test_questions_of_the_queue_stay_out_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with client_of(fake_product()) as client:
        await ask(client, OPEN)
        (entry,) = await queue(client)
        await client.post(f"/v1/unanswered/{entry['id']}/recheck")
    logged = " ".join(str(record.__dict__) for record in caplog.records if record.name.startswith("api"))
    assert logged
    assert "weather" not in logged


async def test_with_no_days_nothing_is_kept_and_the_past_is_no_gap() -> None:
    async with client_of(fake_product(unanswered_days=0)) as client:
        await ask(client, OPEN)
        assert await queue(client) == []
    async with client_of(fake_product()) as client:
        await ask(client, OPEN, as_of="2024-01-01")
        assert await queue(client) == []
