"""Logs, traces, metrics and liveness under one roof, so that the still-moving messaging conventions stand in one place.

Trace context is propagated by hand: the contributed Kafka instrumentation breaks the consumer and dies on bad headers.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, Status, StatusCode, TraceFlags
from opentelemetry.trace import SpanKind as SpanKind  # noqa: PLC0414  the others name it by this module
from prometheus_client import Counter, Gauge, Histogram

events_published = Counter("vanthu_outbox_published", "Events published by the relay of this process")
events_consumed = Counter("vanthu_events_consumed", "Events taken in, by outcome", ["topic", "outcome"])
jobs_done = Counter("vanthu_jobs", "Jobs run, by outcome", ["kind", "outcome"])
parked_events = Gauge("vanthu_inbox_parked", "Events that wait for an operator")
outbox_unpublished = Gauge("vanthu_outbox_unpublished", "Events not yet published")
outbox_oldest = Gauge("vanthu_outbox_oldest_age_seconds", "Age of the oldest unpublished event")
kafka_contact = Gauge("vanthu_kafka_last_contact_timestamp_seconds", "When this process last heard from the broker")
http_seconds = Histogram("vanthu_http_request_seconds", "Request duration", ["method", "route", "status"])

_STATE: dict[str, Any] = {"tracer": trace.get_tracer("vanthu"), "beats": []}


# --- liveness


class Heartbeat:
    """When a loop last came round. Liveness answers from these, never from the database (that would cascade)."""

    def __init__(self, name: str, *, limit: float = 60.0) -> None:
        self.name = name
        self.limit = limit
        self.at = time.monotonic()
        _STATE["beats"].append(self)

    def touch(self) -> None:
        self.at = time.monotonic()

    def age(self) -> float:
        return time.monotonic() - self.at


def stalled() -> list[str]:
    """Loops of this process that have not come round within their limit."""
    return [f"{beat.name} ({beat.age():.0f} s)" for beat in _STATE["beats"] if beat.age() > beat.limit]


def forget_heartbeats() -> None:
    """For tests that start and stop loops in one process."""
    _STATE["beats"].clear()


def crash_point(name: str) -> None:
    """Die here, as by `kill -9`, when VANTHU_CRASH_AT names this point: each window of a crash can be hit on purpose."""
    if os.environ.get("VANTHU_CRASH_AT") == name:
        os.kill(os.getpid(), signal.SIGKILL)


# --- logs


class _Line(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        context = trace.get_current_span().get_span_context()
        where = f" trace={context.trace_id:032x}" if context.is_valid else ""
        line = (
            f"{datetime.now(UTC):%H:%M:%S.%f}"[:-3]
            + f" {record.levelname:<7} {record.name}: {record.getMessage()}{where}"
        )
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        context = trace.get_current_span().get_span_context()
        entry = {
            "time": datetime.now(UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "trace_id": f"{context.trace_id:032x}" if context.is_valid else None,
            "exception": self.formatException(record.exc_info) if record.exc_info else None,
        }
        return json.dumps({k: v for k, v in entry.items() if v is not None}, ensure_ascii=False)


def start(service: str, role: str, *, traces: str | None) -> None:
    """Set up logs and traces of this process; call once, after any fork or spawn (exporter threads do not survive)."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if os.environ.get("VANTHU_LOG") == "json" else _Line())
    logging.basicConfig(level=os.environ.get("VANTHU_LOG_LEVEL", "INFO"), handlers=[handler], force=True)
    for noisy in (
        "uvicorn.access",
        "uvicorn.error",
        "httpx",
        "httpcore",
        "asyncio",
        "pyhanko",
        "pyhanko_certvalidator",
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    provider = TracerProvider(resource=Resource.create({"service.name": service, "vanthu.role": role}))
    if traces:
        provider.add_span_processor(_batch(_FileExporter(Path(traces), f"{service}-{role}")))
    if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _STATE["tracer"] = provider.get_tracer("vanthu")
    _STATE["provider"] = provider


def stop() -> None:
    """Flush what is not exported yet."""
    if provider := _STATE.get("provider"):
        provider.shutdown()


def _batch(exporter: SpanExporter) -> BatchSpanProcessor:
    return BatchSpanProcessor(exporter, schedule_delay_millis=500)


class _FileExporter(SpanExporter):
    """Spans as JSON lines in a file per process: what `make run` shows traces with, without a collector."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{name}.jsonl"

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        lines = "".join(json.dumps(_as_dict(span), ensure_ascii=False) + "\n" for span in spans)
        with self.path.open("ab", buffering=0) as file:
            file.write(lines.encode())  # at once: who reads meanwhile, or a kill, finds no half line
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Nothing is held open."""


def _as_dict(span: ReadableSpan) -> dict[str, Any]:
    context = span.get_span_context()
    assert context is not None  # noqa: S101  an ended span has its context
    return {
        "trace_id": f"{context.trace_id:032x}",
        "span_id": f"{context.span_id:016x}",
        "parent_id": f"{span.parent.span_id:016x}" if span.parent else None,
        "links": [f"{link.context.trace_id:032x}" for link in span.links],
        "service": span.resource.attributes.get("service.name"),
        "role": span.resource.attributes.get("vanthu.role"),
        "name": span.name,
        "kind": span.kind.name,
        "start": span.start_time,
        "end": span.end_time,
        "status": span.status.status_code.name,
        "attributes": dict(span.attributes or {}),
    }


# --- traces


@contextmanager
def span(
    name: str,
    *,
    parent: str | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    link: str | None = None,
    attributes: Mapping[str, str | int | float | bool] | None = None,
) -> Iterator[trace.Span]:
    """A span; `parent` and `link` are W3C traceparents as they travelled, ignored when malformed."""
    context = _remote(parent)
    links = [Link(found)] if (found := _parse(link)) else []
    with _STATE["tracer"].start_as_current_span(
        name, context=context, kind=kind, links=links, attributes=attributes, record_exception=False
    ) as current:
        try:
            yield current
        except Exception as error:
            current.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise


def current_traceparent() -> str | None:
    """The W3C traceparent of the current span, to be stored in an outbox or job row."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


def current_trace_id() -> str:
    """The trace id of the current span, 32 hex digits; zeros outside of any."""
    return f"{trace.get_current_span().get_span_context().trace_id:032x}"


def _parse(traceparent: str | None) -> SpanContext | None:
    parts = (traceparent or "").split("-")
    if len(parts) < 4 or parts[0] == "ff" or len(parts[1]) != 32 or len(parts[2]) != 16:
        return None
    try:
        context = SpanContext(
            int(parts[1], 16),
            int(parts[2], 16),
            is_remote=True,
            trace_flags=TraceFlags(int(parts[3][:2], 16)),
        )
    except ValueError:
        return None
    return context if context.is_valid else None


def _remote(traceparent: str | None) -> Any:
    context = _parse(traceparent)
    return trace.set_span_in_context(NonRecordingSpan(context)) if context else None
