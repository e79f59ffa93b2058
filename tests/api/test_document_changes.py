"""Documents compared, taken out of the index and brought back over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from api.access import Role
from tests.api.library import library, markdown_document, publish
from tests.api.running import HANDBOOK, MANUAL, QUESTION, FakeProduct, client_of, fake_product
from tests.api.test_access import key_for
from tests.api.waiting import wait_for

pytestmark = pytest.mark.anyio

NEWER = MANUAL.replace("2,000", "3,000")


@asynccontextmanager
async def curator(**held: Any) -> AsyncIterator[tuple[FakeProduct, httpx.AsyncClient]]:  # noqa: ANN401 - of a key
    """A product with a manual in two revisions, and a client that signs in as a curator."""
    catalog = library({"manual.md": MANUAL, "handbook.md": HANDBOOK})
    publish(catalog, "default", markdown_document("manual.md", NEWER))
    product = fake_product(catalog=catalog, sign_in=("keys",))
    async with client_of(product) as client:
        client.headers.update(key_for(product, **{"role": Role.CURATOR, **held}))
        yield product, client


def manual_of(product: FakeProduct) -> str:
    known = [*product.catalog.current(), *product.catalog.removed()]
    return next(f"/v1/documents/{r.document_id}" for r in known if r.source == "manual.md")


async def done(product: FakeProduct, response: httpx.Response) -> dict[str, Any]:
    """The job that the response names, once it is over."""
    assert response.status_code == 202, response.text
    job = response.json()["id"]
    assert response.headers["location"] == f"/v1/jobs/{job}"
    await wait_for(lambda: product.service.jobs.find(job).job.state.over)
    found = product.service.jobs.find(job).job
    return {"state": found.state.value, "kind": found.kind.value, "counts": found.counts, "error": found.error}


async def sources(client: httpx.AsyncClient, query: str = "") -> list[tuple[str, int]]:
    documents = (await client.get(f"/v1/documents{query}")).json()["documents"]
    return [(found["source"], found["revision"]) for found in documents]


async def test_revisions_are_compared() -> None:
    async with curator() as (product, client):
        path = f"{manual_of(product)}/diff"
        body = (await client.get(path)).json()
        assert (body["before"], body["after"]) == (1, 2)
        (hunk,) = body["hunks"]
        changed = [(line["change"], line["text"]) for line in hunk["lines"] if line["change"] != "same"]
        assert changed == [("removed", MANUAL.splitlines()[6]), ("added", NEWER.splitlines()[6])]
        assert (hunk["before"], hunk["after"]) == (4, 4)
        assert (await client.get(f"{path}?before=2&after=2")).json()["hunks"] == []
        back = (await client.get(f"{path}?before=2&after=1")).json()
        assert (back["before"], back["after"], len(back["hunks"])) == (2, 1, 1)
        for query, status in (("?after=1", 404), ("?before=3", 404), ("?after=9", 404), ("?before=0", 422)):
            assert (await client.get(path + query)).status_code == status, query


async def test_texts_too_long_to_compare_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.routes.documents.MAX_COMPARED_LINES", 5)
    async with curator() as (product, client):
        refused = await client.get(f"{manual_of(product)}/diff")
        assert (refused.status_code, "docqa documents diff" in refused.text) == (422, True)


async def test_a_document_is_removed_and_each_of_its_revisions_brought_back() -> None:
    async with curator() as (product, client):
        path = manual_of(product)
        removed = await done(product, await client.delete(path))
        assert (removed["state"], removed["kind"], removed["counts"]["removed"]) == ("succeeded", "remove", 1)
        assert await sources(client) == [("handbook.md", 1)]
        assert await sources(client, "?removed=true") == [("manual.md", 2)]
        found = (await client.post("/v1/search", json={"query": QUESTION})).json()["results"]
        assert not [result for result in found if result["source"] == "manual.md"]
        again = await client.delete(path)
        assert (again.status_code, again.json()["type"]) == (409, "urn:docqa:problem:document-removed")

        restored = await done(product, await client.post(f"{path}/revisions/1/restore"))
        assert (restored["state"], restored["kind"], restored["counts"]["added"]) == ("succeeded", "restore", 1)
        assert await sources(client) == [("handbook.md", 1), ("manual.md", 3)]
        assert (await client.get(f"{path}/revisions/3")).json()["text"] == MANUAL
        holds = await client.post(f"{path}/revisions/3/restore")
        assert (holds.status_code, holds.json()["type"]) == (409, "urn:docqa:problem:revision-holds")
        replaced = await done(product, await client.post(f"{path}/revisions/2/restore"))
        assert replaced["counts"]["updated"] == 1
        answer = (await client.post("/v1/answers", json={"question": QUESTION})).json()
        assert "every 3,000 hours" in answer["answer"]
        entries = product.service.memory.audit.page(9).items
        assert [entry.action for entry in entries] == ["document.restore"] * 2 + ["document.remove"]
        assert (entries[0].subject, entries[0].details["source"]) == (path.rpartition("/")[2], "manual.md")


async def test_a_place_that_is_taken_is_not_overwritten() -> None:
    async with curator() as (product, client):
        path = manual_of(product)
        await done(product, await client.delete(path))
        (handbook,) = product.catalog.current()
        product.catalog.move(handbook.document_id, "", "manual.md")
        refused = await client.post(f"{path}/revisions/1/restore")
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:docqa:problem:name-taken")


async def test_what_changed_before_the_job_s_turn_is_told_by_the_job() -> None:
    async with curator() as (product, client):
        path = manual_of(product)
        with product.service.components.ingesting() as pipeline, pipeline._turn:  # an ingest is at work
            response = await client.delete(path)
            product.catalog.remove(product.catalog.current()[1].document_id)
            busy = await client.delete(path)
            assert busy.status_code == 409
        job = await done(product, response)
        assert (job["state"], job["error"]) == ("failed", "manual.md was removed already")


async def test_a_write_sent_again_takes_effect_once() -> None:
    async with curator() as (product, client):
        path, headers = manual_of(product), {"Idempotency-Key": "one"}
        first = await client.delete(path, headers=headers)
        await done(product, first)
        again = await client.delete(path, headers=headers)
        assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
        assert again.headers["idempotency-replayed"] == "true"
        assert len(product.service.memory.audit.page(9).items) == 1


async def test_who_may_not_read_a_document_can_neither_compare_nor_change_it() -> None:
    async with curator() as (product, client):
        publish(product.catalog, "default", markdown_document("manual.md", MANUAL + "\nPay.\n"), labels=("hr",))
        path = manual_of(product)
        for response in (
            await client.get(f"{path}/diff"),
            await client.delete(path),
            await client.post(f"{path}/revisions/1/restore"),
        ):
            assert response.status_code == 404
        holder = key_for(product, role=Role.CURATOR, labels=["hr"])
        await done(product, await client.delete(path, headers=holder))
        assert await sources(client, "?removed=true") == []
        assert (await client.post(f"{path}/revisions/1/restore")).status_code == 404
        other = key_for(product, role=Role.CURATOR, labels=["hr"], collections=["other"])
        assert (await client.post(f"{path}/revisions/1/restore", headers=other)).status_code == 404
        reader = key_for(product, labels=["hr"])
        assert (await client.delete(path, headers=reader)).status_code == 403
