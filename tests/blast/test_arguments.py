"""The options that the installed programs describe."""

from __future__ import annotations

import re
import subprocess
import time
from functools import cache

import pytest

from shardblast.blast.installation import read_arguments
from shardblast.core.errors import EngineError
from shardblast.core.formats import COLUMNS
from shardblast.core.program import Arguments, Kind, NumericRange, Program


@pytest.mark.parametrize("program", Program)
def test_every_option_that_help_prints_is_read(program: Program) -> None:
    text = subprocess.run([program, "-help"], check=True, capture_output=True, text=True).stdout
    printed = re.findall(r"^ -(\w+)", text.partition("OPTIONAL ARGUMENTS")[2], re.M)

    assert sorted(arguments(program)) == sorted(printed)


@pytest.mark.parametrize("program", Program)
def test_program_and_version_are_read(program: Program) -> None:
    version = subprocess.run([program, "-version"], check=True, capture_output=True, text=True).stdout

    assert arguments(program).program is program
    assert version.startswith(f"{program}: {arguments(program).version}+")


@pytest.mark.parametrize(
    ("program", "name", "kind"),
    [
        ("blastn", "query", Kind.FILE_IN),
        ("blastn", "out", Kind.FILE_OUT),
        ("blastn", "evalue", Kind.REAL),
        ("blastn", "dbsize", Kind.BIG_INTEGER),
        ("blastn", "max_hsps", Kind.INTEGER),
        ("blastn", "soft_masking", Kind.BOOLEAN),
        ("blastn", "html", Kind.FLAG),
        ("blastp", "comp_based_stats", Kind.STRING),
    ],
)
def test_kind_is_read(program: str, name: str, kind: Kind) -> None:
    assert arguments(Program(program))[name].kind is kind


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("max_target_seqs", NumericRange(low=1)),
        ("penalty", NumericRange(high=0)),
        ("word_size", NumericRange(low=4)),
        ("perc_identity", NumericRange(0, 100)),
        ("best_hit_overhang", NumericRange(0, 0.5, low_inclusive=False, high_inclusive=False)),
        ("sorthits", NumericRange(0, 4)),
        ("evalue", None),
        ("out", None),
    ],
)
def test_numeric_range_is_read(name: str, expected: NumericRange | None) -> None:
    assert arguments(Program.BLASTN)[name].constraint == expected


def test_choices_are_read_in_each_of_the_ways_they_are_written() -> None:
    blastn, tblastn = arguments(Program.BLASTN), arguments(Program.TBLASTN)

    assert blastn["strand"].choices == ("both", "minus", "plus")
    assert {"megablast", "blastn-short"} < set(blastn["task"].choices)
    assert blastn["template_length"].choices == ("16", "18", "21")
    assert {"1", "6", "9", "33"} < set(tblastn["db_gencode"].choices)
    assert "7" not in tblastn["db_gencode"].choices


def test_relations_between_options_are_read() -> None:
    blastn = arguments(Program.BLASTN)

    assert blastn["max_target_seqs"].excludes == ("num_descriptions", "num_alignments")
    assert blastn["template_type"].requires == ("template_length",)
    assert "remote" in blastn["entrez_query"].requires


def test_defaults_are_read() -> None:
    blastn = arguments(Program.BLASTN)

    assert {blastn[name].default for name in ("task", "outfmt", "out")} == {"megablast", "0", "-"}
    assert blastn["max_target_seqs"].default is None


def test_columns_of_the_installed_version_are_the_known_ones() -> None:
    assert arguments(Program.BLASTN).columns == COLUMNS


def test_reading_takes_less_than_10_ms() -> None:
    xml = described(Program.BLASTN)
    read_arguments(xml)

    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        read_arguments(xml)
        seconds.append(time.perf_counter() - started)

    assert min(seconds) < 0.010


@pytest.mark.parametrize("xml", [b"", b"USAGE", b"<a/>", b"<?xml version='1.0'?><ncbi_application><program/>"])
def test_output_that_is_not_a_description_is_an_engine_error(xml: bytes) -> None:
    with pytest.raises(EngineError, match="describe"):
        read_arguments(xml)


def test_unknown_kinds_and_constraints_are_left_to_blast() -> None:
    xml = described(Program.BLASTN).replace(b'name="penalty" type="Integer"', b'name="penalty" type="Duration"')

    penalty = read_arguments(xml.replace(b"&lt;=0", b"a prime"))["penalty"]

    assert (penalty.kind, penalty.constraint, penalty.choices) == (Kind.STRING, None, ())


def arguments(program: Program) -> Arguments:
    return read_arguments(described(program))


@cache
def described(program: Program) -> bytes:
    return subprocess.run([program, "-xmlhelp"], check=True, capture_output=True).stdout
