"""Answers compressed with gzip, and ranges of uncompressed ones."""

from __future__ import annotations

import gzip
import json
from typing import Any

import httpx
import pytest

from tests.sequences import real
from tests.service.server import Server

GZIP = {"Accept-Encoding": "gzip"}
PLAIN = {"Accept-Encoding": "identity"}


@pytest.fixture(scope="module")
def results(server: Server) -> str:
    """The address of a completed search's results."""
    search = server.submit("blastn", "16s", real("16s-queries")[0].fasta)
    server.ended(search["id"])
    return f"/searches/{search['id']}/results"


def raw(server: Server, path: str, headers: dict[str, str], **values: Any) -> tuple[httpx.Response, bytes]:
    """Return an answer with its bytes as they came."""
    with server.http.stream("GET", path, params=values, headers=headers) as answer:
        return answer, b"".join(answer.iter_raw())


@pytest.mark.parametrize("outfmt", ["0", "5", "6", "15"])
def test_results_are_compressed_for_clients_that_accept_it(server: Server, results: str, outfmt: str) -> None:
    plain, text = raw(server, results, PLAIN, outfmt=outfmt)
    packed, fewer = raw(server, results, GZIP, outfmt=outfmt)

    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(fewer) == text != b""
    assert len(fewer) < len(text) / 2
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
    assert packed.headers["content-disposition"] == plain.headers["content-disposition"]


def test_a_compressed_answer_has_another_tag_than_the_plain_one(server: Server, results: str) -> None:
    plain, _ = raw(server, results, PLAIN)
    packed, _ = raw(server, results, GZIP)

    assert packed.headers["etag"] == f"W/{plain.headers['etag']}"
    assert plain.headers["accept-ranges"] == "bytes"
    assert "accept-ranges" not in packed.headers


def test_a_part_is_of_the_plain_bytes(server: Server, results: str) -> None:
    _, text = raw(server, results, PLAIN)

    part, some = raw(server, results, GZIP | {"Range": "bytes=100-299"})

    assert part.status_code == 206
    assert "content-encoding" not in part.headers
    assert some == text[100:300]
    assert part.headers["vary"] == "Accept-Encoding"


def test_a_range_without_bytes_of_the_file_is_a_problem(server: Server, results: str) -> None:
    for text, status in (
        ("x", 400),
        ("bytes=a-b", 400),
        ("bytes=5-1", 400),
        ("bytes=-0", 416),
        ("bytes=99999999-", 416),
    ):
        refused, content = raw(server, results, GZIP | {"Range": text})

        assert refused.status_code == status
        assert refused.headers["content-type"] == "application/problem+json"
        assert json.loads(content)["code"] == "range"
        assert ("content-range" in refused.headers) == (status == 416)
        assert int(refused.headers["content-length"]) == len(content)

    missing, _ = raw(server, results.replace("/results", "x/results"), {"Range": "x"})
    assert missing.status_code == 404


def test_a_broken_download_resumes_where_it_ended(server: Server, results: str) -> None:
    whole, text = raw(server, results, PLAIN)

    same, rest = raw(server, results, {"Range": "bytes=500-", "If-Range": whole.headers["etag"]})
    other, all_of_it = raw(server, results, {"Range": "bytes=500-", "If-Range": whole.headers["etag"]}, outfmt="6")

    assert (same.status_code, rest) == (206, text[500:])
    assert (other.status_code, all_of_it) == (200, raw(server, results, PLAIN, outfmt="6")[1])


def test_rows_are_packed_and_events_are_not(server: Server, results: str) -> None:
    search = results.removesuffix("/results")

    rows, _ = raw(server, f"{search}/hits", GZIP)
    events, shown = raw(server, f"{search}/events", GZIP)

    assert rows.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in events.headers
    assert shown.startswith(b"id: ")


def test_files_in_a_zip_archive_are_not_packed_again(server: Server, results: str) -> None:
    answer, archive = raw(server, results, GZIP, outfmt="13")

    assert "content-encoding" not in answer.headers
    assert archive.startswith(b"PK")
