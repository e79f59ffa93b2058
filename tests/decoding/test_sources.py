"""The hub over HTTP: a server on this machine stands in for it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from decoding.fetch import Fetch, FetchFailed
from decoding.sources import Hub, SourceError, SourceUnavailable
from tests.decoding.models import WEIGHTS, file_spec, model

FILE = file_spec("weights.bin", WEIGHTS)
MODEL = model("tiny", FILE)


class _HubServer(ThreadingHTTPServer):
    """Serves WEIGHTS at the hub's path; ``break_after`` bytes an answer ends early, ``ranges`` may be unknown."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.break_after = [2 * len(WEIGHTS)]
        self.ranges = True
        self.extra = b""
        self.asked: list[str] = []

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: _HubServer

    def do_HEAD(self) -> None:
        self.send_response(302)
        self.end_headers()

    def do_GET(self) -> None:
        wanted = self.headers.get("Range", "")
        self.server.asked.append(wanted)
        if self.path != "/org/repo/resolve/abc/weights.bin":
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.server.ranges else 0
        limit = self.server.break_after.pop(0) if len(self.server.break_after) > 1 else self.server.break_after[0]
        content = WEIGHTS[start:] + self.server.extra
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:limit])

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[_HubServer]:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with _HubServer() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_a_file_is_downloaded_and_reported(server: _HubServer, tmp_path: Path) -> None:
    reported: list[int] = []
    Hub(server.endpoint).complete(MODEL, FILE, tmp_path / "weights.bin", reported.append)
    assert (tmp_path / "weights.bin").read_bytes() == WEIGHTS
    assert reported == sorted(reported)
    assert reported[-1] == len(WEIGHTS)


def test_a_broken_download_goes_on_where_it_stopped(server: _HubServer, tmp_path: Path) -> None:
    server.break_after = [3_000_000, 2_000_000, len(WEIGHTS)]
    Hub(server.endpoint).complete(MODEL, FILE, tmp_path / "weights.bin", lambda _: None)
    assert (tmp_path / "weights.bin").read_bytes() == WEIGHTS
    assert server.asked[0] == ""
    assert len(server.asked) == 3
    assert 0 < int(server.asked[1][6:-1]) < int(server.asked[2][6:-1])


def test_a_server_without_ranges_is_read_from_the_start(server: _HubServer, tmp_path: Path) -> None:
    server.ranges = False
    (tmp_path / "weights.bin").write_bytes(WEIGHTS[:1000])
    Hub(server.endpoint).complete(MODEL, FILE, tmp_path / "weights.bin", lambda _: None)
    assert (tmp_path / "weights.bin").read_bytes() == WEIGHTS


def test_a_connection_that_keeps_breaking_is_given_up_and_its_bytes_kept(server: _HubServer, tmp_path: Path) -> None:
    server.break_after = [1_000_000]
    with pytest.raises(SourceUnavailable, match="broke 3 times"):
        Hub(server.endpoint).complete(MODEL, FILE, tmp_path / "weights.bin", lambda _: None)
    kept = (tmp_path / "weights.bin").read_bytes()
    assert kept
    assert kept == WEIGHTS[: len(kept)]


def test_a_file_that_the_hub_does_not_have(server: _HubServer, tmp_path: Path) -> None:
    other = file_spec("other.bin", WEIGHTS)
    with pytest.raises(SourceError, match=r"other.bin answered 404"):
        Hub(server.endpoint).complete(MODEL, other, tmp_path / "other.bin", lambda _: None)


def test_a_wrong_beginning_is_found_by_its_hash_and_fetched_anew(server: _HubServer, tmp_path: Path) -> None:
    (tmp_path / "partial").mkdir()
    (tmp_path / "partial" / "weights.bin").write_bytes(b"x" * 1000)
    Fetch(MODEL, tmp_path, tmp_path / "partial", [Hub(server.endpoint)], lambda _: None).run()
    assert server.asked == ["bytes=1000-", ""]
    assert (tmp_path / "weights.bin").read_bytes() == WEIGHTS


def test_a_wrong_file_of_the_hub_is_refused_by_name(server: _HubServer, tmp_path: Path) -> None:
    other = file_spec("weights.bin", bytes(len(WEIGHTS)))
    with pytest.raises(FetchFailed, match=rf"refused: weights.bin has SHA-256 {FILE.sha256} instead of {other.sha256}"):
        Fetch(model("tiny", other), tmp_path, tmp_path / "partial", [Hub(server.endpoint)], lambda _: None).run()
    assert not list(tmp_path.rglob("*.bin"))


def test_a_larger_file_is_cut_off(server: _HubServer, tmp_path: Path) -> None:
    server.extra = b"more"
    with pytest.raises(SourceError, match="larger than"):
        Hub(server.endpoint).complete(MODEL, FILE, tmp_path / "weights.bin", lambda _: None)
    assert (tmp_path / "weights.bin").stat().st_size <= len(WEIGHTS)


def test_an_unreachable_hub_is_given_up_in_time(server: _HubServer, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        start = time.monotonic()
        with pytest.raises(SourceUnavailable, match="cannot be reached"):
            Hub(endpoint, reach_seconds=0.2).complete(MODEL, FILE, tmp_path / "weights.bin", lambda _: None)
        assert time.monotonic() - start < 5


def test_a_refused_connection_is_given_up_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        endpoint = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(SourceUnavailable, match="cannot be reached"):
        Hub(endpoint).complete(MODEL, FILE, tmp_path / "weights.bin", lambda _: None)
