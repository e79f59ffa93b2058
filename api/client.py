"""Asking a running server over its HTTP API."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterable, Iterator
from typing import Any

import httpx

from api.job_schemas import IngestRequest, JobBody, WholeJobBody
from api.schemas import EVENT_NAMES, AnswerEventBody, AnswerRequest
from api.search_schemas import SearchBody, SearchRequest
from api.sse import MEDIA_TYPE
from api.unanswered_schemas import RecheckBody, UnansweredBody, UnansweredPageBody

CONNECT_SECONDS = 5.0
SILENCE_SECONDS = 60.0
"""Longest silence: several heartbeats."""
WHOLE_ANSWER_SECONDS = 600.0
LOADING_SECONDS = 600.0


class ServerFailed(Exception):
    """The server can't be reached, refused or broke off; the message is its own where it gave one."""


class Client:
    """A server at ``url``; requests carry the API ``key``."""

    def __init__(self, url: str, key: str | None = None, transport: httpx.BaseTransport | None = None) -> None:
        self._url = url.rstrip("/")
        self._http = httpx.Client(
            base_url=self._url,
            headers={} if key is None else {"Authorization": f"Bearer {key}"},
            timeout=httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS),
            transport=transport,
            # The server is named by hand or on this machine: a proxy from the environment would only be in the way.
            trust_env=False,
        )

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

    def wait_until_ready(self, seconds: float = LOADING_SECONDS) -> None:
        """Return once the server has loaded what it needs. Raises `ServerFailed`, after ``seconds`` at the latest."""
        end = time.monotonic() + seconds
        while True:
            try:
                self._send("GET", "/readyz")
            except ServerFailed:
                if time.monotonic() >= end or not self.alive():
                    raise
                time.sleep(1)
            else:
                return

    def ask(self, request: AnswerRequest) -> Generator[AnswerEventBody, None, None]:
        """The events of the answer as they come. Raises `ServerFailed`."""
        body = request.model_dump(exclude_defaults=True)
        for name, data in self._events("POST", "/v1/answers", json=body):
            if name == "error":
                raise ServerFailed(f"{self._url}: {data.get('detail', 'the answer failed')}")
            if name in _BODIES:
                yield _BODIES[name].model_validate(data)
            if name == "answer":
                return
        raise ServerFailed(f"{self._url}: the connection ended before the answer")

    def search(self, request: SearchRequest) -> SearchBody:
        """Passages that fit a query. Raises `ServerFailed`."""
        response = self._send("POST", "/v1/search", json=request.model_dump(exclude_defaults=True))
        return SearchBody.model_validate_json(response.content)

    def recheck(self, entry: str) -> UnansweredBody:
        """Let the server ask the question of an entry of its queue again. Raises `ServerFailed`."""
        # The answer comes whole, so that nothing is heard until it is there.
        response = self._send("POST", f"/v1/unanswered/{entry}/recheck", timeout=WHOLE_ANSWER_SECONDS)
        return RecheckBody.model_validate_json(response.content).entry

    def unanswered(self) -> Iterator[UnansweredBody]:
        """The open entries of its queue, the last asked first. Raises `ServerFailed`."""
        cursor: str | None = None
        while True:
            query = {} if cursor is None else {"cursor": cursor}
            page = UnansweredPageBody.model_validate_json(self._send("GET", "/v1/unanswered", params=query).content)
            yield from page.unanswered
            cursor = page.next_cursor
            if cursor is None:
                return

    def ingest(self, request: IngestRequest) -> JobBody:
        """Hand folders over; the job that ingests them. Raises `ServerFailed`."""
        response = self._send("POST", "/v1/ingest", json=request.model_dump(exclude_none=True))
        return JobBody.model_validate_json(response.content)

    def remove(self, document: str) -> JobBody:
        """Have a document taken out of the index; the job that does it. Raises `ServerFailed`."""
        return JobBody.model_validate_json(self._send("DELETE", f"/v1/documents/{document}").content)

    def restore(self, document: str, revision: int) -> JobBody:
        """Have what a revision said hold again; the job that does it. Raises `ServerFailed`."""
        response = self._send("POST", f"/v1/documents/{document}/revisions/{revision}/restore")
        return JobBody.model_validate_json(response.content)

    def follow(self, job: str) -> Iterator[JobBody]:
        """A job whenever it has come further, the last time when it is over. Raises `ServerFailed`."""
        for name, data in self._events("GET", f"/v1/jobs/{job}/events"):
            if name == "job":
                body = JobBody.model_validate(data)
                yield body
                if body.state.over:
                    return
        raise ServerFailed(f"{self._url}: the connection ended before the job {job} did")

    def job(self, job: str) -> WholeJobBody:
        """A job with its report. Raises `ServerFailed`."""
        return WholeJobBody.model_validate_json(self._send("GET", f"/v1/jobs/{job}").content)

    def cancel(self, job: str) -> None:
        """Have a job end. Raises `ServerFailed`."""
        self._send("POST", f"/v1/jobs/{job}/cancel")

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:  # noqa: ANN401 - see httpx
        """A response that is no error. Raises `ServerFailed`."""
        try:
            response = self._http.request(method, path, **request)
        except httpx.HTTPError as error:
            raise self._failed(error) from error
        if response.is_error:
            raise ServerFailed(_detail(response.status_code, response.content))
        return response

    def _events(self, method: str, path: str, **request: Any) -> Iterator[tuple[str, dict[str, Any]]]:  # noqa: ANN401
        """Name and data of each event of a stream. Raises `ServerFailed`."""
        try:
            with self._http.stream(method, path, headers={"Accept": MEDIA_TYPE}, **request) as response:
                if response.is_error:
                    raise ServerFailed(_detail(response.status_code, response.read()))
                yield from _events(response.iter_lines())
        except httpx.HTTPError as error:
            raise self._failed(error) from error

    def _failed(self, error: httpx.HTTPError) -> ServerFailed:
        return ServerFailed(f"{self._url}: {error or type(error).__name__}")


_BODIES = {name: body for body, name in EVENT_NAMES.items()}


def _events(lines: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and data of each event."""
    name, data = "", ""
    for line in lines:
        if line.startswith("event:"):
            name = line[6:].strip()
        elif line.startswith("data:"):
            data += line[5:]
        elif not line:
            if data:
                yield name, json.loads(data)
            name, data = "", ""


def _detail(status: int, body: bytes) -> str:
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return f"the server answered with status {status}"
