from __future__ import annotations

from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager

import grpc
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from api.app import create_app
from api.settings import Settings
from api.trace_export import exporting_tracer
from tests.api.fake_components import FakeComponents
from tests.api.running import QUESTION, client_of, fake_product

pytestmark = pytest.mark.anyio
PHASES = ["wait", "retrieval", "prefill", "decode", "citations"]
TRACE = "0af7651916cd43dd8448eb211c80319c"


@contextmanager
def spans() -> Iterator[tuple[TracerProvider, InMemorySpanExporter]]:
    provider, kept = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    yield provider, kept
    provider.shutdown()


async def asked(question: str, **headers: str) -> tuple[httpx.Response, dict[str, ReadableSpan]]:
    """The response, and the spans of its request by name."""
    product = fake_product(delay=0.002)
    with spans() as (provider, kept):
        components = product.service.components
        product.app = create_app(components, lambda _: product.loaded.set(), provider.get_tracer("test"))
        async with client_of(product) as client:
            response = await client.post("/v1/answers", json={"question": question}, headers=headers)
        found = {span.name: span for span in kept.get_finished_spans()}
    return response, found


async def test_a_question_s_phases_follow_each_other() -> None:
    response, found = await asked(QUESTION, traceparent=f"00-{TRACE}-b7ad6b7169203331-01")
    assert set(found) == {"POST /v1/answers", "answer", *PHASES}
    request, answer = found["POST /v1/answers"], found["answer"]
    assert answer.parent
    assert answer.parent.span_id == request.context.span_id
    assert request.attributes
    assert request.attributes["http.response.status_code"] == 200
    assert request.attributes["docqa.request_id"] == response.headers["x-request-id"]
    end = 0
    for name in PHASES:
        phase = found[name]
        assert phase.parent
        assert phase.parent.span_id == answer.context.span_id
        assert phase.context.trace_id == int(TRACE, 16)
        assert phase.start_time is not None
        assert phase.end_time is not None
        assert end <= phase.start_time <= phase.end_time
        end = phase.end_time
    decode = found["decode"]
    assert (decode.end_time or 0) - (decode.start_time or 0) > 20_000_000  # each word takes two milliseconds
    assert answer.attributes
    assert (answer.attributes["docqa.outcome"], answer.attributes["docqa.output_tokens"]) == ("answered", 40)


async def test_no_words_get_into_a_trace() -> None:
    response, found = await asked(QUESTION)
    told = " ".join(span.to_json() for span in found.values())
    for words in (QUESTION, "inlet", "filter", response.json()["sources"][0]["text"], "Corvo", "manual"):
        assert words not in told


async def test_what_fails_is_an_error_without_its_message() -> None:
    response, found = await asked("fail over the filter")
    assert response.status_code == 500
    for name in ("POST /v1/answers", "answer"):
        assert not found[name].status.is_ok
    assert "secret detail" not in " ".join(span.to_json() for span in found.values())


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Takes what is sent."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def Export(self, request, context):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                self.names.extend(span.name for span in scope.spans)
        return trace_service_pb2.ExportTraceServiceResponse()


async def test_a_collector_gets_the_spans() -> None:
    collector = Collector()
    server = grpc.server(futures.ThreadPoolExecutor(1))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        tracer, close = exporting_tracer(f"http://127.0.0.1:{port}")
        product = fake_product()
        components = FakeComponents(product.catalog, product.answers, Settings(model="fake-model"))
        product.app = create_app(components, lambda _: product.loaded.set(), tracer)
        async with client_of(product) as client:
            await client.post("/v1/answers", json={"question": QUESTION})
        close()
    finally:
        server.stop(0)
    assert {"POST /v1/answers", "answer", *PHASES} <= set(collector.names)
