"""Hits of a query in several shards, and their merge."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardblast.blast.alias import write_part
from shardblast.blast.database import open_database
from shardblast.blast.hits import (
    ArchiveCarrier,
    ListCarrier,
    PieceHit,
    QueryHits,
    by_query,
    layout_for,
    merge_hits,
    merge_rows,
    parse_rows,
)
from shardblast.blast.installation import find_installation
from shardblast.blast.seqalign import ordinal_id
from shardblast.blast.volume import View
from shardblast.core.errors import EngineError
from shardblast.core.program import Molecule
from tests.databases import Databases
from tests.identity.comparison import DATABASE_TYPE
from tests.sequences import nucleotide_queries, protein_queries, write_fasta

found = st.lists(st.tuples(st.sampled_from([0.0, 1e-200, 1e-50, 1e-3, 5.0]), st.integers(1, 6)), max_size=12)


@given(shards=st.lists(found, min_size=1, max_size=5), wanted=st.integers(1, 20))
def test_merging_is_sorting_all_hits_and_cutting(shards: list[list[tuple[float, int]]], wanted: int) -> None:
    """With the OIDs of later shards higher and each shard in BLAST's order."""
    oid = 0
    lists: list[list[PieceHit]] = []
    everything: list[tuple[tuple[float, int, int], bytes]] = []
    for hits in shards:
        keyed = []
        for evalue, score in hits:
            keyed.append(((0.0 if evalue < 1e-180 else evalue, -score, -oid), evalue, b"%d" % oid))
            oid += 1
        keyed.sort()
        lists.append([PieceHit(evalue, -key[1], name, [name]) for key, evalue, name in keyed])
        everything += [(key, name) for key, _, name in keyed]

    merged = merge_hits(lists, wanted)

    assert [hit.subject for _, hit in merged] == [name for _, name in sorted(everything)[:wanted]]
    assert all(hit in lists[index] for index, hit in merged)


@given(shards=st.lists(st.lists(st.integers(1, 6), max_size=12), min_size=1, max_size=5), wanted=st.integers(1, 20))
def test_merging_rows_is_merging_hits_whose_score_decides(shards: list[list[int]], wanted: int) -> None:
    lists, rows = [], []
    layout = layout_for(["qseqid", "evalue"])
    for shard, scores in enumerate(shards):
        ordered = sorted(scores, reverse=True)
        hits = [
            PieceHit(
                0.0,
                score,
                b"s%d_%d" % (shard, place),
                [b"q\t%d.%d.%d" % (shard, place, row) for row in range(1 + place % 3)],
            )
            for place, score in enumerate(ordered)
        ]
        lists.append(hits)
        lines = [b"%s\t%d\t%s\n" % (text, hit.raw_score, hit.subject) for hit in hits for text in hit.texts]
        rows.append(parse_rows(lines, layout))

    merged = merge_rows(rows, wanted)

    assert merged == [text for _, hit in merge_hits(lists, wanted) for text in hit.texts]


@pytest.mark.parametrize(
    ("columns", "outfmt", "shown"),
    [
        (["qseqid", "evalue"], "7 qseqid evalue score sseqid", 2),
        (["score", "sseqid"], "7 score sseqid", 2),
        (["sseqid", "length"], "7 sseqid length score", 2),
        ([], "7 score sseqid", 0),
    ],
)
def test_the_layout_adds_the_columns_that_merging_needs(columns: list[str], outfmt: str, shown: int) -> None:
    layout = layout_for(columns)

    assert (layout.outfmt, layout.shown) == (outfmt, shown)


def test_pieces_that_leave_queries_out_are_read_side_by_side() -> None:
    one = [QueryHits(0, [b"a"]), QueryHits(3, [b"b"])]
    other = [QueryHits(3, [b"c"])]

    read = list(by_query([iter(one), iter(other)], 5))

    assert [[part.texts for part in parts] for parts in read] == [
        *([[b"a"], []], [[], []], [[], []]),
        *([[b"b"], [b"c"]], [[], []]),
    ]
    assert [[part.ordinal for part in parts] for parts in read] == [[number, number] for number in range(5)]


def test_a_piece_of_more_queries_than_were_searched_is_refused() -> None:
    with pytest.raises(EngineError, match="more queries"):
        list(by_query([iter([QueryHits(0, [b"a"]), QueryHits(2, [b"b"])])], 2))


@pytest.mark.parametrize("program", ["blastn", "blastp", "blastx", "tblastn", "tblastx"])
def test_a_list_holds_what_the_archive_of_the_same_search_holds(
    program: str, databases: Databases, tmp_path: Path
) -> None:
    dbtype = DATABASE_TYPE[program]
    molecule = Molecule.PROTEIN if dbtype == "prot" else Molecule.NUCLEOTIDE
    database = open_database(find_installation(), databases("v5-volumes", dbtype), molecule)
    name = write_part(tmp_path, "part", database, range(len(database.volumes)), view=View.STORED)
    queries = [*(protein_queries() if program in ("blastp", "tblastn") else nucleotide_queries())]
    query = write_fasta(tmp_path / "q.fa", queries)
    found = []
    for carrier in (ListCarrier(), ArchiveCarrier()):
        out = tmp_path / carrier.outfmt
        argv = [program, "-db", name, "-query", str(query), "-max_hsps", "1", "-outfmt", carrier.outfmt]
        subprocess.run([*argv, "-out", str(out)], check=True, capture_output=True)
        by_ordinal = {hits.ordinal: carrier.hits(hits) for hits in carrier.read(out, len(queries)) if hits.texts}
        found.append(
            {
                ordinal: [(hit.evalue, hit.raw_score, oid_of(hit.subject)) for hit in hits]
                for ordinal, hits in by_ordinal.items()
            }
        )
    assert len(found[0]) > 1
    assert found[0] == found[1]

    (tmp_path / "9").write_bytes((tmp_path / "9").read_bytes()[:-1500])
    with pytest.raises(EngineError, match="incomplete"):
        list(ListCarrier().read(tmp_path / "9", len(queries)))


def oid_of(subject: bytes) -> int | None:
    return int(subject) if subject.isdigit() else ordinal_id(subject)
