"""The files that revisions were read from, and the history of a document."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from api.access import Role
from tests.api.library import library, markdown_document, publish
from tests.api.running import client_of, fake_product
from tests.api.test_access import key_for
from tests.api.test_ingest import PUMP, files, ingest, product

pytestmark = pytest.mark.anyio


async def only_document(client: Any) -> dict[str, Any]:  # noqa: ANN401 - of a client
    (document,) = (await client.get("/v1/documents")).json()["documents"]
    return dict(document)


async def test_an_upload_s_original_is_given_byte_for_byte_while_it_is_what_was_read(tmp_path: Path) -> None:
    async with client_of(product(tmp_path)) as client:
        await ingest(client, files=files(("hr/pump läuft.txt", PUMP)))
        document = await only_document(client)
        path = f"/v1/documents/{document['document']}/revisions/1"
        assert (await client.get(path)).json()["original"] is True
        given = await client.get(f"{path}/original")
        assert given.content == PUMP.encode()
        assert given.headers["content-disposition"] == "inline; filename*=UTF-8''pump%20l%C3%A4uft.txt"
        assert given.headers["content-type"].startswith("text/plain")
        assert given.headers["content-security-policy"].startswith("default-src 'none'")
        assert given.headers["x-content-type-options"] == "nosniff"
        (tmp_path / "data" / "uploads" / "default" / "hr" / "pump läuft.txt").write_text("something else")
        changed = await client.get(f"{path}/original")
    assert changed.status_code == 404
    assert "has changed since" in changed.json()["detail"]


async def test_history_names_all_revisions_the_newest_first() -> None:
    catalog = library({"a.md": "# A\n\nOld.\n"})
    publish(catalog, "default", markdown_document("a.md", "# A\n\nNew.\n"))
    async with client_of(fake_product(catalog=catalog)) as client:
        document = (await only_document(client))["document"]
        history = (await client.get(f"/v1/documents/{document}/revisions")).json()
        assert (await client.get("/v1/documents/none/revisions")).status_code == 404
    new, first = history["revisions"]
    assert (new["revision"], first["revision"], history["document"]) == (2, 1, document)
    assert (new["valid_to"], first["valid_to"]) == (None, new["valid_from"])


async def test_a_folder_s_original_is_never_read_from_elsewhere(tmp_path: Path) -> None:
    manual = tmp_path / "manuals" / "pump.txt"
    manual.parent.mkdir()
    manual.write_text(PUMP)
    async with client_of(product(tmp_path)) as client:
        await ingest(client, json={"paths": [str(manual.parent)]})
        path = f"/v1/documents/{(await only_document(client))['document']}/revisions/1"
        assert (await client.get(f"{path}/original")).content == PUMP.encode()
        elsewhere = tmp_path / "elsewhere.txt"
        os.replace(manual, elsewhere)
        manual.symlink_to(elsewhere)  # the same bytes, yet not in the folder
        assert (await client.get(path)).json()["original"] is False
        assert (await client.get(f"{path}/original")).status_code == 404


async def test_originals_and_history_are_for_those_who_may_read_the_document(tmp_path: Path) -> None:
    made = product(tmp_path, sign_in=("keys",))
    async with client_of(made) as client:
        client.headers.update(key_for(made, role=Role.ADMIN))
        await ingest(client, files=files(("pump.txt", PUMP)))
        path = f"/v1/documents/{(await only_document(client))['document']}/revisions"
        other = key_for(made, collections=["another"])
        for below in ("", "/1", "/1/original"):
            assert (await client.get(path + below)).status_code == 200
            assert (await client.get(path + below, headers=other)).status_code == 404
