"""Nodes with different versions of BLAST+, as during an upgrade: no search mixes them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.parts import LocalCluster, blast_pids, stopped_piece
from tests.databases import make_database
from tests.sequences import real
from tests.service.processes import blast
from tests.service.server import Server
from tests.waiting import until

LONG = "".join(one.fasta for one in real("proteins")[:120])
OTHER = """\
#!/bin/sh
[ "$*" = -version ] && echo 'blastn: 2.99.0+' && exit
exec {blastn} "$@"
"""


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A path on which the same BLAST+ says that it is of another version."""
    folder, blastn = tmp_path_factory.mktemp("other"), Path(str(shutil.which("blastn")))
    for program in blastn.resolve().parent.glob("*blast*"):
        (folder / program.name).symlink_to(program)
    (folder / "blastn").unlink()
    (folder / "blastn").write_text(OTHER.format(blastn=blastn))
    (folder / "blastn").chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[LocalCluster]:
    one = LocalCluster(tmp_path, (tmp_path / "storage").as_uri())
    one.start()
    yield one
    one.close()


@pytest.fixture
def server(cluster: LocalCluster) -> Iterator[Server]:
    given = {"SHARDBLAST_STORAGE": cluster.storage, "SHARDBLAST_SCHEDULER": cluster.address}
    one = Server(cluster.folder / "service", variables=given)
    path = cluster.folder / "db" / "proteins"
    proteins = make_database(path, "prot", real("proteins")[:1600], "-max_file_sz", "120000")
    added = one.run("db", "add", "proteins", str(proteins), "--copy", "--quiet")
    assert added.returncode == 0, added.stderr
    one.start()
    yield one
    one.close()


def add(cluster: LocalCluster, name: str, path: str) -> None:
    cluster.variables["PATH"] = path
    cluster.add(name).wait_for("the node is connected")
    del cluster.variables["PATH"]


def expected(cluster: LocalCluster) -> bytes:
    """Return what BLAST+ prints."""
    return blast("blastp", cluster.folder / "db" / "proteins", "proteins", LONG, [], "6", cluster.folder)


def searched(server: Server, search_id: str) -> list[tuple[tuple[int, int], str]]:
    """Return the batches and shards of the pieces of a search, each with its node."""
    pieces = server.http.get(f"/searches/{search_id}/report").json()["pieces"]
    return [((one["batch"], one["shard"]), one["node"]) for one in pieces if one["purpose"] == "search"]


def test_a_search_uses_nodes_with_the_version_of_its_service_and_waits_for_them(
    cluster: LocalCluster, server: Server, other: str
) -> None:
    add(cluster, "other", other)
    search = server.submit("blastp", "proteins", LONG)["id"]
    sentence = "The search waits for a node of the cluster: 1 with another version of BLAST+."
    until(lambda: (server.search(search)["waiting"] or {}).get("sentence") == sentence, lambda: server.search(search))

    add(cluster, "same", os.environ["PATH"])

    assert server.ended(search)["state"] == "completed"
    assert server.result(search, "6") == expected(cluster)
    assert {node for _, node in searched(server, search)} == {"same"}
    assert not cluster.volumes_of("other", "proteins")


def test_a_search_that_resumes_with_another_version_keeps_nothing_of_the_first(
    cluster: LocalCluster, server: Server, other: str
) -> None:
    add(cluster, "first", os.environ["PATH"])
    search = server.submit("blastp", "proteins", LONG)["id"]
    stored = cluster.folder / "storage" / "searches" / search / "pieces"
    until(lambda: list(stored.glob("*/*.zst")))
    stopped_piece(cluster.folder / "first")
    server.kill()
    cluster.nodes.pop("first").kill()
    for pid in blast_pids(cluster.folder / "first"):
        os.kill(pid, 9)
    before = set(stored.glob("*/*.zst"))
    add(cluster, "second", other)
    server.environment["PATH"] = other

    server.start()

    assert before
    assert server.ended(search)["state"] == "completed"
    assert server.result(search, "6") == expected(cluster)
    again = {piece for piece, node in searched(server, search) if node == "second"}
    assert again == {piece for piece, _ in searched(server, search)}
