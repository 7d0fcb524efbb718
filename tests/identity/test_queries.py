"""Queries in every form that BLAST+ accepts, and in two that it does not: gzip and zstd."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from tests.databases import Databases
from tests.identity.comparison import (
    DATABASE_TYPE,
    PROGRAMS,
    QUERY_TYPE,
    assert_identical,
    assert_identical_here,
    assert_same,
    blast,
    shardblast,
)
from tests.identity.covering import Case, covering_array, pairs, required
from tests.sequences import Sequence, changed, nucleotide_queries, nucleotides, protein_queries, proteins


def texts(kind: str) -> dict[str, str]:
    """Return FASTA texts of every oddity."""
    one, two, three = ({"nucl": nucleotide_queries, "prot": protein_queries}[kind]()[place] for place in (0, 3, 1))
    any_letter = "N" if kind == "nucl" else "X"
    first, second = one.fasta, two.fasta
    lower = one.letters[:150] + one.letters[150:260].lower() + one.letters[260:]
    odd_letters = "RYKMSWBDHVN" if kind == "nucl" else "BZJUOX*"
    return {
        "lower case": f">lower\n{lower}\n{second}",
        "all lower case": f">lower\n{one.letters.lower()}\n",
        "CRLF": (first + second).replace("\n", "\r\n"),
        "long deflines": f">{'x' * 300} {'word ' * 900}\n{one.letters}\n>a {'b' * 3000}\n{two.letters}\n",
        "quotes and tags in deflines": f'>q"1" <b>&amp; "quoted" \\ {{}} \'\'\n{one.letters}\n>< > |\n{two.letters}\n',
        "ambiguous letters": f">iupac\n{one.letters[:200]}{odd_letters}{one.letters[200:]}\n{second}",
        "empty sequence first": f">empty\n{first}{second}",
        "empty sequence between": f"{first}>empty\n{second}",
        "empty sequence last": f"{first}{second}>empty\n",
        "only masked": f">masked\n{any_letter * 80}\n",
        "masked between": f"{first}>masked\n{any_letter * 80}\n{second}>more\n{any_letter * 9}\n",
        "duplicate ids": f">same\n{one.letters}\n>same\n{two.letters}\n>same\n{one.letters}\n",
        "no title": f">\n{one.letters}\n{second}>\n{three.letters}\n",
        "blank title": f"> \n{one.letters}\n{second}",
        "bare sequence": f"{one.letters}\n",
        "bare sequence before a defline": f"{one.letters}\n{second}",
        "trailing blank lines": f"{first}\n\n{second}\n\n\n",
        "leading blank lines": f"\n\n{first}{second}",
        "no newline at the end": (first + second).rstrip("\n"),
        "blanks within": f">blanks\n{one.letters[:60]} {one.letters[60:90]}\t{one.letters[90:]}\n{second}",
        "gaps within": f">gaps\n{one.letters[:100]}---{one.letters[100:]}\n{second}",
        "very short": f">s1\n{one.letters[:1]}\n>s4\n{one.letters[:4]}\n>s12\n{one.letters[100:112]}\n{first}",
        "comment lines": f";a comment\n{first}{second}",
        "only blanks between": f"{first}>blanks\n   \n{second}",
        "only a comment first": f">comment\n;note\n{first}{second}",
        "lone returns": f">a x\r>b y\r\n{one.letters}\n{second}",
        "gap line": f">a\n{one.letters[:200]}\n>?10\n{one.letters[200:]}\n{second}",
        "words of the output in deflines": f">a Effective search space used: 12 Query= \n{one.letters}\n{second}",
        "bar ids": f">gi|129295|gb|AB000001.2|LOC first\n{one.letters}\n>lcl|two\n{two.letters}\n"
        f">gnl|lab|3\n{three.letters}\n",
        "unicode": f">caf\u00e9 na\u00efve \u4e2d\n{one.letters}\n{second}",
        "control A": f">first one\x01second one\n{one.letters}\n{second}",
        "one long line": f">long\n{one.letters * 5}\n{second}",
        "many": "".join(f">m{n}\n{q.letters[n : n + 90]}\n" for n in range(8) for q in (one, two, three)),
    }


FACTORS = {
    "oddity": tuple(sorted(texts("nucl"))),
    "program": ("blastn", "blastp", "blastx", "tblastn"),
    "format": ("0", "5", "7", "6 std qlen"),
    "batch": ("5000", "1"),
}


def printable(case: Case) -> bool:
    """Say whether BLAST+ prints it: XML with a title that is not ASCII ends with an exception."""
    return not {("oddity", "unicode"), ("format", "5")} <= case


def odd_searches() -> list[dict[str, str]]:
    return [dict(sorted(case)) for case in covering_array(FACTORS, required(FACTORS, pairs(FACTORS)), printable, {})]


@pytest.mark.parametrize("searched", odd_searches(), ids=lambda searched: " ".join(searched.values()))
def test_odd_queries_are_read_as_blast_reads_them(
    searched: dict[str, str], databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shardblast.engine.pieces.BATCH_QUERIES", int(searched["batch"]))
    program = searched["program"]
    query = tmp_path / "query.fa"
    query.write_bytes(texts(QUERY_TYPE[program])[searched["oddity"]].encode())
    database = few(databases, DATABASE_TYPE[program])

    words = ["-db", database, "-query", str(query), "-outfmt", searched["format"]]
    assert_identical_here(program, words, sharded=None, empty=searched["oddity"] in ("only masked", "many"))


def few(databases: Databases, kind: str) -> str:
    """Return a small database with relatives of the queries, which is searched quickly."""
    return databases.of("few", kind, [*relatives(kind), *(nucleotides if kind == "nucl" else proteins)()[::5]])


def relatives(kind: str) -> tuple[Sequence, ...]:
    found = nucleotide_queries() if kind == "nucl" else protein_queries()
    return tuple(changed(one, kind) for one in found if len(one.letters) > 200)


@pytest.mark.parametrize("oddity", ["lower case", "masked between"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_lower_case_is_masked(program: str, oddity: str, databases: Databases, tmp_path: Path) -> None:
    query = tmp_path / "query.fa"
    query.write_text(texts(QUERY_TYPE[program])[oddity], newline="")
    words = ["-db", few(databases, DATABASE_TYPE[program]), "-query", str(query), "-lcase_masking"]

    outfmt = "6" if PROGRAMS.index(program) % 2 else "0"
    assert_identical_here(program, [*words, "-outfmt", outfmt], sharded=None)


@pytest.mark.parametrize(
    ("program", "oddity"),
    [(program, oddity) for program in ("blastn", "blastp") for oddity in ("bar ids", "no title", "CRLF", "unicode")]
    + [("blastp", "duplicate ids")],  # blastn itself ends with an exception
)
def test_deflines_are_parsed(program: str, oddity: str, databases: Databases, tmp_path: Path) -> None:
    query = tmp_path / "query.fa"
    query.write_bytes(texts(QUERY_TYPE[program])[oddity].encode())
    words = ["-db", databases("v5-ids", DATABASE_TYPE[program]), "-query", str(query), "-parse_deflines"]

    for outfmt in ("0", "5", "7 qseqid qacc qgi sseqid"):  # not 17: @PG holds the path of the program that ran
        if oddity == "unicode" and outfmt == "5":
            continue  # BLAST+ itself ends with an exception
        assert_identical_here(program, [*words, "-outfmt", outfmt], sharded=None, empty=True)


@pytest.mark.parametrize(
    ("oddity", "words"),
    [("CRLF", []), ("no newline at the end", ["-query", "-"]), ("empty sequence last", []), ("bare sequence", [])],
)
def test_queries_come_from_standard_input(oddity: str, words: list[str], databases: Databases) -> None:
    options = ["-db", databases("v5", "prot"), *words]

    assert_identical("blastp", options, stdin=texts("prot")[oddity].encode(), sharded=None)


@pytest.mark.parametrize("shards", ["3", "off"])
@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress], ids=["gzip", "zstd"])
def test_packed_queries_are_unpacked(
    pack: Callable[[bytes], bytes], shards: str, databases: Databases, tmp_path: Path
) -> None:
    text = "".join(one.fasta for one in nucleotide_queries()).encode()
    (tmp_path / "plain").write_bytes(text)
    (tmp_path / "packed").write_bytes(pack(text))
    words = ["-db", databases("v5", "nucl"), "-outfmt", "6"]
    expected = blast("blastn", [*words, "-query", str(tmp_path / "plain")])
    assert expected.stdout, "a query without hits would prove nothing"

    from_file = shardblast("blastn", [*words, "-query", str(tmp_path / "packed"), "--shards", shards])
    from_stdin = shardblast("blastn", [*words, "--shards", shards], stdin=pack(text))

    assert_same(from_file, expected)
    assert_same(from_stdin, expected)


@pytest.mark.parametrize("text", ["", "\n\n", ">only a title\n", "@#!\n", ">a\n12345\n"])
@pytest.mark.parametrize("program", ["blastn", "blastp"])
def test_input_without_a_query_fails_or_succeeds_as_with_blast(
    program: str, text: str, databases: Databases, tmp_path: Path
) -> None:
    query = tmp_path / "query.fa"
    query.write_text(text)
    words = ["-db", databases("v5", DATABASE_TYPE[program]), "-query", str(query)]

    expected = blast(program, words)
    actual = shardblast(program, [*words, "--shards", "3"])
    if expected.status == 0:
        assert_same(actual, expected)
    else:
        assert actual.status == expected.status
        assert actual.stderr.startswith(expected.stderr)
