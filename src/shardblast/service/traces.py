"""Traces for OpenTelemetry. The service imports this module only if the standard variables name an endpoint.

A search's trace has the id of the search. The id of each span is derived from the search, the attempt and the span's
name. A piece therefore knows its parent before the parent ends, and a search that outlives its server has a single
trace.
"""

import hashlib
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shardblast.core import __version__
from shardblast.core.search import PhaseStatus, Piece, Search, State, ended_phases
from shardblast.service.events import Answer, SearchChanged, ServiceClosed, ServiceEvent

FLUSH_WITHIN_MS = 2000


class Traces:
    """Creates a span for each search, phase, piece and request that has ended."""

    def __init__(self) -> None:
        self._ids = _Ids()
        name = os.environ.get("OTEL_SERVICE_NAME", "shardblast")
        resource = Resource.create({"service.name": name, "service.version": __version__})
        self._provider = TracerProvider(resource=resource, id_generator=self._ids, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("shardblast", __version__)

    def __call__(self, event: ServiceEvent) -> None:
        match event:
            case SearchChanged(Search() as before, after, piece):
                if piece is not None:
                    self._piece_ended(after, piece)
                self._search_changed(before, after)
            case Answer():
                self._answered(event)
            case ServiceClosed():
                self._provider.force_flush(FLUSH_WITHIN_MS)

    def _search_changed(self, before: Search, after: Search) -> None:
        if before.state is not after.state:
            self._state_changed(before, after)
        for phase in ended_phases(before, after):
            failed = phase.status is PhaseStatus.FAILED
            self._span(after, phase.phase.value, "search", phase.started, phase.finished, failed=failed)

    def _state_changed(self, before: Search, after: Search) -> None:
        if after.state is State.RUNNING:
            self._span(after, f"queued {after.stint}", "search", after.created, after.started, shown="queued")
        if after.state.is_final:
            more: dict[str, Any] = {"shardblast.state": after.state.value, "shardblast.owner": after.owner}
            if after.failure is not None:
                more["error.type"] = after.failure.code
            failed = after.state is State.FAILED
            self._span(after, "search", None, after.created, after.finished, more, failed=failed)

    def _piece_ended(self, search: Search, piece: Piece) -> None:
        names = ("purpose", "batch", "seconds", "peak_memory_bytes")
        more = {f"shardblast.{name}": getattr(piece, name) for name in names}
        more["shardblast.shard"] = -1 if piece.shard is None else piece.shard
        name = f"piece {piece.purpose} {piece.batch} {piece.shard}"
        self._span(search, name, "searching", piece.finished - piece.seconds, piece.finished, more, shown="piece")

    def _answered(self, answer: Answer) -> None:
        attributes: dict[str, Any] = {"http.request.method": answer.method, "http.route": answer.route}
        attributes |= {"http.response.status_code": answer.status, "shardblast.request_id": answer.request_id}
        if answer.code:
            attributes["error.type"] = answer.code
        parent = TraceContextTextMapPropagator().extract({"traceparent": answer.parent}, Context())
        name, begun = f"{answer.method} {answer.route}", _nanoseconds(answer.started)
        span = self._tracer.start_span(name, parent, SpanKind.SERVER, attributes, start_time=begun)
        if answer.status >= 500:
            span.set_status(Status(StatusCode.ERROR))
        span.end(begun + int(answer.seconds * 1e9))

    def _span(
        self,
        search: Search,
        name: str,
        parent: str | None,
        started: float | None,
        finished: float | None,
        more: Mapping[str, Any] | None = None,
        *,
        failed: bool = False,
        shown: str = "",
    ) -> None:
        if finished is None:
            return
        attributes = {f"shardblast.{name}": getattr(search, name) for name in ("program", "database", "attempt")}
        attributes |= {"shardblast.search_id": search.id, **(more or {})}
        context = Context() if parent is None else self._parent(search, parent)
        with self._ids.given(_trace_id(search), _span_id(search, name)):
            begun = _nanoseconds(finished if started is None else started)
            span = self._tracer.start_span(shown or name, context, attributes=attributes, start_time=begun)
        if failed:
            span.set_status(Status(StatusCode.ERROR))
        span.end(max(_nanoseconds(finished), begun))

    def _parent(self, search: Search, name: str) -> Context:
        """Return the context of a span that may not have ended, with the sampling decision of its search."""
        trace_id = _trace_id(search)
        sampled = (
            self._provider.sampler.should_sample(Context(), trace_id, "search").decision is Decision.RECORD_AND_SAMPLE
        )
        flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
        context = SpanContext(trace_id, _span_id(search, name), is_remote=False, trace_flags=flags)
        return trace.set_span_in_context(NonRecordingSpan(context), Context())


class _Ids(IdGenerator):
    """Random ids, except for spans with given ids."""

    def __init__(self) -> None:
        self._random = RandomIdGenerator()
        self._given = threading.local()

    @contextmanager
    def given(self, trace_id: int, span_id: int) -> Iterator[None]:
        """Set the ids of the span that this thread creates within the context."""
        self._given.ids = (trace_id, span_id)
        yield
        del self._given.ids

    def generate_trace_id(self) -> int:
        ids: tuple[int, int] | None = getattr(self._given, "ids", None)
        return self._random.generate_trace_id() if ids is None else ids[0]

    def generate_span_id(self) -> int:
        ids: tuple[int, int] | None = getattr(self._given, "ids", None)
        return self._random.generate_span_id() if ids is None else ids[1]


def _trace_id(search: Search) -> int:
    return int(search.id, 16)


def _span_id(search: Search, name: str) -> int:
    told = f"{search.id} {search.attempt} {name}".encode()
    return int.from_bytes(hashlib.sha256(told).digest()[:8]) or 1


def _nanoseconds(at: float) -> int:
    return int(at * 1e9)
