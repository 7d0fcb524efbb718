"""Query files."""

from __future__ import annotations

import gzip
import io
import sys
import tracemalloc
from collections import Counter
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from shardblast.blast import queries
from shardblast.blast.queries import (
    LINE_BYTES,
    Batch,
    Fault,
    NotFasta,
    faults_of,
    is_compressed,
    lengths_of,
    open_queries,
    records,
    split,
    survey,
    write_selected,
)
from shardblast.core.errors import InputError, TooLargeError
from shardblast.core.program import Molecule

TEXT = b">a first\nACGT\nAC\n>b\r\nACGT\r\n\r\n>\n>c\n\nACGTACGT"
PACKED = {"plain": bytes, "gzip": gzip.compress, "zstd": zstandard.compress}

lines = st.lists(st.sampled_from([b"ACGT", b"acgtn", b"", b"  AC GT", b";comment", b"A>C"]), max_size=4)
fasta = st.lists(st.tuples(st.sampled_from([b"x", b"", b" y z", b"long " * 40]), lines), max_size=12)


@pytest.mark.parametrize("kind", PACKED)
def test_files_are_read_plain_or_packed(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "q"
    path.write_bytes(PACKED[kind](TEXT))

    with open_queries(str(path)) as stream:
        assert stream.read() == TEXT
    assert is_compressed(str(path)) is (kind != "plain")


@pytest.mark.parametrize("kind", PACKED)
def test_standard_input_is_read_plain_or_packed(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(PACKED[kind](TEXT)))))

    with open_queries("-") as stream:
        assert stream.read() == TEXT


@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_a_packed_file_that_is_cut_short_is_refused(tmp_path: Path, kind: str, frames: int) -> None:
    path = tmp_path / "q"
    path.write_bytes((PACKED[kind](TEXT * 5000) * frames)[:-7])

    with pytest.raises(EOFError), open_queries(str(path)) as stream:
        stream.read()


def test_all_frames_of_a_zstd_file_are_read(tmp_path: Path) -> None:
    path = tmp_path / "q"
    path.write_bytes(zstandard.compress(TEXT) + zstandard.compress(b"\n" + TEXT))

    with open_queries(str(path)) as stream:
        assert stream.read() == TEXT + b"\n" + TEXT


@pytest.mark.parametrize(
    "text", [b">a\n;note\nACGT\n", b">a\n!note\nAC\n", b">a\nAC\n#note\n", b">a\nAC\n>?10\nGT\n", b">a x\r>b\r\nAC\n"]
)
def test_irregular_fasta_is_reported(tmp_path: Path, text: bytes) -> None:
    (batch,) = split(io.BytesIO(text), tmp_path, Molecule.NUCLEOTIDE, 1000, 1000)

    assert batch.faults == {Fault.LINES: 1}


def test_blanks_are_not_letters(tmp_path: Path) -> None:
    (batch,) = split(io.BytesIO(b">a\n  \t\n>b\r\nACGT\r\n"), tmp_path, Molecule.NUCLEOTIDE, 1000, 1000)

    assert (batch.letters, batch.faults) == (4, {Fault.EMPTY: 1})


def test_a_missing_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"), open_queries(str(tmp_path / "absent")):
        pytest.fail("it was opened")


def test_records_keep_their_lines_unchanged() -> None:
    found = list(records(io.BytesIO(b"\n \n" + TEXT)))

    assert b"".join(line for record in found for line in record) == TEXT
    assert [record[0] for record in found] == [b">a first\n", b">b\r\n", b">\n", b">c\n"]


@pytest.mark.parametrize("text", [b"ACGT\n", b"\n\nQ12345\n>a\nACGT\n"])
def test_input_that_does_not_start_with_a_defline_is_left_to_blast(text: bytes) -> None:
    with pytest.raises(NotFasta):
        list(records(io.BytesIO(text)))


@given(entries=fasta, letters=st.integers(1, 30), queries=st.integers(1, 5))
def test_batches_contain_every_query_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, entries: list[tuple[bytes, list[bytes]]], letters: int, queries: int
) -> None:
    text = b"".join(b">" + title + b"\n" + b"".join(line + b"\n" for line in body) for title, body in entries)

    batches = list(split(io.BytesIO(text), tmp_path_factory.mktemp("batches"), Molecule.NUCLEOTIDE, letters, queries))

    assert b"".join(batch.path.read_bytes() for batch in batches) == text
    assert sum(batch.queries for batch in batches) == len(entries)
    assert all(1 <= batch.queries <= queries for batch in batches)
    assert [batch.first_query for batch in batches] == [
        sum(before.queries for before in batches[:number]) for number in range(len(batches))
    ]
    for batch in batches[:-1]:
        assert batch.letters >= letters or batch.queries == queries


def test_a_batch_knows_whether_its_queries_have_titles_and_letters(tmp_path: Path) -> None:
    one, two, three = (batch_of(text, tmp_path) for text in (b">a\nAC\n", b">\nAC\n", b">a\n\n>b\nA\n"))

    assert (one.titled, one.faults) == (True, {})
    assert (two.titled, two.faults) == (False, {})
    assert (three.titled, three.faults) == (True, {Fault.EMPTY: 1})


def test_a_last_line_without_an_end_gets_one(tmp_path: Path) -> None:
    assert batch_of(b">a\nACGT", tmp_path).path.read_bytes() == b">a\nACGT\n"


@pytest.mark.parametrize("damage", [lambda packed: packed[:-9], lambda packed: packed[:20] + b"\0" * 9 + packed[29:]])
def test_a_damaged_file_is_an_input_error(tmp_path: Path, damage: object) -> None:
    path = tmp_path / "q.fa.gz"
    packed = gzip.compress(b">a\n" + bytes(range(65, 91)) * 2000)
    path.write_bytes(damage(packed))  # type: ignore[operator]

    with pytest.raises(InputError), open_queries(str(path)) as stream:
        list(split(stream, tmp_path, Molecule.NUCLEOTIDE, 100, 100))


def test_selected_queries_are_written_unchanged(tmp_path: Path) -> None:
    batch = batch_of(TEXT, tmp_path)

    write_selected(batch, [3, 0, 2, 3], tmp_path / "selected")

    c = b">c\n\nACGTACGT\n"
    assert (tmp_path / "selected").read_bytes() == c + b">a first\nACGT\nAC\n>\n" + c
    assert lengths_of(batch, Molecule.NUCLEOTIDE) == [6, 4, 0, 8]


def batch_of(text: bytes, folder: Path) -> Batch:
    (batch,) = split(io.BytesIO(text), folder, Molecule.NUCLEOTIDE, 10**9, 10**9)
    return batch


LONG = b"ACGT" * 60
BODIES = {
    "letters": (LONG, "regular"),
    "lines that end like those of Windows": (LONG + b"\r\n" + LONG + b"\r", "regular"),
    "a comment after letters": (LONG + b";" + LONG + b">?5 ! # ;" + LONG, "regular"),
    "signs of comments and gaps inside": (LONG + b" !" + LONG + b"#" + LONG + b">?5" + LONG, "regular"),
    "a comment first": (b" !" + LONG + b"\n" + LONG, "irregular"),
    "a single carriage return": (LONG + b"\r" + LONG, "irregular"),
    "blanks first": (b" " * 500 + LONG + b"\n", "regular"),
    "a line of blanks": (b" " * 500 + b"\n" + LONG, "regular"),
    "a comment after blanks": (b" " * 500 + b";" + LONG + b"\n" + LONG, "irregular"),
    "no letters": (b" " * 500 + b"\n" + b"-" * 500, "regular"),
    "implausible letters": (b"." * 500 + b"\n" + LONG, "regular"),
}


@pytest.mark.parametrize("what", BODIES)
@pytest.mark.parametrize("molecule", [*Molecule, None])
def test_long_lines_are_surveyed_in_parts_with_the_same_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, molecule: Molecule | None
) -> None:
    body, regular = BODIES[what]
    path = tmp_path / "q"
    path.write_bytes(b">a\n" + body + b"\n\n>b\n" + body + b"\n")
    whole = survey(path, molecule, most_queries=9, most_letters=9999)
    assert (whole.queries, whole.faults[Fault.LINES]) == (2, 2 * (regular == "irregular"))
    with path.open("rb") as stream:
        (batch,) = split(stream, tmp_path, molecule or Molecule.PROTEIN, 9999, 9)
    assert (whole.letters, faults_of([whole])) == (batch.letters, faults_of([batch]))

    for size in range(80, 100):
        monkeypatch.setattr(queries, "LINE_BYTES", size)
        for read in (1, 70, 300):
            monkeypatch.setattr(queries, "BLOCK_BYTES", read)
            assert survey(path, molecule, most_queries=9, most_letters=9999) == whole


@pytest.mark.parametrize("body", [b"\n" * 300_000, b"\r\n" * 300_000, b"A" * 50_000_000], ids=["blank", "cr", "long"])
def test_lines_of_a_query_do_not_accumulate_in_memory(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "q"
    path.write_bytes(b">a\n" + body)
    tracemalloc.start()

    found = survey(path, Molecule.NUCLEOTIDE, most_queries=1, most_letters=1 << 30)
    _, surveyed = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    with path.open("rb") as stream:
        (batch,) = split(stream, tmp_path, Molecule.NUCLEOTIDE, 1000, 1000)
    _, cut = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert found.letters == batch.letters == body.count(b"A")
    assert surveyed < (40 << 20 if batch.letters else 1 << 20)
    assert cut < 4 * len(body) + (1 << 20)
    assert batch.path.read_bytes().removesuffix(b"\n") == (b">a\n" + body).removesuffix(b"\n")


def test_an_endless_title_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "q"
    for length, is_refused in ((LINE_BYTES - 10, False), (LINE_BYTES + 10, True)):
        path.write_bytes(b">" + b"a" * length + b"\nACGT\n")
        with pytest.raises(TooLargeError, match="262,144 bytes") if is_refused else nullcontext():
            survey(path, None, most_queries=1, most_letters=9)


@pytest.mark.parametrize("line", [b"\n", b"\r\n", b" \t\n", b"A\n", b";\n", b"!\r\n", b"-\n"])
@pytest.mark.parametrize("before", [b"", b">a\n"])
def test_work_does_not_grow_with_the_number_of_short_lines(tmp_path: Path, before: bytes, line: bytes) -> None:
    path = tmp_path / "q"
    path.write_bytes(before + line * 200_000 + b">b\nACGT\n")
    calls: Counter[str] = Counter()
    sys.setprofile(lambda frame, event, argument: calls.update([event]))
    try:
        with suppress(NotFasta):
            survey(path, Molecule.NUCLEOTIDE, most_queries=9, most_letters=1 << 20)
        with suppress(NotFasta), path.open("rb") as stream:
            list(split(stream, tmp_path, Molecule.NUCLEOTIDE, 1 << 20, 9))
    finally:
        sys.setprofile(None)

    assert calls["call"] + calls["c_call"] < 5_000
