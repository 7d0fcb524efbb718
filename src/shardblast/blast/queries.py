"""Query files: read as a stream of records, counted and checked, split into batches."""

import gzip
import io
import os
import re
import shutil
import string
import sys
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from itertools import chain, dropwhile
from pathlib import Path
from typing import BinaryIO, cast

from shardblast.core.errors import InputError, TooLargeError
from shardblast.core.program import Molecule
from shardblast.core.units import counted

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_BLANKS = b" \t\r\n\v\f"
_REPLACED = re.compile(rb"[OoUuJj*-]")
_IRREGULAR = re.compile(rb"^[ \t\v\f]*(?:[;!#]|>\?)|\r(?!\n)", re.M)
_NOT_ARCHIVED = re.compile(rb"^>[ \t\r\n\v\f]*[\x00-\x08\x0e-\x1f]|[\x7f-\xff]")
_MARKS = (b";", b"!", b"#", b">?", b"\r")
"""One of these is in every match of ``_IRREGULAR``, which takes more time to search."""
_DATA_LINE = re.compile(rb"^[ \t\r\v\f]*[^ \t\r\v\f\n!#;][^\n]*", re.M)
"""A line that is neither blank nor a comment."""
_COMMENT = re.compile(rb"^[ \t\r\v\f]*[!#].*|;.*", re.M)
_LETTERS = {
    Molecule.NUCLEOTIDE: b"ABCDGHKMNRSTUVWYabcdghkmnrstuvwy",
    Molecule.PROTEIN: string.ascii_letters.encode() + b"*",
}
_DROPPED = {molecule: bytes(set(range(256)).difference(kept)) for molecule, kept in _LETTERS.items()}
_DEFINITE = {Molecule.NUCLEOTIDE: re.compile(rb"[ACGTUacgtu]"), Molecule.PROTEIN: re.compile(rb"[^XxOo*]")}
_LIKELY = _LETTERS[Molecule.PROTEIN]
_NEUTRAL = _BLANKS + string.digits.encode() + b"-"
_CHECKED = 70
"""Number of characters of a line by which BLAST+ decides whether it is part of a sequence."""

LINE_BYTES = 1 << 18
"""Maximum length of a title of an upload; longer lines of it are surveyed in parts."""
BLOCK_BYTES = 1 << 16
"""Number of bytes that are read at once, so that short lines take no time or memory each."""

_IN_PARTS = "Submit them in parts."

SAMPLED_LETTERS = 1_000_000
NUCLEOTIDE_SHARE = 0.9
"""Minimum fraction of A, C, G, T and U among letters other than N and X, as in BLAST's own guess; about a third in
proteins."""


class Fault(Enum):
    """A reason why only BLAST+ itself can search or print some queries; the most serious first."""

    NONE = ("there are no queries", "There are no queries.", "Give at least one sequence in FASTA.")
    LINES = (
        "the queries have comments, gap lines or lone carriage returns, which only BLAST+ reads exactly",
        "The queries contain comments, gap lines or single carriage returns.",
        "Submit plain FASTA.",
    )
    EMPTY = (
        "a query has no letters, and BLAST+ searches it together with its neighbours",
        ("query is empty.", "queries are empty."),
        "Remove empty queries.",
    )
    IMPLAUSIBLE = (
        "a query does not look like a sequence, and BLAST+ ends with an error when it reads that query",
        ("query does not look like a sequence to BLAST+.", "queries do not look like a sequence to BLAST+."),
        "Use only letters in the first line of a sequence.",
    )
    TITLE = (
        "a query's title is not printable ASCII, which is all that archives hold",
        ("title has non-ASCII or control characters.", "titles have non-ASCII or control characters."),
        "Use only printable ASCII characters in titles.",
    )

    def __init__(self, why: str, problem: str | tuple[str, str], remedy: str) -> None:
        self.why = why
        """Why a command leaves the search to BLAST+."""
        self.remedy = remedy
        self._problem = problem

    def problem(self, count: int) -> str:
        """Return why a service refuses the search, if this many queries have the fault."""
        return self._problem if isinstance(self._problem, str) else counted(count, *self._problem)


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive queries in a separate file."""

    index: int
    path: Path
    first_query: int
    """0-based position of the first query among all queries."""
    queries: int
    letters: int
    """Bases or residues, as BLAST+ counts them."""
    titled: bool
    """Whether every query has a title; BLAST+ names other queries by their number in the file."""
    definite: bool
    """Whether every query has an unambiguous base or residue; without masks BLAST+ can search only these."""
    partly_definite: bool
    """Whether some query has an unambiguous base or residue."""
    plain: bool
    """Whether no query has letters that BLAST+ replaces in proteins, with a warning that some formats print."""
    faults: Counter[Fault]
    """The number of queries with each fault."""
    first_line: int = 0
    """Number of lines before the first query."""


class NotFasta(InputError, code="not-fasta"):
    """The input does not start with a defline, so only BLAST+ itself can interpret it."""


@contextmanager
def open_queries(path: str) -> Iterator[BinaryIO]:
    """Open a query file, or standard input for ``-``, decompressing gzip and zstd."""
    try:
        if path == "-" and sys.stdin is None:
            raise InputError("Standard input is closed.", remedy="Give the queries there, or name a file with -query.")
        raw = sys.stdin.buffer if path == "-" else open(path, "rb")  # noqa: SIM115 - closed below
    except OSError as error:
        raise InputError(f"The query file {path!r} can't be read: {error.strerror}.", remedy="Check -query.") from error
    with raw:
        buffered = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(cast(io.RawIOBase, raw))
        with decompressed(buffered) as stream:
            yield stream


def copy_queries(path: str, target: Path) -> None:
    """Write the queries of a file, or of standard input for ``-``, to another file in plain text."""
    with open_queries(path) as stream, target.open("wb") as file, reading_errors():
        shutil.copyfileobj(stream, file)


def plain_queries(path: str, target: Path) -> str:
    """Return a file of queries in plain text that can be read again: at ``target`` for pipes and compressed files."""
    is_pipe = path == "-" or (os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path))
    if not is_pipe and not (os.path.isfile(path) and is_compressed(path)):
        return path
    copy_queries(path, target)
    return str(target)


@contextmanager
def decompressed(compressed: io.BufferedReader) -> Iterator[BinaryIO]:
    """Yield a file's content, decompressing gzip and zstd."""
    start = compressed.peek(4)[:4]
    if start.startswith(_GZIP):
        with gzip.open(compressed, "rb") as stream:
            yield cast(BinaryIO, stream)
    elif start == _ZSTD:
        from shardblast.blast.compression import Decompressed

        yield cast(BinaryIO, io.BufferedReader(Decompressed(compressed)))
    else:
        yield compressed


def is_compressed(path: str) -> bool:
    """Return whether a file is compressed with gzip or zstd, which BLAST+ does not read."""
    with open(path, "rb") as file:
        start = file.read(4)
    return start.startswith(_GZIP) or start == _ZSTD


def records(stream: BinaryIO) -> Iterator[list[bytes]]:
    """Yield records: a defline, then whole lines in blocks. Raises InputError, or NotFasta without a first defline."""
    return _grouped(dropwhile(lambda block: not block.startswith(b">"), _blocks(_texts(stream))))


def _grouped(blocks: Iterable[bytes]) -> Iterator[list[bytes]]:
    record: list[bytes] = []
    with reading_errors():
        for block in blocks:
            if record and block.startswith(b">"):
                yield record
                record = []
            record.append(block)
    if record:
        yield record


def letters_of(lines: Iterable[bytes], molecule: Molecule) -> bytes:
    """Return the characters that BLAST+ keeps of a query's lines (without the defline), in their original case.

    It drops blanks, comments and hyphens. It also drops, with a warning, everything that is not a code of the molecule:
    digits, dots, and in nucleotides also ``*`` and letters that are not base codes.

    Source: NCBI C++ Toolkit, objtools/readers/fasta.cpp, CFastaReader::ReadOneSeq and ParseDataLine.
    """
    text = b"".join(lines)
    if b";" in text or b"#" in text or b"!" in text:
        text = _COMMENT.sub(b"", text)
    return text.translate(None, _DROPPED[molecule])


def is_plausible(blocks: Iterable[bytes], molecule: Molecule) -> bool:
    """Return whether BLAST+ accepts a query's lines (without the defline) as a sequence rather than stopping there.

    It checks each line up to the first from which it keeps a letter.

    Source: NCBI C++ Toolkit, objtools/readers/fasta.cpp, CFastaReader::CheckDataLine.
    """
    for line in (match[0] for block in blocks for match in _DATA_LINE.finditer(block)):
        start = line.strip(_BLANKS)[:_CHECKED]
        checked = start.partition(b";")[0]
        unlikely = len(checked.translate(None, _LIKELY + _NEUTRAL))
        likely = len(checked) - len(checked.translate(None, _LIKELY))
        if unlikely >= likely // 3 and (len(start) > 3 or likely == 0 or unlikely > likely):
            return False
        if letters_of([line], molecule):
            break
    return True


def is_regular(record: Iterable[bytes]) -> bool:
    """Return whether a record has no comments, gap lines (``>?10``) or lone carriage returns."""
    return not any(_IRREGULAR.search(block) for block in record if any(mark in block for mark in _MARKS))


def is_archivable(defline: bytes) -> bool:
    """Return whether archives preserve a defline: ASCII, no DEL, no control character first (BLAST+ cuts at others)."""
    return _NOT_ARCHIVED.search(defline) is None


def split(
    stream: BinaryIO, folder: Path, molecule: Molecule, batch_letters: int, batch_queries: int, scan_letters: int = 0
) -> Iterator[Batch]:
    """Write batch files and yield each when it is complete.

    A batch ends with the query that reaches ``batch_letters`` bases or residues or ``batch_queries`` queries, but only
    where BLAST+ would begin a batch of its own, which ends with the query that reaches ``scan_letters``: the statistics
    of linked HSPs depend on the queries that BLAST+ searches together.
    """
    first = index = scanned = letters = line = 0
    draft = _Draft(molecule)
    blocks = _blocks(_texts(stream))
    with reading_errors():
        while (start := next(blocks, b"")).isspace():
            line += start.count(b"\n")
    for record in _grouped(chain([start] if start else [], blocks)):
        size = draft.add(record)
        scanned, letters = scanned + size, letters + size
        if scanned < scan_letters:
            continue
        scanned = 0
        if letters >= batch_letters or len(draft.records) >= batch_queries:
            yield draft.write(index, folder, first, line)
            line += sum(block.count(b"\n") for block in chain.from_iterable(draft.records))
            first, index, letters, draft = first + len(draft.records), index + 1, 0, _Draft(molecule)
    if draft.records:
        yield draft.write(index, folder, first, line)


@contextmanager
def reading_errors(what: str = "The queries", remedy: str = "Check the query file.") -> Iterator[None]:
    """Translate errors of reading a damaged file."""
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:  # gzip.BadGzipFile is an OSError
        raise InputError(f"{what} can't be read: {error}.", remedy=remedy) from error


def write_selected(batch: Batch, ordinals: Sequence[int], path: Path) -> None:
    """Write the queries at these 0-based positions of a batch to a file, in this order."""
    wanted = set(ordinals)
    with batch.path.open("rb") as source:
        found = {ordinal: record for ordinal, record in enumerate(records(source)) if ordinal in wanted}
    with path.open("wb") as target:
        target.writelines(chain.from_iterable(found[ordinal] for ordinal in ordinals))


def lengths_of(batch: Batch, molecule: Molecule) -> list[int]:
    """Return the bases or residues of each query of a batch, as BLAST+ counts them."""
    with batch.path.open("rb") as source:
        return [len(letters_of(record[1:], molecule)) for record in records(source)]


def query_id(defline: bytes) -> str:
    words = defline[1:].split(None, 1)
    return words[0].decode(errors="replace") if words else ""


@dataclass(slots=True)
class Survey:
    """Statistics of the queries of a search."""

    queries: int = 0
    letters: int = 0
    """Bases or residues of all queries, as BLAST+ counts them."""
    longest: int = 0
    """Length of the longest query."""
    molecule: Molecule | None = None
    """The likely molecule; None if there is no evidence."""
    faults: Counter[Fault] = field(default_factory=Counter)
    """The number of queries with each fault."""


def faults_of(parts: Sequence[Batch | Survey]) -> dict[Fault, int]:
    """Return the number of queries with each fault, the most serious first."""
    if not any(part.queries for part in parts):
        return {Fault.NONE: 1}
    faults = sum((part.faults for part in parts), Counter())
    return {fault: faults[fault] for fault in Fault if faults[fault]}


def survey(path: Path, molecule: Molecule | None, *, most_queries: int, most_letters: int) -> Survey:
    """Read an uncompressed file of queries for a program of this query molecule (None: unknown) as a stream.

    Raises NotFasta if the file does not start with a defline, and TooLargeError if it exceeds ``most_queries`` or
    ``most_letters``.
    """
    tally, counts = _Tally(molecule), Survey()
    with path.open("rb") as stream, reading_errors():
        for block in _blocks(_texts(stream, LINE_BYTES)):
            if len(block) > LINE_BYTES and block.startswith(b">"):
                raise TooLargeError(f"A title has more than {LINE_BYTES:,} bytes.", remedy="Shorten it.")
            tally.add(block, counts)
            if counts.queries > most_queries:
                raise TooLargeError(f"There are more than {most_queries:,} queries.", remedy=_IN_PARTS)
            if counts.letters > most_letters:
                raise TooLargeError(f"The queries have more than {most_letters:,} bases or residues.", remedy=_IN_PARTS)
    if tally.sampled:
        is_nucleotide = tally.nucleotides >= NUCLEOTIDE_SHARE * tally.sampled
        counts.molecule = Molecule.NUCLEOTIDE if is_nucleotide else Molecule.PROTEIN
    return counts


@dataclass(slots=True)
class _Tally:
    """The part of the last query that was read, and the sample of all queries."""

    molecule: Molecule | None
    letters: int = 0
    plausible: bool = True
    regular: bool = True
    nucleotides: int = 0
    sampled: int = 0

    def add(self, block: bytes, counts: Survey) -> None:
        """Count a defline, or a block of the last query's lines."""
        is_title = block.startswith(b">")
        if is_title:
            self.letters, self.plausible, self.regular = 0, True, True
            counts.queries += 1
            counts.faults[Fault.EMPTY] += 1
            counts.faults[Fault.TITLE] += not is_archivable(block)
        if self.regular and not is_regular([block]):
            self.regular = False
            counts.faults[Fault.LINES] += 1
        if is_title:
            return
        residues = letters_of([block], Molecule.PROTEIN)
        letters = len(residues) if self.molecule is not Molecule.NUCLEOTIDE else len(letters_of([block], self.molecule))
        if not self.letters:
            self.plausible = self.plausible and is_plausible([block], self.molecule or Molecule.PROTEIN)
            counts.faults[Fault.EMPTY] -= letters > 0
            counts.faults[Fault.IMPLAUSIBLE] += letters > 0 and not self.plausible
        self.letters += letters
        counts.letters += letters
        counts.longest = max(counts.longest, self.letters)
        if self.sampled < SAMPLED_LETTERS:
            sequence = residues.upper()
            self.nucleotides += sum(map(sequence.count, (b"A", b"C", b"G", b"T", b"U")))
            self.sampled += len(sequence) - sum(map(sequence.count, (b"N", b"X", b"*")))


def _blocks(texts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield each defline, and the lines after it, or blank lines before the first, in blocks; see ``records``."""
    begun = False
    for text in texts:
        end = 0
        while (start := end) < len(text):
            is_title = text.startswith(b">", start)
            end = (text.find(b"\n", start) if is_title else text.find(b"\n>", start)) + 1 or len(text)
            block = text[start:end]
            begun = begun or is_title
            if not begun and not block.isspace():
                problem = "The queries do not start with '>'."
                raise NotFasta(problem, remedy="Begin each query with a line that starts with '>'.")
            yield block


def _texts(stream: BinaryIO, longest: int | None = None) -> Iterator[bytes]:
    """Yield whole lines, many at a time, and those of more than ``longest`` bytes in parts that count like the line.

    Later parts begin with a gap, which BLAST+ drops, or a comment.
    """
    before = b""
    while text := stream.read(BLOCK_BYTES):
        if not text.endswith(b"\n"):
            text += stream.readline(-1 if longest is None else longest)
        if text.endswith(b"\r"):
            text += stream.readline(1)
        text = before + text
        yield text
        line = text[text.rfind(b"\n") + 1 :] if longest is not None else b""
        start, before = line.strip(_BLANKS)[:1], b""
        if start:
            before = b";" if start in b"!#;" else b"-;" if b";" in line else b"-"


@dataclass(slots=True)
class _Draft:
    """A batch that is still growing."""

    molecule: Molecule
    records: list[list[bytes]] = field(default_factory=list)
    definite: list[bool] = field(default_factory=list)
    letters: list[int] = field(default_factory=list)

    def add(self, record: list[bytes]) -> int:
        """Add a query; return its number of bases or residues."""
        letters = letters_of(record[1:], self.molecule)
        self.records.append(record)
        self.definite.append(_DEFINITE[self.molecule].search(letters) is not None)
        self.letters.append(len(letters))
        return len(letters)

    def write(self, index: int, folder: Path, first: int, line: int) -> Batch:
        records, path = self.records, folder / f"batch{index}.fa"
        if not records[-1][-1].endswith(b"\n"):
            records[-1][-1] += b"\n"
        with path.open("wb") as file:
            file.writelines(chain.from_iterable(records))
        return Batch(
            index,
            path,
            first,
            len(records),
            sum(self.letters),
            titled=all(defline[1:].strip(_BLANKS) for defline, *_ in records),
            definite=all(self.definite),
            partly_definite=any(self.definite),
            plain=not any(_REPLACED.search(block) for _, *blocks in records for block in blocks),
            faults=Counter(chain.from_iterable(map(self._faults, records, self.letters))),
            first_line=line,
        )

    def _faults(self, record: list[bytes], letters: int) -> Iterator[Fault]:
        if not is_regular(record):
            yield Fault.LINES
        if not letters:
            yield Fault.EMPTY
        elif not is_plausible(record[1:], self.molecule):
            yield Fault.IMPLAUSIBLE
        if not is_archivable(record[0]):
            yield Fault.TITLE
