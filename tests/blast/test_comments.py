"""Format 7, read query by query."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from shardblast.blast.hits import TabularCarrier, layout_for
from shardblast.blast.output import Comments, read_commented
from shardblast.core.errors import EngineError

START = b"# BLASTN 2.12.0+\n# Query: %s\n# Database: d\n"
FIELDS = b"# Fields: query id, evalue\n"
TWO = (
    START % b"a 0 hits found" + FIELDS + b"# 2 hits found\n# BLAST processed 2 queries\n# 0 hits found\n"
    b"" + START % b"# 3 hits found" + b"# 0 hits found\n# BLAST processed 2 queries\n"
)


def test_queries_are_read_by_the_places_of_their_lines_and_not_by_their_text() -> None:
    first, second = read_commented(io.BytesIO(TWO))

    assert first.rows == [b"# BLAST processed 2 queries\n", b"# 0 hits found\n"]
    assert first.comments.query == b"# Query: a 0 hits found\n"
    assert first.comments.of(b"other", 1).lines(7) == [
        b"# BLASTN 2.12.0+\n",
        b"# Query: a 0 hits found\n",
        b"# Database: other\n",
        b"# Fields: query id\n",
        b"# 7 hits found\n",
    ]
    assert (second.comments.fields, second.comments.counted, second.rows) == (None, True, [])


def test_a_query_that_could_not_be_searched_has_no_count() -> None:
    text = START % b"a" + START % b"b" + b"# BLAST processed 2 queries\n"

    found = [one.comments for one in read_commented(io.BytesIO(text + text))]

    assert [one.counted for one in found] == [False] * 4
    assert [one.query for one in found] == [b"# Query: a\n", b"# Query: b\n"] * 2
    assert found[0] == Comments(b"# BLASTN 2.12.0+\n", b"# Query: a\n", b"# Database: d\n", None, False)


@pytest.mark.parametrize("line", range(TWO.count(b"\n")))
def test_an_output_that_lacks_a_line_or_ends_with_one_is_refused(line: int, tmp_path: Path) -> None:
    lines = TWO.splitlines(keepends=True)
    path = tmp_path / "rows"
    for text in (b"".join(lines[:line] + lines[line + 1 :]), b"".join(lines[:line])):
        if text in (TWO.replace(FIELDS, b""), TWO.replace(b"d\n# 0 hits found\n", b"d\n")):
            continue  # what BLAST+ prints where no query could be searched
        path.write_bytes(text)

        with pytest.raises(EngineError):
            list(TabularCarrier(layout_for(())).read(path, 2))
