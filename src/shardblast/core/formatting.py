"""BLAST+'s formatting options, applied to the stored result of a search that was run without them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from shardblast.core.errors import InputError
from shardblast.core.formats import PAIRWISE
from shardblast.core.options import SearchOptions, parse
from shardblast.core.units import counted

COUNTS = ("num_descriptions", "num_alignments")


@dataclass(frozen=True, slots=True)
class Printing:
    """BLAST+'s formatting options under its own names; None or False keeps the search's own value."""

    num_descriptions: int | None = None
    num_alignments: int | None = None
    line_length: int | None = None
    """Residues or bases in a line of an alignment."""
    html: bool = False
    show_gis: bool = False
    sorthits: int | None = None
    sorthsps: int | None = None

    @property
    def given(self) -> Mapping[str, str | None]:
        """The requested options, in the form of ``SearchOptions.given``."""
        return {name: None if value is True else str(value) for name, value in self._values.items()}

    def over(self, others: Printing) -> Printing:
        """Return these options, completed by the values of others."""
        return replace(others, **self._values)

    @classmethod
    def of(cls, words: Sequence[str]) -> Printing:
        """Return the options among BLAST+'s arguments for an output, without ``-outfmt``."""
        given = [field for field in fields(cls) if f"-{field.name}" in words]
        flags = {field.name for field in given if field.default is False}
        values: dict[str, Any] = {
            field.name: field.name in flags or int(_value(words, field.name) or 0) for field in given
        }
        return cls(**values)

    @property
    def _values(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None and value is not False}


def outfmt_of(words: Sequence[str]) -> str:
    """Return the ``-outfmt`` among BLAST+'s arguments for an output."""
    return _value(words, "outfmt") or str(PAIRWISE)


def commands(program: str, search: Sequence[str], output: Sequence[str]) -> list[list[str]]:
    """Return BLAST+ commands that print the same; numbers of hits go to ``blast_formatter``, as they limit searches."""
    if not any(f"-{name}" in output for name in COUNTS):
        return [[program, *search, *output]]
    kept = _value(search, "max_target_seqs")
    missing = [name for name in COUNTS if kept is not None and f"-{name}" not in output]
    counts = [word for name in missing for word in (f"-{name}", str(kept))]
    archive = "search.asn"
    return [
        [program, *search, "-outfmt", "11", "-out", archive],
        ["blast_formatter", "-archive", archive, *output, *counts],
    ]


def _value(words: Sequence[str], name: str) -> str | None:
    return words[words.index(f"-{name}") + 1] if f"-{name}" in words else None


def printed_with(options: SearchOptions, printing: Printing) -> SearchOptions:
    """Return a search's options, which have the requested ``-outfmt``, with formatting options applied.

    They print the hits that the search kept, as ``blast_formatter`` prints the archive of an unsharded run. If
    ``blastn`` and the other programs got the same numbers with the queries, they would also keep no more hits than the
    larger number.

    Raises InputError if the installed version does not accept a value, or the search kept too few hits for it.
    """
    counts = {name: int(text) for name, text in printing.given.items() if name in COUNTS and text is not None}
    _check_counts(options, counts)
    given = dict(printing.given)
    shown: dict[str, str | None] = {}
    if counts and options.has("max_target_seqs"):  # BLAST+ accepts either; a count that is not given keeps its value
        shown = dict.fromkeys(COUNTS, options.text("max_target_seqs"))
    argv = options.argv(drop={"max_target_seqs"} if shown else (), set=shown | given)
    return replace(parse(options.program, argv, options.arguments), ours=options.ours)


def _check_counts(options: SearchOptions, counts: Mapping[str, int]) -> None:
    """Raise an error if the counts would need hits that were not kept."""
    if not counts:
        return
    names = " and ".join(f"-{name}" for name in counts)
    if not options.outfmt.is_pairwise:
        problem = f"{names} would change what is found in format {options.outfmt.number}, not how it is printed."
        remedy = "Leave it out, print one of the formats 0 to 4, or submit the search with -max_target_seqs."
        raise InputError(problem, remedy=remedy)
    kept = options.max_target_seqs
    for name, wanted in counts.items():
        if wanted > kept:
            problem = f"-{name}: the search kept {counted(kept, 'subject')} per query, fewer than {wanted}."
            remedy = f"Request at most {kept}, or submit the search with -max_target_seqs {wanted}."
            raise InputError(problem, remedy=remedy)
