from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.cli.main import app
from api.components import LocalComponents
from api.settings import Settings
from tests.api.fake_docqa import fake_parts
from tests.api.running import QUESTION

QUOTE = "The inlet filter must be replaced every 2,000 hours of operation."


@pytest.fixture(autouse=True)
def _fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, part in fake_parts().items():
        monkeypatch.setattr(LocalComponents, name, part)


def docqa(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), prog_name="docqa")


def pin(*arguments: str) -> Result:
    return docqa("curated", "pin", QUESTION, "Every 2,000 hours.", "--quote", QUOTE, "--owner", "Ada", *arguments)


def listed() -> list[dict[str, Any]]:
    return list(json.loads(docqa("curated", "list", "--json").stdout)["curated"])


def test_it_is_pinned_asked_for_verified_and_removed() -> None:
    made = json.loads(pin("--variant", "Filter?", "--expires", "90d", "--json").stdout)
    assert listed() == [made]
    assert (made["owner"], made["variants"], made["freshness"]) == ("Ada", ["Filter?"], "current")
    asked = docqa("ask", "how often must one replace the inlet filter")
    assert "Every 2,000 hours." in asked.stdout
    assert "Verified by Ada on 20" in asked.stdout
    shown = docqa("curated", "show", made["id"]).stdout
    assert f"corvo/manual.md, revision 1: “{QUOTE}”" in shown
    assert docqa("curated", "verify", made["id"]).stdout.startswith(f"{made['id']}  current  default  by Ada")
    assert docqa("curated", "remove", made["id"]).stdout == f"{made['id']} is removed\n"
    assert listed() == []
    with LocalComponents(Settings()) as components:
        actions = [entry.action for entry in components.memory.audit.page(10).items]
    assert actions == ["curated.delete", "curated.verify", "curated.create"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["show", "cur_none"], "there is no curated answer 'cur_none'; see: docqa curated list"),
        (["pin", QUESTION, "So.", "--quote", "It never was."], "no document of collection default says"),
        (["pin", QUESTION, "So.", "--quote", QUOTE, "--document", "x.md"], "there is no document 'x.md'"),
        (["pin", " ", "So.", "--quote", QUOTE], "needs a question and an answer"),
        (["pin", QUESTION, "So.", "--quote", QUOTE, "--expires", "soon"], "--expires takes a number"),
    ],
)
def test_what_can_be_expected_fails_in_one_line(arguments: list[str], says: str) -> None:
    result = docqa("curated", *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert says in result.stderr
    assert listed() == []
