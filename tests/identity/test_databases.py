"""Databases of every kind give the results of the unsharded search."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.databases import Databases, make_database
from tests.identity.comparison import DATABASE_TYPE, QUERY_TYPE, assert_identical, assert_identical_here
from tests.sequences import Sequence, invented, nucleotide_queries, nucleotides, proteins


def words_for(program: str, database: str, queries: dict[str, Path], outfmt: str) -> list[str]:
    return ["-db", database, "-query", str(queries[QUERY_TYPE[program]]), "-outfmt", outfmt]


@pytest.mark.parametrize("kind", ["v4-volumes", "v5-volumes-ids", "nested-aliases", "several"])
def test_volumes_are_dealt_to_any_number_of_shards(kind: str, databases: Databases, queries: dict[str, Path]) -> None:
    words = words_for("blastn", databases(kind, "nucl"), queries, "5")

    assert_identical_here("blastn", words, shards=[3, 17])


@pytest.mark.parametrize(("program", "shards"), [("blastn", 1000), ("blastp", 1), ("blastp", 7)])
def test_one_volume_is_cut_into_any_number_of_shards(
    program: str, shards: int, databases: Databases, queries: dict[str, Path]
) -> None:
    database = databases.of("few", DATABASE_TYPE[program], (nucleotides if program == "blastn" else proteins)()[:40])

    assert_identical_here(program, words_for(program, database, queries, "5"), shards=[shards])


def test_path_with_spaces_is_quoted_as_blast_requires(databases: Databases, queries: dict[str, Path]) -> None:
    assert_identical("blastn", words_for("blastn", databases("path with spaces", "nucl"), queries, "0"))


@pytest.mark.parametrize("kind", ["v5", "v4-volumes", "nested-aliases"])
def test_databases_are_found_by_blastdb(
    kind: str, databases: Databases, queries: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Path(databases(kind, "prot"))
    monkeypatch.setenv("BLASTDB", f"/nonexistent:{database.parent}")

    assert_identical("blastp", words_for("blastp", database.name, queries, "7"))


def test_databases_are_found_from_the_current_folder(databases: Databases, queries: dict[str, Path]) -> None:
    database = Path(databases("v5-volumes", "nucl"))
    up = "/".join([".."] * 12)

    assert_identical("blastn", words_for("blastn", f"{up}{database}", queries, "0"))


def test_same_database_given_twice_is_searched_as_blast_does(databases: Databases, queries: dict[str, Path]) -> None:
    database = databases("v5", "prot")

    assert_identical_here("blastp", words_for("blastp", f"{database} {database}", queries, "5"), sharded=None)


@pytest.mark.parametrize("kind", ["v5-ids", "v4-ids"])
def test_alias_with_a_list_of_ids_is_obeyed(
    kind: str, databases: Databases, queries: dict[str, Path], tmp_path: Path
) -> None:
    database = databases(kind, "nucl")
    ids = [one.title.split()[0] for one in nucleotides()[::2]]
    (tmp_path / "ids").write_text("\n".join(ids) + "\n")
    (tmp_path / "half.nal").write_text(f"TITLE half\nDBLIST {database}\nSEQIDLIST {tmp_path}/ids\n")

    assert_identical_here("blastn", words_for("blastn", str(tmp_path / "half"), queries, "5"), sharded=None, empty=True)


@pytest.mark.parametrize(
    "lines", ["FIRST_OID 10\nLAST_OID 90\n", "NSEQ 100000\nLENGTH 90000000\n", "STATS_TOTLEN 99999999\n"]
)
def test_alias_with_a_range_or_totals_is_obeyed(
    lines: str, databases: Databases, queries: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "odd.pal").write_text(f"TITLE odd\nDBLIST {databases('v5', 'prot')}\n{lines}")

    assert_identical_here("blastp", words_for("blastp", str(tmp_path / "odd"), queries, "5"), sharded=None)


@pytest.mark.parametrize("outfmt", ["0", "5", "6", "7 std staxids salltitles sallseqid stitle"])
@pytest.mark.parametrize("version", ["4", "5"])
def test_merged_deflines_and_taxids_are_kept(
    version: str, outfmt: str, queries: dict[str, Path], databases: Databases, tmp_path: Path
) -> None:
    ids = [f"AB{number:06}.1" for number in range(60)]
    sequences = [
        Sequence(f"{one} title {number}", letters.letters)
        for number, (one, letters) in enumerate(zip(ids, nucleotides(), strict=False))
    ]
    joined = [
        Sequence(f"{one.title} \x01BC{number:06}.1 another", one.letters) if number % 7 == 3 else one
        for number, one in enumerate(sequences[:50])
    ]
    (tmp_path / "taxids").write_text("".join(f"{one} {9606 + number % 3}\n" for number, one in enumerate(ids)))
    options = ["-parse_seqids", "-blastdb_version", version, "-taxid_map", str(tmp_path / "taxids")]
    database = str(make_database(tmp_path / "taxa", "nucl", joined, *options))

    assert_identical_here("blastn", words_for("blastn", database, queries, outfmt), shards=[4])


@pytest.mark.parametrize("outfmt", ["0", "5", "6", "10 std stitle sseqid"])
def test_deflines_with_gi_and_odd_ids_are_kept(outfmt: str, databases: Databases, queries: dict[str, Path]) -> None:
    options = ["-parse_seqids"]
    odd = [
        Sequence(title, one.letters)
        for title, one in zip(
            ["gi|129295|gb|AB000001.1| first", "lcl|x.y-z", "gnl|lab|7", "sp|P01013|OVAX_CHICK", "ref|NM_000001.3|"],
            nucleotides()[14:],
            strict=False,
        )
    ]
    database = databases.of("odd", "nucl", [*odd, *nucleotides()[40:44]], *options)

    for more in ([], ["-show_gis"]):
        assert_identical_here("blastn", [*words_for("blastn", database, queries, outfmt), *more], shards=[3])


@pytest.mark.parametrize("outfmt", ["0", "5", "6"])
def test_duplicates_over_all_shards_come_in_blasts_order(outfmt: str, databases: Databases) -> None:
    twins = [Sequence(f"twin{number}", nucleotides()[20].letters[:400]) for number in range(40)]
    database = databases.of("twins", "nucl", twins)
    query = str(_file(databases.folder / "twin.fa", twins[0].fasta))

    shards = [2, 40] if outfmt == "0" else [7]
    assert_identical_here("blastn", ["-db", database, "-query", query, "-outfmt", outfmt], shards=shards)


def test_a_database_without_hits_gives_the_output_of_blast(databases: Databases, queries: dict[str, Path]) -> None:
    database = databases.of("strange", "nucl", [invented("nucl", 300, seed, f"i{seed}") for seed in range(9)])

    for outfmt in ("0", "5", "6", "7", "10", "15", "16", "17", "18"):
        assert_identical_here("blastn", words_for("blastn", database, queries, outfmt), empty=True)


def test_database_of_one_sequence_is_searched(databases: Databases, queries: dict[str, Path]) -> None:
    database = databases.of("single", "nucl", [nucleotide_queries()[0]])

    assert_identical_here("blastn", words_for("blastn", database, queries, "0"), sharded=None)


def _file(path: Path, text: str) -> Path:
    path.write_text(text)
    return path
