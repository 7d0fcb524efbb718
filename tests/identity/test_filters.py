"""Lists of ids and taxids: the remaining sequences are searched in shards with the totals of the whole database."""

from __future__ import annotations

from pathlib import Path

import pytest

from shardblast.engine.workspace import Machine
from tests.databases import Databases
from tests.identity.comparison import (
    AMPLE,
    DATABASE_TYPE,
    PROGRAMS,
    QUERY_TYPE,
    arguments,
    as_they_stand,
    assert_identical_here,
    blast,
    shardblast,
)
from tests.sequences import Sequence, gene, nucleotides, proteins, real, write_fasta
from tests.taxonomy import write_taxonomy

TAXIDS = (562, 9606, 10090)
TINY_MEMORY = Machine(cores=2, memory_bytes=1 << 12)
VOLUME_BYTES = {"nucl": "12000", "prot": "9000"}
NEGATIVE_LISTS = ("negative_seqidlist", "negative_taxidlist")
LISTS = ("seqidlist", "taxidlist", *NEGATIVE_LISTS)


@pytest.fixture
def named(databases: Databases, tmp_path: Path) -> dict[str, str]:
    """Databases of several volumes with ids and taxids; a fourth of the sequences has no taxid."""
    made = {}
    for dbtype, sequences in (("nucl", nucleotides()), ("prot", proteins())):
        long = [one for one in sequences if len(one.letters) >= 12]  # BLAST+ itself fails where a codon is longer
        own = [Sequence(f"S{number}.1 {one.title}", one.letters) for number, one in enumerate(long)]
        taxids = tmp_path / f"{dbtype}.taxids"
        lines = [f"S{number}.1 {TAXIDS[number % 4 - 1]}" for number in range(len(own)) if number % 4]
        taxids.write_text("\n".join(lines) + "\n")
        options = ("-parse_seqids", "-max_file_sz", VOLUME_BYTES[dbtype], "-taxid_map", str(taxids))
        made[dbtype] = databases.of("named", dbtype, own, *options)
    return made


@pytest.fixture
def lists(tmp_path: Path) -> dict[str, str]:
    """A list for each option; ids with and without versions, twice, and of no sequence; with a blank in their path."""
    folder = tmp_path / "some lists"
    folder.mkdir()
    ids = [f"S{number}{'.1' if number % 2 else ''}" for number in range(0, 2000, 3)]
    (folder / "ids").write_text("\n".join([*ids, "ABSENT7.2", ids[0]]) + "\n")
    (folder / "taxids").write_text("562\n10090\n562\n")
    return {name: str(folder / ("ids" if "seqid" in name else "taxids")) for name in LISTS}


def words_of(program: str, name: str, lists: dict[str, str]) -> list[str]:
    value = lists.get(name, "562,10090")
    return [f"-{name}", value, *(as_they_stand(program) if "taxid" in name else [])]


@pytest.mark.parametrize("name", [*LISTS, "taxids", "negative_taxids"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_every_filter_is_obeyed(
    program: str, name: str, named: dict[str, str], lists: dict[str, str], queries: dict[str, Path]
) -> None:
    words = ["-db", named[DATABASE_TYPE[program]], "-query", str(queries[QUERY_TYPE[program]])]
    outfmt = "6" if PROGRAMS.index(program) % 2 else "0"

    assert_identical_here(program, [*words, *words_of(program, name, lists), "-outfmt", outfmt])


@pytest.mark.parametrize("outfmt", ["5", "7", "15", "17", "6 std staxids salltitles"])
def test_every_format_prints_the_sequences_that_a_filter_leaves(
    outfmt: str, named: dict[str, str], lists: dict[str, str], queries: dict[str, Path]
) -> None:
    words = ["-db", named["nucl"], "-query", str(queries["nucl"]), "-outfmt", outfmt]

    assert_identical_here("blastn", [*words, *words_of("blastn", "negative_seqidlist", lists)])


@pytest.mark.parametrize(
    ("program", "task", "name", "machine"),
    [
        ("blastn", "megablast", "seqidlist", TINY_MEMORY),
        ("blastn", "megablast", "taxids", AMPLE),
        ("blastn", "blastn", "negative_seqidlist", TINY_MEMORY),
        ("blastp", "blastp", "seqidlist", AMPLE),
        ("blastp", "blastp", "taxids", TINY_MEMORY),
    ],
)
def test_saturated_queries_are_searched_in_the_sequences_that_a_filter_leaves(
    program: str,
    task: str,
    name: str,
    machine: Machine,
    named: dict[str, str],
    lists: dict[str, str],
    queries: dict[str, Path],
) -> None:
    words = ["-db", named[DATABASE_TYPE[program]], "-query", str(queries[QUERY_TYPE[program]]), "-task", task]
    words += ["-max_target_seqs", "3", *words_of(program, name, lists)]

    (report,) = assert_identical_here(program, words, machine=machine)

    assert report["verdicts"]["researched"]


def test_candidates_with_ids_are_searched_in_a_separate_database(databases: Databases, tmp_path: Path) -> None:
    """The candidates must be found by their ids there, as those of a whole database are."""
    rna = [Sequence(f"r{number} 16S", one.letters) for number, one in enumerate(real("16s")[:120])]
    genes = [Sequence(f"g{number}", gene(one, number).letters) for number, one in enumerate(real("proteins")[:300])]
    database = databases.of("candidates-with-ids", "nucl", [*rna, *genes], "-parse_seqids")
    query = tmp_path / "q.fa"
    query.write_text(real("16s-queries")[0].fasta)
    words = ["-db", database, "-query", str(query), "-max_target_seqs", "5"]

    for outfmt in ("0", "6"):
        (report,) = assert_identical_here("blastn", [*words, "-outfmt", outfmt], machine=TINY_MEMORY)
        assert report["verdicts"]["researched"]


def test_a_filter_that_leaves_few_sequences_needs_few_shards(
    named: dict[str, str], queries: dict[str, Path], tmp_path: Path
) -> None:
    ids = tmp_path / "ids"
    ids.write_text("S3.1\nS200.1\n")
    words = ["-db", named["prot"], "-query", str(queries["prot"]), "-seqidlist", str(ids), "-evalue", "1e6"]

    (report,) = assert_identical_here("blastp", words, shards=[6])

    assert 0 < report["shards"] <= 2


def test_a_filter_that_leaves_nothing_is_left_to_blast(
    named: dict[str, str], queries: dict[str, Path], tmp_path: Path
) -> None:
    ids = tmp_path / "ids"
    ids.write_text("ABSENT7.2\n")
    words = ["-db", named["prot"], "-query", str(queries["prot"]), "-seqidlist", str(ids)]

    assert_identical_here("blastp", words, sharded=False)


@pytest.mark.parametrize("kind", ["v5-ids", "v4-ids", "v4-volumes-ids", "several-ids"])
@pytest.mark.parametrize("name", ["seqidlist", "negative_seqidlist"])
def test_ids_are_listed_of_every_kind_of_database(
    kind: str, name: str, databases: Databases, queries: dict[str, Path], tmp_path: Path
) -> None:
    ids = tmp_path / "ids"
    ids.write_text("".join(f"{one.title.split()[0]}\n" for one in nucleotides()[::3]))
    words = ["-db", databases(kind, "nucl"), "-query", str(queries["nucl"]), f"-{name}", str(ids), "-outfmt", "5"]

    assert_identical_here("blastn", words, sharded=None if kind.startswith("v4") else True)


@pytest.mark.parametrize("outfmt", ["0", "5", "6 std sallseqid salltitles staxids"])
@pytest.mark.parametrize("name", ["seqidlist", "negative_seqidlist", "taxidlist", "taxids"])
def test_titles_that_a_filter_hides_stay_hidden(
    name: str, outfmt: str, databases: Databases, queries: dict[str, Path], tmp_path: Path
) -> None:
    """BLAST+ shows those ids of a sequence that the filter leaves."""
    some = [one for one in proteins() if one.letters][:200]
    merged = [
        Sequence(f"A{number}.1 first\x01B{number}.1 second\x01C{number}.1 third", one.letters)
        for number, one in enumerate(some)
    ]
    taxids = [
        f"{letter}{number}.1 {taxid}"
        for number in range(len(some))
        for letter, taxid in zip("ABC", TAXIDS, strict=True)
    ]
    (tmp_path / "map").write_text("\n".join(taxids) + "\n")
    options = ("-parse_seqids", "-taxid_map", str(tmp_path / "map"), "-max_file_sz", VOLUME_BYTES["prot"])
    database = databases.of("merged", "prot", merged, *options)
    (tmp_path / "ids").write_text("".join(f"{'BCA'[number % 3]}{number}.1\n" for number in range(150)))
    (tmp_path / "taxids").write_text("9606\n")
    lists = {one: str(tmp_path / ("ids" if "seqid" in one else "taxids")) for one in LISTS}
    listed = ["-taxids", "9606", *as_they_stand("blastp")] if name == "taxids" else words_of("blastp", name, lists)
    words = ["-db", database, "-query", str(queries["prot"]), "-outfmt", outfmt, *listed]

    assert_identical_here("blastp", words, sharded=None)


def test_taxids_mean_the_same_as_in_the_installed_version(
    named: dict[str, str], queries: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_taxonomy(tmp_path / "taxonomy", {1: 1, 2: 1, 562: 2, 9606: 2, 10090: 1})
    monkeypatch.setenv("BLASTDB", str(tmp_path / "taxonomy"))
    words = ["-db", named["prot"], "-query", str(queries["prot"]), "-outfmt", "6 std staxids"]

    for taxids in ("9606", "562,10090", "2,10090"):
        assert_identical_here("blastp", [*words, "-taxids", taxids], sharded=None)


def test_taxids_without_a_taxonomy_are_left_to_later_versions(named: dict[str, str], queries: dict[str, Path]) -> None:
    words = ["-db", named["prot"], "-query", str(queries["prot"]), "-outfmt", "6", "-taxids", "562"]

    assert_identical_here("blastp", words, sharded="no_taxid_expansion" not in arguments("blastp"))


def test_a_filter_that_leaves_less_than_a_codon_is_left_to_blast(databases: Databases, tmp_path: Path) -> None:
    """BLAST+ 2.12 ends with a signal then, and 2.16 says that sequences are too short."""
    one = real("proteins")[3]
    database = databases.of("codons", "nucl", [gene(one, 1), Sequence("tiny", "AC")], "-parse_seqids")
    (tmp_path / "ids").write_text(f"tiny\n{gene(one, 1).title.split()[0]}\n")
    (tmp_path / "q.fa").write_text(one.fasta)
    words = ["-db", database, "-query", str(tmp_path / "q.fa"), "-seqidlist", str(tmp_path / "ids")]
    expected = blast("tblastn", words)

    found = shardblast("tblastn", [*words, "--shards", "2"])

    assert expected.status
    assert found.status
    assert found.stdout == expected.stdout


@pytest.mark.parametrize(
    ("option", "listed", "sharded"),
    [
        ("seqidlist", "tiny", False),
        ("seqidlist", "tiny long2 short4", True),
        ("seqidlist", "tiny short4 short8", False),
        ("negative_seqidlist", "long1 long2", False),
        ("negative_seqidlist", "tiny short4 short8", True),
    ],
)
def test_a_list_that_leaves_fewer_letters_than_sequences_is_left_to_blast(
    option: str, listed: str, sharded: bool, databases: Databases, tmp_path: Path
) -> None:
    """BLAST+ counts none of the one or two letters of ``tiny``, ``short4`` and ``short8``, whose OIDs four divides."""
    long = [Sequence(f"long{number}", one.letters) for number, one in enumerate(nucleotides()[:8], 1)]
    ordered = [Sequence("tiny", "T"), *long[:3], Sequence("short4", "AC"), *long[3:6], Sequence("short8", "G")]
    if option == "negative_seqidlist" and not sharded:
        listed += " long3 long4 long5 long6"
    database = databases.of("tiny", "nucl", ordered, "-parse_seqids")
    (tmp_path / "ids").write_text(listed.replace(" ", "\n") + "\n")
    query = write_fasta(tmp_path / "q.fa", long[:3])
    words = ["-db", database, "-query", str(query), f"-{option}", str(tmp_path / "ids")]

    for others in (["-outfmt", "5"], ["-dbsize", "1"], ["-searchsp", "1"]):
        assert_identical_here("blastn", [*words, *others], shards=[2], sharded=sharded)


def test_a_list_of_ids_that_blastdbcmd_can_not_print_is_left_to_blast(databases: Databases, tmp_path: Path) -> None:
    some = [one for one in proteins() if len(one.letters) > 60][:6]
    named = [
        Sequence(f"gnl|BL_ORD_ID|{number} a\x01gnl|BL_ORD_ID|{number}x b", one.letters)
        for number, one in enumerate(some)
    ]
    database = databases.of("ordinals", "prot", named, "-parse_seqids")
    (tmp_path / "ids").write_text("gnl|BL_ORD_ID|1\n4\n")
    query = write_fasta(tmp_path / "q.fa", some[:2])
    words = ["-db", database, "-query", str(query), "-seqidlist", str(tmp_path / "ids"), "-outfmt", "10 evalue score"]
    expected = blast("blastp", words)

    found = shardblast("blastp", [*words, "--shards", "2"])

    assert (found.status, found.stdout) == (expected.status, expected.stdout)
    assert expected.status, "then the list can be printed after all"
