"""What a trace shows: when each part of a request began and ended, and counts. Never what was asked or answered."""

from __future__ import annotations

import time
from dataclasses import dataclass

from opentelemetry.context import Context
from opentelemetry.trace import NoOpTracer, Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers

from qa.answer import Answer, AnswerDone, AnswerEvent, PassagesFound, TextDelta

_SECOND_NS = 1_000_000_000
_HEADERS = ("traceparent", "tracestate")

NO_TRACES: Tracer = NoOpTracer()


class AnswerTrace:
    """The span of one answer and, inside it, its phases in turn: wait, retrieval, prefill, decode, citations."""

    def __init__(self, tracer: Tracer) -> None:
        """Begin, as part of the request whose span is current."""
        self._tracer = tracer
        self._arrived = time.time_ns()
        self._span = tracer.start_span("answer")
        self._context = set_span_in_context(self._span)
        self._phase = _Phase(self._begin("wait", self._arrived), "wait")
        self._last_delta = 0

    def hear(self, event: AnswerEvent, began: float | None) -> None:
        """The next event of the answer, whose making ``began`` at that time of the monotonic clock."""
        now = time.time_ns()
        if self._phase.name == "wait":
            begun = now if began is None else now - int((time.monotonic() - began) * _SECOND_NS)
            self._next("retrieval", max(begun, self._arrived))
        match event:
            case PassagesFound(passages):
                self._phase.span.set_attribute("docqa.passages", len(passages))
                self._next("prefill", now)
            case TextDelta():
                if self._phase.name == "prefill":
                    self._next("decode", now)
                self._last_delta = now
            case AnswerDone():
                self._next("citations", self._last_delta or now)

    def end(self, outcome: str, answer: Answer | None) -> None:
        """It is over; a second time has no effect."""
        self._phase.span.end()
        self._span.set_attribute("docqa.outcome", outcome)
        if answer is not None:
            stats = answer.stats
            self._span.set_attributes(
                {
                    "docqa.prompt_tokens": stats.prompt_tokens,
                    "docqa.cached_tokens": stats.cached_tokens,
                    "docqa.output_tokens": stats.output_tokens,
                    "docqa.steps": stats.target_steps,
                    "docqa.sentences": len(answer.sentences),
                }
            )
        elif outcome != "cancelled":
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()

    def _next(self, name: str, at: int) -> None:
        self._phase.span.end(at)
        self._phase = _Phase(self._begin(name, at), name)

    def _begin(self, name: str, at: int) -> Span:
        return self._tracer.start_span(name, self._context, start_time=at)


@dataclass(frozen=True, slots=True)
class _Phase:
    span: Span
    name: str


def request_span(tracer: Tracer, method: str, headers: Headers) -> Span:
    """The span of a request; part of the caller's trace if its headers name one (W3C Trace Context)."""
    carrier = {name: headers[name] for name in _HEADERS if name in headers}
    context = TraceContextTextMapPropagator().extract(carrier, Context())
    return tracer.start_span(method, context, SpanKind.SERVER)


def end_request_span(span: Span, method: str, route: str, status: int, request_id: str) -> None:
    """The request is over."""
    span.update_name(f"{method} {route}")
    span.set_attributes(
        {
            "http.request.method": method,
            "http.route": route,
            "http.response.status_code": status,
            "docqa.request_id": request_id,
        }
    )
    if status >= 500:
        span.set_status(Status(StatusCode.ERROR))
    span.end()
