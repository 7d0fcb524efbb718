"""``/metrics`` for Prometheus: counters of this process, and gauges that are read on each request."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from shardblast.core.errors import StorageError, StoreError
from shardblast.core.node import STANDINGS, Member, summed
from shardblast.core.search import Search, State, ended_phases
from shardblast.service.events import (
    Answer,
    Broadcast,
    BytesWritten,
    PieceFailure,
    QueryCompared,
    SearchChanged,
    ServiceEvent,
)
from shardblast.service.health import Health
from shardblast.store.searches import Workload

QUICK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)
LONG = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600)
"""Bounds of histogram buckets, in seconds; searches take up to a day."""


class Metrics:
    """Counts events. Labels hold fixed names only: no ids, paths or owners."""

    def __init__(
        self,
        workload: Workload,
        broadcast: Broadcast,
        members: Callable[[], Sequence[Member]],
        health: Health,
        certificate_end: float | None = None,
    ) -> None:
        self._registry = registry = CollectorRegistry()
        registry.register(_Gauges(workload, broadcast, members, health))
        if certificate_end is not None:  # without TLS, there is no such metric
            text = "When the TLS certificate of this process ends, in seconds since 1970."
            Gauge("shardblast_certificate_end_seconds", text, registry=registry).set(certificate_end)
        ProcessCollector(registry=registry)

        def seconds(name: str, text: str, *labels: str, buckets: Sequence[float] = LONG) -> Histogram:
            return Histogram(f"shardblast_{name}_seconds", text, labels, buckets=buckets, registry=registry)

        def total(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"shardblast_{name}_total", text, labels, registry=registry)

        self._waits = seconds("search_wait", "From submission to start.", "program")
        self._searches = seconds("search", "From start to end.", "program", "state")
        self._phases = seconds("search_phase", "Finished phases.", "phase", "program")
        self._pieces = seconds("piece", "Finished BLAST+ processes.", "program", "purpose")
        self._failed_pieces = total("pieces_failed", "BLAST+ processes that failed.", "code")
        self._verified = total("queries_verified", "Queries that were also searched without shards.")
        self._different = total("queries_different", "Of these, queries that have other hits.")
        self._errors = total("errors", "Failed searches and requests.", "source", "code")
        text = "Requests, to the end of the response."
        self._requests = seconds("http_request", text, "method", "route", "status", buckets=QUICK)
        self._uploaded = total("uploaded_bytes", "Bodies of requests.")
        self._stored = total("stored_bytes", "Objects written to the storage.")
        self._printed = total("printed_bytes", "Results printed by BLAST+.")

    def text(self) -> bytes:
        """Return all metrics in Prometheus's text format."""
        return generate_latest(self._registry)

    def __call__(self, event: ServiceEvent) -> None:
        match event:
            case SearchChanged(Search() as before, after, piece):
                if piece is not None:
                    self._pieces.labels(after.program, piece.purpose).observe(piece.seconds)
                self._search_changed(before, after)
            case PieceFailure(_, failed):
                self._failed_pieces.labels(failed.error.code).inc()
            case QueryCompared(_, compared) if compared.is_identical is not None:
                self._verified.inc()
                self._different.inc(not compared.is_identical)
            case Answer():
                self._answered(event)
            case BytesWritten(where, size_bytes):
                (self._stored if where == "storage" else self._printed).inc(size_bytes)

    def _search_changed(self, before: Search, after: Search) -> None:
        for phase in ended_phases(before, after):
            assert phase.started is not None
            assert phase.finished is not None
            self._phases.labels(phase.phase, after.program).observe(phase.finished - phase.started)
        if before.state is after.state:
            return
        if after.state is State.RUNNING and after.started is not None and after.stint == 1:
            self._waits.labels(after.program).observe(after.started - after.created)
        if after.state.is_final and after.started is not None and after.finished is not None:
            self._searches.labels(after.program, after.state).observe(after.finished - after.started)
        if after.failure is not None:
            self._errors.labels("search", after.failure.code).inc()

    def _answered(self, answer: Answer) -> None:
        self._requests.labels(answer.method, answer.route, answer.status).observe(answer.seconds)
        self._uploaded.inc(answer.received_bytes)
        if answer.code:
            self._errors.labels("http", answer.code).inc()


class _Gauges(Collector):
    """Reads the current state, so that gauges are never stale."""

    def __init__(
        self, workload: Workload, broadcast: Broadcast, members: Callable[[], Sequence[Member]], health: Health
    ) -> None:
        self._workload = workload
        self._broadcast = broadcast
        self._members = members
        self._health = health

    def describe(self) -> list[GaugeMetricFamily]:
        """Return nothing, so that registering does not read the database."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        away = self._health.look()
        text = "Whether a part that searches need can be reached: 1, or 0 while it is away."
        yield _gauge("available", text, "part", {part: int(part not in away) for part in self._health.parts})
        yield GaugeMetricFamily("shardblast_event_readers", "Readers of event streams.", self._broadcast.readers)
        with suppress(StoreError, StorageError):  # what only the database or the storage knows is left out
            yield from self._searches()
            yield from self._nodes()

    def _searches(self) -> Iterator[GaugeMetricFamily]:
        states, lacks = self._workload.counts(), self._workload.lacks()
        yield _gauge("searches", "Searches in each state.", "state", states)
        yield _gauge("searches_waiting", "Searches that wait for anything but their turn.", "code", lacks)
        oldest = self._workload.oldest_queued()
        age = 0.0 if oldest is None else max(time.time() - oldest, 0.0)
        text = "Age of the oldest queued search; 0 without one."
        yield GaugeMetricFamily("shardblast_queue_oldest_seconds", text, age)

    def _nodes(self) -> Iterator[GaugeMetricFamily]:
        members = self._members()
        standings = [member.standing for member in members]
        numbers = {standing: standings.count(standing) for standing in STANDINGS}
        yield _gauge("nodes", "Nodes in each state.", "state", numbers)
        for name, (text, value) in NODE_GAUGES.items():
            values = {member.state.name: value(member) for member in members if member.is_connected}
            yield _gauge(f"node_{name}", text, "node", values)


def _gauge(name: str, text: str, label: str, values: Mapping[Any, float]) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(f"shardblast_{name}", text, labels=[label])
    for labelled, value in values.items():
        gauge.add_metric([str(labelled)], value)
    return gauge


def _resident_bytes(member: Member) -> float:
    known = summed(one.resident_bytes for one in member.state.generations)
    return math.nan if known is None else known


NODE_GAUGES: Mapping[str, tuple[str, Callable[[Member], float]]] = {
    "processes": ("Running BLAST+ processes.", lambda member: member.running),
    "cores": ("Cores that searches may use.", lambda member: member.state.cores),
    "memory_bytes": ("Memory that searches may use.", lambda member: member.state.memory_bytes),
    "disk_budget_bytes": ("Maximum size of copies of databases.", lambda member: member.state.disk_budget_bytes),
    "disk_used_bytes": ("Size of copies of databases.", lambda member: member.state.disk_used_bytes),
    "mapped_bytes": (
        "Size of the volumes' files that searches map into memory.",
        lambda member: sum(one.mapped_bytes for one in member.state.generations),
    ),
    "resident_bytes": ("How much of that is in memory; NaN if unknown.", _resident_bytes),
}
"""Gauges of each connected node: help text and value by name."""
