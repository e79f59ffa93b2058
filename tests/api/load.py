"""``python -m tests.api.load URL --clients 50 --minutes 10 --process PID``: many people ask a running service at once.

Nothing may fail but by 429 when the queue is full, each answer must be whole and the one that is given alone, and the
memory of the process must stay within 5% of what it is once every question was asked.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

QUESTIONS = Path(__file__).resolve().parents[2] / "docs_corpus" / "questions.jsonl"
ANSWER_SECONDS = 600.0
GROWTH = 0.05
Said = tuple[str, tuple[tuple[str, str], ...]]
"""An answer's text, and its sentences with their status."""


@dataclass
class Outcome:
    """What came of a run; ``memory`` are bytes of the process, a second apart, from when the load began."""

    answered: int = 0
    rejected: int = 0
    failed: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)

    @property
    def growth(self) -> float:
        """By what share the last quarter's memory exceeds that of the second; the first is for warming up."""
        quarter = len(self.memory) // 4
        if not quarter:
            return 0.0
        second, last = self.memory[quarter : 2 * quarter], self.memory[-quarter:]
        return sum(last) / sum(second) - 1

    @property
    def good(self) -> bool:
        """Whether it went as it must."""
        return bool(self.answered) and not self.failed and not self.different and self.growth <= GROWTH


class Load:
    """Some clients that ask the ``questions`` of one service."""

    def __init__(self, url: str, questions: Sequence[str], process: int | None = None) -> None:
        self._url = url
        self._questions = questions
        self._process = process
        self._lock = threading.Lock()
        self._alone: dict[str, Said] = {}
        self._outcome = Outcome()

    def run(self, clients: int, seconds: float) -> Outcome:
        """First each question alone, then all clients for ``seconds``."""
        with httpx.Client(base_url=self._url, timeout=ANSWER_SECONDS) as client:
            for question in self._questions:
                response = _asked(client, question, streamed=False)
                self._alone[question] = _said(response.raise_for_status().json())
        end = time.monotonic() + seconds
        threads = [threading.Thread(target=self._ask, args=(number, end)) for number in range(clients)]
        for thread in threads:
            thread.start()
        while time.monotonic() < end:
            if self._process is not None:
                self._outcome.memory.append(resident(self._process))
            time.sleep(1)
        for thread in threads:
            thread.join()
        return self._outcome

    def _ask(self, number: int, end: float) -> None:
        chance = random.Random(number)
        with httpx.Client(base_url=self._url, timeout=ANSWER_SECONDS) as client:
            while time.monotonic() < end:
                wait = self._once(client, chance.choice(self._questions), streamed=chance.random() < 0.5)
                time.sleep(min(wait * chance.random(), max(0.0, end - time.monotonic())))

    def _once(self, client: httpx.Client, question: str, *, streamed: bool) -> float:
        """Ask once; how long to wait before the next time."""
        try:
            response = _asked(client, question, streamed=streamed)
        except httpx.HTTPError as error:
            return self._note("failed", f"{question}: {error!r}")
        if response.status_code == 429:
            with self._lock:
                self._outcome.rejected += 1
            return float(response.headers["retry-after"])
        if response.status_code != 200:
            return self._note("failed", f"{question}: {response.status_code} {response.text[:200]}")
        try:
            said = _said(_last_event(response.text) if streamed else response.json())
        except (ValueError, KeyError) as error:
            return self._note("failed", f"{question}: {error!r} in {response.text[-200:]}")
        if said != self._alone[question]:
            return self._note("different", f"{question}: {said[0]!r} instead of {self._alone[question][0]!r}")
        with self._lock:
            self._outcome.answered += 1
        return 0.0

    def _note(self, where: str, what: str) -> float:
        with self._lock:
            getattr(self._outcome, where).append(what)
        return 1.0


def resident(process: int) -> int:
    """Bytes of memory that a process holds (Linux)."""
    for line in Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"process {process} has no memory")


def _asked(client: httpx.Client, question: str, *, streamed: bool) -> httpx.Response:
    accept = "text/event-stream" if streamed else "application/json"
    return client.post("/v1/answers", json={"question": question}, headers={"Accept": accept})


def _last_event(stream: str) -> dict[str, Any]:
    name, data = stream.strip().rsplit("\n\n", 1)[-1].split("\n", 1)
    if name != "event: answer":
        raise ValueError(f"the stream ends with {name}")
    return dict(json.loads(data.removeprefix("data: ")))


def _said(body: dict[str, Any]) -> Said:
    return body["answer"], tuple((sentence["text"], sentence["status"]) for sentence in body["sentences"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--questions", type=int, default=20, help="how many of the sample questions")
    parser.add_argument("--process", type=int, help="of the service on this machine, to watch its memory")
    taken = parser.parse_args()
    lines = QUESTIONS.read_text(encoding="utf-8").splitlines()[: taken.questions]
    load = Load(taken.url, [json.loads(line)["question"] for line in lines], taken.process)
    outcome = load.run(taken.clients, taken.minutes * 60)
    for text in [*outcome.failed[:10], *outcome.different[:10]]:
        print(text, file=sys.stderr)  # noqa: T201
    print(  # noqa: T201
        f"{outcome.answered} answered, {outcome.rejected} times 429, {len(outcome.failed)} failed, "
        f"{len(outcome.different)} different, memory {outcome.growth:+.1%}"
    )
    return 0 if outcome.good else 1


if __name__ == "__main__":
    sys.exit(main())
