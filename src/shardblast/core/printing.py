"""How a stored result is printed: BLAST+'s options of printing, for a search that was made without them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shardblast.core.errors import InputError
from shardblast.core.options import SearchOptions, parse

COUNTS = ("num_descriptions", "num_alignments")
NUMBERS = (*COUNTS, "line_length", "sorthits", "sorthsps")
FLAGS = ("html", "show_gis")
LIST = "max_target_seqs"
FORMAT = "outfmt"
PAIRWISE = "0"
"""What is printed when nothing else is asked for."""


@dataclass(frozen=True, slots=True)
class Printing:
    """BLAST+'s options of printing, by its names; None and False: as the search has it."""

    num_descriptions: int | None = None
    num_alignments: int | None = None
    line_length: int | None = None
    """Letters."""
    html: bool = False
    show_gis: bool = False
    sorthits: int | None = None
    sorthsps: int | None = None

    @property
    def given(self) -> Mapping[str, str | None]:
        """The options that are asked for, as ``SearchOptions`` holds them."""
        numbers = ((name, getattr(self, name)) for name in NUMBERS)
        flags = [name for name in FLAGS if getattr(self, name)]
        return {name: str(value) for name, value in numbers if value is not None} | dict.fromkeys(flags)

    def over(self, others: Printing) -> Printing:
        """Return these options, and where one is not asked for that of others."""
        asked = {name: getattr(self, name) for name in (*NUMBERS, *FLAGS)}
        return replace(
            others, **{name: value for name, value in asked.items() if value is not None and value is not False}
        )

    @classmethod
    def of(cls, words: Sequence[str]) -> Printing:
        """Return the options among BLAST+'s words for an output, but for ``-outfmt``."""
        numbers: dict[str, Any] = {name: int(_value(words, name) or 0) for name in NUMBERS if f"-{name}" in words}
        return cls(**numbers, **{name: True for name in FLAGS if f"-{name}" in words})


def outfmt_of(words: Sequence[str]) -> str:
    """Return the ``-outfmt`` among BLAST+'s words for an output."""
    return _value(words, FORMAT) or PAIRWISE


def commands(program: str, search: Sequence[str], output: Sequence[str]) -> list[list[str]]:
    """Return the commands of BLAST+ that print what a search prints.

    Numbers of descriptions or alignments would also change what is found, so that ``blast_formatter`` takes them.

    Args:
        program: Its name.
        search: Its words.
        output: Words for its output.
    """
    if not any(f"-{name}" in output for name in COUNTS):
        return [[program, *search, *output]]
    kept = _value(search, LIST)
    left = [name for name in COUNTS if kept is not None and f"-{name}" not in output]
    others = [word for name in left for word in (f"-{name}", str(kept))]
    archive = "search.asn"
    return [
        [program, *search, "-outfmt", "11", "-out", archive],
        ["blast_formatter", "-archive", archive, *output, *others],
    ]


def _value(words: Sequence[str], name: str) -> str | None:
    return words[words.index(f"-{name}") + 1] if f"-{name}" in words else None


def printed_with(options: SearchOptions, printing: Printing) -> SearchOptions:
    """Return a search's options with those of printing.

    They print the hits that the search kept, as ``blast_formatter`` prints the archive of an unsharded run. ``blastn``
    and the others given the same numbers together with the queries would also keep a list that is no longer than the
    larger of the two.

    Args:
        options: Of the search, with the wanted ``-outfmt``.
        printing: What is asked for.

    Raises:
        InputError: The installed version does not take a value, or there is nothing in the search to print for it.
    """
    counts = {name: int(text) for name, text in printing.given.items() if name in COUNTS and text is not None}
    _check_counts(options, counts)
    given = dict(printing.given)
    shown: dict[str, str | None] = {}
    if counts and options.has(LIST):  # BLAST+ takes either the one or the others, and what is not asked for stays
        shown = dict.fromkeys(COUNTS, options.text(LIST))
    argv = options.argv(drop={LIST} if shown else (), set=shown | given)
    return replace(parse(options.program, argv, options.arguments), ours=options.ours)


def _check_counts(options: SearchOptions, counts: Mapping[str, int]) -> None:
    """Refuse what would need hits that were not kept."""
    if not counts:
        return
    names = " and ".join(f"-{name}" for name in counts)
    if not options.outfmt.is_pairwise:
        raise InputError(
            f"{names} would change what is found in format {options.outfmt.number}, not how it is printed.",
            remedy="Leave it out, print one of the formats 0 to 4, or submit the search with -max_target_seqs.",
        )
    kept = options.max_target_seqs
    for name, wanted in counts.items():
        if wanted > kept:
            raise InputError(
                f"-{name}: the search kept {kept} subjects for each query, fewer than {wanted}.",
                remedy=f"Ask for at most {kept}, or submit the search with -max_target_seqs {wanted}.",
            )
