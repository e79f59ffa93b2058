"""`docqa models` on a small catalogue."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import api.cli.models
import decoding.store
from tests.decoding.models import CONFIG, WEIGHTS, two_part_model


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty machine with two models in the catalogue, and the folder in which their files may be put."""
    catalogue = {name: two_part_model(name) for name in ("tiny", "small-embedder")}
    for module in (api.cli.models, decoding.store):
        monkeypatch.setattr(module, "load_catalogue", lambda: catalogue)
    folder = tmp_path / "local"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCQA_MODEL", "tiny")
    monkeypatch.setenv("DOCQA_EMBEDDER", "small-embedder")
    monkeypatch.setenv("DOCQA_LOCAL_MODELS", str(folder))
    monkeypatch.setenv("DOCQA_MODEL_SOURCES", "local")
    return folder


def _put_files(folder: Path) -> None:
    (folder / "nested").mkdir()
    (folder / "weights.bin").write_bytes(WEIGHTS)
    (folder / "nested" / "config.json").write_bytes(CONFIG)


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(api.cli.models.app, arguments)


def test_fetch_without_names_takes_the_models_of_the_settings(local: Path, tmp_path: Path) -> None:
    _put_files(local)
    result = _run("fetch")
    assert result.exit_code == 0, result.output
    for name in ("tiny", "small-embedder"):
        assert (tmp_path / "data" / "models" / name / "weights.bin").read_bytes() == WEIGHTS
        assert f"{name}: installed in data/models/{name}" in result.stdout
    again = _run("fetch", "tiny")
    assert again.stdout == "tiny: installed in data/models/tiny\n"
    assert again.stderr == ""


def test_a_fetch_that_fails_names_file_source_and_way_out(local: Path) -> None:
    result = _run("fetch", "tiny")
    assert result.exit_code == 1
    assert f"weights.bin is not in {local}" in result.stderr.replace("\n", "")
    assert "docqa models fetch tiny" in result.stderr
    assert "Traceback" not in result.output


def test_list_says_what_is_installed_and_chosen(local: Path) -> None:
    _put_files(local)
    _run("fetch", "tiny")
    rows = {row["name"]: row for row in json.loads(_run("list", "--json").stdout)}
    assert (rows["tiny"]["state"], rows["tiny"]["configured"]) == ("installed", True)
    assert (rows["small-embedder"]["state"], rows["small-embedder"]["bytes"]) == ("missing", len(WEIGHTS + CONFIG))
    table = _run("list").stdout
    assert "small-embedder" in table
    assert "missing" in table


def test_verify_finds_a_file_that_changed_behind_the_marker(local: Path, tmp_path: Path) -> None:
    _put_files(local)
    _run("fetch")
    assert _run("verify").exit_code == 0
    config = tmp_path / "data" / "models" / "tiny" / "nested" / "config.json"
    config.unlink()
    config.write_bytes(CONFIG.replace(b"2", b"3"))
    result = _run("verify")
    assert result.exit_code == 1
    assert "tiny: nested/config.json has SHA-256" in result.stdout
    assert "small-embedder: as in the catalogue" in result.stdout
    assert _run("fetch").exit_code == 0
    assert _run("verify").exit_code == 0


def test_an_unknown_name_is_answered_with_the_nearest(local: Path) -> None:
    result = _run("fetch", "tinny")
    assert result.exit_code == 1
    assert "did you mean tiny?" in result.stderr
