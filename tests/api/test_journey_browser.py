"""From a folder of files to a cited answer in the browser: the whole product, with small models."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from api.app import create_app
from api.components import LocalComponents
from api.settings import Settings
from tests.api.browser import ask, chromium, opened
from tests.api.library import CORPUS
from tests.api.serving import served

pytestmark = [pytest.mark.browser, pytest.mark.models, pytest.mark.timeout(600)]

REPOSITORY = Path(__file__).resolve().parents[2]
MODELS = REPOSITORY / "data" / "models"
QUESTIONS = REPOSITORY / "docs_corpus" / "questions.jsonl"
CANDIDATES = ("products-005", "policies-029", "products-003", "policies-004", "platform-002", "products-021")
"""Questions to which even the small model says something that the documents carry. Its wording depends on the
processor's arithmetic, hence more of them than needed."""
NEEDED = 3
MARKS = re.compile(r"^\s*(?:#+|[-*+]|\d+[.)])\s|[\s|*_`\\]", re.MULTILINE)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """The product over the sample company's documentation."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "models").symlink_to(MODELS)
    settings = Settings(data_dir=data, model="smollm2-135m-instruct", max_output_tokens=96)
    loaded = threading.Event()
    with LocalComponents(settings) as components:
        assert components.pipeline.ingest([CORPUS], "default").failed == ()
        with served(create_app(components, lambda _: loaded.set())) as address:
            assert loaded.wait(120)
            yield address


READ_TEXT = "async (path) => (await (await fetch(path)).json()).text"
KEEP_STREAMS = """() => {
  const send = window.fetch;
  window.fetch = async (...request) => {
    const response = await send(...request);
    if (request[0] === "v1/answers") window.stream = response.clone().text();
    return response;
  };
}"""


def test_questions_are_answered_and_their_citations_open(browser: Browser, address: str) -> None:
    questions = {line["id"]: line["question"] for line in map(json.loads, QUESTIONS.read_text("utf-8").splitlines())}
    opened_citations = drafted = 0
    with opened(browser, address) as page:
        page.evaluate(KEEP_STREAMS)
        for name in CANDIDATES:
            answer = ask_and_follow(page, questions[name])
            drafted += check_drafted(page, answer)
            citations = [citation for sentence in answer["sentences"] for citation in sentence["citations"]]
            if answer["abstained"] or not citations:
                continue
            page.locator("article.turn").last.locator("button.marker").first.click()
            check_source(page, citations[0])
            page.get_by_role("button", name="Close the source").click()
            opened_citations += 1
            if opened_citations == NEEDED:
                assert drafted > 0, "no word was drafted from a passage"
                return
    pytest.fail(f"only {opened_citations} of {len(CANDIDATES)} questions got an answer with citations")


def ask_and_follow(page: Page, question: str) -> dict[str, Any]:
    """Asks, sees the answer appear piece by piece, and returns it as the server sent it."""
    page.evaluate("window.lengths = []")
    ask(page, question)
    turn = page.locator("article.turn").last
    turn.locator(".prose").evaluate(
        """(prose) => new MutationObserver(() => window.lengths.push(prose.textContent.length))
             .observe(prose, { childList: true, subtree: true })"""
    )
    expect(turn).to_have_attribute("aria-busy", "false", timeout=120_000)
    last = page.evaluate("window.stream").strip().split("\n\n")[-1]
    assert last.startswith("event: answer\n")
    answer: dict[str, Any] = json.loads(last.split("data: ", 1)[1])
    expect(turn.locator(".card")).to_have_count(0 if answer["abstained"] else len(answer["sources"]))
    assert len(set(page.evaluate("window.lengths"))) > 3, "the text came in one piece"
    return answer


def check_drafted(page: Page, answer: dict[str, Any]) -> int:
    """Words that are said to be drafted from a passage stand in its document; how many such runs there are."""
    runs = [run for run in answer["drafted"] if run["passage"] is not None]
    for run in runs:
        source = answer["sources"][run["passage"] - 1]
        start, end = run["span"]
        path = f"/v1/documents/{source['document']}/revisions/{source['revision']}"
        assert answer["answer"][start:end] in page.evaluate(READ_TEXT, path)
    return len(runs)


def check_source(page: Page, citation: dict[str, Any]) -> None:
    """The cited document is open, and exactly the quoted words are marked and to be seen."""
    page.wait_for_selector("mark")
    expect(page.locator("#source-title")).to_have_text(citation["title"])
    expect(page.locator("#source-place")).to_contain_text(f"Revision {citation['revision']}")
    if citation["page"] is not None:
        expect(page.locator("#source-place")).to_contain_text(f"page {citation['page']}")
    text = "".join(page.locator("mark").all_text_contents())
    assert MARKS.sub("", text) == MARKS.sub("", citation["quote"])
    assert text.strip() != ""
    expect(page.locator("mark").first).to_be_in_viewport()
    revision = page.evaluate(
        "async (path) => (await fetch(path)).json()",
        f"/v1/documents/{citation['document']}/revisions/{citation['revision']}",
    )
    start, end = citation["span"]
    assert revision["text"][start:end] == citation["quote"]
    assert revision["source"] == citation["source"]
