"""``-outfmt``, compared with the installed blastn."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from shardblast.core.errors import InputError
from shardblast.core.formats import COLUMNS, STANDARD_COLUMNS, parse_outfmt

SUBJECT = "".join(random.Random(7).choices("ACGT", k=200))

TABULAR = [
    "6",
    "7",
    "10",
    "06",
    "+6",
    " 6 qacc ",
    "\t6 qacc\n",
    "6 std",
    "6 std qlen",
    "6 std std",
    "6 qlen std evalue",
    "6 qacc qacc sacc",
    "6 qacc  sacc",
    "6 qacc\tsacc",
    "6 foo",
    "6 qacc foo sacc",
    "6 QACC sacc",
    "6 std -evalue",
    "6 -evalue",
    "6 qacc -qacc",
    "6 qacc sacc -qacc qacc",
    "6 std -std",
    "6 qacc - sacc",
    "6 delim=@ qacc sacc",
    "6  delim=@ qacc sacc",
    "6 qacc delim=@ sacc",
    "6 std delim=@",
    "6 delim=@",
    "6 delim=",
    "6 delim= qacc sacc",
    "6 delim=@@ qacc sacc",
    "6 delim== qacc sacc",
    "6 delim=a=b qacc sacc",
    "6 delim=;qacc sacc",
    "6 delimx=@ qacc sacc",
    "6 DELIM=@ qacc sacc",
    "6 delim=. delim=, qacc sacc",
    "6 delim=std qacc sacc",
    "6 delim=\\t qacc sacc",
    "7 delim=, std",
    "10 delim=@ qacc sacc",
    "10 qacc delim=@ sacc",
]
FAILING = ["", " ", "x", "6x", "6,", "6.0", "0x6", "6\tqacc", "-1", "19", "22", "999999999999", "6 delim", "5 delim"]
FAILING += ["10 delimit", "17 delim SQ", "6 delim @ qacc", "- 6", "6-", "1,0"]
PLAIN = ["0", "5 qacc", "5 delim=@", "17", "17 SQ", "17 SR SQ", "17 foo", "18 x"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One subject, which is also the query."""
    folder = tmp_path_factory.mktemp("outfmt")
    (folder / "s.fa").write_text(f">s1 one\n{SUBJECT}\n")
    subprocess.run(
        ["makeblastdb", "-in", "s.fa", "-dbtype", "nucl", "-out", "db"], cwd=folder, check=True, capture_output=True
    )
    return folder


@pytest.mark.parametrize("text", TABULAR)
def test_tabular_format_written_out_prints_the_same(folder: Path, text: str) -> None:
    parsed = parse_outfmt(text)

    written_out = f"{parsed.number} delim={parsed.delimiter} {' '.join(parsed.columns)}"

    assert printed(folder, written_out) == printed(folder, text)


def test_random_columns_written_out_print_the_same(folder: Path) -> None:
    choice = random.Random(11)
    words = [*sorted(COLUMNS), "std", "-evalue", "-std", "-qacc", "", "delim=!", "foo"]
    texts = [" ".join([choice.choice("67"), *choice.choices(words, k=choice.randint(1, 9))]) for _ in range(15)]

    written_out = [f"{p.number} delim={p.delimiter} {' '.join(p.columns)}" for p in map(parse_outfmt, texts)]

    assert [printed(folder, text) for text in written_out] == [printed(folder, text) for text in texts]


def test_every_column_known_is_one_that_blast_prints(folder: Path) -> None:
    parsed = parse_outfmt(f"6 delim=@ {' '.join(sorted(COLUMNS))}")

    row = printed(folder, parsed.text).splitlines()[0]

    assert len(row.split(b"@")) == len(parsed.columns) == len(COLUMNS)


@pytest.mark.parametrize("text", FAILING)
def test_format_that_blast_refuses_is_an_input_error(folder: Path, text: str) -> None:
    assert blastn(folder, text).returncode != 0

    with pytest.raises(InputError, match="outfmt"):
        parse_outfmt(text)


@pytest.mark.parametrize("text", PLAIN)
def test_format_without_columns_is_accepted_as_blast_does(folder: Path, text: str) -> None:
    assert blastn(folder, text).returncode == 0

    parsed = parse_outfmt(text)

    assert (parsed.number, parsed.columns, parsed.delimiter) == (int(text.split()[0]), (), None)
    assert not parsed.is_tabular


def test_format_keeps_the_text_of_the_user() -> None:
    parsed = parse_outfmt("7 delim=, qlen std foo")

    assert parsed.text == "7 delim=, qlen std foo"
    assert parsed.tokens == ("qlen", "std", "foo")
    assert parsed.columns == ("qlen", *STANDARD_COLUMNS)
    assert parsed.delimiter == ","
    assert parsed.is_tabular


def test_columns_of_a_later_version_are_kept_when_it_names_them() -> None:
    assert parse_outfmt("6 qacc novel", COLUMNS | {"novel"}).columns == ("qacc", "novel")


@pytest.mark.parametrize(("text", "pairwise"), [("0", True), ("4", True), ("5", False), ("6", False)])
def test_formats_up_to_4_are_pairwise(text: str, pairwise: bool) -> None:
    assert parse_outfmt(text).is_pairwise == pairwise


def printed(folder: Path, outfmt: str) -> bytes:
    finished = blastn(folder, outfmt)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout, "a run without hits would prove nothing"
    return finished.stdout


def blastn(folder: Path, outfmt: str) -> subprocess.CompletedProcess[bytes]:
    argv = ["blastn", "-db", "db", "-query", "s.fa", "-outfmt", outfmt]
    return subprocess.run(argv, cwd=folder, capture_output=True, check=False)
