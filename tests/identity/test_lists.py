"""Lists of ids in every notation leave the same sequences as in BLAST+'s own search."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.databases import make_database
from tests.identity.comparison import assert_identical_here
from tests.sequences import Sequence, nucleotides, proteins

IDS = (
    *("M36660", "m36661", "M36662.1", "NM_000120.3", "nm_000121", "p12340", "sp|P12345.2|NAME", "emb|X12345.1|"),
    *("contig_1", "contig_1.2", "Contig_2", "gnl|lab|x-1", "gnl|lab|12", "123", "UniRef90_A0A", "pdb|1ABC|A"),
    *("pir||NAME1", "lcl|abc", "bbs|8", "Query_71"),
)
POSITIVE = {
    "accessions in lower case": b"m36660\nnm_000120.3\np12340\n",
    "accessions in upper case": b"M36661\nNM_000121\nP12340\n",
    "accessions without their version": b"m36662\nNM_000120\nx12345\nP12345\n",
    "accessions with another version": b"M36660.1\nNM_000120.2\nM36662.1\n",
    "types and bars": b"lcl|contig_1\ngb|M36660|\nSP|p12345.2|\nemb|X12345.1\nref|nm_000120.3|\ngnl|lab|12\n",
    "local ids in another case": b"CONTIG_1\ncontig_2\nAbc\nuniref90_A0A\nContig_2\n",
    "ids twice": b"contig_1\nCONTIG_1\nm36660\nM36660.1\nm36660\nm36660\ncontig_1\nlcl|contig_1\n",
    "gi numbers and types in upper case": b"gi|123\nLCL|contig_1\nREF|NM_000120|\nGNL|lab|12\n",
    "numbers": b"123\n8\nlab:12\ngi|5\n",
    "Windows line ends": b"contig_1\r\nm36660\r\n\r\nabc\r\n",
    "old Macintosh line ends": b"contig_1\rm36660\rabc",
    "blanks, blank lines, comments, two ids on a line": b"\n \n# contig_2\n contig_1 \t m36660\n>abc # 123\n\n#end",
}
NEGATIVE = POSITIVE | {
    "lower case of an id in upper case": b"contig_2\n",
    "an id without what follows its dot": b"contig_1\n",
}


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Databases of sequences with these ids and some more, in version 5 and 4, and queries like some of them."""
    folder = tmp_path_factory.mktemp("odd")
    made = {}
    for dbtype, sequences in (("nucl", nucleotides()), ("prot", proteins())):
        long = [one for one in sequences if len(one.letters) >= 60]
        named = [Sequence(f"{one} first", long[number].letters) for number, one in enumerate(IDS)]
        named += [Sequence(f"z{number} other", one.letters) for number, one in enumerate(long[len(IDS) : 60])]
        for version in ("4", "5"):
            options = ("-parse_seqids", "-blastdb_version", version)
            made[dbtype + version] = make_database(folder / f"{dbtype}{version}", dbtype, named, *options)
        queries = folder / f"{dbtype}.fa"
        queries.write_text("".join(f">q{number}\n{one.letters}\n" for number, one in enumerate(named[: len(IDS)])))
        made[f"{dbtype} queries"] = queries
    return made


def words_of(odd: dict[str, Path], database: str, option: str, text: bytes, folder: Path) -> list[str]:
    path = folder / "a list"
    path.write_bytes(text)
    words = ["-db", str(odd[database]), "-query", str(odd[f"{database[:4]} queries"]), "-evalue", "1e-5"]
    return [*words, "-outfmt", "6", f"-{option}", str(path)]


@pytest.mark.parametrize("written", POSITIVE)
def test_ids_are_found_as_blast_finds_them(odd: dict[str, Path], written: str, tmp_path: Path) -> None:
    assert_identical_here("blastn", words_of(odd, "nucl5", "seqidlist", POSITIVE[written], tmp_path), shards=[2])


@pytest.mark.parametrize("written", NEGATIVE)
def test_ids_not_to_see_are_hidden_as_blast_hides_them(odd: dict[str, Path], written: str, tmp_path: Path) -> None:
    words = words_of(odd, "nucl5", "negative_seqidlist", NEGATIVE[written], tmp_path)

    assert_identical_here("blastn", words, shards=[2], sharded=None)


@pytest.mark.parametrize("database", ["nucl4", "prot4", "prot5"])
def test_other_kinds_of_databases_find_the_same_ids(odd: dict[str, Path], database: str, tmp_path: Path) -> None:
    text = b"\n".join(POSITIVE.values())
    program = {"nucl": "blastn", "prot": "blastp"}[database[:4]]

    assert_identical_here(program, words_of(odd, database, "seqidlist", text, tmp_path), shards=[2])


@pytest.mark.parametrize("option", ["seqidlist", "negative_seqidlist"])
def test_binary_lists_are_read(odd: dict[str, Path], option: str, tmp_path: Path) -> None:
    text, binary = tmp_path / "text", tmp_path / "binary"
    text.write_bytes(b"m36660\nnm_000120.3\ncontig_1.2\n123\n" + b"x" * 49 + b"\n")
    subprocess.run(["blastdb_aliastool", "-seqid_file_in", text, "-seqid_file_out", binary], check=True)

    assert_identical_here("blastn", words_of(odd, "nucl5", option, binary.read_bytes(), tmp_path), shards=[2])


@pytest.mark.parametrize("made_for", ["nucl5", "prot5"])
def test_binary_lists_made_for_a_database_are_read(odd: dict[str, Path], made_for: str, tmp_path: Path) -> None:
    text, binary = tmp_path / "text", tmp_path / "binary"
    text.write_bytes(POSITIVE["types and bars"])
    argv = ["blastdb_aliastool", "-seqid_file_in", text, "-seqid_file_out", binary, "-seqid_db", str(odd[made_for])]
    subprocess.run([*argv, "-seqid_dbtype", made_for[:4]], check=True)

    assert_identical_here("blastn", words_of(odd, "nucl5", "seqidlist", binary.read_bytes(), tmp_path), shards=[2])


def test_titles_that_a_list_does_not_name_stay_hidden_however_it_writes_ids(tmp_path: Path) -> None:
    letters = [one.letters for one in nucleotides() if len(one.letters) >= 100][:20]
    named = [
        Sequence(f"M3666{n}.1 first\x01NM_0001{n:02}.1 second" if n < 10 else f"z{n} other", letters[n])
        for n in range(20)
    ]
    (tmp_path / "ids").write_text("m36661.1\nnm_000102.1\nnm_000103\nM36664\nz11\n")
    database = make_database(tmp_path / "doubled", "nucl", named, "-parse_seqids")
    queries = tmp_path / "queries.fa"
    queries.write_text("".join(f">q{n}\n{one}\n" for n, one in enumerate(letters)))

    for outfmt in ("6 std salltitles sallseqid", "0"):
        words = ["-db", str(database), "-query", str(queries), "-outfmt", outfmt, "-seqidlist", str(tmp_path / "ids")]
        assert_identical_here("blastn", words, shards=[2], sharded=None)


@pytest.mark.parametrize(
    ("titles", "listed", "outfmts"),
    [
        (("M36661.1 one", "NM_000101 two", "sp|P12345.2|NAME three"), "M36661\nNM_000101\nP12345\n", "8 9 12 0"),
        (("M36661 one\x01M36662 second", "s2 two\x01s3 second"), "M36661\nM36662\ns2\ns3\n", "8 0 5"),
        (("M36661 one\x01s1 second", "s2 two\x01M36662 second"), "M36661\ns1\ns2\nM36662\n", "8 0 18"),
        (("M36661 a\x01gnl|lab|7 b", "pdb|1ABC|A a\x01s3 b"), "M36661\nlab:7\npdb|1ABC|A\ns3\n", "12 0 18"),
    ],
)
def test_accessions_that_a_list_names_are_shown_as_blast_shows_them(
    titles: tuple[str, ...], listed: str, outfmts: str, tmp_path: Path
) -> None:
    letters = [one.letters for one in nucleotides() if len(one.letters) >= 100][:12]
    named = [Sequence(title, letters[n]) for n, title in enumerate((*titles, *(f"z{n} other" for n in range(8))))]
    (tmp_path / "ids").write_text(listed + "z1\nz5\n")
    database = make_database(tmp_path / "named", "nucl", named, "-parse_seqids")
    queries = tmp_path / "queries.fa"
    queries.write_text("".join(f">q{n}\n{one}\n" for n, one in enumerate(letters)))
    words = ["-db", str(database), "-query", str(queries)]

    for outfmt in outfmts.split():
        listing = ["-outfmt", outfmt, "-seqidlist", str(tmp_path / "ids")]
        assert_identical_here("blastn", [*words, *listing], shards=[2], sharded=None)
    assert_identical_here("blastn", [*words, "-outfmt", "8", "-negative_seqidlist", str(tmp_path / "ids")], shards=[2])
