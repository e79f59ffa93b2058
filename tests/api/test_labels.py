"""Nothing tells of documents whose labels a caller lacks: every route gives what it would give without them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from api.access import Permission, Role
from api.settings import SettingsError, load_settings
from api.state.feedback import Rating
from ingest.document import DocumentId
from tests.api.library import library, markdown_document, publish
from tests.api.permissions import PERMISSIONS
from tests.api.running import HANDBOOK, MANUAL, MODEL, QUESTION, FakeProduct, client_of, fake_product
from tests.api.test_access import key_for
from tests.api.waiting import wait_for

pytestmark = pytest.mark.anyio
SALARIES = """# Salaries of engineers

## Pay bands

The salary of an inlet filter engineer must be replaced every two years by a higher one.
"""
MINUTES = "# Minutes of the board\n\n## Sale\n\nThe board resolved to sell the whole inlet filter business.\n"
ASKED = "How often must the salary of an inlet filter engineer be replaced?"
PINNED = "The salary of an inlet filter engineer must be replaced every two years by a higher one."
REFUSED = "What is the weather like for an inlet filter?"


@dataclass
class World:
    """A running service; ``hidden`` names what only holders of the label "hr" may know of, where there is any."""

    product: FakeProduct
    client: httpx.AsyncClient
    hidden: dict[str, str]

    async def send(self, key: dict[str, str], method: str, path: str, body: object = None) -> httpx.Response:
        return await self.client.request(method, path, json=body, headers=key)


@asynccontextmanager
async def world(*, secret: bool) -> AsyncIterator[World]:
    catalog = library({"corvo/manual.md": MANUAL, "staff/handbook.md": HANDBOOK})
    if secret:
        publish(catalog, "default", markdown_document("hr/salaries.md", SALARIES), labels=("hr",))
        publish(catalog, "board", markdown_document("minutes.md", MINUTES), labels=("board", "hr"))
    product = fake_product(catalog=catalog, sign_in=("keys",))
    async with client_of(product) as client:
        made = World(product, client, {})
        await _furnish(made, secret=secret)
        yield made


async def _furnish(made: World, *, secret: bool) -> None:
    """What people who may read everything leave behind."""
    manual, hidden = source_of(made, "corvo/manual.md"), source_of(made, "hr/salaries.md")
    boss = key_for(made.product, role=Role.ADMIN)
    quote = "The inlet filter must be replaced every 2,000 hours of operation."
    public = {"question": QUESTION, "answer": quote, "sources": [{"document": manual, "quote": quote}]}
    assert (await made.send(boss, "POST", "/v1/curated", public)).status_code == 201
    assert (await made.send(boss, "POST", "/v1/answers", {"question": REFUSED})).json()["abstained"]
    entries = (await made.send(boss, "GET", "/v1/unanswered")).json()["unanswered"]
    made.hidden = {"document": hidden, "unanswered": entries[0]["id"], "curated": "none", "conversation": "none"}
    made.hidden["job"] = "none"
    if not secret:
        return
    pinned = {"question": ASKED, "answer": PINNED, "sources": [{"document": hidden, "quote": PINNED}]}
    for question in (QUESTION, ASKED):
        body = (await made.send(boss, "POST", "/v1/curated", {**pinned, "question": question})).json()
        made.hidden["curated"] = body["id"]
    conversation = (await made.send(boss, "POST", "/v1/conversations", {})).json()["id"]
    asked = {"question": "salary of an engineer", "conversation": conversation}
    answer = (await made.send(boss, "POST", "/v1/answers", asked)).json()
    assert hidden in str(answer["sources"])
    given = {"answer": answer["id"], "rating": Rating.UP.value}
    assert (await made.send(boss, "POST", "/v1/feedback", given)).status_code == 201
    labelled = ("pay.md", b"---\nlabels: [hr]\n---\n\nThe pay of a salary.")
    sent = await made.client.post("/v1/ingest", files={"files": labelled}, headers=boss)
    job = sent.json()["id"]
    await wait_for(lambda: made.product.service.jobs.find(job).job.state.over)
    assert [r.labels for r in made.product.catalog.current("default") if r.source == "pay.md"] == [("hr",)]
    made.hidden |= {"conversation": conversation, "job": job}


def source_of(made: World, source: str) -> str:
    return next((str(r.document_id) for r in made.product.catalog.current(None) if r.source == source), "none")


def requests(hidden: dict[str, str]) -> Iterator[tuple[str, str, str, object]]:
    """Method, route, path and body of requests that aim at what is hidden; for every route that reads or changes."""

    def to(method: str, route: str, body: object = None, query: str = "") -> tuple[str, str, str, object]:
        path = re.sub(r"\{(\w+)\}", lambda name: hidden.get(name[1], {"revision": "1"}.get(name[1], MODEL)), route)
        return method, route, path + query, body

    sources = [{"document": hidden["document"], "quote": PINNED}]
    yield to("GET", "/v1/session")
    yield to("GET", "/healthz")
    yield to("GET", "/readyz")
    yield to("GET", "/v1/models")
    yield to("GET", "/v1/models/{model}")
    yield to("GET", "/v1/collections")
    for query in ("", "?collection=default", "?collection=board", "?removed=true"):
        yield to("GET", "/v1/documents", query=query)
    yield to("GET", "/v1/documents/{document}/revisions")
    yield to("GET", "/v1/documents/{document}/revisions/{revision}")
    yield to("GET", "/v1/documents/{document}/revisions/{revision}/original")
    for query in ("", "?before=1&after=1"):
        yield to("GET", "/v1/documents/{document}/diff", query=query)
    yield to("POST", "/v1/documents/{document}/revisions/{revision}/restore")
    yield to("DELETE", "/v1/documents/{document}")
    for question in (QUESTION, ASKED, "salary", "board", "filter", REFUSED):
        yield to("POST", "/v1/answers", {"question": question})
        yield to("POST", "/v1/answers", {"question": question, "as_of": "2099-01-01"})
        yield to("POST", "/v1/search", {"query": question})
        yield to("POST", "/v1/search", {"query": question, "limit": 1, "offset": 1})
        yield to("POST", "/v1/search", {"query": question, "as_of": "2099-01-01"})
        yield to("POST", "/v1/search", {"query": question, "collection": "board"})
        yield to("POST", "/v1/answers", {"question": question, "collection": "board"})
        chat = {"model": MODEL, "messages": [{"role": "user", "content": question}]}
        yield to("POST", "/v1/chat/completions", chat)
        yield to("POST", "/v1/chat/completions", {**chat, "stream": True})
    yield to("POST", "/v1/answers", {"question": "salary", "conversation": hidden["conversation"]})
    yield to("POST", "/v1/conversations", {"collection": "board"})
    for query in ("", "?search=salary"):
        yield to("GET", "/v1/conversations", query=query)
    for route in ("/v1/conversations/{conversation}", "/v1/conversations/{conversation}/export"):
        yield to("GET", route)
    yield to("PATCH", "/v1/conversations/{conversation}", {"title": "Mine"})
    yield to("DELETE", "/v1/conversations/{conversation}")
    yield to("POST", "/v1/feedback", {"answer": "ans_" + "0" * 32, "rating": "up"})
    for query in ("", "?limit=1", "?rating=up"):
        yield to("GET", "/v1/feedback", query=query)
    for query in ("", "?limit=1", "?collection=board"):
        yield to("GET", "/v1/curated", query=query)
        yield to("GET", "/v1/unanswered", query=query)
    yield to("GET", "/v1/curated/{curated}")
    yield to("PATCH", "/v1/curated/{curated}", {"answer": "Mine."})
    yield to("POST", "/v1/curated/{curated}/verify")
    yield to("DELETE", "/v1/curated/{curated}")
    for collection in ("default", "board"):
        pinned = {"question": "May I?", "answer": "You may.", "sources": sources, "collection": collection}
        yield to("POST", "/v1/curated", pinned)
    yield to("GET", "/v1/unanswered/{unanswered}")
    yield to("POST", "/v1/unanswered/{unanswered}/recheck")
    yield to("DELETE", "/v1/unanswered/{unanswered}")
    yield to("GET", "/v1/ingest")
    yield to("POST", "/v1/ingest", {"paths": ["/none"]})
    for query in ("", "?limit=1"):
        yield to("GET", "/v1/jobs", query=query)
    for route in ("/v1/jobs/{job}", "/v1/jobs/{job}/events"):
        yield to("GET", route)
    yield to("POST", "/v1/jobs/{job}/cancel")
    yield to("POST", "/v1/embeddings", {"model": "all-minilm-l6-v2", "input": ASKED})
    yield to("DELETE", "/v1/session")


def told(response: httpx.Response) -> tuple[int, str]:
    """A response without what differs from call to call."""
    text = re.sub(r"\b[a-z]{2,8}_[0-9a-f]{12,32}\b", "ID", response.text)
    text = re.sub(r'"(\w+_at|created|request_id|next_cursor|total_s)": ?("[^"]*"|[\d.]+)', r'"\1":"…"', text)
    return response.status_code, text


@pytest.mark.parametrize("labels", [[], ["sales"]])
@pytest.mark.parametrize("role", list(Role))
async def test_every_route_is_the_same_without_what_a_caller_may_not_read(role: Role, labels: list[str]) -> None:
    async with world(secret=True) as there, world(secret=False) as not_there:
        keys = [key_for(place.product, role=role, labels=labels) for place in (there, not_there)]
        hidden = {**there.hidden, "unanswered": not_there.hidden["unanswered"]}  # the entry is in both
        aimed = zip(requests(there.hidden), requests(hidden), strict=True)
        seen = set()
        for (method, route, path, body), (_, _, other_path, other_body) in aimed:
            seen.add((method, route))
            told_there = told(await there.send(keys[0], method, path, body))
            told_not_there = told(await not_there.send(keys[1], method, other_path, other_body))
            assert told_there == told_not_there, (method, path, body)
    # Administrators see all keys and the whole log of acts, which name labels and documents.
    assert seen == {route for route, needed in PERMISSIONS.items() if needed is not Permission.ADMIN}


@pytest.mark.parametrize("held", [{"labels": ["hr", "sales"]}, {"role": Role.ADMIN}])
async def test_who_holds_a_label_finds_its_documents_everywhere(held: dict[str, Any]) -> None:
    async with world(secret=True) as there:
        key = key_for(there.product, **{"role": Role.CURATOR, **held})

        async def has(text: str, method: str, path: str, body: object = None) -> None:
            response = await there.send(key, method, path, body)
            assert response.status_code < 300, response.text
            assert text in response.text, (path, body)

        await has("board", "GET", "/v1/collections")
        await has("hr/salaries.md", "GET", "/v1/documents")
        await has("minutes.md", "GET", "/v1/documents?collection=board")
        await has("Pay bands", "GET", f"/v1/documents/{there.hidden['document']}/revisions/1")
        await has("hr/salaries.md", "GET", f"/v1/documents/{there.hidden['document']}/revisions")
        await has(PINNED, "POST", "/v1/answers", {"question": "engineer salary"})
        await has(PINNED, "POST", "/v1/search", {"query": "engineer salary"})
        await has('"origin":"curated"', "POST", "/v1/answers", {"question": ASKED})
        await has("sell the whole", "POST", "/v1/answers", {"question": "board sell", "collection": "board"})
        messages = [{"role": "user", "content": "engineer salary"}]
        await has(PINNED, "POST", "/v1/chat/completions", {"model": MODEL, "messages": messages})
        await has(PINNED, "GET", "/v1/feedback")
        await has(PINNED, "GET", "/v1/curated")
        await has("hr/salaries.md", "GET", "/v1/unanswered")


async def test_what_a_conversation_kept_is_withheld_once_a_label_is_set() -> None:
    catalog = library({"corvo/manual.md": MANUAL, "staff/handbook.md": HANDBOOK})
    product = fake_product(catalog=catalog, sign_in=("keys",))
    async with client_of(product) as client:
        reader, holder = key_for(product), key_for(product, labels=["hr"])
        kept = {}
        for name, key in (("reader", reader), ("holder", holder)):
            id = (await client.post("/v1/conversations", json={}, headers=key)).json()["id"]
            for question in (QUESTION, "days of leave"):
                await client.post("/v1/answers", json={"question": question, "conversation": id}, headers=key)
            kept[name] = id
        publish(catalog, "default", markdown_document("staff/handbook.md", HANDBOOK), labels=("hr",))

        async def text(key: dict[str, str], id: str, path: str = "") -> str:
            return (await client.get(f"/v1/conversations/{id}{path}", headers=key)).text

        for path in ("", "/export"):
            shown, withheld = await text(holder, kept["holder"], path), await text(reader, kept["reader"], path)
            assert "28 days of leave in each" in shown
            assert "28 days" not in withheld
            assert "rests on documents that you may not read" in withheld
            assert "every 2,000 hours" in withheld
        for words, found in (("calendar", False), ("operation", True), ("leave", True)):
            listed = (await client.get(f"/v1/conversations?search={words}", headers=reader)).json()["conversations"]
            assert bool(listed) is found, words
        further = {"question": "And then?", "conversation": kept["reader"]}
        await client.post("/v1/answers", json=further, headers=reader)
        assert [turn.question for turn in product.answers.questions[-1].history] == [QUESTION]


async def test_a_curated_answer_does_not_stand_before_another_that_may_be_read() -> None:
    async with world(secret=True) as there:
        answer = await there.send(key_for(there.product), "POST", "/v1/answers", {"question": QUESTION})
        assert (answer.json()["origin"], "2,000" in answer.json()["answer"]) == ("curated", True)


async def test_who_closed_an_entry_is_told_without_what_may_not_be_read() -> None:
    async with world(secret=True) as there:
        boss, curator = key_for(there.product, role=Role.ADMIN), key_for(there.product, role=Role.CURATOR)
        pinned = {
            "question": REFUSED,
            "answer": PINNED,
            "sources": [{"document": there.hidden["document"], "quote": PINNED}],
            "unanswered": there.hidden["unanswered"],
        }
        made = (await there.send(boss, "POST", "/v1/curated", pinned)).json()
        path = f"/v1/unanswered/{there.hidden['unanswered']}"
        assert (await there.send(boss, "GET", path)).json()["curated"] == made["id"]
        assert (await there.send(curator, "GET", path)).json()["curated"] is None


async def test_an_administrator_with_labels_makes_no_key_that_reads_more() -> None:
    product = fake_product(sign_in=("keys",))
    async with client_of(product) as client:
        limited = key_for(product, role=Role.ADMIN, labels=["hr"], collections=["default"])
        reachable = {"name": "a", "labels": ["hr"], "collections": ["default"]}
        for body, status in (
            (reachable, 201),
            ({**reachable, "labels": None}, 201),
            ({**reachable, "labels": ["sales"]}, 403),
            ({**reachable, "role": "admin", "labels": None}, 403),
            ({**reachable, "collections": None}, 403),
            ({**reachable, "labels": ["No Label"]}, 422),
            ({**reachable, "origins": ["https://a.example"]}, 422),
        ):
            made = await client.post("/v1/keys", json=body, headers=limited)
            assert made.status_code == status, (body, made.text)


@pytest.mark.parametrize(
    ("user", "groups", "labels"),
    [
        ("bob", "", []),
        ("bob", "hr-team", ["hr"]),
        ("eve", "hr-team, x", ["board", "hr"]),
        ("ada", "", None),
    ],
)
async def test_people_hold_the_labels_of_their_name_and_groups(user: str, groups: str, labels: list[str]) -> None:
    held = {"hr-team": ("HR",), "eve": ("board",)}
    product = fake_product(sign_in=("proxy",), admins=("ada",), held_labels=held)
    async with client_of(product) as client:
        headers = {"X-Forwarded-User": user, "X-Forwarded-Groups": groups}
        assert (await client.get("/v1/session", headers=headers)).json()["caller"]["labels"] == labels


async def test_elsewhere_without_sign_in_nobody_holds_a_label() -> None:
    catalog = library({"corvo/manual.md": MANUAL})
    publish(catalog, "default", markdown_document("hr/salaries.md", SALARIES), labels=("hr",))
    elsewhere: dict[str, Any] = {"host": "0.0.0.0", "open_access": True}
    for settings, count in (({}, 2), (elsewhere, 1)):
        async with client_of(fake_product(catalog=catalog, **settings)) as client:
            assert len((await client.get("/v1/documents")).json()["documents"]) == count


def test_a_label_that_is_none_is_no_setting() -> None:
    with pytest.raises(SettingsError, match="'h r' is no label"):
        load_settings(held_labels={"x": ["h r"]})


def test_the_label_of_a_document_is_the_one_it_has_now() -> None:
    catalog = library({"a.md": SALARIES})
    (public,) = catalog.current("default")
    publish(catalog, "default", markdown_document("a.md", SALARIES + "\nMore.\n"), labels=("hr",))
    assert [r.labels for r in catalog.history(DocumentId(public.document_id))] == [("hr",), ("hr",)]
