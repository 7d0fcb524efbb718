"""Saves the files that a version of shardblast keeps on disk, as an archive: ``python -m tests.frozen.leave ARCHIVE``.

A later version must still open it. So this is run once for a layout of files, not each time that texts are recorded.
"""

from __future__ import annotations

import shutil
import sys
import tarfile
from pathlib import Path

from tests.cluster.parts import LocalCluster
from tests.databases import make_database
from tests.sequences import nucleotide_queries, nucleotides, protein_queries, proteins
from tests.service.server import Server

FOLDER = Path("/tmp/shardblast-frozen")
"""Where it is made. Tests unpack it elsewhere."""
NUCLEOTIDES = "".join(one.fasta for one in nucleotide_queries())
PROTEINS = "".join(one.fasta for one in protein_queries())
NODE = "node1"
ABSENT = ("reserve", "serve.lock", "scratch", "incoming")
"""Parts of a home that hold nothing when no service runs."""


def main(archive: Path) -> int:
    FOLDER.mkdir()
    try:
        _leave()
        with tarfile.open(archive, "w:xz") as packed:
            for kept in ("home", NODE):
                packed.add(FOLDER / kept, kept, filter=_kept)
    finally:
        shutil.rmtree(FOLDER)
    return 0


def _leave() -> None:
    """Leave the home of a service with two databases and four searches, and a node's folder with one of them."""
    genes = make_database(FOLDER / "genes", "nucl", nucleotides()[:60], "-parse_seqids", "-max_file_sz", "12000")
    protein = make_database(FOLDER / "proteins", "prot", proteins()[:80])
    server = Server(FOLDER / "home")
    for added in (("genes", genes, "--copy"), ("proteins", protein, "--copy")):
        done = server.run("db", "add", added[0], str(added[1]), *added[2:], "--quiet")
        assert done.returncode == 0, done.stderr
    server.start()
    server.ended(server.submit("blastn", "genes", NUCLEOTIDES, "-evalue 1e-5", title="Genes on one machine")["id"])
    chosen = {"title": "Five targets, as a table", "output": "-outfmt 6"}
    server.ended(server.submit("blastp", "proteins", PROTEINS, {"max_target_seqs": 5}, **chosen)["id"])
    cancelled = server.submit("blastp", "proteins", PROTEINS * 200, {"evalue": 1000}, title="Cancelled")["id"]
    server.http.post(f"/searches/{cancelled}/cancel")
    server.ended(cancelled)
    server.close()
    _leave_on_cluster(server)


def _leave_on_cluster(server: Server) -> None:
    cluster = LocalCluster(FOLDER, (server.home / "storage").as_uri())
    variables = {"SHARDBLAST_STORAGE": cluster.storage, "SHARDBLAST_SCHEDULER": cluster.address}
    beside = Server(server.home, variables=variables)
    try:
        cluster.start(NODE)
        beside.start()
        search = beside.submit("blastn", "genes", NUCLEOTIDES, {"max_target_seqs": 10}, title="Genes on a cluster")
        assert beside.ended(search["id"])["state"] == "completed"
    finally:
        beside.close()
        cluster.close()


def _kept(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    inside = Path(member.name).parts[1:]
    member.uname = member.gname = ""
    member.uid = member.gid = 0
    return None if inside and inside[0] in ABSENT else member


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
