"""Pieces cut down to their alignments."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from shardblast.blast.archive import Alignments, ArchiveReader, condense, read_alignments
from shardblast.core.errors import ArchiveError, EngineError
from tests.databases import Databases
from tests.sequences import Sequence, gene, real, write_fasta

PROGRAMS = {"blastp": "prot", "tblastn": "nucl", "blastn": "nucl", "blastx": "prot"}
QUERIES = 81
TITLES = ('quotes "" and "', '"    alignments {', 'local str "Query_1" ids { id str "score"', "x" * 300)


def written(program: str, databases: Databases, folder: Path) -> Path:
    """Return an archive of more queries than one of BLAST+'s own batches has, with hostile titles."""
    chosen = [*real("protein-queries")[:20], *real("proteins")[:60]]
    records = [Sequence(f"s{number} {TITLES[number % 4]}", one.letters) for number, one in enumerate(chosen)]
    records[5:5] = [Sequence("none", "MKV")]
    queries = records if program in ("blastp", "tblastn") else [gene(one) for one in records]
    query, out = write_fasta(folder / "query.fa", queries), folder / "piece"
    argv = [
        program,
        "-db",
        databases("v5", PROGRAMS[program]),
        "-query",
        str(query),
        "-outfmt",
        "11",
        "-evalue",
        "1e-5",
    ]
    subprocess.run([*argv, "-out", str(out)], check=True)
    return out


def alignments_of(archive: Path) -> list[Alignments]:
    with archive.open("rb") as stream:
        return list(ArchiveReader(stream, archive.name).alignments())


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_condensed_piece_has_the_alignments_of_its_archive(
    program: str, databases: Databases, tmp_path: Path
) -> None:
    piece = written(program, databases, tmp_path)
    expected, size = alignments_of(piece), piece.stat().st_size
    assert list(read_alignments(piece, QUERIES)) == expected

    condense(piece, QUERIES)

    assert list(read_alignments(piece, QUERIES)) == expected
    assert piece.stat().st_size < size
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["piece", "query.fa"]


def test_a_piece_without_hits_is_condensed_to_nothing(databases: Databases, tmp_path: Path) -> None:
    query = write_fasta(tmp_path / "query.fa", [Sequence(f"none{number}", "MKV" * 5) for number in range(100)])
    piece = tmp_path / "piece"
    argv = ["blastp", "-db", databases("v5", "prot"), "-query", str(query), "-evalue", "1e-50", "-outfmt", "11"]
    subprocess.run([*argv, "-out", str(piece)], check=True)

    condense(piece, 100)

    assert list(read_alignments(piece, 100)) == []
    assert piece.stat().st_size < 100


@pytest.mark.parametrize("lost", [1, 4, 100, 5000])
def test_a_condensed_piece_that_ends_early_is_refused(databases: Databases, tmp_path: Path, lost: int) -> None:
    piece = written("blastp", databases, tmp_path)
    condense(piece, QUERIES)
    piece.write_bytes(piece.read_bytes()[:-lost])

    with pytest.raises(ArchiveError, match="truncated"):
        list(read_alignments(piece, QUERIES))


@pytest.mark.parametrize("program", ["blastp", "tblastn"])
def test_an_archive_that_lacks_whole_queries_at_its_end_is_refused(
    program: str, databases: Databases, tmp_path: Path
) -> None:
    piece = written(program, databases, tmp_path)
    whole = piece.read_bytes()
    for kept in (whole[: whole.rfind(b"Blast4-archive ::= {\n")], b""):
        piece.write_bytes(kept)

        with pytest.raises(EngineError, match=f"{QUERIES} queries"):
            list(read_alignments(piece, QUERIES))
        with pytest.raises(EngineError, match=f"{QUERIES} queries"):
            condense(piece, QUERIES)

        assert piece.read_bytes() == kept


def test_files_that_are_not_archives_are_not_condensed(tmp_path: Path) -> None:
    piece = tmp_path / "piece"
    piece.write_bytes(b"nothing of the kind\n")

    with pytest.raises(ArchiveError):
        condense(piece, 1)

    assert piece.read_bytes() == b"nothing of the kind\n"
    assert list(tmp_path.iterdir()) == [piece]
