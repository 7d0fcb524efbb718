"""``shardblast verify``: it makes both runs, compares them and reports the differences."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from shardblast.cli.verify import compare
from shardblast.core.formats import parse_outfmt
from tests.cli.conftest import Finished, Place
from tests.forked import SHARDBLAST
from tests.waiting import WITHIN_S, until

QUERIES = 6


def verify(place: Place, *words: str, stdin: bytes = b"") -> tuple[Finished, dict[str, Any]]:
    finished = place.shardblast("verify", "blastn", "-db", str(place.database), "--shards", "3", *words, stdin=stdin)
    return finished, json.loads(finished.stdout)


@pytest.mark.parametrize("outfmt", ["6", "7", "10 sseqid score", "0", "5", "8", "13", "14", "15", "17"])
def test_verify_finds_every_format_identical(place: Place, outfmt: str) -> None:
    finished, result = verify(place, "-query", str(place.query), "-outfmt", outfmt, "--quiet")

    assert finished.returncode == 0
    assert (result["queries"], result["identical"], result["differing"]) == (QUERIES, QUERIES, [])
    assert finished.stderr == b""
    assert place.left_behind() == []


def test_verify_reports_its_command_and_measurements(place: Place) -> None:
    words = ["-query", str(place.query), "-outfmt", "6 std qlen", "-max_target_seqs", "5", "-num_threads", "2"]
    rows = place.blast("blastn", "-db", str(place.database), *words).stdout.count(b"\n")

    finished, result = verify(place, *words)

    assert set(result) == {
        *("program", "command", "database", "outfmt", "queries", "identical", "differing", "rows", "shards", "why"),
        *("verdicts", "seconds", "peak_memory_bytes"),
    }
    assert result["program"] == "blastn"
    assert result["command"] == ["blastn", "-db", str(place.database), *words]
    assert result["database"] == str(place.database)
    assert result["outfmt"] == "6 std qlen"
    assert result["rows"] == rows
    assert result["shards"] == 3
    assert result["why"]
    assert sum(result["verdicts"].values()) == QUERIES
    assert all(result["seconds"][side] > 0 for side in ("unsharded", "sharded"))
    assert all(result["peak_memory_bytes"][side] > 1 << 20 for side in ("unsharded", "sharded"))
    assert b"6 of 6 queries identical" in finished.stderr


def test_verify_ends_with_1_and_names_the_queries_that_differ(place: Place) -> None:
    argv = ["-query", str(place.query), "-outfmt", "6", "-max_target_seqs", "2", "-evalue", "1000"]

    finished, result = verify(place, *argv, "--exactness", "complete")

    assert finished.returncode == 1, "a query that BLAST+ drops better hits of must differ"
    assert result["identical"] == QUERIES - len(result["differing"])
    first = result["differing"][0]
    assert first["unsharded"] != first["sharded"]
    assert first["unsharded"].startswith(first["id"])
    assert first["id"].encode() in finished.stderr


def test_verify_does_not_write_the_output_of_the_user(place: Place) -> None:
    (place.folder / "out").write_text("of yesterday")

    verify(place, "-query", str(place.query), "-outfmt", "6", "-out", "out")

    assert (place.folder / "out").read_text() == "of yesterday"
    assert place.left_behind() == ["out"]


def test_verify_writes_the_report_of_the_user(place: Place) -> None:
    verify(place, "-query", str(place.query), "-outfmt", "6", "--report", "report.json")

    assert json.loads((place.folder / "report.json").read_bytes())["queries"] == QUERIES


def test_verify_reads_standard_input_once_for_both(place: Place) -> None:
    _, result = verify(place, "-outfmt", "6", "--quiet", stdin=place.query.read_bytes())

    assert (result["queries"], result["identical"]) == (QUERIES, QUERIES)


def test_verify_of_a_search_that_is_not_split_says_why(place: Place) -> None:
    finished, result = verify(place, "-query", str(place.query), "-outfmt", "6", "-culling_limit", "1")

    assert finished.returncode == 0
    assert result["shards"] == 0
    assert "culling_limit" in result["why"]
    assert (result["queries"], result["identical"]) == (QUERIES, QUERIES)


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["-db", "nope", "-query", "QUERY"], 2),
        (["-db", "DB", "-query", "QUERY", "-query_loc", "5-1"], 3),
        (["-db", "DB", "-query", "QUERY", "-bogus", "1"], 1),
        (["-db", "DB", "-query", "QUERY", "--bogus"], 1),
    ],
)
def test_verify_of_a_search_that_fails_has_its_status_and_no_result(
    place: Place, words: list[str], status: int
) -> None:
    values = {"DB": str(place.database), "QUERY": str(place.query)}

    finished = place.shardblast("verify", "blastn", *(values.get(word, word) for word in words))

    assert (finished.returncode, finished.stdout) == (status, b"")
    assert b"\nshardblast: " in finished.stderr
    assert b"Traceback" not in finished.stderr


def test_verify_that_is_interrupted_leaves_nothing(wrapped: Place, tmp_path: Path) -> None:
    mark, temporary = tmp_path / "mark", tmp_path / "temporary"
    temporary.mkdir()
    wrapped.variables.update(
        DO='case "$*" in *piece*) echo $$ > "$MARK.$$"; mv "$MARK.$$" "$MARK"; exec sleep 600;; esac',
        MARK=str(mark),
        TMPDIR=str(temporary),
    )
    argv = [*SHARDBLAST, "verify", "blastn", *wrapped.words, "--shards", "3"]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=wrapped.environment)
    until(mark.exists, lambda: "no piece has started")

    process.send_signal(signal.SIGINT)
    printed, said = process.communicate(timeout=WITHIN_S)

    assert process.returncode == 130
    assert printed == b""
    assert said.startswith(b"The search was stopped.")
    assert not Path("/proc", mark.read_text().strip(), "cmdline").exists()
    assert wrapped.left_behind() == []
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("outfmt", "changed"),
    [
        ("6", b"\n"),
        ("7", b"\t"),
        ("10", b"\n"),
        ("0", b"Identities"),
        ("4", b"\n"),
        ("5", b"<Hsp_bit-score>"),
        ("13", b'"bit_score"'),
        ("14", b"<bit-score>"),
        ("15", b'"bit_score"'),
        ("16", b"<bit-score>"),
        ("17", b"AS:i:"),
    ],
)
def test_difference_is_reported_with_its_query_and_line(place: Place, outfmt: str, changed: bytes) -> None:
    folders = [place.folder / "one", place.folder / "other"]
    for folder in folders:
        folder.mkdir()
        argv = ["-outfmt", outfmt, "-max_target_seqs", "5", "-out", str(folder / "out")]
        place.blast("blastn", *place.words, *argv)
    many = outfmt in ("13", "14")
    damaged = folders[1] / (f"out_2.{'json' if outfmt == '13' else 'xml'}" if many else "out")
    second = _ids(place)[1]
    text = damaged.read_bytes()
    name = b"Query_2" if outfmt == "17" else second.encode()
    start = 0 if many else text.index(name, text.index(b"\tQuery_2\t") if outfmt == "17" else 0)
    start = text.rindex(b"\n", 0, start) + 1 if outfmt in ("6", "10", "17") else start
    place_of_change = text.index(changed, start)
    damaged.write_bytes(text[:place_of_change] + b"!" + text[place_of_change:])

    found = compare(folders[0] / "out", folders[1] / "out", parse_outfmt(outfmt))

    (difference,) = found.differing
    assert difference.id == name.decode()
    assert difference.sharded is not None
    assert "!" in difference.sharded
    assert difference.unsharded == difference.sharded.replace("!", "", 1)
    assert difference.line >= 1
    assert found.rows == (text.count(b"\n") - text.count(b"\n#") - 1 if outfmt == "7" else found.rows)


def test_missing_and_extra_queries_are_reported(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("a\t1\nb\t1\nb\t2\n")
    other.write_text("a\t1\nc\t1\n")

    found = compare(one, other, parse_outfmt("6 qseqid score"))

    answer = [(one.id, one.line, one.unsharded, one.sharded) for one in found.differing]
    assert answer == [("b", 1, "b\t1", None), ("c", 1, None, "c\t1")]
    assert found.rows == 3


def test_other_order_of_queries_is_reported(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("a\t1\nb\t1\n")
    other.write_text("b\t1\na\t1\n")

    (difference,) = compare(one, other, parse_outfmt("6 qseqid score")).differing

    assert (difference.id, difference.unsharded, difference.sharded) == ("(order of the queries)", "a", "b")


def test_queries_of_the_same_id_are_compared_one_by_one(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("a\t1\nb\t1\na\t2\n")
    other.write_text("a\t1\nb\t1\na\t3\n")

    (difference,) = compare(one, other, parse_outfmt("6 qseqid score")).differing

    assert (difference.id, difference.unsharded, difference.sharded) == ("a", "a\t2", "a\t3")


def test_rows_without_an_id_of_the_query_are_compared_as_a_whole(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("1\n2\n")
    other.write_text("1\n3\n")

    (difference,) = compare(one, other, parse_outfmt("6 score")).differing

    assert (difference.id, difference.line) == ("(whole output)", 2)


def test_rows_of_an_id_that_begins_like_the_header_of_sam_are_those_of_a_query(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("@a\t1\n")
    other.write_text("@a\t2\n")

    (difference,) = compare(one, other, parse_outfmt("6 qseqid score")).differing

    assert difference.id == "@a"


def test_only_the_command_line_may_differ_in_sam(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("@HD\tVN:1.2\n@PG\tCL:blastn\ns\t0\tQuery_1\n")
    other.write_text("@HD\tVN:1.2\n@PG\tCL:shardblast\ns\t0\tQuery_1\n")

    assert compare(one, other, parse_outfmt("17")).differing == []

    other.write_text("@HD\tVN:1.3\n@PG\tCL:shardblast\ns\t0\tQuery_1\n")

    (difference,) = compare(one, other, parse_outfmt("17")).differing
    assert (difference.id, difference.line) == ("(header)", 1)


def _ids(place: Place) -> list[str]:
    return [line[1:].split()[0] for line in place.query.read_text().splitlines() if line.startswith(">")]
