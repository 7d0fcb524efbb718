"""The table of BLAST+'s options, and what a service accepts as options and as lists of ids."""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from enum import Enum, auto

from shardblast.core.errors import InputError
from shardblast.core.program import Argument, Arguments, Kind


class Use(Enum):
    """What an option is for, which decides who takes it."""

    SEARCH = auto()
    """Determines the hits. Pieces and services take it."""
    CUT = auto()
    """As ``SEARCH``, but drops hits after the preliminary cutoff, so that few hits can hide many candidates."""
    COMPARE = auto()
    """As ``CUT``, but compares hits of different subjects, so that hits of shards can't be merged."""
    FORMAT = auto()
    """Only determines how hits are printed. Services take it for the output of a search; pieces don't need it."""
    TAXIDS = auto()
    """Limits the search to taxids. Services take it; pieces have it in the alias of their database."""
    SEQID_LIST = auto()
    """As ``TAXIDS``, by a file of ids, whose content is sent to services."""
    TAXID_LIST = auto()
    """As ``TAXIDS``, by a file of taxids, whose content is sent to services."""
    PROCESS = auto()
    """Files and threads, of which each process has its own."""
    FILE = auto()
    """Names another file of this machine, which services do not take."""
    LOCAL = auto()
    """Depends on other data of this machine, or on NCBI's service; services do not take it."""
    INFORMATION = auto()
    """Asks for information, not for a search."""


@dataclass(frozen=True, slots=True)
class Option:
    """An option of BLAST+: a row of the table that everything reads which treats options differently."""

    name: str
    use: Use
    why_whole: str | None = None
    """Why shards can't obey it exactly: the rest of a sentence that begins with the option; None if they can."""
    least: float | None = None
    most: float | None = None
    """Bounds of a service, within those of BLAST+."""


_COMPARES = "compares hits of different subjects, which may lie in different shards"
_NUMBERS = "lists numbers that are not in databases made by makeblastdb, so it can't be tested here"
_STRATEGY = "keeps options or a query in a file that only BLAST+ itself reads or writes"
_PARTS = "prints lengths and coverage of a part, and leaves out queries that do not reach it"
_MASKS = "masks the database by data that shards do not hold"
_SUBJECT = "searches sequences that are not in a database"
_REMOTE = "searches at NCBI"
_ASKS = "asks for information, not for a search"

_UNLIMITED: Mapping[tuple[Use, str | None], str] = {
    (Use.PROCESS, None): "query db out num_threads mt_mode",
    (Use.SEARCH, None): "task strand query_gencode db_gencode lcase_masking dust seg soft_masking gapopen gapextend "
    "penalty reward matrix comp_based_stats word_size threshold window_size off_diagonal_range template_type "
    "template_length xdrop_ungap xdrop_gap xdrop_gap_final no_greedy ungapped min_raw_gapped_score use_sw_tback "
    "max_intron_length dbsize searchsp sum_stats subject_besthit",
    (Use.CUT, None): "perc_identity qcov_hsp_perc",
    (Use.FORMAT, None): "outfmt sorthits sorthsps html show_gis",
    (Use.SEQID_LIST, None): "seqidlist negative_seqidlist",
    (Use.TAXID_LIST, None): "taxidlist negative_taxidlist",
    (Use.TAXIDS, None): "taxids negative_taxids no_taxid_expansion",
    (Use.FILE, None): "filtering_db window_masker_db index_name",
    (Use.LOCAL, None): "parse_deflines window_masker_taxid use_index",
    (Use.SEARCH, _PARTS): "query_loc",
    (Use.COMPARE, _COMPARES): "culling_limit best_hit_overhang best_hit_score_edge",
    (Use.FILE, _NUMBERS): "gilist negative_gilist ipglist negative_ipglist",
    (Use.LOCAL, _MASKS): "db_soft_mask db_hard_mask",
    (Use.FILE, _SUBJECT): "subject",
    (Use.LOCAL, _SUBJECT): "subject_loc",
    (Use.LOCAL, _REMOTE): "remote entrez_query",
    (Use.FILE, _STRATEGY): "import_search_strategy export_search_strategy in_pssm",
    (Use.INFORMATION, _ASKS): "h help version",
}
"""Options that a service does not limit, by their use and why shards can't obey them (None: they can)."""
_OPTIONS = (
    *(Option(name, use, why) for (use, why), listed in _UNLIMITED.items() for name in listed.split()),
    Option("evalue", Use.SEARCH, least=0, most=1e5),
    Option("max_target_seqs", Use.SEARCH, least=1, most=5000),
    Option("max_hsps", Use.SEARCH, most=10_000),
    Option("num_descriptions", Use.FORMAT, most=5000),
    Option("num_alignments", Use.FORMAT, most=5000),
    Option("line_length", Use.FORMAT, most=10_000),
)
OPTIONS: Mapping[str, Option] = {option.name: option for option in _OPTIONS}
"""Every option of the five programs in BLAST+ 2.12 to 2.17, by name.

Filters can be split because BLAST+ applies them once to the whole database, options of statistics because every shard
gets the statistics of the whole database, and the number of subjects because the merge cuts to it.
"""


def names(*uses: Use) -> tuple[str, ...]:
    """Return the names of the options of some uses."""
    return tuple(option.name for option in _OPTIONS if option.use in uses)


LISTS = names(Use.SEQID_LIST, Use.TAXID_LIST)
"""Options that take the content of a list."""
SEQID_FILTERS = frozenset(names(Use.SEQID_LIST))
FILTER_OPTIONS = frozenset(names(Use.SEQID_LIST, Use.TAXID_LIST, Use.TAXIDS))
TAXID_FILTERS = FILTER_OPTIONS - SEQID_FILTERS - {"no_taxid_expansion"}
FORMAT_OPTIONS = frozenset(names(Use.FORMAT))
OF_EACH_PROCESS = frozenset({*names(Use.PROCESS), "outfmt"}) | FILTER_OPTIONS
"""Options for which every process has its own values. Filters are in the alias of its database."""
NOT_OF_A_PIECE = OF_EACH_PROCESS | FORMAT_OPTIONS
PERMITTED = frozenset(names(Use.SEARCH, Use.CUT, Use.COMPARE, Use.TAXIDS))
"""Options that services take for a search."""
BY_TOTAL_SCORE = 2
"""The value of ``-sorthits`` that sorts by total score."""

LONGEST_VALUE = 500
LONGEST_LIST = 2000
"""The longest value of ``-taxids``, in characters. More taxids can be sent as a list."""
_RANGE = re.compile(r"([0-9]{1,10})-([0-9]{1,10})")
_TAXIDS = re.compile(r"[0-9]{1,9}(?:,[0-9]{1,9})*")

OptionValue = str | int | float | bool | None
OptionsGiven = Mapping[str, OptionValue] | Sequence[str] | str

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
    if name not in OPTIONS:
        return f"-{name} is not known here, so it is left to BLAST+."
    why = OPTIONS[name].why_whole
    return None if why is None else f"-{name} {why}."


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem that keeps a search from running."""

    code: str
    """A stable name."""
    field: str
    """The field of the request that is wrong: ``query``, ``database``, ``options``, ``options.evalue`` and so on."""
    detail: str
    remedy: str


def permitted_words(
    given: OptionsGiven, arguments: Arguments, permitted: Set[str] = PERMITTED, field: str = "options"
) -> tuple[tuple[str, ...], list[Problem]]:
    """Return BLAST+'s arguments for a user's options, and the problems of these options, which name the ``field``."""
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
    if name == "query_loc" and not _is_range(value):
        remedy = "Write its first and its last position, such as 1-100."
        return Problem("option-value", field, f"-{name} is not a range.", remedy)
    return _out_of_bounds(argument, value, field)


def _is_range(text: str) -> bool:
    """Return whether BLAST+ can search a range of positions. Source: ``ParseSequenceRange``, blast_input_aux.cpp."""
    match = _RANGE.fullmatch(text)
    return match is not None and 0 < int(match[1]) < int(match[2]) < 1 << 31


def _out_of_bounds(argument: Argument, value: str, field: str) -> Problem | None:
    try:
        number = argument.value_of(value)
    except InputError as error:
        return Problem("option-value", field, error.problem, error.remedy)
    option = OPTIONS[argument.name]
    if option.most is not None and isinstance(number, int | float) and number > option.most:
        return Problem("option-value", field, f"-{argument.name} is too large.", f"Give at most {option.most:g}.")
    if option.least is not None and isinstance(number, int | float) and number < option.least:
        return Problem("option-value", field, f"-{argument.name} is too small.", f"Give at least {option.least:g}.")
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
