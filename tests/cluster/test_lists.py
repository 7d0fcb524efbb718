"""Lists of ids and taxids on a cluster, of which no node has room for the whole database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.parts import LocalCluster
from tests.databases import make_database
from tests.sequences import Sequence, nucleotide_queries, nucleotides, real
from tests.service.processes import blast
from tests.taxonomy import write_taxonomy

TAXIDS = (562, 9606, 10090)
VOLUME_BYTES = {"nucl": "12000", "prot": "60000"}
QUERIES = {
    "nucl": "".join(one.fasta for one in nucleotide_queries()[:8]),
    "prot": "".join(one.fasta for one in real("protein-queries")[:3] + real("proteins")[20:23]),
}
MOLECULES = {"blastn": "nucl", "blastp": "prot", "blastx": "prot", "tblastn": "nucl", "tblastx": "nucl"}
ASKED = {"blastn": "nucl", "blastp": "prot", "blastx": "nucl", "tblastn": "prot", "tblastx": "nucl"}


@dataclass
class Narrow:
    """Two nodes that together have room for some databases."""

    cluster: LocalCluster
    paths: dict[str, Path]
    folder: Path

    def assert_identical(
        self, program: str, outfmt: str, *options: str, database: str | None = None, shards: str = "auto"
    ) -> int:
        """Assert that a search prints what BLAST+ prints; return in how many shards it was done."""
        name, query = database or MOLECULES[program], QUERIES[ASKED[program]]
        expected = blast(program, self.paths[name], name, query, list(options), outfmt, self.folder)
        words = ("-db", name, "-query", str(self.folder / "query.fa"), "-outfmt", outfmt, *options)
        found = self.cluster.search(program, *words, "--shards", shards, "--report", str(self.folder / "report.json"))
        assert found.returncode == 0, found.stderr.decode()
        assert found.stdout == expected
        report = json.loads((self.folder / "report.json").read_text())
        return int(report["shards"])


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Narrow]:
    """Every tenth protein has two ids and two taxids, the others have accessions; few volumes contain taxid 4."""
    folder = tmp_path_factory.mktemp("narrow")
    cluster = LocalCluster(folder, (folder / "storage").as_uri())
    sequences = {"nucl": [one for one in nucleotides() if len(one.letters) >= 12], "prot": real("proteins")[:600]}
    paths = {name: database(folder / name, name, some, doubled=False) for name, some in sequences.items()}
    paths["doubled"] = database(folder / "doubled", "prot", sequences["prot"], doubled=True)
    paths["single"] = database(
        folder / "single", "prot", sequences["prot"][:200], doubled=False, volume_bytes="1000000"
    )
    for name, path in paths.items():
        cluster.add_database(name, path)
    cluster.start()
    for node in ("a", "b"):
        cluster.add(node, "--disk", f"{max(map(room, paths.values())) // 1024}KiB")
    for node in ("a", "b"):
        cluster.nodes[node].wait_for("the node is connected")
        write_taxonomy(folder / node / "taxonomy")
    yield Narrow(cluster, paths, folder)
    cluster.close()


def room(path: Path) -> int:
    """Return how many bytes of disk let a node have much of a database, and not all of it."""
    return sum(file.stat().st_size for file in path.parent.glob(f"{path.name}.*")) * 9 // 10


def database(
    folder: Path,
    dbtype: str,
    sequences: list[Sequence] | tuple[Sequence, ...],
    *,
    doubled: bool,
    volume_bytes: str | None = None,
) -> Path:
    named, taxids = [], []
    for number, one in enumerate(sequences):
        title = f"S{number}.1 first"
        taxids.append(f"S{number}.1 {4 if number < 9 else TAXIDS[number % 3]}")
        if doubled and number % 10 == 0:
            title += f"\x01T{number}.1 second"
            taxids.append(f"T{number}.1 {TAXIDS[(number + 1) % 3]}")
        if doubled and number % 10 == 5:
            title = f"NP_{number:06}.1 first\x01NP_9{number:05}.1 second\x01S{number}.1 third"
        named.append(Sequence(title, one.letters))
    folder.mkdir()
    (folder / "taxids").write_text("\n".join(taxids) + "\n")
    options = (
        "-parse_seqids",
        "-taxid_map",
        str(folder / "taxids"),
        "-max_file_sz",
        volume_bytes or VOLUME_BYTES[dbtype],
    )
    return make_database(folder / "db", dbtype, named, *options)


@pytest.fixture
def ids(tmp_path: Path) -> str:
    path = tmp_path / "ids"
    path.write_text("".join(f"S{number}.1\n" for number in range(2000) if number % 10 and number % 3))
    return str(path)


@pytest.mark.parametrize(
    ("program", "name", "outfmt"),
    [
        ("blastn", "seqidlist", "0"),
        ("blastn", "negative_seqidlist", "6"),
        ("blastp", "seqidlist", "6"),
        pytest.param("blastp", "negative_seqidlist", "0", marks=pytest.mark.full),
        ("blastx", "seqidlist", "0"),
        ("tblastn", "negative_seqidlist", "6"),
    ],
)
def test_ids_are_looked_up_where_the_volumes_are(
    narrow: Narrow, program: str, name: str, outfmt: str, ids: str
) -> None:
    assert narrow.assert_identical(program, outfmt, f"-{name}", ids) > 1


@pytest.mark.parametrize(
    ("program", "name", "outfmt"),
    [
        ("blastn", "taxids", "5"),
        ("blastn", "negative_taxids", "6 std staxids"),
        ("blastp", "taxids", "6 std staxids"),
        pytest.param("blastp", "negative_taxids", "5", marks=pytest.mark.full),
    ],
)
def test_taxids_are_looked_up_where_the_volumes_are(narrow: Narrow, program: str, name: str, outfmt: str) -> None:
    assert narrow.assert_identical(program, outfmt, f"-{name}", "562,10090") > 1


@pytest.mark.parametrize(("program", "name"), [("blastn", "taxids"), ("blastp", "negative_taxids")])
def test_taxids_may_be_missing_in_some_volumes(narrow: Narrow, program: str, name: str) -> None:
    narrow.assert_identical(program, "0", f"-{name}", "4", "-evalue", "1000")


@pytest.mark.parametrize(
    ("outfmt", "taxids"),
    [
        ("0", "9606"),
        ("6 std staxids salltitles", "562,4"),
        pytest.param("5", "562,4", marks=pytest.mark.full),
        pytest.param("6 std staxids salltitles", "9606", marks=pytest.mark.full),
    ],
)
def test_titles_that_a_list_does_not_name_stay_hidden(narrow: Narrow, outfmt: str, taxids: str) -> None:
    assert narrow.assert_identical("blastp", outfmt, "-taxids", taxids, database="doubled") > 1


@pytest.mark.parametrize("outfmt", ["8", "0"])
def test_accessions_that_a_list_names_are_shown_as_blast_shows_them(
    narrow: Narrow, outfmt: str, tmp_path: Path
) -> None:
    (tmp_path / "ids").write_text("".join(f"NP_9{number:05}\nS{number}.1\n" for number in range(5, 600, 2)))

    assert narrow.assert_identical("blastp", outfmt, "-seqidlist", str(tmp_path / "ids"), database="doubled") > 1


@pytest.mark.parametrize(("program", "task"), [("blastn", "megablast"), ("blastn", "blastn")])
def test_saturated_queries_are_searched_in_the_sequences_that_a_list_leaves(
    narrow: Narrow, program: str, task: str, ids: str
) -> None:
    words = ("-task", task, "-max_target_seqs", "3", "-evalue", "1000")

    assert narrow.assert_identical(program, "6", *words, "-seqidlist", ids) > 1


@pytest.mark.parametrize(
    ("name", "shards"), [("seqidlist", "1"), ("negative_seqidlist", "3"), ("taxids", "3"), ("negative_taxids", "1")]
)
def test_a_database_of_one_volume_is_found_by_its_path(narrow: Narrow, name: str, shards: str, ids: str) -> None:
    """The catalogue has another name for it than its files have."""
    value = ids if "seqid" in name else "562,10090"

    assert narrow.assert_identical("blastp", "6", f"-{name}", value, database="single", shards=shards) == int(shards)


def test_shards_that_are_parts_of_volumes_search_the_sequences_that_a_list_leaves(narrow: Narrow, ids: str) -> None:
    for name in ("seqidlist", "negative_seqidlist"):
        assert narrow.assert_identical("blastn", "0", f"-{name}", ids, shards="40") == 40


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("-taxids", "77"), b"Taxonomy ID(s) not found"),
        (("-negative_taxids", "562,9606,10090,4"), b"leaves nothing of the database"),
    ],
    ids=["no such taxid", "nothing left"],
)
def test_a_list_that_leaves_nothing_is_refused(narrow: Narrow, options: tuple[str, ...], message: bytes) -> None:
    found = narrow.cluster.search("blastp", "-db", "prot", *options, sent=QUERIES["prot"].encode())

    assert found.returncode != 0
    assert message in found.stderr
    assert not found.stdout
