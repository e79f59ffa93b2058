"""No serious finding of axe in any state of the pages, in the light and in the dark."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.api.accessibility import grave_findings
from tests.api.browser import PHONE, ask, opened
from tests.api.chat_page import MANUAL, SOURCE, application, finished, two_documents
from tests.api.library import markdown_document, publish
from tests.api.serving import served

pytestmark = pytest.mark.browser


def check(page: Page, state: str) -> None:
    assert grave_findings(page) == [], state


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_serious_findings(browser: Browser, scheme: str) -> None:
    catalog = two_documents()
    with served(application(catalog)) as address, opened(browser, address, color_scheme=scheme) as page:
        expect(page.locator("#history-note")).to_have_text("What you ask is kept here.")
        check(page, "nothing asked yet")
        ask(page, "Is the weather good for the lid?")
        finished(page)
        check(page, "not in the documents")
        ask(page, "How long may the lid stay open?")
        finished(page).get_by_role("button", name="Not helpful").click()
        expect(finished(page).get_by_label("What was wrong?")).to_be_focused()
        page.get_by_role("button", name="Rename, export or delete").click()
        check(page, "an answer, its feedback form, the list's tools")
        finished(page).locator("button.marker").first.click()
        page.wait_for_selector("mark")
        page.get_by_role("button", name="Contents").click()
        check(page, "a source beside it")
        page.get_by_role("button", name="Close the source").click()
        page.set_viewport_size(PHONE)
        page.get_by_role("button", name="Conversations").click()
        check(page, "the list on a phone")

        publish(catalog, "default", markdown_document(SOURCE, MANUAL.replace("15 minutes", "20 minutes")))
        page.goto(f"{address}/admin.html")
        tabs = page.get_by_role("navigation", name="Administration").get_by_role("link")
        expect(tabs).to_have_count(8)
        for name in tabs.all_text_contents():
            page.get_by_role("link", name=name).click()
            expect(page.get_by_role("heading", name=name)).to_be_visible()
            if name == "Documents":
                page.get_by_role("button", name="History of Corvo 200 Manual").click()
                page.get_by_role("button", name="Changes from revision 1 to 2").click()
                expect(page.locator(".comparison .added").first).to_be_attached()
            if name == "Unanswered":
                page.get_by_role("button", name="Answer it").first.click()
                page.get_by_role("button", name="Quote “1.1 Tamper alarm”").click()
            page.wait_for_load_state("networkidle")
            check(page, name)
            assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"], name


def test_a_checker_that_finds_nothing_would_find_something(browser: Browser) -> None:
    with served(application(two_documents())) as address, opened(browser, address) as page:
        page.evaluate("document.body.append(document.createElement('button'))")
        assert [finding.split(":")[0] for finding in grave_findings(page)] == ["button-name"]
