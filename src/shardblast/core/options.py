"""Parses a command line: BLAST+'s options, with one dash, and shardblast's own, with two.

The parser accepts the same options as the installed BLAST+ and converts their values in the same way. BLAST+ itself
reports errors that only a search finds, such as a missing file, unsupported gap costs or an unknown matrix.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain, islice
from typing import Literal

from shardblast.core.errors import InputError, UsageError
from shardblast.core.formats import OutputFormat, parse_outfmt
from shardblast.core.option_table import BY_TOTAL_SCORE, SEQID_FILTERS, TAXID_FILTERS, Use, names, why_unsplittable
from shardblast.core.program import Arguments, Kind, Program, Value

Shards = Literal["auto", "off"] | int
Engine = Literal["local", "dask"]

OUR_NAMES = ("shards", "exactness", "verify", "report", "quiet", "keep", "engine", "scheduler")
OUR_HELP = """\
 *** shardblast options
 --shards <auto, off, or a number>
   Shards of the database; auto: whatever is fastest, off: BLAST+ itself
   Default = `auto'
 --exactness <identical, complete>
   Result of saturated queries: the bytes of BLAST+, or the best of all hits
   Default = `identical'
 --verify <a number of queries>
   Also search this many random queries without shards, and compare the hits
 --engine <local, dask>
   Where to search: this machine, or a cluster; -db then names a database of SHARDBLAST_STORAGE
   Default = `local'
 --scheduler <Address>
   The cluster's scheduler, such as tls://HOST:8786
 --report <File_Out>
   Write verdicts, shards and timings as JSON
 --keep <Folder>
   Leave pieces and merged files in this folder, which must be new or empty
 --quiet
   No progress on standard error
 -num_threads is the budget of cores; without it all cores are used. The bytes are
 those of a BLAST+ with the same -num_threads.
"""

DEFAULT_HITLIST_SIZE = 500
LONGEST_LIST = 500_000_000
"""The longest list of subjects. Pieces keep up to twice as many, and BLAST+ doubles that again in 32-bit integers."""
DEFAULT_NUM_DESCRIPTIONS = 500
DEFAULT_NUM_ALIGNMENTS = 250


class Exactness(StrEnum):
    """The guarantee for saturated queries."""

    IDENTICAL = "identical"
    """The bytes of an unsharded BLAST+ run."""
    COMPLETE = "complete"
    """The best of all subjects that any shard kept."""


@dataclass(frozen=True, slots=True)
class OurOptions:
    """shardblast's own options."""

    shards: Shards = "auto"
    """The number of shards (at least 1), "auto" for the fastest choice, or "off" for BLAST+ itself."""
    exactness: Exactness = Exactness.IDENTICAL
    verify: int = 0
    """How many random queries are also searched without shards."""
    report: str | None = None
    quiet: bool = False
    keep: str | None = None
    """The folder in which the pieces are left."""
    engine: Engine = "local"
    scheduler: str | None = None


def take_ours(word: str, words: Iterator[str], ours: dict[str, str]) -> None:
    """Add an option of shardblast and its value to ``ours``. Raises UsageError if it is unknown, repeated or empty."""
    name, sign, value = word[2:].partition("=")
    if name not in OUR_NAMES:
        known = ", ".join(f"--{known}" for known in OUR_NAMES)
        problem = f"Unknown option '--{name}'."
        raise UsageError(problem, remedy=f"The double-dash options are {known}. BLAST+'s options have one dash.")
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
    """Return the value that follows an option; raise ``error`` if there is none."""
    value = next(words, None)
    if value is None:
        raise error(f"{option} has no value.", remedy="Write the value after it.")
    return value


def our_options(ours: Mapping[str, str]) -> OurOptions:
    """Return shardblast's options from their texts; raise ``UsageError`` for a wrong value."""
    return OurOptions(
        shards=_shards(ours.get("shards", "auto")),
        exactness=Exactness(_choice(ours, "exactness", *Exactness)),
        verify=_verify(ours.get("verify", "0")),
        report=ours.get("report"),
        quiet="quiet" in ours,
        keep=ours.get("keep"),
        engine="dask" if _choice(ours, "engine", "local", "dask") == "dask" else "local",
        scheduler=ours.get("scheduler"),
    )


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """A valid command line."""

    program: Program
    given: Mapping[str, str | None]
    """BLAST+'s options in the user's order, without dashes; the value of a flag is None."""
    outfmt: OutputFormat
    ours: OurOptions
    arguments: Arguments = field(repr=False)

    def has(self, name: str) -> bool:
        return name in self.given

    def value(self, name: str) -> Value | None:
        """Return the option's value, or BLAST+'s default, or None. The value of a flag is True or False."""
        argument = self.arguments.get(name)
        if argument is None:
            return None
        if argument.kind is Kind.FLAG:
            return name in self.given
        text = self.text(name)
        return None if text is None else argument.value_of(text)

    def text(self, name: str) -> str | None:
        """Return the option's text, or the text of BLAST+'s default, or None."""
        if name in self.given:
            return self.given[name]
        argument = self.arguments.get(name)
        return argument.default if argument else None

    def integer(self, name: str) -> int | None:
        """Return the value of an option that takes an integer."""
        value = self.value(name)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        raise TypeError(f"-{name} does not take an integer")

    def argv(self, drop: Collection[str] = (), set: Mapping[str, str | None] | None = None) -> list[str]:
        """Return BLAST+'s arguments, without the program's name and shardblast's options.

        ``drop`` names options to leave out. ``set`` replaces values in place or adds options; None stands for a flag.
        """
        options = dict(self.given) | dict(set or {})
        return [word for name, value in options.items() if name not in drop for word in _words(name, value)]

    @property
    def may_have_long_words(self) -> bool:
        """Whether the words that BLAST+ looks up in proteins may have more than four letters."""
        if self.program in (Program.BLASTN, Program.TBLASTX):
            return False
        return (self.integer("word_size") or 0) > 4 if self.has("word_size") else "fast" in (self.text("task") or "")

    @property
    def max_target_seqs(self) -> int:
        """The number of subjects that BLAST+ keeps for a query (its hit list size).

        Formats 0 to 4 use the larger of ``-num_descriptions`` and ``-num_alignments`` if either is given, so
        ``-num_descriptions 9`` alone means 250. The other formats ignore the former and obey the latter.

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

    def most_shown(self, name: str) -> int:
        """Return how many subjects per query formats 0 to 4 show in the part that this option limits."""
        wanted = self.integer("max_target_seqs") or self.integer(name)
        default = DEFAULT_NUM_ALIGNMENTS if name == "num_alignments" else DEFAULT_HITLIST_SIZE
        return default if wanted is None else wanted

    def why_unsplittable(self, *, merged: bool = True) -> str | None:
        """Return a sentence on an option that shards can't obey exactly, or None; ``merged``: their hits are merged."""
        given = [name for name in self.given if merged or name not in UNMERGEABLE]
        whole = (why for name in given if (why := why_unsplittable(name)))
        others = (why for applies, why in (*UNSPLITTABLE, *(UNMERGED if merged else ())) if applies(self))
        return next(chain(whole, others), None)

    def check_printable(self) -> None:
        """Raise InputError if stored hits do not hold what the output format shows."""
        if self.has("query_loc") and self.outfmt.shows_query_length:
            problem = (
                "With -query_loc this format shows the length of a part of the query, which stored hits do not hold."
            )
            raise InputError(problem, remedy="Choose a format from 0 to 4, or a table without qlen, qcovs and qcovus.")

    @property
    def has_candidates(self) -> bool:
        """Whether shards can find the subjects that pass the preliminary stage, although their hits can't be merged.

        blastn with ``-sum_stats true`` may link fewer HSPs after the traceback, and has no lists that allow for it.
        """
        return self.ours.exactness is Exactness.IDENTICAL and not self.needs_one_batch

    @property
    def filter(self) -> str | None:
        """The option that limits the search to a part of the database; BLAST+ accepts only one."""
        return next((name for name in self.given if name in SEQID_FILTERS | TAXID_FILTERS), None)

    @property
    def threads_matter(self) -> bool:
        """Whether the hits that BLAST+ reports may depend on the number of threads.

        With composition-based statistics, each thread of BLAST+ skips subjects by the hits that it has itself found.

        Source: NCBI C++ Toolkit, algo/blast/core/blast_kappa.c (Blast_RedoAlignmentCore_MT).
        """
        return self.composition_based or (self.has("qcov_hsp_perc") and self.needs_one_batch)

    @property
    def may_use_threads(self) -> bool:
        """Whether BLAST+ alone may use several threads: they change nothing, or the user wants them."""
        return self.has("num_threads") or not self.threads_matter

    @property
    def may_get_threads(self) -> bool:
        """Whether ``-num_threads`` may be added for BLAST+ alone without a change of its output."""
        has_number = any(self.has(name) for name in ("num_threads", "remote", "subject"))
        return not (has_number or self.threads_matter or self.outfmt.is_sam)  # SAM holds the command line

    @property
    def threads(self) -> int:
        """The number of threads that BLAST+ would use, before it is reduced to the number of cores."""
        return self.integer("num_threads") or 1

    @property
    def shares_statistics(self) -> bool:
        """Whether a query's E-values may depend on the other queries in its batch."""
        return self.program is Program.TBLASTX or self.has("ungapped") or self.value("sum_stats") is True

    @property
    def needs_one_batch(self) -> bool:
        """Whether one process must search all queries: E-values depend on batches, and blastn sizes these by its hits.

        In ungapped blastn searches, no E-value was ever seen to depend on other queries.
        """
        return self.program is Program.BLASTN and self.value("sum_stats") is True

    @property
    def reads_fasta(self) -> bool:
        """Whether BLAST+ reads the queries as FASTA, not from a saved search or a matrix."""
        return not (self.has("import_search_strategy") or self.has("in_pssm"))

    @property
    def splits_queries(self) -> bool:
        """Whether BLAST+ splits queries among threads, and so makes other batches than with one thread."""
        return (self.integer("mt_mode") or 0) > 0 and self.threads > 1

    @property
    def composition_based(self) -> bool:
        """Whether scores are adjusted to the composition of the two sequences."""
        off = (self.text("comp_based_stats") or "").startswith(("0", "F", "f"))
        return self.program.is_composition_based and not off

    @property
    def links_hsps(self) -> bool:
        """Whether HSPs of a subject share an E-value by sum statistics, as in ungapped and translated searches.

        The HSP with the best score may then not have the best E-value.
        """
        given = self.value("sum_stats")
        if given is not None:
            return bool(given)
        return self.has("ungapped") or self.program in (Program.BLASTX, Program.TBLASTN, Program.TBLASTX)


UNMERGEABLE = frozenset({*names(Use.COMPARE), "query_loc"})
"""Options that shards can't obey, but that BLAST+ obeys in the candidates of all shards."""
UNSPLITTABLE: tuple[tuple[Callable[[SearchOptions], bool], str], ...] = (
    (lambda options: options.value("use_index") is True, "-use_index needs an index of the whole database."),
    (
        lambda options: options.outfmt.is_sam and "SR" in options.outfmt.tokens,
        "-outfmt '17 SR' lists subjects of all queries in an order that only BLAST+ knows.",
    ),
    (
        lambda options: options.value("sorthits") == BY_TOTAL_SCORE,
        "-sorthits 2 orders subjects by sums whose last digits are not in the archives that shards write.",
    ),
    (
        lambda options: options.max_target_seqs > LONGEST_LIST,
        "-max_target_seqs is so large that BLAST+ can't keep the longer lists that shards need.",
    ),
)
"""Why shards can't obey options that they obey with other values or in other searches, with the test for each."""
UNMERGED: tuple[tuple[Callable[[SearchOptions], bool], str], ...] = (
    (
        lambda options: options.has("max_hsps") and (options.links_hsps or options.program.translates_query),
        "-max_hsps drops HSPs whose E-values order the subjects.",
    ),
    (
        lambda options: options.has("qcov_hsp_perc") and options.threads_matter,
        "-qcov_hsp_perc with composition-based statistics or -sum_stats makes BLAST+'s answer depend on -num_threads.",
    ),
)
"""The same for options that BLAST+ obeys in the candidates of all shards."""


def parse(program: Program, argv: Sequence[str], arguments: Arguments) -> SearchOptions:
    """Parse a program's arguments. Raises UsageError for an option of shardblast, InputError for one of BLAST+."""
    given, ours = _split(argv, arguments)
    for name, text in given.items():
        if text is not None:
            arguments[name].value_of(text)
    _check_relations(given, arguments)
    outfmt = parse_outfmt(given.get("outfmt", "0") or "", arguments.columns)
    options = SearchOptions(program, given, outfmt, our_options(ours), arguments)
    _check_search(options)
    return options


def without_ours(argv: Sequence[str], arguments: Arguments) -> list[str]:
    """Return the arguments for BLAST+ from a command line that may be wrong, so that BLAST+ can judge it."""
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
    if text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0:
        return int(text)
    if text not in ("auto", "off"):
        raise UsageError(f"--shards: {text!r} is not a number of shards.", remedy="Write auto, off, or 1 or more.")
    return "auto" if text == "auto" else "off"


def _verify(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise UsageError(f"--verify: {text!r} is not a number of queries.", remedy="Write 1 or more.")
    return int(text)


def _choice(ours: Mapping[str, str], name: str, *choices: str) -> str:
    """Return the value of an option that takes one of these words; the default is the first."""
    text = ours.get(name, choices[0])
    if text not in choices:
        raise UsageError(f"--{name}: unknown value {text!r}.", remedy=f"Write {' or '.join(choices)}.")
    return text


def _split(argv: Sequence[str], arguments: Arguments) -> tuple[dict[str, str | None], dict[str, str]]:
    given: dict[str, str | None] = {}
    ours: dict[str, str] = {}
    words = iter(argv)
    for word in words:
        if word == "--":
            for unwanted in words:  # BLAST+ takes no positional arguments
                raise _positional(unwanted)
        elif word.startswith("--"):
            take_ours(word, words, ours)
        else:
            _take_blast(word, words, arguments, given)
    return given, ours


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
        # In BLAST+, "-html=false" also switches the flag on.
        given[name] = None
        return
    given[name] = value if sign else next_word(f"-{name}", words, InputError)


def _positional(word: str) -> InputError:
    return InputError(f"{word!r} does not belong to an option.", remedy="Quote values that contain blanks.")


def _check_relations(given: Mapping[str, str | None], arguments: Arguments) -> None:
    for name in given:
        for other in arguments[name].excludes:
            if other in given:
                raise InputError(f"-{name} and -{other} exclude each other.", remedy="Leave one of them out.")
        for other in arguments[name].requires:
            if other not in given:
                raise InputError(f"-{name} needs -{other}.", remedy=f"Add -{other}.")


def _check_search(options: SearchOptions) -> None:
    if not {"db", "subject", "import_search_strategy", *names(Use.INFORMATION)} & options.given.keys():
        raise InputError("There is neither a database nor a subject to search.", remedy="Add -db.")
    if options.outfmt.is_sam and options.program is not Program.BLASTN:
        raise InputError("Only blastn prints SAM.", remedy="Choose an -outfmt other than 17.")
    if options.max_target_seqs == 0:
        raise InputError("No hits would be kept.", remedy="Give -num_alignments more than 0.")


def _words(name: str, value: str | None) -> tuple[str, ...]:
    return (f"-{name}",) if value is None else (f"-{name}", value)
