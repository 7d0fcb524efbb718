"""What the parameters of NCBI's BLAST Common URL API mean as options of BLAST+."""

from __future__ import annotations

from collections.abc import Mapping

from shardblast.core.errors import InputError
from shardblast.core.outfmt import parse_outfmt
from shardblast.core.permitted import OptionValue
from shardblast.core.printing import Printing

FORMATS = {
    "TEXT": "0",
    "HTML": "0",
    "XML": "5",
    "XML2": "16",
    "XML2_S": "16",
    "JSON2": "15",
    "JSON2_S": "15",
    "TABULAR": "7",
    "ASN.1": "8",
}
VIEWS = {
    "PAIRWISE": "0",
    "QUERYANCHORED": "1",
    "QUERYANCHOREDNOIDENTITIES": "2",
    "FLATQUERYANCHORED": "3",
    "FLATQUERYANCHOREDNOIDENTITIES": "4",
    "TABULAR": "7",
}
"""ALIGNMENT_VIEW of Text and HTML."""
OPTIONS = {
    "EXPECT": "evalue",
    "HITLIST_SIZE": "max_target_seqs",
    "WORD_SIZE": "word_size",
    "NUCL_PENALTY": "penalty",
    "NUCL_REWARD": "reward",
    "MATRIX_NAME": "matrix",
    "MATRIX": "matrix",
    "PERC_IDENT": "perc_identity",
    "THRESHOLD": "threshold",
    "GENETIC_CODE": "query_gencode",
    "DB_GENETIC_CODE": "db_gencode",
    "COMPOSITION_BASED_STATISTICS": "comp_based_stats",
    "SEARCHSP_EFF": "searchsp",
    "TEMPLATE_LENGTH": "template_length",
    "TEMPLATE_TYPE": "template_type",
}
NOT_HERE = ("ENTREZ_QUERY", "PHI_PATTERN", "OTHER_ADVANCED", "QUERY_FILE")
"""Parameters that change what is found, and that only NCBI can obey."""
SERVICES = ("", "plain", "megablast")
NUCLEOTIDE_PROGRAM = "blastn"
LONGEST_NUMBER = 10
"""Digits."""
NO_QUERY = "(none)"
"""What Biopython sends as ENTREZ_QUERY where there is none."""
PAGE = "HTML"


def outfmt_of(values: Mapping[str, str]) -> str:
    """Return the format that FORMAT_TYPE and, for text, ALIGNMENT_VIEW ask for.

    Raises:
        InputError: There is no such type or view.
    """
    kind = values.get("FORMAT_TYPE", PAGE).upper()
    view = values.get("ALIGNMENT_VIEW", "Pairwise").upper()
    if kind not in FORMATS:
        raise InputError(f"FORMAT_TYPE {kind!r} is unknown.", remedy=f"Use one of {', '.join(FORMATS)}.")
    if view not in VIEWS:
        raise InputError(f"ALIGNMENT_VIEW {view!r} is unknown.", remedy=f"Use one of {', '.join(VIEWS)}.")
    return VIEWS[view] if kind in ("TEXT", PAGE) else FORMATS[kind]


def is_page(values: Mapping[str, str]) -> bool:
    """Say whether a page for a browser is asked for, as it is unless something else is."""
    return values.get("FORMAT_TYPE", PAGE).upper() == PAGE


def printing_of(values: Mapping[str, str], outfmt: str, kept: int) -> Printing:
    """Return how much is to be shown of what was kept; more than that is no error here, since clients always ask."""
    if not parse_outfmt(outfmt).is_pairwise:
        return Printing()
    descriptions, alignments = (_count(values, name, kept) for name in ("DESCRIPTIONS", "ALIGNMENTS"))
    return Printing(descriptions, alignments, show_gis=_is_on(values, "NCBI_GI"))


def _count(values: Mapping[str, str], name: str, most: int) -> int | None:
    text = values.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < LONGEST_NUMBER):
        raise InputError(f"{name}: {text!r} is no number.", remedy="Give how many are to be shown.")
    return min(int(text), most)


def options_of(program: str, values: Mapping[str, str]) -> dict[str, OptionValue]:
    """Return BLAST+'s options for the parameters; those that only NCBI's pages know are passed over, as NCBI does."""
    options: dict[str, OptionValue] = {
        OPTIONS[name]: value for name, value in values.items() if name in OPTIONS and value
    }
    if "comp_based_stats" in options:
        told = str(options["comp_based_stats"]).lower()
        options["comp_based_stats"] = {"off": "0", "no": "0", "on": "2", "yes": "2"}.get(told, told)
    if task := values.get("TASK", "").lower():
        options["task"] = task
    elif program == NUCLEOTIDE_PROGRAM:
        megablast = _is_on(values, "MEGABLAST") or values.get("SERVICE", "").lower() == "megablast"
        options["task"] = "megablast" if megablast else "blastn"
    if gaps := values.get("GAPCOSTS", "").split():
        options |= dict(zip(("gapopen", "gapextend"), gaps, strict=False))
    if _is_on(values, "UNGAPPED_ALIGNMENT"):
        options["ungapped"] = True
    if _is_on(values, "LCASE_MASK"):
        options["lcase_masking"] = True
    if masking := _masking(program, values.get("FILTER", "")):
        options[masking[0]] = masking[1]
    if values.get("QUERY_FROM") and values.get("QUERY_TO"):
        options["query_loc"] = f"{values['QUERY_FROM']}-{values['QUERY_TO']}"
    return options


def check_service(values: Mapping[str, str]) -> None:
    """Refuse what would be silently left out of the search.

    Raises:
        InputError: Something is asked for that is not done here.
    """
    service = values.get("SERVICE", "").lower()
    if service not in SERVICES:
        raise InputError(f"SERVICE {service!r} is not offered here.", remedy="Use plain or megablast.")
    for name in NOT_HERE:
        if values.get(name, "").strip() not in ("", NO_QUERY):
            raise InputError(f"{name} is not obeyed here.", remedy="Leave it out.")


def _is_on(values: Mapping[str, str], name: str) -> bool:
    return values.get(name, "").lower() in ("on", "yes", "true", "t")


def _masking(program: str, text: str) -> tuple[str, str] | None:
    if not text or text.upper() == "NONE":
        return None
    name = "dust" if program == NUCLEOTIDE_PROGRAM else "seg"
    return name, "no" if text.upper()[0] == "F" else "yes"
