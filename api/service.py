"""The service behind the routes: from a question to the events of its answer, admitted in turn and counted."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request
from opentelemetry.trace import Tracer
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from api.access import Caller
from api.admission import Admission, DeadlineExceeded, QueueFull, Ready, ShuttingDown, Stream
from api.components import Components
from api.jobs import Jobs
from api.joint_answers import JointAnswers
from api.kept_answers import KeptAnswers
from api.limits import LimitBroken, UnknownCollection, check_collection, check_limits
from api.metrics import Metrics
from api.owner_key import OwnerKey
from api.problems import Problem, internal_error, invalid_request, not_found
from api.rate_limit import RateLimits
from api.readiness import Failed, Loading, Readiness
from api.schemas import MAX_TURNS, AnswerBody, new_answer_id
from api.settings import Settings
from api.sign_in import SignIn
from api.state.conversations import StoredTurn
from api.state.memory import Memory
from api.state.usage import Outcome
from api.tracing import NO_TRACES, AnswerTrace
from api.turn_record import TurnRecord
from api.unanswered_queue import UnansweredQueue
from api.usage_count import UsageCount
from ingest.catalog import Catalog
from qa.answer import Answer, AnswerDone, AnswerEvent, CuratedMark, Question, RetrievedPassage, TextDelta, Turn
from qa.curated import CuratedAnswers, events
from qa.refusal import REFUSAL

if TYPE_CHECKING:
    from api.identity_provider import IdentityProvider  # its libraries are imported where there is one

log = logging.getLogger(__name__)

LOADING_RETRY_SECONDS = 5


class Exchange:
    """One accepted question. Take `events` or `answer`, once; `finish` it however that ends."""

    def __init__(
        self,
        question: Question,
        model: str,
        stream: Stream[AnswerEvent] | Ready[AnswerEvent],
        metrics: Metrics,
        request_id: str,
        tracer: Tracer,
        record: TurnRecord | None = None,
        mark: CuratedMark | None = None,
        queue: UnansweredQueue | None = None,
        count: UsageCount | None = None,
    ) -> None:
        self.id = new_answer_id()
        self.question = question
        self.model = model
        self._request_id = request_id
        self._trace = AnswerTrace(tracer)
        self._record = record
        self._mark = mark
        self._queue = queue
        self._count = count
        self._stream = stream
        self._metrics = metrics
        self._arrived = time.monotonic()
        self._over = False

    async def events(self) -> AsyncGenerator[AnswerEvent, None]:
        """The answer's events as they come. Raises `Problem`."""
        try:
            async for event in self._stream:
                self._trace.hear(event, self._stream.began)
                if isinstance(event, AnswerDone):
                    event = AnswerDone(replace(event.answer, curated=self._mark))
                    self._metrics.answered(event.answer)
                    self._end(Outcome.ABSTAINED if event.answer.abstained else Outcome.ANSWERED, event.answer)
                    await self._keep(self.body(event.answer))
                elif isinstance(event, TextDelta) and self._record is not None:
                    self._record.hear(event.text)
                yield event
        except DeadlineExceeded as error:
            self._lost(Outcome.DEADLINE)
            detail = f"The answer was not there within {error.seconds:g} seconds, waiting included."
            raise Problem(504, "deadline-exceeded", detail, deadline_seconds=error.seconds) from error
        except ShuttingDown as error:
            self._lost(Outcome.CANCELLED)
            raise shutting_down() from error
        except Exception as error:
            self._lost(Outcome.FAILED)
            log.error("answer failed", extra={"request_id": self._request_id}, exc_info=error)
            raise internal_error() from error

    def body(self, answer: Answer) -> AnswerBody:
        """``answer`` as it goes out and is kept."""
        return AnswerBody.of(answer, id=self.id, model=self.model, question=self.question)

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
            self._lost(Outcome.CANCELLED)
        self._stream.cancel()

    async def _keep(self, body: AnswerBody) -> None:
        if self._record is not None:
            await self._record.answered(body.model_dump())
        if self._queue is not None:
            await run_in_threadpool(self._queue.answered, self.question, body)

    async def _collect(self) -> Answer:
        answer = None
        async for event in self.events():
            if isinstance(event, AnswerDone):
                answer = event.answer
        if answer is None:
            raise internal_error()
        return answer

    def _lost(self, outcome: Outcome) -> None:
        self._metrics.answers.labels(outcome.value).inc()
        self._end(outcome)
        if self._record is not None:
            self._record.stopped()

    def _end(self, outcome: Outcome, answer: Answer | None = None) -> None:
        self._over = True
        self._trace.end(outcome.value, answer)
        now = time.monotonic()
        began = now if self._stream.began is None else self._stream.began
        fields: dict[str, object] = {
            "request_id": self._request_id,
            "answer": self.id,
            "outcome": outcome.value,
            "collection": self.question.collection,
            "waited_s": round(max(0.0, began - self._arrived), 3),
            "total_s": round(now - self._arrived, 3),
        }
        if self._count is not None:
            self._count.over(self.id, outcome, now - self._arrived, answer)
        if answer is not None:
            fields["prompt_tokens"] = answer.stats.prompt_tokens
            fields["output_tokens"] = answer.stats.output_tokens
            fields["steps"] = answer.stats.target_steps
            fields["ttft_s"] = round(answer.stats.ttft_s, 3)
        log.info("answer", extra=fields)


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the caller's conversations a question stands: after all turns, or in place of the last one."""

    conversation: str
    replace: bool = False


class Service:
    """What the routes work with."""

    def __init__(self, components: Components, tracer: Tracer = NO_TRACES, owner: OwnerKey | None = None) -> None:
        settings = components.settings
        self.tracer = tracer
        self.components = components
        self.readiness = Readiness()
        self.admission = Admission(settings.answers_at_once, settings.queue_size, settings.deadline_seconds)
        self._joint = JointAnswers(lambda question, cancel: components.answers.answer(question, cancel))
        self.metrics = Metrics(self.admission, components.decoder_load)
        self.memory: Memory = components.memory
        self.sign_in = SignIn(settings, self.memory.keys, self.memory.sessions, owner)
        self.rates = RateLimits()
        self.jobs = Jobs(components, self.memory.jobs, self.metrics)

    @property
    def settings(self) -> Settings:
        """What the service was put together from."""
        return self.components.settings

    @property
    def catalog(self) -> Catalog:
        """Documents and their revisions."""
        return self.components.catalog

    @cached_property
    def curated(self) -> CuratedAnswers:
        """What people have verified; only once everything is loaded."""
        return CuratedAnswers(self.memory.curated, self.catalog, self.components.matcher)

    @cached_property
    def identity_provider(self) -> IdentityProvider:
        """Where people sign in; only where the settings name one."""
        from api.identity_provider import IdentityProvider

        return IdentityProvider(self.settings)

    @cached_property
    def unanswered(self) -> UnansweredQueue:
        """What the documents left open; only once everything is loaded."""
        return UnansweredQueue(self.memory, self.components.matcher, self.settings)

    def require_ready(self) -> None:
        """Raises a 503 `Problem` until everything is loaded."""
        state = self.readiness.state
        if isinstance(state, Loading):
            detail = f"The service is starting: loading {state.part}."
            headers = {"Retry-After": str(LOADING_RETRY_SECONDS)}
            raise Problem(503, "not-ready", detail, headers=headers, loading=state.part)
        if isinstance(state, Failed):
            raise Problem(503, "not-ready", "The service could not load what it needs; its log says why.")

    async def ask(
        self,
        question: Question,
        request: Request,
        caller: Caller,
        *,
        batch: bool = False,
        place: Place | None = None,
        queued: bool = True,
    ) -> Exchange:
        """Accept the ``question`` of ``request``; with ``place`` as a turn of a conversation, after its earlier ones.

        ``queued``: it gets into the queue of unanswered questions if the answer leaves it open.

        Raises `Problem`: over a limit, unknown collection or conversation, full queue, shutting down.
        """
        if place is not None and not caller.keeps_conversations:
            raise no_conversations()
        question = await self._accepted(question, caller)
        if place is not None:
            question = replace(question, history=await self._history(caller, place))
        mark, verified = await run_in_threadpool(self.curated.look_up, question)
        stream: Stream[AnswerEvent] | Ready[AnswerEvent]
        if verified is not None:
            stream = Ready(events(verified))  # at once: it takes nobody's place in the queue
        else:
            stream = self._submit(replace(question, batch=batch or caller.batch), caller)
        record = None
        try:
            if place is not None:
                record = await run_in_threadpool(self._record, question, caller, place)
        except BaseException:
            stream.cancel()
            raise
        return Exchange(
            question,
            self.settings.model,
            stream,
            self.metrics,
            request.scope["request_id"],
            self.tracer,
            record,
            mark,
            self.unanswered if queued else None,
            self._count_of(question, caller),
        )

    async def search(self, question: Question, caller: Caller, k: int) -> Sequence[RetrievedPassage]:
        """The ``k`` passages nearest to the ``question`` of somebody who may read. Raises `Problem` as `ask` does."""
        question = await self._accepted(question, caller)
        retrieve = self.components.retriever.retrieve
        return await run_in_threadpool(retrieve, question.text, question.collection, k, question.scope)

    async def _accepted(self, question: Question, caller: Caller) -> Question:
        """The question with the rights of its caller, if it keeps to the limits and its collection is there."""
        question = replace(question, scope=replace(question.scope, labels=caller.labels))
        try:
            check_limits(question, self.settings)
            known = await run_in_threadpool(self.catalog.collections, question.scope)
            check_collection(question, caller.visible(known))
        except LimitBroken as error:
            raise invalid_request(error.field, error.message, limit=error.limit) from error
        except UnknownCollection as error:
            raise Problem(404, "unknown-collection", str(error), collections=list(error.known)) from error
        return question

    def _count_of(self, question: Question, caller: Caller) -> UsageCount | None:
        days = self.settings.usage_days
        return UsageCount(self.memory.usage, days, caller.id, question.collection) if days else None

    async def _history(self, caller: Caller, place: Place) -> tuple[Turn, ...]:
        try:
            _, turns = await run_in_threadpool(self.memory.conversations.turns, caller.id, place.conversation)
        except KeyError as error:
            raise unknown_conversation(place.conversation) from error
        kept = KeptAnswers(self.catalog, caller)
        readable = await run_in_threadpool(lambda: list(filter(kept.shows, turns[:-1] if place.replace else turns)))
        return history_of(readable)

    def _record(self, question: Question, caller: Caller, place: Place) -> TurnRecord:
        conversations = self.memory.conversations
        try:
            turn = conversations.begin_turn(caller.id, place.conversation, question.text, replace=place.replace)
        except KeyError as error:
            raise unknown_conversation(place.conversation) from error
        return TurnRecord(conversations, turn, question.text)

    def _submit(self, question: Question, caller: Caller) -> Stream[AnswerEvent]:
        try:
            return self.admission.submit(
                lambda cancel: self._joint.answer(question, cancel), caller.id, batch=question.batch
            )
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


def history_of(turns: Sequence[StoredTurn]) -> tuple[Turn, ...]:
    """The last turns that have an answer, as the product takes them; words that nothing backs are not among them."""
    return tuple(Turn(turn.question, _remembered(turn)) for turn in turns if turn.text)[-MAX_TURNS:]


def _remembered(turn: StoredTurn) -> str:
    return REFUSAL if turn.answer is not None and turn.answer["abstained"] else turn.text


def unknown_conversation(id: str) -> Problem:
    """404 for a conversation that is not there, or not the caller's."""
    return not_found(f"There is no conversation {id!r}.")


def no_conversations() -> Problem:
    """403 for who comes by a name that strangers share."""
    detail = "Strangers come by one name here, so no conversation is kept; send earlier turns as `history`."
    return Problem(403, "no-conversations", detail)


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
