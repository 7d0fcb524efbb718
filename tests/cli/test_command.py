"""``shardblast blastn`` as a command: exit statuses, messages, files."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from shardblast import __version__
from shardblast.core.program import Program
from shardblast.engine.pieces import chosen_queries
from tests.cli.conftest import SHARDED, Place
from tests.databases import make_database
from tests.sequences import Sequence, real

BAD = {
    "nothing": [],
    "no such database": ["-db", "nope", "-query", "QUERY"],
    "no database": ["-query", "QUERY"],
    "empty database name": ["-db", "", "-query", "QUERY"],
    "unknown option": ["-db", "DB", "-query", "QUERY", "-bogus", "1"],
    "positional word": ["-db", "DB", "-query", "QUERY", "stray"],
    "option without value": ["-db", "DB", "-query", "QUERY", "-evalue"],
    "option twice": ["-db", "DB", "-query", "QUERY", "-db", "DB"],
    "no number": ["-db", "DB", "-query", "QUERY", "-evalue", "small"],
    "evalue of 0": ["-db", "DB", "-query", "QUERY", "-evalue", "0"],
    "word size out of range": ["-db", "DB", "-query", "QUERY", "-word_size", "2"],
    "no such task": ["-db", "DB", "-query", "QUERY", "-task", "nonsense"],
    "no such format": ["-db", "DB", "-query", "QUERY", "-outfmt", "99"],
    "format without delimiter": ["-db", "DB", "-query", "QUERY", "-outfmt", "6 delim"],
    "excluded option": ["-db", "DB", "-query", "QUERY", "-subject", "QUERY"],
    "needed option": ["-db", "DB", "-query", "QUERY", "-template_type", "coding"],
    "range of the query the wrong way round": ["-db", "DB", "-query", "QUERY", "-query_loc", "5-1"],
    "no threads": ["-db", "DB", "-query", "QUERY", "-num_threads", "0"],
    "no targets": ["-db", "DB", "-query", "QUERY", "-max_target_seqs", "0"],
    "no such query file": ["-db", "DB", "-query", "nope.fa"],
    "no such folder for the output": ["-db", "DB", "-query", "QUERY", "-out", "/nonexistent/out"],
    "many files without a name": ["-db", "DB", "-query", "QUERY", "-outfmt", "13"],
}


@pytest.mark.parametrize("words", [pytest.param(words, id=name) for name, words in BAD.items()])
def test_bad_input_has_the_status_and_the_message_of_blast(place: Place, words: list[str]) -> None:
    values = {"DB": str(place.database), "QUERY": str(place.query)}
    argv = [values.get(word, word) for word in words]
    expected = place.blast("blastn", *argv)

    actual = place.shardblast("blastn", *SHARDED, *argv)

    assert (actual.returncode, actual.stdout) == (expected.returncode, expected.stdout)
    assert expected.returncode
    assert actual.stderr.startswith(expected.stderr)
    assert place.left_behind() == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--shards", "none"], "'none' is not a number of shards"),
        (["--shards", "0"], "'0' is not a number of shards"),
        (["--exactness", "nearly"], "unknown value 'nearly'"),
        (["--verify", "all"], "'all' is not a number of queries"),
        (["--verify", "2", "--exactness", "complete"], "--verify needs --exactness identical"),
        (["--report"], "--report has no value"),
        (["--fast"], "Unknown option '--fast'"),
        (["--quiet", "--quiet"], "--quiet is given twice"),
    ],
)
def test_bad_option_of_shardblast_has_status_1_and_says_what_to_do(place: Place, words: list[str], said: str) -> None:
    finished = place.shardblast("blastn", *place.words, *words)

    problem, remedy = finished.stderr.decode().splitlines()
    assert finished.returncode == 1
    assert said in problem
    assert remedy.startswith("shardblast: ")


@pytest.mark.parametrize(
    ("words", "said", "command"),
    [
        (["no-such-command"], "No such command 'no-such-command'.", ""),
        (["doctor", "--no-such-option"], "No such option: --no-such-option.", " doctor"),
        (["verify", "psiblast", "-db", "x"], "'psiblast' is not one of", " verify"),
        (["db", "add", "x", "y", "--molecule", "dna"], "'--molecule': 'dna' is not one of 'nucl', 'prot'.", " db add"),
        (["db", "plan", "x", "--nodes", "0"], "'--nodes': it should be greater than or equal to 1.", " db plan"),
        (["db", "nothing"], "No such command 'nothing'.", " db"),
        (["token", "create", "x"], "Missing option '--owner'.", " token create"),
        (["status"], "Missing argument 'ID'.", " status"),
    ],
)
def test_bad_command_has_status_1_and_says_what_to_do(place: Place, words: list[str], said: str, command: str) -> None:
    finished = place.shardblast(*words)

    problem, remedy = finished.stderr.decode().splitlines()
    assert finished.returncode == 1
    assert said in problem
    assert "Value error" not in problem
    assert remedy == f"shardblast: See 'shardblast{command} --help'."


@pytest.mark.parametrize("words", [["--help"], []], ids=["asked for", "no words"])
def test_help_lists_every_command_with_a_line_each(place: Place, words: list[str]) -> None:
    finished = place.shardblast(*words)

    lines = [line.split(None, 1) for line in finished.stdout.decode().partition("Commands:")[2].splitlines() if line]
    assert finished.returncode == 0
    service = ["serve", "submit", "preflight", "status", "wait", "results", "report", "list"]
    service += ["cancel", "retry", "delete", "share"]
    cluster = ["node", "scheduler", "cluster"]
    assert {name for name, _ in lines} == {*Program, "verify", "doctor", *service, "db", "token", *cluster}


def test_version_is_printed(place: Place) -> None:
    assert place.shardblast("--version").stdout.decode() == f"shardblast {__version__}\n"


@pytest.mark.parametrize("program", ["blastn", "tblastx"])
@pytest.mark.parametrize("asked", ["-version", "-h", "-help"])
def test_information_of_blast_comes_before_that_of_shardblast(place: Place, program: str, asked: str) -> None:
    expected = place.blast(program, asked)

    actual = place.shardblast(program, asked)

    assert actual.returncode == expected.returncode == 0
    assert actual.stdout.startswith(expected.stdout)
    ours = actual.stdout.removeprefix(expected.stdout).decode()
    assert ours == f" shardblast: {__version__}\n" if asked == "-version" else "--shards <" in ours


def test_report_contains_verdicts_shards_and_pieces(place: Place) -> None:
    finished = place.shardblast("blastn", *place.words, "-max_target_seqs", "5", *SHARDED, "--report", "report.json")

    report = json.loads((place.folder / "report.json").read_bytes())
    assert finished.returncode == 0
    assert report["program"] == "blastn"
    assert report["database"]["num_seqs"] == 400
    assert report["shards"] == 3
    assert report["why"]
    assert report["command"] == ["blastn", *place.words, "-max_target_seqs", "5"]
    assert report["queries"] == sum(report["verdicts"].values()) == 6
    assert report["verdicts"] == {"merged": 1, "researched": 5}
    assert len(report["not_merged"]["researched"]) == 5
    assert {piece["shard"] for piece in report["pieces"] if piece["purpose"] == "search"} == {0, 1, 2}
    assert all(piece["peak_memory_bytes"] > 1 << 20 for piece in report["pieces"])
    assert place.left_behind() == ["report.json"]


@pytest.mark.parametrize("options", ["-outfmt 6", "-outfmt 0 -max_target_seqs 5", "-outfmt 15 -task blastn"])
def test_verified_queries_have_the_same_hits_without_shards(place: Place, options: str) -> None:
    words = [*place.words, *options.split()]

    finished = place.shardblast("blastn", *words, "--shards", "3", "--verify", "4", "--report", "report.json")

    report = json.loads((place.folder / "report.json").read_bytes())
    assert finished.returncode == 0
    assert finished.stdout == place.blast("blastn", *words).stdout
    assert b"4 queries verified: identical without shards" in finished.stderr
    assert len(report["verified"]) == 4
    assert all(one == {"identical": True, "detail": ""} for one in report["verified"].values())
    assert [piece["purpose"] for piece in report["pieces"]].count("verify") == 1
    assert place.left_behind() == ["report.json"]


def test_a_search_that_blast_runs_alone_has_nothing_to_verify(place: Place) -> None:
    finished = place.shardblast("blastn", *place.words, "-outfmt", "6", "--shards", "off", "--verify", "4")

    assert finished.returncode == 0
    assert b"nothing to verify: --shards off was asked for" in finished.stderr


def test_a_wrong_score_in_a_shard_is_found_by_a_query_that_is_verified(wrapped: Place) -> None:
    real = shutil.which("blastn")
    wrapped.variables["DO"] = f"""
        for word; do test "$last" = -out && out=$word; last=$word; done
        case "$*" in *shard1*) {real} "$@"; sed -i '/str "score"/{{n;s/int [0-9]*/int 77/}}' "$out"; exit;; esac
    """
    words = [*wrapped.words, "-outfmt", "6 std score", *SHARDED, "--verify", "6", "--report", "report.json"]

    finished = wrapped.shardblast("blastn", *words)

    verified = json.loads((wrapped.folder / "report.json").read_bytes())["verified"]
    wrong = {row.split(b"\t")[0].decode() for row in finished.stdout.splitlines() if row.endswith(b"\t77")}
    assert finished.returncode == 7
    assert wrong
    assert {name for name, one in verified.items() if not one["identical"]} == wrong
    assert all(re.fullmatch("row or alignment .* with shards, .* without", verified[name]["detail"]) for name in wrong)
    assert b"Without shards, BLAST+ finds other hits of " in finished.stderr
    assert all(name.encode() in finished.stderr for name in wrong)


def test_a_check_that_fails_leaves_the_result_as_it_is(wrapped: Place) -> None:
    wrapped.variables["DO"] = 'case "$*" in *verify*) echo broken >&2; exit 3;; esac'
    words = [*wrapped.words, "-outfmt", "6"]

    finished = wrapped.shardblast("blastn", *words, *SHARDED, "--verify", "2", "--report", "report.json")

    verified = json.loads((wrapped.folder / "report.json").read_bytes())["verified"]
    assert finished.returncode == 0
    assert finished.stdout == wrapped.blast("blastn", *words).stdout
    assert [one["identical"] for one in verified.values()] == [None, None]
    assert all("broken" in one["detail"] for one in verified.values())
    assert finished.stderr.count(b"could not be verified") == 2


def test_the_same_queries_are_verified_each_time() -> None:
    assert chosen_queries(1000, 5000, 20) == chosen_queries(1000, 5000, 20) != chosen_queries(1000, 5001, 20)
    assert len(set(chosen_queries(1000, 5000, 20))) == 20
    assert sorted(chosen_queries(3, 50, 20)) == [0, 1, 2]


def test_report_of_an_unsharded_search_says_why(place: Place) -> None:
    place.shardblast("blastn", *place.words, "-culling_limit", "1", *SHARDED, "--report", "report.json")

    report = json.loads((place.folder / "report.json").read_bytes())
    assert report["shards"] == 0
    assert "culling_limit" in report["why"]


@pytest.mark.parametrize("outfmt", ["6", "0"])
def test_out_gets_the_bytes_of_standard_output_and_no_other_file_is_left(place: Place, outfmt: str) -> None:
    expected = place.blast("blastn", *place.words, "-outfmt", outfmt).stdout
    words = ["blastn", *place.words, "-outfmt", outfmt, *SHARDED]
    os.umask(umask := os.umask(0))

    printed = place.shardblast(*words).stdout
    place.shardblast(*words, "-out", "result.txt")

    out = place.folder / "result.txt"
    assert printed == out.read_bytes() == expected
    assert out.stat().st_mode & 0o777 == 0o666 & ~umask
    assert place.left_behind() == ["result.txt"]


def test_keep_leaves_pieces_in_the_folder(place: Place) -> None:
    finished = place.shardblast("blastn", *place.words, "-outfmt", "6", *SHARDED, "--keep", "kept/here")

    kept = [path.name for path in (place.folder / "kept" / "here").iterdir()]
    assert finished.returncode == 0
    assert sum("piece" in name for name in kept) == 3
    assert place.left_behind() == ["kept"]


def test_keep_of_a_folder_that_cannot_be_made_is_an_output_error(place: Place) -> None:
    finished = place.shardblast("blastn", *place.words, *SHARDED, "--keep", "/proc/nowhere")

    assert finished.returncode == 6
    assert b"Traceback" not in finished.stderr


def test_keep_replaces_nothing_in_a_folder_that_has_files(place: Place) -> None:
    kept = place.folder / "kept"
    kept.mkdir()
    (kept / "batch0.fa").write_text("mine")

    finished = place.shardblast("blastn", *place.words, *SHARDED, "--keep", "kept")

    assert finished.returncode == 1
    assert b"is not empty" in finished.stderr
    assert [(path.name, path.read_text()) for path in kept.iterdir()] == [("batch0.fa", "mine")]


def test_a_report_replaces_only_a_report(place: Place) -> None:
    query = Path(place.words[place.words.index("-query") + 1])
    mine = place.folder / "mine.fa"
    mine.write_bytes(query.read_bytes())

    refused = place.shardblast("blastn", *place.words, *SHARDED, "--report", "mine.fa")
    (place.folder / "report.json").touch()
    reported = [place.shardblast("blastn", *place.words, *SHARDED, "--report", "report.json") for _ in range(2)]

    assert refused.returncode == 1
    assert b"'mine.fa' exists and is not a report." in refused.stderr
    assert mine.read_bytes() == query.read_bytes()
    assert [one.returncode for one in reported] == [0, 0]
    mine.unlink()
    (place.folder / "report.json").unlink()


def test_damaged_packed_queries_are_an_input_error(place: Place) -> None:
    (place.folder / "query.fa.gz").write_bytes(b"\x1f\x8bno gzip")

    finished = place.shardblast("blastn", "-db", str(place.database), "-query", "query.fa.gz", *SHARDED)

    assert finished.returncode == 1
    assert b"Traceback" not in finished.stderr


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["-query_loc", "5-1", "--shards", "3"], id="sharded"),
        pytest.param(["-query_loc", "5-1", "--shards", "off"], id="unsharded"),
        pytest.param(["-db", "nope"], id="no such database"),
    ],
)
def test_failure_leaves_an_existing_output_untouched(place: Place, words: list[str]) -> None:
    (place.folder / "out").write_text("of yesterday")
    argv = ["-query", str(place.query), "-out", "out", *words]
    if "-db" not in words:
        argv += ["-db", str(place.database)]

    finished = place.shardblast("blastn", *argv)

    assert finished.returncode
    assert (place.folder / "out").read_text() == "of yesterday"
    assert place.left_behind() == ["out"]


def test_more_threads_than_cores_are_as_many_as_cores(place: Place) -> None:
    finished = place.shardblast("blastn", *place.words, *SHARDED, "-num_threads", "100000")

    assert finished.returncode == 0
    assert b"Traceback" not in finished.stderr


def test_folder_that_cannot_be_used_is_replaced_by_another(place: Place) -> None:
    place.variables["SHARDBLAST_HOME"] = "/proc/absent"

    assert place.shardblast("blastn", *place.words, *SHARDED).returncode == 0


HOSTILE = ("$(touch pwned)", "`touch pwned`", "; touch pwned", "a'b\"c", "two\nlines", "-starts-with-a-dash", "a b")


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_files_reach_no_shell(place: Place, name: str) -> None:
    (place.folder / f"{name}.fa").write_bytes(place.query.read_bytes())
    argv = ["-db", str(place.database), "-query", f"{name}.fa", "-outfmt", "6"]
    expected = place.blast("blastn", *argv)

    actual = place.shardblast("blastn", *argv, *SHARDED, "-out", f"{name}.tsv")

    written = place.folder / f"{name}.tsv"
    assert actual.returncode == expected.returncode
    assert (written.read_bytes() if written.exists() else b"") == expected.stdout
    assert not (place.folder / "pwned").exists()


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("option", ["-task", "-outfmt", "-db"])
def test_values_of_options_reach_no_shell(place: Place, option: str, value: str) -> None:
    text = f"6 qseqid {value}" if option == "-outfmt" else value
    argv = [*place.words, option, text] if option != "-db" else ["-query", str(place.query), "-db", value]
    expected = place.blast("blastn", *argv)

    actual = place.shardblast("blastn", *argv, *SHARDED)

    assert (actual.returncode, actual.stdout) == (expected.returncode, expected.stdout)
    assert place.left_behind() == []


@pytest.mark.parametrize("page", ["README.md", "docs/index.md", "docs/service.md"])
def test_git_ignores_the_files_that_documented_examples_write(page: str) -> None:
    root = Path(__file__).parents[2]
    files = set(re.findall(r"^shardblast .*-out (\S+)", (root / page).read_text(), re.M))

    ignored = subprocess.run(["git", "check-ignore", *files], cwd=root, capture_output=True, text=True, check=False)

    assert set(ignored.stdout.split()) == files != set()


@pytest.mark.parametrize("outfmt", ["6", "5"])
def test_warnings_are_printed_once_when_blast_takes_over(wrapped: Place, outfmt: str) -> None:
    named = [Sequence(f"S{number}.1", one.letters) for number, one in enumerate(real("16s")[:40])]
    database = make_database(wrapped.folder / "named", "nucl", named, "-parse_seqids")
    (wrapped.folder / "ids").write_text("".join(f"{one.title}\n" for one in named[::2]))
    words = ["-db", str(database), "-query", str(wrapped.query), "-seqidlist", "ids", "-outfmt", outfmt]
    expected = wrapped.blast("blastn", *words)

    for do in ("", 'case "$*" in *piece*) exit 255;; esac'):
        wrapped.variables["DO"] = do
        found = wrapped.shardblast("blastn", *SHARDED, *words)

        assert (found.returncode, found.stdout) == (0, expected.stdout)
        assert found.stderr.count(b"better run time performance") == expected.stderr.count(b"better run time") == 1
