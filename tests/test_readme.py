"""The README says what is so."""

from __future__ import annotations

import re
from pathlib import Path

from api.cli.main import app
from api.settings import settings_table

README = Path("README.md").read_text(encoding="utf-8")


def test_the_settings_are_those_of_the_code() -> None:
    assert settings_table().strip() in README


def test_files_that_are_named_are_there() -> None:
    for name in re.findall(r"\]\((?!http)([^)]+)\)", README):
        assert Path(name).exists(), name


def test_commands_that_are_named_exist() -> None:
    known = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    known |= {group.name for group in app.registered_groups}
    named = set(re.findall(r"docqa ([a-z]+)\b", README))
    assert named
    assert named <= known


def test_make_targets_that_are_named_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", Path("Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"^make ([a-z]+)$|`make ([a-z]+)`", README, re.MULTILINE))
    assert {one or other for one, other in named} <= targets
