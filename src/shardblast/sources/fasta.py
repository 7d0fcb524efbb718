"""A FASTA file, compressed or not, streamed into makeblastdb."""

import io
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from shardblast.blast.database import Database
from shardblast.blast.installation import Installation
from shardblast.blast.process import Finished, checked, run_fed, was_killed
from shardblast.blast.queries import decompressed, reading_errors
from shardblast.core.errors import DatabaseError, DiskFull, InputError, SourceChanged, file_errors
from shardblast.core.program import Molecule
from shardblast.sources.source import Ledger, Offer, Progress, SourceSettings, find_database, generation_of

SUFFIXES = (".fa", ".fasta", ".fna", ".faa", ".fsa")
_COMPRESSED = (".gz", ".zst")
_WHOLE = "database"
_SAMPLE_BYTES = 1 << 18
_CHUNK_BYTES = 128 << 10
_SPARE_BYTES = 1 << 20
"""With less free space, a failure of makeblastdb is attributed to the disk."""
_NUCLEOTIDES = b"ACGTUNacgtun"
_NUCLEOTIDE_SHARE = 0.75
"""Minimum fraction of these codes in nucleotide sequences; the rest are ambiguity codes. In proteins it is about a
quarter."""
_BLANK = b" \t\r\n\v\f"
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_TAXID = re.compile(rb"[^ \t\r\n]+[ \t]+([+-]?\d{1,19})(?=[ \t\r\n]|$)")
_MOST_TAXID = (1 << 31) - 1
_QUOTED = re.compile(rb"'.*'")


class FastaSource:
    """The path of a FASTA file."""

    def __init__(self, text: str, installation: Installation, settings: SourceSettings) -> None:
        """Check the title, and that the taxid map, if any, is a file."""
        for what, given in (("title", settings.title), ("path of the taxid map", str(settings.taxid_map or ""))):
            if not given.isprintable():
                raise InputError(f"The {what} {given!r} is not printable.", remedy="Remove control characters.")
        self.text = text
        self._path = Path(text).absolute()
        self._installation = installation
        self._settings = settings
        if settings.taxid_map is not None:
            _facts(settings.taxid_map, "taxid map")

    def offer(self) -> Offer:
        """Return the file as it is now. Raises InputError if it can't be read, or is not FASTA."""
        molecule = self._molecule()
        facts = _facts(self._path, "FASTA file")
        settings = self._settings
        chosen = (molecule, settings.title, settings.parse_seqids, settings.volume_bytes)
        taxids = (str(settings.taxid_map), *_facts(settings.taxid_map, "taxid map")) if settings.taxid_map else ()
        return Offer(
            generation_of([(str(self._path), *facts), chosen, taxids]),
            datetime.fromtimestamp(facts[1] / 1e9, UTC).isoformat(timespec="seconds"),
            facts[0],
            {"size_bytes": facts[0], "changed_ns": facts[1], "molecule": molecule},
        )

    @file_errors()
    def bring(self, offer: Offer, folder: Path, report: Callable[[int, int], None], stopped: Callable[[], bool]) -> str:
        """Make a database, always from the start; see ``Source.bring``. Raises InputError if the file is not FASTA."""
        ledger = Ledger(folder, offer.generation)
        name = _UNSAFE.sub("_", _stem(self._path)).lstrip("-") or _WHOLE
        if not ledger.is_whole(_WHOLE):
            files = self._make(offer, ledger, name, report, stopped)
            if _facts(self._path, "FASTA file") != (offer.details["size_bytes"], offer.details["changed_ns"]):
                raise SourceChanged(self._path.name, "it has been modified")
            ledger.keep(_WHOLE, files)
        ledger.tidy()
        report(offer.size_bytes, offer.size_bytes)
        return name

    def _make(
        self, offer: Offer, ledger: Ledger, name: str, report: Callable[[int, int], None], stopped: Callable[[], bool]
    ) -> list[Path]:
        """Run makeblastdb, without ``-parse_seqids`` if it can't parse the ids and need not; return the files."""
        chosen = self._settings.parse_seqids
        attempts = [True, False] if chosen is None and self._settings.taxid_map is None else [chosen is not False]
        if self._settings.taxid_map:
            _check_taxids(self._settings.taxid_map)
        for parse_seqids in attempts:
            ledger.tidy()
            folder = ledger.work / "made"
            folder.mkdir()
            argv = self._argv(Molecule(offer.details["molecule"]), name, parse_seqids)
            finished = self._run(argv, folder, Progress(offer.size_bytes, report, stopped))
            if finished.status and shutil.disk_usage(folder).free < _SPARE_BYTES:
                raise DiskFull  # makeblastdb reports it, or dies of SIGSEGV
            if finished.status and not was_killed(finished) and parse_seqids != attempts[-1]:
                continue  # its words for ids that it can't parse are too many to know
            if self._settings.taxid_map:  # it may have changed, and all users see the message
                finished = replace(finished, stderr=_QUOTED.sub(b"'...'", finished.stderr))
            checked(finished, f"makeblastdb on {self._path.name}")
            break
        _require_whole(find_database(self._installation, folder / name))
        return sorted(folder.iterdir())

    def _argv(self, molecule: Molecule, name: str, parse_seqids: bool) -> list[str]:
        settings = self._settings
        argv = [self._installation.program("makeblastdb"), "-in", "-", "-dbtype", molecule.dbtype, "-out", name]
        argv += ["-title", settings.title or _stem(self._path), "-blastdb_version", "5"]
        argv += ["-max_file_sz", str(settings.volume_bytes)]
        if parse_seqids:
            argv.append("-parse_seqids")
        if settings.taxid_map:
            argv += ["-taxid_map", str(settings.taxid_map.absolute())]
        return argv

    def _run(self, argv: list[str], folder: Path, progress: Progress) -> Finished:
        with _opened(self._path) as (file, stream):
            reported = 0

            def report() -> None:
                """Count what was read of the file, whose position this process and makeblastdb share."""
                nonlocal reported
                read = os.lseek(file.fileno(), 0, os.SEEK_CUR) - reported
                reported += read
                progress.add(read)

            if stream is not file:
                return run_fed(argv, folder, _chunks(stream, self._path, report), report)
            os.lseek(file.fileno(), 0, os.SEEK_SET)
            return run_fed(argv, folder, file, report)

    def _molecule(self) -> Molecule:
        with _opened(self._path) as (_, stream):
            sample = _read(stream, self._path, _SAMPLE_BYTES).lstrip(_BLANK)
        if not sample.startswith((b">", b";", b"#", b"!")) or b">" not in sample:
            raise InputError(f"{self.text} is not a FASTA file.", remedy="Give a FASTA file or a BLAST database.")
        lines = [line for line in sample.splitlines() if line[:1] not in (b">", b";", b"#", b"!")]
        letters = b"".join(lines).translate(None, _BLANK + b"-*0123456789")
        nucleotides = len(letters) - len(letters.translate(None, _NUCLEOTIDES))
        looks_nucleotide = nucleotides >= len(letters) * _NUCLEOTIDE_SHARE
        if self._settings.molecule is Molecule.NUCLEOTIDE and not looks_nucleotide:
            problem = f"{self.text} looks like protein; makeblastdb would discard most of it as nucleotide."
            raise InputError(problem, remedy="Choose protein, or let the molecule be detected.")
        return self._settings.molecule or (Molecule.NUCLEOTIDE if looks_nucleotide else Molecule.PROTEIN)


def is_fasta(path: Path) -> bool:
    """Return whether a file is FASTA, judged by its name or its first bytes."""
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in _COMPRESSED]
    if suffixes and suffixes[-1] in SUFFIXES:
        return True
    with _opened(path) as (_, stream):
        return _read(stream, path, _SAMPLE_BYTES).lstrip(_BLANK).startswith(b">")


def _facts(path: Path, what: str) -> tuple[int, int]:
    """Return a file's size in bytes and its modification time in nanoseconds."""
    try:
        facts = path.stat()
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise InputError(f"The {what} {path} can't be read: {reason}.", remedy="Check the path.") from error
    if not stat.S_ISREG(facts.st_mode):
        raise InputError(f"The {what} {path} is not a file.", remedy="Check the path.")
    return facts.st_size, facts.st_mtime_ns


def _check_taxids(path: Path) -> None:
    """Check that each line has an id and a taxid. The error quotes nothing: users may not read the server's files."""
    with reading_errors(f"The taxid map {path.name}", "Check the file, then try again."), path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            match = _TAXID.match(line)
            if line.strip(b"\r\n") and (match is None or int(match[1]) > _MOST_TAXID):
                problem = f"Line {number:,} of the taxid map {path.name} has no taxid."
                raise InputError(problem, remedy="Write an id, a space and a taxid on each line.")


def _stem(path: Path) -> str:
    """Return a file's name without the endings of compression and FASTA."""
    for suffixes in (_COMPRESSED, SUFFIXES):
        if path.suffix.lower() in suffixes:
            path = path.with_suffix("")
    return path.name


@contextmanager
def _opened(path: Path) -> Iterator[tuple[io.BufferedReader, BinaryIO]]:
    """Yield a file as it is, and its decompressed stream."""
    with _reading(path):
        file = path.open("rb")
    with file, decompressed(file) as stream:
        yield file, stream


def _read(stream: BinaryIO, path: Path, size_bytes: int) -> bytes:
    with _reading(path):
        return stream.read(size_bytes)


def _reading(path: Path) -> AbstractContextManager[None]:
    return reading_errors(f"The FASTA file {path.name}", "Check the file, then try again.")


def _require_whole(database: Database) -> None:
    """Check that a new database has all its sequences: makeblastdb does not report all disk errors."""
    remedy = "Check the disk, then add the database again."
    for volume in database.volumes:
        if volume.sequence_file.stat().st_size < volume.offset(1, volume.num_seqs):
            raise DatabaseError(f"{volume.sequence_file.name} is truncated.", remedy=remedy)
    if database.obstacle is not None:
        raise DatabaseError(f"makeblastdb made no usable database: {database.obstacle}.", remedy=remedy)


def _chunks(stream: BinaryIO, path: Path, report: Callable[[], None]) -> Iterator[bytes]:
    while chunk := _read(stream, path, _CHUNK_BYTES):
        yield chunk
        report()
