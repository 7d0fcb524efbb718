"""Traces, at a receiver of OpenTelemetry's protocol."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.sequences import real
from tests.service.server import Server

RNA = "".join(one.fasta for one in real("16s-queries")[:3])


class Receiver:
    """Takes spans over HTTP."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.take(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever)

    def take(self, body: bytes) -> None:
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.services |= {one.value.string_value for one in group.resource.attributes if one.key == "service.name"}
            for scope in group.scope_spans:
                self.spans += scope.spans

    @contextmanager
    def listening(self) -> Iterator[Receiver]:
        self._thread.start()
        try:
            yield self
        finally:
            self._http.shutdown()
            self._http.server_close()
            self._thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().listening() as one:
        yield one


def attributes(span: Span) -> dict[str, Any]:
    return {one.key: getattr(one.value, str(one.value.WhichOneof("value"))) for one in span.attributes}


def started(tmp_path: Path, served: dict[str, Path], **variables: str) -> Server:
    server = Server(tmp_path / "home", variables=variables)
    for name, path in served.items():
        server.add_database(name, path)
    server.start()
    return server


def test_a_search_is_a_trace_of_its_wait_its_phases_and_its_pieces(
    receiver: Receiver, tmp_path: Path, served: dict[str, Path]
) -> None:
    server = started(tmp_path, served, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.address)
    search = server.submit("blastn", "16s", RNA)
    ended = server.ended(search["id"])
    pieces = server.http.get(f"/searches/{search['id']}/pieces").json()
    server.close()

    spans = [span for span in receiver.spans if span.trace_id.hex() == search["id"]]

    by_name = {span.name: span for span in spans}
    root = by_name["search"]
    assert root.parent_span_id == b""
    ran = [phase["name"] for phase in ended["phases"] if phase["status"] != "skipped"]  # warming is, of what is warm
    phases = ["queued", *ran]
    assert {"preparing", "searching", "merging", "publishing"} <= set(ran)
    assert all(by_name[name].parent_span_id == root.span_id for name in phases)
    assert sorted(span.name for span in spans) == sorted(["search", *phases, *("piece" for _ in pieces)])
    recorded = [attributes(span) for span in spans if span.name == "piece"]
    assert sorted(one["shardblast.seconds"] for one in recorded) == sorted(one["seconds"] for one in pieces)
    for span in spans:
        found = attributes(span)
        assert (found["shardblast.search_id"], found["shardblast.program"]) == (search["id"], "blastn")
        assert span.end_time_unix_nano >= span.start_time_unix_nano
        if span.name == "piece":
            assert span.parent_span_id == by_name["searching"].span_id
            assert {"shardblast.batch", "shardblast.shard", "shardblast.peak_memory_bytes"} <= found.keys()
    assert root.end_time_unix_nano == int(ended["finished"] * 1e9)
    assert receiver.services == {"shardblast"}


def test_a_request_is_a_span_in_the_callers_trace(receiver: Receiver, tmp_path: Path, served: dict[str, Path]) -> None:
    server = started(tmp_path, served, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.address, OTEL_SERVICE_NAME="blast.example")
    trace, caller = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    answer = server.http.get("/searches?limit=7", headers={"traceparent": f"00-{trace}-{caller}-01"})
    server.close()

    (span,) = [one for one in receiver.spans if one.trace_id.hex() == trace]

    assert (span.name, span.parent_span_id.hex()) == ("GET /api/v1/searches", caller)
    recorded = attributes(span)
    assert recorded["http.response.status_code"] == 200
    assert recorded["shardblast.request_id"] == answer.headers["X-Request-ID"]
    assert receiver.services == {"blast.example"}


def test_a_search_that_resumes_after_a_kill_is_one_trace(
    receiver: Receiver, tmp_path: Path, served: dict[str, Path]
) -> None:
    server = started(tmp_path, served, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.address, OTEL_BSP_SCHEDULE_DELAY="50")
    many = "".join(one.fasta for one in real("proteins")[:400])
    search = server.submit("blastp", "proteins", many, "-max_target_seqs 5")
    for event in server.events(search["id"]):
        if event.event == "piece":
            break
    server.kill()
    server.start()
    assert server.ended(search["id"])["state"] == "completed"
    server.close()

    spans = [span for span in receiver.spans if span.trace_id.hex() == search["id"]]

    known = {span.span_id for span in spans}
    assert [span.name for span in spans if not span.parent_span_id] == ["search"]
    assert all(span.parent_span_id in known for span in spans if span.parent_span_id)


def test_nothing_is_sent_and_nothing_is_imported_without_a_receiver(own_server: Server) -> None:
    own_server.ended(own_server.submit("blastn", "16s", RNA)["id"])

    maps = Path(f"/proc/{own_server.pid}/maps").read_text()

    assert "opentelemetry" not in maps
    assert "google/_upb" not in maps


def test_an_unreachable_receiver_harms_no_search(tmp_path: Path, served: dict[str, Path]) -> None:
    server = started(tmp_path, served, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", OTEL_BSP_SCHEDULE_DELAY="50")

    assert server.ended(server.submit("blastn", "16s", RNA)["id"])["state"] == "completed"

    server.close()
