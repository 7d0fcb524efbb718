"""Titles and names that imitate the lines by which outputs are parsed change nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.databases import Databases
from tests.identity.comparison import assert_identical_here
from tests.sequences import Sequence, invented, write_fasta

MARKERS = (
    "no hits found",
    "# 1 hits found",
    "# BLAST processed 3 queries",
    "# BLASTN 2.12.0+",
    "# Query: another",
    "# Database: another",
    "# Fields: query id, evalue",
    "Query= another",
    "Effective search space used: 12",
    "Lambda phage",
    "Lambda      K        H",
    "***** No hits found *****",
    " Score = 50 bits (25),  Expect = 1e-9",
    "  Database: another",
    "Length=300",
    "Tax BLAST report",
    "<Iteration>",
    "</Iteration> </BlastOutput>",
    "<Hsp>",
    "<BlastOutput2> </BlastOutput2>",
    '{ "report": { "bit_score": 5',
    '"bit_score": 5',
    '"id": { "str": "e_value"',
    "@HD VN:1.2 SO:coordinate GO:reference",
    "@SQ SN:Query_1 LN:300",
    "@PG ID:0 CL:blastn  PN:blastn",
    "Blast4-archive ::= {",
    'id str "e_value"',
    'local str "Query_1"',
    "e_value",
    "alignments { { ids {",
    "long " * 12 + "Effective search space used: 12",
    "long " * 13 + "Query= another",
)
EVERY_FORMAT = (
    "0",
    "2",
    "5",
    "7 std stitle",
    "8",
    "9",
    "10 sseqid evalue stitle",
    "12",
    "13",
    "14",
    "15",
    "16",
    "17",
    "18",
)


def sequences(kind: str, start: str) -> list[Sequence]:
    """Return a sequence for each marker, whose title begins with this."""
    letters = [invented(kind, 60, seed, "").letters for seed in range(len(MARKERS))]
    return [Sequence(f"{start.format(place)}{MARKERS[place]}", one) for place, one in enumerate(letters)]


@pytest.fixture(scope="module")
def named(databases: Databases) -> str:
    """A database without ids whose titles, own title and own name are markers."""
    made = Path(databases.of("marked", "nucl", sequences("nucl", "")))
    alias = made.with_name("Query= 3 hits found")
    title = "Query= another  Effective search space used: 12"
    alias.with_name(f"{alias.name}.nal").write_text(f"TITLE {title}\nDBLIST {made.name}\n")
    return f'"{alias}"'


@pytest.mark.parametrize("outfmt", EVERY_FORMAT)
def test_titles_and_names_may_be_markers_of_every_format(outfmt: str, named: str, tmp_path: Path) -> None:
    query = write_fasta(tmp_path / "q.fa", sequences("nucl", ""))

    assert_identical_here("blastn", ["-query", str(query), "-db", named, "-outfmt", outfmt], shards=(2,))


@pytest.mark.parametrize("outfmt", ["6 stitle", "7 stitle qseqid", "7", "0"])
@pytest.mark.parametrize(("program", "kind"), [("blastn", "nucl"), ("blastp", "prot")])
def test_titles_of_sequences_with_ids_may_be_markers(
    outfmt: str, program: str, kind: str, databases: Databases, tmp_path: Path
) -> None:
    database = databases.of("marked-ids", kind, sequences(kind, "s{} "), "-parse_seqids")
    query = write_fasta(tmp_path / "q.fa", sequences(kind, "q{} "))

    assert_identical_here(program, ["-query", str(query), "-db", database, "-outfmt", outfmt], shards=(2,))
