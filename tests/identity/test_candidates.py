"""Saturated queries: shards find their candidates if the database does not fit in memory.

The limits of ``-evalue`` are strict, because only then a small database has the search space of a large one.
"""

from __future__ import annotations

import random
from collections.abc import Sequence as Ordered
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import pytest

from shardblast.blast.sequences import CandidateDatabase
from shardblast.blast.volume import View
from shardblast.engine.candidates import Candidates, _grouped
from shardblast.engine.pieces import view_of
from shardblast.engine.saturation import Research
from shardblast.engine.workspace import Machine
from tests.databases import Databases
from tests.identity.comparison import DATABASE_TYPE, assert_identical_here
from tests.sequences import (
    Sequence,
    copies_with_codes,
    gene,
    mutants,
    other_strand,
    protein_family,
    unrelated_proteins,
    write_fasta,
)

TINY_MEMORY = Machine(cores=2, memory_bytes=1 << 12)
"""A machine whose memory does not hold our databases."""
COPIES = 1500
GENE_PROTEINS = unrelated_proteins(6)
GENES = [*map(gene, GENE_PROTEINS)]
"""Of which chromosomes hold copies."""
STRICT = ["-evalue", "1e-6"]


def family(seed: int, name: str, copies: int, letters: int, codes: int) -> list[Sequence]:
    """Return mutated copies of a gene, some of them twice, every third with ambiguity codes."""
    chance = random.Random(seed)
    gene = "".join(chance.choices("ACGT", k=letters))
    found: list[Sequence] = []
    for number in range(copies):
        rate = chance.choice((0.005, 0.02, 0.05, 0.1))
        copy = [chance.choice("ACGT") if chance.random() < rate else base for base in gene]
        for _ in range(chance.randrange(1, codes + 1) if number % 3 == 0 else 0):
            copy[chance.randrange(letters)] = chance.choice("NRYKM")
        found.append(Sequence(f"{name}{number} a copy", "".join(copy)))
    return [Sequence(f"{name}0 the gene", gene), *found[1:]]


@pytest.fixture(scope="module")
def genes() -> list[Sequence]:
    large, small = family(1, "g", COPIES, 400, 8), family(2, "h", COPIES // 5, 300, 2)
    both = [*large, *small]
    random.Random(3).shuffle(both)
    return both


@pytest.fixture(scope="module")
def query(genes: list[Sequence], tmp_path_factory: pytest.TempPathFactory) -> Path:
    named = {one.title.split()[0]: one.letters for one in genes}
    pieces = [("q1", named["g0"]), ("none", "ACGTTGCA" * 12), ("q2", named["h0"]), ("q3", named["g0"][90:260])]
    return write_fasta(tmp_path_factory.mktemp("query") / "q.fa", [Sequence(*piece) for piece in pieces])


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """Return the numbers of candidates of the searches that follow; None for the whole database."""
    numbers: list[int | None] = []
    original = Candidates.database

    def database(self: Candidates, *arguments: object) -> CandidateDatabase | None:
        found = original(self, *arguments)  # type: ignore[arg-type]
        numbers.append(None if found is None else len(found.oids))
        return found

    monkeypatch.setattr(Candidates, "database", database)
    return numbers


@pytest.mark.parametrize(
    "kind", [(), ("-parse_seqids",), ("-max_file_sz", "60000"), ("-blastdb_version", "4")], ids=str
)
@pytest.mark.parametrize(("options", "outfmt"), [("-task megablast", "6 std score"), ("-task blastn", "0")])
def test_few_candidates_give_the_hits_of_blast(
    kind: tuple[str, ...],
    options: str,
    outfmt: str,
    genes: list[Sequence],
    query: Path,
    databases: Databases,
    counted: list[int | None],
) -> None:
    name = databases.of("genes" + "".join(kind), "nucl", genes, *kind)
    words = ["-db", name, "-query", str(query), "-max_target_seqs", "10", "-outfmt", outfmt, *STRICT]

    assert_identical_here("blastn", [*words, *options.split()], machine=TINY_MEMORY, shards=[2, 5])

    assert all(count is not None and 20 <= count < 300 for count in counted), counted  # of 1,800


@pytest.mark.parametrize("queries", ["steady", "filled", "mixed"])
@pytest.mark.parametrize("options", ["-max_target_seqs 5", "-max_target_seqs 60 -comp_based_stats 1"])
def test_queries_whose_candidates_are_all_good_are_searched_apart(
    queries: str, options: str, databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BLAST+ skips weak subjects once all queries of a batch have enough hits; such queries have no weak subjects."""
    near, far = mutants(7, "near", 2400, (0.05, 0.15)), protein_family(8, "far", 1500, 100)
    held = [*near, *far, *unrelated_proteins(6000)]
    random.Random(9).shuffle(held)
    chosen = {
        "steady": near[:6],
        "filled": [*near[:4], *far[:3]],
        "mixed": [*near[:4], *far[:3], Sequence("no", "WQ" * 40)],
    }
    query = write_fasta(tmp_path / "queries.fa", chosen[queries])
    words = ["-db", databases.of("near-and-far", "prot", held), "-query", str(query), "-outfmt", "6", *options.split()]
    groups: list[list[Ordered[int]]] = []
    original = Research._searched_together

    def searched_together(self: Research, *arguments: Any) -> list[tuple[Ordered[int], int | None]]:
        found = original(self, *arguments)
        groups.append([list(ordinals) for ordinals, _ in found])
        return found

    monkeypatch.setattr(Research, "_searched_together", searched_together)

    assert_identical_here("blastp", words, machine=TINY_MEMORY, shards=[3])

    (searched,) = groups
    number = len(chosen[queries])
    assert [len(group) for group in searched] == ([number // 2] * 2 if queries == "steady" else [number])


@pytest.mark.parametrize("options", ["-perc_identity 97", "-strand minus", "-task dc-megablast", "-evalue 10"])
@pytest.mark.parametrize("limit", ["1", "150"])
def test_candidates_serve_with_all_options(
    options: str, limit: str, genes: list[Sequence], query: Path, databases: Databases
) -> None:
    words = ["-db", databases.of("genes", "nucl", genes), "-query", str(query), "-max_target_seqs", limit]
    strict = [] if "-evalue" in options else STRICT

    assert_identical_here("blastn", [*words, *strict, *options.split()], machine=TINY_MEMORY, shards=[3], empty=True)


@pytest.mark.parametrize(("limit", "most"), [("1", 40), ("7", 60), ("100", 600)])
def test_of_many_equal_scores_only_those_that_blast_keeps_are_candidates(
    limit: str, most: int, query: Path, databases: Databases, counted: list[int | None]
) -> None:
    same = [Sequence(f"s{number}", family(1, "g", 1, 400, 1)[0].letters) for number in range(4000)]
    others = family(7, "o", 600, 500, 1)
    words = ["-db", databases.of("same", "nucl", [*same, *others]), "-query", str(query), "-max_target_seqs", limit]

    assert_identical_here("blastn", [*words, *STRICT, "-outfmt", "6"], machine=TINY_MEMORY, shards=[2])

    assert all(count is not None and count <= most for count in counted), counted


@pytest.fixture(scope="module")
def alike() -> list[Sequence]:
    """Return 60,000 copies of a gene: every second is the same, and every fourth has ambiguity codes or a change."""
    chance, (same, _) = random.Random(11), family(9, "a", 2, 110, 1)
    coded, changed = (copies_with_codes(same.letters, *counts) for counts in ((15_000, 0), (0, 15_000)))
    letters = [*[same.letters] * 30_000, *(one.letters for one in chain(coded, changed))]
    chance.shuffle(letters)
    return [Sequence(f"a{number}", one) for number, one in enumerate(letters)]


@pytest.mark.parametrize(
    ("limit", "kind"), [("1", ()), ("50", ("-parse_seqids", "-max_file_sz", "1000000")), ("500", ())], ids=str
)
def test_a_query_with_tens_of_thousands_of_nearly_equal_hits_has_few_candidates(
    kind: tuple[str, ...],
    limit: str,
    alike: list[Sequence],
    databases: Databases,
    tmp_path: Path,
    counted: list[int | None],
) -> None:
    same = family(9, "a", 1, 110, 1)[0].letters
    near = f"{same[:50]}{'A' if same[50] == 'C' else 'C'}{same[51:]}"
    query = write_fasta(
        tmp_path / "q.fa", [Sequence("same", same), Sequence("near", near), Sequence("part", same[20:])]
    )
    name = databases.of("alike" + "".join(kind), "nucl", alike, *kind)
    words = ["-db", name, "-query", str(query), "-max_target_seqs", limit, "-outfmt", "6 std score"]

    (report,) = assert_identical_here("blastn", words, machine=TINY_MEMORY, shards=[4])

    kept = min(max(2 * int(limit), 10), int(limit) + 50)
    assert [count for count in counted if count is None or count > 12 * kept] == []
    assert sum(piece["purpose"] == "candidates" for piece in report["pieces"]) <= 4 * 4


def test_volumes_with_ambiguity_codes_would_give_wrong_hits(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The subjects with codes rank first by the bases that makeblastdb draws, and last by the codes."""
    gene = "".join(random.Random(5).choices("ACGT", k=300))
    places = [20 + number % 250 for number in range(1500)]
    coded = [Sequence(f"c{n}", f"{gene[:place]}NNNN{gene[place + 4 :]}") for n, place in enumerate(places)]
    plain = [Sequence(f"p{number}", f"{gene[:140]}{gene[141]}{gene[140]}{gene[142:]}") for number in range(1300)]
    path = write_fasta(tmp_path / "q.fa", [Sequence("q", gene)])
    words = ["-db", databases.of("coded", "nucl", [*coded, *plain]), "-query", str(path), "-max_target_seqs", "5"]
    words += ["-reward", "1", "-penalty", "-4", "-outfmt", "6 std score", *STRICT]

    assert_identical_here("blastn", words, machine=TINY_MEMORY, shards=[4])

    monkeypatch.setattr("shardblast.engine.candidates.view_of", lambda _, shard: view_of(View.STORED, shard))
    with pytest.raises(AssertionError):
        assert_identical_here("blastn", words, machine=TINY_MEMORY, shards=[4])


@pytest.fixture(scope="module")
def chromosomes(databases: Databases) -> str:
    """Return a database of six sequences of 3 million bases; gene n is in the first 6 - n of them, with changes."""
    chance = random.Random(21)
    made = []
    for number in range(6):
        bases = bytearray(chance.randbytes(3_000_000).translate(b"ACGT" * 64))
        for place, one in enumerate(GENES[: 6 - number]):
            for start in range(100_000, 3_000_000, 700_000):
                copy = bytearray(one.letters.encode())
                for at in chance.sample(range(len(copy)), chance.randrange(12)):
                    copy[at] = chance.choice(b"ACGTN")
                bases[start + 2000 * place : start + 2000 * place + len(copy)] = copy
        made.append(Sequence(f"chromosome{number}", bases.decode()))
    return databases.of("chromosomes", "nucl", made, "-max_file_sz", "3000000")


@pytest.mark.parametrize(
    ("program", "limit", "options", "verdicts"),
    [
        ("blastn", "1", "", {"merged"}),
        ("blastn", "3", "-perc_identity 97 -task blastn", {"merged"}),
        ("tblastn", "1", "", {"researched"}),
        ("tblastn", "3", "-comp_based_stats 0", {"merged"}),
    ],
)
def test_chromosomes_are_merged_where_blast_drops_none_of_them(
    program: str, limit: str, options: str, verdicts: set[str], chromosomes: str, tmp_path: Path
) -> None:
    queries = GENES if program == "blastn" else GENE_PROTEINS[:3]
    query = write_fasta(tmp_path / "q.fa", queries)
    words = ["-db", chromosomes, "-query", str(query), "-max_target_seqs", limit, "-outfmt", "6 std score", *STRICT]

    (report,) = assert_identical_here(program, [*words, *options.split()], machine=TINY_MEMORY, shards=[3])

    assert set(report["verdicts"]) == verdicts


PROTEINS = protein_family(1, "p", 4500, 90)
QUERIES = [PROTEINS[0].letters, PROTEINS[0].letters[20:], "MKWVTFISLLFLFSSAYSRGVFRR"]


def exons(protein: str, seed: int) -> str:
    """Return a gene of a protein in up to four exons, with introns of 40 to 160 bases, on either strand."""
    chance = random.Random(seed)
    borders = [0, *sorted(chance.sample(range(5, len(protein)), chance.randrange(4))), len(protein)]
    parts = [gene(Sequence("", protein[start:end]), 2 * seed).letters for start, end in pairwise(borders)]
    introns = ["".join(chance.choices("ACGT", k=chance.randrange(40, 160))) for _ in parts]
    copy = Sequence("", "".join(chain(*zip(introns, parts, strict=True))))
    return (other_strand(copy) if seed % 5 == 0 else copy).letters


@pytest.fixture(scope="module")
def copies() -> dict[str, list[Sequence]]:
    """Return copies of a protein, and genes of copies with introns and ambiguity codes, among others."""
    genes = []
    for number, one in enumerate(PROTEINS):
        bases = list(exons(one.letters, number))
        if number % 7 == 0:
            bases[number % len(bases)] = "N"
        genes.append(Sequence(one.title, "".join(bases)))
    found = {"prot": [*PROTEINS, *unrelated_proteins(3000)], "nucl": [*genes, *map(gene, unrelated_proteins(2500))]}
    for sequences in found.values():
        random.Random(4).shuffle(sequences)
    return found


@pytest.mark.parametrize(
    ("program", "kind", "limit", "options", "outfmt"),
    [
        ("blastp", (), "500", "", "6 std score"),
        ("blastp", ("-max_file_sz", "50000"), "20", "-comp_based_stats 0", "6"),
        ("blastp", ("-blastdb_version", "4"), "5", "-task blastp-fast -comp_based_stats 3", "0"),
        ("blastp", (), "500", "-comp_based_stats 1 -evalue 1e-10", "6"),
        ("blastx", (), "500", "", "0"),
        ("blastx", ("-parse_seqids",), "100", "-comp_based_stats 0", "6 std score"),
        ("tblastn", ("-parse_seqids",), "20", "", "0"),
        ("tblastn", ("-max_file_sz", "50000"), "100", "-comp_based_stats 0 -max_intron_length 200", "6"),
    ],
    ids=str,
)
def test_few_candidates_of_each_program_give_the_hits_of_blast(
    program: str,
    kind: tuple[str, ...],
    limit: str,
    options: str,
    outfmt: str,
    copies: dict[str, list[Sequence]],
    databases: Databases,
    tmp_path: Path,
    counted: list[int | None],
) -> None:
    """Volumes of 50 kB are 20 to 40, so that shards have several whose numbers have one and two digits."""
    dbtype = DATABASE_TYPE[program]
    name = databases.of("copies" + "".join(kind), dbtype, copies[dbtype], *kind)
    made = [exons(one, 3) if program == "blastx" else one for one in QUERIES]
    query = write_fasta(tmp_path / "q.fa", [Sequence(f"q{n}", one) for n, one in enumerate(made)])
    words = ["-db", name, "-query", str(query), "-max_target_seqs", limit, "-outfmt", outfmt, *options.split()]
    limited = [] if "-evalue" in options else ["-evalue", "1e-3"]

    (report,) = assert_identical_here(program, [*words, *limited], machine=TINY_MEMORY, shards=[4])

    assert counted, "no query is saturated"
    assert all(count is not None and count < 4200 for count in counted), counted  # of 4,500 copies
    purposes = {piece["purpose"] for piece in report["pieces"]}
    is_judged_first = "-comp_based_stats 0" not in options  # by a sample, in which most queries have enough hits
    assert purposes == {"candidates", "research", "sample" if is_judged_first else "search"} | (purposes & {"probe"})


@pytest.mark.parametrize(("limit", "options"), [("1", ""), ("300", "-seg no -strand minus"), ("20", "-evalue 1e-20")])
def test_the_best_hits_of_all_shards_are_those_of_an_ungapped_search(
    limit: str, options: str, copies: dict[str, list[Sequence]], databases: Databases, tmp_path: Path
) -> None:
    name = databases.of("ungapped-copies", "nucl", copies["nucl"][::4])
    query = write_fasta(tmp_path / "q.fa", [Sequence(f"q{n}", exons(one, n)) for n, one in enumerate(QUERIES)])
    words = ["-db", name, "-query", str(query), "-max_target_seqs", limit, "-outfmt", "6 std score", *options.split()]

    (report,) = assert_identical_here("tblastx", words, machine=TINY_MEMORY, shards=[3])

    assert report["verdicts"] == {"merged": len(QUERIES)}


def test_queries_with_similar_limits_are_searched_together() -> None:
    assert _grouped({0: 100, 1: 0, 2: 101, 3: 300, 4: 0}) == [[1, 4], [0, 2], [3]]
    assert len(_grouped({number: 2**number for number in range(200)})) <= 16
