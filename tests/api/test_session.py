from __future__ import annotations

import pytest

from api.access import Permission
from api.state.keys import KeyRequest
from tests.api.running import client_of, fake_product

pytestmark = pytest.mark.anyio


async def test_without_sign_in_who_sits_here_administers() -> None:
    async with client_of(fake_product()) as client:
        body = (await client.get("/v1/session")).json()
    assert body["caller"] == {
        "id": "local",
        "role": "admin",
        "permissions": ["ask", "read", "curate", "ingest", "admin"],
        "collections": None,
        "labels": None,
    }
    assert (body["keeps_conversations"], body["ways"], body["sign_in_url"]) == (True, [], None)


async def test_strangers_who_share_a_name_keep_no_conversations() -> None:
    async with client_of(fake_product(host="192.0.2.1", open_access=True)) as client:
        body = (await client.get("/v1/session", headers={"Host": "192.0.2.1"})).json()
    assert (body["caller"]["role"], body["keeps_conversations"]) == ("reader", False)


async def test_a_key_is_told_what_it_opens() -> None:
    product = fake_product(sign_in=("keys", "proxy"))
    request = KeyRequest("page", scopes=[Permission.ASK], collections=["default"])
    made, secret = product.service.memory.keys.create(request)
    async with client_of(product) as client:
        known = (await client.get("/v1/session", headers={"Authorization": f"Bearer {secret}"})).json()
        for headers in ({}, {"Authorization": "Bearer docqa_wrong"}):
            unknown = (await client.get("/v1/session", headers=headers)).json()
            assert unknown == {
                "caller": None,
                "keeps_conversations": False,
                "ways": ["keys", "proxy"],
                "sign_in_url": None,
            }
    assert known["caller"] == {
        "id": f"key:{made.id}",
        "role": "reader",
        "permissions": ["ask"],
        "collections": ["default"],
        "labels": [],
    }
