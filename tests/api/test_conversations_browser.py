"""Kept conversations and opinions of answers, in a real browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.api.browser import PHONE, ask, eventually_on, marked, opened
from tests.api.chat_page import ANSWER, answer_of, application, finished, page_with, two_documents
from tests.api.scripted_answers import ScriptedAnswers, compose
from tests.api.serving import eventually, served
from tests.fakes.catalog import MemoryCatalog

pytestmark = pytest.mark.browser

FIRST, SECOND = "How long may the lid stay open?", "How many days of leave are there?"


@pytest.fixture
def catalog() -> MemoryCatalog:
    return two_documents()


@pytest.fixture
def answers(catalog: MemoryCatalog) -> ScriptedAnswers:
    return ScriptedAnswers(compose(catalog, ANSWER))


def entries(page: Page) -> Locator:
    return page.locator("#history-entries .history-open")


def two_conversations(page: Page) -> None:
    """One of two turns, then one of one turn, which is open."""
    for question in (FIRST, "And then?"):
        ask(page, question)
        finished(page)
    expect(entries(page)).to_have_text([FIRST])
    page.get_by_role("button", name="New conversation").click()
    ask(page, SECOND)
    finished(page)
    expect(entries(page)).to_have_text([SECOND, FIRST])


def more(page: Page, title: str) -> Locator:
    """The entry of this title, its tools unfolded."""
    page.get_by_role("button", name=f"Rename, export or delete: {title}").click()
    return page.locator("#history-entries li", has_text=title).locator(".history-tools")


def test_conversations_are_kept_and_open_as_they_were(
    browser: Browser, catalog: MemoryCatalog, answers: ScriptedAnswers
) -> None:
    with page_with(browser, catalog, answers) as page:
        two_conversations(page)
        entries(page).nth(1).click()
        expect(page.locator("article.turn .question")).to_have_text([FIRST, "And then?"])
        expect(entries(page).nth(1)).to_have_attribute("aria-current", "true")
        assert len(answers.questions) == 3  # nothing was asked again
        turn = page.locator("article.turn").first
        expect(turn.locator(".marker")).to_have_text(["1", "2", "?"])
        expect(turn.locator(".verdict")).to_have_text(["1 quoted", "1 supported", "1 not found in the documents"])
        turn.locator("button.marker").first.click()
        page.wait_for_selector("mark")
        assert marked(page) == "C-09 is raised when the lid stays open for longer than 15 minutes."
        page.get_by_role("button", name="Close the source").click()
        page.reload()  # the address names it
        expect(page.locator("article.turn .question")).to_have_text([FIRST, "And then?"])
        ask(page, "Anything else?")
        finished(page)
        assert [turn.question for turn in answers.questions[3].history] == [FIRST, "And then?"]
        page.go_back()
        expect(page.locator("article.turn .question")).to_have_text([SECOND])


def test_the_last_answer_is_made_anew_in_its_place(
    browser: Browser, catalog: MemoryCatalog, answers: ScriptedAnswers
) -> None:
    with page_with(browser, catalog, answers) as page:
        two_conversations(page)
        entries(page).nth(1).click()
        expect(page.get_by_role("button", name="Try again")).to_have_count(1)
        page.get_by_role("button", name="Try again").click()
        eventually(lambda: len(answers.questions) == 4)
        finished(page)
        page.reload()
        expect(page.locator("article.turn .question")).to_have_text([FIRST, "And then?"])
        assert [turn.question for turn in answers.questions[3].history] == [FIRST]


def test_a_refused_question_takes_nobody_s_place(browser: Browser, catalog: MemoryCatalog) -> None:
    answers = ScriptedAnswers(compose(catalog, ANSWER))
    with page_with(browser, catalog, answers) as page:
        ask(page, FIRST)
        finished(page)
        page.route("**/v1/answers", lambda route: route.fulfill(status=429, body="{}"))
        ask(page, SECOND)
        expect(finished(page).locator(".problem")).to_be_visible()
        page.unroute("**/v1/answers")
        answer_of(page).get_by_role("button", name="Ask again").click()
        finished(page)
        page.reload()
        expect(page.locator("article.turn .question")).to_have_text([FIRST, SECOND])


def test_conversations_are_searched_renamed_exported_and_deleted(
    browser: Browser, catalog: MemoryCatalog, answers: ScriptedAnswers, tmp_path: Path
) -> None:
    with page_with(browser, catalog, answers) as page:
        two_conversations(page)
        search = page.get_by_label("Search conversations")
        search.fill("lid stay")
        expect(entries(page)).to_have_count(2)  # in an answer of the other one
        search.fill("and then")
        expect(entries(page)).to_have_text([FIRST])
        search.fill("moon")
        expect(page.locator("#history-note")).to_have_text("No conversation holds these words.")
        search.fill("")
        expect(entries(page)).to_have_count(2)

        more(page, FIRST).get_by_role("button", name="Rename").click()
        page.get_by_label("Title").fill("Lids")
        page.keyboard.press("Escape")
        expect(entries(page)).to_have_text([SECOND, FIRST])
        more(page, FIRST).get_by_role("button", name="Rename").click()
        page.get_by_label("Title").fill("Lids")
        page.keyboard.press("Enter")
        expect(entries(page)).to_have_text([SECOND, "Lids"])
        expect(entries(page).nth(1)).to_be_focused()

        lids = more(page, "Lids")
        with page.expect_download() as download:
            lids.get_by_role("button", name="Export").click()
        assert download.value.suggested_filename == "lids.md"
        download.value.save_as(tmp_path / "lids.md")
        text = (tmp_path / "lids.md").read_text("utf-8")
        assert text.startswith("# Lids\n")
        assert "“C-09 is raised" in text

        lids.get_by_role("button", name="Delete").click()
        expect(entries(page)).to_have_count(2)
        lids.get_by_role("button", name="Delete for good?").click()
        expect(entries(page)).to_have_text([SECOND])
        expect(page.locator("article.turn .question")).to_have_text([SECOND])
        tools = more(page, SECOND)
        for label in ("Delete", "Delete for good?"):
            tools.get_by_role("button", name=label).click()
        expect(page.get_by_role("heading", name="What would you like to know?")).to_be_visible()
        page.reload()
        expect(page.locator("#history-note")).to_have_text("What you ask is kept here.")


def test_a_conversation_that_is_gone_is_told(browser: Browser, catalog: MemoryCatalog) -> None:
    with page_with(browser, catalog) as page:
        page.goto(page.url + "#conversation=conv_gone")
        expect(page.locator("#starting")).to_contain_text("There is no conversation 'conv_gone'.")


def test_what_the_address_names_while_the_page_is_starting_is_told_too(
    browser: Browser, catalog: MemoryCatalog
) -> None:
    with page_with(browser, catalog) as page:
        expect(page.locator("#history")).to_be_visible()  # nothing is asked for any more
        held: list[Route] = []
        page.route("**/v1/collections", lambda route: held.append(route))
        page.reload()
        eventually_on(page, lambda: len(held) == 1)
        page.evaluate(
            """async () => {
              const changed = new Promise((resolve) => addEventListener("hashchange", resolve));
              location.hash = "conversation=conv_gone";
              await changed;
              for (let time = 0; time < 3; time += 1) await fetch("v1/conversations/conv_gone");  // enough to be told
            }"""
        )
        held[0].continue_()
        expect(page.locator("#starting")).to_contain_text("There is no conversation 'conv_gone'.")


def test_phone_and_keyboard_reach_the_list(browser: Browser, catalog: MemoryCatalog, answers: ScriptedAnswers) -> None:
    with page_with(browser, catalog, answers, viewport=PHONE) as page:
        ask(page, FIRST)
        finished(page)
        expect(page.locator("#history")).to_be_hidden()
        toggle = page.get_by_role("button", name="Conversations")
        toggle.press("Enter")
        expect(page.get_by_label("Search conversations")).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.locator("#history")).to_be_hidden()
        expect(toggle).to_be_focused()
        page.keyboard.press("Enter")
        expect(entries(page)).to_have_text([FIRST])
        page.keyboard.press("Tab")
        expect(entries(page).first).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#history")).to_be_hidden()
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def feedback_of(app: FastAPI) -> list[tuple[str, str | None, str]]:
    given = app.state.service.memory.feedback.page(10).items
    return [(one.rating.value, one.reason and one.reason.value, one.comment) for one in given]


def test_an_answer_is_rated_with_a_reason(browser: Browser, catalog: MemoryCatalog, answers: ScriptedAnswers) -> None:
    app = application(catalog, answers)
    with served(app) as address, opened(browser, address) as page:
        ask(page, FIRST)
        turn = finished(page)
        turn.get_by_role("button", name="Helpful", exact=True).click()
        expect(turn.locator(".told")).to_have_text("Thank you.")
        assert feedback_of(app) == [("up", None, "")]
        expect(turn.get_by_role("form")).to_be_hidden()
        turn.get_by_role("button", name="Not helpful").click()
        expect(turn.get_by_label("What was wrong?")).to_be_focused()
        expect(turn.get_by_role("button", name="Not helpful")).to_have_attribute("aria-pressed", "true")
        expect(turn.get_by_role("button", name="Helpful", exact=True)).to_have_attribute("aria-pressed", "false")
        turn.get_by_label("What was wrong?").select_option("Something is missing")
        turn.get_by_label("Comment").fill("The delay is not told.")
        turn.get_by_role("button", name="Send").click()
        expect(turn.get_by_role("form")).to_be_hidden()
        assert feedback_of(app) == [("down", "incomplete", "The delay is not told.")]
        page.reload()  # it is still known
        expect(turn.get_by_role("button", name="Not helpful")).to_have_attribute("aria-pressed", "true")
        page.route("**/v1/feedback", lambda route: route.abort())
        turn.get_by_role("button", name="Helpful", exact=True).click()
        expect(turn.locator(".told")).to_have_text(re.compile("Not sent: Check the connection"))
        expect(turn.get_by_role("button", name="Not helpful")).to_have_attribute("aria-pressed", "true")
