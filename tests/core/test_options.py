"""Command lines, compared with the installed programs."""

from __future__ import annotations

import random
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from shardblast.blast.installation import read_arguments
from shardblast.core.errors import InputError, UsageError
from shardblast.core.option_table import OPTIONS
from shardblast.core.options import Exactness, OurOptions, SearchOptions, parse, without_ours
from shardblast.core.program import Argument, Arguments, Kind, Program

ACCEPTED = [
    "",
    "-evalue 1e-3",
    "-evalue=1e-3",
    "-evalue 1.",
    "-evalue .5",
    "-evalue +1",
    "-evalue 1e",
    "-evalue 1.5E",
    "-evalue 1e400",
    "-evalue 0x10",
    "-evalue 0x1.8p1",
    "-penalty -3 -reward 2",
    "-penalty=-3 -reward=2",
    "-max_target_seqs +5",
    "-max_target_seqs 05",
    "-max_target_seqs 0x10",
    "-dbsize -5",
    "-dbsize 0x",
    "-dbsize 9223372036854775807",
    "-dbsize 0x7FFFFFFFFFFFFFFF",
    "-soft_masking T",
    "-soft_masking no",
    "-soft_masking=0",
    "-soft_masking tRue",
    "-html",
    "-html=false",
    "-lcase_masking -html",
    "-strand plus",
    "-task blastn-short",
    "-template_type coding -template_length 018 -task dc-megablast",
    "-perc_identity 100",
    "-perc_identity 0",
    "-best_hit_overhang 0.49",
    "-word_size 4",
    "-num_descriptions 0",
    "-num_alignments 9 -outfmt 6",
    "-outfmt 17",
    "-out -foo",
    "--",
]
REFUSED = [
    "-foo 1",
    "-max_target 5",
    "-EVALUE 1",
    "foo",
    "-",
    "-- foo",
    "-- -evalue 1",
    "-html true",
    "-html -html",
    "-evalue 1 -evalue 2",
    "-query=q.fa",
    "-evalue",
    "-evalue=",
    "-evalue --",
    "-evalue inf",
    "-evalue nan",
    "-evalue 1,000",
    "-evalue 1d3",
    "-evalue 1e+",
    "-evalue 0x",
    "-evalue .",
    "-max_target_seqs 0",
    "-max_target_seqs -5",
    "-max_target_seqs 5.0",
    "-max_target_seqs 1e1",
    "-max_target_seqs 1K",
    "-max_target_seqs +0x10",
    "-max_target_seqs 0x",
    "-max_target_seqs 2147483648",
    "-dbsize 1GB",
    "-dbsize 9223372036854775808",
    "-dbsize 0x8000000000000000",
    "-searchsp -1",
    "-penalty 1",
    "-soft_masking on",
    "-soft_masking 2",
    "-strand PLUS",
    "-task -html",
    "-template_type coding",
    "-template_type coding -template_length 0x12 -task dc-megablast",
    "-template_type coding -template_length 17 -task dc-megablast",
    "-perc_identity 100.1",
    "-best_hit_overhang 0.5",
    "-best_hit_overhang 0.4 -culling_limit 2",
    "-subject q.fa",
    "-max_target_seqs 5 -num_alignments 5",
    "-num_alignments 0 -outfmt 6",
    "-num_alignments 0 -num_descriptions 0",
    "-entrez_query x",
    "-word_size 3",
    "-outfmt 6,qacc",
    "-outfmt 19",
]
QUOTED = [["-evalue", " 1"], ["-evalue", ""], ["-soft_masking", " true"], ["-max_target_seqs", "5 "], ["-task", ""]]

HITLIST_SIZES = [
    "",
    "-max_target_seqs 7",
    "-max_target_seqs 0x10",
    "-max_target_seqs 010",
    "-num_descriptions 9",
    "-num_alignments 9",
    "-num_descriptions 9 -num_alignments 3",
    "-num_alignments 700",
    "-num_descriptions 600 -num_alignments 1",
    "-num_descriptions 0",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Databases of two sequences: n of nucleotides, p of residues; queries q.fa and pq.fa."""
    folder = tmp_path_factory.mktemp("options")
    letters = random.Random(3)
    for name, alphabet, query, dbtype in [
        ("n", "ACGT", "q.fa", "nucl"),
        ("p", "ACDEFGHIKLMNPQRSTVWY", "pq.fa", "prot"),
    ]:
        first, second = ("".join(letters.choices(alphabet, k=200)) for _ in range(2))
        (folder / f"{name}.fa").write_text(f">s1 one\n{first}\n>s2 two\n{second}\n")
        (folder / query).write_text(f">q1\n{first}\n")
        argv = ["makeblastdb", "-in", f"{name}.fa", "-dbtype", dbtype, "-out", name]
        subprocess.run(argv, cwd=folder, check=True, capture_output=True)
    return folder


@pytest.mark.parametrize("line", ACCEPTED)
def test_command_line_that_blast_accepts_is_accepted(folder: Path, line: str) -> None:
    argv = ["-db", "n", "-query", "q.fa", *line.split()]
    assert run(folder, "blastn", argv).returncode == 0, "this version does not accept it"

    assert blastn(argv).has("db")


@pytest.mark.parametrize("words", [line.split() for line in REFUSED] + QUOTED, ids=" ".join)
def test_command_line_that_blast_refuses_is_an_input_error(folder: Path, words: list[str]) -> None:
    argv = ["-db", "n", "-query", "q.fa", *words]
    assert run(folder, "blastn", argv).returncode != 0, "this version accepts it"

    with pytest.raises(InputError) as caught:
        blastn(argv)

    assert not isinstance(caught.value, UsageError)


def test_search_of_nothing_is_an_input_error(folder: Path) -> None:
    assert run(folder, "blastn", ["-query", "q.fa"]).returncode == 1

    with pytest.raises(InputError, match="-db"):
        blastn(["-query", "q.fa"])


def test_sam_is_for_blastn_only(folder: Path) -> None:
    argv = ["-db", "p", "-query", "pq.fa", "-outfmt", "17"]
    assert run(folder, "blastp", argv).returncode == 1

    with pytest.raises(InputError, match="SAM"):
        parse(Program.BLASTP, argv, arguments(Program.BLASTP))


@pytest.mark.parametrize(
    ("gencode", "accepted"), [("1", True), ("+01", True), ("33", True), ("7", False), ("0x1", False)]
)
def test_genetic_codes_are_those_of_blast(folder: Path, gencode: str, accepted: bool) -> None:
    argv = ["-db", "n", "-query", "pq.fa", "-db_gencode", gencode]
    assert (run(folder, "tblastn", argv).returncode == 0) == accepted

    assert is_accepted(Program.TBLASTN, argv) == accepted


@pytest.mark.parametrize("relation", ["mt_mode 1", "mt_mode 1 -num_threads 2"])
def test_relations_between_options_are_those_of_the_installed_version(folder: Path, relation: str) -> None:
    argv = ["-db", "n", "-query", "q.fa", *f"-{relation}".split()]

    accepted = run(folder, "blastn", argv).returncode == 0

    assert is_accepted(Program.BLASTN, argv) == accepted


@pytest.mark.parametrize("outfmt", ["0", "4", "5", "6", "11", "17"])
@pytest.mark.parametrize("line", HITLIST_SIZES)
def test_max_target_seqs_is_the_hitlist_size_of_blast(folder: Path, tmp_path: Path, outfmt: str, line: str) -> None:
    argv = ["-db", "n", "-query", "q.fa", "-outfmt", outfmt, *line.split()]
    strategy = tmp_path / "strategy"
    run(folder, "blastn", [*argv, "-export_search_strategy", str(strategy)])
    expected = re.search(r'"HitlistSize",\s+value integer (\d+)', strategy.read_text())
    assert expected

    assert blastn(argv).max_target_seqs == int(expected[1])


def test_hitlist_size_in_the_archive_is_the_same(folder: Path) -> None:
    argv = ["-db", "n", "-query", "q.fa", "-outfmt", "11", "-num_descriptions", "9", "-num_alignments", "3"]
    archive = run(folder, "blastn", argv).stdout.decode()
    expected = re.search(r'"HitlistSize",\s+value integer (\d+)', archive)
    assert expected

    assert blastn(argv).max_target_seqs == int(expected[1]) == 3


def test_values_are_typed() -> None:
    words = "-evalue 1e-3 -max_target_seqs 0x10 -soft_masking F -html -penalty -3 -outfmt 6 -dbsize 5000000000"
    options = blastn(["-db", "my db", *words.split()])

    assert options.value("evalue") == 0.001
    assert options.value("max_target_seqs") == 16
    assert options.value("soft_masking") is False
    assert options.value("html") is True
    assert options.value("penalty") == -3
    assert options.value("dbsize") == 5_000_000_000
    assert options.value("db") == "my db"
    assert options.outfmt.number == 6


def test_missing_values_are_defaults_or_none() -> None:
    options = blastn(["-db", "n"])

    assert options.value("task") == "megablast"
    assert options.value("num_threads") == options.integer("num_threads") == 1
    assert options.value("use_index") is False
    assert options.value("html") is False
    assert options.value("word_size") is None
    assert options.value("threshold") is None, "an option that only other programs have"
    assert options.outfmt.text == "0"
    assert not options.has("task")


def test_integer_of_an_option_that_takes_none_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="task"):
        blastn(["-db", "n"]).integer("task")


def test_options_keep_their_order_and_flags_have_no_value() -> None:
    options = blastn(["-html=false", "-query", "q.fa", "--quiet", "-db=a=b"])

    assert list(options.given.items()) == [("html", None), ("query", "q.fa"), ("db", "a=b")]


def test_argv_drops_replaces_and_adds() -> None:
    options = blastn(["-query", "q.fa", "-db", "n", "--shards", "4", "-html", "-penalty", "-3", "-out", "o"])

    argv = options.argv(drop=("out", "html"), set={"db": "shard", "outfmt": "11", "ungapped": None})

    assert argv == ["-query", "q.fa", "-db", "shard", "-penalty", "-3", "-outfmt", "11", "-ungapped"]
    assert options.argv() == ["-query", "q.fa", "-db", "n", "-html", "-penalty", "-3", "-out", "o"]


def test_argv_is_a_command_line_of_the_same_meaning(folder: Path) -> None:
    given = ["-db=n", "--shards=2", "-query", "q.fa", "-penalty=-3", "-reward=2", "-outfmt", "6 std qlen", "--"]
    plain = [word for word in given if not word.startswith("--shards")]

    argv = blastn(given).argv()

    assert run(folder, "blastn", argv).stdout == run(folder, "blastn", plain).stdout != b""


def test_options_of_shardblast_may_stand_anywhere_with_or_without_an_equals_sign() -> None:
    words = "--shards 4 -db n --exactness=complete --report r.json -html --quiet --keep=k --engine dask --scheduler a:1"

    assert blastn(words.split()).ours == OurOptions(
        shards=4,
        exactness=Exactness.COMPLETE,
        report="r.json",
        quiet=True,
        keep="k",
        engine="dask",
        scheduler="a:1",
    )


def test_defaults_of_shardblast_are_identical_and_automatic() -> None:
    ours = blastn(["-db", "n"]).ours

    assert (ours.shards, ours.exactness, ours.engine) == ("auto", Exactness.IDENTICAL, "local")
    assert (ours.report, ours.quiet, ours.keep, ours.scheduler) == (None, False, None, None)


@pytest.mark.parametrize(("text", "shards"), [("auto", "auto"), ("off", "off"), ("1", 1), ("032", 32)])
def test_shards_are_a_number_or_a_word(text: str, shards: int | str) -> None:
    assert blastn(["-db", "n", "--shards", text]).ours.shards == shards


@pytest.mark.parametrize(
    "line",
    [
        "--shards 0",
        "--shards -1",
        "--shards many",
        "--shards 1.5",
        "--shards ²",
        "--shards",
        "--shards=",
        "--shards 2 --shards 2",
        "--exactness best",
        "--engine slurm",
        "--quiet=yes",
        "--quiet --quiet",
        "--report=",
        "--evalue 1",
        "--shard 2",
    ],
)
def test_wrong_option_of_shardblast_is_a_usage_error(line: str) -> None:
    with pytest.raises(UsageError) as caught:
        blastn(["-db", "n", *line.split()])

    assert caught.value.remedy


def test_value_that_looks_like_an_option_of_shardblast_belongs_to_blast(folder: Path) -> None:
    argv = ["-db", "n", "-query", "q.fa", "-out", "--shards"]
    assert run(folder, "blastn", argv).returncode == 0

    assert blastn(argv).value("out") == "--shards"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--shards 4 -db n -foo 1 --quiet -evalue", "-db n -foo 1 -evalue"),
        ("-logfile f --report=r -db n --keep", "-logfile f -db n"),
        ("-out --shards -db n --shards=2 -html x", "-out --shards -db n -html x"),
        ("--foo 1 -- x", "--foo 1 -- x"),
    ],
)
def test_wrong_command_line_reaches_blast_without_options_of_shardblast(line: str, expected: str) -> None:
    assert without_ours(line.split(), arguments(Program.BLASTN)) == expected.split()


@pytest.mark.parametrize(
    "line",
    [
        "-db n -culling_limit 1",
        "-db n -best_hit_overhang 0.1",
        "-db n -best_hit_score_edge 0.1",
        "-db n -remote",
        "-db n -entrez_query x -remote",
        "-subject q.fa",
        "-subject q.fa -subject_loc 1-9",
        "-import_search_strategy s",
        "-db n -export_search_strategy s",
        "-db n -use_index true",
        "-db n -db_soft_mask 1",
        "-db n -db_hard_mask 1",
        "-db n -gilist f",
        "-db n -negative_gilist f",
    ],
)
def test_options_that_shards_cannot_obey_are_named(line: str) -> None:
    reason = blastn(line.split()).why_unsplittable()

    assert reason is not None
    assert reason.startswith("-")
    assert reason.removeprefix("-").split()[0] in line


@pytest.mark.parametrize(
    ("program", "option"),
    [(Program.BLASTP, "ipglist"), (Program.BLASTP, "negative_ipglist"), (Program.TBLASTN, "in_pssm")],
)
def test_options_that_shards_of_other_programs_cannot_obey_are_named(program: Program, option: str) -> None:
    reason = parse(program, ["-db", "d", f"-{option}", "f"], arguments(program)).why_unsplittable()

    assert reason is not None
    assert f"-{option} " in reason


def test_option_of_a_later_version_runs_unsplit_and_is_named() -> None:
    known = arguments(Program.BLASTN)
    novel = Argument("novel", Kind.INTEGER)
    later = Arguments(known.program, "2.99.0", {**known, "novel": novel}, known.columns)

    options = parse(Program.BLASTN, ["-db", "n", "-novel", "1"], later)

    assert options.value("novel") == 1
    assert "-novel" in (options.why_unsplittable() or "")


@pytest.mark.parametrize("program", Program)
def test_the_table_knows_of_every_installed_option_whether_it_can_be_split(program: Program) -> None:
    for name in arguments(program):
        options = SearchOptions(
            program, {"db": "d", name: None}, blastn(["-db", "d"]).outfmt, OurOptions(), arguments(program)
        )

        reason = options.why_unsplittable()

        assert name in OPTIONS
        whole = (name == "max_hsps" and options.links_hsps) or (name == "qcov_hsp_perc" and options.threads_matter)
        assert (reason is None) == (OPTIONS[name].why_whole is None and not whole)


@pytest.mark.parametrize(
    ("program", "more", "splits"),
    [
        (Program.BLASTX, [], False),
        (Program.BLASTX, ["-sum_stats", "false"], False),
        (Program.TBLASTX, ["-sum_stats", "false"], False),
        (Program.TBLASTN, ["-sum_stats", "false"], True),
        (Program.BLASTN, [], True),
        (Program.BLASTN, ["-ungapped"], False),
        (Program.BLASTN, ["-sum_stats", "true"], False),
    ],
)
def test_hsps_are_counted_in_shards_unless_others_order_the_subjects(
    program: Program, more: list[str], splits: bool
) -> None:
    options = parse(program, ["-db", "d", "-max_hsps", "1", *more], arguments(program))

    assert (options.why_unsplittable() is None) == splits


def test_ordinary_options_split() -> None:
    line = "-db n -query q -evalue 1e-5 -task blastn -outfmt 6 -num_threads 2 -use_index false -max_target_seqs 5"

    assert blastn(line.split()).why_unsplittable() is None


def blastn(argv: list[str]) -> SearchOptions:
    return parse(Program.BLASTN, argv, arguments(Program.BLASTN))


def is_accepted(program: Program, argv: list[str]) -> bool:
    try:
        parse(program, argv, arguments(program))
    except InputError:
        return False
    return True


@cache
def arguments(program: Program) -> Arguments:
    return read_arguments(subprocess.run([program, "-xmlhelp"], check=True, capture_output=True).stdout)


def run(folder: Path, program: str, argv: list[str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([program, *argv], cwd=folder, capture_output=True, check=False)
