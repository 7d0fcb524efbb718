"""Lists of ids or taxids that users send as content: what may be in them, and what BLAST+ is told of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from shardblast.core.groups import SEQID_FILTERS
from shardblast.core.permitted import Problem

LISTS = ("seqidlist", "negative_seqidlist", "taxidlist", "negative_taxidlist")
"""Options whose value is a list's content."""
MOST_BYTES = 64 << 20
MOST_LINES = 5_000_000
LONGEST_ID = 100
LONGEST_TAXID = 10
PROBLEMS_NAMED = 5
"""Of a list with many bad lines."""
BINARY = b"\0"
"""How a list begins that blastdb_aliastool made of a list of ids."""
_WORD = re.compile(rb"#[^\n]*|[^> \t\r\n#][^ \t\r\n]*")


def listed_ids(text: bytes) -> Iterator[bytes]:
    """Yield the ids of a list as BLAST+ reads them: words between blanks, without ``>`` before them, without comments.

    Source:
        NCBI C++ Toolkit, objtools/blast/seqdb_reader/seqdbcommon.cpp (SeqDB_ReadMemorySiList).
    """
    return (word for word in _WORD.findall(text) if not word.startswith(b"#"))


def file_of(name: str) -> str:
    """Return the name of the file that holds a list, in a search's folder and in the command that is shown."""
    return f"{name}.txt"


def listed(words: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the lists that a search's words name."""
    return tuple(name for name in LISTS if f"-{name}" in words)


def located(words: Sequence[str], folder: str) -> tuple[str, ...]:
    """Return a search's words with the lists named where they lie."""
    places = {file_of(name): f"{folder}/{file_of(name)}" for name in listed(words)}
    return tuple(places.get(word, word) for word in words)


def list_problems(name: str, size_bytes: int, lines: Iterable[bytes]) -> Iterator[Problem]:
    """Yield what is wrong with a list, bad lines by their numbers, from 1.

    Args:
        name: The option's.
        size_bytes: Of the list.
        lines: Each with or without its end.
    """
    field = f"lists.{name}"
    if name not in LISTS:
        yield Problem("list-unknown", field, f"There are no lists of {name!r}.", f"Use {', '.join(LISTS)}.")
        return
    if size_bytes > MOST_BYTES:
        yield Problem("list-too-large", field, f"The list is larger than {MOST_BYTES:,} bytes.", "Send a shorter one.")
        return
    bad = entries = 0
    for number, line in enumerate(lines, 1):
        if number == 1 and name in SEQID_FILTERS and line.startswith(BINARY):
            return  # BLAST+ alone can judge it
        found = _entries(name, line)
        entries += len(found)
        if all(_is_entry(name, entry) for entry in found):
            continue
        bad += 1
        if bad <= PROBLEMS_NAMED:
            what = "id" if name in SEQID_FILTERS else "taxid"
            yield Problem("list-line", field, f"Line {number} is no {what}.", f"Write one {what} on each line.")
    if not entries:
        yield Problem("list-empty", field, "The list names nothing.", "Write one on each line, or leave the list out.")
    if entries > MOST_LINES:
        yield Problem("list-too-large", field, f"The list has more than {MOST_LINES:,} lines.", "Send a shorter one.")


def _entries(name: str, line: bytes) -> list[bytes]:
    if name in SEQID_FILTERS:
        return list(listed_ids(line))
    entry = line.strip(b" \t\r\n")
    return [entry] if entry else []


def _is_entry(name: str, entry: bytes) -> bool:
    if name in SEQID_FILTERS:
        return len(entry) <= LONGEST_ID and all(33 <= letter <= 126 for letter in entry)
    return len(entry) <= LONGEST_TAXID and entry.isdigit() and int(entry) < 1 << 31
