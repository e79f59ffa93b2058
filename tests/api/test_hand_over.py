"""Ingests while a server runs: handed to it, followed, interrupted, and what a kill leaves."""

from __future__ import annotations

import json
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from api.cli import ingest as command
from api.cli.main import app
from api.components import LocalComponents
from api.owner_key import found_in
from ingest.progress import Listener, Progress
from tests.api.indexed_docqa import known, parts, running
from tests.api.serving import eventually
from tests.api.test_serve import Serving
from tests.ingest.index import write

INDEXED = "from tests.api.indexed_docqa import main; main()"
KEY_FILE = Path("data/.owner-key")
BELLOWS = "How long do the bellows last?"


@pytest.fixture(autouse=True)
def _indexed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands and servers in this process do without models; nobody gets in without a key."""
    for name, part in parts().items():
        monkeypatch.setattr(LocalComponents, name, part)
    monkeypatch.setenv("DOCQA_SIGN_IN", "keys")
    monkeypatch.setenv("DOCQA_PARSE_WORKERS", "1")


@pytest.fixture
def manuals(tmp_path: Path) -> Path:
    return write(
        tmp_path / "manuals",
        {"pump.md": "# Pump\n\nThe bellows last 900 hours.\n", "de/sensor.txt": "Sensor\n\nIt beeps twice.\n"},
    )


def docqa(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), prog_name="docqa")


def test_a_running_server_does_what_the_command_was_told(manuals: Path) -> None:
    write(manuals, {"empty.md": ""})
    with running() as server:
        assert stat.S_IMODE(KEY_FILE.stat().st_mode) == 0o600
        first = docqa("ingest", "manuals", "missing", "--json")
        report = json.loads(first.stdout)
        assert (first.exit_code, report["collection"]) == (3, "default")
        assert report["added"] == ["de/sensor.txt", "pump.md"]
        assert {refusal["source"].rsplit("/", 1)[-1] for refusal in report["failed"]} == {"missing", "empty.md"}
        assert "the server that owns the data does it, as job_" in first.stderr
        assert server.answer(BELLOWS) == ["pump.md"]
        (manuals / "pump.md").rename(manuals / "pump-2.md")
        (manuals / "empty.md").unlink()
        second = docqa("ingest", "manuals")
        assert second.exit_code == 0
        assert "default: 0 added, 0 updated, 1 unchanged, 1 moved, 0 removed" in second.stdout
        assert "The bellows last 900 hours." in docqa("ask", BELLOWS).stdout
        entries = server.client.get("/v1/audit").json()["entries"]
        assert [(entry["actor"], entry["action"]) for entry in entries] == [("cli", "ingest.start")] * 2
    assert not KEY_FILE.exists()
    # Without the server the same command does the same by itself.
    third = docqa("ingest", "manuals")
    assert (third.exit_code, "2 unchanged" in third.stdout, third.stderr) == (0, True, "")


def test_a_running_server_takes_documents_out_and_back(manuals: Path) -> None:
    with running() as server:
        assert docqa("ingest", "manuals").exit_code == 0
        removed = docqa("documents", "remove", "pump.md")
        assert (removed.exit_code, removed.stdout) == (0, "removed: default/pump.md\n")
        assert "the server that owns the data does it, as job_" in removed.stderr
        assert "pump.md" not in server.answer(BELLOWS)
        again = docqa("documents", "remove", "pump.md")
        assert (again.exit_code, "pump.md was removed already" in again.stderr) == (1, True)
        restored = docqa("documents", "restore", "pump.md")
        assert restored.stdout == "restored: default/pump.md, revision 1 as revision 2\n"
        assert server.answer(BELLOWS) == ["pump.md"]
        entries = server.client.get("/v1/audit").json()["entries"]
        assert [entry["action"] for entry in entries] == ["document.restore", "document.remove", "ingest.start"]
    assert docqa("check").exit_code == 0


def test_only_the_owner_s_key_opens_any_folder(manuals: Path) -> None:
    body = {"paths": [str(manuals)]}
    with running() as server:
        for headers in ({}, {"Authorization": f"Bearer {server.left.secret}x"}):
            response = httpx.post(f"{server.url}/v1/ingest", json=body, headers=headers, trust_env=False)
            assert response.status_code == 401
        made = server.client.post("/v1/keys", json={"name": "admin", "role": "admin"}).json()
        admin = {"Authorization": f"Bearer {made['secret']}"}
        refused = httpx.post(f"{server.url}/v1/ingest", json=body, headers=admin, trust_env=False)
        assert (refused.status_code, refused.json()["type"]) == (403, "urn:docqa:problem:folder-not-allowed")


def test_an_interrupted_command_ends_its_job(manuals: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(manuals, {f"part{n}.md": f"# Part {n}\n\nNumber {n}.\n" for n in range(40)})
    monkeypatch.setenv("DOCQA_TEST_READ_SECONDS", "0.1")

    @contextmanager
    def interrupted() -> Iterator[Listener]:
        def show(_: Progress) -> None:
            refused = docqa("ingest", "manuals/de")
            assert (refused.exit_code, "are being ingested already, by job_" in refused.stderr) == (1, True)
            raise KeyboardInterrupt

        yield show

    with running() as server:
        monkeypatch.setattr(command, "shown_progress", interrupted)
        result = docqa("ingest", "manuals")
        assert result.exit_code == 130
        assert "told the server to end job_" in result.stderr
        eventually(lambda: server.states() == ["cancelled"], 30)
        assert len(server.client.get("/v1/documents").json()["documents"]) < 42


def test_a_kill_leaves_what_was_published_and_the_job_interrupted(manuals: Path) -> None:
    write(manuals, {f"z{n}.md": f"# Part {n}\n\nNumber {n}.\n" for n in range(40)})
    # Nobody reads what it logs: a full pipe would hold it up.
    with Serving(program=INDEXED, DOCQA_TEST_READ_SECONDS="0.1", DOCQA_LOG_LEVEL="ERROR") as serving:
        url, left = serving.address(), found_in(KEY_FILE)
        assert left is not None
        with known(url, left) as server:
            results: list[Result] = []
            told = threading.Thread(target=lambda: results.append(docqa("ingest", "manuals")))
            told.start()
            eventually(lambda: server.answer(BELLOWS) == ["pump.md"], 60)
            serving.process.kill()
            told.join(30)
    assert (results[0].exit_code, isinstance(results[0].exception, SystemExit)) == (1, True)
    with running() as again:
        assert again.left.secret != left.secret
        (job,) = again.client.get("/v1/jobs").json()["jobs"]
        assert (job["state"], job["counts"], job["ended_at"] > job["started_at"]) == ("interrupted", None, True)
        assert again.answer(BELLOWS) == ["pump.md"]
        assert docqa("ingest", "manuals").exit_code == 0
        assert len(again.client.get("/v1/documents").json()["documents"]) == 42
        assert again.states() == ["succeeded", "interrupted"]


def test_a_server_that_is_told_to_stop_does_not_wait_for_its_job(manuals: Path) -> None:
    write(manuals, {f"z{n}.md": f"# Part {n}\n\nNumber {n}.\n" for n in range(100)})
    with Serving(program=INDEXED, DOCQA_TEST_READ_SECONDS="0.5", DOCQA_LOG_LEVEL="ERROR") as serving:
        url, left = serving.address(), found_in(KEY_FILE)
        assert left is not None
        with known(url, left) as server:
            body = {"paths": [str(manuals)]}
            job = server.client.post("/v1/ingest", json=body).json()["id"]
            with server.client.stream("GET", f"/v1/jobs/{job}/events") as events:
                lines = (line for line in events.iter_lines() if line.startswith("data: "))
                seen = next(json.loads(line[6:]) for line in lines if '"passages": 1' in line)
                assert seen["state"] == "running"
                serving.process.terminate()
                *_, last = (json.loads(line[6:]) for line in lines)
        code, errors = serving.end()
    assert (last["state"], code, errors.count("graceful shutdown exceeded")) == ("interrupted", 0, 0)
