"""Spans sent to a collector by OpenTelemetry: loaded only where the extra `otel` is there and an address is set."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanKind, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from datalinx.trace import HEADER
from datalinx.version import __version__

_KINDS = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "consumer": SpanKind.CONSUMER,
}


class Tracer:
    """Makes spans and sends them in batches from a thread; `OTEL_…` variables say where to and how many."""

    def __init__(self) -> None:
        own = Resource.create({SERVICE_NAME: "datalinx", SERVICE_VERSION: __version__})
        # What the operator's variables say stands above.
        provider = TracerProvider(resource=own.merge(OTELResourceDetector().detect()))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._provider = provider
        self._tracer = provider.get_tracer("datalinx", __version__)
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def begin(
        self, name: str, parent: str, kind: str, attributes: Mapping[str, Any], link: str = ""
    ) -> Iterator[tuple[Span, str]]:
        """Make a span below `parent`, a traceparent or empty, and give it with its own traceparent.

        `link` is a traceparent too: of what it comes from, however long ago that was.
        """
        above = self._propagator.extract({HEADER: parent}, context=Context())
        cause = get_current_span(
            self._propagator.extract({HEADER: link}, context=Context())
        ).get_span_context()
        with self._tracer.start_as_current_span(
            name,
            context=above,
            kind=_KINDS[kind],
            attributes=dict(attributes),
            links=[Link(cause)] if cause.is_valid else [],
        ) as span:
            carrier: dict[str, str] = {}
            self._propagator.inject(carrier)
            yield span, carrier[HEADER]

    def flush(self) -> None:
        """Send what waits."""
        self._provider.force_flush()
