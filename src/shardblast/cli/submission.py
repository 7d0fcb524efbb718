"""What ``submit`` and ``preflight`` send: BLAST+'s words as they stand, and the queries, from a file or a pipe."""

from __future__ import annotations

import shlex
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from os import fstat
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, cast

from shardblast.core.errors import InputError, OutputError, UsageError
from shardblast.core.groups import NUMBER_FILTERS, STRATEGY_OPTIONS
from shardblast.core.lists import LISTS
from shardblast.core.outfmt import parse_outfmt

STANDARD_INPUT = "-"
FILES = NUMBER_FILTERS | STRATEGY_OPTIONS | {"subject", "filtering_db", "window_masker_db", "index_name", "in_msa"}
"""Options of BLAST+ that name files where it runs; the service would look for them on its own machine."""


@dataclass(frozen=True, slots=True)
class Submission:
    """A search that is wanted."""

    fields: Mapping[str, str]
    """As the service's form has them."""
    query: str
    """A file, or ``-`` for standard input."""
    lists: Mapping[str, str]
    """Files of ids or taxids, whose content is sent, by the option that names them."""


def without_lists(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return BLAST+'s words but for those that name lists of ids or taxids, and these lists by their options.

    Raises:
        InputError: One of these has no value, or comes twice.
    """
    others: list[str] = []
    lists: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        name, sign, file = word[1:].partition("=")
        if not word.startswith("-") or name not in LISTS:
            others.append(word)
            continue
        file = file if sign else next(rest, "")
        if not file or name in lists:
            raise InputError(f"-{name} needs one file.", remedy="Write its name after it, once.")
        lists[name] = file
    return others, lists


def options_text(words: Sequence[str]) -> str:
    """Return BLAST+'s options as one command line for the service, which judges them.

    Args:
        words: As they stand on our command line, but for those that name lists.

    Raises:
        InputError: One of them names a file of this machine.
        UsageError: One has two dashes and is none of ours.
    """
    for word in words:
        if word.startswith("--"):
            raise UsageError(f"Unknown option {word!r}.", remedy="BLAST+'s options have one dash.")
        name = word[1:].partition("=")[0]
        if word.startswith("-") and name in FILES:
            problem = f"-{name} names a file of this machine, which the service does not take."
            raise InputError(problem, remedy="Leave it out, or search here: shardblast without submit.")
    return shlex.join(words)


def all_words(words: Sequence[str], options: str) -> list[str]:
    """Return BLAST+'s words, as they stand on our command line and in the value of ``--options``.

    Raises:
        UsageError: The quotes of the latter do not match.
    """
    try:
        return [*words, *shlex.split(options)]
    except ValueError as error:
        raise UsageError(f"--options can't be read: {error}.", remedy="Check its quotes.") from error


def query_source(query: str | None) -> str:
    """Return where the queries are: without ``-query`` on standard input, as for BLAST+, unless somebody types there.

    Raises:
        UsageError: Standard input is a terminal, and nobody said that it is meant.
    """
    if query is None and sys.stdin is not None and sys.stdin.isatty():
        raise UsageError("There are no queries.", remedy="Name a file with -query, or send FASTA to standard input.")
    return STANDARD_INPUT if query is None else query


def check_printing(outfmt: str | None, out: str | None, *, wait: bool) -> bool:
    """Say whether a result is to be printed; what would keep it from that is said before the search, not after it.

    Raises:
        UsageError: Nobody waits for the result.
        InputError: There is no such format.
        OutputError: There is no folder for the file.
    """
    if outfmt is None and out is None:
        return False
    if not wait:
        raise UsageError("-outfmt and -out need --wait.", remedy="Add it, or give them to 'shardblast results' later.")
    parse_outfmt(outfmt or "0")
    if out is not None and not Path(out).absolute().parent.is_dir():
        raise OutputError(f"There is no folder for {out!r}.", remedy="Check -out.")
    return True


@contextmanager
def open_query(query: str) -> Iterator[BinaryIO]:
    """Open queries to be sent; what is no plain file is copied first, since a form tells its length before.

    Raises:
        InputError: They can't be read.
    """
    piped = query == STANDARD_INPUT
    with ExitStack() as stack:
        try:
            source: BinaryIO = stack.enter_context(open(0 if piped else query, "rb", closefd=not piped))
            if piped or not stat.S_ISREG(fstat(source.fileno()).st_mode):
                copy = cast(BinaryIO, stack.enter_context(TemporaryFile()))
                shutil.copyfileobj(source, copy)
                copy.seek(0)
                source = copy
            yield source
        except OSError as error:
            name = "Standard input" if piped else repr(query)
            raise InputError(f"{name} can't be read: {error.strerror}.", remedy="Check -query.") from error


def open_list(name: str, file: str) -> BinaryIO:
    """Open a list of ids or taxids to be sent.

    Raises:
        InputError: It can't be read.
    """
    try:
        return open(file, "rb")
    except OSError as error:
        raise InputError(f"{file!r} can't be read: {error.strerror}.", remedy=f"Check -{name}.") from error
