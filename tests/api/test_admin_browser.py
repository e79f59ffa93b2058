"""The pages for curators and administrators, and signing in, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, expect
from pydantic import SecretStr

from api.access import Permission, Role
from api.app import create_app
from api.settings import Settings
from api.state.keys import KeyRequest
from api.state.usage import Outcome, Part, Use
from tests.api.accessibility import grave_findings
from tests.api.browser import PHONE, ask, opened
from tests.api.chat_page import MANUAL, SOURCE, TAMPER, application, finished, two_documents
from tests.api.fake_components import FakeComponents
from tests.api.identity_provider import CLIENT, SECRET, Provider
from tests.api.library import library, markdown_document, publish
from tests.api.serving import eventually, served
from tests.fakes.catalog import MemoryCatalog

pytestmark = pytest.mark.browser

QUESTION = "Is the weather good for the lid?"


@pytest.fixture
def catalog() -> MemoryCatalog:
    return two_documents()


@contextmanager
def admin_page(browser: Browser, app: FastAPI, part: str, **asked: Any) -> Iterator[Page]:  # noqa: ANN401
    """A page of the administration, after the questions ``asked`` for."""
    with served(app) as address, opened(browser, address) as page:
        for question in asked.get("questions", ()):
            ask(page, question)
            finished(page)
        page.goto(f"{address}/admin.html#{part}")
        yield page


def test_documents_are_listed_filtered_and_opened(browser: Browser, catalog: MemoryCatalog) -> None:
    with admin_page(browser, application(catalog), "documents") as page:
        rows = page.locator("tbody tr")
        expect(rows).to_have_count(2)
        expect(page.get_by_role("status")).to_have_text("2 documents")
        page.get_by_label("Filter documents").fill("corvo PDF")
        expect(rows).to_have_count(1)
        page.get_by_role("link", name="Corvo 200 Manual").click()
        expect(page.locator("#source-title")).to_have_text("Corvo 200 Manual")
        publish(catalog, "default", markdown_document(SOURCE, MANUAL + "\nMore.\n", page_length=120))
        page.go_back()
        page.get_by_role("button", name="History of Corvo 200 Manual").click()
        expect(page.get_by_role("list", name="Revisions").get_by_role("listitem")).to_have_text(
            [re.compile("^Revision 2: since "), re.compile("^Revision 1: .* to ")]
        )
        page.get_by_role("link", name="Revision 1").click()
        expect(page.locator("#source-place")).to_contain_text("Revision 1")


def test_a_document_is_compared_removed_and_brought_back(browser: Browser, catalog: MemoryCatalog) -> None:
    publish(catalog, "default", markdown_document(SOURCE, MANUAL.replace("15 minutes", "20 minutes")))
    with admin_page(browser, application(catalog), "documents") as page:
        rows = page.locator("tbody tr")
        page.get_by_role("button", name="History of Corvo 200 Manual").click()
        page.get_by_role("button", name="Changes from revision 1 to 2").click()
        changes = page.get_by_role("region", name="Changes from revision 1 to 2")
        expect(changes.locator(".removed")).to_have_text(f"− {TAMPER}")
        expect(changes.locator(".added")).to_have_text("+ " + TAMPER.replace("15", "20"))
        page.get_by_role("button", name="Remove from the index").click()
        page.get_by_role("button", name="Remove it? Its history stays.").click()
        expect(page.get_by_role("status").first).to_have_text("1 document")
        expect(rows).to_have_count(1)
        page.get_by_label("Show").select_option("Removed")
        page.get_by_role("button", name="History of Corvo 200 Manual").click()
        restored = page.get_by_role("listitem").filter(has_text="Revision 1")
        restored.get_by_role("button", name="Restore").click()
        restored.get_by_role("button", name="Let revision 1 hold again?").click()
        expect(page.get_by_role("status").first).to_have_text("0 documents")
        page.get_by_label("Show").select_option("Indexed")
        expect(page.get_by_role("button", name="History of Corvo 200 Manual, revision 3")).to_be_visible()
        page.get_by_role("link", name="Upload").click()
        expect(page.locator(".item h4")).to_have_text([f"Restore {SOURCE}", f"Remove {SOURCE}"])
        assert grave_findings(page) == []


def test_who_may_only_curate_changes_no_document(browser: Browser, catalog: MemoryCatalog) -> None:
    app = create_app(FakeComponents(catalog, None, Settings(model="fake-model", sign_in=("keys",))))
    scopes = [Permission.ASK, Permission.READ, Permission.CURATE]
    _, secret = app.state.service.memory.keys.create(KeyRequest("c", role=Role.CURATOR, scopes=scopes))
    with served(app) as address, opened(browser, address) as page:
        page.get_by_label("API key").fill(secret)
        page.get_by_role("button", name="Use this key").click()
        page.get_by_role("link", name="Administration").click()
        page.get_by_role("button", name="History of Corvo 200 Manual").click()
        expect(page.get_by_role("list", name="Revisions").get_by_role("listitem")).to_have_count(1)
        expect(page.get_by_role("button", name="Remove from the index")).to_have_count(0)


def test_an_unanswered_question_is_closed_by_a_curated_answer(browser: Browser, catalog: MemoryCatalog) -> None:
    with admin_page(browser, application(catalog), "unanswered", questions=[QUESTION, QUESTION]) as page:
        item = page.locator(".item")
        expect(item).to_have_count(1)
        expect(item).to_contain_text("asked 2 times · 2 not in the documents")
        item.get_by_role("button", name="Ask again").click()
        expect(item).to_contain_text("The documents still leave it open.")
        item.get_by_role("button", name="Answer it").click()
        form = page.get_by_role("form", name="Curated answer")
        expect(form.get_by_label("Question")).to_have_value(QUESTION)
        expect(form.get_by_label("Answer")).to_be_focused()
        form.get_by_label("Answer").fill("It may stay open for 15 minutes in any weather.")
        form.get_by_role("button", name="Quote “1.1 Tamper alarm”").click()
        words = form.get_by_label("Words of the source")
        expect(words).to_have_value(f"{TAMPER}\nIt is cleared with `RESET` at the meter.")
        words.fill("It is not there.")
        form.get_by_role("button", name="Pin this answer").click()
        expect(form.get_by_role("status")).to_contain_text("sources.0.quote")
        words.fill(TAMPER)
        form.get_by_role("button", name="Pin this answer").click()
        expect(item).to_contain_text("Closed by a curated answer.")
        page.get_by_label("Show").select_option("Closed")
        expect(item).to_contain_text("Closed by a curated answer")
        page.get_by_label("Show").select_option("Open")
        expect(page.get_by_text("No question is waiting for an answer.")).to_be_visible()
        page.get_by_role("link", name="Back to the chat").click()
        expect(page.locator("#history")).to_be_visible()
        ask(page, QUESTION)
        expect(finished(page).locator(".prose")).to_contain_text("It may stay open for 15 minutes in any weather.")
        expect(finished(page).locator(".curated-mark")).to_contain_text("Verified by local")


def test_an_unanswered_question_is_deleted(browser: Browser, catalog: MemoryCatalog) -> None:
    with admin_page(browser, application(catalog), "unanswered", questions=[QUESTION]) as page:
        page.get_by_role("button", name="Delete").click()
        expect(page.locator(".item")).to_have_count(1)
        page.get_by_role("button", name="Delete for good?").click()
        expect(page.locator(".item")).to_have_count(0)
        page.reload()
        expect(page.get_by_text("No question is waiting for an answer.")).to_be_visible()


def test_a_curated_answer_is_written_verified_again_changed_and_deleted(
    browser: Browser, catalog: MemoryCatalog
) -> None:
    with admin_page(browser, application(catalog), "curated") as page:
        page.get_by_role("button", name="New curated answer").click()
        form = page.get_by_role("form", name="Curated answer")
        form.get_by_label("Question").fill("How long may the lid stay open?")
        form.get_by_label("Answer").fill("For 15 minutes.")
        form.get_by_label("Document of the source").select_option(label=f"Corvo 200 Manual ({SOURCE})")
        form.get_by_label("Words of the source").fill("**15 minutes**")
        form.get_by_label("Owner").fill("Meter team")
        form.get_by_role("button", name="Pin this answer").click()
        item = page.locator(".item")
        expect(item.locator(".badge")).to_have_text("Served")
        expect(item).to_contain_text("Meter team · verified")

        publish(catalog, "default", markdown_document(SOURCE, MANUAL + "\nMore.\n", page_length=120))
        page.reload()
        expect(item.locator(".badge")).to_have_text("Not served: a cited document has changed")
        expect(item).to_contain_text("changed; the words still stand")
        item.get_by_role("button", name="Verify again").click()
        expect(item.locator(".badge")).to_have_text("Served")
        item.get_by_role("button", name="Change").click()
        form.get_by_label("Answer").fill("For a quarter of an hour.")
        form.get_by_role("button", name="Save").click()
        expect(item).to_contain_text("For a quarter of an hour.")
        item.get_by_role("button", name="Delete").click()
        item.get_by_role("button", name="Delete for good?").click()
        expect(item).to_have_count(0)


def test_feedback_is_read(browser: Browser, catalog: MemoryCatalog) -> None:
    with served(application(catalog)) as address, opened(browser, address) as page:
        ask(page, "How long may the lid stay open?")
        turn = finished(page)
        turn.get_by_role("button", name="Not helpful").click()
        turn.get_by_label("What was wrong?").select_option("It is out of date")
        turn.get_by_label("Comment").fill("<b>It is 30 minutes now.</b>")
        turn.get_by_role("button", name="Send").click()
        expect(turn.get_by_role("form")).to_be_hidden()
        page.goto(f"{address}/admin.html#feedback")
        item = page.locator(".item")
        expect(item.get_by_role("heading")).to_have_text("How long may the lid stay open?")
        expect(item).to_contain_text("Not helpful: outdated")
        expect(item).to_contain_text("<b>It is 30 minutes now.</b>")
        page.get_by_label("Show").select_option("Thumbs up")
        expect(page.get_by_text("Nobody has rated an answer yet.")).to_be_visible()


def test_a_key_is_made_and_revoked(browser: Browser, catalog: MemoryCatalog) -> None:
    app = application(catalog)
    with served(app) as address, opened(browser, address) as page:
        page.goto(f"{address}/admin.html#keys")
        expect(page.get_by_text("No key has been made yet.")).to_be_visible()
        page.get_by_label("Name").fill("ticket system")
        page.get_by_label("Collections").fill("default")
        page.get_by_label("Labels").fill("hr, board")
        page.get_by_label("Expires after days").fill("90")
        page.get_by_label("Requests a minute").fill("60")
        page.get_by_role("button", name="Create key").click()
        secret = page.locator(".secret code").text_content()
        assert secret is not None
        row = page.locator("tbody tr")
        expect(row).to_contain_text("reader · default · labels board, hr · 60 a minute")

        def asked_with_it() -> int:
            headers = {"Authorization": f"Bearer {secret}"}
            return httpx.get(f"{address}/v1/documents", headers=headers, trust_env=False).status_code

        assert asked_with_it() == 200
        row.get_by_role("button", name="Revoke").click()
        row.get_by_role("button", name="Revoke for good?").click()
        expect(row).to_contain_text("Revoked")
        assert asked_with_it() == 401
        page.get_by_role("link", name="Audit log").click()
        expect(page.locator("tbody tr td:nth-child(3)")).to_have_text(["key.revoke", "key.create"])
        page.reload()
        expect(page.get_by_text(secret)).to_have_count(0)


def test_on_a_phone_one_sees_which_page_it_is(browser: Browser, catalog: MemoryCatalog) -> None:
    with served(application(catalog)) as address, opened(browser, address, viewport=PHONE) as page:
        page.goto(f"{address}/admin.html#audit")
        expect(page.get_by_role("link", name="Audit log")).to_be_in_viewport()


def test_usage_is_told_by_day_and_by_who_asked(browser: Browser, catalog: MemoryCatalog) -> None:
    app = application(catalog)
    questions = ["How long may the lid stay open?", QUESTION, "How long may the lid stay open?"]
    with admin_page(browser, app, "documents", questions=questions) as page:
        usage, today = app.state.service.memory.usage, datetime.now(UTC).date()
        eventually(lambda: usage.in_all(Part(today, today)).questions == 3)
        usage.note(Use("ans_other", "user:ada@corvo.example", "default", Outcome.CANCELLED, 7.25), 30)
        page.get_by_role("link", name="Usage").click()
        days = page.get_by_role("table", name="By day").locator("tbody tr")
        expect(days).to_have_count(2)
        for row in (days.first, days.last):
            expect(row.locator("td").nth(1)).to_have_text("4")
            expect(row.locator("td").nth(2)).to_have_text("1")
        expect(page.locator(".day")).to_have_count(30)
        callers = page.get_by_role("table", name="By key or person").locator("tbody tr")
        expect(callers.locator("td:first-child")).to_have_text(["local", "ada@corvo.example"])
        page.get_by_role("button", name="Only questions of ada@corvo.example").click()
        expect(callers).to_have_count(1)
        expect(days.last.locator("td").last).to_have_text("7.3 s / 7.3 s")
        page.get_by_role("button", name="Show everybody").click()
        expect(callers).to_have_count(2)
        page.get_by_label("Show").select_option("Last 7 days")
        expect(page.locator(".day")).to_have_count(7)
        assert "lid" not in page.locator("main").inner_text()
        assert grave_findings(page) == []


def test_who_does_not_sign_in_sees_nothing_and_a_key_opens_what_it_may(
    browser: Browser, catalog: MemoryCatalog
) -> None:
    app = create_app(FakeComponents(catalog, None, Settings(model="fake-model", sign_in=("keys",))))
    keys = app.state.service.memory.keys
    secrets = {role: keys.create(KeyRequest(role.value, role=role))[1] for role in Role}
    with served(app) as address, opened(browser, address) as page:
        page.get_by_label("API key").fill("docqa_wrong")
        page.get_by_role("button", name="Use this key").click()
        expect(page.locator(".sign-in .told")).to_have_text("This key is unknown, revoked or expired.")
        expect(page.get_by_role("link", name="Administration")).to_be_hidden()
        page.get_by_label("API key").fill(secrets[Role.READER])
        page.get_by_role("button", name="Use this key").click()
        expect(page.locator("#history")).to_be_visible()
        expect(page.get_by_role("link", name="Administration")).to_be_hidden()
        ask(page, "How long may the lid stay open?")
        expect(finished(page).locator("button.marker").first).to_be_visible()
        page.goto(f"{address}/admin.html")
        expect(page.get_by_text("There is nothing here for you to do.")).to_be_visible()
        page.goto(address)
        page.get_by_role("button", name="Sign out").click()
        page.get_by_label("API key").fill(secrets[Role.CURATOR])
        page.get_by_role("button", name="Use this key").click()
        page.get_by_role("link", name="Administration").click()
        tabs = page.get_by_role("navigation", name="Administration").get_by_role("link")
        expect(tabs).to_have_text(["Documents", "Upload", "Unanswered", "Curated answers", "Feedback"])


def test_files_are_uploaded_their_job_followed_and_their_original_opened(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "pump.txt").write_text("Pump P-7\n\nThe bellows of the pump last 900 hours.")
    (tmp_path / "empty.txt").write_text("")
    settings = Settings(model="fake-model", data_dir=tmp_path / "data", answers_at_once=1)
    app = create_app(FakeComponents(library({}), None, settings))
    with served(app) as address, opened(browser, address) as page:
        page.goto(f"{address}/admin.html#ingest")
        form = page.get_by_role("form", name="Upload")
        form.get_by_role("button", name="Upload").click()
        expect(form.get_by_role("status")).to_have_text("Choose files or a folder first.")
        form.get_by_label("Files").set_input_files([tmp_path / "pump.txt", tmp_path / "empty.txt"])
        form.get_by_role("button", name="Upload").click()
        expect(form.get_by_role("status")).to_have_text("2 files uploaded.")
        job = page.locator(".item")
        expect(job.locator(".badge")).to_have_text("Done")
        expect(job).to_contain_text("1 added")
        job.get_by_text("What it did").click()
        expect(job.locator("dl")).to_contain_text("pump.txt")
        expect(job.locator("dl")).to_contain_text("empty.txt: ")
        page.reload()
        expect(job.locator(".badge")).to_have_text("Done")
        page.goto(address)
        ask(page, "How long do the bellows of the pump last?")
        finished(page).locator("button.marker").first.click()
        with page.expect_popup() as shown:
            page.get_by_role("link", name="Original").click()
        expect(shown.value.locator("body")).to_contain_text("The bellows of the pump last 900 hours.")


def test_a_folder_of_the_server_is_brought_up_to_date(browser: Browser, tmp_path: Path) -> None:
    folder = tmp_path / "manuals"
    folder.mkdir()
    (folder / "pump.txt").write_text("Pump P-7\n\nThe bellows of the pump last 900 hours.")
    settings = Settings(model="fake-model", data_dir=tmp_path / "data", ingest_folders=(folder,))
    with (
        served(create_app(FakeComponents(library({}), None, settings))) as address,
        opened(browser, address) as page,
    ):
        page.goto(f"{address}/admin.html#ingest")
        form = page.get_by_role("form", name="Folder of the server")
        form.get_by_label("Folder of the server").fill("/etc")
        form.get_by_role("button", name="Bring up to date").click()
        expect(form.get_by_role("status")).to_contain_text("'/etc' is not in a folder")
        form.get_by_label("Folder of the server").fill(str(folder))
        form.get_by_label("Into collection").fill("manuals")
        form.get_by_role("button", name="Bring up to date").click()
        expect(page.locator(".item .badge")).to_have_text("Done")
        page.get_by_role("link", name="Documents").click()
        expect(page.locator("tbody tr")).to_contain_text("manuals")


def test_people_sign_in_at_their_provider_and_out(browser: Browser, catalog: MemoryCatalog) -> None:
    provider = Provider()
    with served(provider.app) as provider.url:
        settings = Settings(
            model="fake-model",
            sign_in=("oidc",),
            oidc_issuer=provider.url,
            oidc_client_id=CLIENT,
            oidc_client_secret=SecretStr(SECRET),
            admins=("ada@corvo.example",),
        )
        app = create_app(FakeComponents(catalog, None, settings))
        with served(app) as address, browser.new_context() as context:
            page = context.new_page()
            page.goto(f"{address}/admin.html#keys")
            assert grave_findings(page) == []
            page.get_by_role("link", name="Sign in").click()
            expect(page.get_by_role("heading", name="API keys")).to_be_visible()  # back where one wanted to go
            expect(page.locator(".account-name")).to_have_text("ada@corvo.example")
            page.get_by_role("button", name="Sign out").click()
            expect(page.get_by_role("link", name="Sign in")).to_be_visible()
