"""The permitted content of lists that users upload."""

from __future__ import annotations

import pytest

from shardblast.core.option_table import LONGEST_ID, MOST_BYTES, list_problems, listed, located


def problems(name: str, text: bytes) -> list[tuple[str, str]]:
    found = list_problems(name, len(text), text.splitlines(keepends=True))
    return [(one.code, one.detail) for one in found]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("seqidlist", b"NP_000001.1\nsp|P12345.1|\r\n\n  gnl|lab|x-1 \nlast"),
        ("seqidlist", b"# two on a line, \xff\n>a b\tc\r\n#end"),
        ("seqidlist", b"\0\xff\x01 what blastdb_aliastool writes"),
        ("negative_taxidlist", b"9606\n562\r\n\n2147483647\n"),
    ],
)
def test_lists_are_taken_as_blast_reads_them(name: str, text: bytes) -> None:
    assert problems(name, text) == []


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("gilist", b"1\n", "list-unknown"),
        ("../seqidlist", b"a\n", "list-unknown"),
        ("seqidlist", b"a\nb\x00\n", "list-line"),
        ("seqidlist", "a\nß\n".encode(), "list-line"),
        ("seqidlist", b"a\n" + b"x" * (LONGEST_ID + 1), "list-line"),
        ("taxidlist", b"9606\nhuman\n", "list-line"),
        ("taxidlist", b"9606\n-5\n", "list-line"),
        ("taxidlist", b"9606\n4294967296\n", "list-line"),
        ("seqidlist", b"\n \n", "list-empty"),
        ("seqidlist", b"# nothing\n", "list-empty"),
        ("taxidlist", b"\x00\n", "list-line"),
        ("taxidlist", b"9606 562\n", "list-line"),
    ],
)
def test_other_lines_are_problems(name: str, text: bytes, code: str) -> None:
    (found,) = problems(name, text)

    assert found[0] == code


def test_bad_lines_are_numbered_and_not_all_are_named() -> None:
    found = problems("taxidlist", b"9606\n" + b"x\n" * 100)

    assert [detail for _, detail in found] == [f"Line {number} is not a taxid." for number in range(2, 7)]


def test_a_list_that_is_too_large_is_not_read() -> None:
    def lines() -> list[bytes]:
        raise AssertionError

    (found,) = list_problems("seqidlist", MOST_BYTES + 1, iter(lines, None))

    assert found.code == "list-too-large"


def test_lists_are_found_at_their_paths() -> None:
    words = ("-evalue", "1", "-seqidlist", "seqidlist.txt")

    assert listed(words) == ("seqidlist",)
    assert located(words, "/home/of/search") == ("-evalue", "1", "-seqidlist", "/home/of/search/seqidlist.txt")
    assert located(("-task", "seqidlist.txt"), "/x") == ("-task", "seqidlist.txt")
