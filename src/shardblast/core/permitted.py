"""Which options a service takes from its users, and how far: nothing that names a file or a host, no unbounded work."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from shardblast.core.arguments import Argument, Arguments, Kind
from shardblast.core.errors import InputError

PERMITTED = frozenset(
    {"task", "evalue", "word_size", "gapopen", "gapextend", "penalty", "reward", "matrix", "threshold", "window_size"}
    | {"comp_based_stats", "seg", "dust", "soft_masking", "lcase_masking", "strand", "query_loc", "ungapped"}
    | {"query_gencode", "db_gencode", "max_intron_length", "max_target_seqs", "max_hsps", "subject_besthit"}
    | {"perc_identity", "qcov_hsp_perc", "culling_limit", "best_hit_overhang", "best_hit_score_edge", "sum_stats"}
    | {"dbsize", "searchsp", "xdrop_ungap", "xdrop_gap", "xdrop_gap_final", "no_greedy", "min_raw_gapped_score"}
    | {"use_sw_tback", "template_type", "template_length", "off_diagonal_range"}
    | {"taxids", "negative_taxids", "no_taxid_expansion"}
)
"""Options of BLAST+ that say what is found."""
PRINTING = frozenset({"outfmt", "num_descriptions", "num_alignments", "line_length"}) | frozenset(
    {"html", "show_gis", "sorthits", "sorthsps"}
)
"""Options of BLAST+ that say how it is printed."""
AT_MOST = {"max_target_seqs": 5000.0, "evalue": 1e5, "max_hsps": 10_000.0}
AT_MOST |= {"num_descriptions": 5000.0, "num_alignments": 5000.0, "line_length": 10_000.0}
AT_LEAST = {"evalue": 0.0, "max_target_seqs": 1.0}
LONGEST_VALUE = 500
LONGEST_LIST = 2000
"""Of taxids; more can be sent as a list."""
_TAXIDS = re.compile(r"[0-9]{1,9}(?:,[0-9]{1,9})*")

OptionValue = str | int | float | bool | None
OptionsGiven = Mapping[str, OptionValue] | Sequence[str] | str


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that keeps a search from running."""

    code: str
    """Stable."""
    field: str
    """What it is about: ``query``, ``database``, ``options``, ``options.evalue`` and so on."""
    detail: str
    remedy: str


def permitted_words(
    given: OptionsGiven, arguments: Arguments, permitted: Set[str] = PERMITTED, field: str = "options"
) -> tuple[tuple[str, ...], list[Problem]]:
    """Return BLAST+'s words for a user's options, and all that is wrong with them.

    Args:
        given: By name, or as on a command line.
        arguments: What the program takes.
        permitted: Names of the options that may be given.
        field: What problems are said to be about.
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
            known = "of no use here" if name in arguments else "unknown"
            problem = Problem("option-not-permitted", f"{field}.{name}", f"-{name} is {known}.", "Leave it out.")
        if problem is not None:
            problems.append(problem)
        elif arguments[name].kind is not Kind.FLAG:
            words += [f"-{name}", value or ""]
        elif value != "false":
            words.append(f"-{name}")
    return tuple(words), problems


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
            raise ValueError(f"{word!r} belongs to no option")
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
