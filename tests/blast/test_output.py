"""Joining the outputs of ``blast_formatter`` for many archives."""

from __future__ import annotations

import io

import pytest

from shardblast.blast import output as blast_output
from shardblast.blast.output import COPIED, MARKERS, Printed

HEADER = b"BLASTN 2.12.0+\n\n\nDatabase: x\n\n"
FOOTER = b"\n\n  Database: x\n    Posted date:  today\n\n\nMatrix: blastn matrix 1 -2\n"


def pairwise(query: bytes) -> bytes:
    return (
        b"\n\nQuery= %s\n\nLength=9\n\n\n***** No hits found *****\n\n\n\nLambda      K\n    1.3\n\n"
        b"Effective search space used: 123\n" % query
    )


@pytest.fixture(params=[1, 5, 100, 1 << 20], autouse=True)
def block_bytes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blast_output, "BLOCK_BYTES", request.param)


def test_pairwise_output_keeps_the_first_header_and_one_footer() -> None:
    source = b"".join(HEADER + pairwise(query) + FOOTER for query in (b"a", b"b", b"c", b"last"))
    target = io.BytesIO()

    printed = blast_output.stitch_pairwise(io.BytesIO(source), target, lambda _, part: part)

    assert printed == Printed(3, 0, 0)
    assert target.getvalue() == HEADER + b"".join(pairwise(query) for query in (b"a", b"b", b"c")) + FOOTER


def test_pairwise_parts_are_corrected_by_their_number() -> None:
    source = b"".join(HEADER + pairwise(query) + FOOTER for query in (b"a", b"b", b"last"))
    target = io.BytesIO()

    blast_output.stitch_pairwise(io.BytesIO(source), target, lambda number, _: b"part %d\n" % number)

    assert target.getvalue() == HEADER + b"part 0\npart 1\n" + FOOTER


def test_pairwise_parts_of_one_document_are_found() -> None:
    document = HEADER + pairwise(b"a") + pairwise(b"b") + FOOTER

    assert blast_output.pairwise_parts(document) == [pairwise(b"a"), pairwise(b"b")]


@pytest.mark.parametrize("number", MARKERS)
def test_marked_documents_are_copied_part_by_part(number: int) -> None:
    markers = MARKERS[number]
    parts = [markers.begin + b"text %d" % count + markers.hsp * count + markers.end for count in range(3)]
    source = b"head\n" + b",\n".join(parts) + markers.last
    target = io.BytesIO()
    seen: list[int] = []

    def correct(count: int, part: bytes) -> bytes:
        seen.append(count)
        return part.replace(b"text", b"TEXT")

    printed = blast_output.stitch_marked(io.BytesIO(source), target, markers, correct)

    assert printed == Printed(3, 3)
    assert target.getvalue() == source.replace(b"text", b"TEXT")
    assert seen == [0, 1, 2]
    assert blast_output.marked_parts(source, markers) == parts


def test_comments_lose_the_count_of_queries() -> None:
    one = b"# BLASTN\n# Query: %s\n# Database: d\n# 1 hits found\n# BLAST processed 9 queries\n"
    end = b"# BLAST processed %d queries\n"
    source = one % b"a" + end % 1 + one % b"b" + one % b"c" + end % 2
    target = io.BytesIO()

    printed = blast_output.stitch_comments(io.BytesIO(source), target, lambda number, part: b"%d\n%s" % (number, part))

    assert printed == Printed(3, 3)
    assert target.getvalue() == b"0\n" + one % b"a" + b"1\n" + one % b"b" + b"2\n" + one % b"c"


def test_hits_are_counted_where_blast_searched() -> None:
    head = b"# BLASTP 2.12.0+\n# Query: x 0 hits found\n# Database: d\n"

    assert blast_output.counted_as(head + b"# 0 hits found\n", head) == head
    assert blast_output.counted_as(head + b"# 0 hits found\n", head + b"# 0 hits found\n") == head + b"# 0 hits found\n"


def test_sam_gets_one_header_with_every_query_before_all_rows() -> None:
    one = b"@HD\tVN:1.2\n@SQ\tSN:%s\tLN:9\n@PG\tID:0\tCL:x\ty \tPN:blastn\n@SQ\t%s\trow\n"
    target = io.BytesIO()

    printed = blast_output.stitch_sam(
        io.BytesIO(one % (b"a", b"a") + one % (b"b", b"b")), target, io.BytesIO(), rb"blastn -db \1 "
    )

    assert printed == Printed(None, 2)
    assert target.getvalue() == (
        b"@HD\tVN:1.2\n@SQ\tSN:a\tLN:9\n@SQ\tSN:b\tLN:9\n"
        rb"@PG"
        b"\tID:0\tCL:"
        rb"blastn -db \1 "
        b"\tPN:blastn\n"
        b"@SQ\ta\trow\n@SQ\tb\trow\n"
    )


def test_a_part_gets_the_statistics_of_another() -> None:
    other = pairwise(b"a").replace(b"1.3", b"9.9")

    assert blast_output.with_statistics_of(pairwise(b"a"), other) == other
    assert blast_output.with_statistics_of(b"nothing", other) == b"nothing"


def test_numbers_of_queries_are_shifted() -> None:
    part = b"<Iteration_iter-num>2</Iteration_iter-num><Iteration_query-ID>Query_2<"

    assert blast_output.renumbered(part, 0) == part
    assert (
        blast_output.renumbered(part, 10) == b"<Iteration_iter-num>12</Iteration_iter-num><Iteration_query-ID>Query_12<"
    )


@pytest.mark.parametrize(
    "title", [b"x Query_2 y", b"Query_2 : Query_2", b"a: b", b"", b"&lt;message&gt;Query_2 Query_2"]
)
def test_titles_are_not_renumbered(title: bytes) -> None:
    def part(number: int) -> bytes:
        named = b"Query_%d %s : " % (number, title)
        return b"<query-id>Query_%d</query-id><query-title>%s</query-title>\n<message>%s %sSee Query_2</message>\n" % (
            number,
            title,
            named,
            named,
        )

    def report(number: int) -> bytes:
        text = (
            b'"query_id": "Query_%d",\n"query_title": "\\"query_id\\": \\"Query_2\\" %s",\n"message": "Query_%d none"\n'
        )
        return text % (number, title, number)

    assert blast_output.renumbered(part(2), 7) == part(9)
    assert blast_output.renumbered(report(2), 7) == report(9)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (6, b"row\n"),
        (8, b'\n              id str "e_value",\n}\n'),
        (9, b"\x1a\x07e_value\0\0\0\0\xa1\x80\xa0\x80\x09\0\0"),
        (12, b'"id": {\n                "str": "sum_e"\n}\n'),
    ],
)
def test_hsps_are_counted_wherever_the_blocks_end(number: int, text: bytes) -> None:
    for count in (0, 1, 3):
        target = io.BytesIO()

        assert blast_output.copy(io.BytesIO(text * count), target, COPIED[number]) == Printed(None, count)
        assert target.getvalue() == text * count
