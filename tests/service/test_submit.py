"""``shardblast submit``: BLAST+'s command line, searched by a service."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sequences import real
from tests.service.processes import blast
from tests.service.server import Server, get
from tests.waiting import WITHIN_S, until

RNA = "".join(one.fasta for one in real("16s-queries")[:3])
MANY = "".join(one.fasta for one in real("proteins")[:400])
SEARCH = ("submit", "blastn", "-db", "16s")
OPTIONS = ["-evalue", "1e-10", "-max_target_seqs", "50", "-penalty", "-3", "-reward=2", "-ungapped"]


@pytest.fixture
def query(tmp_path: Path) -> str:
    file = tmp_path / "queries" / "of mine.fa"
    file.parent.mkdir()
    file.write_text(RNA)
    return str(file)


def number_of_searches(server: Server) -> int:
    return len(server.http.get("/searches", params={"limit": 500}).json()["searches"])


def test_options_of_blast_give_the_output_of_blast(
    server: Server, served: dict[str, Path], query: str, tmp_path: Path
) -> None:
    out = tmp_path / "o.tsv"

    done = server.run(*SEARCH, "-query", query, *OPTIONS, "--wait", "-outfmt", "6 std qlen", "-out", str(out))

    assert done.returncode == 0, done.stderr
    assert not done.stdout
    expected = blast("blastn", served["16s"], "16s", RNA, OPTIONS, "6 std qlen", tmp_path)
    assert out.read_bytes() == expected != b""
    search = server.search(done.stderr.strip())
    assert search["options"] == [word for one in OPTIONS for word in one.split("=")]


@pytest.mark.parametrize("words", [(), ("-query", "-"), ("-query", "/dev/stdin")])
def test_queries_are_read_from_standard_input(
    server: Server, served: dict[str, Path], tmp_path: Path, words: tuple[str, ...]
) -> None:
    done = server.run(*SEARCH, *words, "--wait", "--quiet", "-outfmt", "6", sent=RNA)

    assert done.returncode == 0, done.stderr
    assert not done.stderr
    assert done.stdout.encode() == blast("blastn", served["16s"], "16s", RNA, [], "6", tmp_path)


def test_packed_queries_are_read_from_a_pipe(server: Server, tmp_path: Path) -> None:
    packed = tmp_path / "queries.gz"
    packed.write_bytes(gzip.compress(RNA.encode()))
    command = f"cat '{packed}' | {sys.executable} -m shardblast submit blastn -db 16s"

    done = subprocess.run(command, shell=True, env=server.environment, capture_output=True, text=True)  # noqa: S602

    assert server.search(done.stdout.strip())["queries"] == 3


def test_both_ways_to_write_options_may_be_mixed(server: Server, query: str) -> None:
    words = ("--db", "16s", "--query", query, "--options", "-evalue 1e-9", "-max_hsps", "2", "--title", "mixed")

    done = server.run("submit", "blastn", *words)

    search = server.search(done.stdout.strip())
    assert (search["options"], search["title"]) == (["-max_hsps", "2", "-evalue", "1e-9"], "mixed")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-seqidlist", "/etc/hostname"), "16s has no ids"),
        (("-subject=/etc/hostname",), "-subject names a local file"),
        (("--options", "-import_search_strategy x"), "-import_search_strategy names a local file"),
        (("--options", "'"), "--options can't be read"),
        (("--shards", "4"), "Unknown option '--shards'"),
        (("-outfmt", "6"), "-outfmt and -out need --wait"),
        (("--wait", "-outfmt", "99"), "'99' is not a valid output format"),
        (("--wait", "-out", "/absent/o.tsv"), "There is no folder"),
        (("-evalue", "zero"), "-evalue: 'zero' is not of type Real"),
        (("-num_threads", "2"), "-num_threads is not supported here"),
        (("-evalue",), "-evalue has no usable value"),
        (("-query", "/absent.fa"), "'/absent.fa' can't be read: No such file"),
    ],
)
def test_wrong_options_are_reported_and_queue_no_search(
    server: Server, query: str, words: tuple[str, ...], said: str
) -> None:
    before = number_of_searches(server)

    done = server.run(*SEARCH, "-query", query, *words)

    assert done.returncode in (1, 6)
    assert said in done.stderr
    assert "shardblast: " in done.stderr
    assert number_of_searches(server) == before


def test_without_printing_the_id_is_printed_and_waited_for(server: Server, query: str) -> None:
    done = server.run(*SEARCH, "-query", query, "--wait")

    assert done.returncode == 0
    assert server.search(done.stdout.strip())["state"] == "completed"


def test_a_cancelled_search_ends_the_wait_and_leaves_the_file_as_it_was(server: Server, tmp_path: Path) -> None:
    out = tmp_path / "o.tsv"
    out.write_text("of before")
    argv = [sys.executable, "-m", "shardblast", "submit", "blastp", "-db", "proteins", "--wait", "-out", str(out)]
    with subprocess.Popen(
        argv, env=server.environment, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as waiting:
        assert waiting.stdin is not None
        assert waiting.stderr is not None
        waiting.stdin.write(MANY)
        waiting.stdin.close()
        search_id = waiting.stderr.readline().strip()
        server.http.post(f"/searches/{search_id}/cancel")

        assert waiting.wait(WITHIN_S) == 11
    assert out.read_text() == "of before"


def test_ctrl_c_leaves_the_search_running(server: Server, tmp_path: Path) -> None:
    query = tmp_path / "many.fa"
    query.write_text(MANY)
    words = ["submit", "blastp", "-db", "proteins", "-query", str(query), "-evalue", "1000", "--wait"]
    argv = [sys.executable, "-m", "shardblast", *words]
    with subprocess.Popen(
        argv, env=server.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as waiting:
        assert waiting.stdout is not None
        assert waiting.stderr is not None
        search_id = waiting.stdout.readline().strip()
        until(lambda: "shardblast_event_readers 0.0" not in get(f"{server.url}/metrics").text)
        os.kill(waiting.pid, signal.SIGINT)

        assert waiting.wait(WITHIN_S) == 130
        assert "Stopped waiting. The searches continue." in waiting.stderr.read()
    assert server.search(search_id)["state"] in ("queued", "running")
    server.http.post(f"/searches/{search_id}/cancel")
