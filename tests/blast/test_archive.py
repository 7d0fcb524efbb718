"""Archives: read, cut, joined, written again, and damaged."""

from __future__ import annotations

import io
import re
import subprocess
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardblast.blast import archive as module
from shardblast.blast.archive import Alignments, ArchiveReader, QueryArchive
from shardblast.blast.hits import alignments_by_subject
from shardblast.blast.seqalign import alignment_ids, hsps_of, with_query_number, written_string
from shardblast.core.errors import ArchiveError
from tests.databases import Databases, make_database
from tests.sequences import Sequence, gene, nucleotides, real, write_fasta

HOSTILE = (
    'quotes "" and \' and "',
    "alignments {",
    '"    alignments {',
    "x" * 300 + " " + "y" * 300,
    "} } } , { {",
    'local str "Query_1" ids { id str "score", value int 5',
    "tab\tand \\ backslash",
    "Blast4-archive ::= {",
    "end ,{ } \x01 second defline",
)
PROGRAMS = {
    "blastn": ("nucl", "nucl", ()),
    "blastp": ("prot", "prot", ()),
    "blastx": ("nucl", "prot", ()),
    "tblastn": ("prot", "nucl", ()),
    "tblastx": ("nucl", "nucl", ("-max_target_seqs", "5")),
}


@pytest.fixture(scope="module", params=PROGRAMS)
def program(request: pytest.FixtureRequest) -> str:
    return request.param


def written(program: str, databases: Databases, query: Path, *options: str, kind: str = "v5") -> bytes:
    _, database, more = PROGRAMS[program]
    argv = [program, "-db", databases(kind, database), "-query", str(query), "-outfmt", "11", *more, *options]
    return subprocess.run(argv, check=True, capture_output=True).stdout


@pytest.fixture(scope="module")
def text(program: str, databases: Databases, queries: dict[str, Path]) -> bytes:
    """An archive of several queries, one of them masked as a whole, one without hits."""
    return written(program, databases, queries[PROGRAMS[program][0]])


def test_every_query_has_a_template_and_those_with_hits_alignments(text: bytes, program: str) -> None:
    templates, found = templates_of(text), alignments_of(text)

    assert len(templates) == 6
    assert [one.ordinal for one in found] == sorted({one.ordinal for one in found})
    assert 1 < len(found) < 6
    assert sum(len(one.blocks) for one in found) == text.count(b"\n        segs ")


def test_templates_with_their_alignments_are_read_as_they_were_written(text: bytes) -> None:
    blocks = {one.ordinal: one.blocks for one in alignments_of(text)}

    pieces = [template.with_alignments(blocks.get(n, [])) for n, template in enumerate(templates_of(text))]

    again = b"".join(pieces)
    assert alignments_of(again) == alignments_of(text)
    assert templates_of(again) == templates_of(text)


def test_an_archive_of_one_query_is_written_byte_for_byte(databases: Databases, tmp_path: Path, program: str) -> None:
    query = real("protein-queries")[4] if PROGRAMS[program][0] == "prot" else gene(real("protein-queries")[4])
    one = written(program, databases, write_fasta(tmp_path / "one.fa", [query]))
    (template,) = templates_of(one)
    blocks = [block for found in alignments_of(one) for block in found.blocks]

    assert template.with_alignments(blocks) == one


def test_joined_templates_are_the_archive_of_all(text: bytes) -> None:
    first, *others = templates_of(text)
    blocks = [block for found in alignments_of(text) for block in found.blocks]

    joined = first.joined(others).with_alignments(blocks)

    assert alignments_of(joined) == alignments_of(text)
    assert [one.before for one in templates_of(joined)] == [one.before for one in templates_of(text)]


@pytest.mark.parametrize("block_bytes", [1, 7, 100])
def test_reading_in_tiny_blocks_gives_the_same(
    databases: Databases, queries: dict[str, Path], monkeypatch: pytest.MonkeyPatch, block_bytes: int
) -> None:
    text = small_archive()
    expected = alignments_of(text), templates_of(text)
    monkeypatch.setattr(module, "BLOCK_BYTES", block_bytes)

    assert (alignments_of(text), templates_of(text)) == expected


def test_masks_stay_with_the_query(databases: Databases, tmp_path: Path) -> None:
    letters = real("proteins")[5].letters
    masked = [Sequence(f"q{number}", letters[:60] + "PEPKPEPAPQPE" * number + letters[60:]) for number in (3, 4)]
    text = written("blastp", databases, write_fasta(tmp_path / "q.fa", masked), "-seg", "yes")

    templates = templates_of(text)

    assert b"".join(template.after for template in templates).count(b"masks {") == 2
    assert any(b"from " in template.after for template in templates)


def test_ids_of_parsed_deflines_are_understood(databases: Databases, tmp_path: Path) -> None:
    sequences = [Sequence(f"lcl|my_id{number} title", real("proteins")[number].letters) for number in (3, 4)]
    query = write_fasta(tmp_path / "q.fa", sequences)
    text = written("blastp", databases, query, "-parse_deflines", kind="v5-ids")

    found = alignments_of(text)

    assert [one.ordinal for one in found] == [0, 1][: len(found)]
    assert b'local str "my_id3"' in templates_of(text)[0].before


def test_an_archive_without_hits_has_no_alignments(databases: Databases, tmp_path: Path) -> None:
    query = write_fasta(tmp_path / "q.fa", [Sequence("nothing", "MAMAWWCWHWCWHWMAM"), Sequence("x", "WCWCWHHWCW")])
    text = written("blastp", databases, query, "-evalue", "1e-20")

    assert alignments_of(text) == []
    assert len(templates_of(text)) == 2


@pytest.mark.parametrize("title", HOSTILE)
def test_a_title_can_contain_any_text(databases: Databases, tmp_path: Path, title: str) -> None:
    letters = gene(real("protein-queries")[4]).letters
    hostile = [Sequence(f"q{number} {title}", letters) for number in range(2)]
    text = written("blastx", databases, write_fasta(tmp_path / "q.fa", hostile))

    found = alignments_of(text)

    assert [one.ordinal for one in found] == [0, 1]
    assert len(templates_of(text)) == 2


def test_the_database_gets_another_name() -> None:
    (template, *_) = templates_of(small_archive())

    renamed = template.on_database('my "db"/16s')

    assert b'subject database "my ""db""/16s"' in renamed.before
    assert renamed.on_database("nt") == template.on_database("nt")


def test_strings_are_broken_into_lines_as_blast_breaks_titles(databases: Databases, tmp_path: Path) -> None:
    draw = Random(1)
    letters = real("proteins")[0].letters[:20]
    alphabets = ["x", 'xyz"', "x'y", "xyz ", "abcdefghi \"'", 'abc""', "ab./" * 9 + " "]
    titles = ["".join(draw.choices(alphabets[n % len(alphabets)], k=n)) + "." for n in range(300)]
    query = write_fasta(tmp_path / "q.fa", [Sequence(f"q{title}", letters) for title in titles])

    text = written("blastp", databases, query)

    found = list(re.finditer(rb'^( +title )("(?:[^"]|"")*")$', text, re.M))
    plain = [match[2][1:-1].replace(b"\n", b"").replace(b'""', b'"') for match in found]
    assert plain == [f"q{title}".encode() for title in titles]
    for match, title in zip(found, plain, strict=True):
        assert written_string(title, len(match[1])) == match[2]


def test_numbers_of_queries_are_shifted_only_in_ids() -> None:
    text = b'id { local str "Query_7" }, title "Query_7 local str ""Query_7"""'
    template = QueryArchive(text, b"")

    assert template.renumbered(0) == template
    assert template.renumbered(10).before == text.replace(b'str "Query_7" }', b'str "Query_17" }')


@pytest.mark.parametrize("searched_by", ["blastn", "tblastx"])
def test_subjects_that_are_named_like_queries_keep_their_ids(searched_by: str, tmp_path: Path) -> None:
    one = next(one for one in nucleotides() if len(one.letters) > 300)
    database = make_database(tmp_path / "db", "nucl", [Sequence("Query_1", one.letters)], "-parse_seqids")
    (tmp_path / "query.fa").write_text(f">q\n{one.letters}\n")
    words = ["-query", str(tmp_path / "query.fa"), "-db", str(database), "-outfmt", "11"]
    archive = subprocess.run([searched_by, *words], capture_output=True, check=True).stdout

    (found,) = alignments_of(archive)
    for block in found.blocks:
        later = with_query_number(block, 8)
        names = alignment_ids(later)
        assert (names.query, names.subject) == (b'local str "Query_9"', b'local str "Query_1"')
        assert later.count(b"Query_9") == later.count(b"Query_1") == block.count(b"Query_1") / 2


def test_an_empty_file_has_no_queries() -> None:
    assert alignments_of(b"") == []
    assert templates_of(b"") == []


@pytest.mark.parametrize(
    "text", [b"Hello", b"Blast4-archive ::= {\n", b"Blast4-archive ::= {\n\n    alignments {\n    },\n"]
)
def test_a_file_that_is_not_an_archive_is_an_error(text: bytes) -> None:
    with pytest.raises(ArchiveError):
        alignments_of(text)


@given(cut=st.integers(1, 10**9))
def test_a_truncated_archive_is_an_error_or_lacks_queries(cut: int) -> None:
    whole = small_archive()
    parse_or_refuse(whole[: cut % len(whole)])


@given(places=st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 255)), min_size=1, max_size=20))
def test_a_garbled_archive_is_read_or_refused(places: list[tuple[int, int]]) -> None:
    text = bytearray(small_archive())
    for place, value in places:
        text[place % len(text)] = value
    parse_or_refuse(bytes(text))


@given(ends=st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 5000)), min_size=1, max_size=8))
def test_a_spliced_archive_is_read_or_refused(ends: list[tuple[int, int]]) -> None:
    whole = small_archive()
    parts = [whole[start % len(whole) : start % len(whole) + length] for start, length in ends]
    parse_or_refuse(whole[: ends[0][0] % len(whole)] + b"".join(parts) + whole[ends[-1][0] % len(whole) :])


@given(noise=st.binary(max_size=300), place=st.integers(0, 10**9))
def test_an_archive_with_noise_in_it_is_read_or_refused(noise: bytes, place: int) -> None:
    whole = small_archive()
    at = place % len(whole)
    parse_or_refuse(whole[:at] + noise + whole[at:])


@pytest.mark.parametrize("name", [b"score", b"bit_score", b"e_value"])
def test_an_hsp_without_a_score_is_refused(name: bytes) -> None:
    block = alignments_of(small_archive())[0].blocks[0]

    with pytest.raises(ArchiveError, match="lacks its E-value or score"):
        hsps_of(block.replace(b'"%s"' % name, b'"other"'))


def parse_or_refuse(text: bytes) -> None:
    """Any exception but ArchiveError fails the test; a hang meets its time limit."""
    for parse in (alignments_of, templates_of, hits_of):
        try:
            parse(text)
        except ArchiveError:
            continue


def hits_of(text: bytes) -> None:
    for found in alignments_of(text):
        alignments_by_subject(found.blocks)
        for block in found.blocks:
            hsps_of(block)


def alignments_of(text: bytes) -> list[Alignments]:
    return list(ArchiveReader(io.BytesIO(text), "test").alignments())


def templates_of(text: bytes) -> list[QueryArchive]:
    return list(ArchiveReader(io.BytesIO(text), "test").templates())


@cache
def small_archive() -> bytes:
    """Three queries, two of them with hits."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        proteins = real("proteins")[:3]
        make_database(folder / "db", "prot", proteins)
        nothing = Sequence("nothing", "ACGTTGCA" * 9)
        query = write_fasta(folder / "q.fa", [gene(proteins[0]), nothing, gene(proteins[1], 1)])
        argv = ["blastx", "-db", str(folder / "db"), "-query", str(query), "-outfmt", "11", "-evalue", "1e-9"]
        return subprocess.run(argv, check=True, capture_output=True).stdout
