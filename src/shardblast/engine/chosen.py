"""What of a stored search is printed: all of it, some of its queries, or some hits of one query."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from shardblast.blast.archive import ArchiveReader
from shardblast.blast.fasta import Batch, write_selected
from shardblast.blast.hsps import hsps_of
from shardblast.blast.seqalign import alignment_ids, ordinal_id, with_query_number
from shardblast.blast.subjects import Key
from shardblast.core.errors import EngineError
from shardblast.core.numbers import Numbers
from shardblast.core.program import Program
from shardblast.engine.printer import ArchivePrinter, MergedQuery
from shardblast.engine.probed import ProbedBatch
from shardblast.engine.work import Work


@dataclass(frozen=True, slots=True)
class Chosen:
    """Queries, and of one of them HSPs."""

    queries: Numbers | None = None
    """By their 0-based numbers; None for all."""
    hsps: Numbers | None = None
    """By their 0-based places among all of the query, in BLAST's order; None for all."""

    def of(self, batch: Batch) -> list[int]:
        """Return the 0-based positions in a batch of its queries that are chosen."""
        if self.queries is None:
            return list(range(batch.queries))
        return [at for at in range(batch.queries) if batch.first_query + at in self.queries]


EVERYTHING = Chosen()


def print_batch(
    work: Work,
    batch: Batch,
    probe: str,
    archive: Path,
    counts: Sequence[int],
    printer: ArchivePrinter,
    chosen: Chosen,
    first: int,
) -> int:
    """Print what is chosen of a batch as if the file of queries held nothing else; return how many queries that are.

    Args:
        work: Runs the probe.
        batch: Which.
        probe: The database of one sequence that BLAST+ reads the queries in.
        archive: The batch's merged one.
        counts: How many alignments each query of the batch had when it was merged.
        printer: Prints.
        chosen: What.
        first: How many queries were printed before.

    Raises:
        EngineError: The archive is not whole.
    """
    ordinals = chosen.of(batch)
    if not ordinals:
        return 0
    if len(ordinals) < batch.queries:
        path = batch.path.with_name(f"{batch.path.name}.chosen")
        write_selected(batch, set(ordinals), path)
        batch = replace(batch, path=path, queries=len(ordinals))
    probed = ProbedBatch(work, replace(batch, first_query=first), probe)
    found = alignments_of(archive, ordinals)
    for place, (texts, query) in enumerate(work.processes.over(zip(found, probed.queries(), strict=True))):
        if len(texts) != counts[ordinals[place]]:
            raise EngineError("The stored result lacks hits that were found.", remedy="Run the search again.")
        if chosen.hsps is not None:
            texts = with_hsps(texts, chosen.hsps, work.options.program)
        texts = [with_query_number(text, place - ordinals[place]) for text in texts]
        printer.write(MergedQuery(first + place, first, texts, None, query.template, query.printed, query.searchable))
    return len(ordinals)


def alignments_of(archive: Path, ordinals: Sequence[int]) -> Iterator[list[bytes]]:
    """Yield the alignments of queries of a merged batch, by their ascending positions in it; none of one without hits.

    The archive is read no further than the last of them.
    """
    with archive.open("rb") as stream:
        found = ArchiveReader(stream, archive.name).alignments()
        head = next(found, None)
        for ordinal in ordinals:
            while head is not None and head.ordinal < ordinal:
                head = next(found, None)
            yield head.blocks if head is not None and head.ordinal == ordinal else []


def with_hsps(texts: Sequence[bytes], hsps: Numbers, program: Program) -> list[bytes]:
    """Return those alignments of a query whose first HSP is among some, counted through all alignments."""
    kept = []
    place = 0
    for text in texts:
        if place in hsps:
            kept.append(text)
        place += len(hsps_of(text, program))
    return kept


def keys_of(texts: Sequence[bytes], places: Sequence[range], ids: Sequence[str], program: Program) -> list[Key]:
    """Return by what the subjects of hits are found in their database.

    Args:
        texts: All alignments of the query.
        places: Of the HSPs of each hit among all of the query.
        ids: Of each hit, as ``sseqid`` prints it.
        program: Of the search.
    """
    wanted = {hsps.start: one for hsps, one in zip(places, ids, strict=True)}
    keys: list[Key] = []
    place = 0
    for text in texts:
        if place in wanted:
            oid = ordinal_id(alignment_ids(text).subject)
            keys.append(wanted[place] if oid is None else oid)
        place += len(hsps_of(text, program))
    return keys
