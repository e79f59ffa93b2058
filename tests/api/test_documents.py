from __future__ import annotations

import pytest

from tests.api.library import library, markdown_document, publish
from tests.api.running import HANDBOOK, MANUAL, client_of, fake_product

pytestmark = pytest.mark.anyio


async def test_documents_are_listed_by_collection_and_source() -> None:
    catalog = library({"b.md": "# B\n\nText.", "a.md": "# A\n\nText."})
    publish(catalog, "alpha", markdown_document("z.md", "# Z\n\nText."))
    async with client_of(fake_product(catalog=catalog)) as client:
        every = (await client.get("/v1/documents")).json()["documents"]
        some = (await client.get("/v1/documents", params={"collection": "alpha"})).json()["documents"]
        none = (await client.get("/v1/documents", params={"collection": "omega"})).json()["documents"]
        collections = (await client.get("/v1/collections")).json()
    assert [(d["collection"], d["source"]) for d in every] == [
        ("alpha", "z.md"),
        ("default", "a.md"),
        ("default", "b.md"),
    ]
    assert some == every[:1]
    assert none == []
    assert collections == {"collections": ["alpha", "default"]}
    assert some[0] | {"document": "", "content_hash": "", "valid_from": 0} == {
        "document": "",
        "collection": "alpha",
        "source": "z.md",
        "title": "Z",
        "revision": 1,
        "media_type": "text/markdown",
        "content_hash": "",
        "passages": 2,
        "valid_from": 0,
    }


async def test_each_revision_keeps_its_text() -> None:
    catalog = library({"manual.md": MANUAL})
    publish(catalog, "default", markdown_document("manual.md", MANUAL.replace("2,000", "3,000"), page_length=100))
    async with client_of(fake_product(catalog=catalog)) as client:
        (listed,) = (await client.get("/v1/documents")).json()["documents"]
        path = f"/v1/documents/{listed['document']}/revisions"
        old, new = [(await client.get(f"{path}/{number}")).json() for number in (1, 2)]
    assert listed["revision"] == 2
    assert old["text"] == MANUAL
    assert "3,000" in new["text"]
    assert old["valid_to"] == new["valid_from"]
    assert new["valid_to"] is None
    assert old["pages"] == []
    assert new["pages"] == [0, 100, 200]
    for section in new["sections"]:
        heading = new["text"][slice(*section["span"])].splitlines()[0]
        assert heading == "#" * section["level"] + " " + section["path"][-1]
    assert new["sections"][2]["path"] == ["Corvo 200 Manual", "Maintenance", "Inlet filter"]


async def test_markup_in_a_document_stays_text() -> None:
    catalog = library({"handbook.md": HANDBOOK})
    async with client_of(fake_product(catalog=catalog)) as client:
        (listed,) = (await client.get("/v1/documents")).json()["documents"]
        response = await client.get(f"/v1/documents/{listed['document']}/revisions/1")
    assert response.headers["content-type"] == "application/json"
    assert response.json()["text"] == HANDBOOK


@pytest.mark.parametrize(
    ("document", "revision", "status"),
    [
        ("nothing", "1", 404),
        ("{known}", "2", 404),
        ("{known}", "0", 422),
        ("{known}", "-1", 422),
        ("{known}", "9" * 30, 422),
        ("{known}", "one", 422),
        ("x" * 65, "1", 422),
        ("%00", "1", 404),
        ("..%2f..%2fetc", "1", 404),
    ],
)
async def test_what_is_not_there_is_a_problem(document: str, revision: str, status: int) -> None:
    product = fake_product()
    known = product.catalog.current()[0].document_id
    async with client_of(product) as client:
        response = await client.get(f"/v1/documents/{document.format(known=known)}/revisions/{revision}")
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
