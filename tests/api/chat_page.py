"""A page over scripted answers from two documents: what the browser tests share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from fastapi import FastAPI
from playwright.sync_api import Browser, Locator, Page, expect

from api.app import create_app
from api.components import Answers
from api.settings import Settings
from qa.answer import SentenceStatus
from tests.api.browser import opened
from tests.api.fake_components import FakeComponents
from tests.api.library import library, markdown_document, publish
from tests.api.scripted_answers import Said
from tests.api.serving import served
from tests.fakes.catalog import MemoryCatalog

MANUAL = """# Corvo 200 Manual

Meters 🔥🌡️ of the 𝔠orvo family.

## 1 Alarms

### 1.1 Tamper alarm

C-09 is raised when the lid stays open for longer than **15 minutes**.
It is cleared with `RESET` at the meter.

### 1.2 Codes

| Code | Meaning | Delay |
|---|---|---|
| C-11 | Medium hotter than 130 °C 🔥 | 5 minutes |
| C-12 | Battery below 20 % | none |

## 2 Care

- Wipe the housing with a damp cloth.
  - Never use solvents \\*.
- Close the lid.
"""
HANDBOOK = "# Staff Handbook\n\n" + "Staff take care of what they use.\n\n" * 60 + "Leave is 28 days a year.\n"
SOURCE, HANDBOOK_SOURCE = "corvo/manual.pdf", "staff/handbook.md"
TAMPER = "C-09 is raised when the lid stays open for longer than **15 minutes**."
ANSWER = (
    Said("The lid may stay open for 15 minutes.", ((SOURCE, TAMPER),), SentenceStatus.SUPPORTED),
    Said("Leave is 28 days a year.", ((HANDBOOK_SOURCE, "Leave is 28 days a year."),)),
    Said("Nobody knows why.", (), SentenceStatus.UNSUPPORTED),
)


def two_documents() -> MemoryCatalog:
    """A manual with pages and a handbook without."""
    made = library({HANDBOOK_SOURCE: HANDBOOK})
    publish(made, "default", markdown_document(SOURCE, MANUAL, page_length=120))
    return made


def application(catalog: MemoryCatalog, answers: Answers | None = None, hold: Event | None = None) -> FastAPI:
    return create_app(
        FakeComponents(catalog, answers, Settings(model="fake-model", answers_at_once=1, queue_size=0), hold)
    )


@contextmanager
def page_with(
    browser: Browser, catalog: MemoryCatalog, answers: Answers | None = None, **context: object
) -> Iterator[Page]:
    with served(application(catalog, answers)) as address, opened(browser, address, **context) as page:
        yield page


def answer_of(page: Page) -> Locator:
    return page.locator("article.turn").last


def finished(page: Page) -> Locator:
    turn = answer_of(page)
    expect(turn).to_have_attribute("aria-busy", "false")
    return turn
