"""ASN.1 text as the NCBI serializer lays it out: strings, which may hold anything, and lists in braces."""

from __future__ import annotations

import re

from shardblast.core.errors import ArchiveError

STRING = rb'"(?:[^"]|"")*"'
_TOKEN = re.compile(STRING + rb"|'[^']*'|[{}]")


def outside_strings(pattern: re.Pattern[bytes], text: bytes) -> re.Match[bytes] | None:
    """Return the pattern's first match that is not one of its strings."""
    return next((match for match in pattern.finditer(text) if not match[0].startswith(b'"')), None)


def string_end(text: bytes, start: int) -> int:
    """Return where the string that begins at ``start`` ends, behind its closing quote.

    Raises:
        ArchiveError: It does not end.
    """
    match = re.compile(STRING).match(text, start)
    if match is None:
        raise ArchiveError("A string in the archive does not end.")
    return match.end()


def elements_of(text: bytes, start: int) -> tuple[list[bytes], int]:
    """Return the elements of a list in braces, whose opening one ends before ``start``, and where it is closed.

    Raises:
        ArchiveError: It is not closed.
    """
    elements: list[bytes] = []
    depth = 0
    begin = start
    for match in _TOKEN.finditer(text, start):
        if match[0] == b"{":
            depth += 1
        elif match[0] == b"}":
            if depth == 0:
                return elements, match.start()
            depth -= 1
            if depth == 0:
                elements.append(text[begin : match.end()].lstrip(b", \n"))
                begin = match.end()
    raise ArchiveError("A list in the archive does not end.")


def squeezed(text: bytes) -> bytes:
    """Return a text without its white space, by which the same is laid out otherwise in other places."""
    return b"".join(text.split())
