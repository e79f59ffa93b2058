"""The web chat in a real browser, over the real application and scripted answers."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from ingest.document import Span
from ingest.formats import Readers
from qa.answer import DraftedRun, SentenceStatus
from tests.api.accessibility import grave_findings
from tests.api.browser import DESKTOP, PHONE, ask, eventually_on, marked, opened
from tests.api.chat_page import (
    ANSWER,
    MANUAL,
    SOURCE,
    TAMPER,
    answer_of,
    application,
    finished,
    page_with,
    two_documents,
)
from tests.api.library import CORPUS, markdown_document, publish
from tests.api.scripted_answers import Said, ScriptedAnswers, compose
from tests.api.serving import eventually, served
from tests.fakes.catalog import MemoryCatalog

pytestmark = pytest.mark.browser


@pytest.fixture
def catalog() -> MemoryCatalog:
    return two_documents()


# Asking


def test_answer_appears_as_it_is_made(browser: Browser, catalog: MemoryCatalog) -> None:
    answers = ScriptedAnswers(compose(catalog, ANSWER), gated=True)
    with page_with(browser, catalog, answers) as page:
        ask(page, "How long may the lid stay open?")
        turn = answer_of(page)
        expect(turn.locator(".progress")).to_have_text("Reading 2 passages")
        expect(turn.locator(".card")).to_have_text(
            [re.compile("Corvo 200 Manual.*1.1 Tamper alarm.*pages 1–2"), re.compile("Staff Handbook")]
        )
        answers.let(4)
        expect(turn.locator(".prose")).to_have_text("The lid may stay")
        expect(turn.locator(".progress")).to_be_hidden()
        top = turn.locator(".prose p").bounding_box()
        answers.let(6)
        expect(turn.locator(".prose")).to_have_text("The lid may stay open for 15 minutes. Leave is")
        assert turn.locator("button.marker").count() == 0
        assert turn.get_attribute("aria-busy") == "true"
        now = turn.locator(".prose p").bounding_box()
        assert top is not None
        assert now is not None
        assert (now["x"], now["y"]) == (top["x"], top["y"])
        answers.let()
        expect(finished(page).locator(".marker")).to_have_text(["1", "2", "?"])


def test_sentences_show_how_far_the_documents_carry_them(browser: Browser, catalog: MemoryCatalog) -> None:
    with page_with(browser, catalog, ScriptedAnswers(compose(catalog, ANSWER))) as page:
        ask(page, "How long may the lid stay open?")
        turn = finished(page)
        for said in ANSWER:
            assert "".join(turn.locator(f".sentence.{said.status}").all_text_contents()) == said.text
        expect(turn.locator(".verdict")).to_have_text(["1 quoted", "1 supported", "1 not found in the documents"])
        entries = turn.locator(".cited .entry")
        expect(entries.nth(0)).to_contain_text("Corvo 200 Manual")
        expect(entries.nth(0)).to_contain_text("revision 1 · 1 Alarms › 1.1 Tamper alarm · page 1")
        expect(entries.nth(0)).to_contain_text("C-09 is raised when the lid stays open for longer than 15 minutes.")
        expect(turn.locator(".stats")).to_have_text(
            "20.0 tokens/s · first token after 0.5 s · 40% of the draft accepted · 2.5 tokens per step"
        )
        expect(page.locator("#status")).to_have_text("Answer: " + " ".join(said.text for said in ANSWER))
        label = turn.locator("button.marker").first.get_attribute("aria-label")
        assert label == ("Citation 1, supported: Corvo 200 Manual, revision 1 · 1 Alarms › 1.1 Tamper alarm · page 1")


def test_follow_up_sends_what_was_said_before(browser: Browser, catalog: MemoryCatalog) -> None:
    answers = ScriptedAnswers(compose(catalog, ANSWER))
    with page_with(browser, catalog, answers) as page:
        ask(page, "How long may the lid stay open?")
        finished(page)
        ask(page, "And after that?")
        finished(page)
        assert answers.questions[0].history == ()
        (turn,) = answers.questions[1].history
        assert (turn.question, turn.answer) == (
            "How long may the lid stay open?",
            " ".join(said.text for said in ANSWER),
        )
        page.get_by_role("button", name="New conversation").click()
        expect(page.get_by_role("heading", name="What would you like to know?")).to_be_visible()
        ask(page, "Something else")
        finished(page)
        assert answers.questions[2].history == ()


def test_stop_keeps_what_there_is_and_ends_the_work(browser: Browser, catalog: MemoryCatalog) -> None:
    answers = ScriptedAnswers(compose(catalog, ANSWER), gated=True)
    with page_with(browser, catalog, answers) as page:
        ask(page, "How long may the lid stay open?")
        answers.let(3)
        expect(answer_of(page).locator(".prose")).to_have_text("The lid may")
        page.get_by_role("button", name="Stop").click()
        expect(finished(page).locator(".note")).to_have_text("Stopped.")
        expect(answer_of(page).locator(".prose")).to_have_text("The lid may")
        eventually(lambda: answers.stopped == 1)
        expect(page.get_by_role("button", name="Send")).to_be_visible()
        answers.let()
        answer_of(page).get_by_role("button", name="Ask again").click()
        expect(finished(page).locator(".marker")).to_have_text(["1", "2", "?"])
        assert page.locator("article.turn").count() == 1


def test_trying_again_asks_the_same_with_some_freedom(browser: Browser, catalog: MemoryCatalog) -> None:
    answers = ScriptedAnswers(compose(catalog, ANSWER))
    with page_with(browser, catalog, answers) as page:
        ask(page, "How long may the lid stay open?")
        finished(page).get_by_role("button", name="Try again").click()
        eventually(lambda: len(answers.questions) == 2)
        finished(page)
        first, second = answers.questions
        assert (first.temperature, first.seed) == (0.0, 0)
        assert second == replace(first, temperature=second.temperature, seed=1)
        assert second.temperature > 0


def test_full_queue_says_when_to_come_again(browser: Browser, catalog: MemoryCatalog) -> None:
    answers = ScriptedAnswers(compose(catalog, ANSWER), gated=True)
    with (
        served(application(catalog, answers)) as address,
        opened(browser, address) as first,
        opened(browser, address) as second,
    ):
        ask(first, "How long may the lid stay open?")
        expect(answer_of(first).locator(".card")).to_have_count(2)
        second.clock.install()
        ask(second, "May I ask too?")
        turn = finished(second)
        expect(turn.locator(".problem")).to_contain_text("Too Many Requests")
        expect(turn.locator(".wait")).to_have_text(re.compile(r"You can ask again in \d+ s\."))
        expect(turn.get_by_role("button", name="Ask again")).to_be_disabled()
        answers.let()
        finished(first)
        second.clock.run_for(15_000)
        expect(turn.locator(".wait")).to_have_text("You can ask again now.")
        turn.get_by_role("button", name="Ask again").click()
        expect(finished(second).locator(".marker")).to_have_text(["1", "2", "?"])


def test_error_in_mid_answer_is_shown_in_the_servers_words(browser: Browser, catalog: MemoryCatalog) -> None:
    with page_with(browser, catalog) as page:  # the fake answers fail at this word
        ask(page, "fail")
        problem = finished(page).locator(".problem")
        expect(problem).to_contain_text("Internal Server Error")
        expect(problem).not_to_contain_text("secret")


def test_broken_connection_is_no_answer(browser: Browser, catalog: MemoryCatalog) -> None:
    with page_with(browser, catalog) as page:
        cut = 'event: sources\ndata: {"sources": []}\n\nevent: delta\ndata: {"text": "The lid"}\n\nevent: ans'
        page.route("**/v1/answers", lambda route: route.fulfill(body=cut, content_type="text/event-stream"))
        ask(page, "How long may the lid stay open?")
        turn = finished(page)
        expect(turn.locator(".problem")).to_contain_text("The answer was cut off")
        expect(turn.locator(".prose")).to_have_text("The lid")
        page.unroute("**/v1/answers")
        page.route("**/v1/answers", lambda route: route.abort())
        ask(page, "Is anybody there?")
        expect(finished(page).locator(".problem")).to_contain_text("The server cannot be reached")


def test_question_over_the_limit_is_not_sent(browser: Browser, catalog: MemoryCatalog) -> None:
    answers = ScriptedAnswers(compose(catalog, ANSWER))
    with page_with(browser, catalog, answers) as page:
        ask(page, "🔥" * 2001)
        expect(page.locator("#length")).to_have_text("1 characters too long")
        expect(page.get_by_role("button", name="Send")).to_be_disabled()
        ask(page, "🔥" * 2000)  # counted in characters, not in UTF-16 units
        finished(page)
        assert [len(question.text) for question in answers.questions] == [2000]


def test_abstention_names_the_nearest_sections(browser: Browser, catalog: MemoryCatalog) -> None:
    with page_with(browser, catalog) as page:
        ask(page, "Is the weather good for the lid?")
        turn = finished(page)
        expect(turn.locator(".abstention")).to_have_text("Not in the documents")
        assert turn.locator(".marker").count() == 0
        turn.locator(".nearest .entry").first.click()
        expect(page.locator("#source-title")).to_have_text("Corvo 200 Manual")
        expect(page.locator("mark").first).to_be_attached()  # the text comes after its title
        assert "lid" in marked(page)


def test_words_that_nothing_backs_are_folded_away_and_forgotten(browser: Browser, catalog: MemoryCatalog) -> None:
    invented = compose(catalog, [Said("It is the <b>moon</b>.", (), SentenceStatus.UNSUPPORTED)])
    answers = ScriptedAnswers(replace(invented, abstained=True))
    with page_with(browser, catalog, answers) as page:
        ask(page, "Why is it so?")
        turn = finished(page)
        expect(turn.locator(".abstention")).to_have_text("Not in the documents")
        expect(turn.get_by_text("It is the <b>moon</b>.").first).to_be_hidden()
        turn.get_by_text("What the model wrote").click()
        expect(turn.locator("details")).to_contain_text("It is the <b>moon</b>.")
        ask(page, "And now?")
        finished(page)
        assert [turn.answer for turn in answers.questions[1].history] == ["The documents do not say."]


def test_page_says_that_the_service_is_starting(browser: Browser, catalog: MemoryCatalog) -> None:
    hold = Event()
    try:
        with served(application(catalog, hold=hold)) as address, opened(browser, address) as page:
            expect(page.locator("#starting")).to_contain_text("language model")
            ask(page, "How long may the lid stay open?")
            expect(finished(page).locator(".problem")).to_contain_text("Service Unavailable")
            hold.set()
            expect(page.locator("#starting")).to_have_text("")
    finally:
        hold.set()


def test_collection_is_chosen_where_there_are_several(browser: Browser, catalog: MemoryCatalog) -> None:
    answers = ScriptedAnswers(compose(catalog, ANSWER))
    with page_with(browser, catalog, answers) as page:
        ask(page, "One?")
        finished(page)
        expect(page.get_by_label("Collection")).to_be_hidden()
        publish(catalog, "archive", markdown_document("old.md", "# Old\n\nIt was so.\n"))
        page.reload()
        expect(page.get_by_label("Collection")).to_have_value("default")
        page.get_by_label("Collection").select_option("archive")
        ask(page, "Two?")
        finished(page)
    assert [question.collection for question in answers.questions] == ["default", "archive"]


def test_answer_is_copied_with_its_citations(browser: Browser, catalog: MemoryCatalog) -> None:
    answer = compose(catalog, [replace(ANSWER[0], text="The lid 🔥 may stay open [1].", status=SentenceStatus.QUOTED)])
    with page_with(
        browser, catalog, ScriptedAnswers(answer), permissions=["clipboard-read", "clipboard-write"]
    ) as page:
        ask(page, "How long may the lid stay open?")
        expect(finished(page).locator(".prose")).to_have_text("The lid 🔥 may stay open.1", use_inner_text=True)
        finished(page).get_by_role("button", name="Copy").click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == (
            "The lid 🔥 may stay open. [1]\n\n"
            "[1] Corvo 200 Manual, revision 1 · 1 Alarms › 1.1 Tamper alarm · page 1: "
            "“C-09 is raised when the lid stays open for longer than 15 minutes.”"
        )


# The source beside the answer


@pytest.mark.parametrize(
    ("quote", "words"),
    [
        (TAMPER, "C-09 is raised when the lid stays open for longer than 15 minutes."),
        ("**15 minutes**.\nIt is cleared", "15 minutes. It is cleared"),
        ("| C-11 | Medium hotter than 130 °C 🔥 | 5 minutes |", "C-11Medium hotter than 130 °C 🔥5 minutes"),
        ("hotter than 130 °C 🔥 | 5", "hotter than 130 °C 🔥5"),
        ("🌡️ of the 𝔠orvo", "🌡️ of the 𝔠orvo"),
        ("housing with a damp cloth.\n  - Never use solvents \\*.", "housing with a damp cloth.Never use solvents *."),
        ("Close the lid.\n", "Close the lid."),
        ("# Corvo 200 Manual", "Corvo 200 Manual"),
    ],
)
def test_citation_opens_its_document_with_the_words_marked(
    browser: Browser, catalog: MemoryCatalog, quote: str, words: str
) -> None:
    with page_with(
        browser, catalog, ScriptedAnswers(compose(catalog, [Said("So it is.", ((SOURCE, quote),))]))
    ) as page:
        ask(page, "How is it?")
        finished(page).locator("button.marker").click()
        page.wait_for_selector("mark")
        assert marked(page) == words
        expect(page.locator("#source-title")).to_have_text("Corvo 200 Manual")


def test_source_tells_where_one_is(browser: Browser, catalog: MemoryCatalog) -> None:
    with page_with(browser, catalog, ScriptedAnswers(compose(catalog, ANSWER))) as page:
        ask(page, "How long may the lid stay open?")
        finished(page).locator("button.marker").first.click()
        expect(page.locator("#source-place")).to_have_text("Revision 1 · 1 Alarms › 1.1 Tamper alarm · page 1")
        expect(page.locator("#source-count")).to_have_text("1 of 2")
        expect(page.get_by_role("button", name="Previous citation")).to_be_disabled()
        page.get_by_role("button", name="Next citation").click()
        expect(page.locator("#source-title")).to_have_text("Staff Handbook")
        expect(page.locator("mark")).to_have_text("Leave is 28 days a year.")
        assert "".join(page.locator(".lit").all_text_contents()) == ANSWER[1].text
        expect(page.get_by_role("button", name="Next citation")).to_be_disabled()
        in_middle(page)
        page.get_by_role("button", name="Previous citation").click()
        expect(page.locator("#source-title")).to_have_text("Corvo 200 Manual")
        page.get_by_role("button", name="Contents").click()
        page.get_by_role("navigation").get_by_role("button", name="2 Care").click()
        expect(page.get_by_role("navigation")).to_be_hidden()
        expect(page.locator(".document h2", has_text="2 Care")).to_be_in_viewport()
        assert page.locator(".page-break").evaluate_all("all => all.map(line => line.dataset.page)") == ["2", "3"]


def test_citation_opens_the_revision_it_was_taken_from(browser: Browser, catalog: MemoryCatalog) -> None:
    answers = ScriptedAnswers(compose(catalog, ANSWER))
    publish(catalog, "default", markdown_document(SOURCE, MANUAL.replace("15 minutes", "30 minutes"), page_length=120))
    with page_with(browser, catalog, answers) as page:
        ask(page, "How long may the lid stay open?")
        finished(page).locator("button.marker").first.click()
        page.wait_for_selector("mark")
        assert "15 minutes" in marked(page)
        expect(page.locator("#source-place")).to_contain_text("Revision 1")


def test_passages_found_can_be_opened_before_the_answer_is_there(browser: Browser, catalog: MemoryCatalog) -> None:
    answers = ScriptedAnswers(compose(catalog, ANSWER), gated=True)
    with page_with(browser, catalog, answers) as page:
        ask(page, "How long may the lid stay open?")
        answer_of(page).locator(".card").nth(1).click()
        expect(page.locator("mark")).to_have_text("Leave is 28 days a year.")
        answers.let()
        expect(finished(page).locator(".marker")).to_have_text(["1", "2", "?"])


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_long_document_opens_quickly_at_its_place(browser: Browser, catalog: MemoryCatalog, size: ViewportSize) -> None:
    line = "Words of section {0} with *marks*, `code` and 🔥.\n\n| a | b |\n|---|---|\n| {0} | x |\n\n"
    text = "# Long\n\n" + "".join(
        f"## Section {n}\n\n{line.format(n)}{'Filling words follow. ' * 12}\n\n" for n in range(2800)
    )
    assert len(text) > 1_000_000
    publish(catalog, "default", markdown_document("long.md", text))
    quotes = [f"Words of section {n} with *marks*" for n in (1800, 2799, 3)]
    said = [Said(f"Sentence {quote[17:21]}.", (("long.md", quote),)) for quote in quotes]
    with page_with(browser, catalog, ScriptedAnswers(compose(catalog, said)), viewport=size) as page:
        ask(page, "How long?")
        marker = finished(page).locator("button.marker").first
        spent = marker.evaluate(
            """async (marker) => {
              const began = performance.now();
              marker.click();
              while (!document.querySelector("mark")) await new Promise(requestAnimationFrame);
              return performance.now() - began;
            }"""
        )
        assert spent < 5000  # about a second on two idle cores
        for quote in quotes:
            expect(page.locator("mark").first).to_have_text(quote.split("*")[0])
            in_middle(page)
            if quote != quotes[-1]:
                page.get_by_role("button", name="Next citation").click()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_words_of_a_real_manual_come_to_the_middle(
    browser: Browser, catalog: MemoryCatalog, size: ViewportSize
) -> None:
    manual = Readers().read(CORPUS / "products" / "corvo-200-manual-r3.pdf", "manual.pdf")
    publish(catalog, "default", manual)
    starts = (
        "| C-11 |",
        "The time of opening",
        "For planned work",
        "The meter sends one telegram",
        "| Nominal pressure |",
    )
    quotes = [re.search(f"{re.escape(start)}.*", manual.text) for start in starts]
    said = [Said("So it is.", (("manual.pdf", quote[0]),)) for quote in quotes if quote is not None]
    assert len(said) == len(starts)
    for order in (said, said[::-1]):
        with page_with(browser, catalog, ScriptedAnswers(compose(catalog, order)), viewport=size) as page:
            ask(page, "How is it?")
            finished(page).locator("button.marker").first.click()
            for number, sentence in enumerate(order, start=1):
                expect(page.locator("#source-count")).to_have_text(f"{number} of {len(order)}")
                eventually_on(page, partial(marks_begin, page, starts[said.index(sentence)].strip("| ")))
                in_middle(page)
                if number < len(order):
                    page.get_by_role("button", name="Next citation").click()


def marks_begin(page: Page, words: str) -> bool:
    return marked(page).startswith(words)


def in_middle(page: Page) -> None:
    """The marked words come to stand in the middle of the source."""
    page.wait_for_function(
        """() => {
          const body = document.getElementById("source-body");
          const view = body.getBoundingClientRect();
          const marks = Array.from(document.querySelectorAll("mark"), (mark) => mark.getBoundingClientRect());
          const [top, bottom] = [marks[0].top, marks.at(-1).bottom];
          const end = body.scrollHeight - body.scrollTop - body.clientHeight < 2;
          const off = Math.abs((top + bottom) / 2 - (view.top + view.bottom) / 2);
          return off < 60 || (end && top > view.top);
        }"""
    )


def test_words_are_coloured_by_where_they_were_drafted_from(browser: Browser, catalog: MemoryCatalog) -> None:
    said = compose(catalog, [replace(ANSWER[0], text="The 🔥 lid may **stay** open."), *ANSWER[1:]])
    runs = (DraftedRun(Span(4, 20), 1), DraftedRun(Span(30, 35), 2), DraftedRun(Span(40, 44), None))
    with page_with(browser, catalog, ScriptedAnswers(replace(said, drafted=runs))) as page:
        ask(page, "How long may the lid stay open?")
        turn = finished(page)
        shown = turn.locator(".prose").inner_text()
        expect(turn.locator(".drafted")).to_have_count(0)
        drafts = turn.get_by_role("button", name="Drafts")
        drafts.press("Enter")
        expect(drafts).to_have_attribute("aria-pressed", "true")
        assert "".join(turn.locator(".drafted.text-1").all_text_contents()) == "🔥 lid may stay"
        assert "".join(turn.locator(".drafted.text-2").all_text_contents()) == said.text[30:35]
        assert "".join(turn.locator(".drafted.other").all_text_contents()) == said.text[40:44]
        legend = turn.get_by_role("list", name="Where the words were drafted from").get_by_role("listitem")
        length = len(said.text)
        expect(legend).to_have_text(
            [
                f"passage 1, Corvo 200 Manual: {round(1600 / length)}%",
                f"passage 2, Staff Handbook: {round(500 / length)}%",
                f"other text: {round(400 / length)}%",
                f"the model, without a draft: {round(100 * (length - 25) / length)}%",
            ]
        )
        assert turn.locator(".prose").inner_text() == shown
        assert grave_findings(page) == []
        drafts.press("Enter")
        expect(turn.locator(".drafted")).to_have_count(0)
        expect(legend).to_have_count(0)
        assert turn.locator(".prose").inner_text() == shown
        turn.locator("button.marker").first.click()
        expect(page.locator("mark").first).to_be_visible()


# Documents and answers that nobody vouches for


HOSTILE = """# <img src="/own.png" onerror="window.hacked = 1"> & friends

<script>window.hacked = 2</script>
<style>body { display: none }</style>

![a picture](https://elsewhere.invalid/pixel.png) and ![own](/own.png) and <iframe src="https://elsewhere.invalid">

[script](javascript:window.hacked=3) [data](data:text/html,x) [own](/v1/documents) [tab](jav&#x09;ascript:alert(1))
[web](https://example.com/a?b=c) <https://example.com/d> [mail](mailto:a@example.com) [file](file:///etc/passwd)

| <b onmouseover="window.hacked = 4">cell</b> | `<svg onload=alert(1)>` |
|---|---|
| [x](vbscript:x) | <a href="javascript:alert(1)">y</a> |
"""


def test_markup_in_documents_and_answers_stays_text(browser: Browser, catalog: MemoryCatalog) -> None:
    publish(catalog, "default", markdown_document("hostile.md", HOSTILE))
    said = Said(HOSTILE.strip(), (("hostile.md", HOSTILE.strip()),))
    with page_with(browser, catalog, ScriptedAnswers(compose(catalog, [said]))) as page:
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        ask(page, '<img src="/own.png" onerror="window.hacked = 5">')
        finished(page).locator("button.marker").first.click()
        page.wait_for_selector("mark")
        for root in (".question", ".answer .prose", ".document"):
            place = page.locator(root)
            assert place.locator("img, script, style, iframe, svg, b, object, form, [onerror], [style]").count() == 0
        for root in (".answer .prose", ".document"):
            place = page.locator(root)
            expect(place).to_contain_text("<script>window.hacked = 2</script>")
            expect(place.locator(".image")).to_have_text(["a picture", "own"])
            links = place.locator("a")
            assert links.evaluate_all("all => all.map(link => link.href)") == [
                "https://example.com/a?b=c",
                "https://example.com/d",
                "mailto:a@example.com",
            ]
            assert set(links.evaluate_all("all => all.map(link => link.rel)")) == {"noopener noreferrer"}
        assert page.evaluate("window.hacked") is None
        paths = [re.sub("^https?://[^/]*", "", url) for url in requests]
        assert [path for path in paths if not path.startswith("/v1/") and path != "/icon.svg"] == []


# Keyboard, sizes, colours


def test_everything_can_be_done_with_the_keyboard(browser: Browser, catalog: MemoryCatalog) -> None:
    answers = ScriptedAnswers(compose(catalog, ANSWER))
    with page_with(browser, catalog, answers) as page:
        keys = page.keyboard
        expect(page.get_by_label("Your question")).to_be_focused()
        keys.type("First line")
        keys.press("Shift+Enter")
        keys.type("second line")
        keys.press("Enter")
        turn = finished(page)
        assert answers.questions[0].text == "First line\nsecond line"
        expect(page.get_by_label("Your question")).to_be_focused()
        for _ in range(20):
            keys.press("Shift+Tab")
            if page.evaluate("document.activeElement.matches('button.marker')"):
                break
        expect(turn.locator("button.marker").nth(1)).to_be_focused()
        keys.press("Enter")
        expect(page.locator("mark").first).to_be_focused()
        expect(page.locator("#source-title")).to_have_text("Staff Handbook")
        keys.press("p")
        expect(page.locator("#source-title")).to_have_text("Corvo 200 Manual")
        keys.press("n")
        expect(page.locator("#source-title")).to_have_text("Staff Handbook")
        keys.press("Escape")
        expect(page.locator("#source")).to_be_hidden()
        expect(turn.locator("button.marker").nth(1)).to_be_focused()
        keys.press("/")
        expect(page.get_by_label("Your question")).to_be_focused()


def test_escape_stops_the_answer(browser: Browser, catalog: MemoryCatalog) -> None:
    answers = ScriptedAnswers(compose(catalog, ANSWER), gated=True)
    with page_with(browser, catalog, answers) as page:
        ask(page, "How long may the lid stay open?")
        expect(answer_of(page).locator(".card")).to_have_count(2)
        page.keyboard.press("Escape")
        expect(finished(page).locator(".note")).to_have_text("Stopped.")
        eventually(lambda: answers.stopped == 1)


def test_phone_shows_one_thing_at_a_time(browser: Browser, catalog: MemoryCatalog) -> None:
    context = {"viewport": PHONE, "has_touch": True, "is_mobile": True}
    with page_with(browser, catalog, ScriptedAnswers(compose(catalog, ANSWER)), **context) as page:
        ask(page, "How long may the lid stay open?")
        finished(page).locator("button.marker").first.tap()
        expect(page.locator("mark").first).to_be_in_viewport()
        box = page.locator("#source").bounding_box()
        assert box is not None
        assert (box["x"], box["y"], box["width"]) == (0, 0, PHONE["width"])
        assert page.locator("#conversation").evaluate("main => main.inert")
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
        page.get_by_role("button", name="Close the source").tap()
        expect(page.locator("#source")).to_be_hidden()
        assert not page.locator("#conversation").evaluate("main => main.inert")
        page.set_viewport_size({"width": 900, "height": 700})  # now there is room beside it
        finished(page).locator("button.marker").first.tap()
        expect(page.locator("#source")).to_be_visible()
        page.touchscreen.tap(20, 400)
        expect(page.locator("#source")).to_be_hidden()
        page.set_viewport_size(PHONE)
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


CONTRASTS = """() => {
  const probe = document.body.appendChild(document.createElement("i"));
  const luminance = (name) => {
    probe.style.color = `var(--${name})`;
    const [r, g, b] = getComputedStyle(probe).color.match(/[0-9.]+/g).map((part) => {
      const value = part / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const pairs = [];
  for (const text of ["ink", "muted", "accent", "doubt", "danger"])
    for (const ground of ["paper", "raised", "sunken"]) pairs.push([text, ground]);
  pairs.push(["ink", "mark"], ["ink", "accent-soft"], ["accent", "accent-soft"], ["on-accent", "accent"]);
  pairs.push(["danger", "danger-soft"], ["ink", "danger-soft"]);
  return pairs.map(([text, ground]) => {
    const [low, high] = [luminance(text), luminance(ground)].sort((one, other) => one - other);
    return [`${text} on ${ground}`, (high + 0.05) / (low + 0.05)];
  });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_are_readable(browser: Browser, catalog: MemoryCatalog, scheme: str, tmp_path: Path) -> None:
    with page_with(browser, catalog, ScriptedAnswers(compose(catalog, ANSWER)), color_scheme=scheme) as page:
        weak = {pair: ratio for pair, ratio in page.evaluate(CONTRASTS) if ratio < 4.5}
        assert weak == {}
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number)")
        assert (max(ground) < 60) == (scheme == "dark")
        ask(page, "How long may the lid stay open?")
        finished(page).locator("button.marker").first.click()
        page.wait_for_selector("mark")
        shot = page.screenshot(path=tmp_path / f"{scheme}.png")
        assert len(shot) > 20_000


def test_opening_a_source_leaves_the_clicked_line_in_its_place(browser: Browser, catalog: MemoryCatalog) -> None:
    with page_with(browser, catalog, ScriptedAnswers(compose(catalog, ANSWER * 12)), viewport=DESKTOP) as page:
        ask(page, "How long may the lid stay open?")
        marker = finished(page).locator("button.marker").nth(10)
        marker.scroll_into_view_if_needed()
        before = marker.bounding_box()
        marker.click()
        page.wait_for_selector("mark")
        after = marker.bounding_box()
        assert before is not None
        assert after is not None
        assert abs(before["y"] - after["y"]) < 2
