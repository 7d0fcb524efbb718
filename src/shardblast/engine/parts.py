"""The parts of a database that a search's processes see, wherever their volumes lie."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Protocol

from shardblast.blast.alias import write_part
from shardblast.blast.candidates import by_volume, ids_by_oid, letters_of
from shardblast.blast.carrier import ArchiveCarrier
from shardblast.blast.condensed import condense
from shardblast.blast.database import Database
from shardblast.blast.fasta import records
from shardblast.blast.process import Finished
from shardblast.blast.volume import Volume
from shardblast.core.planning import Shard
from shardblast.engine.pool import Priority
from shardblast.engine.work import Purpose, Work

SEARCH = "search"
"""The purpose of pieces."""
WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class Part:
    """What one process sees of a database: some of its volumes, or some OIDs of one."""

    name: str
    """Different for different parts of a search; a file name."""
    volumes: tuple[int, ...]
    """Places in the database's list of volumes, 0-based."""
    oids: range | None = None
    """0-based in the one volume; None for whole volumes."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run of the search's program."""

    argv: list[str]
    """Options, without those of the next fields and ``-db``."""
    queries: Path
    outfmt: str
    out: Path
    """Gets its name when it is whole."""
    purpose: Purpose
    what: str
    """For messages: "batch 1, shard 3 of 8"."""
    priority: Priority
    """The lowest starts first."""


class Parts(Protocol):
    """Runs the search's program where the parts of its database are, and copies sequences from there.

    The local one and that of a cluster pass the same tests.
    """

    def start(self, part: Part, run: Run) -> Future[Finished]:
        """Queue a run in a part; the future holds a process that ended well, and ``run.out`` is there then."""
        ...

    def together(self, volumes: Sequence[int]) -> Sequence[Sequence[int]]:
        """Return volumes in groups, of which each can be seen by one process."""
        ...

    def ids_of(self, names: Mapping[int, Collection[bytes]], scratch: Path) -> dict[int, list[str]] | None:
        """Look up ids, as ``sseqid`` prints them, in a database in which each sequence has its own.

        Args:
            names: Ids by the index of the shard that holds their sequences.
            scratch: A file that may be written.

        Returns:
            Of each sequence its OID in the whole database with all its ids; None if one is not found.
        """
        ...

    def letters_of(self, oids: Iterable[int]) -> int:
        """Return about how many letters these sequences have."""
        ...

    def sources(self, oids: Sequence[int]) -> Iterable[tuple[Volume, Sequence[int]]]:
        """Return volumes that can be read here and OIDs in them: of these sequences, in this (ascending) order."""
        ...


def part_of(shard: Shard) -> Part:
    """Return the part that is a shard."""
    return Part(f"shard{shard.index}", tuple(shard.volumes), shard.oids)


def whole_of(database: Database) -> Part:
    """Return the part that is all that a search sees of a database."""
    return Part(WHOLE, tuple(range(len(database.volumes))))


class LocalParts:
    """Those of a database on this machine's disk."""

    def __init__(self, work: Work, *, named: bool = True) -> None:
        """Run processes as the pool has room.

        Args:
            work: Of the search.
            named: Whether BLAST+ finds the whole database by its name.
        """
        self._work = work
        self._named = named
        self._name: Callable[[Part], str] = cache(self._written)

    def start(self, part: Part, run: Run) -> Future[Finished]:
        argv = [*run.argv, "-query", str(run.queries), "-db", self._name(part), "-outfmt", run.outfmt]
        if run.purpose.name == SEARCH:
            finish = partial(_condense, run.queries) if self._is_condensed(run) else None
            return self._work.start_piece(argv, run.out, run.purpose, run.what, run.priority, finish)
        return self._work.start([*argv, "-out", str(run.out)], run.purpose, run.what, run.priority)

    def together(self, volumes: Sequence[int]) -> Sequence[Sequence[int]]:
        return [volumes]

    def ids_of(self, names: Mapping[int, Collection[bytes]], scratch: Path) -> dict[int, list[str]] | None:
        unique = {name for some in names.values() for name in some}
        return ids_by_oid(self._work.installation, self._work.processes, self._work.database, unique, scratch)

    def letters_of(self, oids: Iterable[int]) -> int:
        return letters_of(self._work.database, oids)

    def sources(self, oids: Sequence[int]) -> Iterable[tuple[Volume, Sequence[int]]]:
        return by_volume(self._work.database, oids)

    def _is_condensed(self, run: Run) -> bool:
        """Whether only the alignments of a piece's archive are kept: most of it may be queries, which are known."""
        return run.outfmt == ArchiveCarrier().outfmt and not self._work.options.has("parse_deflines")

    def _written(self, part: Part) -> str:
        """Return what to give to ``-db``."""
        database = self._work.database
        if self._named and part.name == WHOLE and database.filter is None:
            return database.name
        return write_part(self._work.folder, part.name, database, part.volumes, part.oids)


def _condense(queries: Path, path: Path) -> None:
    """Cut the archive of these queries down to its alignments."""
    with queries.open("rb") as stream:
        count = sum(1 for _ in records(stream))
    condense(path, count)
