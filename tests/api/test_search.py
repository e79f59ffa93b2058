"""Searches over HTTP: exact passages, in parts, of the collection and the time that are named."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.library import library, markdown_document, publish
from tests.api.running import HANDBOOK, MANUAL, client_of, fake_product
from tests.api.test_access import key_for

pytestmark = pytest.mark.anyio
TOPICS = ("valve", "pump", "filter", "hose", "gauge", "seal", "motor")
MANY = "# Parts\n\n" + "\n\n".join(f"The {topic} of the device is made of steel by hand." for topic in TOPICS)


async def found(client: httpx.AsyncClient, query: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON values
    response = await client.post("/v1/search", json={"query": query, **fields})
    assert response.status_code == 200, response.text
    return dict(response.json())


async def test_a_passage_comes_with_its_place_and_its_scores() -> None:
    product = fake_product()
    async with client_of(product) as client:
        body = await found(client, "inlet filter hours")
        first = body["results"][0]
        text = (await client.get(f"/v1/documents/{first['document']}/revisions/{first['revision']}")).json()["text"]
    assert (body["query"], body["collection"]) == ("inlet filter hours", "default")
    assert first["section_path"] == ["Corvo 200 Manual", "Maintenance", "Inlet filter"]
    assert text[slice(*first["span"])] == first["text"]
    assert "2,000 hours" in first["text"]
    assert (first["number"], first["revision"], first["source"]) == (1, 1, "corvo/manual.md")
    assert first["similarity"] > 0
    assert first["lexical"] > 0
    assert first["url"].startswith(f"http://127.0.0.1/#document={first['document']}&revision=1&span=")
    scores = [result["score"] for result in body["results"]]
    assert scores == sorted(scores, reverse=True)
    assert product.answers.questions == []


async def test_parts_of_the_list_make_the_whole_list() -> None:
    async with client_of(fake_product(catalog=library({"parts.md": MANY}))) as client:
        whole = await found(client, "device of steel", limit=50)
        assert len(whole["results"]) == len(TOPICS) + 1
        assert whole["next_offset"] is None
        parts: list[dict[str, Any]] = []
        offset: int | None = 0
        while offset is not None:
            body = await found(client, "device of steel", limit=3, offset=offset)
            assert len(body["results"]) <= 3
            parts += body["results"]
            offset = body["next_offset"]
    assert parts == whole["results"]
    assert [result["number"] for result in parts] == list(range(1, len(TOPICS) + 2))


async def test_only_the_named_collection_and_time_count() -> None:
    catalog = library({"corvo/manual.md": MANUAL})
    publish(catalog, "staff", markdown_document("handbook.md", HANDBOOK))
    product = fake_product(catalog=catalog, sign_in=("keys",))
    async with client_of(product) as client:
        client.headers.update(key_for(product, collections=["staff", "default"]))
        staff = await found(client, "filter leave", collection="staff")
        assert {result["source"] for result in staff["results"]} == {"handbook.md"}
        assert (await found(client, "filter", as_of="2024-01-01"))["results"]
        before = await found(client, "filter", as_of="2001-01-01")
        assert before["results"] == []
        client.headers.update(key_for(product, collections=["default"]))
        refused = await client.post("/v1/search", json={"query": "leave", "collection": "staff"})
    assert (refused.status_code, refused.json()["collections"]) == (404, ["default"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "query"),
        ({"query": "  "}, "query"),
        ({"query": "a" * 2001}, "question"),
        ({"query": "a", "limit": 51}, "limit"),
        ({"query": "a", "limit": 0}, "limit"),
        ({"query": "a", "offset": -1}, "offset"),
        ({"query": "a", "as_of": "soon"}, "as_of"),
        ({"query": "a", "mode": "answer"}, "mode"),
    ],
)
async def test_what_can_not_be_searched_is_said(body: dict[str, Any], field: str) -> None:
    async with client_of(fake_product()) as client:
        refused = await client.post("/v1/search", json=body)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == field
