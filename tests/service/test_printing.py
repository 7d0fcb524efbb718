"""Results printed with BLAST+'s output options."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.sequences import real
from tests.service.server import Server

RNA = real("16s-queries")[0].fasta


@pytest.fixture(scope="module")
def search(server: Server) -> str:
    """A completed search that kept at most 500 subjects, BLAST+'s default."""
    found = server.submit("blastn", "16s", RNA)
    assert server.ended(found["id"])["state"] == "completed"
    return str(found["id"])


@pytest.fixture(scope="module")
def short(server: Server) -> str:
    """A completed search that kept 10 subjects."""
    found = server.submit("blastn", "16s", RNA, "-max_target_seqs 10")
    assert server.ended(found["id"])["state"] == "completed"
    return str(found["id"])


def blastn(database: Path, folder: Path, *words: str) -> bytes:
    (folder / "query.fa").write_text(RNA)
    argv = ["blastn", "-db", database.name, "-query", "query.fa", *words]
    environment = {**os.environ, "BLASTDB": str(database.parent)}
    return subprocess.run(argv, cwd=folder, env=environment, capture_output=True, check=True).stdout


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"html": "true"}, ["-html"]),
        ({"line_length": 100, "show_gis": "true"}, ["-line_length", "100", "-show_gis"]),
        ({"sorthits": 3, "sorthsps": 2}, ["-sorthits", "3", "-sorthsps", "2"]),
        ({"num_alignments": 2}, ["-num_alignments", "2"]),
        ({"outfmt": "4", "num_descriptions": 500, "num_alignments": 1, "html": "true"}, None),
    ],
)
def test_options_of_printing_are_obeyed(
    server: Server,
    search: str,
    served: dict[str, Path],
    tmp_path: Path,
    values: dict[str, Any],
    words: list[str] | None,
) -> None:
    words = words or ["-outfmt", "4", "-num_descriptions", "500", "-num_alignments", "1", "-html"]

    printed = server.result(search, **{"outfmt": "0", **values})
    by_command = server.run("results", search, *words)

    assert printed == blastn(served["16s"], tmp_path, *words)
    assert by_command.stdout.encode() == printed


def test_fewer_subjects_are_shown_than_were_kept(server: Server, short: str) -> None:
    def shown(**values: int) -> int:
        return server.result(short, "0", **values).count(b"\n>")

    assert [shown(), shown(num_alignments=3), shown(num_alignments=0), shown(num_descriptions=3)] == [10, 3, 0, 10]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"num_alignments": 11}, "kept 10 subjects"),
        ({"num_descriptions": 5000}, "kept 10 subjects"),
        ({"num_alignments": 5, "outfmt": "6"}, "would change what is found"),
        ({"num_alignments": 5001}, "request is not valid"),
        ({"line_length": 0}, "request is not valid"),
        ({"line_length": 1_000_000}, "request is not valid"),
        ({"sorthits": 5}, "request is not valid"),
        ({"sorthsps": "-html"}, "request is not valid"),
        ({"html": "x"}, "request is not valid"),
    ],
)
def test_unprintable_requests_are_reported(server: Server, short: str, values: dict[str, Any], says: str) -> None:
    answer = server.http.get(f"/searches/{short}/results", params=values)

    assert answer.status_code == 422
    assert says in answer.json()["detail"]


def test_the_command_reports_requests_that_cannot_be_printed(server: Server, short: str) -> None:
    ended = server.run("results", short, "-num_alignments", "11")

    assert ended.returncode == 1
    assert "kept 10 subjects" in ended.stderr


@pytest.mark.parametrize(
    "output",
    [
        {"outfmt": "6 qseqid sseqid evalue"},
        {"outfmt": "0", "num_alignments": 3, "line_length": 80},
        "-num_descriptions 4",
    ],
)
@pytest.mark.parametrize("options", ["", "-max_target_seqs 10"])
def test_an_output_is_kept_with_a_search_and_printed_as_the_commands_of_blast_do(
    server: Server, served: dict[str, Path], tmp_path: Path, output: Any, options: str
) -> None:
    found = server.submit("blastn", "16s", RNA, options, output=output)
    server.ended(found["id"])

    commands = server.http.get(f"/searches/{found['id']}/report").json()["commands"]
    printed = server.http.get(f"/searches/{found['id']}/results").content

    assert printed == run(commands, served["16s"], tmp_path)
    assert server.result(found["id"], "6") == blastn(served["16s"], tmp_path, "-outfmt", "6", *options.split())


def run(commands: list[list[str]], database: Path, folder: Path) -> bytes:
    """Return what commands print, one after the other."""
    (folder / "query.fa").write_text(RNA)
    environment = {**os.environ, "BLASTDB": str(database.parent)}
    ran = [
        subprocess.run(
            [database.name if word == "16s" else word for word in argv],
            cwd=folder,
            env=environment,
            capture_output=True,
            check=True,
        )
        for argv in commands
    ]
    return b"".join(one.stdout for one in ran)


@pytest.mark.parametrize(
    ("output", "field", "says"),
    [
        ({"outfmt": "99"}, "output", "not a valid output format"),
        ({"outfmt": "20 std"}, "output", "not a valid output format"),
        ({"outfmt": "6", "num_alignments": 3}, "output", "would change what is found"),
        ({"num_alignments": 11}, "output", "kept 10 subjects"),
        ({"out": "/tmp/x"}, "output.out", "not supported here"),
        ({"line_length": 0}, "output.line_length", ""),
        ({"evalue": 1}, "output.evalue", "not supported here"),
    ],
)
def test_an_impossible_output_is_reported_before_the_search(
    server: Server, output: dict[str, Any], field: str, says: str
) -> None:
    body = {"program": "blastn", "database": "16s", "query": RNA, "options": "-max_target_seqs 10", "output": output}

    received = server.http.post("/searches/preflight", json=body).json()

    assert [one["field"] for one in received["problems"]] == [field]
    assert says in received["problems"][0]["detail"]


def test_a_page_of_blast_is_named_and_typed_as_one(server: Server, short: str) -> None:
    page = server.http.get(f"/searches/{short}/results", params={"html": "true"})
    rows = server.http.get(f"/searches/{short}/results", params={"html": "true", "outfmt": "6"})

    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-disposition"].endswith('.html"')
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert rows.headers["content-type"].startswith("text/tab-separated-values")
