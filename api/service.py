"""The service behind the routes: from a question to the events of its answer, admitted in turn and counted."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Generator
from threading import Event
from typing import Annotated

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from api.admission import Admission, DeadlineExceeded, QueueFull, ShuttingDown, Stream
from api.components import Components
from api.limits import LimitBroken, UnknownCollection, check_collection, check_limits
from api.metrics import Metrics
from api.problems import Problem, internal_error, invalid_request
from api.readiness import Failed, Loading, Readiness
from api.schemas import new_answer_id
from api.settings import Settings
from ingest.catalog import Catalog
from qa.answer import Answer, AnswerDone, AnswerEvent, Question

log = logging.getLogger(__name__)

LOADING_RETRY_SECONDS = 5


class Exchange:
    """One accepted question. Take `events` or `answer`, once; `finish` it however that ends."""

    def __init__(
        self, question: Question, model: str, stream: Stream[AnswerEvent], metrics: Metrics, request_id: str
    ) -> None:
        self.id = new_answer_id()
        self.question = question
        self.model = model
        self._request_id = request_id
        self._stream = stream
        self._metrics = metrics
        self._arrived = time.monotonic()
        self._over = False

    async def events(self) -> AsyncGenerator[AnswerEvent, None]:
        """The answer's events as they come. Raises `Problem`."""
        try:
            async for event in self._stream:
                if isinstance(event, AnswerDone):
                    self._metrics.answered(event.answer)
                    self._end("abstained" if event.answer.abstained else "answered", event.answer)
                yield event
        except DeadlineExceeded as error:
            self._lost("deadline")
            detail = f"The answer was not there within {error.seconds:g} seconds, waiting included."
            raise Problem(504, "deadline-exceeded", detail, deadline_seconds=error.seconds) from error
        except ShuttingDown as error:
            self._lost("cancelled")
            raise shutting_down() from error
        except Exception as error:
            self._lost("failed")
            log.error("answer failed", extra={"request_id": self._request_id}, exc_info=error)
            raise internal_error() from error

    async def answer(self, request: Request) -> Answer:
        """The finished answer; cancelled as soon as the client of ``request`` leaves.

        Raises `Problem`, and `ClientDisconnect` when the client left.
        """
        collecting = asyncio.create_task(self._collect())
        leaving = asyncio.create_task(_disconnected(request))
        try:
            await asyncio.wait({collecting, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not collecting.done():
                raise ClientDisconnect
            return collecting.result()
        finally:
            self.finish()
            collecting.cancel()
            leaving.cancel()

    def finish(self) -> None:
        """Stop the work if it still goes on, which then counts as cancelled."""
        if not self._over:
            self._lost("cancelled")
        self._stream.cancel()

    async def _collect(self) -> Answer:
        answer = None
        async for event in self.events():
            if isinstance(event, AnswerDone):
                answer = event.answer
        if answer is None:
            raise internal_error()
        return answer

    def _lost(self, outcome: str) -> None:
        self._metrics.answers.labels(outcome).inc()
        self._end(outcome)

    def _end(self, outcome: str, answer: Answer | None = None) -> None:
        self._over = True
        now = time.monotonic()
        began = now if self._stream.began is None else self._stream.began
        fields: dict[str, object] = {
            "request_id": self._request_id,
            "answer": self.id,
            "outcome": outcome,
            "collection": self.question.collection,
            "waited_s": round(max(0.0, began - self._arrived), 3),
            "total_s": round(now - self._arrived, 3),
        }
        if answer is not None:
            fields["prompt_tokens"] = answer.stats.prompt_tokens
            fields["output_tokens"] = answer.stats.output_tokens
            fields["steps"] = answer.stats.target_steps
            fields["ttft_s"] = round(answer.stats.ttft_s, 3)
        log.info("answer", extra=fields)


class Service:
    """What the routes work with."""

    def __init__(self, components: Components) -> None:
        settings = components.settings
        self.components = components
        self.readiness = Readiness()
        self.admission = Admission(settings.queue_size, settings.deadline_seconds)
        self.metrics = Metrics(self.admission)

    @property
    def settings(self) -> Settings:
        """What the service was put together from."""
        return self.components.settings

    @property
    def catalog(self) -> Catalog:
        """Documents and their revisions."""
        return self.components.catalog

    def require_ready(self) -> None:
        """Raises a 503 `Problem` until everything is loaded."""
        state = self.readiness.state
        if isinstance(state, Loading):
            detail = f"The service is starting: loading {state.part}."
            headers = {"Retry-After": str(LOADING_RETRY_SECONDS)}
            raise Problem(503, "not-ready", detail, headers=headers, loading=state.part)
        if isinstance(state, Failed):
            raise Problem(503, "not-ready", "The service could not load what it needs; its log says why.")

    async def ask(self, question: Question, request: Request) -> Exchange:
        """Accept the ``question`` of ``request``.

        Raises `Problem`: over a limit, unknown collection, full queue, shutting down.
        """
        try:
            check_limits(question, self.settings)
            check_collection(question, await run_in_threadpool(self.catalog.collections, question.scope))
        except LimitBroken as error:
            raise invalid_request(error.field, error.message, limit=error.limit) from error
        except UnknownCollection as error:
            raise Problem(404, "unknown-collection", str(error), collections=list(error.known)) from error

        def job(cancel: Event) -> Generator[AnswerEvent, None, None]:
            yield from self.components.answers.answer(question, cancel)

        try:
            stream = self.admission.submit(job)
        except QueueFull as error:
            self.metrics.answers.labels("rejected").inc()
            raise Problem(
                429,
                "queue-full",
                f"{error.waiting} questions are waiting already; try again in {error.retry_after} s.",
                headers={"Retry-After": str(error.retry_after)},
                retry_after=error.retry_after,
            ) from error
        except ShuttingDown as error:
            raise shutting_down() from error
        return Exchange(question, self.settings.model, stream, self.metrics, request.scope["request_id"])


def shutting_down() -> Problem:
    """503 for a question that the service's end cuts off."""
    return Problem(503, "shutting-down", "The service is stopping.", headers={"Retry-After": "10"})


async def _disconnected(request: Request) -> None:
    """Returns when the client is gone. The body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def _ready_service(request: Request) -> Service:
    service = _service(request)
    service.require_ready()
    return service


AnyService = Annotated[Service, Depends(_service)]
ReadyService = Annotated[Service, Depends(_ready_service)]
