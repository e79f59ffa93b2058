"""Sign-in by OpenID Connect, against a provider that these tests serve over real connections."""

from __future__ import annotations

import base64
import hmac
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey

from api.routes.sign_in import own_path
from api.settings import Settings, SettingsError, load_settings
from tests.api.identity_provider import CLIENT, SECRET, Provider
from tests.api.running import FakeProduct, client_of, fake_product
from tests.api.serving import served

pytestmark = pytest.mark.anyio
SITE = "http://127.0.0.1"
KEY = RSAKey.generate_key(2048, {"kid": "one"})
ACCEPTED = 303


@pytest.fixture
def provider() -> Iterator[Provider]:
    provider = Provider(signs=KEY)
    with served(provider.app) as url:
        provider.url = url
        yield provider


def product_with(provider: Provider, **settings: Any) -> FakeProduct:  # noqa: ANN401 - settings of any type
    known = {"sign_in": ("oidc",), "oidc_issuer": provider.url, "oidc_client_id": CLIENT, "oidc_client_secret": SECRET}
    return fake_product(**{**known, **settings})


@pytest.fixture
async def product(provider: Provider) -> FakeProduct:
    return product_with(provider, admins=("ada@corvo.example",))


@pytest.fixture
async def browser(product: FakeProduct) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(product) as client:
        yield client


async def to_provider(browser: httpx.AsyncClient, path: str = "/sign-in") -> str:
    """Go to the provider; the address that it sends the browser back to."""
    sent = await browser.get(path)
    assert sent.status_code == 302, sent.text
    async with httpx.AsyncClient() as elsewhere:
        return (await elsewhere.get(sent.headers["location"])).headers["location"]


async def signed_in(browser: httpx.AsyncClient, path: str = "/sign-in") -> httpx.Response:
    return await browser.get(await to_provider(browser, path))


def forged(claims: dict[str, Any], secret: bytes | None) -> str:
    """A token whose signature needs nothing but what everybody knows, or none at all."""
    header = {"alg": "HS256" if secret else "none", "kid": "one"}
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims))
    signed = b".".join(encoded)
    digest = hmac.digest(secret, signed, "sha256") if secret else b""
    return (signed + b"." + base64.urlsafe_b64encode(digest).rstrip(b"=")).decode()


async def caller(browser: httpx.AsyncClient) -> dict[str, Any] | None:
    found: dict[str, Any] | None = (await browser.get("/v1/session")).json()["caller"]
    return found


async def test_there_and_back(browser: httpx.AsyncClient, provider: Provider) -> None:
    before = (await browser.get("/v1/session")).json()
    assert before == {"caller": None, "keeps_conversations": False, "ways": ["oidc"], "sign_in_url": "/sign-in"}
    assert (await browser.get("/v1/documents")).status_code == 401
    back = await signed_in(browser, "/sign-in?to=/%23conversation=1")
    assert (back.status_code, back.headers["location"]) == (ACCEPTED, "/#conversation=1")
    known = await caller(browser)
    assert known
    assert (known["id"], known["role"]) == ("user:ada@corvo.example", "admin")
    assert (await browser.get("/v1/documents")).status_code == 200
    asked = provider.asked[0]
    assert asked["scope"] == "openid profile email"
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert asked["redirect_uri"] == f"{SITE}/sign-in/callback"
    assert len(asked["nonce"]) >= 32
    assert SECRET not in str(asked)


async def test_signing_out_ends_the_session_itself(browser: httpx.AsyncClient) -> None:
    await signed_in(browser)
    stolen = dict(browser.cookies)
    assert (await browser.delete("/v1/session", headers={"Origin": SITE})).status_code == 204
    assert not browser.cookies
    assert await caller(browser) is None
    browser.cookies.update(stolen)
    assert await caller(browser) is None


async def test_a_session_ends_by_itself(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    product = product_with(provider, session_hours=2)
    async with client_of(product) as browser:
        await signed_in(browser)
        kept = dict(browser.cookies)
        assert await caller(browser)
        monkeypatch.setattr(product.service.memory.sessions, "_clock", lambda: time.time() + 7201)
        browser.cookies.update(kept)
        assert await caller(browser) is None


async def test_cookies_are_out_of_reach(provider: Provider) -> None:
    async with client_of(product_with(provider)) as browser:
        sent = await browser.get("/sign-in")
        back = await signed_in(browser)
        for response, name in ((sent, "docqa_sign_in"), (back, "docqa_session")):
            cookie = next(
                c for c in response.headers.get_list("set-cookie") if c.startswith(f"{name}=") and "=;" not in c
            )
            assert "HttpOnly" in cookie
            assert "SameSite=lax" in cookie
            assert "Secure" not in cookie
            assert response.headers["cache-control"] == "no-store"
    async with client_of(product_with(provider, public_url="https://docs.example")) as browser:
        cookie = (await browser.get("/sign-in")).headers["set-cookie"]
    assert cookie.startswith("__Host-docqa_sign_in=")
    assert "; Secure" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie


async def test_behind_https_the_whole_way_works(provider: Provider) -> None:
    product = product_with(provider, public_url="https://docs.example", allowed_hosts=("docs.example",))
    async with client_of(product) as client:
        transport = client._transport
        async with httpx.AsyncClient(transport=transport, base_url="https://docs.example") as browser:
            assert (await signed_in(browser)).status_code == ACCEPTED
            assert "__Host-docqa_session" in browser.cookies
            assert await caller(browser)
            secret = browser.cookies["__Host-docqa_session"]
        plain = {"Cookie": f"docqa_session={secret}"}  # as a neighbouring site could set it
        async with httpx.AsyncClient(transport=transport, base_url="https://docs.example", headers=plain) as browser:
            assert await caller(browser) is None


@pytest.mark.parametrize(
    ("claims", "dropped"),
    [
        ({"nonce": "another"}, set()),
        ({}, {"nonce"}),
        ({"aud": "another-client"}, set()),
        ({"aud": [CLIENT, "another-client"], "azp": "another-client"}, set()),
        ({}, {"aud"}),
        ({"exp": int(time.time()) - 3600}, set()),
        ({}, {"exp"}),
        ({"iat": int(time.time()) + 3600}, set()),
        ({"iss": "https://elsewhere.example"}, set()),
        ({}, {"iss"}),
        ({}, {"sub"}),
        ({"email_verified": False}, set()),
        ({"email": ["ada@corvo.example"]}, set()),
        ({"email": " "}, set()),
        ({}, {"email"}),
        ({"at_hash": "AAAA"}, set()),
    ],
)
async def test_what_is_not_valid_signs_nobody_in(
    browser: httpx.AsyncClient, provider: Provider, claims: dict[str, Any], dropped: set[str]
) -> None:
    provider.claims, provider.dropped = claims, dropped
    back = await signed_in(browser)
    assert back.status_code == 403
    assert "Not signed in" in back.text
    assert await caller(browser) is None


async def test_only_the_provider_s_own_signature_counts(browser: httpx.AsyncClient, provider: Provider) -> None:
    provider.signs = RSAKey.generate_key(2048, {"kid": "one"})
    assert (await signed_in(browser)).status_code == 403
    provider.signs = RSAKey.generate_key(2048, {"kid": "unknown"})
    assert (await signed_in(browser)).status_code == 403
    for secret in (KEY.as_pem(private=False), SECRET.encode(), None):
        provider.forged = partial(forged, secret=secret)
        assert (await signed_in(browser)).status_code == 403
    assert await caller(browser) is None


async def test_new_keys_of_the_provider_are_fetched(
    browser: httpx.AsyncClient, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.identity_provider.KEYS_PAUSE_S", 0)
    assert (await signed_in(browser)).status_code == ACCEPTED
    provider.signs = RSAKey.generate_key(2048, {"kid": "two"})
    provider.shown = [provider.signs]
    assert (await signed_in(browser)).status_code == ACCEPTED


async def test_a_sign_in_happens_once(browser: httpx.AsyncClient, provider: Provider) -> None:
    address = await to_provider(browser)
    cookies = dict(browser.cookies)
    assert (await browser.get(address)).status_code == ACCEPTED
    browser.cookies.update(cookies)
    provider.codes["again"] = provider.asked[0]
    replayed = address.replace(parse_qs(urlsplit(address).query)["code"][0], "again")
    assert (await browser.get(replayed)).status_code == 400
    assert "again" in provider.codes


async def test_a_sign_in_ends_in_the_browser_where_it_began(product: FakeProduct, provider: Provider) -> None:
    async with client_of(product) as attacker:
        address = await to_provider(attacker)
        async with httpx.AsyncClient(transport=attacker._transport, base_url=SITE) as victim:
            assert (await victim.get(address)).status_code == 400
            await victim.get("/sign-in")
            assert (await victim.get(address)).status_code == 400
            assert (await victim.get("/sign-in/callback?code=a")).status_code == 400
            assert await caller(victim) is None
        # Refused there, it can still be completed here.
        assert (await attacker.get(address)).status_code == ACCEPTED


async def test_a_provider_that_declines_or_is_away(browser: httpx.AsyncClient, provider: Provider) -> None:
    address = await to_provider(browser)
    state = parse_qs(urlsplit(address).query)["state"][0]
    declined = await browser.get(f"/sign-in/callback?error=<script>&error_description=<script>&state={state}")
    assert (declined.status_code, "<script>" in declined.text) == (403, False)
    wrong_code = (await to_provider(browser)).replace("code=", "code=x")
    refused = await browser.get(wrong_code)
    assert (refused.status_code, "<script>" in refused.text) == (403, False)


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://elsewhere.example"},
        {"token_endpoint": "http://elsewhere.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": None},
    ],
)
async def test_a_provider_that_is_another_is_not_asked(provider: Provider, metadata: dict[str, Any]) -> None:
    provider.metadata = metadata
    async with client_of(product_with(provider)) as browser:
        assert (await browser.get("/sign-in")).status_code == 502


async def test_a_provider_that_is_not_there_is_said() -> None:
    provider = Provider(url="http://127.0.0.1:9", signs=KEY)
    async with client_of(product_with(provider)) as browser:
        gone = await browser.get("/sign-in")
    assert (gone.status_code, "can&#x27;t be reached" in gone.text) == (502, True)


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["x", "writers"], "curator"),
        ("writers", "curator"),
        (["x"], "reader"),
        ({"writers": 1}, "reader"),
        (None, "reader"),
    ],
)
async def test_groups_give_roles(provider: Provider, groups: object, role: str) -> None:
    provider.claims = {"groups": groups}
    async with client_of(product_with(provider, curators=("writers",))) as browser:
        await signed_in(browser)
        known = await caller(browser)
    assert known
    assert known["role"] == role


async def test_other_claims_can_name_user_and_groups(provider: Provider) -> None:
    provider.claims = {"roles": ["ops"], "preferred_username": "ada"}
    settings = {"oidc_user_claim": "preferred_username", "oidc_groups_claim": "roles", "admins": ("ops",)}
    async with client_of(product_with(provider, **settings)) as browser:
        await signed_in(browser)
        known = await caller(browser)
    assert known
    assert (known["id"], known["role"]) == ("user:ada", "admin")


async def test_other_sites_can_not_write_with_a_session(browser: httpx.AsyncClient) -> None:
    await signed_in(browser)
    for headers in ({}, {"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "null"}):
        refused = await browser.post("/v1/conversations", json={}, headers=headers)
        assert (refused.status_code, refused.json()["type"]) == (403, "urn:docqa:problem:cross-site")
    for headers in ({"Origin": SITE}, {"Sec-Fetch-Site": "same-origin"}):
        assert (await browser.post("/v1/conversations", json={}, headers=headers)).status_code == 201


async def test_a_key_goes_before_a_session(provider: Provider) -> None:
    product = product_with(provider, sign_in=("oidc", "keys"))
    async with client_of(product) as browser:
        await signed_in(browser)
        wrong = {"Authorization": "Bearer docqa_wrong"}
        assert (await browser.get("/v1/documents", headers=wrong)).status_code == 401
        assert (await browser.get("/v1/documents")).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "//elsewhere.example",
        "/\\elsewhere.example",
        "https://elsewhere.example",
        "javascript:a()",
        "",
        "a",
        "/a\r\n",
        "/\t/b",
    ],
)
def test_no_path_leads_elsewhere(path: str) -> None:
    assert own_path(path) == "/"


@pytest.mark.parametrize("path", ["/", "/#a=1", "/documents?x=1&y=/%2F"])
def test_own_paths_are_kept(path: str) -> None:
    assert own_path(path) == path


async def test_without_a_provider_there_is_nothing() -> None:
    async with client_of(fake_product(sign_in=("keys",))) as client:
        assert (await client.get("/sign-in")).status_code == 404
        assert (await client.get("/sign-in/callback?code=a&state=b")).status_code == 404


@pytest.mark.parametrize(
    "settings",
    [
        {"sign_in": "oidc"},
        {"sign_in": "oidc", "oidc_issuer": "https://id.example"},
        {"sign_in": "oidc", "oidc_issuer": "https://id.example", "oidc_client_id": "a", "oidc_scopes": "email"},
        {"oidc_issuer": "http://id.example"},
        {"oidc_client_secret": ["s3cret"]},
    ],
)
def test_settings_that_can_not_work_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(**settings)
    assert "OIDC" in str(refused.value)
    assert "s3cret" not in str(refused.value)


async def test_no_secret_gets_into_the_log(provider: Provider, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    product = product_with(provider)
    async with client_of(product) as browser:
        await signed_in(browser)
        session = browser.cookies["docqa_session"]
        provider.claims = {"nonce": "another"}
        await signed_in(browser)
    assert SECRET not in repr(product.service.settings)
    ours = [record for record in caplog.records if record.name.startswith(("api", "qa", "ingest", "authlib"))]
    assert any("sign-in failed" in record.getMessage() for record in ours)
    for record in ours:
        assert SECRET not in f"{record.getMessage()} {vars(record)}"
        assert session not in f"{record.getMessage()} {vars(record)}"
    assert isinstance(product.service.settings, Settings)
