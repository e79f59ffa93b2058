"""Asking a running server over its HTTP API."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import httpx

from api.schemas import EVENT_NAMES, AnswerEventBody, AnswerRequest
from api.sse import MEDIA_TYPE
from api.unanswered_schemas import RecheckBody, UnansweredBody

CONNECT_SECONDS = 5.0
SILENCE_SECONDS = 60.0
"""Longest silence: several heartbeats."""
WHOLE_ANSWER_SECONDS = 600.0


class ServerFailed(Exception):
    """The server can't be reached, refused or broke off; the message is its own where it gave one."""


class Client:
    """A server at ``url``."""

    def __init__(self, url: str, transport: httpx.BaseTransport | None = None) -> None:
        self._url = url.rstrip("/")
        timeout = httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS)
        # The server is named by hand or on this machine: a proxy from the environment would only be in the way.
        self._http = httpx.Client(base_url=self._url, timeout=timeout, transport=transport, trust_env=False)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self._http.close()

    def alive(self) -> bool:
        """Whether a docqa server answers there."""
        try:
            response = self._http.get("/healthz", timeout=CONNECT_SECONDS)
            return response.status_code == 200 and response.json() == {"status": "ok"}
        except (httpx.HTTPError, ValueError):
            return False

    def ask(self, request: AnswerRequest) -> Iterator[AnswerEventBody]:
        """The events of the answer as they come. Raises `ServerFailed`."""
        body = request.model_dump(exclude_defaults=True)
        try:
            with self._http.stream("POST", "/v1/answers", json=body, headers={"Accept": MEDIA_TYPE}) as response:
                if response.status_code != 200:
                    raise ServerFailed(_detail(response.status_code, response.read()))
                for name, data in _events(response.iter_lines()):
                    if name == "error":
                        raise ServerFailed(f"{self._url}: {data.get('detail', 'the answer failed')}")
                    yield _BODIES[name].model_validate(data)
                    if name == "answer":
                        return
        except httpx.HTTPError as error:
            raise ServerFailed(f"{self._url}: {error or type(error).__name__}") from error
        raise ServerFailed(f"{self._url}: the connection ended before the answer")

    def recheck(self, entry: str) -> UnansweredBody:
        """Let the server ask the question of an entry of its queue again. Raises `ServerFailed`."""
        try:
            # The answer comes whole, so that nothing is heard until it is there.
            response = self._http.post(f"/v1/unanswered/{entry}/recheck", timeout=WHOLE_ANSWER_SECONDS)
        except httpx.HTTPError as error:
            raise ServerFailed(f"{self._url}: {error or type(error).__name__}") from error
        if response.status_code != 200:
            raise ServerFailed(_detail(response.status_code, response.content))
        return RecheckBody.model_validate_json(response.content).entry


_BODIES = {name: body for body, name in EVENT_NAMES.items()}


def _events(lines: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and data of each event that this version knows."""
    name, data = "", ""
    for line in lines:
        if line.startswith("event:"):
            name = line[6:].strip()
        elif line.startswith("data:"):
            data += line[5:]
        elif not line:
            if name in _BODIES or name == "error":
                yield name, json.loads(data)
            name, data = "", ""


def _detail(status: int, body: bytes) -> str:
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return f"the server answered with status {status}"
