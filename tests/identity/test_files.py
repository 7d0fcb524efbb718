"""Output files: whatever their names are, they end up as BLAST+ leaves them."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable
from collections.abc import Sequence as Seq
from pathlib import Path

import pytest

from shardblast.blast.installation import find_installation
from shardblast.core.events import ignore
from shardblast.core.options import parse
from shardblast.core.program import Program
from shardblast.engine.local import LocalEngine
from tests.databases import Databases
from tests.identity.comparison import AMPLE, arguments
from tests.sequences import Sequence, invented, write_fasta

Tree = dict[str, bytes | str | None]
"""The content of a folder, by path: the bytes of a file, the target of a link, None for a folder."""


@pytest.fixture(scope="module")
def words(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A search of three queries, of which BLAST+ can't search the second."""
    sequences = [invented("nucl", 200, seed, f"s{seed} of output files") for seed in range(6)]
    masked = Sequence("nothing but N", "N" * 50)
    query = write_fasta(tmp_path_factory.mktemp("files") / "q.fa", [sequences[1], masked, sequences[4]])
    return ["-query", str(query), "-db", databases.of("files", "nucl", sequences, "-parse_seqids")]


def nothing(folder: Path) -> None:
    """Prepare no files."""


def with_links(folder: Path) -> None:
    """Names that lead elsewhere, to files that are there or not yet."""
    for name in ("here", "elsewhere", "out_3.json"):
        (folder / name).mkdir()
    (folder / "elsewhere" / "old").write_text("old")
    (folder / "here" / "list").symlink_to("../elsewhere/old")
    (folder / "here" / "new").symlink_to("../elsewhere/new")
    (folder / "here" / "list_1.json").symlink_to("../elsewhere/first")
    (folder / "there").symlink_to("elsewhere")
    (folder / "circle").symlink_to("circle")


def with_others(folder: Path) -> None:
    """Files of the user's, with names that a search might use itself."""
    for name in ("formatter.stderr", "batch0.fa", "query.fa", "f_1.json.partial", "f_10.json", "f_1.xml", "f", "ff_1"):
        (folder / name).write_text(f"the user's {name}")


def both(words: Seq[str], prepare: Callable[[Path], None], folder: Path) -> tuple[int, Tree]:
    """Run BLAST+ and shardblast in two folders; assert that they leave the same files, and return these."""
    theirs, ours = folder / "theirs", folder / "ours"
    for place in (theirs, ours):
        place.mkdir()
        prepare(place)
    status = subprocess.run(["blastn", *words], cwd=theirs).returncode
    options = parse(Program.BLASTN, [*words, "--shards", "2"], arguments("blastn"))
    with contextlib.chdir(ours):
        outcome = LocalEngine(find_installation(), AMPLE, folder / "cache").search(options, ignore)

    expected, actual = tree(theirs), tree(ours)
    assert outcome.status == status
    assert sorted(actual) == sorted(expected)
    assert [name for name in expected if actual[name] != expected[name]] == []
    assert bool(outcome.report.shards) == (status == 0), outcome.report.why
    return status, expected


def tree(folder: Path) -> Tree:
    found: Tree = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = os.readlink(path)
        else:
            found[name] = path.read_bytes() if path.is_file() else None
    return found


@pytest.mark.parametrize(
    ("outfmt", "out"),
    [
        *(("13", out) for out in ("r.json", "r.Json.json", ".json", "r.xml", "[!a]*?", 'it\'s "a" {name}', "ü")),
        *(("14", out) for out in ("r.XML", ".xml", "r.", "r[1]", "-r")),
    ],
)
def test_a_file_for_each_query_and_their_list_are_written_under_any_name(
    words: list[str], outfmt: str, out: str, tmp_path: Path
) -> None:
    status, left = both([*words, "-outfmt", outfmt, "-out", out], nothing, tmp_path)

    assert status == 0
    assert len(left) == 4


@pytest.mark.parametrize(("outfmt", "out"), [("13", "f"), ("14", "f_2.json"), ("13", "query.fa")])
def test_other_files_beside_the_output_are_not_changed(words: list[str], outfmt: str, out: str, tmp_path: Path) -> None:
    both([*words, "-outfmt", outfmt, "-out", out], with_others, tmp_path)


@pytest.mark.parametrize(
    ("outfmt", "out"),
    [("6", "here/list"), ("0", "here/new"), ("13", "here/list"), ("14", "here/new"), ("13", "there/../here/x.json")],
)
def test_links_stay_links_and_lead_to_the_output(words: list[str], outfmt: str, out: str, tmp_path: Path) -> None:
    status, _ = both([*words, "-outfmt", outfmt, "-out", out], with_links, tmp_path)

    assert status == 0


LONG = "n" * 250


@pytest.mark.parametrize(
    ("outfmt", "out"),
    [
        *(("6", out) for out in ("here", "x/", ".", "", "circle")),
        *(("13", out) for out in ("here/", "there/..", "absent/x", "here/list/x", 2 * LONG)),
        ("13", LONG),
        ("13", "-"),
    ],
)
def test_an_unusable_output_path_is_refused_as_by_blast(
    words: list[str], outfmt: str, out: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    status, _ = both([*words, "-outfmt", outfmt, "-out", out], with_links, tmp_path)

    theirs, _, ours = capfd.readouterr().err.partition("error: ")[2].partition("error: ")
    assert status == 1
    assert ours.strip()
    assert theirs.startswith(ours.strip().splitlines()[0])


@pytest.mark.parametrize("outfmt", ["6", "5"])
def test_a_pipe_with_a_name_gets_the_output(words: list[str], outfmt: str, tmp_path: Path) -> None:
    def with_pipe(folder: Path) -> None:
        os.mkfifo(folder / "pipe")
        command = ["timeout", "60", "cp", "--copy-contents", "pipe", "read"]
        readers.append(subprocess.Popen(command, cwd=folder))

    readers: list[subprocess.Popen[bytes]] = []
    both([*words, "-outfmt", outfmt, "-out", "pipe"], with_pipe, tmp_path)

    assert [reader.wait() for reader in readers] == [0, 0]
    assert (tmp_path / "ours" / "read").read_bytes() == (tmp_path / "theirs" / "read").read_bytes() != b""
