"""This version opens, lists, prints and uses the files of an earlier version; see ``leave.py``."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import inspect, text

from shardblast.service.settings import TABLES
from shardblast.store.connection import SqlDatabase, migrate
from tests import forked
from tests.cluster.parts import LocalCluster
from tests.forked import SHARDBLAST
from tests.frozen.leave import NODE, NUCLEOTIDES, PROTEINS
from tests.frozen.recorded import VOLATILE, assert_recorded, masked, masked_json, pretty, shape, transcript
from tests.sequences import nucleotide_queries, write_fasta
from tests.service.server import Server

ARCHIVE = Path(__file__).parent / "left.tar.xz"
ONE_MACHINE, CLUSTER, TABLE = "Genes on one machine", "Genes on a cluster", "Five targets, as a table"
CHANGING = {"here", "request_id", "resident_bytes", "shardblast_version"}
"""Keys whose values change, though the searches and databases are always the same."""
OF_THE_MACHINE = ("/nodes", "/health")
"""Answers of which only the shape is the same everywhere."""

NEWER = ("no_taxid_expansion", "sum_stats")
"""Options that not every version of BLAST+ has, or takes."""
OF_AN_OPTION = ("name", "kind", "choices", "least", "most")
"""The part that all versions print alike."""
OF_A_SEARCH = (
    "",
    "/pieces",
    "/running",
    "/log",
    "/report",
    "/queries",
    "/queries?text=n4",
    "/hits?query=0&limit=3",
    "/hits?query=0&sort=identity&evalue=1e-10&after=1&limit=2",
    "/hits?query=0&sort=absent",
    "/hsps?query=0&hit=0",
    "/hsps?query=99",
    "/spans?query=0&hits=2",
    "/organisms?query=0",
    "/query",
    "/shares",
    "/lists/seqidlist",
    "/subjects?query=0&hit=0&start=5&end=30",
    "/results?outfmt=6&query=0-1",
    "/results?outfmt=5&query=1",
    "/results?outfmt=5&num_alignments=1",
    "/results?outfmt=0&query=0&num_descriptions=2&num_alignments=1&html=true",
    "/results?outfmt=7&query=0&hit=0-1",
    "/results?outfmt=15&query=5&hit=0",
    "/results?outfmt=99",
)
OF_THE_SERVICE = (
    "/api/v1/searches?limit=2",
    "/api/v1/searches?state=cancelled&sort=created&order=asc",
    "/api/v1/searches?text=cluster",
    "/api/v1/searches?limit=none",
    f"/api/v1/searches/{'0' * 32}",
    "/api/v1/databases",
    "/api/v1/databases/genes",
    "/api/v1/databases/genes/use",
    "/api/v1/databases/genes/plan?nodes=2&memory_bytes=1000000",
    "/api/v1/databases/genes/plan?nodes=2",
    "/api/v1/databases/absent",
    "/api/v1/tasks",
    "/api/v1/tasks/absent",
    "/api/v1/nodes",
    "/api/v1/nodes/scaling",
    "/api/v1/me",
    "/api/v1/absent",
    "/health",
    "/auth/ways",
    "/blast/Blast.cgi?CMD=Get&RID=absent",
)
POSTED: dict[str, dict[str, Any]] = {
    "/searches/preflight": {"program": "blastn", "database": "genes", "query": NUCLEOTIDES, "options": "-evalue 1e-5"},
    "/searches/preflight?2": {"program": "blastn", "database": "absent", "query": PROTEINS, "options": {"evalue": -1}},
    "/searches/preflight?3": {"program": "blastn"},
    "/searches": {"program": "blastn", "database": "genes", "query": ">q\nACGT!\n", "options": "-num_threads 4"},
    "/databases": {"name": "genes", "source": "/absent"},
    "/nodes/scaling": {"nodes": 3},
}
COMMANDS = (
    "list --state completed",
    "list --json --limit 1",
    "status SEARCH",
    "wait SEARCH",
    "report SEARCH",
    "results SEARCH -outfmt 6",
    "results SEARCH -outfmt '7 qseqid sseqid evalue' --query 0",
    "cancel SEARCH",
    "retry SEARCH",
    "share SEARCH --list",
    "db list",
    "db show genes",
    "db plan genes --nodes 2 --memory 1GB",
    "token list",
)


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with what was left."""
    folder = tmp_path_factory.mktemp("left")
    with tarfile.open(ARCHIVE) as packed:
        packed.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="module")
def server(left: Path) -> Iterator[Server]:
    """A service on the home that was left; its searches are old, and kept."""
    one = Server(left / "home", "--retention-days", "0")
    one.start()
    yield one
    one.close()


@pytest.fixture(scope="module")
def ids(server: Server) -> dict[str, str]:
    """The ids of the searches that were left, by title."""
    return ids_of(server)


def test_the_migrated_tables_are_those_of_a_new_database(server: Server, tmp_path: Path) -> None:
    new = SqlDatabase(f"sqlite:///{tmp_path / 'new.sqlite'}")
    migrate(new)
    migrated = SqlDatabase(f"sqlite:///{server.home / TABLES}")

    assert made_of(migrated) == made_of(new)


@pytest.mark.parametrize("title", [ONE_MACHINE, CLUSTER])
def test_a_stored_search_is_answered_as_recorded(title: str, server: Server, ids: dict[str, str]) -> None:
    found = ids[title]

    answers = {path: server.http.get(f"/searches/{found}{path}") for path in OF_A_SEARCH}
    events = [f"{event.id} {event.event} {masked(event.data)}\n" for event in server.events(found, "0")]

    name = f"left/{title.replace(' ', '-').lower()}.txt"
    assert_recorded(name, "".join([_answers(answers, server), "$ /events\n", *events]))


def test_the_service_answers_as_recorded(server: Server) -> None:
    answers = {path: server.http.get(f"{server.url}{path}") for path in OF_THE_SERVICE}
    answers |= {f"POST {path}": server.http.post(path.partition("?")[0], json=body) for path, body in POSTED.items()}

    assert_recorded("left/service.txt", _answers(answers, server))


def test_programs_and_metrics_are_named_as_recorded(server: Server) -> None:
    programs = server.http.get("/programs").json()
    server.http.get("/absent")  # a metric with labels has samples, and so all its names, once it has counted
    metrics = server.http.get(f"{server.url}/metrics").text

    options = [(one["name"], option) for one in programs for option in one["options"] if option["name"] not in NEWER]
    lines = [" ".join([name, *(str(option[key]) for key in OF_AN_OPTION)]) for name, option in options]
    assert_recorded("left/programs.txt", "\n".join([json.dumps(shape(programs)), *lines, ""]))
    assert_recorded("left/metrics.txt", "\n".join(sorted(set(re.findall(r"^# (TYPE shardblast.*)", metrics, re.M)))))


def test_commands_print_the_recorded_output_of_a_stored_search(server: Server, ids: dict[str, str], left: Path) -> None:
    words = [[ids[TABLE] if word == "SEARCH" else word for word in shlex.split(command)] for command in COMMANDS]

    texts = [transcript(one, forked.run([*SHARDBLAST, *one], server.environment), {}) for one in words]

    assert_recorded("left/commands.txt", masked("\n".join(texts), left).replace(server.url, "URL"))


def test_a_search_runs_on_the_databases_that_were_left(server: Server) -> None:
    search = server.submit("blastn", "genes", NUCLEOTIDES, "-evalue 1e-5")["id"]

    ended = server.ended(search)

    assert ended["state"] == "completed"
    assert_recorded("left/new-search.txt", pretty(masked_json(ended, VOLATILE)))
    assert server.result(search, "6") == server.result(ids_of(server)[ONE_MACHINE], "6")


def test_a_node_searches_the_volumes_that_were_left_on_its_disk(left: Path) -> None:
    """Nothing can be fetched: the storage has lost the volumes."""
    storage = left / "lost"
    shutil.copytree(left / "home" / "storage", storage)
    (generation,) = (one for one in (storage / "databases" / "genes").iterdir() if one.is_dir())
    for volume in generation.glob("genes*"):
        volume.unlink()
    query = write_fasta(left / "query.fa", nucleotide_queries())
    cluster = LocalCluster(left, storage.as_uri())
    try:
        cluster.start(NODE)
        words = ("-db", "genes", "-query", str(query), "-max_target_seqs", "10", "-outfmt", "6", "--quiet")
        done = cluster.search("blastn", *words)
        volumes = cluster.volumes_of(NODE, "genes")
    finally:
        cluster.close()

    assert volumes == {"genes.00", "genes.01", "genes.02"}
    assert_recorded("left/node.txt", transcript(words[:2], done, {}))


def made_of(database: SqlDatabase) -> tuple[set[tuple[str, ...]], set[tuple[str, str]]]:
    """Return the columns of all tables, and the statements that made the indexes."""
    found = inspect(database.engine)
    columns = {
        (table, column["name"], repr(column["type"]), str(column["nullable"]), str(column["default"]))
        for table in found.get_table_names()
        for column in found.get_columns(table)
    }
    with database.reading() as connection:
        made = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql LIKE 'CREATE INDEX%'"))
        return columns, {(name, sql) for name, sql in made}


def ids_of(server: Server) -> dict[str, str]:
    return {one["title"]: one["id"] for one in server.http.get("/searches").json()["searches"]}


def _answers(answers: Mapping[str, httpx.Response], server: Server) -> str:
    texts = []
    for path, answer in answers.items():
        kind = answer.headers.get("content-type", "")
        if kind.startswith(("application/json", "application/problem+json")):
            found = answer.json()
            body = pretty(shape(found) if path.endswith(OF_THE_MACHINE) else masked_json(found, CHANGING))
        else:
            body = masked(answer.text)
        texts.append(f"$ {masked(path)}\nstatus {answer.status_code}, {kind}\n{body}\n")
    return "".join(texts).replace(server.url, "URL").replace(str(server.home), "HOME")
