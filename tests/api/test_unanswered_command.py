from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.access import Role
from api.cli.main import app
from api.components import LocalComponents
from api.settings import Settings
from api.state.keys import KeyRequest
from qa.unanswered import Unanswered
from tests.api.fake_docqa import fake_parts
from tests.api.library import markdown_document, publish
from tests.api.running import fake_product
from tests.api.serving import eventually, served
from tests.fakes.catalog import MemoryCatalog


@pytest.fixture(autouse=True)
def catalog(monkeypatch: pytest.MonkeyPatch) -> MemoryCatalog:
    parts = fake_parts()
    for name, part in parts.items():
        monkeypatch.setattr(LocalComponents, name, part)
    catalog = parts["catalog"]
    assert isinstance(catalog, MemoryCatalog)
    return catalog


def docqa(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["unanswered", *arguments], prog_name="docqa")


def listed(*arguments: str) -> list[dict[str, Any]]:
    return list(json.loads(docqa("list", "--json", *arguments).stdout)["unanswered"])


def open_question(question: str, answer_id: str) -> str:
    with LocalComponents(Settings()) as components:
        store = components.memory.unanswered
        return store.add("default", question, Unanswered.REFUSED, answer_id, [], lambda _: None)


def test_entries_are_listed_shown_asked_again_and_removed(catalog: MemoryCatalog) -> None:
    cat = open_question("Who feeds the cat?", "ans_1")
    dog = open_question("Who walks the weather dog?", "ans_2")
    assert [entry["id"] for entry in listed()] == [dog, cat]
    assert f"{cat}  open  default  1 refused  last 20" in docqa("show", cat).stdout
    publish(catalog, "default", markdown_document("cat.md", "# Cat\n\nThe porter always feeds the cat."))
    lines = docqa("recheck").stdout.splitlines()
    assert [line.split("  ")[:2] for line in lines] == [[dog, "open"], [cat, "closed: document"]]
    assert [entry["id"] for entry in listed("--closed")] == [cat]
    assert docqa("remove", dog).stdout == f"{dog} is removed\n"
    assert listed() == []
    result = docqa("show", dog)
    assert (result.exit_code, f"there is no entry {dog!r}" in result.stderr) == (1, True)


def test_a_named_server_asks_its_own_entries_again() -> None:
    product = fake_product(sign_in=("keys",))
    _, secret = product.service.memory.keys.create(KeyRequest("test", role=Role.CURATOR))
    store = product.service.memory.unanswered
    for n in range(3):
        question = f"Who feeds weather cat {n}?"
        store.add("default", question, Unanswered.REFUSED, f"ans_{n}", [], lambda _: None)
    publish(product.catalog, "default", markdown_document("cat.md", "# Cat\n\nThe porter always feeds the cat."))
    open_question("Who walks the dog?", "ans_9")  # of the local data, which is left alone
    with served(product.app) as url:
        eventually(product.loaded.is_set)
        refused = docqa("recheck", "--server", url)
        result = docqa("recheck", "--server", url, "--key", secret)
    assert (refused.exit_code, "Sign in" in refused.stderr) == (1, True)
    assert (result.exit_code, len(result.stdout.splitlines())) == (0, 3)
    assert len(listed()) == 1
