"""Traces to a collector, by OTLP over gRPC. The one module that needs the extra ``docqa[telemetry]``."""

from __future__ import annotations

from collections.abc import Callable

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Tracer

from api.version import package_version

TIMEOUT_S = 5


def exporting_tracer(endpoint: str) -> tuple[Tracer, Callable[[], None]]:
    """A tracer whose spans go to ``endpoint``, and what ends it once they are sent.

    The provider is not made the global one: other libraries would send spans through it, and who knows what they hold.
    """
    resource = Resource.create({SERVICE_NAME: "docqa", SERVICE_VERSION: package_version()})
    provider = TracerProvider(resource=resource)
    exporter = OTLPSpanExporter(endpoint, insecure=not endpoint.startswith("https:"), timeout=TIMEOUT_S)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider.get_tracer("docqa"), provider.shutdown
