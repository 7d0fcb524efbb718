"""The metrics of ``/metrics``."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.sequences import real
from tests.service.databases import add_cut
from tests.service.server import Server, get
from tests.waiting import until

RNA = "".join(one.fasta for one in real("16s-queries")[:3])
DOCUMENT = Path(__file__).parents[2] / "docs" / "service.md"


def figures(server: Server) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Return the samples by name, and then by labels."""
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = defaultdict(dict)
    for family in text_string_to_metric_families(get(f"{server.url}/metrics").text):
        for sample in family.samples:
            found[sample.name][tuple(sorted(sample.labels.items()))] = sample.value
    return found


def test_searches_pieces_bytes_and_errors_are_counted(own_server: Server) -> None:
    search = own_server.submit("blastn", "16s", RNA)
    own_server.ended(search["id"])
    printed = own_server.result(search["id"], "6")
    add_cut(own_server, "cut")
    failing = own_server.submit("blastp", "cut", real("proteins")[0].fasta)
    code = own_server.ended(failing["id"])["failure"]["code"]
    own_server.http.get("/searches/nothing")
    own_server.http.get("/no/such/way")
    until(lambda: figures(own_server)["shardblast_errors_total"].get((("code", "not-found"), ("source", "http"))) == 2)
    until(lambda: figures(own_server)["shardblast_errors_total"].get((("code", code), ("source", "search"))))

    shown = figures(own_server)

    assert shown["shardblast_searches"][("state", "completed"),] == 1
    assert shown["shardblast_searches"][("state", "failed"),] == 1
    pieces = own_server.http.get(f"/searches/{search['id']}/pieces").json()
    of_pieces = (("program", "blastn"), ("purpose", "search"))
    assert shown["shardblast_piece_seconds_count"][of_pieces] == len(pieces) > 0
    assert abs(shown["shardblast_piece_seconds_sum"][of_pieces] - sum(one["seconds"] for one in pieces)) < 1e-6
    for phase in ("preparing", "searching", "merging", "publishing"):
        assert shown["shardblast_search_phase_seconds_count"][("phase", phase), ("program", "blastn")] == 1
    assert shown["shardblast_search_seconds_count"][("program", "blastn"), ("state", "completed")] == 1
    assert shown["shardblast_search_wait_seconds_count"][("program", "blastn"),] == 1
    assert shown["shardblast_pieces_failed_total"][("code", code),] >= 1
    assert shown["shardblast_errors_total"][("code", code), ("source", "search")] == 1
    assert shown["shardblast_errors_total"][("code", "not-found"), ("source", "http")] == 2
    assert shown["shardblast_uploaded_bytes_total"][()] >= len(RNA)
    assert shown["shardblast_printed_bytes_total"][()] >= len(printed)
    assert shown["shardblast_stored_bytes_total"][()] > 0
    route = ("method", "GET"), ("route", "/api/v1/searches/{search_id}/results"), ("status", "200")
    assert shown["shardblast_http_request_seconds_count"][route] == 1
    assert shown["shardblast_http_request_seconds_count"][("method", "GET"), ("route", "none"), ("status", "404")] == 1
    assert shown["process_resident_memory_bytes"][()] > 0


def test_the_queue_and_the_readers_are_measured_at_each_request(narrow_server: Server) -> None:
    many = "".join(one.fasta for one in real("proteins")[:400])
    first = narrow_server.submit("blastp", "proteins", many * 3, "-evalue 1000")
    events = narrow_server.events(first["id"])
    while '"state": "running"' not in next(events).data:
        pass
    more = [
        narrow_server.submit("blastp", "proteins", many * 3, f"-evalue {1001 + n}") for n in range(2)
    ]  # two run at once
    until(lambda: figures(narrow_server)["shardblast_searches"][("state", "queued"),] == 1)

    shown = figures(narrow_server)

    assert shown["shardblast_queue_oldest_seconds"][()] > 0
    assert shown["shardblast_event_readers"][()] == 1
    events.close()
    for one in (*reversed(more), first):
        narrow_server.http.post(f"/searches/{one['id']}/cancel")
    assert figures(narrow_server)["shardblast_queue_oldest_seconds"][()] == 0


def test_labels_contain_only_fixed_names(server: Server) -> None:
    search = server.submit("blastn", "16s", RNA)
    server.ended(search["id"])
    for path in (f"/searches/{search['id']}", "/databases/16s", "/databases/nothing", "/searches/%00", "/x/y"):
        server.http.get(path)
    server.http.request("BREW", "/searches")

    shown = get(f"{server.url}/metrics").text

    assert search["id"] not in shown
    for word in ("nothing", "/x/y", "BREW", "anybody"):
        assert word not in shown


def test_every_metric_is_in_the_documentation(server: Server) -> None:
    names = {
        family.name if family.type != "counter" else f"{family.name}_total"
        for family in text_string_to_metric_families(get(f"{server.url}/metrics").text)
    }

    documented = DOCUMENT.read_text()

    ours = {name for name in names if name.startswith("shardblast_") and not name.endswith("_created")}
    assert len(ours) > 10
    assert [name for name in sorted(ours) if f"`{name}`" not in documented] == []
