"""The matrix of searches: programs, formats, kinds of databases, options, numbers of shards and batches."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations

from shardblast.core.formats import COLUMNS
from tests.databases import KINDS
from tests.identity.comparison import PROGRAMS, arguments
from tests.identity.covering import Case, covering_array, pairs, required

N, P, X, TN, TX = PROGRAMS
EVERY_COLUMN = " ".join(sorted(COLUMNS))
FORMATS = (
    *(str(number) for number in (*range(11), *range(12, 19))),
    *(f"{number} {EVERY_COLUMN}" for number in (6, 7, 10)),
    "17 SQ",
)
OPTIONS = {
    "-evalue 1e-10": PROGRAMS,
    "-evalue 1000": PROGRAMS,
    "-subject_besthit": (N, P, X, TN),
    "-searchsp 100000000": PROGRAMS,
    "-dbsize 5000000": PROGRAMS,
    "-soft_masking true": PROGRAMS,
    "-soft_masking false": PROGRAMS,
    "-num_threads 2": PROGRAMS,
    "-window_size 20": PROGRAMS,
    "-window_size 0": PROGRAMS,
    "-max_target_seqs 1": PROGRAMS,
    "-max_target_seqs 5": PROGRAMS,
    "-max_target_seqs 1000": PROGRAMS,
    "-qcov_hsp_perc 60": (N, TX),
    "-max_hsps 1": (N, P),
    "-max_hsps 3": (N, P),
    "-task blastn": (N,),
    "-task dc-megablast": (N,),
    "-task dc-megablast -template_type optimal -template_length 16": (N,),
    "-task dc-megablast -off_diagonal_range 3": (N,),
    "-task blastn-short": (N,),
    "-word_size 7": (N,),
    "-word_size 32": (N,),
    "-dust no": (N,),
    "-dust yes": (N,),
    "-dust '10 30 2'": (N,),
    "-perc_identity 95": (N,),
    "-reward 2 -penalty -3 -gapopen 5 -gapextend 2": (N,),
    "-no_greedy -gapopen 5 -gapextend 2": (N,),
    "-ungapped": (N,),
    "-sum_stats true": (N,),
    "-min_raw_gapped_score 100": (N,),
    "-xdrop_ungap 10 -xdrop_gap 15 -xdrop_gap_final 50": (N,),
    "-use_index false": (N,),
    "-strand plus": (N, X, TX),
    "-strand minus": (N, X, TX),
    "-task blastp-fast": (P,),
    "-task blastp-short -evalue 1000": (P,),
    "-word_size 2": (P,),
    "-word_size 6 -threshold 21": (P,),
    "-threshold 14": (P,),
    "-gapopen 9 -gapextend 1": (P,),
    "-matrix BLOSUM45": (P,),
    "-matrix PAM30 -gapopen 9 -gapextend 1": (P,),
    "-comp_based_stats 0": (P, X, TN),
    "-comp_based_stats 1": (P, X, TN),
    "-comp_based_stats 2": (P,),
    "-comp_based_stats 3": (P, X, TN),
    "-comp_based_stats F": (P,),
    "-comp_based_stats D": (P,),
    "-comp_based_stats 0 -ungapped": (P, X, TN),
    "-seg yes": (P, TN),
    "-seg no": (P, X, TX),
    "-seg '10 1.0 1.5'": (P,),
    "-use_sw_tback": (P, X),
    "-xdrop_ungap 5 -xdrop_gap 12 -xdrop_gap_final 30": (P,),
    "-query_gencode 11": (X,),
    "-sum_stats false": (X, TN, TX),
    "-sum_stats false -max_hsps 1": (TN,),
    "-max_intron_length 200": (X, TN),
    "-task blastx-fast": (X,),
    "-task tblastn-fast": (TN,),
    "-db_gencode 4": (TN,),
    "-query_gencode 5 -db_gencode 11": (TX,),
    "-html": PROGRAMS,
    "-show_gis": PROGRAMS,
    "-num_descriptions 3": PROGRAMS,
    "-num_alignments 4": PROGRAMS,
    "-line_length 43": PROGRAMS,
    "-sorthits 3 -sorthsps 2": PROGRAMS,
}
"""Options that shards obey, each with the programs that take it."""
EXCLUSIVE = (
    ("-max_target_seqs", "-num_descriptions"),
    ("-max_target_seqs", "-num_alignments"),
    ("-task dc-megablast", "-word_size"),
    ("-task dc-megablast -off_diagonal_range 3", "-window_size 0"),
    ("-task blastn-short", "-word_size 32"),
    ("-matrix BLOSUM45", "-gapopen 9"),
    ("-use_sw_tback", "-comp_based_stats 0 -ungapped"),
    ("-use_sw_tback", "-sum_stats false"),
    ("-use_sw_tback", "-task blastp-short"),
    ("-use_sw_tback", "-evalue 1000"),
    ("-use_sw_tback", "-window_size 0"),  # of blastx with composition-based statistics
    ("-use_sw_tback", "-num_threads 2"),  # six runs of blastp 2.12 alone gave four outputs
    ("-task blastp-fast", "-threshold 14"),
    ("-qcov_hsp_perc", "-ungapped"),
    ("-word_size 32", "-strand"),
    ("-max_hsps", "-sum_stats true"),
)
"""Options that BLAST+ does not take together or crashes with, that find nothing or take long together, or that keep it
uncut."""
MAY_BE_UNCUT = ("-ungapped", "blastn-short", "-no_greedy", "-sum_stats true", "-soft_masking false")
"""Whether they are cut depends on the program, the format, the source of the parameters, or batches."""
OPTIONS_OF_A_CASE = 8
KIND = ("layout", "version", "ids")
KIND_OF = {
    (
        re.sub("^v[45]|-ids$", "", kind),
        "v4" if kind.startswith("v4") else "v5",
        "ids" if "ids" in kind else "no ids",
    ): kind
    for kind in KINDS
}
"""The kinds of databases by their factors. An empty layout is that of a single volume."""
FACTORS = {
    "options": tuple(OPTIONS),
    "format": FORMATS,
    "layout": tuple(dict.fromkeys(layout for layout, _, _ in KIND_OF)),
    "program": PROGRAMS,
    "version": ("v5", "v4"),
    "ids": ("no ids", "ids"),
    "shards": ("2", "1", "4"),
    "batch": ("5000", "3"),
}
"""A case takes several ``options``; it takes the first values where none is needed."""


@dataclass(frozen=True, slots=True)
class Searched:
    """A search of the matrix."""

    program: str
    kind: str
    outfmt: str
    shards: int
    batch_queries: int
    options: tuple[str, ...]

    @classmethod
    def of(cls, case: Case) -> Searched:
        values = {name: value for name, value in case if name != "options"}
        options = tuple(one for one in OPTIONS if ("options", one) in case)
        kind = (values["layout"], values["version"], values["ids"])
        shards, batch = int(values["shards"]), int(values["batch"])
        return cls(values["program"], KIND_OF[kind], values["format"], shards, batch, options)

    @property
    def words(self) -> list[str]:
        """The format and the options, except those that the installed version does not have."""
        known = arguments(self.program)
        options = (option for option in self.options if all(name in known for name in names_of(option)))
        return ["-outfmt", self.outfmt, *shlex.split(" ".join(options))]

    @property
    def may_be_uncut(self) -> bool:
        return any(word in option for word in MAY_BE_UNCUT for option in self.options)

    def __str__(self) -> str:
        outfmt = self.outfmt.replace(EVERY_COLUMN, "every")
        return f"{self.program} {outfmt} {self.kind} {self.shards}x{self.batch_queries} {' '.join(self.options)}"


def fits(case: Case) -> bool:
    """Say whether BLAST+ takes these values together."""
    programs = {value for name, value in case if name == "program"}
    options = [value for name, value in case if name == "options"]
    if len(programs) > 1:
        return False
    database = {(name, value) for name, value in case if name in KIND}
    if not any(database <= set(zip(KIND, one, strict=True)) for one in KIND_OF):
        return False
    if any(name == "format" and value.startswith("17") for name, value in case) and programs - {N}:
        return False
    takers = [set(OPTIONS[option]) for option in options]
    if not set(programs or PROGRAMS).intersection(*takers):
        return False
    return not any(frozenset(two) in clashes() for two in combinations(options, 2))


@cache
def clashes() -> frozenset[frozenset[str]]:
    """Return every two options that no case takes together."""
    return frozenset(
        frozenset(two)
        for two in combinations(OPTIONS, 2)
        if set(names_of(two[0])) & set(names_of(two[1]))
        or any(all(any(option.startswith(start) for option in two) for start in both) for both in EXCLUSIVE)
    )


@cache
def names_of(option: str) -> tuple[str, ...]:
    """Return the names of the options of a text, without dashes."""
    return tuple(word[1:] for word in shlex.split(option) if word.startswith("-") and word[1:2].isalpha())


@cache
def array(program: str | None = None, outfmt: str | None = None) -> tuple[Case, ...]:
    """Return cases in which every two values meet, of one program and format if they are given.

    For all programs and formats, every option meets every format, but not with each of its values.
    """
    given = {"program": program, "format": outfmt}
    factors = {name: (only,) if (only := given.get(name)) else values for name, values in FACTORS.items()}
    wanted = required(factors, [KIND, *pairs(factors)])
    if program is None:
        wanted = (one for one in wanted if meets_its_format(dict(one)))
    return tuple(covering_array(factors, wanted, fits, {"options": OPTIONS_OF_A_CASE}))


def meets_its_format(values: Mapping[str, str]) -> bool:
    """Say whether an option and a format must meet, where the texts of an option take turns with the formats."""
    option, outfmt = values.get("options"), values.get("format")
    if option is None or outfmt is None:
        return True
    takers = [one for one in same_option(option) if N in OPTIONS[one] or not outfmt.startswith("17")]
    return bool(takers) and takers[FORMATS.index(outfmt) % len(takers)] == option


@cache
def same_option(option: str) -> tuple[str, ...]:
    """Return every text of OPTIONS that begins with the same option."""
    return tuple(one for one in OPTIONS if names_of(one)[0] == names_of(option)[0])


def searches(program: str | None = None, outfmt: str | None = None) -> list[Searched]:
    """Return the searches of these cases."""
    return [Searched.of(case) for case in array(program, outfmt)]
