"""Who may do what: every route for every role, what a key's collections hide, and how callers are known."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from api.access import GRANTS, Permission, Role
from api.state.keys import KeyRequest
from tests.api.library import library, markdown_document, publish
from tests.api.permissions import PERMISSIONS
from tests.api.running import HANDBOOK, MANUAL, QUESTION, FakeProduct, client_of, fake_product

pytestmark = pytest.mark.anyio
ROUTES = sorted(PERMISSIONS, key=str)


def key_for(product: FakeProduct, **request: Any) -> dict[str, str]:  # noqa: ANN401 - fields of a key
    _, secret = product.service.memory.keys.create(KeyRequest("test", **request))
    return {"Authorization": f"Bearer {secret}"}


async def send(client: httpx.AsyncClient, route: tuple[str, str], headers: dict[str, str]) -> httpx.Response:
    """A request to this route that is complete enough to be judged, but names nothing that exists."""
    path = re.sub(r"\{(\w+)\}", lambda match: "1" if match[1] == "revision" else "none", route[1])
    content = b"{}" if route[0] in ("POST", "PATCH") else b""
    return await client.request(
        route[0], path, content=content, headers={"Content-Type": "application/json", **headers}
    )


@pytest.mark.parametrize("role", list(Role))
async def test_every_route_for_every_role(role: Role) -> None:
    product = fake_product(sign_in=("keys",))
    async with client_of(product) as client:
        headers = key_for(product, role=role)
        for route in ROUTES:
            needed = PERMISSIONS[route]
            status = (await send(client, route, headers)).status_code
            allowed = needed is None or needed in GRANTS[role]
            assert (status != 403) is allowed, (route, status)
            assert status not in (401, 500), route


@pytest.mark.parametrize("permission", list(Permission))
async def test_every_route_for_every_scope(permission: Permission) -> None:
    product = fake_product(sign_in=("keys",))
    async with client_of(product) as client:
        headers = key_for(product, role=Role.ADMIN, scopes=[permission])
        for route in ROUTES:
            status = (await send(client, route, headers)).status_code
            assert (status != 403) is (PERMISSIONS[route] in (None, permission)), route


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer docqa_wrong"}, {"Authorization": "Basic YTpi"}])
async def test_without_signing_in_only_the_health_is_told(headers: dict[str, str]) -> None:
    async with client_of(fake_product(sign_in=("keys",))) as client:
        for route in ROUTES:
            response = await send(client, route, headers)
            assert (response.status_code == 401) is (PERMISSIONS[route] is not None), route
            if response.status_code == 401:
                assert response.headers["www-authenticate"].startswith("Bearer")


async def test_a_revoked_key_is_refused_at_once() -> None:
    product = fake_product(sign_in=("keys",))
    async with client_of(product) as client:
        admin, reader = key_for(product, role=Role.ADMIN), key_for(product)
        assert (await client.get("/v1/documents", headers=reader)).status_code == 200
        keys = (await client.get("/v1/keys", headers=admin)).json()["keys"]
        assert (await client.delete(f"/v1/keys/{keys[1]['id']}", headers=admin)).status_code == 200
        refused = await client.get("/v1/documents", headers=reader)
    assert (refused.status_code, refused.json()["type"]) == (401, "urn:docqa:problem:invalid-key")


async def test_a_key_of_some_collections_knows_of_no_other() -> None:
    catalog = library({"corvo/manual.md": MANUAL})
    publish(catalog, "staff", markdown_document("handbook.md", HANDBOOK))
    (secret_revision,) = catalog.current("staff")
    product = fake_product(catalog=catalog, sign_in=("keys",))
    async with client_of(product) as client:
        headers = key_for(product, collections=["default"])
        assert (await client.get("/v1/collections", headers=headers)).json() == {"collections": ["default"]}
        documents = (await client.get("/v1/documents", headers=headers)).json()["documents"]
        assert [document["source"] for document in documents] == ["corvo/manual.md"]
        named = await client.get("/v1/documents?collection=staff", headers=headers)
        assert named.json() == (await client.get("/v1/documents?collection=none", headers=headers)).json()
        revision = await client.get(f"/v1/documents/{secret_revision.document_id}/revisions/1", headers=headers)
        assert revision.status_code == 404
        asked = {"question": QUESTION, "collection": "staff"}
        unknown = await client.post("/v1/answers", json=asked, headers=headers)
        assert (unknown.status_code, unknown.json()["collections"]) == (404, ["default"])
        chat = {"model": "fake-model", "messages": [{"role": "user", "content": "a"}], "collection": "staff"}
        assert (await client.post("/v1/chat/completions", json=chat, headers=headers)).status_code == 404
    assert product.answers.questions == []


async def test_conversations_belong_to_their_caller() -> None:
    product = fake_product(sign_in=("keys",))
    async with client_of(product) as client:
        mine, other = key_for(product), key_for(product, role=Role.ADMIN)
        id = (await client.post("/v1/conversations", json={}, headers=mine)).json()["id"]
        path = f"/v1/conversations/{id}"
        assert (await client.get(path, headers=mine)).status_code == 200
        assert (await client.get("/v1/conversations", headers=other)).json()["conversations"] == []
        for response in (
            await client.get(path, headers=other),
            await client.get(f"{path}/export", headers=other),
            await client.patch(path, json={"title": "His"}, headers=other),
            await client.delete(path, headers=other),
            await client.post("/v1/answers", json={"question": "a", "conversation": id}, headers=other),
        ):
            assert response.status_code == 404
    assert product.answers.questions == []


async def test_on_loopback_without_sign_in_everybody_administers() -> None:
    async with client_of(fake_product()) as client:
        assert (await client.get("/v1/keys")).status_code == 200
        assert (await client.get("/v1/keys", headers={"Authorization": "Bearer unused"})).status_code == 200
        assert (await client.get("/v1/keys", headers={"Authorization": "Bearer docqa_wrong"})).status_code == 401


async def test_elsewhere_without_sign_in_everybody_reads() -> None:
    async with client_of(fake_product(host="0.0.0.0", open_access=True)) as client:
        assert (await client.get("/v1/documents")).status_code == 200
        assert (await client.get("/v1/keys")).status_code == 403
        assert (await client.get("/metrics")).status_code == 403


@pytest.mark.parametrize(
    ("user", "groups", "role"),
    [("ada", "", "admin"), ("bob", "x, writers", "curator"), ("bob", "", "reader"), ("eve", "ada", "admin")],
)
async def test_a_trusted_proxy_names_its_user(user: str, groups: str, role: str) -> None:
    product = fake_product(sign_in=("proxy",), admins=("ada",), curators=("writers",))
    headers = {"X-Forwarded-User": user, "X-Forwarded-Groups": groups}
    async with client_of(product) as client:
        statuses = [(await client.get(path, headers=headers)).status_code for path in ("/v1/feedback", "/v1/keys")]
    assert statuses == {"admin": [200, 200], "curator": [200, 403], "reader": [403, 403]}[role]


@pytest.mark.parametrize(
    ("settings", "headers"),
    [
        ({"sign_in": ("proxy",), "trusted_proxies": ("10.0.0.0/8",)}, {"X-Forwarded-User": "ada"}),
        ({"sign_in": ("keys",)}, {"X-Forwarded-User": "ada"}),
        ({"sign_in": ("proxy",)}, {"X-Forwarded-User": " "}),
        ({"sign_in": ("proxy",), "proxy_user_header": "X-User"}, {"X-Forwarded-User": "ada"}),
    ],
)
async def test_the_header_of_anybody_else_means_nothing(settings: dict[str, Any], headers: dict[str, str]) -> None:
    async with client_of(fake_product(admins=("ada",), **settings)) as client:
        assert (await client.get("/v1/documents", headers=headers)).status_code == 401


async def test_pages_of_other_sites_can_change_nothing() -> None:
    async with client_of(fake_product()) as client:
        for site in ("cross-site", "same-site"):
            headers = {"Sec-Fetch-Site": site}
            refused = await client.post("/v1/conversations", json={}, headers=headers)
            assert (refused.status_code, refused.json()["type"]) == (403, "urn:docqa:problem:cross-site")
            assert (await client.get("/", headers=headers)).status_code == 200
        own = await client.post("/v1/conversations", json={}, headers={"Sec-Fetch-Site": "same-origin"})
    assert own.status_code == 201


async def test_over_its_rate_a_caller_is_told_when_to_come_again() -> None:
    product = fake_product(sign_in=("keys",), requests_per_minute=100)
    async with client_of(product) as client:
        slow, fast = key_for(product, requests_per_minute=2), key_for(product)
        statuses = [(await client.get("/v1/documents", headers=slow)).status_code for _ in range(3)]
        assert statuses == [200, 200, 429]
        refused = await client.get("/v1/documents", headers=slow)
        assert 1 <= int(refused.headers["retry-after"]) == refused.json()["retry_after"] <= 30
        assert refused.json()["type"] == "urn:docqa:problem:rate-limited"
        assert (await client.get("/v1/documents", headers=fast)).status_code == 200


async def test_keys_made_over_http_open_the_service_and_are_audited() -> None:
    product = fake_product(sign_in=("keys",))
    async with client_of(product) as client:
        admin = key_for(product, role=Role.ADMIN)
        body = {"name": "ticket system", "role": "reader", "collections": ["default"], "batch": True}
        made = (await client.post("/v1/keys", json=body, headers=admin)).json()
        used = await client.get("/v1/documents", headers={"Authorization": f"Bearer {made['secret']}"})
        assert used.status_code == 200
        await client.delete(f"/v1/keys/{made['id']}", headers=admin)
        listed = (await client.get("/v1/keys", headers=admin)).text
        entries = (await client.get("/v1/audit", headers=admin)).json()["entries"]
    assert made["secret"] not in listed
    assert [(entry["action"], entry["subject"]) for entry in entries] == [
        ("key.revoke", made["id"]),
        ("key.create", made["id"]),
    ]
    assert entries[1]["details"]["collections"] == ["default"]
    assert made["secret"] not in str(entries)
