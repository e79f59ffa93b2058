"""Curated answers over HTTP: served to whoever asks the same, until a source changes."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from api.access import Role
from tests.api.library import library, markdown_document, passages_of, publish
from tests.api.running import HANDBOOK, MANUAL, QUESTION, FakeProduct, client_of, fake_product
from tests.api.test_access import key_for
from tests.fakes.catalog import MemoryCatalog

pytestmark = pytest.mark.anyio
QUOTE = "The inlet filter must be replaced every 2,000 hours of operation."
ANSWER = "Every 2,000 hours of operation. Ask Ms Ito for a spare one."
VARIANT = "How often should the inlet filter be replaced?"


def source_of(product: FakeProduct, file: str = "corvo/manual.md") -> str:
    return next(str(revision.document_id) for revision in product.catalog.current(None) if revision.source == file)


def pinned(product: FakeProduct, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON values
    sources = [{"document": source_of(product), "quote": QUOTE}]
    return {"question": QUESTION, "answer": ANSWER, "sources": sources, "owner": "Ada", **changes}


async def pin(client: httpx.AsyncClient, product: FakeProduct, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    made = await client.post("/v1/curated", json=pinned(product, **changes))
    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"/v1/curated/{made.json()['id']}"
    return dict(made.json())


async def ask(client: httpx.AsyncClient, question: str = QUESTION, **fields: Any) -> dict[str, Any]:  # noqa: ANN401
    return dict((await client.post("/v1/answers", json={"question": question, **fields})).json())


async def test_it_is_served_for_its_question_and_for_what_asks_the_same() -> None:
    product = fake_product()
    async with client_of(product) as client:
        made = await pin(client, product, variants=["Corvo: filter change when?"])
        for asked in (
            QUESTION,
            "how often does the inlet filter have to be replaced",
            VARIANT,
            "corvo filter change when",
        ):
            answer = await ask(client, asked)
            assert (answer["answer"], answer["origin"], answer["question"]) == (ANSWER, "curated", asked)
            mark = answer["curated"]
            assert (mark["id"], mark["owner"], mark["freshness"]) == (made["id"], "Ada", "current")
            assert mark["verified_at"] == pytest.approx(time.time(), abs=60)
        for asked in (
            "How often must the outlet filter be replaced?",
            "How often must the inlet filter not be replaced?",
            "Who must replace the inlet filter?",
            "How often must the inlet filter of the Pipit be replaced?",
            "How often must the 3 inlet filters be replaced?",
        ):
            other = await ask(client, asked)
            assert (other["origin"], other["curated"]) == ("model", None), asked
    assert len(product.answers.questions) == 5


async def test_each_sentence_has_its_citations_or_the_word_of_its_owner() -> None:
    product = fake_product()
    async with client_of(product) as client:
        await pin(client, product)
        answer = await ask(client)
        (source,) = answer["sources"]
        path = f"/v1/documents/{source['document']}/revisions/{source['revision']}"
        text = (await client.get(path)).json()["text"]
    first, second = answer["sentences"]
    assert (first["status"], second["status"]) in [("quoted", "verified"), ("supported", "verified")]
    for sentence in answer["sentences"]:
        (citation,) = sentence["citations"]
        assert text[slice(*citation["span"])] == citation["quote"]
        assert citation["section_path"] == ["Corvo 200 Manual", "Maintenance", "Inlet filter"]
    assert second["citations"][0]["quote"] == QUOTE


async def test_it_comes_as_a_stream_into_conversations_and_to_openai_clients() -> None:
    product = fake_product()
    async with client_of(product) as client:
        await pin(client, product)
        conversation = (await client.post("/v1/conversations", json={})).json()["id"]
        body = {"question": QUESTION, "conversation": conversation}
        stream = await client.post("/v1/answers", json=body, headers={"Accept": "text/event-stream"})
        assert [line for line in stream.text.splitlines() if line.startswith("event")] == [
            "event: sources",
            "event: delta",
            "event: answer",
        ]
        (turn,) = (await client.get(f"/v1/conversations/{conversation}")).json()["turns"]
        assert turn["answer"]["curated"]["owner"] == "Ada"
        follow_up = await ask(client, "And how often must it be replaced?", conversation=conversation)
        messages = [{"role": "user", "content": QUESTION}]
        chat = await client.post("/v1/chat/completions", json={"model": "fake-model", "messages": messages})
    assert follow_up["curated"] is None
    assert chat.json()["choices"][0]["message"]["content"] == ANSWER


async def test_it_takes_no_place_in_the_queue() -> None:
    product = fake_product(queue_size=0, delay=0.05)
    async with client_of(product) as client:
        await pin(client, product)
        body = {"question": "What about storage of the device?"}
        async with client.stream("POST", "/v1/answers", json=body, headers={"Accept": "text/event-stream"}):
            assert (await ask(client))["origin"] == "curated"


async def test_a_new_revision_of_a_cited_document_makes_it_stale() -> None:
    catalog = library({"corvo/manual.md": MANUAL, "staff/handbook.md": HANDBOOK})
    product = fake_product(catalog=catalog)
    async with client_of(product) as client:
        made = await pin(client, product)
        publish(catalog, "default", markdown_document("staff/handbook.md", HANDBOOK + "\nMore.\n"))
        assert (await ask(client))["origin"] == "curated"
        publish(catalog, "default", markdown_document("corvo/manual.md", "# Corvo 200 Manual\n\nNew.\n\n" + MANUAL))
        answer = await ask(client)
        assert (answer["origin"], answer["curated"]["freshness"]) == ("model", "stale")
        kept = (await client.get(f"/v1/curated/{made['id']}")).json()
        assert kept["freshness"] == "stale"
        assert [(source["current"], source["stands"]) for source in kept["sources"]] == [(False, True)]
        renewed = (await client.post(f"/v1/curated/{made['id']}/verify")).json()
        assert (renewed["freshness"], renewed["sources"][0]["revision"]) == ("current", 2)
        assert (await ask(client))["origin"] == "curated"
        publish(catalog, "default", markdown_document("corvo/manual.md", MANUAL.replace("2,000", "1,000")))
        refused = await client.post(f"/v1/curated/{made['id']}/verify")
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:docqa:problem:source-changed")
        quote = QUOTE.replace("2,000", "1,000")
        sources = [{"document": source_of(product), "quote": quote}]
        change = {"answer": "Every 1,000 hours of operation.", "sources": sources}
        changed = (await client.patch(f"/v1/curated/{made['id']}", json=change)).json()
        assert (changed["freshness"], changed["question"], changed["owner"]) == ("current", QUESTION, "Ada")
        assert (await ask(client))["answer"] == "Every 1,000 hours of operation."
        catalog.remove(catalog.current_of("default", "corvo/manual.md").document_id)  # type: ignore[union-attr]
        assert (await client.get(f"/v1/curated/{made['id']}")).json()["freshness"] == "stale"


async def test_it_expires() -> None:
    product = fake_product()
    async with client_of(product) as client:
        made = await pin(client, product, expires_at=time.time() + 3600)
        assert (await ask(client))["origin"] == "curated"
        path = f"/v1/curated/{made['id']}"
        await client.patch(path, json={"expires_at": 1.5})
        answer = await ask(client)
        assert (answer["origin"], answer["curated"]["freshness"]) == ("model", "expired")
        changed = (await client.patch(path, json={"expires_at": None})).json()
        assert (changed["freshness"], changed["expires_at"]) == ("current", None)


async def test_who_may_not_read_a_source_does_not_learn_of_it() -> None:
    catalog = MemoryCatalog()
    publish(catalog, "default", markdown_document("staff/handbook.md", HANDBOOK))
    document = markdown_document("corvo/manual.md", MANUAL)
    product = fake_product(catalog=catalog, sign_in=("keys",))
    async with client_of(product) as client:
        client.headers.update(key_for(product, role=Role.CURATOR))
        catalog.publish(catalog.prepare("default", document, passages_of(document)))
        made = await pin(client, product)
        id = source_of(product)
        again = markdown_document("corvo/manual.md", MANUAL)
        catalog.publish(catalog.prepare("default", again, passages_of(again), labels=("board",)))
        assert (await ask(client))["curated"] is None
        assert (await client.get("/v1/curated")).json()["curated"] == []
        for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/verify")):
            content = b"{}" if method == "PATCH" else b""
            headers = {"Content-Type": "application/json"}
            told = await client.request(method, f"/v1/curated/{made['id']}{path}", content=content, headers=headers)
            assert told.status_code == 404
        refused = await client.post("/v1/curated", json=pinned(product, sources=[{"document": id, "quote": "Use"}]))
        assert (refused.status_code, "no document" in refused.text) == (422, True)


async def test_a_key_of_some_collections_curates_no_other() -> None:
    product = fake_product(sign_in=("keys",))
    publish(product.catalog, "staff", markdown_document("handbook.md", HANDBOOK))
    async with client_of(product) as client:
        client.headers.update(key_for(product, role=Role.CURATOR))
        made = await pin(client, product)
        client.headers.update(key_for(product, role=Role.CURATOR, collections=["staff"]))
        assert (await client.get("/v1/curated")).json()["curated"] == []
        assert (await client.get(f"/v1/curated/{made['id']}")).status_code == 404
        assert (await client.post("/v1/curated", json=pinned(product))).status_code == 404


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"sources": []}, "sources"),
        ({"sources": [{"document": "none", "quote": QUOTE}]}, "sources.0.document"),
        ({"answer": " "}, "answer"),
        ({"question": "q" * 2001}, "question"),
        ({"expires_at": -1}, "expires_at"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_what_can_not_be_pinned(changes: dict[str, Any], field: str) -> None:
    product = fake_product()
    async with client_of(product) as client:
        refused = await client.post("/v1/curated", json=pinned(product, **changes))
        assert (await client.get("/v1/curated")).json()["curated"] == []
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == field


async def test_a_quote_must_stand_to_the_letter() -> None:
    product = fake_product()
    async with client_of(product) as client:
        sources = [{"document": source_of(product), "quote": "every 2000 hours"}]
        refused = await client.post("/v1/curated", json=pinned(product, sources=sources))
    assert refused.json()["errors"][0]["field"] == "sources.0.quote"


async def test_pages_audit_idempotency_and_deletion() -> None:
    product = fake_product()
    async with client_of(product) as client:
        ids = [(await pin(client, product, question=f"{QUESTION} {number}"))["id"] for number in range(3)]
        once = {"Idempotency-Key": "k"}
        twice = [(await client.post("/v1/curated", json=pinned(product), headers=once)).json()["id"] for _ in range(2)]
        assert twice[0] == twice[1]
        first = (await client.get("/v1/curated?limit=3")).json()
        second = (await client.get(f"/v1/curated?limit=3&cursor={first['next_cursor']}")).json()
        listed = [entry["id"] for entry in [*first["curated"], *second["curated"]]]
        assert listed == [twice[0], *reversed(ids)]
        assert (await client.delete(f"/v1/curated/{ids[0]}")).status_code == 204
        assert (await client.get(f"/v1/curated/{ids[0]}")).status_code == 404
        entries = (await client.get("/v1/audit")).json()["entries"]
    assert [entry["action"] for entry in entries] == ["curated.delete", *["curated.create"] * 4]
    assert entries[0]["subject"] == ids[0]
    assert QUESTION not in str(entries)
    assert ANSWER not in str(entries)
