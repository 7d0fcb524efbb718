"""The pieces of a search: batches and shards, where a piece runs, and with which options."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Protocol

from shardblast.blast.alias import write_part
from shardblast.blast.archive import condense
from shardblast.blast.database import Database
from shardblast.blast.hits import ArchiveCarrier
from shardblast.blast.process import Finished
from shardblast.blast.queries import Batch, open_queries, records, split
from shardblast.blast.sequences import by_volume, ids_by_oid, letters_of
from shardblast.blast.volume import Volume
from shardblast.core.cutting import BATCH_QUERIES, Choice, Shard, VolumeSize, cut_shards
from shardblast.core.option_table import FILTER_OPTIONS
from shardblast.core.options import SearchOptions
from shardblast.core.program import Molecule, Program
from shardblast.engine.workspace import Priority, Purpose, Work

OWN = frozenset({"query", "db", "num_threads", "mt_mode", "outfmt", "out"}) | FILTER_OPTIONS
"""Options that every piece has its own values for; what filters leave of the database is said in its alias."""
PRINTING = frozenset(
    ["html", "show_gis", "line_length", "sorthits", "sorthsps", "num_descriptions", "num_alignments", "max_target_seqs"]
)
"""Options that say how hits are printed, of no meaning to a piece."""
AFTER_THE_CUT = frozenset({"perc_identity", "qcov_hsp_perc"})
"""Options that drop hits after the preliminary cut, so that few hits can hide many candidates."""
PER_SUBJECT = frozenset({"max_hsps", "subject_besthit"})
"""Options that drop HSPs of a subject, never the subject."""
CANDIDATE_EVALUE_FACTOR = 100.0
"""A candidate can have a final E-value that much larger than a preliminary one: ambiguous letters cost it score."""
SAMPLE_EVALUE_FACTOR = 10.0
"""With composition-based statistics the preliminary stage lets pass what is several times as expected as the user's
limit."""
DEFAULT_EVALUES = {True: 1000.0, False: 10.0}
"""The largest default of any task, of blastn (blastn-short) and of the others."""

SEARCH = "search"
"""The purpose of pieces."""
WHOLE = "whole"


def batches_of(query: str, folder: Path, molecule: Molecule, choice: Choice) -> Iterator[Batch]:
    """Write the batches of a query file to a folder and yield each when it is whole."""
    with open_queries(query) as stream:
        yield from split(stream, folder, molecule, choice.batch_letters, BATCH_QUERIES, choice.scan_letters)


def shards_of(database: Database, count: int) -> tuple[Shard, ...]:
    """Return so many shards of about equal letters, in OID order, or fewer where a filter leaves nothing of some."""
    sizes = [VolumeSize(volume.num_seqs, volume.letters) for volume in database.volumes]
    shards = cut_shards(sizes, count, lambda volume, parts: database.volumes[volume].cuts(parts))
    chosen = database.filter
    if chosen is None:
        return shards
    seen = [shard for shard in shards if chosen.kept_in(shard.volumes, shard.oids)]
    return tuple(replace(shard, index=index) for index, shard in enumerate(seen))


@dataclass(frozen=True, slots=True)
class PieceLimits:
    """How many subjects pieces keep, and with which options they search."""

    max_target_seqs: int
    """What the user wants to see."""
    shard_limit: int
    """What a piece keeps: of a shard one more, so that a list of just the user's length is known not to be cut."""
    composition_based: bool
    """Whether composition-based statistics drop and reorder hits, so that candidates can't be told from hits."""
    always_research: bool
    """Whether few hits prove nothing, because the user's filters come after the preliminary cut."""
    linked: bool
    """Whether a query's E-values depend on the queries that BLAST+ searches together with it."""
    hit_argv: list[str]


def limits_of(options: SearchOptions, *, whole: bool = False) -> PieceLimits:
    """Return the limits for a search; ``whole`` is one of the whole database, where BLAST+ makes its own cut."""
    wanted = options.max_target_seqs
    kept = wanted if whole else wanted + 1
    return PieceLimits(
        wanted,
        kept,
        options.composition_based,
        any(options.has(name) for name in AFTER_THE_CUT),
        options.shares_statistics,
        piece_argv(options, kept),
    )


def candidate_argv(options: SearchOptions, limit: int) -> list[str]:
    """Return options under which every subject is found that passes the preliminary stage of the user's search."""
    evalue = CANDIDATE_EVALUE_FACTOR * _evalue(options)
    drop = OWN | PRINTING - {"max_target_seqs"} | AFTER_THE_CUT | PER_SUBJECT - {"max_hsps"}
    return options.argv(drop=drop, set={"max_target_seqs": str(limit), "evalue": f"{evalue:g}", "max_hsps": "1"})


def sample_argv(options: SearchOptions) -> list[str]:
    """Return options that show what passes the preliminary stage of a search with composition-based statistics."""
    evalue = SAMPLE_EVALUE_FACTOR * _evalue(options)
    drop = OWN | PRINTING - {"max_target_seqs"} | AFTER_THE_CUT | {"subject_besthit", "use_sw_tback"}
    changes = {"max_target_seqs": "1000", "evalue": f"{evalue:g}", "max_hsps": "1", "comp_based_stats": "0"}
    return options.argv(drop=drop, set=changes)


def piece_argv(options: SearchOptions, max_target_seqs: int) -> list[str]:
    """Return the user's options for a piece that keeps so many subjects."""
    drop = OWN | PRINTING - {"max_target_seqs"}
    return options.argv(drop=drop, set={"max_target_seqs": str(max_target_seqs)})


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
class PieceRun:
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

    def start(self, part: Part, run: PieceRun) -> Future[Finished]:
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

    def start(self, part: Part, run: PieceRun) -> Future[Finished]:
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

    def _is_condensed(self, run: PieceRun) -> bool:
        """Whether only the alignments of a piece's archive are kept: most of it may be queries, which are known."""
        return run.outfmt == ArchiveCarrier().outfmt and not self._work.options.has("parse_deflines")

    def _written(self, part: Part) -> str:
        """Return what to give to ``-db``."""
        database = self._work.database
        if self._named and part.name == WHOLE and database.filter is None:
            return database.name
        return write_part(self._work.folder, part.name, database, part.volumes, part.oids)


def _evalue(options: SearchOptions) -> float:
    given = options.value("evalue")
    return float(given) if isinstance(given, int | float) else DEFAULT_EVALUES[options.program is Program.BLASTN]


def _condense(queries: Path, path: Path) -> None:
    """Cut the archive of these queries down to its alignments."""
    with queries.open("rb") as stream:
        count = sum(1 for _ in records(stream))
    condense(path, count)
