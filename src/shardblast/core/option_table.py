"""Facts about BLAST+'s options: which can be split, which a service accepts, and the limits of lists of ids."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from shardblast.core.errors import InputError
from shardblast.core.program import Argument, Arguments, Kind

QUERY_OPTIONS = frozenset({"query", "strand", "query_gencode", "parse_deflines", "lcase_masking"})
QUERY_PARTS = frozenset({"query_loc"})
QUERY_FILTERS = frozenset({"dust", "seg", "soft_masking", "filtering_db", "window_masker_db", "window_masker_taxid"})
DATABASE_OPTIONS = frozenset({"db", "db_gencode"})
SCORING_OPTIONS = frozenset({"gapopen", "gapextend", "penalty", "reward", "matrix", "comp_based_stats"})
WORD_OPTIONS = frozenset({"task", "word_size", "threshold", "window_size", "off_diagonal_range"})
TEMPLATE_OPTIONS = frozenset({"template_type", "template_length"})
EXTENSION_OPTIONS = frozenset({"xdrop_ungap", "xdrop_gap", "xdrop_gap_final", "no_greedy", "ungapped"})
TRACEBACK_OPTIONS = frozenset({"min_raw_gapped_score", "use_sw_tback", "max_intron_length"})
INDEX_OPTIONS = frozenset({"use_index", "index_name"})
"""Safe if ``-use_index`` is false, because BLAST+ then ignores ``-index_name``."""
STATISTICS_OPTIONS = frozenset({"evalue", "dbsize", "searchsp", "sum_stats"})
"""Safe because each shard gets the whole database's statistics, which these options override equally in all shards."""
HIT_LIMITS = frozenset({"max_target_seqs", "max_hsps", "perc_identity", "qcov_hsp_perc", "subject_besthit"})
"""Options that concern one subject at a time, and the number of subjects, to which the merge cuts."""
PRINTING_OPTIONS = frozenset({"out", "outfmt", "html", "show_gis", "line_length", "sorthits", "sorthsps"})
PRINTED_HITS = frozenset({"num_descriptions", "num_alignments"})
BY_TOTAL_SCORE = 2
"""The value of ``-sorthits`` that sorts by total score."""
SEQID_FILTERS = frozenset({"seqidlist", "negative_seqidlist"})
TAXID_FILTERS = frozenset({"taxids", "taxidlist", "negative_taxids", "negative_taxidlist"})
FILTER_OPTIONS = SEQID_FILTERS | TAXID_FILTERS | {"no_taxid_expansion"}
"""Safe because BLAST+ applies them once to the whole database."""
THREAD_OPTIONS = frozenset({"num_threads", "mt_mode"})
SPLITTABLE = (
    QUERY_OPTIONS
    | QUERY_FILTERS
    | DATABASE_OPTIONS
    | SCORING_OPTIONS
    | WORD_OPTIONS
    | TEMPLATE_OPTIONS
    | EXTENSION_OPTIONS
    | TRACEBACK_OPTIONS
    | INDEX_OPTIONS
    | STATISTICS_OPTIONS
    | HIT_LIMITS
    | PRINTING_OPTIONS
    | PRINTED_HITS
    | FILTER_OPTIONS
    | THREAD_OPTIONS
)
"""Every option that has the same effect on a shard as on the whole database."""

HIT_COMPARISONS = frozenset({"culling_limit", "best_hit_overhang", "best_hit_score_edge"})
NUMBER_FILTERS = frozenset({"gilist", "ipglist", "negative_gilist", "negative_ipglist"})
DATABASE_MASKS = frozenset({"db_soft_mask", "db_hard_mask"})
SUBJECT_OPTIONS = frozenset({"subject", "subject_loc"})
REMOTE_OPTIONS = frozenset({"remote", "entrez_query"})
STRATEGY_OPTIONS = frozenset({"import_search_strategy", "export_search_strategy", "in_pssm"})
INFORMATION_OPTIONS = frozenset({"h", "help", "version"})

_WHY: tuple[tuple[frozenset[str], str], ...] = (
    (HIT_COMPARISONS, "compares hits of different subjects, which may lie in different shards"),
    (NUMBER_FILTERS, "lists numbers that are not in databases made by makeblastdb, so it can't be tested here"),
    (QUERY_PARTS, "prints lengths and coverage of a part, and leaves out queries that do not reach it"),
    (DATABASE_MASKS, "masks the database by data that shards do not hold"),
    (SUBJECT_OPTIONS, "searches sequences that are not in a database"),
    (REMOTE_OPTIONS, "searches at NCBI"),
    (STRATEGY_OPTIONS, "keeps options or a query in a file that only BLAST+ itself reads or writes"),
    (INFORMATION_OPTIONS, "asks for information, not for a search"),
)

PERMITTED = frozenset(
    {"task", "evalue", "word_size", "gapopen", "gapextend", "penalty", "reward", "matrix", "threshold", "window_size"}
    | {"comp_based_stats", "seg", "dust", "soft_masking", "lcase_masking", "strand", "query_loc", "ungapped"}
    | {"query_gencode", "db_gencode", "max_intron_length", "max_target_seqs", "max_hsps", "subject_besthit"}
    | {"perc_identity", "qcov_hsp_perc", "culling_limit", "best_hit_overhang", "best_hit_score_edge", "sum_stats"}
    | {"dbsize", "searchsp", "xdrop_ungap", "xdrop_gap", "xdrop_gap_final", "no_greedy", "min_raw_gapped_score"}
    | {"use_sw_tback", "template_type", "template_length", "off_diagonal_range"}
    | {"taxids", "negative_taxids", "no_taxid_expansion"}
)
"""BLAST+'s search options, which determine the hits."""
PRINTING = frozenset({"outfmt", "num_descriptions", "num_alignments", "line_length"}) | frozenset(
    {"html", "show_gis", "sorthits", "sorthsps"}
)
"""BLAST+'s formatting options, which determine the output."""
AT_MOST = {"max_target_seqs": 5000.0, "evalue": 1e5, "max_hsps": 10_000.0}
AT_MOST |= {"num_descriptions": 5000.0, "num_alignments": 5000.0, "line_length": 10_000.0}
AT_LEAST = {"evalue": 0.0, "max_target_seqs": 1.0}
LONGEST_VALUE = 500
LONGEST_LIST = 2000
"""The longest value of ``-taxids``, in characters. More taxids can be sent as a list."""
_TAXIDS = re.compile(r"[0-9]{1,9}(?:,[0-9]{1,9})*")

OptionValue = str | int | float | bool | None
OptionsGiven = Mapping[str, OptionValue] | Sequence[str] | str

LISTS = ("seqidlist", "negative_seqidlist", "taxidlist", "negative_taxidlist")
"""Options that take the content of a list."""
MOST_BYTES = 64 << 20
MOST_LINES = 5_000_000
LONGEST_ID = 100
LONGEST_TAXID = 10
PROBLEMS_NAMED = 5
"""The number of bad lines of a list that are reported."""
BINARY = b"\0"
"""The first byte of a binary list, which blastdb_aliastool makes from a list of ids."""
_WORD = re.compile(rb"#[^\n]*|[^> \t\r\n#][^ \t\r\n]*")


def why_unsplittable(name: str) -> str | None:
    """Return a sentence that says why shards can't obey an option exactly; None if they can."""
    for names, why in _WHY:
        if name in names:
            return f"-{name} {why}."
    return None if name in SPLITTABLE else f"-{name} is not known here, so it is left to BLAST+."


@dataclass(frozen=True, slots=True)
class Problem:
    """A reason why a search can't run."""

    code: str
    """A stable name."""
    field: str
    """The field of the request that is wrong: ``query``, ``database``, ``options``, ``options.evalue`` and so on."""
    detail: str
    remedy: str


def permitted_words(
    given: OptionsGiven, arguments: Arguments, permitted: Set[str] = PERMITTED, field: str = "options"
) -> tuple[tuple[str, ...], list[Problem]]:
    """Return BLAST+'s arguments for a user's options, and the problems of these options.

    Args:
        given: The options by name, or as on a command line.
        arguments: The options of the program.
        permitted: Names of permitted options.
        field: The field of the request that problems name.
    """
    words: list[str] = []
    problems: list[Problem] = []
    seen: set[str] = set()
    try:
        pairs = list(_pairs(given, arguments))
    except ValueError as error:
        return (), [Problem("options", field, f"The options can't be read: {error}.", "Check quotes and dashes.")]
    for name, value in pairs:
        if name in seen:
            problems.append(Problem("option-twice", f"{field}.{name}", f"-{name} is given twice.", "Give it once."))
            continue
        seen.add(name)
        if name in permitted:
            problem = _problem(name, value, arguments, f"{field}.{name}")
        else:
            reason = "not supported here" if name in arguments else "unknown"
            problem = Problem("option-not-permitted", f"{field}.{name}", f"-{name} is {reason}.", "Leave it out.")
        if problem is not None:
            problems.append(problem)
        elif arguments[name].kind is not Kind.FLAG:
            words += [f"-{name}", value or ""]
        elif value != "false":
            words.append(f"-{name}")
    return tuple(words), problems


def listed_ids(text: bytes) -> Iterator[bytes]:
    """Yield the ids of a list as BLAST+ reads them: words separated by blanks, without a leading ``>`` and comments.

    Source:
        NCBI C++ Toolkit, objtools/blast/seqdb_reader/seqdbcommon.cpp (SeqDB_ReadMemorySiList).
    """
    return (word for word in _WORD.findall(text) if not word.startswith(b"#"))


def file_of(name: str) -> str:
    """Return the name of the file that holds a list, in a search's folder and in the displayed command."""
    return f"{name}.txt"


def listed(words: Sequence[str]) -> tuple[str, ...]:
    """Return the list options among a search's arguments."""
    return tuple(name for name in LISTS if f"-{name}" in words)


def located(words: Sequence[str], folder: str) -> tuple[str, ...]:
    """Return a search's arguments with the files of lists located in a folder."""
    paths = {file_of(name): f"{folder}/{file_of(name)}" for name in listed(words)}
    return tuple(paths.get(word, word) for word in words)


def list_problems(name: str, size_bytes: int, lines: Iterable[bytes]) -> Iterator[Problem]:
    """Yield the problems of a list, which is the value of the option ``name``; line numbers are 1-based."""
    field = f"lists.{name}"
    if name not in LISTS:
        yield Problem("list-unknown", field, f"{name!r} does not take a list.", f"Use {', '.join(LISTS)}.")
        return
    if size_bytes > MOST_BYTES:
        yield Problem("list-too-large", field, f"The list is larger than {MOST_BYTES:,} bytes.", "Send a shorter one.")
        return
    bad = entries = 0
    for number, line in enumerate(lines, 1):
        if number == 1 and name in SEQID_FILTERS and line.startswith(BINARY):
            return  # only BLAST+ can judge a binary list
        words = _entries(name, line)
        entries += len(words)
        if all(_is_entry(name, word) for word in words):
            continue
        bad += 1
        if bad <= PROBLEMS_NAMED:
            what = "an id" if name in SEQID_FILTERS else "a taxid"
            yield Problem("list-line", field, f"Line {number} is not {what}.", f"Write {what} on each line.")
    if not entries:
        yield Problem("list-empty", field, "The list names nothing.", "Write one on each line, or leave the list out.")
    if entries > MOST_LINES:
        yield Problem("list-too-large", field, f"The list has more than {MOST_LINES:,} lines.", "Send a shorter one.")


def _pairs(given: OptionsGiven, arguments: Arguments) -> Iterator[tuple[str, str | None]]:
    if isinstance(given, Mapping):
        for name, value in given.items():
            if value is None:
                continue
            yield name.removeprefix("-"), str(value).lower() if isinstance(value, bool) else str(value)
        return
    words = iter(shlex.split(given) if isinstance(given, str) else given)
    for word in words:
        if not word.startswith("-") or word == "-":
            raise ValueError(f"{word!r} does not belong to an option")
        name, sign, value = word[1:].partition("=")
        if sign:
            yield name, value
        elif name in arguments and arguments[name].kind is Kind.FLAG:
            yield name, None
        else:
            yield name, next(words, None)


def _problem(name: str, value: str | None, arguments: Arguments, field: str) -> Problem | None:
    if name not in arguments:
        return Problem("option-unknown", field, f"{arguments.program} has no -{name}.", "Leave it out.")
    if name in ("taxids", "negative_taxids"):
        usable = value is not None and len(value) <= LONGEST_LIST and _TAXIDS.fullmatch(value)
        remedy = "Give numbers with commas between them, or send a list."
        return None if usable else Problem("option-value", field, f"-{name} has no usable value.", remedy)
    argument = arguments[name]
    if argument.kind is Kind.FLAG:
        wrong = value not in (None, "true", "false")
        return Problem("option-value", field, f"-{name} is a flag.", "Give true or false.") if wrong else None
    if (
        value is None
        or len(value) > LONGEST_VALUE
        or not value.isprintable()
        or (value.startswith("-") and not _number(value))
    ):
        return Problem("option-value", field, f"-{name} has no usable value.", "Write a value after it.")
    return _out_of_bounds(argument, value, field)


def _out_of_bounds(argument: Argument, value: str, field: str) -> Problem | None:
    try:
        number = argument.value_of(value)
    except InputError as error:
        return Problem("option-value", field, error.problem, error.remedy)
    most, least = AT_MOST.get(argument.name), AT_LEAST.get(argument.name)
    if most is not None and isinstance(number, int | float) and number > most:
        return Problem("option-value", field, f"-{argument.name} is too large.", f"Give at most {most:g}.")
    if least is not None and isinstance(number, int | float) and number < least:
        return Problem("option-value", field, f"-{argument.name} is too small.", f"Give at least {least:g}.")
    return None


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _entries(name: str, line: bytes) -> list[bytes]:
    if name in SEQID_FILTERS:
        return list(listed_ids(line))
    entry = line.strip(b" \t\r\n")
    return [entry] if entry else []


def _is_entry(name: str, entry: bytes) -> bool:
    if name in SEQID_FILTERS:
        return len(entry) <= LONGEST_ID and all(33 <= letter <= 126 for letter in entry)
    return len(entry) <= LONGEST_TAXID and entry.isdigit() and int(entry) < 1 << 31
