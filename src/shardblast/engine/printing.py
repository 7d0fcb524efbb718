"""Prints merged queries in any format, either during a search or from a stored result."""

import io
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any, BinaryIO, Self, cast

from shardblast.blast import output as blast_output
from shardblast.blast.archive import QueryArchive, read_alignments
from shardblast.blast.formatter import Copy, Formatter
from shardblast.blast.hits import Carrier, TabularCarrier, TabularLayout, alignments_by_subject
from shardblast.blast.installation import Installation
from shardblast.blast.output import Comments, Printed, incomplete, processed
from shardblast.blast.process import Over, Processes
from shardblast.blast.queries import Batch, write_selected
from shardblast.blast.seqalign import alignment_ids, count_hsps, ordinal_id, with_query_number, with_recorded
from shardblast.blast.sequences import Key, recorded_ids
from shardblast.core.errors import EngineError
from shardblast.core.formats import ARCHIVE, COMMENTED, PAIRWISE
from shardblast.core.options import SearchOptions
from shardblast.core.report import Verdict
from shardblast.core.units import Numbers
from shardblast.engine.out_file import Tally, appears_whole, deliver, open_output
from shardblast.engine.probed import ProbedBatch
from shardblast.engine.workspace import Work

JOINED_QUERIES = 100
JOINED_BYTES = 1 << 23
"""The limits of a joined archive. ``blast_formatter`` takes at least 6 ms per archive."""


@dataclass(slots=True)
class MergedQuery:
    """The final hits of a query, and the data needed to print them."""

    number: int
    """0-based among all queries."""
    first_of_batch: int
    """The number of the first query of its batch, from which ids in the batch's texts are counted."""
    texts: list[bytes]
    """Alignments or rows."""
    comments: Comments | None = None
    template: QueryArchive | None = None
    printed: bytes | None = None
    """The output of the probe for the query; it is complete if the query could not be searched."""
    searchable: bool = True
    name: str = ""
    """The first word of its defline."""
    verdict: Verdict | None = None
    hits: int = 0


class Printer(ABC):
    """Prints or stores queries in order; a context manager that finishes the output unless an error occurred."""

    needs_templates = False
    """Whether queries must have a template."""

    @abstractmethod
    def write(self, query: MergedQuery) -> None: ...

    def finish_batch(self, batch: Batch) -> None:  # noqa: B027 - most printers have nothing to do
        """Called after every query of the batch was written."""

    def __enter__(self) -> Self:
        return self

    @abstractmethod
    def __exit__(self, *error: Any) -> None: ...


class TabularPrinter(Printer):
    """Prints formats 6, 7 and 10 from rows."""

    def __init__(self, target: BinaryIO, options: SearchOptions, layout: TabularLayout) -> None:
        self._target = target
        self._options = options
        self._layout = layout
        self._database = (options.text("db") or "").encode(errors="surrogateescape")
        self._delimiter = (options.outfmt.delimiter or "\t").encode()
        self._queries = 0

    def write(self, query: MergedQuery) -> None:
        rows = b"\n".join(query.texts)
        if self._delimiter != b"\t":
            rows = rows.replace(b"\t", self._delimiter)
        self._queries += 1
        if self._options.outfmt.number == COMMENTED:
            assert query.comments is not None
            comments = query.comments.of(self._database, self._layout.shown)
            self._target.writelines(comments.lines(len(query.texts)))
        if rows:
            self._target.write(rows)
            self._target.write(b"\n")

    def __exit__(self, *error: Any) -> None:
        if error[0] is None and self._options.outfmt.number == COMMENTED:
            self._target.write(processed(self._queries))


class ArchivePrinter(Printer):
    """Prints the other formats: it sends archives to one ``blast_formatter`` and stitches its output."""

    needs_templates = True

    def __init__(
        self,
        installation: Installation,
        processes: Processes,
        options: SearchOptions,
        folder: Path,
        target: BinaryIO,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Print to ``target``, or many files to ``folder``, which is empty then, and otherwise for temporary files.

        ``environment`` has variables by which ``blast_formatter`` finds the database.
        """
        self._options = options
        self._over = processes.over
        self._target = target
        self._folder = folder
        self._database = options.text("db") or ""
        self._parts: dict[int, tuple[bytes, bool]] = {}
        self._unsearchable_files: dict[int, bytes] = {}
        self._waiting: list[tuple[QueryArchive, list[bytes]]] = []
        self._waiting_bytes = 0
        self._most = 1 if options.outfmt.format.has_statistics else JOINED_QUERIES
        self._stack = ExitStack()
        self._queries = 0
        self._hsps: int | None = None if options.outfmt.is_pairwise and options.outfmt.number != PAIRWISE else 0
        self._descriptions: int | None = 0 if options.outfmt.is_pairwise else None
        self._blank: QueryArchive | None = None
        self._formatter: Formatter | None = None
        if options.outfmt.number != ARCHIVE:
            out = self._list_of_files if options.outfmt.writes_files else None
            self._formatter = Formatter(installation, processes, options, self._copier(), out, environment)

    def write(self, query: MergedQuery) -> None:
        assert query.template is not None
        texts = [with_query_number(text, query.first_of_batch) for text in self._over(query.texts)]
        template = query.template.on_database(self._database).renumbered(query.first_of_batch)
        self._queries += 1
        if query.printed is not None:
            self._keep(query)
        self._blank = template
        self._count(texts)
        self._waiting.append((template, texts))
        self._waiting_bytes += sum(len(text) for text in texts)
        if len(self._waiting) >= self._most or self._waiting_bytes >= JOINED_BYTES:
            self._flush()

    def _count(self, texts: list[bytes]) -> None:
        """Add to the numbers of HSPs and descriptions that will be printed, as long as they are known."""
        outfmt = self._options.outfmt
        if self._hsps is not None:
            self._hsps += len(texts) if outfmt.is_sam else sum(map(count_hsps, self._over(texts)))
        if not outfmt.is_pairwise:
            return
        subjects = [hit.subject for hit in alignments_by_subject(self._over(texts))]
        if len(subjects) > self._options.most_shown("num_alignments"):
            self._hsps = None
        if len(set(subjects)) < len(subjects):  # sequences that share an id may share a description
            self._descriptions = None
        if self._descriptions is not None:
            self._descriptions += min(len(subjects), self._options.most_shown("num_descriptions"))

    def _flush(self) -> None:
        """Print the waiting queries."""
        if not self._waiting:
            return
        (first, _), *others = self._waiting
        template = first.joined([other for other, _ in others]) if others else first
        archive = template.with_alignments([text for _, texts in self._waiting for text in texts])
        self._waiting, self._waiting_bytes = [], 0
        if self._formatter is None:
            self._target.write(archive)
        else:
            self._formatter.write(archive)

    def _keep(self, query: MergedQuery) -> None:
        assert query.printed is not None
        outfmt, printed = self._options.outfmt, query.printed
        if not (outfmt.is_pairwise or outfmt.number == COMMENTED):
            printed = blast_output.renumbered(printed, query.first_of_batch)
        if outfmt.writes_files:
            self._unsearchable_files[query.number] = printed
        else:
            self._parts[query.number] = (printed, query.searchable)

    def __enter__(self) -> Self:
        if self._formatter is not None:
            self._stack.enter_context(self._formatter)
        return self

    def __exit__(self, *error: Any) -> None:
        if error[0] is not None:
            self._stack.__exit__(*error)
            return
        with self._stack:
            self._flush()
            if self._formatter is not None and self._blank is not None and self._options.outfmt.is_pairwise:
                self._formatter.write(self._blank.with_alignments([]))
        if self._formatter is not None:
            self._check(self._formatter.printed)
        if self._options.outfmt.number == COMMENTED:
            self._target.write(processed(self._queries))

    def _check(self, printed: Printed) -> None:
        """Raise ``EngineError`` if ``blast_formatter`` printed fewer or more queries or hits than were merged."""
        if self._options.outfmt.writes_files:
            printed = self._printed_files()
        pairs = (self._queries, printed.queries), (self._hsps, printed.hsps), (self._descriptions, printed.descriptions)
        if any(merged != shown for merged, shown in pairs if None not in (merged, shown)):
            raise incomplete()

    def _printed_files(self) -> Printed:
        """Write the files of queries that could not be searched; return the content of all files of a format."""
        markers = blast_output.FILE_MARKERS[self._options.outfmt.number]
        files = [self._file_of(number) for number in range(self._queries)]
        if sorted([*files, self._list_of_files]) != sorted(self._folder.iterdir()):
            raise incomplete()
        for number, text in self._unsearchable_files.items():
            files[number].write_bytes(text)
        texts = map(Path.read_bytes, files)
        return Printed(self._queries, sum(blast_output.hsps_in_file(text, markers) for text in texts))

    @property
    def _list_of_files(self) -> Path:
        return self._folder / Path(self._options.text("out") or "").name

    def _file_of(self, number: int) -> Path:
        """Return the file of a query with a 0-based number, in a format that writes many files."""
        return Path(self._options.outfmt.file_of(str(self._list_of_files), number + 1))

    def _copier(self) -> Copy:
        number = self._options.outfmt.number
        if self._options.outfmt.is_pairwise:
            return lambda source: blast_output.stitch_pairwise(source, self._target, self._correct)
        if number in blast_output.MARKERS:
            return lambda source: blast_output.stitch_marked(
                source, self._target, blast_output.MARKERS[number], self._correct
            )
        if number == COMMENTED:
            return lambda source: blast_output.stitch_comments(source, self._target, self._correct)
        if self._options.outfmt.is_sam:
            return self._copy_sam
        return lambda source: blast_output.copy(source, self._target, blast_output.COPIED[number])

    def _correct(self, number: int, part: bytes) -> bytes:
        """Return a query's part with the facts that only the probe knows."""
        probed, searchable = self._parts.pop(number, (None, True))
        if probed is None:
            return part
        if self._options.outfmt.number == COMMENTED:
            return blast_output.counted_as(part, probed)
        return blast_output.with_statistics_of(part, probed) if searchable else probed

    def _copy_sam(self, source: BinaryIO) -> Printed:
        words = [self._options.program.value, *self._options.argv()]
        with TemporaryFile(dir=self._folder) as rows:
            command_line = " ".join(words).encode(errors="surrogateescape") + b" "
            return blast_output.stitch_sam(source, self._target, rows, command_line)


@contextmanager
def open_printer(
    installation: Installation, processes: Processes, options: SearchOptions, carrier: Carrier, folder: Path
) -> Iterator[tuple[Printer, Tally | None]]:
    """Yield a printer for the user's output, and a tally of it unless the output appears only when it is complete."""
    out = options.text("out")
    if options.outfmt.writes_files:
        with TemporaryDirectory(prefix="print-", dir=folder) as files:
            yield ArchivePrinter(installation, processes, options, Path(files), io.BytesIO()), None
            deliver(Path(files), out or "")
        return
    with open_output(out) as target:
        tally = None if appears_whole(out) else Tally(target)
        into = cast(BinaryIO, tally or target)
        if isinstance(carrier, TabularCarrier):
            yield TabularPrinter(into, options, carrier.layout), tally
        else:
            yield ArchivePrinter(installation, processes, options, folder, into), tally


@dataclass(frozen=True, slots=True)
class Chosen:
    """A selection of queries, or of HSPs of a single query."""

    queries: Numbers | None = None
    """0-based numbers of the queries; None for all."""
    hsps: Numbers | None = None
    """0-based positions among all HSPs of the query, in BLAST's order; None for all."""
    renumbers: bool = True
    """Whether queries are numbered as if no others had been searched."""

    def of(self, batch: Batch) -> list[int]:
        """Return the 0-based positions of the chosen queries in a batch."""
        if self.queries is None:
            return list(range(batch.queries))
        return [ordinal for ordinal in range(batch.queries) if batch.first_query + ordinal in self.queries]


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
    """Print the chosen part of a batch, as if the queries were alone in their file; return the number of queries.

    ``archive`` is the merged one, ``counts`` the number of alignments of each query when it was merged, ``first`` the
    number of queries printed before, and ``probe`` a database with one sequence. Raises EngineError if the archive
    lacks hits.
    """
    ordinals = chosen.of(batch)
    if not ordinals:
        return 0
    if len(ordinals) < batch.queries:
        path = batch.path.with_name(f"{batch.path.name}.chosen")
        write_selected(batch, ordinals, path)
        batch = replace(batch, path=path, queries=len(ordinals))
    probed = ProbedBatch(work, batch, probe, with_hits=all(counts[ordinal] for ordinal in ordinals))
    recorded, over = _recorded_ids(work, archive, ordinals), work.processes.over
    alignments = alignments_of(archive, ordinals, over)
    pairs = over(zip(alignments, probed.queries(), strict=True))
    for position, (ordinal, (texts, query)) in enumerate(zip(ordinals, pairs, strict=True)):
        if len(texts) != counts[ordinal]:
            raise EngineError("The stored result lacks hits that were found.", remedy="Run the search again.")
        if chosen.hsps is not None:
            texts = [text for first_hsp, text in _by_first_hsp(texts) if first_hsp in chosen.hsps]
        before = first if chosen.renumbers else batch.first_query + ordinal - position
        merged = MergedQuery(
            number=before + position,
            first_of_batch=before,
            texts=[with_recorded(with_query_number(text, position - ordinal), recorded) for text in over(texts)],
            template=query.template,
            printed=query.printed,
            searchable=query.searchable,
        )
        printer.write(merged)
    return len(ordinals)


def _recorded_ids(work: Work, archive: Path, ordinals: Sequence[int]) -> dict[bytes, list[str]]:
    """Return the ids that BLAST+ would record in the alignments of each subject of these queries of a merged batch."""
    name, database = work.options.filter, work.database
    if name is None or name.startswith("negative_") or work.options.outfmt.is_tabular or not database.has_ids:
        return {}
    alignments = alignments_of(archive, ordinals, work.processes.over)
    subjects = {alignment_ids(text).subject for texts in alignments for text in texts}
    return recorded_ids(work.installation, work.processes, database, subjects, work.folder / "subjects")


def alignments_of(archive: Path, ordinals: Sequence[int], over: Over = iter) -> Iterator[list[bytes]]:
    """Yield the alignments of ascending 0-based positions in a merged batch, [] without hits, reading no further."""
    alignments = read_alignments(archive, over=over)
    head = next(alignments, None)
    for ordinal in ordinals:
        while head is not None and head.ordinal < ordinal:
            head = next(alignments, None)
        yield head.blocks if head is not None and head.ordinal == ordinal else []


def keys_of(texts: Sequence[bytes], places: Sequence[range], ids: Sequence[str]) -> list[Key]:
    """Return the keys by which the subjects of hits are found in their database, given their ``sseqid``.

    ``places`` are, for each hit, the 0-based positions of its HSPs among all HSPs of the query.
    """
    wanted = {hsps.start: hit_id for hsps, hit_id in zip(places, ids, strict=True)}
    keys: list[Key] = []
    for first, text in _by_first_hsp(texts):
        if first in wanted:
            oid = ordinal_id(alignment_ids(text).subject)
            keys.append(wanted[first] if oid is None else oid)
    return keys


def _by_first_hsp(texts: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield alignments with the 0-based position of their first HSP among all HSPs of the query."""
    position = 0
    for text in texts:
        yield position, text
        position += count_hsps(text)
