"""How lists of ids and taxids change a database's totals, and how an alias does the same without a list."""

from __future__ import annotations

import re
import struct
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from tests.facts.shards import from_archive, run, search_spaces
from tests.sequences import Sequence, gene, real, write_fasta

COLUMNS = "6 qseqid sseqid evalue score qstart sstart"
CASES = {
    "blastn": ("nucl", "nucl"),
    "blastp": ("prot", "prot"),
    "blastx": ("nucl", "prot"),
    "tblastn": ("prot", "nucl"),
}
KEPT = range(0, 240, 3)
"""OIDs of the sequences that the list names."""


class Whole:
    """A database of one volume with ids S0.1, S1.1 and so on, and a list of every third of them."""

    def __init__(self, folder: Path, dbtype: str, sequences: list[Sequence], *options: str) -> None:
        self.folder, self.dbtype, self.sequences = folder, dbtype, sequences
        self.path = folder / "whole"
        folder.mkdir()
        named = [Sequence(f"S{number}.1", one.letters) for number, one in enumerate(sequences)]
        fasta = write_fasta(folder / "whole.fa", named)
        argv = ["makeblastdb", "-in", str(fasta), "-dbtype", dbtype, "-parse_seqids", "-title", "whole", *options]
        subprocess.run([*argv, "-out", str(self.path)], check=True, capture_output=True)
        self.list = folder / "list"
        self.list.write_text("".join(f"S{oid}.1\n" for oid in KEPT))

    @property
    def lengths(self) -> list[int]:
        return [len(self.sequences[oid].letters) for oid in KEPT]

    @property
    def counted(self) -> list[int]:
        """Letters as BLAST+ counts them for a filter."""
        if self.dbtype == "prot":
            return self.lengths
        return [length // 4 * 4 + (oid & 3) for oid, length in zip(KEPT, self.lengths, strict=True)]

    def masked(self, oids: range, name: str, *lines: str, letters: int | None = None) -> str:
        """Return an alias that shows those of the list among these OIDs, with the list's totals."""
        size = len(self.sequences)
        bits = bytearray((size + 31) // 32 * 4)
        for oid in KEPT:
            if oid in oids:
                bits[oid >> 3] |= 0x80 >> (oid & 7)
        (self.folder / f"{name}.msk").write_bytes(struct.pack(">I", size - 1) + bits)
        total = sum(self.counted) if letters is None else letters
        text = ["TITLE masked", f'DBLIST "{self.path}"', f"OIDLIST {name}.msk", f"NSEQ {len(KEPT)}", f"LENGTH {total}"]
        text += [f"STATS_NSEQ {len(KEPT)}", f"STATS_TOTLEN {total}", *lines]
        (self.folder / f"{name}.{self.dbtype[0]}al").write_text("\n".join(text) + "\n")
        return str(self.folder / name)

    @property
    def shortest(self) -> str:
        return f"MIN_SEQ_LENGTH {min(self.counted)}"


@pytest.fixture(scope="module")
def wholes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Whole]:
    folder = tmp_path_factory.mktemp("filters")
    some = [one for one in real("proteins") if len(one.letters) > 60][:240]
    return {
        "prot": Whole(folder / "prot", "prot", some),
        "nucl": Whole(folder / "nucl", "nucl", [gene(one, seed) for seed, one in enumerate(some)]),
    }


@pytest.fixture(scope="module")
def query(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("queries")
    some = [one for one in real("proteins") if len(one.letters) > 60][:30:3]
    genes = [gene(one, seed * 3) for seed, one in enumerate(some)]
    return {"prot": write_fasta(folder / "p.fa", some), "nucl": write_fasta(folder / "n.fa", genes)}


@pytest.mark.parametrize("program", CASES)
def test_masks_with_the_totals_of_the_list_give_every_row_of_the_list(
    program: str, wholes: dict[str, Whole], query: dict[str, Path]
) -> None:
    query_type, db_type = CASES[program]
    whole = wholes[db_type]
    options = ("-evalue", "50")
    expected = run(program, str(whole.path), query[query_type], COLUMNS, "-seqidlist", str(whole.list), *options)

    halves = [whole.masked(range(begin, end), f"half{begin}", whole.shortest) for begin, end in pairwise((0, 120, 240))]
    found = [run(program, half, query[query_type], COLUMNS, *options) for half in halves]

    assert expected
    assert sorted(b"".join(found).splitlines()) == sorted(expected.splitlines())


@pytest.mark.parametrize("program", CASES)
def test_letters_of_a_list_are_counted_without_the_last_byte_of_a_nucleotide_sequence(
    program: str, wholes: dict[str, Whole], query: dict[str, Path]
) -> None:
    query_type, db_type = CASES[program]
    whole = wholes[db_type]
    listed = run(program, str(whole.path), query[query_type], "5", "-seqidlist", str(whole.list))

    masked = run(program, whole.masked(range(240), "counted"), query[query_type], "5")
    exact = run(program, whole.masked(range(240), "exact", letters=sum(whole.lengths)), query[query_type], "5")

    assert search_spaces(masked) == search_spaces(listed)
    assert (search_spaces(exact) == search_spaces(listed)) == (db_type == "prot")


def test_the_shortest_sequence_of_a_list_decides_which_hits_pass_the_preliminary_stage(
    wholes: dict[str, Whole], query: dict[str, Path]
) -> None:
    """Without a filter BLAST+ does not look for it and takes 10 letters for the shortest.

    Source: NCBI C++ Toolkit, algo/blast/core/blast_setup.c (BLAST_GapAlignSetUp), seqdbimpl.cpp (x_ScanTotals).
    """
    whole = wholes["prot"]
    options = ("-evalue", "50")
    expected = run("blastp", str(whole.path), query["prot"], COLUMNS, "-seqidlist", str(whole.list), *options)

    with_it = run("blastp", whole.masked(range(240), "with", whole.shortest), query["prot"], COLUMNS, *options)
    without = run("blastp", whole.masked(range(240), "without"), query["prot"], COLUMNS, *options)

    assert with_it == expected
    assert set(without.splitlines()) > set(expected.splitlines())


def test_sizes_are_printed_as_those_of_the_whole_database(wholes: dict[str, Whole], query: dict[str, Path]) -> None:
    whole = wholes["prot"]
    listed = run("blastp", str(whole.path), query["prot"], "0", "-seqidlist", str(whole.list))

    assert b"           240 sequences; " in listed
    assert re.search(rb"Number of sequences in database: +240\n", listed)


def test_archives_name_the_taxids_of_a_filter_but_not_its_ids(tmp_path: Path) -> None:
    """``blast_formatter`` then shows all ids of a sequence, and BLAST+ only those of the list."""
    letters = real("proteins")[3].letters
    fasta = tmp_path / "two.fa"
    fasta.write_text(f">S1.1 first\x01T1.1 second\n{letters}\n")
    (tmp_path / "taxids").write_text("S1.1 9606\nT1.1 562\n")
    argv = [
        "makeblastdb",
        "-in",
        str(fasta),
        "-dbtype",
        "prot",
        "-parse_seqids",
        "-taxid_map",
        str(tmp_path / "taxids"),
    ]
    subprocess.run([*argv, "-title", "two", "-out", str(tmp_path / "two")], check=True, capture_output=True)
    (tmp_path / "ids").write_text("T1.1\n")
    query = write_fasta(tmp_path / "q.fa", [Sequence("q", letters)])

    shown = {}
    for filtered in (("-seqidlist", str(tmp_path / "ids")), ("-taxids", "562")):
        direct = run("blastp", str(tmp_path / "two"), query, "6 salltitles", *filtered)
        archive = run("blastp", str(tmp_path / "two"), query, "11", *filtered)
        shown[filtered[0]] = (direct, from_archive(archive, tmp_path, "6 salltitles"))

    assert shown["-seqidlist"] == (b"second\n", b"first<>second\n")
    assert shown["-taxids"] == (b"second\n", b"second\n")


def test_a_query_that_cannot_be_searched_makes_blast_report_which_taxids_of_a_filter_it_found(tmp_path: Path) -> None:
    letters = real("proteins")[3].letters
    fasta = write_fasta(tmp_path / "one.fa", [Sequence("S1.1", letters)])
    argv = ["makeblastdb", "-in", str(fasta), "-dbtype", "prot", "-parse_seqids", "-taxid", "562", "-title", "one"]
    subprocess.run([*argv, "-out", str(tmp_path / "one")], check=True, capture_output=True)
    query = write_fasta(tmp_path / "q.fa", [Sequence("none", "X" * 40)])

    archive = run("blastp", str(tmp_path / "one"), query, "11", "-taxids", "9606,562")

    assert re.search(rb'name "TaxidList",\s+value integer-list \{\s+562\s+\}', archive)


def test_of_version_4_blast_counts_sequences_with_several_ids_that_it_drops(tmp_path: Path) -> None:
    fasta = tmp_path / "four.fa"
    some = real("proteins")[:60]
    fasta.write_text("".join(f">S{n}.1 a\x01T{n}.1 b\n{one.letters}\n" for n, one in enumerate(some)))
    (tmp_path / "ids").write_text("".join(f"S{n}.1\nT{n}.1\n" for n in range(30)))
    query = write_fasta(tmp_path / "q.fa", [some[40]])
    spaces = {}
    for version in ("4", "5"):
        path = tmp_path / f"v{version}"
        argv = ["makeblastdb", "-in", str(fasta), "-dbtype", "prot", "-parse_seqids", "-blastdb_version", version]
        subprocess.run([*argv, "-title", "t", "-out", str(path)], check=True, capture_output=True)
        spaces[version] = search_spaces(
            run("blastp", str(path), query, "5", "-negative_seqidlist", str(tmp_path / "ids"))
        )
        spaces["whole"] = search_spaces(run("blastp", str(path), query, "5"))

    assert spaces["4"] == spaces["whole"]
    assert spaces["5"] != spaces["whole"]
