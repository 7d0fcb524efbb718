"""Volumes of a BLAST database: their index, and small volumes extracted from larger ones byte for byte.

The index file (``.nin``/``.pin``) alone provides the sizes and the offset of every sequence; sequence data is not read.

Source: NCBI C++ Toolkit, objtools/blast/seqdb_reader/seqdbfile.cpp (CSeqDBIdxFile) and the BLAST database format
description of versions 4 and 5.
"""

from __future__ import annotations

import mmap
import os
import re
import struct
import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from shardblast.core.errors import DatabaseError
from shardblast.core.program import Molecule

MAX_FILE_BYTES = 1 << 32
"""Limit of a file's size: offsets in an index are unsigned 32-bit numbers."""
LMDB_VERSION = 5
"""Databases of this version look ids up in an LMDB file; older ones in an ISAM file for each volume."""
_LMDB_HEADER = 16
"""Bytes of a page before the offsets of its nodes."""

_ORDINAL = re.compile(
    rb"(\x1a\x09BL_ORD_ID\x00\x00\xa1\x80\xa0\x80\x02)(?:\x01.|\x02..|\x03...|\x04....|\x05.....)", re.S
)
"""The OID in a header, the BER of a Blast-def-line-set."""
_HEADER = b"0!0\x1f\xa1\x1d0\x1b\xaa\x190\x17\xa0\x0b\x1a\x09BL_ORD_ID\xa1\x08\xa0\x06\x02\x04%4b" % b""
"""The header of a sequence that is named by its OID, which are the last 4 bytes."""
_HEADERS_AT_ONCE = 1 << 16


@dataclass(frozen=True)
class Volume:
    """One volume; its OIDs are 0-based and begin with its first sequence."""

    path: Path
    """Path without extension."""
    molecule: Molecule
    version: int
    num_seqs: int
    letters: int
    max_length: int
    """Length of the longest sequence."""
    arrays_at: int
    """Byte offset of the offset arrays in the index; 0 if the volume is not on this machine."""
    id_index: Path | None
    """The file in which ids are looked up, which volumes of a database share; None without ``-parse_seqids``."""

    @property
    def sequence_file(self) -> Path:
        return self._file("sq")

    @property
    def header_file(self) -> Path:
        return self._file("hr")

    @property
    def mapped_files(self) -> tuple[Path, Path]:
        """The index and the sequences, which a search maps into memory."""
        return self._file("in"), self.sequence_file

    @property
    def size_bytes(self) -> int:
        """Size of the mapped files."""
        return sum(file.stat().st_size for file in self.mapped_files)

    def offset(self, number: int, oid: int) -> int:
        """Return an entry of an index array: 0 headers, 1 sequences, 2 ambiguities (nucleotide only)."""
        place = self.arrays_at + 4 * (number * (self.num_seqs + 1) + oid)
        return int(struct.unpack_from(">I", self._index, place)[0])

    def cuts(self, parts: int) -> list[int]:
        """Return ``parts + 1`` ascending OIDs that split the volume by length, or by sequences if it is not here."""
        if not self.arrays_at:
            return [self.num_seqs * part // parts for part in range(parts + 1)]
        first, last = self.offset(1, 0), self.offset(1, self.num_seqs)
        wanted = [first + (last - first) * part // parts for part in range(1, parts)]
        inner = [bisect_left(range(self.num_seqs), at, key=lambda oid: self.offset(1, oid)) for at in wanted]
        return [0, *inner, self.num_seqs]

    def letters_of(self, first: int, last: int) -> int:
        """Return the bases or residues of the OIDs from ``first`` to before ``last``, to within one byte each."""
        span = self.offset(1, last) - self.offset(1, first)
        return span * 4 if self.molecule is Molecule.NUCLEOTIDE else max(span - (last - first), 0)

    def forget(self, oids: range | None) -> None:
        """Let the sequences of these OIDs, by default all, leave the page cache, if no process maps them."""
        if not hasattr(os, "posix_fadvise"):  # missing on macOS
            return
        first, size = 0, 0  # up to the end
        if oids is not None:
            first = self.offset(1, oids.start)
            size = self.offset(1, oids.stop) - first
        with suppress(OSError), self.sequence_file.open("rb") as file:
            os.posix_fadvise(file.fileno(), first, size, os.POSIX_FADV_DONTNEED)

    def counted_lengths(self) -> Iterator[int]:
        """Yield the length of every sequence, in OID order, as SeqDB computes it when it adds up lengths.

        For a nucleotide sequence SeqDB does not read the last byte, which holds up to three bases and their number, but
        takes the lowest bits of the OID for that number.

        Source: NCBI C++ Toolkit, objtools/blast/seqdb_reader/seqdbvol.cpp (GetSeqLengthApprox).
        """
        starts = self.offsets(1)
        if self.molecule is Molecule.PROTEIN:
            return (end - start - 1 for start, end in pairwise(starts))
        ends = self.offsets(2)
        return ((ends[oid] - starts[oid] - 1) * 4 + (oid & 3) for oid in range(self.num_seqs))

    def ids_from(self, first: bytes) -> Iterator[bytes]:
        """Yield the ids in the volume's index, which volumes may share, in ascending order from ``first`` on."""
        if self.id_index is None:
            return
        is_lmdb = self.version == LMDB_VERSION
        index = self.id_index.with_suffix(f".{self.molecule.letter}db") if is_lmdb else self.id_index
        with _mapped(index) as text:
            yield from _lmdb_ids_from(text, first) if is_lmdb else _isam_ids_from(text, first)

    def offsets(self, number: int) -> array[int]:
        """Return an index array, as in ``offset``."""
        place = self.arrays_at + 4 * number * (self.num_seqs + 1)
        offsets = array("I", self._index[place : place + 4 * (self.num_seqs + 1)])
        if sys.byteorder == "little":
            offsets.byteswap()
        return offsets

    def _file(self, suffix: str) -> Path:
        return self.path.with_name(f"{self.path.name}.{self.molecule.letter}{suffix}")

    @cached_property
    def _index(self) -> mmap.mmap:
        return _mapped(self._file("in"))


def read_volume(path: Path, molecule: Molecule) -> Volume:
    """Read a volume's index. Raises DatabaseError if there is none, or its format is not supported."""
    index = path.with_name(f"{path.name}.{molecule.letter}in")
    try:
        with index.open("rb") as file:
            return _read_index(file, path, molecule)
    except (OSError, struct.error, UnicodeDecodeError) as error:
        raise DatabaseError(f"The index {str(index)!r} can't be read: {error}.", remedy="Rebuild it.") from error


def _read_index(file: BinaryIO, path: Path, molecule: Molecule) -> Volume:
    version, kind = struct.unpack(">II", file.read(8))
    if version not in (4, 5) or kind != (molecule is Molecule.PROTEIN):
        problem = f"The index of {str(path)!r} has version {version} and type {kind}, which are not supported."
        raise DatabaseError(problem, remedy="Rebuild the database with makeblastdb.")
    if version == 5:
        file.read(4)  # number of the volume
    _read_text(file)  # title
    lmdb = _read_text(file).rstrip(b"\0").decode() if version == 5 else ""
    _read_text(file)  # date
    (num_seqs,) = struct.unpack(">I", file.read(4))
    (letters,) = struct.unpack("<Q", file.read(8))
    (max_length,) = struct.unpack(">I", file.read(4))
    isam = path.with_name(f"{path.name}.{molecule.letter}sd")
    id_index = path.with_name(lmdb).with_suffix(f".{molecule.letter}os") if lmdb else isam
    arrays = 3 if molecule is Molecule.NUCLEOTIDE else 2
    if os.fstat(file.fileno()).st_size < file.tell() + 4 * arrays * (num_seqs + 1):
        raise DatabaseError(f"The index of {str(path)!r} is truncated.", remedy="Copy or rebuild the database.")
    return Volume(
        path=path,
        molecule=molecule,
        version=version,
        num_seqs=num_seqs,
        letters=letters,
        max_length=max_length,
        arrays_at=file.tell(),
        id_index=id_index if id_index.exists() else None,
    )


def _mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _isam_ids_from(text: mmap.mmap, first: bytes) -> Iterator[bytes]:
    """Yield ids of an ISAM file: sorted lines, each with an id, the byte 2 and an OID."""
    begin = bisect_left(
        range(len(text)), first, key=lambda at: text[text.rfind(b"\n", 0, at) + 1 : text.find(b"\n", at)]
    )
    text.seek(text.rfind(b"\n", 0, begin) + 1)
    yield from (line.partition(b"\x02")[0] for line in iter(text.readline, b""))


def _lmdb_ids_from(text: mmap.mmap, first: bytes) -> Iterator[bytes]:
    """Yield ids of an LMDB file, the keys of its database ``acc2oid``.

    Source: LMDB 0.9, mdb.c: MDB_meta, MDB_page, MDB_node and MDB_db.
    """
    (size,) = struct.unpack_from("<I", text, 40)
    newest = max((0, size), key=lambda page: struct.unpack_from("<Q", text, page + 144)[0])
    (names,) = struct.unpack_from("<Q", text, newest + 128)
    _, ids = next(_lmdb_entries(text, size, names, b"acc2oid"))
    (root,) = struct.unpack_from("<40xQ", text, ids)
    yield from (key for key, _ in _lmdb_entries(text, size, root, first))


def _lmdb_entries(text: mmap.mmap, size: int, page: int, first: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield the keys of a tree from ``first`` on, with the offsets of their values."""
    flags, lower = struct.unpack_from("<10xHH", text, page * size)
    count = (lower - _LMDB_HEADER) // 2
    nodes = [page * size + at for at in struct.unpack_from(f"<{count}H", text, page * size + _LMDB_HEADER)]
    keys = [text[node + 8 : node + 8 + struct.unpack_from("<6xH", text, node)[0]] for node in nodes]
    if not flags & 1:  # a leaf
        yield from ((key, node + 8 + len(key)) for key, node in zip(keys, nodes, strict=True) if key >= first)
        return
    for node in nodes[max(bisect_right(keys, first) - 1, 0) :]:
        low, middle, high = struct.unpack_from("<HHH", text, node)
        yield from _lmdb_entries(text, size, low | middle << 16 | high << 32, first)


def _read_text(file: BinaryIO) -> bytes:
    (length,) = struct.unpack(">I", file.read(4))
    return file.read(length)


@dataclass(frozen=True, slots=True)
class Oids:
    """The OIDs of a database that a volume contains."""

    present: Sequence[int]
    """0-based OIDs of the sequences in the volume, ascending."""
    num_seqs: int
    """Number of sequences of the whole database."""


class VolumeWriter:
    """Writes a version 4 volume from unchanged copies of sequences and headers, including ambiguities and taxids.

    Nothing is decoded, so a search of the copy sees exactly the bytes of the original. Only the ordinal number that
    names a sequence without id becomes its OID in the copy.
    """

    def __init__(
        self, path: Path, molecule: Molecule, date: str = "Jan 1, 1970  0:00 AM", oids: Oids | None = None
    ) -> None:
        """Write to a path without extension, with a date that formats 0 to 4 print.

        Without ``oids`` the copied sequences get the OIDs 0, 1, 2 and so on. Other OIDs have no sequence.
        """
        self._path = path
        self._molecule = molecule
        self._date = date.encode()
        self._oids = oids
        self._headers = [0]
        self._sequences = [1]
        self._ambiguities: list[int] = []
        self._letters = 0
        self._max_length = 0

    def write(self, sources: Iterable[tuple[Volume, Iterable[int]]]) -> None:
        """Copy these OIDs (0-based in each volume), in order. Raises DatabaseError if one volume can't hold them."""
        stem = f"{self._path}.{self._molecule.letter}"
        with open(stem + "hr", "wb") as headers, open(stem + "sq", "wb") as sequences:
            sequences.write(b"\0")
            for volume, oids in sources:
                with volume.header_file.open("rb") as from_headers, volume.sequence_file.open("rb") as from_sequences:
                    for oid in oids:
                        self._copy_header(volume, oid, from_headers, headers)
                        self._copy_sequence(volume, oid, from_sequences, sequences)
        with open(stem + "in", "wb") as index:
            index.write(self._index())

    def _copy_header(self, volume: Volume, oid: int, source: BinaryIO, target: BinaryIO) -> None:
        begin, end = volume.offset(0, oid), volume.offset(0, oid + 1)
        source.seek(begin)
        place = len(self._headers) - 1
        header = source.read(end - begin)
        if volume.id_index is None:
            named = self._oids.present[place] if self._oids else place
            number = named.to_bytes(named.bit_length() // 8 + 1, "big")
            header = _ORDINAL.sub(lambda match: match[1] + bytes([len(number)]) + number, header)
        target.write(header)
        self._headers.append(self._headers[-1] + len(header))

    def _copy_sequence(self, volume: Volume, oid: int, source: BinaryIO, target: BinaryIO) -> None:
        begin, end = volume.offset(1, oid), volume.offset(1, oid + 1)
        source.seek(begin)
        data = source.read(end - begin)
        target.write(data)
        if self._molecule is Molecule.NUCLEOTIDE:
            packed = volume.offset(2, oid) - begin
            self._ambiguities.append(self._sequences[-1] + packed)
            length = (packed - 1) * 4 + (data[packed - 1] & 3)
        else:
            length = len(data) - 1
        self._sequences.append(self._sequences[-1] + len(data))
        if self._sequences[-1] >= MAX_FILE_BYTES:
            raise DatabaseError("The candidates do not fit one volume.", remedy="Lower -max_target_seqs.")
        self._letters += length
        self._max_length = max(self._max_length, length)

    def _index(self) -> bytes:
        arrays = [self._headers, self._sequences]
        if self._molecule is Molecule.NUCLEOTIDE:
            arrays.append([*self._ambiguities, self._sequences[-1]])
        sizes = (self._letters, self._max_length)
        return _index_of(self._molecule, b"candidates", self._date, sizes, [*map(self._offsets, arrays)])

    def _offsets(self, ends: list[int]) -> array[int]:
        """Return an index array; the offset of a missing OID is that of the next one."""
        offsets = array("I", ends if self._oids is None else ())
        if self._oids is not None:
            for oid, offset in zip((*self._oids.present, self._oids.num_seqs), ends, strict=True):
                offsets.extend(array("I", [offset]) * (oid + 1 - len(offsets)))
        return offsets


class View(Enum):
    """A volume with other headers, in which each sequence is named by its OID in the view."""

    STORED = 1
    """The sequences as they are."""
    PACKED = 2
    """Nucleotides without ambiguity codes, as BLAST+'s preliminary stage reads them.

    Sequence i of the volume has the OID 2 i in the view, and its ambiguity data the OID 2 i + 1, which a mask must
    hide.

    Source: NCBI C++ Toolkit, algo/blast/core/blast_engine.c (BLAST_PreliminarySearchEngine reads packed bases).
    """

    @property
    def spread(self) -> int:
        """The number of OIDs of the view for each sequence."""
        return self.value


def write_view(volume: Volume, path: Path, view: View) -> None:
    """Write a view of a volume: an index, headers, and a link to the sequences."""
    letter, count = volume.molecule.letter, volume.num_seqs
    path.with_name(f"{path.name}.{letter}sq").symlink_to(volume.sequence_file.absolute())
    with path.with_name(f"{path.name}.{letter}hr").open("wb") as file:
        file.writelines(_headers(count, view.spread))
    size = len(_HEADER)
    headers = array("I", range(0, size * count + 1, size))
    arrays = [headers, *map(volume.offsets, range(1, 3 if volume.molecule is Molecule.NUCLEOTIDE else 2))]
    if view is View.PACKED:
        _, starts, ends = arrays
        arrays = [
            _interleaved(headers, headers[1:]),
            _interleaved(starts, ends[:count]),
            _interleaved(ends[:count] + starts[-1:], starts[1:]),
        ]
    index = _index_of(volume.molecule, b"view", b"Jan 1, 1970  0:00 AM", (volume.letters, volume.max_length), arrays)
    path.with_name(f"{path.name}.{letter}in").write_bytes(index)


def _headers(count: int, spread: int) -> Iterator[bytes]:
    """Yield the headers of a view with ``count`` sequences in blocks."""
    for begin in range(0, count, _HEADERS_AT_ONCE):
        oids = range(spread * begin, spread * min(begin + _HEADERS_AT_ONCE, count), spread)
        headers, numbers = bytearray(_HEADER * len(oids)), _big_endian(array("I", oids))
        for place in range(4):
            headers[len(_HEADER) - 4 + place :: len(_HEADER)] = numbers[place::4]
        yield bytes(headers)


def _interleaved(even: array[int], odd: array[int]) -> array[int]:
    both = array("I", bytes(4 * (len(even) + len(odd))))
    both[0::2], both[1::2] = even, odd
    return both


def _index_of(
    molecule: Molecule, title: bytes, date: bytes, sizes: tuple[int, int], arrays: Sequence[array[int]]
) -> bytes:
    """Return an index of version 4; ``sizes`` are all letters and those of the longest sequence."""
    letters, max_length = sizes
    date += b"\0" * (-(8 + 4 + len(title) + 4 + len(date) + 16) % 8)  # makeblastdb aligns the arrays to 8 bytes
    head = struct.pack(">III", 4, molecule is Molecule.PROTEIN, len(title)) + title
    head += struct.pack(">I", len(date)) + date
    head += struct.pack(">I", len(arrays[0]) - 1) + struct.pack("<Q", letters) + struct.pack(">I", max_length)
    return b"".join((head, *map(_big_endian, arrays)))


def _big_endian(offsets: array[int]) -> bytes:
    if sys.byteorder == "little":
        offsets.byteswap()
    return offsets.tobytes()
