"""The pieces of a search: its batches and shards, the options of a piece, and the parts of the database it reads."""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Protocol

from shardblast.blast.alias import write_part
from shardblast.blast.archive import condense
from shardblast.blast.database import Database
from shardblast.blast.hits import FREE_TEXT, ArchiveCarrier, Carrier, TabularCarrier, layout_for
from shardblast.blast.process import Finished, Over
from shardblast.blast.queries import Batch, open_queries, records, split
from shardblast.blast.sequences import CandidateDatabase, by_volume, letters_of
from shardblast.blast.volume import View, Volume
from shardblast.core.cutting import BATCH_QUERIES, Choice, Shard, Situation, VolumeSize, choose, cut_shards
from shardblast.core.option_table import NOT_OF_A_PIECE, Use, names
from shardblast.core.options import Exactness, SearchOptions
from shardblast.core.program import Molecule, Program
from shardblast.engine.workspace import SEARCH, Machine, PieceRun, Work

NOT_OF_CANDIDATES = NOT_OF_A_PIECE | {*names(Use.CUT, Use.COMPARE), "subject_besthit", "use_sw_tback"}
"""Options without which a search finds every subject that passes the preliminary cutoff."""
CANDIDATE_EVALUE_FACTOR = 100.0
"""The largest ratio of final to preliminary E-value of a candidate; ambiguous residues lower its final score."""
STRETCH = 10.0
"""More than the factor by which the preliminary stage of proteins exceeds the user's E-value limit, which is 5.

Source: NCBI C++ Toolkit, algo/blast/core/blast_parameters.c (BlastHitSavingParametersUpdate).
"""
EXACT_EVALUE = 11.0
"""An E-value limit with which blastp aligns exactly in the preliminary stage.

Up to 10, it aligns weak hits approximately first, so that a subject found with 1e-10 may be missing with 1e-9.

Source: NCBI C++ Toolkit, algo/blast/core/blast_gapalign.c (BLAST_GetGappedScore, restricted_align).
"""
PRELIMINARY_DROP = "15"
"""The default of ``-xdrop_gap`` for proteins, in bits. With it, the traceback ends where the preliminary stage ends.

Source: NCBI C++ Toolkit, include/algo/blast/core/blast_options.h (BLAST_GAP_X_DROPOFF_PROT).
"""
MARGIN = 1.25
"""In multiples of what BLAST+ keeps: as many subjects above a limit of the score are enough for blastn."""
GAP_TRIGGER_BITS = 27
"""The bits of an ungapped hit of blastn that is extended with gaps (BLAST_GAP_TRIGGER_NUCL in blast_options.h)."""
LINKED_BITS = 26
"""The bits of single HSPs that are listed; more than the 22 from which BLAST+ extends ungapped hits of proteins."""
LONGEST_ADJUSTMENT = 50
"""More than the letters by which BLAST+ shortens nucleotide sequences for the search space; about 35 were seen."""
DEFAULT_EVALUES = {True: 1000.0, False: 10.0}
"""The largest default E-value of any task: for blastn (blastn-short), and for the other programs."""

WHOLE = "whole"


def batches_of(query: str, folder: Path, molecule: Molecule, choice: Choice) -> Iterator[Batch]:
    """Write the batches of a query file to a folder and yield each when it is complete."""
    with open_queries(query) as stream:
        yield from split(stream, folder, molecule, choice.batch_letters, BATCH_QUERIES, choice.scan_letters)


def choice_of(options: SearchOptions, database: Database, machine: Machine, query_letters: int | None) -> Choice:
    """Choose how to cut a search on a machine; ``query_letters`` are approximate, and None if they are unknown."""
    wanted = options.ours.shards
    situation = Situation(
        program=options.program,
        database_letters=database.searched.letters,
        database_bytes=database.searched_bytes,
        cores=machine.cores,
        memory_bytes=machine.memory_bytes,
        query_letters=query_letters,
        threads=options.may_use_threads,
    )
    return choose(situation, wanted if isinstance(wanted, int) else None)


def chosen_queries(queries: int, letters: int, wanted: int) -> tuple[int, ...]:
    """Return the 0-based numbers of ``wanted`` queries; the choice is random, but the same for the same totals."""
    return tuple(random.Random(f"{queries} {letters}").sample(range(queries), min(wanted, queries)))


def shards_of(database: Database, count: int) -> tuple[Shard, ...]:
    """Return ``count`` shards of about equal letters in OID order, without shards in which a filter leaves nothing."""
    sizes = [VolumeSize(volume.num_seqs, volume.letters) for volume in database.volumes]
    shards = cut_shards(sizes, count, lambda volume, parts: database.volumes[volume].cuts(parts))
    chosen = database.filter
    if chosen is None:
        return shards
    seen = [shard for shard in shards if chosen.kept_in(shard.volumes, shard.oids)]
    return tuple(replace(shard, index=index) for index, shard in enumerate(seen))


def choose_carrier(options: SearchOptions, *, shards: int, unique_ids: bool) -> Carrier:
    """Return the cheapest carrier that loses nothing; ``unique_ids`` says whether each sequence has a unique id."""
    outfmt = options.outfmt
    if not outfmt.is_tabular or not outfmt.columns or options.has("html"):
        return ArchiveCarrier()
    if outfmt.delimiter != "\t" and FREE_TEXT & set(outfmt.columns):
        return ArchiveCarrier()
    # The raw score alone orders hits without composition-based statistics and sum statistics.
    score_orders = options.program is Program.BLASTN and not (options.has("ungapped") or options.has("sum_stats"))
    if shards > 1 and not (unique_ids and score_orders):
        return ArchiveCarrier()
    return TabularCarrier(layout_for(outfmt.columns))


@dataclass(frozen=True, slots=True)
class PieceOptions:
    """The options with which pieces search, and the numbers of subjects that they keep."""

    user: SearchOptions
    is_whole: bool = False
    """Whether a piece searches the whole database, where BLAST+ makes its own cutoff."""
    by_strand: bool = False
    """Whether equal scores on the two strands may have different E-values."""

    @property
    def max_target_seqs(self) -> int:
        return self.user.max_target_seqs

    @property
    def kept(self) -> int:
        """The limit of a piece. In a shard it is one larger, so that a list of the user's length is surely complete."""
        return self.max_target_seqs if self.is_whole else self.max_target_seqs + 1

    @property
    def always_research(self) -> bool:
        """Whether all queries count as saturated: filters apply after the cutoff, so few hits prove nothing."""
        return self.are_identical and any(self.user.has(name) for name in names(Use.CUT))

    @property
    def are_identical(self) -> bool:
        """Whether saturated queries get the hits that BLAST+ reports, not all hits."""
        return self.user.ours.exactness is Exactness.IDENTICAL

    @property
    def composition_based(self) -> bool:
        """Whether composition-based statistics drop and reorder hits, so that the hits do not show the candidates."""
        return self.user.composition_based

    @property
    def threads(self) -> int | None:
        """The number of BLAST+'s own threads for a batch of which all queries are saturated; None for any number."""
        if not self.composition_based:
            return None
        return 1 if self.user.splits_queries else self.user.threads

    @property
    def are_linked(self) -> bool:
        """Whether a query's E-values depend on the other queries in its batch."""
        return self.user.shares_statistics

    def argv(self, limit: int, **changes: str) -> list[str]:
        """Return the user's options, with changes, for a piece that keeps at most ``limit`` subjects per query."""
        return self.user.argv(drop=NOT_OF_A_PIECE, set={"max_target_seqs": str(limit), **changes})

    def candidates(self, limit: int) -> list[str]:
        """Return options that find every subject that passes the preliminary stage of the user's search."""
        changes = {"max_target_seqs": str(limit), "evalue": self._evalue(CANDIDATE_EVALUE_FACTOR), "max_hsps": "1"}
        return self.user.argv(drop=NOT_OF_CANDIDATES, set=changes)

    @property
    def preliminary(self) -> int:
        """The number of subjects that BLAST+ keeps before the traceback.

        Source: NCBI C++ Toolkit, algo/blast/core/blast_hits.c (GetPrelimHitlistSize).
        """
        wanted = self.max_target_seqs
        return max(2 * wanted, 1000) + 50 if self.composition_based else min(max(2 * wanted, 10), wanted + 50)

    def keeps_all(self, num_seqs: int) -> bool:
        """Return whether BLAST+ keeps all subjects before the traceback, since a database has so few sequences.

        With composition-based statistics it may skip some nevertheless.
        """
        return num_seqs <= self.preliminary and not self.composition_based

    @property
    def is_final(self) -> bool:
        """Whether BLAST+ cuts by final scores, so that the best hits of all shards are its hits.

        Ungapped searches have no traceback.
        Source: NCBI C++ Toolkit, algo/blast/core/blast_engine.c (BLAST_PreliminarySearchEngine).
        """
        return self.user.has("ungapped") or self.user.program is Program.TBLASTX

    @property
    def ranks_by_score(self) -> bool:
        """Whether raw scores alone rank the subjects of a query before the traceback, and can be limited."""
        user = self.user
        return user.program is Program.BLASTN and not (user.links_hsps or user.has("min_raw_gapped_score"))

    @property
    def strands(self) -> Mapping[str, Mapping[str, str]]:
        """Changes of the options by which subjects are ranked, under a name: one for each strand if E-values differ."""
        if not self.by_strand or self.user.text("strand") not in (None, "both"):
            return {"both": {}}
        return {strand: {"strand": strand} for strand in ("plus", "minus")}

    def above(self, score: int, limit: int, changes: Mapping[str, str] | None = None) -> list[str]:
        """Return options that find, in a view, the subjects that pass the preliminary stage with this raw score."""
        scored = {"min_raw_gapped_score": str(score)} if score else {}
        changes = {"max_target_seqs": str(limit), "max_hsps": "1", **scored, **(changes or {})}
        return self.user.argv(drop=NOT_OF_CANDIDATES, set=changes)

    @property
    def ranks(self) -> bool:
        """Whether BLAST+ keeps the best subjects, and not others because of options that compare subjects."""
        return not any(self.user.has(name) for name in names(Use.COMPARE))

    @property
    def scores_residues(self) -> bool:
        """Whether shards can list the best subjects in about the order in which the preliminary stage ranks them."""
        return not (self.is_final or self.user.program is Program.BLASTN)

    def best(self, space: int, limit: int) -> list[str]:
        """Return options that find the best subjects by the scores of the preliminary stage.

        ``space`` is the product of the lengths of the shortest query and the database.
        """
        factor = STRETCH if self.ranks else CANDIDATE_EVALUE_FACTOR
        alone = space / 2**LINKED_BITS if self.ranks and self.user.links_hsps else 0
        evalue = max(float(self._evalue(factor)), EXACT_EVALUE, alone)
        changes = {"max_target_seqs": str(limit), "max_hsps": "1", "evalue": f"{evalue:g}"}
        changes["xdrop_gap_final"] = self.user.text("xdrop_gap") or PRELIMINARY_DROP
        return self.user.argv(drop=NOT_OF_CANDIDATES, set=changes | {"comp_based_stats": "0"})

    def triggers_alike(self, query_letters: int, database: Database) -> bool:
        """Return whether a limit of the score leaves the ungapped hits that BLAST+ extends as they are.

        BLAST+ extends ungapped hits from ``GAP_TRIGGER_BITS`` on, or from the score of the E-value limit if that is
        lower. It is not lower in a large search space.

        Source: NCBI C++ Toolkit, algo/blast/core/blast_parameters.c (BlastInitialWordParametersUpdate).
        """
        searched, taken = database.searched, LONGEST_ADJUSTMENT
        space = max(query_letters - taken, 1) * max(searched.letters - taken * searched.num_seqs, 1)
        return bool(space >= float(self._evalue(1)) * 2**GAP_TRIGGER_BITS)

    def sample(self, limit: int) -> list[str]:
        """Return options that find the subjects that pass the preliminary stage with composition-based statistics."""
        changes = {"max_target_seqs": str(limit), "evalue": self._evalue(STRETCH), "max_hsps": "1"}
        return self.user.argv(drop=NOT_OF_CANDIDATES, set=changes | {"comp_based_stats": "0"})

    def _evalue(self, factor: float) -> str:
        given = self.user.value("evalue")
        limit = float(given) if isinstance(given, int | float) else DEFAULT_EVALUES[self.user.program is Program.BLASTN]
        return f"{factor * limit:g}"


def threads_argument(threads: int | None) -> list[str]:
    return [] if threads in (None, 1) else ["-num_threads", str(threads)]


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a database that one process reads: whole volumes, or a range of the OIDs of one volume."""

    name: str
    """A file name that is unique within a search."""
    volumes: tuple[int, ...]
    """0-based indices in the database's list of volumes."""
    oids: range | None = None
    """0-based OIDs in the volume; None for whole volumes."""
    view: View | None = None
    """The kind of view that is read in place of the volumes, so that lists name subjects by OID; None for volumes."""


class Parts(Protocol):
    """Runs the search's program, and reads sequences, where parts of a database are. All kinds pass the same tests."""

    def start(self, part: Part, run: PieceRun) -> Future[Finished]:
        """Queue a run in a part; the future holds a successful process, after which ``run.out`` exists."""
        ...

    @property
    def cores(self) -> int:
        """How many processes can run side by side where the parts are."""
        ...

    def search(self, candidates: CandidateDatabase, run: PieceRun) -> Future[Finished]:
        """Queue a run in candidates that were copied to this machine; see ``start``."""
        ...

    def forget(self, part: Part) -> None:
        """Let a part leave this machine's memory, because no process will read it again."""
        ...

    def together(self, volumes: Sequence[int]) -> Sequence[Sequence[int]]:
        """Return volumes in groups that one process can read."""
        ...

    def letters_of(self, oids: Iterable[int]) -> int:
        """Return the approximate number of letters in these sequences."""
        ...

    def sources(self, oids: Sequence[int]) -> Iterable[tuple[Volume, Sequence[int]]]:
        """Return these sequences, given in ascending order, as volumes that can be read here and OIDs in them."""
        ...


def part_of(shard: Shard) -> Part:
    return Part(f"shard{shard.index}", tuple(shard.volumes), shard.oids)


def view_of(view: View, shard: Shard) -> Part:
    return Part(f"shard{shard.index}.view{view.value}", tuple(shard.volumes), shard.oids, view)


def whole_of(database: Database) -> Part:
    return Part(WHOLE, tuple(range(len(database.volumes))))


def run_in_all(
    parts: Parts, shards: Sequence[Shard], run: PieceRun, part: Callable[[Shard], Part] = part_of
) -> list[Path]:
    """Make a run in every shard; return its outputs, in shard order."""
    files, futures = [], []
    for shard in shards:
        files.append(run.out.with_name(f"{run.out.name}.{shard.index}"))
        purpose, what = replace(run.purpose, shard=shard.index), f"{run.what}, shard {shard.index + 1} of {len(shards)}"
        futures.append(parts.start(part(shard), replace(run, out=files[-1], purpose=purpose, what=what)))
    for future in futures:
        future.result()
    return files


class LocalParts:
    """The parts of a database on this machine's disk."""

    def __init__(self, work: Work, *, named: bool = True) -> None:
        """Prepare to run processes; ``named`` says whether BLAST+ finds the whole database by its name."""
        self._work = work
        self._named = named
        self._name: Callable[[Part], str] = cache(self._written)

    def start(self, part: Part, run: PieceRun) -> Future[Finished]:
        is_archive = run.outfmt == ArchiveCarrier().outfmt and not self._work.options.has("parse_deflines")
        condensed = run.purpose.name == SEARCH and is_archive  # most of an archive are the queries, which are known
        finish = partial(_condense, run.queries, self._work.processes.over) if condensed else None
        return self._work.start(run, self._name(part), finish=finish)

    @property
    def cores(self) -> int:
        return self._work.pool.size

    def search(self, candidates: CandidateDatabase, run: PieceRun) -> Future[Finished]:
        return self._work.start(run, candidates.name)

    def forget(self, part: Part) -> None:
        for volume in part.volumes:
            self._work.database.volumes[volume].forget(part.oids)

    def together(self, volumes: Sequence[int]) -> Sequence[Sequence[int]]:
        return [volumes]

    def letters_of(self, oids: Iterable[int]) -> int:
        return letters_of(self._work.database, oids)

    def sources(self, oids: Sequence[int]) -> Iterable[tuple[Volume, Sequence[int]]]:
        return by_volume(self._work.database, oids)

    def _written(self, part: Part) -> str:
        """Return the value of ``-db``."""
        database = self._work.database
        if self._named and part.name == WHOLE and database.filter is None:
            return database.name
        return write_part(self._work.folder, part.name, database, part.volumes, part.oids, part.view)


def _condense(queries: Path, over: Over, path: Path) -> None:
    """Reduce the archive of these queries to its alignments."""
    with queries.open("rb") as stream:
        count = sum(1 for _ in records(stream))
    condense(path, count, over)
