"""The chat in pages of other sites: what its key opens, and the real thing in a browser from two other origins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from playwright.sync_api import Browser, Frame, Page, expect

from api.access import Role
from api.state.keys import KeyRequest
from api.widget_key import widget_key
from tests.api.browser import PATIENCE_MS, ask, chromium, eventually_on, marked
from tests.api.library import library, markdown_document, publish
from tests.api.permissions import PERMISSIONS
from tests.api.running import HANDBOOK, MANUAL, QUESTION, FakeProduct, client_of, fake_product
from tests.api.serving import eventually, served
from tests.api.test_access import send

ALLOWED = "https://intranet.example"
HOSTILE = """
## Traps

The inlet filter must be <img src=x onerror="top.stolen=1"><script>top.stolen = 1</script> replaced with great care.
"""


def product_of(**settings: Any) -> FakeProduct:  # noqa: ANN401 - settings of any type
    catalog = library({"staff/handbook.md": HANDBOOK})
    publish(catalog, "manuals", markdown_document("corvo/manual.md", MANUAL + HOSTILE))
    return fake_product(catalog=catalog, sign_in=("keys",), **settings)


def public_key(product: FakeProduct, *origins: str) -> str:
    request = widget_key(KeyRequest("intranet", collections=["manuals"], origins=origins))
    return product.service.memory.keys.create(request)[1]


@pytest.mark.anyio
async def test_a_public_key_opens_the_chat_alone() -> None:
    product = product_of()
    async with client_of(product) as client:
        headers = {"Authorization": f"Bearer {public_key(product, ALLOWED)}"}
        for route, permission in PERMISSIONS.items():
            status = (await send(client, route, headers)).status_code
            opened = route[1] in ("/v1/answers", "/v1/session") or permission is None
            assert (status == 403) is not opened, route
        assert (await client.post("/mcp", json={}, headers=headers)).status_code == 403
        asked = {"question": QUESTION, "collection": "manuals"}
        assert (await client.post("/v1/answers", json=asked, headers=headers)).status_code == 200
        other = await client.post("/v1/answers", json={**asked, "collection": "default"}, headers=headers)
        assert (other.status_code, other.json()["collections"]) == (404, ["manuals"])
        statuses = {(await client.get("/v1/session", headers=headers)).status_code for _ in range(60)}
    assert statuses == {200, 429}


@pytest.mark.anyio
async def test_only_the_key_s_sites_may_frame_it_and_none_may_call_it() -> None:
    product = product_of()
    async with client_of(product) as client:
        secret = public_key(product, ALLOWED, "http://127.0.0.1:8080")
        frame = await client.get(f"/widget?key={secret[:12]}")
        policy = frame.headers["content-security-policy"]
        assert policy.endswith(f"frame-ancestors http://127.0.0.1:8080 {ALLOWED}")
        assert "default-src 'self'" in policy
        assert "x-frame-options" not in frame.headers
        assert (await client.get("/widget.js")).headers["cross-origin-resource-policy"] == "cross-origin"
        direct = await client.get("/widget-frame.html")
        assert (direct.headers["x-frame-options"], "frame-ancestors 'none'" in str(direct.headers)) == ("DENY", True)
        for origin in (ALLOWED, "https://third.example"):
            cross = {"Origin": origin, "Sec-Fetch-Site": "cross-site", "Authorization": f"Bearer {secret}"}
            refused = await client.post("/v1/answers", json={"question": QUESTION}, headers=cross)
            preflight = await client.options("/v1/answers", headers={**cross, "Access-Control-Request-Method": "POST"})
            assert refused.status_code == 403
            assert not [
                name for response in (refused, preflight) for name in response.headers if "allow-origin" in name
            ]


@pytest.mark.anyio
async def test_other_keys_can_not_be_framed() -> None:
    product = product_of()
    keys = product.service.memory.keys
    async with client_of(product) as client:
        _, private = keys.create(KeyRequest("bot"))
        secret = public_key(product, ALLOWED)
        for prefix in (private[:12], "docqa_", "", "x" * 64):
            assert (await client.get("/widget", params={"key": prefix})).status_code == 404
        keys.revoke(secret[:12])
        assert (await client.get(f"/widget?key={secret[:12]}")).status_code == 404


@pytest.mark.anyio
async def test_public_keys_are_made_over_http() -> None:
    product = product_of()
    async with client_of(product) as client:
        admin = product.service.memory.keys.create(KeyRequest("admin", Role.ADMIN))[1]
        headers = {"Authorization": f"Bearer {admin}"}
        body = {"name": "intranet", "origins": [f"{ALLOWED}:443"], "collections": ["manuals"]}
        made = (await client.post("/v1/keys", json=body, headers=headers)).json()
        assert (made["origins"], made["scopes"], made["requests_per_minute"]) == ([ALLOWED], ["ask"], 60)
        refused = await client.post("/v1/keys", json={**body, "origins": ["*"]}, headers=headers)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "origins")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context(reduced_motion="reduce") as context:
        context.set_default_timeout(PATIENCE_MS)
        yield context.new_page()


class Site:
    """Another site, with a page that includes the script."""

    def __init__(self) -> None:
        self.html = ""
        self.app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        self.app.get("/")(self.page)

    def page(self) -> HTMLResponse:
        policy = "default-src 'none'; script-src http://127.0.0.1:*; frame-src http://127.0.0.1:*"
        return HTMLResponse(self.html, headers={"Content-Security-Policy": policy})

    def include(self, service: str, secret: str) -> None:
        script = f'<script src="{service}/widget.js" data-key="{secret}" data-label="Ask the manuals"></script>'
        self.html = f"<!doctype html><title>Intranet</title><body><h1>Intranet</h1><a href='/'>Home</a>{script}</body>"


@pytest.fixture
def sites() -> Iterator[tuple[str, Site, str, Site]]:
    one, two = Site(), Site()
    with served(one.app) as first, served(two.app) as second:
        yield first, one, second, two


def panel_of(page: Page) -> Frame:
    """The chat's frame, behind its closed shadow root."""
    return next(frame for frame in page.frames if "/widget" in frame.url)


@pytest.mark.browser
def test_the_chat_in_another_site_s_page(page: Page, sites: tuple[str, Site, str, Site]) -> None:
    first, site, _, _ = sites
    product = product_of()
    with served(product.app) as service:
        eventually(product.loaded.is_set)
        secret = public_key(product, first)
        site.include(service, secret)
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.url))
        page.goto(first)
        page.keyboard.press("Tab")  # the page's own link, then the bubble
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        eventually_on(page, lambda: any("/widget" in frame.url for frame in page.frames))
        frame = panel_of(page)
        field = frame.get_by_label("Your question")
        expect(field).to_be_focused()
        expect(frame.locator("#label")).to_have_text("Ask the manuals")
        page.keyboard.type(QUESTION)
        page.keyboard.press("Enter")
        expect(frame.locator(".prose")).to_contain_text("must be replaced every 2,000 hours of operation.")
        marker = frame.locator(".marker").first
        expect(marker).to_be_visible()
        with page.context.expect_page() as opening:
            marker.click()
        assert opening.value.url.startswith(f"{service}/#document=")
        expect(frame.get_by_text("onerror").first).to_be_attached()
        assert page.evaluate("window.stolen") is None
        assert page.evaluate("document.querySelector('docqa-widget').shadowRoot") is None
        field.press("Escape")
        expect(field).to_be_hidden()  # the frame only asked to be closed; until then keys still go into it
        assert page.evaluate("document.activeElement.localName") == "docqa-widget"
        page.keyboard.press("Enter")
        expect(field).to_be_focused()
        assert not [url for url in sent if secret in url]
    assert product.answers.questions[0].collection == "manuals"


@pytest.mark.browser
def test_a_third_site_gets_nothing(page: Page, sites: tuple[str, Site, str, Site]) -> None:
    first, _, third, site = sites
    product = product_of()
    with served(product.app) as service:
        eventually(product.loaded.is_set)
        secret = public_key(product, first)
        site.include(service, secret)
        refusals: list[str] = []
        page.on("console", lambda message: refusals.append(message.text))
        page.goto(third)
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        eventually_on(page, lambda: any("frame-ancestors" in line for line in refusals))
        assert not [frame for frame in page.frames if frame.url.startswith(f"{service}/widget")]
        tried = page.evaluate(
            """async ([service, key]) => {
                const options = { method: "POST", headers: { Authorization: `Bearer ${key}` }, body: "{}" };
                return fetch(`${service}/v1/answers`, options).then((r) => r.status, (error) => error.name);
            }""",
            [service, secret],
        )
        assert tried == "TypeError"
    assert product.answers.questions == []


@pytest.mark.browser
def test_a_link_opens_the_document_at_its_place(page: Page) -> None:
    product = fake_product()
    (manual, _) = product.catalog.current()
    sentence = "Use only filters with part number CF-200."
    at = MANUAL.index(sentence)
    with served(product.app) as service:
        eventually(product.loaded.is_set)
        place = f"document={manual.document_id}&revision=1&span={at},{at + len(sentence)}"
        page.goto(f"{service}/#{place}")
        expect(page.locator("mark").first).to_be_visible()
        assert marked(page) == sentence
        expect(page.locator("#source-title")).to_have_text("Corvo 200 Manual")
        expect(page.locator("#source-place")).to_have_text("Revision 1 · Maintenance › Inlet filter")
        page.keyboard.press("Escape")
        expect(page.locator("#source")).to_be_hidden()
        ask(page, QUESTION)
        expect(page.locator("#turns .prose")).to_contain_text("2,000 hours")
