from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from api.owner_key import found_in, left_in

URL = "http://127.0.0.1:8000"


def test_a_key_lies_there_for_its_owner_as_long_as_the_server_runs(tmp_path: Path) -> None:
    path = tmp_path / ".owner-key"
    path.write_text("of a server that was killed")
    path.chmod(0o644)
    with left_in(path, URL) as left:
        assert found_in(path) == left
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with left_in(tmp_path / "other", URL) as other:
            assert other.secret != left.secret
    assert found_in(path) is None


def test_a_link_that_lies_there_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    path = tmp_path / ".owner-key"
    path.symlink_to(tmp_path / "mine")
    with left_in(path, URL):
        assert (tmp_path / "mine").read_text() == "mine"


@pytest.mark.parametrize("text", ["", "{", "[]", json.dumps({"url": URL}), json.dumps({"a": 1})])
def test_what_is_no_key_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / ".owner-key"
    path.write_text(text)
    assert found_in(path) is None
