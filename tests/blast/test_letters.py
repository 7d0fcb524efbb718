"""Letters of queries are counted as BLAST+ counts them, and batches end where BLAST+'s batches end."""

from __future__ import annotations

import io
import random
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from shardblast.blast.queries import is_archivable, is_plausible, is_regular, letters_of, split
from shardblast.core.cutting import QUERY_LETTERS_PER_SCAN
from shardblast.core.program import Molecule, Program
from tests.databases import Databases
from tests.identity.comparison import DATABASE_TYPE

PROGRAM = {Molecule.NUCLEOTIDE: "blastn", Molecule.PROTEIN: "blastp"}
BYTES = [bytes([number]) for number in range(256)]
SEQUENCE = b"ACGTACGTACGT"

molecules = pytest.mark.parametrize("molecule", Molecule, ids=str)


class Reader:
    """BLAST+, asked how it reads queries."""

    def __init__(self, databases: Databases, folder: Path) -> None:
        self._databases = databases
        self._folder = folder

    def run(self, program: str, records: Sequence[bytes], *options: str) -> bytes:
        """Return what BLAST+ prints of queries, each given as the lines below its defline."""
        return self.printed(program, b"".join(b">q\n%s\n" % record for record in records), *options)

    def printed(self, program: str, fasta: bytes, *options: str) -> bytes:
        finished = self.finished(program, fasta, *options)
        assert finished.returncode == 0, finished.stderr.decode()
        return finished.stdout

    def finished(self, program: str, fasta: bytes, *options: str) -> subprocess.CompletedProcess[bytes]:
        query = self._folder / "query.fa"
        query.write_bytes(fasta)
        database = self._databases("v5", DATABASE_TYPE[program])
        return subprocess.run([program, "-db", database, "-query", str(query), *options], capture_output=True)

    def lengths(self, molecule: Molecule, records: Sequence[bytes]) -> list[int]:
        """Return the number of letters of each query."""
        xml = self.run(PROGRAM[molecule], records, "-outfmt", "5")
        return [int(length) for length in re.findall(rb"<Iteration_query-len>(\d+)<", xml)]

    def refuses(self, molecule: Molecule, record: bytes) -> bool:
        """Tell whether BLAST+ ends with an error at such a query."""
        finished = self.finished(PROGRAM[molecule], b">q\n%s\n" % record, "-outfmt", "6")
        assert finished.returncode == 0 or b"plausible data" in finished.stderr, finished.stderr.decode()
        return finished.returncode != 0


@pytest.fixture
def reader(databases: Databases, tmp_path: Path) -> Reader:
    return Reader(databases, tmp_path)


@molecules
@pytest.mark.parametrize(
    "record",
    [SEQUENCE + b"%b" + SEQUENCE, SEQUENCE + b"\n%b" + SEQUENCE, SEQUENCE + b"\n %b" + SEQUENCE, SEQUENCE + b"%b\n"],
    ids=["within a line", "where a line begins", "behind a blank", "where a line ends"],
)
def test_each_byte_counts_as_blast_counts_it(molecule: Molecule, record: bytes, reader: Reader) -> None:
    records = [record % byte for byte in BYTES if byte != b"\r" and not (byte == b">" and b"\n%b" in record)]

    counted = [len(letters_of([one], molecule)) for one in records]

    assert counted == reader.lengths(molecule, records)
    assert len(set(counted)) > 1


def test_only_lone_returns_are_irregular_within_a_line() -> None:
    records = [SEQUENCE + byte + SEQUENCE for byte in BYTES]

    assert [one for one in records if not is_regular([one])] == [SEQUENCE + b"\r" + SEQUENCE]


@molecules
def test_letters_of_many_odd_lines_are_counted_as_blast_counts_them(molecule: Molecule, reader: Reader) -> None:
    randomly = random.Random(molecule)
    parts = [SEQUENCE, b"acgt", b"\r\n", b"\n ;", b"\n#", *(bytes([one]) for one in b"FJLOX*--..;#! \t1_\n\n\0\v\xe9")]
    records = [b"".join(randomly.choices(parts, k=randomly.randrange(1, 30))) for _ in range(400)]
    likely = [one for one in records if is_plausible(one.splitlines(keepends=True), molecule)]

    assert len(likely) > 100
    assert [len(letters_of([one], molecule)) for one in likely] == reader.lengths(molecule, likely)


REFUSED = {
    "hyphens": b"-----",
    "digits": b"12345",
    "dots": b"....",
    "a short line with a number": b"AC12",
    "more dots than letters": b"ACGT" + b"." * 20,
    "a line of dots before letters": b"....\nACGTACGTACGT",
    "a line of nothing after one without letters": b"\n\n--\nACGT",
    "a letter before a comment": b"A;........",
    "bytes beyond ASCII": b"\xc3\xa4\xc3\xb6",
}
TAKEN = {
    "letters and a number": b"ACGTACGT 8",
    "a gap in front": b"-----ACGTACGT",
    "dots behind seventy letters": b"ACGTACG" * 10 + b"." * 500,
    "a line of dots after letters": b"ACGTACGT\n........",
    "two letters": b"AC",
    "a comment first": b";....\nACGTACGT",
    "a comment behind letters": b"ACGT;........",
    "stars": b"****",
    "nothing": b"",
}


@molecules
@pytest.mark.parametrize("record", REFUSED.values(), ids=REFUSED)
def test_lines_that_blast_refuses_are_recognised(molecule: Molecule, record: bytes, reader: Reader) -> None:
    assert reader.refuses(molecule, record)
    assert not is_plausible(record.splitlines(keepends=True), molecule)


@molecules
def test_lines_that_blast_accepts_are_plausible(molecule: Molecule, reader: Reader) -> None:
    reader.run(PROGRAM[molecule], list(TAKEN.values()), "-outfmt", "6")  # does not end with an error

    assert all(is_plausible(record.splitlines(keepends=True), molecule) for record in TAKEN.values())


@pytest.mark.parametrize(("record", "refused"), [(b"FLIPEQ\n....", True), (b"FLIPEQ\nACGT", False)])
def test_lines_are_judged_up_to_the_first_letter_of_the_molecule(record: bytes, refused: bool, reader: Reader) -> None:
    lines = record.splitlines(keepends=True)

    assert reader.refuses(Molecule.NUCLEOTIDE, record) is refused
    assert is_plausible(lines, Molecule.NUCLEOTIDE) is not refused
    assert is_plausible(lines, Molecule.PROTEIN)
    assert not reader.refuses(Molecule.PROTEIN, record)


def test_archives_preserve_the_titles_that_count_as_archivable(reader: Reader, tmp_path: Path) -> None:
    ascii_bytes = [byte for byte in BYTES[:128] if byte not in b"\r\n"]
    deflines = [b">a%bb" % byte for byte in ascii_bytes] + [b">a b%b" % byte for byte in ascii_bytes]
    deflines += [b"> %bb c" % byte for byte in ascii_bytes]
    fasta = b"".join(b"%s\n%s\n" % (defline, SEQUENCE) for defline in deflines)
    archive = tmp_path / "archive"
    archive.write_bytes(reader.printed("blastp", fasta, "-outfmt", "11"))

    printed = reader.printed("blastp", fasta, "-outfmt", "15")
    formatted = subprocess.run(
        ["blast_formatter", "-archive", str(archive), "-outfmt", "15"], capture_output=True, check=True
    ).stdout

    titles = [re.findall(rb'"query_title": (.*)', text) for text in (printed, formatted)]
    assert len(titles[0]) == len(titles[1]) > 300
    changed = {defline for defline, one, other in zip(titled(deflines), *titles, strict=True) if one != other}
    assert changed == {defline for defline in titled(deflines) if not is_archivable(defline)}
    assert not is_archivable(b">\xe9")


def titled(deflines: list[bytes]) -> list[bytes]:
    """Return the deflines of which formats 15 and 16 print a title."""
    return [defline for defline in deflines if defline[1:].strip()]


LINES = (
    lambda letters, at: b"%8d %s %s\n" % (at, letters[:30], letters[30:]),
    lambda letters, at: letters[:20] + b"-" * (at % 60) + letters[20:] + b"\n",
    lambda letters, at: letters + b"." * 60 + b"\n",
    lambda letters, at: letters + b" ;" + letters + b"\n",
    lambda letters, at: letters + b"\r\n",
    lambda letters, at: letters + b"EFIL*Z1\n",
)
"""Lines with columns of numbers, gaps, dots, comments, returns, and letters of the other molecule."""


@pytest.mark.parametrize("program", QUERY_LETTERS_PER_SCAN, ids=str)
def test_batches_end_where_those_of_blast_end(program: Program, reader: Reader, tmp_path: Path) -> None:
    randomly = random.Random(program)
    fasta = b""
    for number in range(200):
        lines = [bytes(randomly.choices(b"ACGT", k=60)) for _ in range(randomly.randrange(1, 12))]
        written = LINES[number % len(LINES)]
        fasta += b">q%d\n" % number + b"".join(written(line, at * 60) for at, line in enumerate(lines))
    archives = reader.printed(program, fasta, "-outfmt", "11", "-evalue", "1e-50")

    scan = QUERY_LETTERS_PER_SCAN[program]
    batches = list(split(io.BytesIO(fasta), tmp_path, program.query_molecule, 1, 1, scan))

    queries = [len(set(re.findall(rb'title "q(\d+)', one))) for one in archives.split(b"Blast4-archive ::= ")[1:]]
    assert [batch.queries for batch in batches] == queries
    assert len(queries) > 2
