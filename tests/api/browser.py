"""The system's Chromium for tests of the page, and what they do with it again and again."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATH = os.environ.get("DOCQA_TEST_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
"""Where Chromium is; read on import, before a test hides the environment. None where there is none."""

PATIENCE_MS = 30_000
"""How long a page may take to come to what a test expects of it: many times what an idle machine needs."""
expect.set_options(timeout=PATIENCE_MS)

DESKTOP: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 780}


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser; skips the test where there is none."""
    if PATH is None:
        pytest.skip(f"no Chromium: none of {', '.join(NAMES)} on PATH, and DOCQA_TEST_CHROMIUM is not set")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PATH, headless=True, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: Browser, address: str, **context: object) -> Iterator[Page]:
    """A fresh page at ``address``. Fails at the end if a script failed or the page reached for another host."""
    options = {"viewport": DESKTOP, "reduced_motion": "reduce", **context}
    errors: list[str] = []
    foreign: list[str] = []
    with browser.new_context(**options) as fresh:  # type: ignore[arg-type]
        fresh.set_default_timeout(PATIENCE_MS)
        page = fresh.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith(address) else foreign.append(request.url))
        page.goto(address)
        yield page
    assert errors == []
    assert foreign == []


def eventually_on(page: Page, holds: Callable[[], bool]) -> None:
    """Wait until ``holds``, while the page's events are attended to."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while not holds():
        assert time.monotonic() < end, "did not come true in time"
        page.wait_for_timeout(20)


def ask(page: Page, question: str) -> None:
    """Type a question and send it."""
    field = page.get_by_label("Your question")
    field.fill(question)
    field.press("Enter")


def marked(page: Page) -> str:
    """The highlighted words of the open source, blanks collapsed."""
    return " ".join("".join(page.locator("mark").all_text_contents()).split())
