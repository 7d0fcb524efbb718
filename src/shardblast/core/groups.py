"""Groups of BLAST+'s options by what they mean to a search in shards: the same there, or why not."""

from __future__ import annotations

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
"""Safe as long as ``-use_index`` is false, which makes BLAST+ ignore the other."""
STATISTICS_OPTIONS = frozenset({"evalue", "dbsize", "searchsp", "sum_stats"})
"""Safe since each shard gets the whole database's statistics, and these override them alike in every shard."""
HIT_LIMITS = frozenset({"max_target_seqs", "max_hsps", "perc_identity", "qcov_hsp_perc", "subject_besthit"})
"""Those that look at one subject at a time, and the number of subjects, which the merge cuts to."""
PRINTING_OPTIONS = frozenset({"out", "outfmt", "html", "show_gis", "line_length", "sorthits", "sorthsps"})
PRINTED_HITS = frozenset({"num_descriptions", "num_alignments"})
BY_TOTAL_SCORE = 2
"""Of ``-sorthits``."""
SEQID_FILTERS = frozenset({"seqidlist", "negative_seqidlist"})
TAXID_FILTERS = frozenset({"taxids", "taxidlist", "negative_taxids", "negative_taxidlist"})
FILTER_OPTIONS = SEQID_FILTERS | TAXID_FILTERS | {"no_taxid_expansion"}
"""Safe since BLAST+ is asked once what they leave of the whole database."""
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
"""Every option known to mean the same for a shard as for the whole database."""

HIT_COMPARISONS = frozenset({"culling_limit", "best_hit_overhang", "best_hit_score_edge"})
NUMBER_FILTERS = frozenset({"gilist", "ipglist", "negative_gilist", "negative_ipglist"})
DATABASE_MASKS = frozenset({"db_soft_mask", "db_hard_mask"})
SUBJECT_OPTIONS = frozenset({"subject", "subject_loc"})
REMOTE_OPTIONS = frozenset({"remote", "entrez_query"})
STRATEGY_OPTIONS = frozenset({"import_search_strategy", "export_search_strategy", "in_pssm"})
INFORMATION_OPTIONS = frozenset({"h", "help", "version"})

_WHY: tuple[tuple[frozenset[str], str], ...] = (
    (HIT_COMPARISONS, "compares hits of different subjects, which may lie in different shards"),
    (NUMBER_FILTERS, "lists numbers that databases made by makeblastdb do not hold, so it can't be tested here"),
    (QUERY_PARTS, "prints lengths and coverage of a part, and leaves out queries that do not reach it"),
    (DATABASE_MASKS, "masks the database by data that shards do not carry yet"),
    (SUBJECT_OPTIONS, "searches sequences that are no database"),
    (REMOTE_OPTIONS, "searches at NCBI"),
    (STRATEGY_OPTIONS, "keeps options or a query in a file that only BLAST+ itself reads or writes"),
    (INFORMATION_OPTIONS, "asks for information, not for a search"),
)


def why_unsplittable(name: str) -> str | None:
    """Return a sentence on an option that no shard can obey exactly; None if shards can."""
    for names, why in _WHY:
        if name in names:
            return f"-{name} {why}."
    return None if name in SPLITTABLE else f"-{name} is not known here, so it is left to BLAST+."
