"""NCBI's BLAST Common URL API, as the programs that people have use it."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import httpx
import pytest
from Bio.Blast import NCBIWWW, NCBIXML

from tests.sequences import real
from tests.service.server import Server

QUERY = real("16s-queries")[0]
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

    ended = subprocess.run(["perl", "-e", PERL, address, str(query)], capture_output=True, text=True, timeout=120)

    assert ended.returncode == 0, ended.stderr
    name, *hits = ended.stdout.splitlines()
    assert name == QUERY.title.split()[0]
    (search, *_) = server.http.get("/searches").json()["searches"]
    assert len(hits) == search["hits"] > 10


def put(address: str, **values: str) -> str:
    """Queue a search; return its RID when it is over."""
    sent = {"CMD": "Put", "PROGRAM": "blastn", "DATABASE": "16s", "QUERY": QUERY.letters, **values}
    page = httpx.post(address, data=sent).text
    rid = page.split("RID = ")[1].split()[0]
    assert int(page.split("RTOE = ")[1].split()[0]) >= 1
    deadline = time.monotonic() + 60
    while "WAITING" in (
        info := httpx.get(address, params={"CMD": "Get", "RID": rid, "FORMAT_OBJECT": "SearchInfo"}).text
    ):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert "Status=READY" in info
    assert "ThereAreHits=yes" in info
    return rid


@pytest.mark.parametrize(
    ("values", "outfmt"),
    [
        ({"FORMAT_TYPE": "Text"}, "0"),
        ({"FORMAT_TYPE": "XML"}, "5"),
        ({"FORMAT_TYPE": "XML2"}, "16"),
        ({"FORMAT_TYPE": "JSON2"}, "15"),
        ({"FORMAT_TYPE": "Tabular"}, "7"),
        ({"FORMAT_TYPE": "Text", "ALIGNMENT_VIEW": "Tabular"}, "7"),
    ],
)
def test_every_type_is_a_format_of_blast(address: str, server: Server, values: dict[str, str], outfmt: str) -> None:
    rid = put(address, EXPECT="1e-30", MEGABLAST="on")

    answer = httpx.post(address, data={"CMD": "Get", "RID": rid, **values})

    assert answer.content == server.result(rid, outfmt) != b""


def test_a_deleted_search_is_unknown(address: str) -> None:
    rid = put(address)

    assert "Status=DELETED" in httpx.get(address, params={"CMD": "Delete", "RID": rid}).text

    assert "Status=UNKNOWN" in httpx.get(address, params={"CMD": "Get", "RID": rid}).text


@pytest.mark.parametrize(
    "values",
    [{"CMD": "Web"}, {"CMD": "Put", "PROGRAM": "blastn", "DATABASE": "absent", "QUERY": "ACGT"}, {"CMD": "Put"}],
)
def test_a_bad_request_says_what_is_wrong(address: str, values: dict[str, str]) -> None:
    answer = httpx.post(address, data=values)

    assert answer.status_code == 422
    assert answer.json()["remedy"]


def test_a_token_goes_in_as_the_password_of_a_user(tmp_path: Path, served: dict[str, Path]) -> None:
    one = Server(tmp_path / "home", "--auth", "token")
    one.add_database("16s", served["16s"])
    made = one.run("token", "create", "biopython", "--owner", "ada", "--scope", "read", "--scope", "search")
    token = made.stdout.split()[-1]
    one.start()
    try:
        address = f"{one.url}/blast/Blast.cgi"
        refused = httpx.get(address, params={"CMD": "Get", "RID": "x"})
        NCBIWWW.email = "ada@example.org"
        handle = NCBIWWW.qblast(
            "blastn", "16s", real("16s-queries")[0].fasta, url_base=address, username="ada", password=token
        )
        assert handle.read().startswith("<?xml")
    finally:
        one.close()
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Basic")
