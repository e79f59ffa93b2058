from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.cli.main import app
from api.components import LocalComponents
from api.settings import Settings


def keys(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["keys", *arguments], prog_name="docqa")


def test_a_key_is_made_listed_and_revoked() -> None:
    made = keys(
        "create", "ticket system", "--scope", "ask", "--collection", "manuals", "--rate", "60", "--expires", "90d"
    )
    assert made.exit_code == 0
    secret = made.stdout.strip()
    assert secret.startswith("docqa_")
    with LocalComponents(Settings()) as components:
        found = components.memory.keys.check(secret)
    assert found is not None
    listed = keys("list").stdout
    assert f"{found.id}  {found.prefix}…  reader  ticket system  only ask  in manuals  60 a minute  until " in listed
    assert secret not in listed
    assert keys("revoke", found.prefix).stdout == f"{found.id} (ticket system) is revoked\n"
    assert "revoked 20" in keys("list").stdout
    with LocalComponents(Settings()) as components:
        assert components.memory.keys.check(secret) is None
        entries = components.memory.audit.page(10).items
    assert [entry.action for entry in entries] == ["key.revoke", "key.create"]
    assert entries[0].actor.startswith("cli")


def test_a_key_for_other_sites_is_listed_with_them() -> None:
    made = keys("create", "intranet", "--origin", "https://a.example/", "--collection", "manuals")
    assert made.exit_code == 0
    assert "intranet  only ask  in manuals  on https://a.example  60 a minute" in keys("list").stdout


def test_a_key_is_listed_with_its_labels() -> None:
    for labels in (["--label", "HR", "--label", "board"], []):
        assert keys("create", "archive", *labels).exit_code == 0
    listed = keys("list").stdout
    assert "archive  labels board, hr  never used" in listed
    assert "archive  never used" in listed


def test_json_is_for_machines() -> None:
    made = json.loads(keys("create", "bot", "--role", "admin", "--batch", "--json").stdout)
    (listed,) = json.loads(keys("list", "--json").stdout)["keys"]
    assert {**listed, "secret": made["secret"]} == made
    assert (listed["role"], listed["batch"], listed["scopes"]) == ("admin", True, None)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["revoke", "key_none"], 1, "there is no key 'key_none' that holds; see: docqa keys list"),
        (["create", "bot", "--expires", "soon"], 1, "--expires takes a number with h, d or w"),
        (["create", " "], 1, "a key needs a name"),
        (["create", "bot", "--role", "king"], 2, "king"),
        (
            ["create", "bot", "--origin", "intranet"],
            1,
            "'intranet' is no origin; one looks like https://intranet.example",
        ),
        (["create", "bot", "--origin", "https://a.example"], 1, "takes exactly one collection"),
        (
            ["create", "bot", "--origin", "https://a.example", "--collection", "a", "--label", "hr"],
            1,
            "holds no labels: everybody can read what it reads",
        ),
        (["create", "bot", "--label", "h r"], 1, "'h r' is no label"),
    ],
)
def test_what_can_be_expected_fails_in_one_line(arguments: list[str], code: int, says: str) -> None:
    result = keys(*arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert says in result.stderr


def test_a_damaged_database_is_told() -> None:
    Path("data").mkdir()
    Path("data/app.sqlite").write_text("no database " * 100, encoding="utf-8")
    result = keys("list")
    assert result.exit_code == 1
    assert "app.sqlite: file is not a database" in result.stderr
