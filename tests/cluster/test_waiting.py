"""Searches that can't run: they report why, let others pass, outlive the service, and end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.cluster.parts import LocalCluster
from tests.databases import make_database
from tests.page.conftest import CHROMIUM, PATIENCE_MS
from tests.sequences import real
from tests.service.server import Server
from tests.service.test_metrics import figures
from tests.waiting import until

PROTEINS = "".join(one.fasta for one in real("proteins")[:8])
GENES = [one.fasta for one in real("16s")[:40]]
POSSIBLE, IMPOSSIBLE = 40, 10
CHROMIUM_PATH = os.environ.get("CHROMIUM") or shutil.which("chromium")
NO_NODE = "The search waits for a node of the cluster: none is connected."


@dataclass
class Crowded:
    """A service before a cluster that has no nodes yet, and on whose nodes one of its databases has no room."""

    cluster: LocalCluster
    server: Server
    room: int

    def reported(self, ids: list[str]) -> set[tuple[str, str | None, str | None]]:
        """Return the states of searches, with the codes and sentences of what they wait for."""
        found = map(self.server.search, ids)
        return {(one["state"], *map((one["waiting"] or {}).get, ("code", "sentence"))) for one in found}

    def say_everywhere(self, search_id: str, sentence: str) -> None:
        """Check that the commands and the page say why a search waits, in the same words."""
        assert f"  {sentence}\n" in self.server.run("status", search_id).stdout
        listed = [line.split("\t") for line in self.server.run("list", "--all").stdout.splitlines()]
        assert [words[-1] for words in listed if words[0] == search_id] == [sentence]
        with sync_playwright() as playwright:
            page = playwright.chromium.launch(executable_path=CHROMIUM_PATH, args=list(CHROMIUM)).new_page()
            page.set_default_timeout(PATIENCE_MS)
            page.goto(f"{self.server.url}/searches?text={search_id}")
            page.get_by_role("row").get_by_text(sentence, exact=True).wait_for()
            page.goto(f"{self.server.url}/searches/{search_id}")
            page.get_by_role("status").get_by_text(sentence, exact=True).wait_for()


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowded]:
    tmp_path = tmp_path_factory.mktemp("crowded")
    storage = (tmp_path / "storage").as_uri()
    cluster = LocalCluster(tmp_path, storage, timings="stuck_s=2")
    variables = {
        "SHARDBLAST_STORAGE": storage,
        "SHARDBLAST_SCHEDULER": cluster.address,
        "SHARDBLAST_TIMINGS": cluster.timings,
    }
    large = make_database(tmp_path / "db" / "proteins", "prot", real("proteins")[:3000], "-max_file_sz", "300000")
    cluster.add_database("proteins", large)
    cluster.add_database("16s", make_database(tmp_path / "16s" / "16s", "nucl", real("16s")[:300]))
    server = Server(tmp_path / "home", variables=variables)
    cluster.start()
    server.start()
    yield Crowded(cluster, server, sum(file.stat().st_size for file in large.parent.iterdir()) * 8 // 10)
    server.close()
    cluster.close()


def test_a_command_reports_the_resource_that_it_waits_for_and_ends_if_that_does_not_appear(
    crowded: Crowded, tmp_path: Path
) -> None:
    query = tmp_path / "query.fa"
    query.write_text(GENES[0])
    words = ("-db", "16s", "-query", str(query), "--engine", "dask", "--scheduler", crowded.cluster.address)

    ended = crowded.cluster.run("blastn", *words, SHARDBLAST_WAITING_HOURS="0.0005")

    assert ended.returncode == 1
    reported = ended.stderr.decode()
    assert NO_NODE in reported
    assert "The search waited 2 seconds for a node of the cluster: none is connected." in reported
    assert "Start nodes" in reported


def submitted(server: Server) -> tuple[list[str], list[str]]:
    """Submit searches, of which some need the whole of the large database; return the ids of both kinds."""
    unmerged = {"options": "-qcov_hsp_perc 10", "exactness": "complete"}  # without candidates
    impossible = [server.submit("blastp", "proteins", PROTEINS, **unmerged) for _ in range(IMPOSSIBLE)]
    possible = [server.submit("blastn", "16s", one) for one in GENES]
    return [one["id"] for one in possible], [one["id"] for one in impossible]


def test_all_of_fifty_searches_end_or_say_why_they_wait_until_they_fail(crowded: Crowded) -> None:
    cluster, server = crowded.cluster, crowded.server
    possible, impossible = submitted(server)
    assert len(possible + impossible) == 50

    until(lambda: crowded.reported(possible + impossible) == {("queued", "nodes", NO_NODE)})
    server.kill()
    server.start()
    assert crowded.reported(possible + impossible) == {("queued", "nodes", NO_NODE)}

    cluster.add("a", "--disk", f"{crowded.room // 1024}KiB")
    states = [server.ended(one)["state"] for one in possible]
    assert states == ["completed"] * POSSIBLE
    until(lambda: {code for _, code, _ in crowded.reported(impossible)} == {"whole-database"})
    until(lambda: {state for state, _, _ in crowded.reported(impossible)} == {"queued"})
    ((_, _, sentence),) = crowded.reported(impossible)
    assert sentence is not None
    assert sentence.startswith("The search waits for a node whose disk has room for the whole database (")
    assert f": a may hold {crowded.room // 1024 / 1024:.1f} MiB" in sentence
    crowded.say_everywhere(impossible[0], sentence)
    assert figures(server)["shardblast_searches_waiting"][("code", "whole-database"),] == IMPOSSIBLE

    server.stop()
    server.environment["SHARDBLAST_WAITING_HOURS"] = "0.0001"
    server.start()
    ended = [server.ended(one) for one in impossible]
    assert {(one["state"], one["failure"]["code"]) for one in ended} == {("failed", "waited")}
    reason = sentence.removeprefix("The search waits ")
    assert all(one["failure"]["problem"].endswith(reason) for one in ended)
