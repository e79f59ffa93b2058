from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from api.data_lock import DataLock
from tests.api.running import QUESTION

ROOT = Path(__file__).resolve().parents[2]
FAKE = "from tests.api.fake_docqa import main; main()"
REAL = "from api.cli.main import app; app(prog_name='docqa')"


class Serving:
    """`docqa serve` in a process of its own; in the working directory, which is empty."""

    def __init__(self, *arguments: str, program: str = FAKE, **variables: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, "serve", "--port", "0", *arguments],
            env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def address(self) -> str:
        """What it prints once it is ready."""
        assert self.process.stdout is not None
        match = re.fullmatch(r"docqa is ready: (http://\S+)\n", self.process.stdout.readline())
        assert match
        return match[1]

    def end(self) -> tuple[int, str]:
        """Exit code and standard error once it has ended by itself."""
        _, errors = self.process.communicate(timeout=30)
        assert "Traceback" not in errors
        return self.process.returncode, errors

    def __enter__(self) -> Serving:
        return self

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.mark.parametrize(("stop", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_prints_its_address_and_stops_when_told(stop: signal.Signals, code: int) -> None:
    with Serving() as serving:
        url = serving.address()
        response = httpx.post(f"{url}/v1/answers", json={"question": QUESTION}, trust_env=False)
        assert response.status_code == 200
        serving.process.send_signal(stop)
        returned, errors = serving.end()
    assert returned == code
    assert "warning" not in errors
    assert "no sign-in is asked for" in errors
    assert "all-minilm-l6-v2 runs on this engine: nor here (a test)" in errors
    assert "runs on this engine: none at all (a test)" in errors
    assert "message=request" in errors
    assert QUESTION not in errors
    lock = DataLock(Path("data/.lock"))
    lock.acquire()
    lock.release()


def test_beyond_loopback_without_sign_in_it_refuses() -> None:
    with Serving("--host", "0.0.0.0") as serving:
        code, errors = serving.end()
    assert code == 1
    assert "refusing to listen on 0.0.0.0 without sign-in: set DOCQA_SIGN_IN" in errors


@pytest.mark.parametrize(
    ("variables", "warns"), [({"DOCQA_OPEN_ACCESS": "true"}, True), ({"DOCQA_SIGN_IN": "keys"}, False)]
)
def test_beyond_loopback_it_serves_when_told_who_may(variables: dict[str, str], warns: bool) -> None:
    with Serving("--host", "0.0.0.0", **variables) as serving:
        url = serving.address()
        status = httpx.get(f"{url}/v1/documents", trust_env=False).status_code
        serving.process.terminate()
        _, errors = serving.end()
    assert status == (200 if warns else 401)
    assert ("warning: listening on 0.0.0.0 without sign-in" in errors) is warns


def test_a_database_that_can_not_be_opened_is_told() -> None:
    with Serving(DOCQA_DATABASE_URL="postgresql://user:secret@127.0.0.1:9/name") as serving:
        code, errors = serving.end()
    assert code == 1
    assert errors.splitlines()[-1].startswith("docqa: postgresql+psycopg://user:***@127.0.0.1:9/name: ")
    assert "secret" not in errors


def test_taken_port_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with Serving("--port", str(port)) as serving:
            code, errors = serving.end()
    assert code == 1
    assert f"docqa: cannot listen on 127.0.0.1, port {port}" in errors


def test_data_that_another_process_owns_is_told() -> None:
    lock = DataLock(Path("data/.lock"))
    lock.acquire()
    with Serving() as serving:
        code, errors = serving.end()
    lock.release()
    assert code == 1
    assert "in use by another docqa process" in errors


def test_failed_loading_ends_it() -> None:
    with Serving(DOCQA_TEST_BROKEN="the model is broken") as serving:
        code, errors = serving.end()
    assert code == 1
    assert errors.splitlines()[-1] == "docqa: could not start: the model is broken"


def test_missing_models_are_told_before_anything_is_loaded() -> None:
    with Serving(program=REAL) as serving:
        code, errors = serving.end()
    assert code == 1
    assert "docqa models fetch all-minilm-l6-v2" in errors.splitlines()[-1]
