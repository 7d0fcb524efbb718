"""The table of output formats, and ``-outfmt`` parsed as BLAST+ does: a number, then columns and a delimiter."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from enum import StrEnum

from shardblast.core.errors import InputError

_STANDARD = "qaccver saccver pident length mismatch gapopen qstart qend sstart send evalue bitscore"
_OTHERS = (
    "qseqid qgi qacc qlen sseqid sallseqid sgi sallgi sacc sallacc slen qseq sseq score nident positive gaps ppos "
    "frames qframe sframe btop staxid ssciname scomname sblastname sskingdom staxids sscinames scomnames sblastnames "
    "sskingdoms stitle salltitles sstrand qcovs qcovhsp qcovus"
)
STANDARD_COLUMNS = tuple(_STANDARD.split())
"""The columns that ``std`` stands for."""
COLUMNS = frozenset({*STANDARD_COLUMNS, *_OTHERS.split()})
"""Every column of BLAST+ 2.12 to 2.17."""
PAIRWISE = 0
COMMENTED = 7
ARCHIVE = 11
SEQALIGN_JSON = 12
TAXONOMIC = 18
PAIRWISE_OPTIONS = ("num_descriptions", "num_alignments", "line_length", "sorthits", "html", "show_gis")
"""The formatting options of formats 0 to 4."""
_MEDIA_TYPES = {
    "xml": "application/xml",
    "tsv": "text/tab-separated-values",
    "csv": "text/csv",
    "json": "application/json",
}


class Syntax(StrEnum):
    """The syntax of a format."""

    PAIRWISE = "pairwise"
    TABULAR = "tabular"
    XML = "xml"
    JSON = "json"
    ASN = "asn"
    SAM = "sam"
    TAXONOMIC = "taxonomic"


@dataclass(frozen=True, slots=True)
class Format:
    """One output format of BLAST+: a row of the table that everything reads which handles formats."""

    number: int
    name: str
    """As ``-help`` of BLAST+ names it."""
    syntax: Syntax
    suffix: str = "txt"
    """The usual ending of a file's name, without a dot."""
    delimiter: str | None = None
    """Between columns, unless the user chooses another; None if the format is not tabular."""
    file_suffix: str | None = None
    """Ending of the files that it writes, one for each query, beside a list of them; None if it writes one file."""
    in_one_file: int | None = None
    """The format that prints the same in one file."""
    has_statistics: bool = True
    """Whether it prints masks or search statistics. An archive of such a format holds one query."""
    has_messages: bool = False
    """Whether it prints, query by query, what BLAST+ warned of."""
    same_without_search: bool = False
    """Whether it prints a query that can't be searched alike, whether other queries are searched with it or not."""
    blastn_only: bool = False

    @property
    def media_type(self) -> str:
        return _MEDIA_TYPES.get(self.suffix, "text/plain")

    @property
    def takes_columns(self) -> bool:
        """Whether words may follow the number."""
        return self.syntax in (Syntax.TABULAR, Syntax.SAM)

    @property
    def options(self) -> tuple[str, ...]:
        """The formatting options that change it, apart from ``-outfmt``."""
        if self.syntax is not Syntax.PAIRWISE:
            return ()
        return (*PAIRWISE_OPTIONS, "sorthsps") if self.number == PAIRWISE else PAIRWISE_OPTIONS

    @property
    def has_listed_ids(self) -> bool:
        """Whether it prints alignments with all that BLAST+ records in them, such as the id that a list named."""
        return self.syntax is Syntax.ASN or self.number == SEQALIGN_JSON


_FORMATS = (
    Format(0, "Pairwise", Syntax.PAIRWISE),
    Format(1, "Query-anchored showing identities", Syntax.PAIRWISE),
    Format(2, "Query-anchored no identities", Syntax.PAIRWISE),
    Format(3, "Flat query-anchored showing identities", Syntax.PAIRWISE),
    Format(4, "Flat query-anchored no identities", Syntax.PAIRWISE),
    Format(5, "BLAST XML", Syntax.XML, "xml", has_messages=True, same_without_search=True),
    Format(6, "Tabular", Syntax.TABULAR, "tsv", delimiter="\t", has_statistics=False, same_without_search=True),
    Format(COMMENTED, "Tabular with comment lines", Syntax.TABULAR, "tsv", delimiter="\t", has_statistics=False),
    Format(8, "Seqalign (Text ASN.1)", Syntax.ASN, "asn", has_statistics=False, same_without_search=True),
    Format(9, "Seqalign (Binary ASN.1)", Syntax.ASN, "asn", has_statistics=False, same_without_search=True),
    Format(10, "Comma-separated values", Syntax.TABULAR, "csv", ",", has_statistics=False, same_without_search=True),
    Format(ARCHIVE, "BLAST archive (ASN.1)", Syntax.ASN, "asn", same_without_search=True),
    Format(SEQALIGN_JSON, "Seqalign (JSON)", Syntax.JSON, "json", has_statistics=False, same_without_search=True),
    Format(13, "Multiple-file BLAST JSON", Syntax.JSON, "json", has_messages=True, file_suffix=".json", in_one_file=15),
    Format(14, "Multiple-file BLAST XML2", Syntax.XML, "xml", has_messages=True, file_suffix=".xml", in_one_file=16),
    Format(15, "Single-file BLAST JSON", Syntax.JSON, "json", has_messages=True),
    Format(16, "Single-file BLAST XML2", Syntax.XML, "xml", has_messages=True),
    Format(17, "Sequence Alignment/Map (SAM)", Syntax.SAM, "sam", same_without_search=True, blastn_only=True),
    Format(TAXONOMIC, "Organism Report", Syntax.TAXONOMIC),
)
FORMATS: Mapping[int, Format] = {one.number: one for one in _FORMATS}
"""The formats of the five programs by number. Format 19 belongs to igblastn. BLAST+ 2.17 alone prints format 20."""


_BLANKS = " \t\n\v\f\r"
_NUMBER = re.compile(r"[+-]?[0-9]{1,400}")


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """A parsed value of ``-outfmt``."""

    number: int
    columns: tuple[str, ...]
    """The distinct known columns in order, with ``std`` expanded; () if not tabular."""
    delimiter: str | None
    """The delimiter of columns: the value of ``delim=``, or the format's default; None if not tabular."""
    text: str
    """The user's text."""
    tokens: tuple[str, ...] = ()
    """The user's words after the number and ``delim=``; always () for formats that accept none."""

    @property
    def format(self) -> Format:
        """The row of the table."""
        return FORMATS[self.number]

    @property
    def is_tabular(self) -> bool:
        """Whether it prints a row for each HSP."""
        return self.format.syntax is Syntax.TABULAR

    @property
    def is_pairwise(self) -> bool:
        """Whether it counts descriptions and alignments (``-num_descriptions``), and not only subjects."""
        return self.format.syntax is Syntax.PAIRWISE

    @property
    def is_sam(self) -> bool:
        """Whether it is SAM, which only blastn prints and which holds the command line."""
        return self.format.syntax is Syntax.SAM

    @property
    def shows_query_length(self) -> bool:
        """Whether it shows how long the searched query is, or how much of it is covered, except in text for people."""
        if self.format.syntax in (Syntax.XML, Syntax.JSON):
            return self.number != SEQALIGN_JSON
        return not {"qlen", "qcovs", "qcovus"}.isdisjoint(self.columns)

    @property
    def writes_files(self) -> bool:
        """Whether it writes a file for each query, and a list of these files."""
        return self.format.file_suffix is not None

    def file_of(self, out: str, query: int) -> str:
        """Return the name of the file that this format writes for a query.

        Args:
            out: The value of ``-out``, which names the list of the files.
            query: 1-based.

        Source:
            NCBI C++ Toolkit, algo/blast/format/blast_format.cpp, s_GetBaseName(): removes the suffix of the format, in
            upper or lower case, before the number is added.
        """
        suffix = self.format.file_suffix or ""
        base = out[: -len(suffix)] if out.lower().endswith(suffix) else out
        return f"{base}_{query}{suffix}"


def parse_outfmt(text: str, columns: Set[str] = COLUMNS) -> OutputFormat:
    """Parse the value of ``-outfmt`` as BLAST+ does; ``columns`` are those of the installed version.

    BLAST+ is lenient. It ignores unknown columns, and it ignores ``delim=`` unless it follows the number and one blank.
    It removes a column written as ``-name``, prints a repeated column once, and prints ``std`` if no column is left.

    Raises:
        InputError: BLAST+ would fail. Formats that are not in FORMATS are rejected as well.

    Source:
        NCBI C++ Toolkit, blastinput/blast_args.cpp, CFormattingArgs::ParseFormattingString();
        align_format/tabular.cpp, CBlastTabularInfo::x_SetFieldsToShow(); and experiments.
    """
    choice, _, specification = text.strip(_BLANKS).partition(" ")
    number = _number(choice, text)
    custom, specification = _split_delimiter(specification)
    tokens = tuple(token for token in specification.split(" ") if token) if FORMATS[number].takes_columns else ()
    delimiter = FORMATS[number].delimiter
    if delimiter is None:
        return OutputFormat(number, (), None, text, tokens)
    return OutputFormat(number, _expand(tokens, columns), custom or delimiter, text, tokens)


def _number(choice: str, text: str) -> int:
    if _NUMBER.fullmatch(choice) and int(choice) in FORMATS:
        return int(choice)
    problem = f"-outfmt: {text!r} is not a valid output format."
    raise InputError(problem, remedy=f"Start it with a number from 0 to {max(FORMATS)}, then a blank, then columns.")


def _split_delimiter(specification: str) -> tuple[str, str]:
    """Return the delimiter ("" for the format's default) and the rest; BLAST+ checks it in every format."""
    if not specification.startswith("delim"):
        return "", specification
    word, _, rest = specification.partition(" ")
    _, sign, delimiter = word.partition("=")
    if not sign:
        raise InputError(f"-outfmt: {word!r} names no delimiter.", remedy="Write it as delim=, for example.")
    return delimiter, rest


def _expand(tokens: tuple[str, ...], known: Set[str]) -> tuple[str, ...]:
    # In a dict, a key that is removed and added again moves to the end, as in BLAST+'s list.
    shown: dict[str, None] = {}
    for token in tokens:
        if token == "std":
            shown |= dict.fromkeys(STANDARD_COLUMNS)
        elif token.startswith("-"):
            shown.pop(token[1:], None)
        elif token in known:
            shown.setdefault(token)
    return tuple(shown) or STANDARD_COLUMNS
