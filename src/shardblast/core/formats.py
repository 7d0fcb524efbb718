"""Parses ``-outfmt`` exactly as BLAST+ does: a number and, for tabular formats, columns and a delimiter."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass

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
"""Every column of BLAST+ 2.12 to 2.16."""
LAST_PAIRWISE = 4
"""The last format that limits descriptions and alignments; later formats limit only subjects."""
SAM = 17
MANY_FILES: Mapping[int, str] = {13: ".json", 14: ".xml"}
"""Formats that write a file for each query and a list of these files, with the suffix of the queries' files."""

_LAST = 18
_DELIMITERS = {6: "\t", 7: "\t", 10: ","}
_CUSTOMIZABLE = frozenset({*_DELIMITERS, SAM})
_BLANKS = " \t\n\v\f\r"
_NUMBER = re.compile(r"[+-]?[0-9]{1,400}")

PAIRWISE = 0
COMMENTED = 7
ARCHIVE = 11
JSON = frozenset({13, 15})
XML = frozenset({5, 14, 16})
WITH_MESSAGES = JSON | XML
"""Formats that print the warnings for each query."""
WITHOUT_STATISTICS = frozenset({6, 7, 8, 9, 10, 12})
"""Formats that print neither masks nor search statistics, so that one archive may hold many queries."""


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
    def is_tabular(self) -> bool:
        """Whether it is 6, 7 or 10, which print a row for each HSP."""
        return self.delimiter is not None

    @property
    def is_pairwise(self) -> bool:
        """Whether it is one of 0 to 4, the only formats to which ``-num_descriptions`` applies."""
        return self.number <= LAST_PAIRWISE

    def file_of(self, out: str, query: int) -> str:
        """Return the name of the file that one of MANY_FILES writes for a query.

        Args:
            out: The value of ``-out``, which names the list of the files.
            query: 1-based.

        Source:
            NCBI C++ Toolkit, algo/blast/format/blast_format.cpp, s_GetBaseName(): removes the suffix of the format, in
            upper or lower case, before the number is added.
        """
        suffix = MANY_FILES[self.number]
        base = out[: -len(suffix)] if out.lower().endswith(suffix) else out
        return f"{base}_{query}{suffix}"


def parse_outfmt(text: str, columns: Set[str] = COLUMNS) -> OutputFormat:
    """Parse the value of ``-outfmt`` as BLAST+ does; ``columns`` are those of the installed version.

    BLAST+ is lenient. It ignores unknown columns, and it ignores ``delim=`` unless it follows the number and one blank.
    It removes a column written as ``-name``, prints a repeated column once, and prints ``std`` if no column is left.

    Raises:
        InputError: BLAST+ would fail. Formats for other programs (19 and 20) and formats of later versions are
            rejected as well.

    Source:
        NCBI C++ Toolkit, blastinput/blast_args.cpp, CFormattingArgs::ParseFormattingString();
        align_format/tabular.cpp, CBlastTabularInfo::x_SetFieldsToShow(); and experiments.
    """
    choice, _, specification = text.strip(_BLANKS).partition(" ")
    number = _number(choice, text)
    custom, specification = _split_delimiter(specification)
    tokens = tuple(token for token in specification.split(" ") if token) if number in _CUSTOMIZABLE else ()
    if number not in _DELIMITERS:
        return OutputFormat(number, (), None, text, tokens)
    return OutputFormat(number, _expand(tokens, columns), custom or _DELIMITERS[number], text, tokens)


def _number(choice: str, text: str) -> int:
    if _NUMBER.fullmatch(choice) and 0 <= int(choice) <= _LAST:
        return int(choice)
    raise InputError(
        f"-outfmt: {text!r} is not a valid output format.",
        remedy=f"Start it with a number from 0 to {_LAST}, then a blank, then columns.",
    )


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
