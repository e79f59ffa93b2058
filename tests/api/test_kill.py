"""A service that is killed in the middle of its work: what it has said is done, is there afterwards."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import httpx

from tests.api.running import QUESTION
from tests.api.test_serve import Serving

CLIENTS = 4


class Told:
    """What one client was told is kept: answers of its conversation, and feedback."""

    def __init__(self) -> None:
        self.conversation = ""
        self.answers: list[str] = []
        self.feedback: list[str] = []

    def work(self, url: str, over: threading.Event) -> None:
        with suppress(httpx.TransportError), httpx.Client(base_url=url, trust_env=False) as client:
            self.conversation = client.post("/v1/conversations", json={}).json()["id"]
            while not over.is_set():
                asked = {"question": QUESTION, "conversation": self.conversation}
                response = client.post("/v1/answers", json=asked)
                if response.status_code == 200:
                    self.answers.append(response.json()["id"])
                    given = {"answer": self.answers[-1], "rating": "up"}
                    self.feedback.append(client.post("/v1/feedback", json=given).json()["id"])


def test_what_was_told_is_kept_outlives_a_kill() -> None:
    told = [Told() for _ in range(CLIENTS)]
    with Serving() as serving, ThreadPoolExecutor(CLIENTS) as pool:
        url, over = serving.address(), threading.Event()
        working = [pool.submit(each.work, url, over) for each in told]
        end = time.monotonic() + 60
        while not all(len(each.feedback) >= 3 for each in told):
            assert time.monotonic() < end, "nothing was answered"
            time.sleep(0.05)
        serving.process.kill()
        over.set()
        for future in working:
            future.result()
    with Serving() as again, httpx.Client(base_url=again.address(), trust_env=False) as client:
        given = {entry["id"] for entry in everything(client, "/v1/feedback", "feedback")}
        for each in told:
            turns = client.get(f"/v1/conversations/{each.conversation}").json()["turns"]
            kept = [turn["answer"]["id"] for turn in turns if turn["answer"]]
            assert kept[: len(each.answers)] == each.answers
            assert len(turns) <= len(each.answers) + 1
            assert given >= set(each.feedback)


def everything(client: httpx.Client, path: str, name: str) -> list[dict[str, Any]]:
    """A list to its end."""
    found: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 200}
    while True:
        body = client.get(path, params=query).json()
        found += body[name]
        if body["next_cursor"] is None:
            return found
        query["cursor"] = body["next_cursor"]
