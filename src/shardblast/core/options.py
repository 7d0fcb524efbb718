"""A command line: BLAST+'s options, with one dash, and shardblast's own, with two.

The parser accepts what the parser of the installed BLAST+ accepts, and converts the values as it does. What only the
search finds wrong (a missing file, unsupported gap costs, an unknown matrix) is left for BLAST+ to say.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Literal

from shardblast.core.errors import InputError, UsageError
from shardblast.core.formats import SAM, OutputFormat, parse_outfmt
from shardblast.core.option_table import (
    BY_TOTAL_SCORE,
    INFORMATION_OPTIONS,
    SEQID_FILTERS,
    TAXID_FILTERS,
    why_unsplittable,
)
from shardblast.core.program import Arguments, Kind, Program, Value

Shards = Literal["auto", "off"] | int
Engine = Literal["local", "dask"]

OUR_NAMES = ("shards", "exactness", "report", "quiet", "keep", "engine", "scheduler")
OUR_HELP = """\
 *** shardblast options
 --shards <auto, off, or a number>
   Shards of the database; auto: whatever is fastest, off: BLAST+ itself
   Default = `auto'
 --exactness <identical, complete>
   What saturated queries get: the bytes of BLAST+, or the best of all hits
   Default = `identical'
 --engine <local, dask>
   Where to search: this machine, or a cluster; -db then names a database of SHARDBLAST_STORAGE
   Default = `local'
 --scheduler <Address>
   Of the cluster, like tls://HOST:8786
 --report <File_Out>
   Write verdicts, shards and timings as JSON
 --keep <Folder>
   Leave pieces and merged files there
 --quiet
   No progress on standard error
 -num_threads is the budget of cores; without it all cores are used.
"""

DEFAULT_HITLIST_SIZE = 500
LONGEST_LIST = 500_000_000
"""Of subjects. Pieces keep up to twice as many, and BLAST+ computes with twice as many as it keeps, in 32 bits."""
DEFAULT_NUM_DESCRIPTIONS = 500
DEFAULT_NUM_ALIGNMENTS = 250


class Exactness(StrEnum):
    """What a search promises of saturated queries."""

    IDENTICAL = "identical"
    """The bytes of an unsharded BLAST+ run."""
    COMPLETE = "complete"
    """The best subjects of all that any shard kept."""


@dataclass(frozen=True, slots=True)
class OurOptions:
    """The options that BLAST+ does not have."""

    shards: Shards = "auto"
    """A number of shards (1 or more), "auto": whatever is fastest, "off": BLAST+ itself."""
    exactness: Exactness = Exactness.IDENTICAL
    report: str | None = None
    """File for the report."""
    quiet: bool = False
    keep: str | None = None
    """Folder in which to leave the pieces."""
    engine: Engine = "local"
    scheduler: str | None = None
    """Address of a Dask scheduler."""


def take_ours(word: str, words: Iterator[str], ours: dict[str, str]) -> None:
    """Note an option of ours, with the value that follows it.

    Raises:
        UsageError: There is none of that name, it was given before, or its value is missing.
    """
    name, sign, value = word[2:].partition("=")
    if name not in OUR_NAMES:
        known = ", ".join(f"--{known}" for known in OUR_NAMES)
        raise UsageError(f"Unknown option '--{name}'.", remedy=f"Ours are {known}; those of BLAST+ have one dash.")
    if name in ours:
        raise UsageError(f"--{name} is given twice.", remedy="Give it once.")
    if name == "quiet":
        if sign:
            raise UsageError("--quiet takes no value.", remedy="Write --quiet alone.")
        ours[name] = ""
        return
    ours[name] = value if sign else next_word(f"--{name}", words, UsageError)
    if not ours[name]:
        raise UsageError(f"--{name} has an empty value.", remedy="Write the value after it.")


def next_word(option: str, words: Iterator[str], error: type[InputError]) -> str:
    """Return the value that follows an option; ``error`` if there is none."""
    value = next(words, None)
    if value is None:
        raise error(f"{option} has no value.", remedy="Write the value after it.")
    return value


def our_options(ours: Mapping[str, str]) -> OurOptions:
    """Return our options of what was given for them.

    Raises:
        UsageError: A value is wrong.
    """
    return OurOptions(
        shards=_shards(ours.get("shards", "auto")),
        exactness=_exactness(ours.get("exactness", Exactness.IDENTICAL)),
        report=ours.get("report"),
        quiet="quiet" in ours,
        keep=ours.get("keep"),
        engine=_engine(ours.get("engine", "local")),
        scheduler=ours.get("scheduler"),
    )


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """A valid command line."""

    program: Program
    given: Mapping[str, str | None]
    """BLAST+'s options as given, in order, without dashes; flags have None."""
    outfmt: OutputFormat
    ours: OurOptions
    arguments: Arguments = field(repr=False)

    def has(self, name: str) -> bool:
        """Say whether the option was given."""
        return name in self.given

    def value(self, name: str) -> Value | None:
        """Return the option's value, else BLAST+'s default; None if there is neither. Flags are True or False."""
        argument = self.arguments.get(name)
        if argument is None:
            return None
        if argument.kind is Kind.FLAG:
            return name in self.given
        text = self.text(name)
        return None if text is None else argument.value_of(text)

    def text(self, name: str) -> str | None:
        """Return what was given for the option, else BLAST+'s default, unconverted."""
        if name in self.given:
            return self.given[name]
        argument = self.arguments.get(name)
        return argument.default if argument else None

    def integer(self, name: str) -> int | None:
        """Return the value of an option that takes a whole number."""
        value = self.value(name)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        raise TypeError(f"-{name} takes no whole number")

    def argv(
        self,
        drop: Collection[str] = (),
        set: Mapping[str, str | None] | None = None,
    ) -> list[str]:
        """Return BLAST+'s arguments, without the program's name and without our options.

        Args:
            drop: Names to leave out.
            set: Values to use instead, in place, or to add at the end; None makes a flag.
        """
        options = dict(self.given) | dict(set or {})
        return [word for name, value in options.items() if name not in drop for word in _words(name, value)]

    @property
    def max_target_seqs(self) -> int:
        """The number of subjects that BLAST+ keeps for a query (its hit list size).

        Formats 0 to 4 take the larger of ``-num_descriptions`` and ``-num_alignments`` once either is given, so that
        ``-num_descriptions 9`` alone means 250; the others ignore the former and obey the latter.

        Source:
            NCBI C++ Toolkit, blastinput/blast_args.cpp, CFormattingArgs::ExtractAlgorithmOptions().
        """
        wanted = self.integer("max_target_seqs")
        descriptions, alignments = self.integer("num_descriptions"), self.integer("num_alignments")
        if wanted is not None:
            return wanted
        if not self.outfmt.is_pairwise:
            return DEFAULT_HITLIST_SIZE if alignments is None else alignments
        if descriptions is None and alignments is None:
            return DEFAULT_HITLIST_SIZE
        return max(
            DEFAULT_NUM_DESCRIPTIONS if descriptions is None else descriptions,
            DEFAULT_NUM_ALIGNMENTS if alignments is None else alignments,
        )

    @property
    def num_alignments(self) -> int:
        """The number of subjects of a query whose alignments formats 0 to 4 show."""
        wanted = self.integer("max_target_seqs") or self.integer("num_alignments")
        return DEFAULT_NUM_ALIGNMENTS if wanted is None else wanted

    def why_unsplittable(self) -> str | None:
        """Return a sentence that names an option no shard can obey exactly; None if there is none."""
        for name in self.given:
            if why := why_unsplittable(name):
                return why
        if self.value("use_index") is True:
            return "-use_index needs an index of the whole database."
        if self.outfmt.number == SAM and "SR" in self.outfmt.tokens:
            return "-outfmt '17 SR' lists subjects of all queries in an order that only BLAST+ knows."
        if self.value("sorthits") == BY_TOTAL_SCORE:
            return "-sorthits 2 orders subjects by sums whose last digits are not in the archives that shards write."
        if self.max_target_seqs > LONGEST_LIST:
            return "-max_target_seqs asks for lists that are too long for BLAST+ to be asked for longer ones."
        if self.has("max_hsps") and (self.links_hsps or self.translates_queries):
            return "-max_hsps drops HSPs whose E-values order the subjects."
        if self.threads_matter:
            return (
                "-qcov_hsp_perc with composition-based statistics or -sum_stats makes BLAST+'s own answer depend on "
                "-num_threads."
            )
        return None

    @property
    def filter(self) -> str | None:
        """The option that lets a search see a part of the database; BLAST+ takes one at a time."""
        return next((name for name in self.given if name in SEQID_FILTERS | TAXID_FILTERS), None)

    @property
    def threads_matter(self) -> bool:
        """Whether BLAST+ reports other hits with more threads."""
        return self.has("qcov_hsp_perc") and (self.composition_based or self.needs_one_batch)

    @property
    def shares_statistics(self) -> bool:
        """Whether a query's E-values may depend on the queries that BLAST+ searches together with it."""
        return self.program is Program.TBLASTX or self.has("ungapped") or self.value("sum_stats") is True

    @property
    def needs_one_batch(self) -> bool:
        """Whether one process must search all queries: E-values depend on batches, and blastn ends these by its hits.

        In ungapped searches of blastn E-values were never seen to depend on other queries.
        """
        return self.program is Program.BLASTN and self.value("sum_stats") is True

    @property
    def splits_queries(self) -> bool:
        """Whether BLAST+ deals queries to threads, and so cuts its batches otherwise than with one thread."""
        return (self.integer("mt_mode") or 0) > 0 and (self.integer("num_threads") or 1) > 1

    @property
    def composition_based(self) -> bool:
        """Whether scores are adjusted to the composition of the two sequences: the default for proteins."""
        if self.program in (Program.BLASTN, Program.TBLASTX):
            return False
        return not (self.text("comp_based_stats") or "").startswith(("0", "F", "f"))

    @property
    def translates_queries(self) -> bool:
        """Whether a query is searched in six frames, each with a search space of its own.

        An HSP of a lower score can have a better E-value than that of another frame then.
        """
        return self.program in (Program.BLASTX, Program.TBLASTX)

    @property
    def links_hsps(self) -> bool:
        """Whether HSPs of a subject share an E-value by sum statistics, as in ungapped and translated searches.

        A subject's best E-value need not be that of its best HSP then.
        """
        given = self.value("sum_stats")
        if given is not None:
            return bool(given)
        return self.has("ungapped") or self.program in (Program.BLASTX, Program.TBLASTN, Program.TBLASTX)


def parse(program: Program, argv: Sequence[str], arguments: Arguments) -> SearchOptions:
    """Return the options of a command line.

    Args:
        program: The program that is to run.
        argv: The words after the program's name, BLAST+'s options and ours in any order.
        arguments: What the installed version of the program takes.

    Raises:
        UsageError: One of our options is wrong.
        InputError: One of BLAST+'s options is wrong, or this version does not describe it.
    """
    given, ours = _split(argv, arguments)
    _check_values(given, arguments)
    _check_relations(given, arguments)
    outfmt = parse_outfmt(given.get("outfmt", "0") or "", arguments.columns)
    options = SearchOptions(program, given, outfmt, our_options(ours), arguments)
    _check_search(options)
    return options


def without_ours(argv: Sequence[str], arguments: Arguments) -> list[str]:
    """Return the words that are BLAST+'s, of a command line that may be wrong, for BLAST+ itself to judge."""
    kept: list[str] = []
    words = iter(argv)
    for word in words:
        name, sign, _ = word[2:].partition("=")
        if word.startswith("--") and name in OUR_NAMES:
            if not sign and name != "quiet":
                next(words, None)
            continue
        kept.append(word)
        argument = arguments.get(word[1:])
        if argument is not None and word.startswith("-") and argument.kind is not Kind.FLAG:
            kept.extend(islice(words, 1))
    return kept


def _shards(text: str) -> Shards:
    match text:
        case "auto":
            return "auto"
        case "off":
            return "off"
    if text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0:
        return int(text)
    raise UsageError(f"--shards: {text!r} is no number of shards.", remedy="Write auto, off, or 1 or more.")


def _exactness(text: str) -> Exactness:
    try:
        return Exactness(text)
    except ValueError:
        raise UsageError(f"--exactness: unknown {text!r}.", remedy="Write identical or complete.") from None


def _engine(text: str) -> Engine:
    match text:
        case "local":
            return "local"
        case "dask":
            return "dask"
    raise UsageError(f"--engine: unknown {text!r}.", remedy="Write local or dask.")


def _split(argv: Sequence[str], arguments: Arguments) -> tuple[dict[str, str | None], dict[str, str]]:
    given: dict[str, str | None] = {}
    ours: dict[str, str] = {}
    words = iter(argv)
    for word in words:
        if word == "--":
            _expect_end(words)
        elif word.startswith("--"):
            take_ours(word, words, ours)
        else:
            _take_blast(word, words, arguments, given)
    return given, ours


def _expect_end(words: Iterator[str]) -> None:
    """BLAST+ takes no positional arguments, and what follows "--" is nothing else."""
    for word in words:
        raise _positional(word)


def _take_blast(word: str, words: Iterator[str], arguments: Arguments, given: dict[str, str | None]) -> None:
    if not word.startswith("-") or word == "-":
        raise _positional(word)
    name, sign, value = word[1:].partition("=")
    argument = arguments.get(name)
    if argument is None:
        raise InputError(f"Unknown option {word!r}.", remedy=f"'{arguments.program} -help' lists the options.")
    if name in given:
        raise InputError(f"-{name} is given twice.", remedy="Give it once.")
    if argument.kind is Kind.FLAG:
        # "-html=false" switches it on too.
        given[name] = None
        return
    given[name] = value if sign else next_word(f"-{name}", words, InputError)


def _positional(word: str) -> InputError:
    return InputError(f"{word!r} belongs to no option.", remedy="Quote values that hold blanks.")


def _check_values(given: Mapping[str, str | None], arguments: Arguments) -> None:
    for name, text in given.items():
        if text is not None:
            arguments[name].value_of(text)


def _check_relations(given: Mapping[str, str | None], arguments: Arguments) -> None:
    for name in given:
        for other in arguments[name].excludes:
            if other in given:
                raise InputError(f"-{name} and -{other} exclude each other.", remedy="Leave one of them out.")
        for other in arguments[name].requires:
            if other not in given:
                raise InputError(f"-{name} needs -{other}.", remedy=f"Add -{other}.")


def _check_search(options: SearchOptions) -> None:
    if not {"db", "subject", "import_search_strategy", *INFORMATION_OPTIONS} & options.given.keys():
        raise InputError("There is neither a database nor a subject to search.", remedy="Add -db.")
    if options.outfmt.number == SAM and options.program is not Program.BLASTN:
        raise InputError("Only blastn prints SAM.", remedy="Choose another -outfmt than 17.")
    if options.max_target_seqs == 0:
        raise InputError("No hits would be kept.", remedy="Give -num_alignments more than 0.")


def _words(name: str, value: str | None) -> tuple[str, ...]:
    return (f"-{name}",) if value is None else (f"-{name}", value)
