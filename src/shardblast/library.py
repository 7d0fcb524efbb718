"""The library: ``search`` runs the same engine as the command and yields typed results."""

import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from shardblast.blast.alias import quoted
from shardblast.blast.archive import STRING, Alignments, ArchiveReader, QueryArchive
from shardblast.blast.database import open_database
from shardblast.blast.formatter import printed_hsps
from shardblast.blast.output import check_count
from shardblast.blast.seqalign import ArchivedHsp, alignment_ids, hsps_of
from shardblast.bootstrap import known_arguments, local_engine
from shardblast.core.errors import EngineError, InputError, OutputError, error_for_exit_status
from shardblast.core.events import SearchEvent, Warned
from shardblast.core.option_table import FORMAT_OPTIONS
from shardblast.core.options import SearchOptions, Shards, parse
from shardblast.core.program import Arguments, Kind, Program
from shardblast.core.result import Hit, Hsp, QueryResult
from shardblast.engine.local import LocalEngine

logger = logging.getLogger(__name__)

OptionValue = str | int | float | bool | Path | None
"""The value of a BLAST+ option. True sets a flag and False does not; None leaves an option out."""

GROUP_QUERIES = 100
GROUP_BYTES = 1 << 23
"""Limits of the part of an archive that is read at a time."""

_ELSEWHERE = {
    "db": "Give db.",
    "query": "Give query.",
    "out": "Results are returned, not written.",
    "outfmt": "Results are objects; for a format of BLAST+ use the command.",
    "num_alignments": "Give max_target_seqs.",
    "num_descriptions": "Give max_target_seqs.",
    "parse_deflines": "The id of a query is always the first word of its title.",
    "subject": "Make a database of the subjects and give db.",
    "remote": "Search a database on this machine.",
    "import_search_strategy": "Give the options themselves.",
    "export_search_strategy": "Use the command.",
    "in_pssm": "Use the command.",
}
_FACT = re.compile(rb"\n +title (" + STRING + rb")|\n +length (\d+)|" + STRING)


def search(
    program: str,
    *,
    db: str | Path,
    query: Path | str,
    shards: Shards = "auto",
    exactness: str = "identical",
    **blast_options: OptionValue,
) -> Iterator[QueryResult]:
    """Search and yield the results of all queries in order, including queries without hits.

    Options are checked at once. The search runs when the first result is requested. Results are then read from its
    archive one after the other, so that memory holds the hits of only a few queries.

        for result in search("blastn", db="nt", query=Path("genes.fa"), evalue=1e-5):
            for hit in result.hits:
                print(result.query_id, hit.subject_id, hit.evalue)

    Args:
        program: blastn, blastp, blastx, tblastn or tblastx.
        db: The value of BLAST+'s ``-db``; a ``Path`` may contain blanks.
        query: A ``Path`` names a FASTA file, which may be compressed with gzip or zstd. A ``str`` is FASTA text itself.
        shards: "auto" for the fastest choice, "off" for BLAST+ itself, or a number.
        exactness: "identical" for the result of an unsharded BLAST+ run, "complete" for the best of all hits.
        blast_options: BLAST+'s own options under their own names, such as ``evalue=1e-5``, ``task="blastn"`` or
            ``ungapped=True``. Formatting options are not accepted.

    Raises:
        InputError: An option or the query is wrong.
        DatabaseError: There is no such database.
        EngineError: BLAST+ is missing or fails.
    """
    engine = local_engine()
    kind = _program(program)
    arguments = known_arguments(engine.installation, kind)
    given = _given(blast_options, arguments)
    text = _checked(query)
    ours = ["--shards", str(shards), "--exactness", exactness, "--quiet"]
    database = quoted(db) if isinstance(db, Path) else db

    def options_in(folder: Path) -> SearchOptions:
        path = query if text is None else folder / "query.fa"
        files = ["-db", database, "-query", str(path), "-outfmt", "11", "-out", str(folder / "archive")]
        return parse(kind, [*files, *given, *ours], arguments)

    options_in(Path("folder"))
    return _search(engine, options_in, text)


def _log(event: SearchEvent) -> None:
    """Log BLAST+'s warnings."""
    if isinstance(event, Warned):
        for line in event.text.decode(errors="replace").splitlines():
            logger.warning("BLAST+: %s", line)


def _program(name: str) -> Program:
    try:
        return Program(name)
    except ValueError:
        raise InputError(f"{name!r} is not a program.", remedy=f"Use one of {', '.join(Program)}.") from None


def _given(blast_options: Mapping[str, OptionValue], arguments: Arguments) -> list[str]:
    """Return BLAST+'s arguments for keyword arguments."""
    words: list[str] = []
    for name, value in blast_options.items():
        if name in _ELSEWHERE or name in FORMAT_OPTIONS:
            remedy = _ELSEWHERE.get(name, "It formats printed results, and the library prints none.")
            raise InputError(f"{name} is not an option of the library.", remedy=remedy)
        if value is None:
            continue
        is_flag = name in arguments and arguments[name].kind is Kind.FLAG
        if is_flag and not isinstance(value, bool):
            problem = f"{name} is a flag, and {value!r} is neither True nor False."
            raise InputError(problem, remedy="Give True or False.")
        if not is_flag:
            words += [f"-{name}", str(value).lower() if isinstance(value, bool) else str(value)]
        elif value:
            words.append(f"-{name}")
    return words


def _checked(query: Path | str) -> str | None:
    """Return the text of queries; None if they are in a file."""
    if isinstance(query, Path):
        if not query.exists():
            raise InputError(f"There is no query file {str(query)!r}.", remedy="Check query.")
        return None
    if not query.lstrip().startswith(">"):
        start = query[:40]
        raise InputError(f"{start!r} is not FASTA: it does not start with '>'.", remedy="For a file give a Path.")
    return query


def _search(
    engine: LocalEngine, options_in: Callable[[Path], SearchOptions], text: str | None
) -> Iterator[QueryResult]:
    folder = _folder(engine.cache)
    try:
        if text is not None:
            (folder / "query.fa").write_text(text, errors="surrogateescape", newline="")
        options = options_in(folder)
        # Raises an error for a database that can't be opened; the engine would leave it to BLAST+.
        open_database(engine.installation, options.text("db") or "", options.program.database_molecule)
        outcome = engine.search(options, _log)
        if outcome.status:
            raise error_for_exit_status(outcome.status)(
                f"{options.program} ended with exit status {outcome.status}.",
                remedy="Read its message on standard error.",
            )
        yield from _Results(engine, options, folder, outcome.report.queries).read()
    finally:
        rmtree(folder, ignore_errors=True)


def _folder(cache: Path) -> Path:
    try:
        cache.mkdir(parents=True, exist_ok=True)
        return Path(mkdtemp(prefix="library-", dir=cache))
    except OSError as error:
        problem = f"No folder can be created in {str(cache)!r}: {error.strerror}."
        raise OutputError(problem, remedy="Set SHARDBLAST_HOME.") from error


@dataclass(frozen=True, slots=True)
class _Query:
    """A query of a group, and its alignments."""

    number: int
    """0-based among all queries."""
    archive: QueryArchive
    blocks: list[bytes]


@dataclass(frozen=True, slots=True)
class _Results:
    """Reads the results of a finished search."""

    engine: LocalEngine
    options: SearchOptions
    folder: Path
    queries: int
    """The number of searched queries."""

    def read(self) -> Iterator[QueryResult]:
        group: list[_Query] = []
        size = 0
        for query in self._queries():
            group.append(query)
            size += sum(len(block) for block in query.blocks)
            if len(group) >= GROUP_QUERIES or size >= GROUP_BYTES:
                yield from self._results(group)
                group, size = [], 0
        yield from self._results(group)

    def _queries(self) -> Iterator[_Query]:
        """Yield all queries; two readers pass through the archive, one for templates and one for alignments."""
        path = self.folder / "archive"
        with path.open("rb") as stream, path.open("rb") as second:
            alignments: Iterator[Alignments] = ArchiveReader(second, path.name).alignments()
            head = next(alignments, None)
            number = -1
            for number, archive in enumerate(ArchiveReader(stream, path.name).templates()):
                if head is not None and head.ordinal == number:
                    yield _Query(number, archive, head.blocks)
                    head = next(alignments, None)
                else:
                    yield _Query(number, archive, [])
        check_count(number + 1, self.queries)

    def _results(self, group: Sequence[_Query]) -> Iterator[QueryResult]:
        printed = iter(self._printed([query for query in group if query.blocks]))
        for query in group:
            title, length = _facts(query.archive.before)
            words = title.split(None, 1)
            query_id = words[0] if words else f"Query_{query.number + 1}"
            yield QueryResult(query_id, title, length, tuple(_hits(query.blocks, printed)))
        if next(printed, None) is not None:
            raise _other_hsps()

    def _printed(self, queries: Sequence[_Query]) -> list[tuple[str, Hsp]]:
        if not queries:
            return []
        first, *others = (query.archive for query in queries)
        joined = first.joined(others) if others else first
        path = self.folder / "group"
        path.write_bytes(joined.with_alignments([block for query in queries for block in query.blocks]))
        return printed_hsps(self.engine.installation, path, self.options.max_target_seqs)


def _hits(blocks: Sequence[bytes], printed: Iterator[tuple[str, Hsp]]) -> Iterator[Hit]:
    for _, same in groupby(blocks, key=lambda block: alignment_ids(block).subject):
        found = [_exact(hsp, printed) for block in same for hsp in hsps_of(block)]
        yield Hit(found[0][0], tuple(hsp for _, hsp in found))


def _exact(hsp: ArchivedHsp, printed: Iterator[tuple[str, Hsp]]) -> tuple[str, Hsp]:
    """Return the next printed HSP and its subject's id, with all digits of the archive."""
    subject_id, same = next(printed, ("", None))
    if same is None or same.raw_score != hsp.raw_score:
        raise _other_hsps()
    return subject_id, replace(same, evalue=hsp.evalue, bit_score=hsp.bit_score)


def _other_hsps() -> EngineError:
    return EngineError("blast_formatter printed other HSPs than the search found.", remedy="Use the command.")


def _facts(before: bytes) -> tuple[str, int]:
    """Return the title and the length of an archive's first query."""
    title = b""
    for match in _FACT.finditer(before):
        if match[2] is not None:
            return title.decode(errors="replace"), int(match[2])
        if match[1] is not None:
            title = match[1][1:-1].replace(b"\n", b"").replace(b'""', b'"')
    raise EngineError("An archive lacks the length of its query.", remedy="Use the command.")
