"""The service: how soon a result is seen, lists of many searches, pages of many hits, many readers, kills."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import statistics
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryFile

import httpx
from httpx_sse import aconnect_sse
from sqlalchemy import insert

from bench import data
from bench.cases.case import Measured, Settings
from bench.figure import Figure
from bench.measure import run
from bench.place import BUILD, CORES
from shardblast.core.report import Verdict
from shardblast.core.search import Search, SearchId, State
from shardblast.engine.stored import StoredQuery
from shardblast.service.hit_index import FILE, SORTS, write_index
from shardblast.store.connection import SqlDatabase
from shardblast.store.tables import searches
from tests.service.server import Server

LATENCY_MEDIAN_S, LATENCY_P95_S = 0.5, 1.0
LIST_P95_S = 0.05
READER_LAG_S = 1.0
PAGE_P95_S = 0.3
COST, TOGETHER = 1.3, 0.8
MANY = 10_000
"""Number of queries from which on a fixed time does not count."""
AFTER_QUERY_S, AFTER_ROW_S = 3e-4, 2e-5
READS = ("-max_target_seqs", "5")
ORGANISMS = 500
QUERY_STEP = 7
"""One protein of so many is a query."""


def measure_tiny(settings: Settings) -> Measured:
    """From submission to a completed search that is seen, less what its BLAST+ process took."""
    query = data.tiny_query().read_text()
    with served() as server:
        seconds = []
        for _ in range(settings.size(40, 3)):
            started = time.monotonic()
            search = server.submit("blastn", "16s", query)
            for event in server.events(search["id"]):
                if json.loads(event.data).get("state") == "completed":
                    break
            elapsed = time.monotonic() - started
            pieces = server.http.get(f"/searches/{search['id']}/pieces").json()
            seconds.append(elapsed - sum(piece["seconds"] for piece in pieces))
    figures = (
        Figure("more than BLAST+, median", statistics.median(seconds), "s", LATENCY_MEDIAN_S),
        Figure("more than BLAST+, 95 of 100", p95(seconds), "s", LATENCY_P95_S),
    )
    return Measured(f"1 query of 100 nt in 16S of demo/data, {len(seconds)} times", figures)


def measure_cost(settings: Settings) -> Measured:
    """What a search of many queries costs a service beside BLAST+, and what comes after its search."""
    cases = {"no hits": data.random_queries(settings.size(3_000, 30), 1_000)}
    cases["short reads"] = data.short_reads(settings.size(100_000, 100))
    with served() as server:
        figures = [figure for name, query in cases.items() for figure in _cost(server, name, query)]
    return Measured(
        "random queries of 1,000 nt, and reads of 100 nt of which a tenth are of 16S, in 16S", tuple(figures)
    )


def _cost(server: Server, name: str, query: Path) -> list[Figure]:
    place = ["-db", str(data.small_rrna()), "-query", str(query), "-num_threads", str(CORES)]
    blast = run("cost", ["blastn", *place, "-outfmt", "6", *READS])
    before, started = cpu_s(server.pid), time.monotonic()
    search = server.submit("blastn", "16s", query.read_text(), " ".join(READS))
    searched = None
    for event in server.events(search["id"]):
        if (
            event.event == "search"
            and searched is None
            and json.loads(event.data)["phase"] in ("merging", "publishing")
        ):
            searched = cpu_s(server.pid)
    seconds, after = time.monotonic() - started, cpu_s(server.pid)
    assert searched is not None
    same = server.result(search["id"], "6") == blast.out.read_bytes()
    queries = int(search["queries"])
    allowed = max(0.2 * (searched - before), AFTER_QUERY_S * queries + AFTER_ROW_S * blast.rows)
    note = (
        f"{queries:,} queries, {blast.rows:,} rows; search {searched - before:.1f} s, after it {after - searched:.1f} s"
    )
    ratio, spent = seconds / blast.seconds, (after - before) / blast.cpu_s
    return [
        Figure(
            f"{name}: time", ratio, "x BLAST+", COST if queries > MANY else None, False, blast.seconds, seconds, same
        ),
        Figure(f"{name}: processor time", spent, "x BLAST+", None, False, blast.cpu_s, after - before),
        Figure(f"{name}: processor time after the search", (after - searched) / allowed, "x allowed", 1, note=note),
    ]


def measure_together(settings: Settings) -> Measured:
    """How fast many small searches that are submitted together end, beside as many processes of BLAST+ as cores."""
    count = settings.size(200, 4)
    queries = data.single_reads(count)
    argv = ["blastn", "-db", str(data.small_rrna()), "-outfmt", "6", "-query"]
    started = time.monotonic()
    with ThreadPoolExecutor(CORES) as pool:
        for ended in pool.map(lambda query: subprocess.run([*argv, query], capture_output=True, check=True), queries):
            assert ended.returncode == 0
    blast_s = time.monotonic() - started
    with served() as server:
        server.ended(server.submit("blastn", "16s", queries[0].read_text())["id"])
        before, started = cpu_s(server.pid), time.monotonic()
        searches = [server.submit("blastn", "16s", query.read_text())["id"] for query in queries]
        for search in searches:
            server.ended(search)
        seconds, spent = time.monotonic() - started, cpu_s(server.pid) - before
    note = f"{1000 * spent / count:.0f} ms of processor time each"
    figure = Figure("rate", blast_s / seconds, "x BLAST+", TOGETHER, True, blast_s, seconds, note=note)
    return Measured(f"{count} searches of 100 nt in 16S", (figure,))


def cpu_s(pid: int) -> float:
    """Return the processor time of a process and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def measure_list(settings: Settings) -> Measured:
    """Pages of a list of many searches while some run."""
    stored = settings.size(100_000, 1_000)
    with served(stored) as server, ThreadPoolExecutor(1) as pool:
        query = data.protein_queries(QUERY_STEP).read_text()
        running = [server.submit("blastp", "proteins", query, f"-max_target_seqs {n + 5}")["id"] for n in range(10)]
        seconds = []
        cursor: str | None = None
        for _ in range(settings.size(300, 10)):
            started = time.monotonic()
            values = {"limit": "50"} | ({"cursor": cursor} if cursor else {})
            page = pool.submit(server.http.get, "/searches", params=values).result().json()
            seconds.append(time.monotonic() - started)
            cursor = page["cursor"]
        for one in running:
            server.http.post(f"/searches/{one}/cancel")
    figure = Figure("a page of 50, 95 of 100", p95(seconds), "s", LIST_P95_S)
    return Measured(f"{stored:,} stored searches, 10 submitted, {len(seconds)} pages", (figure,))


def measure_events(settings: Settings) -> Measured:
    """How far behind the first reader of an event the last one is."""
    readers = settings.size(500, 10)
    with served() as server:
        search = server.submit("blastp", "proteins", data.protein_queries(QUERY_STEP).read_text())
        told = asyncio.run(_read_all(server.url, search["id"], readers))
    lags = [max(times) - min(times) for times in told.values() if len(times) == readers]
    figures = (
        Figure("last reader behind the first", max(lags), "s", READER_LAG_S),
        Figure("events that every reader had", 100 * len(lags) / max(len(told), 1), "%", 100, at_least=True),
    )
    return Measured(f"{readers} readers of one search, {len(told)} events", figures)


def measure_hits(settings: Settings) -> Measured:
    """Pages of hits and of HSPs of one query that has very many of them."""
    hsps = settings.size(100_000, 1_000)
    with served() as server:
        search = server.submit("blastn", "16s", data.tiny_query().read_text())
        server.ended(search["id"])
        figures = []
        for name, hits in (("20 of each subject", hsps // 20), ("all of one subject", 1)):
            write_hits(server.home / "searches" / search["id"] / FILE, hits, hsps // hits)
            figures += _page_figures(server, search["id"], name, hits, hsps, settings.size(200, 10))
    return Measured(f"1 query with {hsps:,} HSPs, made up; pages of 100", tuple(figures))


def _page_figures(server: Server, search_id: str, name: str, hits: int, hsps: int, pages: int) -> list[Figure]:
    """Return how long pages take from all over the tables, in every order."""
    orders = list(SORTS)
    asked: dict[str, list[dict[str, str | int]]] = {
        "hits": [{"sort": orders[n % len(orders)], "after": hits * n // pages} for n in range(pages)],
        "hits with a text": [{"text": f"protein {n}", "sort": orders[n % len(orders)]} for n in range(pages)],
        "hsps": [{"hit": hits * n // pages, "after": hsps // hits * n // pages} for n in range(pages)],
    }
    figures = []
    for table, requests in asked.items():
        seconds = []
        for values in requests:
            started = time.monotonic()
            answer = server.http.get(f"/searches/{search_id}/{table.split()[0]}", params={"limit": 100, **values})
            answer.raise_for_status()
            seconds.append(time.monotonic() - started)
        figures.append(Figure(f"a page of {table}, {name}, 95 of 100", p95(seconds), "s", PAGE_P95_S))
    return figures


def write_hits(path: Path, hits: int, hsps_each: int) -> None:
    """Write the index of a result with so many hits, each with so many HSPs of 300 columns."""
    draw = random.Random(1)
    rows = "A" * 300
    with TemporaryFile() as printed:
        printed.write(b"# BLASTN\n# Query: one\n# Database: 16s\n# %d hits found\n" % (hits * hsps_each))
        for hit in range(hits):
            for _ in range(hsps_each):
                score = draw.randrange(40, 4000)
                place = draw.randrange(1, 4000)
                numbers = f"{2.0**-score}\t{score / 2}\t{score}\t{draw.uniform(20, 100):.3f}\t250\t270\t300\t5\t2"
                where = f"1\t300\t{place}\t{place + 299}\t0\t0\t{draw.randrange(1, 101)}\t90"
                organism = f"{9606 + hit % ORGANISMS}\tHomo sapiens {hit % ORGANISMS}"
                line = f"id{hit}\tid{hit}.1\t5000\t300\t{organism}\t{numbers}\t{where}\t{rows}\t{rows}"
                printed.write(f"{line}\tputative protein {hit} of nobody in particular\n".encode())
        printed.write(b"# BLAST processed 1 queries\n")
        printed.seek(0)
        write_index(path, [StoredQuery(0, "one", hits, hits * hsps_each, Verdict.MERGED)], printed)


def measure_resume(settings: Settings) -> Measured:
    """Pieces that are searched twice because the service was killed."""
    query = data.protein_queries(QUERY_STEP).read_text()
    with served() as server:
        search = server.submit("blastp", "proteins", query, "-max_target_seqs 7")
        finished = 0
        for event in server.events(search["id"]):
            finished += event.event == "piece"
            if finished >= 3:
                break
        before = len(server.http.get(f"/searches/{search['id']}/pieces").json())
        server.kill()
        server.start()
        server.ended(search["id"])
        pieces = server.http.get(f"/searches/{search['id']}/pieces").json()
    kept = {(piece["batch"], piece["shard"]) for piece in pieces[:before]}
    again = sum((piece["batch"], piece["shard"]) in kept for piece in pieces[before:])
    note = f"{before} of {len(kept) + len(pieces) - before} pieces were finished before the kill"
    figure = Figure("finished pieces that were searched again", float(again), "pieces", 0, note=note)
    return Measured("proteins of demo/data in themselves", (figure,))


@contextmanager
def served(stored: int = 0) -> Iterator[Server]:
    home = BUILD / "service"
    shutil.rmtree(home, ignore_errors=True)
    home.parent.mkdir(parents=True, exist_ok=True)
    server = Server(home)
    server.add_database("16s", data.small_rrna())
    server.add_database("proteins", data.proteins())
    if stored:
        _store(home, stored)
    server.start()
    try:
        yield server
    finally:
        server.close()


def _store(home: Path, count: int) -> None:
    """Write finished searches as they would be in the store."""
    search = Search(SearchId(""), "anybody", "of long ago", "blastn", "16s", "g", (), "identical", 0.0, 3, 300)
    done = replace(search, state=State.COMPLETED, started=1.0, finished=2.0, hits=10, verdicts={"merged": 3})
    rows = [
        {**asdict(replace(done, id=SearchId(f"{number:032x}"), created=float(number))), "fingerprint": ""}
        for number in range(count)
    ]
    with SqlDatabase(f"sqlite:///{home / 'shardblast.sqlite'}").writing() as connection:
        connection.execute(insert(searches), rows)


async def _read_all(url: str, search_id: str, readers: int) -> dict[str, list[float]]:
    """Return when each reader had each event that came when all of them were there."""
    told: dict[str, list[float]] = defaultdict(list)
    came: list[float] = []
    limits = httpx.Limits(max_connections=None)

    async def read(client: httpx.AsyncClient) -> None:
        path = f"{url}/api/v1/searches/{search_id}/events"
        async with aconnect_sse(client, "GET", path, headers={"Last-Event-ID": "0"}) as source:
            came.append(time.monotonic())
            async for event in source.aiter_sse():
                if event.event != "message":  # a sign of life
                    told[event.id].append(time.monotonic())

    async with httpx.AsyncClient(timeout=None, limits=limits) as client:
        await asyncio.gather(*(read(client) for _ in range(readers)))
    return {event: times for event, times in told.items() if min(times) > max(came)}


def p95(seconds: list[float]) -> float:
    return sorted(seconds)[int(len(seconds) * 0.95)]
