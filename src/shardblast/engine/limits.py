"""The options of a search's pieces: as the user's, but for lists long enough to merge and to find candidates."""

from __future__ import annotations

from dataclasses import dataclass

from shardblast.core.groups import FILTER_OPTIONS
from shardblast.core.options import SearchOptions
from shardblast.core.program import Program

OWN = frozenset({"query", "db", "num_threads", "mt_mode", "outfmt", "out"}) | FILTER_OPTIONS
"""Options that every piece has its own values for; what filters leave of the database is said in its alias."""
PRINTING = frozenset(
    ["html", "show_gis", "line_length", "sorthits", "sorthsps", "num_descriptions", "num_alignments", "max_target_seqs"]
)
"""Options that say how hits are printed, of no meaning to a piece."""
AFTER_THE_CUT = frozenset({"perc_identity", "qcov_hsp_perc"})
"""Options that drop hits after the preliminary cut, so that few hits can hide many candidates."""
PER_SUBJECT = frozenset({"max_hsps", "subject_besthit"})
"""Options that drop HSPs of a subject, never the subject."""
CANDIDATE_EVALUE_FACTOR = 100.0
"""A candidate can have a final E-value that much larger than a preliminary one: ambiguous letters cost it score."""
SAMPLE_EVALUE_FACTOR = 10.0
"""With composition-based statistics the preliminary stage lets pass what is several times as expected as the user's
limit."""
DEFAULT_EVALUES = {True: 1000.0, False: 10.0}
"""The largest default of any task, of blastn (blastn-short) and of the others."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many subjects pieces keep, and with which options they search."""

    max_target_seqs: int
    """What the user wants to see."""
    shard_limit: int
    """What a piece keeps: of a shard one more, so that a list of just the user's length is known not to be cut."""
    composition_based: bool
    """Whether composition-based statistics drop and reorder hits, so that candidates can't be told from hits."""
    always_research: bool
    """Whether few hits prove nothing, because the user's filters come after the preliminary cut."""
    linked: bool
    """Whether a query's E-values depend on the queries that BLAST+ searches together with it."""
    hit_argv: list[str]


def limits_of(options: SearchOptions, *, whole: bool = False) -> Limits:
    """Return the limits for a search; ``whole`` is one of the whole database, where BLAST+ makes its own cut."""
    wanted = options.max_target_seqs
    kept = wanted if whole else wanted + 1
    return Limits(
        wanted,
        kept,
        options.composition_based,
        any(options.has(name) for name in AFTER_THE_CUT),
        options.shares_statistics,
        piece_argv(options, kept),
    )


def candidate_argv(options: SearchOptions, limit: int) -> list[str]:
    """Return options under which every subject is found that passes the preliminary stage of the user's search."""
    evalue = CANDIDATE_EVALUE_FACTOR * _evalue(options)
    drop = OWN | PRINTING - {"max_target_seqs"} | AFTER_THE_CUT | PER_SUBJECT - {"max_hsps"}
    return options.argv(drop=drop, set={"max_target_seqs": str(limit), "evalue": f"{evalue:g}", "max_hsps": "1"})


def sample_argv(options: SearchOptions) -> list[str]:
    """Return options that show what passes the preliminary stage of a search with composition-based statistics."""
    evalue = SAMPLE_EVALUE_FACTOR * _evalue(options)
    drop = OWN | PRINTING - {"max_target_seqs"} | AFTER_THE_CUT | {"subject_besthit", "use_sw_tback"}
    changes = {"max_target_seqs": "1000", "evalue": f"{evalue:g}", "max_hsps": "1", "comp_based_stats": "0"}
    return options.argv(drop=drop, set=changes)


def piece_argv(options: SearchOptions, max_target_seqs: int) -> list[str]:
    """Return the user's options for a piece that keeps so many subjects."""
    drop = OWN | PRINTING - {"max_target_seqs"}
    return options.argv(drop=drop, set={"max_target_seqs": str(max_target_seqs)})


def _evalue(options: SearchOptions) -> float:
    given = options.value("evalue")
    return float(given) if isinstance(given, int | float) else DEFAULT_EVALUES[options.program is Program.BLASTN]
