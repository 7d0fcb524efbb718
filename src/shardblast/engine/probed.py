"""Reads the probe of a batch: for each query an archive without hits, and BLAST+'s output without hits."""

import json
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from html import escape
from pathlib import Path

from shardblast.blast import output as blast_output
from shardblast.blast.archive import ArchiveReader, QueryArchive
from shardblast.blast.output import check_count, read_commented
from shardblast.blast.probe import ANY_SEQUENCE, ONE_QUERY_PER_ARCHIVE, SHORT_WORDS
from shardblast.blast.process import Finished
from shardblast.blast.queries import Batch
from shardblast.core.errors import EngineError
from shardblast.core.events import Purpose
from shardblast.core.formats import ARCHIVE, COMMENTED, Syntax
from shardblast.core.option_table import OF_EACH_PROCESS
from shardblast.engine.pieces import PieceOptions
from shardblast.engine.workspace import PieceRun, Work

_UNSEARCHABLE = re.compile(rb"\n +lambda \{ -1, 10, 0 \},\n.*\n.*\n +gapped FALSE")
"""The parameters of a query that could not be searched. For tblastx, no query has gapped parameters."""


@dataclass(frozen=True, slots=True)
class ProbedQuery:
    """A query without hits."""

    template: QueryArchive
    printed: bytes | None
    """BLAST+'s output in the user's format, if a part of it is needed."""
    searchable: bool
    """Whether BLAST+ could search it. A query that consists of N alone can't be searched."""


def printed_file(folder: Path, batch: Batch) -> Path:
    """Return where BLAST+'s output for a batch without hits is written."""
    return folder / f"batch{batch.index}.printed"


class ProbedBatch:
    """A batch that is searched in the probe, a database with one sequence."""

    def __init__(
        self,
        work: Work,
        batch: Batch,
        database: str,
        printed: Future[Finished] | None = None,
        *,
        with_hits: bool = False,
    ) -> None:
        """``printed`` writes BLAST+'s output to ``printed_file``, if it runs already.

        ``with_hits`` says whether all queries are known to have hits, so that all could be searched.
        """
        self._work = work
        self._batch = batch
        self._database = database
        options = PieceOptions(work.options)
        argv = [options.argv(options.max_target_seqs, **words) for words in ({}, SHORT_WORDS)]
        long_words = work.options.may_have_long_words
        self._words = self._start("words", "11", argv[0], queries=self._any_query()) if long_words else None
        has_statistics = work.options.outfmt.format.has_statistics
        self._apart = has_statistics or (self._prints_unsearchable and not with_hits)
        self._archives = self._start("probe", "11", argv[long_words], ONE_QUERY_PER_ARCHIVE if self._apart else {})
        self._printed = printed or (self._start_printed() if work.options.outfmt.is_pairwise else None)

    def queries(self) -> Iterator[ProbedQuery]:
        self._archives.result()
        of_words = self._template_of_words()
        parts: list[bytes] | None = None
        if self._printed is not None:
            parts = self._parts(self._printed)
        ordinal = -1
        with self._file("probe").open("rb") as stream:
            templates = ArchiveReader(stream, "of the probe").templates()
            for ordinal, template in enumerate(self._work.processes.over(templates)):
                searchable = not self._apart or _UNSEARCHABLE.search(template.after) is None
                if not searchable and parts is None and self._prints_unsearchable:
                    parts = self._parts(self._start_printed())
                printed = parts[ordinal] if parts and (self._printed is not None or not searchable) else None
                if of_words is not None:
                    template = template.with_options_of(of_words)
                if self._work.options.outfmt.number != ARCHIVE:
                    template = template.with_gapped_parameters()
                yield ProbedQuery(self._restricted(template), printed, searchable)
        check_count(ordinal + 1, self._batch.queries)

    def _restricted(self, template: QueryArchive) -> QueryArchive:
        """Return the template with the filter's taxids, which select the titles that sequences show."""
        chosen = self._work.database.filter
        return template.with_taxids(chosen.taxids) if chosen is not None and chosen.hides_titles else template

    @property
    def _prints_unsearchable(self) -> bool:
        """Whether the user's format prints unsearchable queries differently from queries without hits."""
        outfmt = self._work.options.outfmt
        return outfmt.number in blast_output.MARKERS or outfmt.writes_files or outfmt.number == COMMENTED

    def _any_query(self) -> Path:
        path = self._file("any")
        path.write_text(f">any\n{ANY_SEQUENCE[self._work.options.program.query_molecule]}\n")
        return path

    def _template_of_words(self) -> QueryArchive | None:
        """Return an archive with the user's options if the queries' archives have others."""
        if self._words is None:
            return None
        self._words.result()
        with self._file("words").open("rb") as stream:
            return next(ArchiveReader(stream, "of a short query").templates())

    def _start_printed(self) -> Future[Finished]:
        options = self._work.options
        return self._start("printed", options.outfmt.text, options.argv(drop=OF_EACH_PROCESS))

    def _start(
        self,
        name: str,
        outfmt: str,
        argv: list[str],
        environment: Mapping[str, str] | None = None,
        queries: Path | None = None,
    ) -> Future[Finished]:
        batch = self._batch
        purpose, what = Purpose("probe", batch.index, None), f"the probe of batch {batch.index + 1}"
        run = PieceRun(argv, queries or batch.path, outfmt, self._file(name), purpose, what, (0, batch.index))
        return self._work.start(run, self._database, environment)

    def _file(self, name: str) -> Path:
        return self._work.folder / f"batch{self._batch.index}.{name}"

    def _parts(self, printed: Future[Finished]) -> list[bytes]:
        printed.result()
        outfmt = self._work.options.outfmt
        file = printed_file(self._work.folder, self._batch)
        if outfmt.writes_files:
            numbers = range(1, self._batch.queries + 1)
            parts = [Path(outfmt.file_of(str(file), number)).read_bytes() for number in numbers]
        elif outfmt.number == COMMENTED:
            with file.open("rb") as lines:
                parts = [part.text for part in read_commented(lines)]
        elif outfmt.number in blast_output.MARKERS:
            parts = blast_output.marked_parts(file.read_bytes(), blast_output.MARKERS[outfmt.number])
        else:
            parts = blast_output.pairwise_parts(file.read_bytes())
        if len(parts) != self._batch.queries:
            raise EngineError("BLAST+ printed fewer or more queries than it read.", remedy="Use '--shards off'.")
        return [self._named(part) for part in parts]

    def _named(self, part: bytes) -> bytes:
        """Return a part that names the user's database instead of the probe."""
        syntax = self._work.options.outfmt.format.syntax
        names = [self._database, self._work.options.text("db") or ""]
        if syntax is Syntax.XML:
            fields = [f"<db>{escape(name).replace('&#x27;', '&apos;')}</db>" for name in names]
        elif syntax is Syntax.JSON:
            fields = [f'"db": {json.dumps(name, ensure_ascii=False)}' for name in names]
        else:
            return part
        probe, user = (field.encode(errors="surrogateescape") for field in fields)
        return part.replace(probe, user)
