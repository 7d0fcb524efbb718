"""The warnings of BLAST+ about options and queries appear once, with the user's numbers and lines."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.databases import Databases
from tests.identity.comparison import blast, installation, search_here
from tests.sequences import invented, write_fasta


@pytest.fixture(scope="module")
def searched(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Queries of two batches behind blank lines, with what BLAST+ warns of in both."""
    sequences = [invented("prot", 90, seed, f"s{seed} of warnings") for seed in range(6)]
    odd = [one.letters[:30] + ("O" if place % 2 else "1-") + one.letters[30:] for place, one in enumerate(sequences)]
    masked = ">x ] Query_1 [blastp] Query_1 On line 7\n" + "X" * 50 + "\n"
    first = "".join(f">q{place} one\n{odd[place]}\n" for place in range(3))
    large = ">large\n" + "X" * 100_100 + "\n"
    second = "".join(f">q{place} Query_1\n{odd[place]}\n" for place in range(3, 6))
    query = tmp_path_factory.mktemp("warnings") / "q.fa"
    query.write_text(f"\n \n{first}{masked}{large}{masked}{second}")
    return ["-query", str(query), "-db", databases.of("warnings", "prot", sequences, "-parse_seqids")]


@pytest.mark.parametrize(
    ("outfmt", "options"),
    [
        ("6", ["-num_descriptions", "3", "-num_alignments", "4", "-line_length", "70"]),
        ("7", ["-max_target_seqs", "4", "-num_threads", "4000"]),
        ("0", ["-max_target_seqs", "3"]),
        ("18", ["-sorthits", "4", "-sorthsps", "1"]),
        ("12", ["-max_target_seqs", "2"]),
    ],
)
def test_warnings_are_those_of_blast(
    outfmt: str, options: list[str], searched: list[str], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    words = [*searched, "-outfmt", outfmt, *options, "-out", "result"]
    expected = blast("blastp", words)
    capfdbinary.readouterr()

    report = search_here("blastp", [*words, "--shards", "2"], expected)

    printed = capfdbinary.readouterr().err.splitlines()
    assert report["shards"] == 2
    assert sorted(printed) == sorted(set(expected.stderr.splitlines()))
    assert len(printed) >= 6


@pytest.mark.parametrize(
    ("outfmt", "options"),
    [
        ("0", ["-mt_mode", "1", "-num_threads", "2"]),
        ("6", ["-mt_mode", "1", "-num_threads", "4000"]),
        ("5", ["-mt_mode", "1", "-num_threads", "1"]),
        ("7", ["-mt_mode", "0", "-num_threads", "2"]),
    ],
)
def test_the_warning_that_threads_gain_little_for_few_queries_is_printed_where_blast_prints_it(
    outfmt: str, options: list[str], databases: Databases, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    sequences = [invented("prot", 90, seed, f"s{seed} of few") for seed in range(6)]
    query = write_fasta(tmp_path / "q.fa", sequences)
    words = ["-query", str(query), "-db", databases.of("threads", "prot", sequences), "-outfmt", outfmt, *options]
    expected = blast("blastp", [*words, "-out", "result"])
    capfdbinary.readouterr()

    report = search_here("blastp", [*words, "-out", "result", "--shards", "2"], expected)

    assert report["shards"] == 2
    assert sorted(capfdbinary.readouterr().err.splitlines()) == sorted(expected.stderr.splitlines())
    warns = outfmt in "06" and installation().version < (2, 16)  # later versions no longer warn
    assert (b"too small to fully benefit" in expected.stderr) == warns


@pytest.mark.parametrize("outfmt", ["13", "14"])
def test_formats_of_many_files_warn_of_options(
    outfmt: str, databases: Databases, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    query = tmp_path / "q.fa"
    query.write_text("\n>n\n" + "N" * 40 + invented("nucl", 60, 1, "").letters + "1\n>m\n" + "N" * 40 + "\n")
    database = databases.of("warned", "nucl", [invented("nucl", 60, 1, "s1"), invented("nucl", 60, 2, "s2")])
    words = ["-query", str(query), "-db", database, "-outfmt", outfmt, "-max_target_seqs", "1", "-out", "result"]
    expected = blast("blastn", words)
    capfdbinary.readouterr()

    search_here("blastn", [*words, "--shards", "2"], expected)

    assert sorted(capfdbinary.readouterr().err.splitlines()) == sorted(set(expected.stderr.splitlines()))
    assert not Path(os.devnull + "_1.json").exists()
