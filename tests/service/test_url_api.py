"""NCBI's BLAST Common URL API, as existing client programs use it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import IO
from urllib.error import HTTPError

import pytest
from Bio.Blast import NCBIWWW, NCBIXML

from tests.sequences import real
from tests.service.server import Server, get, post
from tests.waiting import until

QUERY = real("16s-queries")[0]
LONG = "".join(one.fasta for one in real("proteins")[:400])
BIOPERLS_DESCRIPTIONS = 100
"""Its default request."""
PERL = r"""
use strict; use warnings;
use Bio::Tools::Run::RemoteBlast;
use Bio::SeqIO;
my ($url, $file) = @ARGV;
my %wanted = (-prog => 'blastn', -data => '16s', -expect => '1e-20', -readmethod => 'SearchIO');
my $factory = Bio::Tools::Run::RemoteBlast->new(%wanted);
$factory->set_url_base($url);
$factory->submit_blast($file);
while (my @rids = $factory->each_rid) {
    for my $rid (@rids) {
        my $found = $factory->retrieve_blast($rid);
        if (!ref $found) { die "failed\n" if $found < 0; sleep 1; next; }
        my $result = $found->next_result;
        print $result->query_name, "\n";
        while (my $hit = $result->next_hit) { print $hit->name, "\n"; }
        $factory->remove_rid($rid);
    }
}
"""


@pytest.fixture(scope="module")
def finished(server: Server) -> str:
    search = server.submit("blastn", "16s", QUERY.fasta)
    server.ended(search["id"])
    return str(search["id"])


@pytest.fixture
def address(server: Server) -> str:
    return f"{server.url}/blast/Blast.cgi"


def test_biopython_works_unchanged(address: str, server: Server) -> None:
    handle = NCBIWWW.qblast(
        "blastn", "16s", QUERY.fasta, url_base=address, expect=1e-20, hitlist_size=10, megablast=True
    )

    record = NCBIXML.read(handle)

    (search, *_) = server.http.get("/searches").json()["searches"]
    assert set(search["options"]) >= {"-evalue", "1e-20", "-max_target_seqs", "10", "-task", "megablast"}
    rows = server.result(search["id"], "6 stitle").decode().splitlines()
    assert [alignment.hit_def for alignment in record.alignments] == list(dict.fromkeys(rows))
    assert len(record.alignments) == 10


def test_bioperl_works_unchanged(address: str, server: Server, tmp_path: Path) -> None:
    query = tmp_path / "query.fa"
    query.write_text(QUERY.fasta)

    ended = subprocess.run(["perl", "-e", PERL, address, str(query)], capture_output=True, text=True, timeout=300)

    assert ended.returncode == 0, ended.stderr
    name, *hits = ended.stdout.splitlines()
    assert name == QUERY.title.split()[0]
    (search, *_) = server.http.get("/searches").json()["searches"]
    assert len(hits) == BIOPERLS_DESCRIPTIONS < search["hits"]


def put(address: str, **values: str) -> str:
    """Queue a search; return its RID when it is over."""
    sent = {"CMD": "Put", "PROGRAM": "blastn", "DATABASE": "16s", "QUERY": QUERY.letters, **values}
    page = post(address, data=sent).text
    rid = page.split("RID = ")[1].split()[0]
    assert int(page.split("RTOE = ")[1].split()[0]) >= 1
    asked = {"CMD": "Get", "RID": rid, "FORMAT_OBJECT": "SearchInfo"}
    until(lambda: "WAITING" not in get(address, params=asked).text)
    info = get(address, params=asked).text
    assert "Status=READY" in info
    assert "ThereAreHits=yes" in info
    return rid


@pytest.mark.parametrize(
    ("values", "outfmt"),
    [
        ({"FORMAT_TYPE": "Text"}, "0"),
        ({"FORMAT_TYPE": "XML"}, "5"),
        ({"FORMAT_TYPE": "XML2"}, "16"),
        ({"FORMAT_TYPE": "XML2_S"}, "16"),
        ({"FORMAT_TYPE": "JSON2"}, "15"),
        ({"FORMAT_TYPE": "JSON2_S"}, "15"),
        ({"FORMAT_TYPE": "ASN.1"}, "8"),
        ({"FORMAT_TYPE": "XML", "ALIGNMENTS": "1", "DESCRIPTIONS": "1"}, "5"),
        ({"FORMAT_TYPE": "Tabular"}, "7"),
        ({"FORMAT_TYPE": "Text", "ALIGNMENT_VIEW": "Tabular"}, "7"),
        ({"FORMAT_TYPE": "Text", "ALIGNMENT_VIEW": "FlatQueryAnchored"}, "3"),
    ],
)
def test_every_type_is_a_format_of_blast(address: str, server: Server, values: dict[str, str], outfmt: str) -> None:
    rid = put(address, EXPECT="1e-30", MEGABLAST="on")

    answer = post(address, data={"CMD": "Get", "RID": rid, **values})

    assert answer.content == server.result(rid, outfmt) != b""


def test_a_deleted_search_is_unknown(address: str) -> None:
    rid = put(address)

    assert "Status=DELETED" in get(address, params={"CMD": "Delete", "RID": rid}).text

    info = get(address, params={"CMD": "Get", "RID": rid, "FORMAT_OBJECT": "SearchInfo"})
    assert "Status=UNKNOWN" in info.text
    assert get(address, params={"CMD": "Get", "RID": rid}).status_code == 404


def test_the_requested_number_of_hits_is_shown(address: str, server: Server) -> None:
    rid = put(address, HITLIST_SIZE="20")
    wanted = {"CMD": "Get", "RID": rid, "FORMAT_TYPE": "Text"}

    some = get(address, params={**wanted, "DESCRIPTIONS": "7", "ALIGNMENTS": "3"})
    most = get(address, params={**wanted, "DESCRIPTIONS": "500", "ALIGNMENTS": "500"})

    assert some.content == server.result(rid, "0", num_descriptions=7, num_alignments=3)
    assert most.content == server.result(rid, "0")
    assert (some.text.count("\n>"), most.text.count("\n>")) == (3, 20)


@pytest.mark.parametrize(
    ("values", "task"),
    [
        ({}, "blastn"),
        ({"MEGABLAST": "on"}, "megablast"),
        ({"SERVICE": "megablast"}, "megablast"),
        ({"SERVICE": "plain"}, "blastn"),
        ({"TASK": "dc-megablast", "MEGABLAST": "on"}, "dc-megablast"),
    ],
)
def test_the_task_is_the_requested_one(address: str, server: Server, values: dict[str, str], task: str) -> None:
    rid = put(address, **values)

    options = server.search(rid)["options"]

    assert options[options.index("-task") + 1] == task


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"DATABASE": "absent"}, "There is no database 'absent'"),
        ({"PROGRAM": "blastz"}, "'blastz' is not a program"),
        ({"EXPECT": "many"}, "-evalue: 'many' is not of type Real"),
        ({"QUERY": ">x\nMKVLAAGIVGLLLAQWERTYIPASDFGHKLCVNM"}, "blastn takes nucleotide queries"),
        ({"QUERY": ""}, "1 query is empty"),
        ({"TASK": "quick"}, "'quick' is none of"),
        ({"SERVICE": "psi"}, "SERVICE 'psi' is not offered here"),
        ({"ENTREZ_QUERY": "Homo sapiens[ORGN]"}, "ENTREZ_QUERY is not supported here"),
        ({"DATABASE": "<b>bold</b>"}, "&lt;b&gt;bold"),
    ],
)
def test_a_search_that_cannot_run_is_reported_where_clients_look_for_it(
    address: str, values: dict[str, str], says: str
) -> None:
    answer = post(
        address, data={"CMD": "Put", "PROGRAM": "blastn", "DATABASE": "16s", "QUERY": QUERY.letters, **values}
    )

    (line,) = (line for line in answer.text.splitlines() if line.startswith('<div class="error msInf">'))
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert says in line
    assert "RID" not in answer.text


def test_biopython_raises_the_problem_of_a_search(address: str) -> None:
    with pytest.raises(ValueError, match="There is no database 'absent'"):
        NCBIWWW.qblast("blastn", "absent", QUERY.fasta, url_base=address)
    with pytest.raises(ValueError, match="blastp takes protein queries"):
        NCBIWWW.qblast("blastp", "proteins", QUERY.fasta, url_base=address)


def test_bioperl_shows_the_problem_of_a_search(address: str, tmp_path: Path) -> None:
    query = tmp_path / "query.fa"
    query.write_text(QUERY.fasta)
    script = PERL.replace("'16s'", "'absent'")

    ended = subprocess.run(["perl", "-e", script, address, str(query)], capture_output=True, text=True, timeout=300)

    assert "There is no database 'absent'" in ended.stderr


def test_biopython_does_not_wait_for_a_search_that_was_cancelled(
    address: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NCBIWWW, "_parse_qblast_ref_page", cancelling(server, NCBIWWW._parse_qblast_ref_page))

    with pytest.raises(HTTPError) as raised:
        NCBIWWW.qblast("blastp", "proteins", LONG, url_base=address)

    assert raised.value.code == 409
    assert b"The search was cancelled" in raised.value.read()


def cancelling(server: Server, read: Callable[[IO[bytes]], tuple[str, int]]) -> Callable[[IO[bytes]], tuple[str, int]]:
    """Return a function that reads Biopython's RID and cancels the search, as another user may do."""

    def reading(page: IO[bytes]) -> tuple[str, int]:
        rid, rtoe = read(page)
        answer = server.http.post(f"/searches/{rid}/cancel")
        assert answer.json()["state"] in ("cancelling", "cancelled")
        return rid, rtoe

    return reading


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"CMD": "Web"}, 422),
        ({}, 422),
        ({"CMD": "Get", "RID": "absent"}, 404),
        ({"CMD": "Delete", "RID": "absent"}, 404),
        ({"CMD": "Get", "FORMAT_TYPE": "Binary"}, 422),
        ({"CMD": "Get", "FORMAT_TYPE": "Text", "ALIGNMENT_VIEW": "Sideways"}, 422),
        ({"CMD": "Get", "FORMAT_TYPE": "Text", "ALIGNMENTS": "-1"}, 422),
    ],
)
def test_a_bad_request_says_what_is_wrong(address: str, finished: str, values: dict[str, str], status: int) -> None:
    answer = post(address, data={"RID": finished, **values})

    assert answer.status_code == status
    assert '<div class="error msInf">' in answer.text
    assert "Status=" not in answer.text  # else Biopython would ask again, for ever


def test_a_token_is_accepted_as_the_password_of_a_user(tmp_path: Path, served: dict[str, Path]) -> None:
    one = Server(tmp_path / "home", "--auth", "token")
    one.add_database("16s", served["16s"])
    made = one.run("token", "create", "biopython", "--owner", "ada", "--scope", "read", "--scope", "search")
    token = made.stdout.split()[-1]
    one.start()
    try:
        address = f"{one.url}/blast/Blast.cgi"
        refused = get(address, params={"CMD": "Get", "RID": "x"})
        NCBIWWW.email = "ada@example.org"
        handle = NCBIWWW.qblast(
            "blastn", "16s", real("16s-queries")[0].fasta, url_base=address, username="ada", password=token
        )
        assert handle.read().startswith("<?xml")
    finally:
        one.close()
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Basic")
