"""The output of BLAST+ programs is counted: an incomplete one is an error even if the program succeeds."""

from __future__ import annotations

import io
import os
import subprocess
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from shardblast import search
from shardblast.blast.archive import ArchiveReader
from shardblast.blast.installation import Installation, find_installation
from shardblast.blast.process import Processes
from shardblast.core.errors import ShardblastError
from shardblast.core.events import ignore
from shardblast.core.options import SearchOptions, parse
from shardblast.core.program import Program
from shardblast.engine.local import LocalEngine
from shardblast.engine.printing import ArchivePrinter, MergedQuery
from tests.databases import Databases
from tests.identity.comparison import AMPLE, arguments
from tests.sequences import Sequence, invented, write_fasta

BLAST = find_installation().folder
FORMATS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 16, 17, 18)
LINE_OF_A_HIT = dict.fromkeys(range(5), "^s1 of counts")
LINE_OF_AN_HSP = {
    0: "^ Score = ",
    5: "^ *<Hsp>$",
    6: "s1",
    7: "s1",
    8: '"e_value"',
    10: "s1",
    12: '"e_value"',
    15: '"bit_score": ',
    16: "<Hsp>$",
    17: "^s1",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Queries with one, two and no hits."""

    query: Path
    database: str

    def options(self, outfmt: int) -> SearchOptions:
        words = ["-query", str(self.query), "-db", self.database, "-outfmt", str(outfmt), "-out", "result"]
        return parse(Program.BLASTN, [*words, "--shards", "2"], arguments("blastn"))


@pytest.fixture(scope="module")
def place(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Place:
    sequences = [invented("nucl", 150, seed, f"s{seed} of counts") for seed in range(6)]
    twice = Sequence("twice", sequences[1].letters[:70] + "A" * 40 + sequences[3].letters)
    none = Sequence("none", "ACGGT" * 12)
    query = write_fasta(tmp_path_factory.mktemp("counts") / "q.fa", [sequences[4], twice, none])
    return Place(query, databases.of("counts", "nucl", sequences, "-parse_seqids"))


@pytest.fixture(scope="module")
def merged(place: Place) -> list[MergedQuery]:
    """The queries as a merge hands them to a printer."""
    argv = ["blastn", "-query", str(place.query), "-db", place.database, "-outfmt", "11"]
    written = subprocess.run(argv, capture_output=True, check=True, env={**os.environ, "BATCH_SIZE": "1"}).stdout
    blocks = {one.ordinal: one.blocks for one in ArchiveReader(io.BytesIO(written), "archive").alignments()}
    templates = ArchiveReader(io.BytesIO(written), "archive").templates()
    return [MergedQuery(n, 0, blocks.get(n, []), None, one) for n, one in enumerate(templates)]


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with BLAST+'s programs, in which a test puts a script before one of them."""
    folder = tmp_path / "blast"
    folder.mkdir()
    for program in find_installation().folder.glob("*blast*"):
        (folder / program.name).symlink_to(program)
    return folder


def cut(folder: Path, name: str, script: str) -> Installation:
    """Have a program run by a script, which finds the real one as ``$real``."""
    program = folder / name
    program.unlink()
    program.write_text(f"#!/bin/bash\nreal={BLAST / name}\n{textwrap.dedent(script)}\n")
    program.chmod(0o755)
    return Installation(folder)


def print_all(installation: Installation, place: Place, merged: list[MergedQuery], outfmt: int, folder: Path) -> bytes:
    target = io.BytesIO()
    folder.mkdir(exist_ok=True)
    with ArchivePrinter(installation, Processes(), place.options(outfmt), folder, target) as printer:
        for query in merged:
            printer.write(query)
    return target.getvalue()


@pytest.mark.parametrize("outfmt", FORMATS)
def test_an_incomplete_output_is_an_error_in_every_format(
    outfmt: int, place: Place, merged: list[MergedQuery], installed: Path, tmp_path: Path
) -> None:
    whole = print_all(find_installation(), place, merged, outfmt, tmp_path / "whole")
    cut_off = 40 if outfmt == 9 else 1  # a binary output ends in zeros, whose number is not looked at
    faults = ["head -c 0", f"head -c {len(whole) // 2}", f"head -c -{cut_off}"]
    faults += [f"sed '0,/{of[outfmt]}/{{//d}}'" for of in (LINE_OF_A_HIT, LINE_OF_AN_HSP) if outfmt in of]
    if outfmt not in (6, 8, 9, 10, 12, 17, 18):
        faults.append("head -n -1")

    for fault in faults:
        installation = cut(installed, "blast_formatter", f'"$real" "$@" | {fault}')

        with pytest.raises(ShardblastError, match=r"truncated|missing"):
            print_all(installation, place, merged, outfmt, tmp_path / "cut")

    assert whole


@pytest.mark.parametrize("outfmt", [13, 14])
def test_missing_or_incomplete_files_are_an_error(
    outfmt: int, place: Place, merged: list[MergedQuery], installed: Path, tmp_path: Path
) -> None:
    print_all(find_installation(), place, merged, outfmt, tmp_path / "whole")
    assert len(list((tmp_path / "whole").iterdir())) == 4

    for number, fault in enumerate(
        ["rm result_2.*", "truncate -s -1 result_3.*", "sed -i '/[Hh]sp\\|bit_score/d' result_1.*", "rm result"]
    ):
        folder = tmp_path / f"cut{number}"
        installation = cut(installed, "blast_formatter", f'"$real" "$@"; cd {folder}; {fault}')

        with pytest.raises(ShardblastError, match="missing"):
            print_all(installation, place, merged, outfmt, folder)


def test_a_formatter_that_fails_or_is_killed_says_so(
    place: Place, merged: list[MergedQuery], installed: Path, tmp_path: Path
) -> None:
    fails = cut(installed, "blast_formatter", 'head -c 9000 | "$real" "$@" | head -c 500; echo "it broke" >&2; exit 3')
    with pytest.raises(ShardblastError, match="it broke"):
        print_all(fails, place, merged, 5, tmp_path)

    killed = cut(installed, "blast_formatter", '"$real" "$@" | head -c 500; kill -9 $$')
    with pytest.raises(ShardblastError, match="killed"):
        print_all(killed, place, merged, 0, tmp_path)


OUT = """out=$(printf '%s\\n' "$@" | grep -A 1 -x -e -out | tail -n 1)"""
LOSE_LAST_QUERY = """python3 -c '
import sys
text = open(sys.argv[1], "rb").read()
at = text.rfind(b"# BLASTN" if text.startswith(b"#") else b"Blast4-archive")
open(sys.argv[1], "wb").write(text[:at])'"""


@pytest.mark.parametrize(("outfmt", "what"), [(6, "shard1"), (5, "shard1"), (5, "probe")])
@pytest.mark.parametrize("fault", [": >", "truncate -s -1", LOSE_LAST_QUERY])
def test_a_search_of_which_one_process_writes_too_little_fails(
    outfmt: int, what: str, fault: str, place: Place, installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = f'"$real" "$@" || exit; case "$*" in *{what}*) {OUT}; [ -z "$out" ] || {fault} "$out";; esac'
    installation = cut(installed, "blastn", script)
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ShardblastError, match=r"truncated|queries|missing"):
        LocalEngine(installation, AMPLE, tmp_path / "cache").search(place.options(outfmt), ignore)

    assert not (tmp_path / "result").exists()


def test_the_library_misses_rows_and_queries(place: Place, installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def found(shards: int | str) -> list[int]:
        return [len(result.hits) for result in search("blastn", db=place.database, query=place.query, shards=shards)]

    monkeypatch.setenv("PATH", f"{installed}:{os.environ['PATH']}")
    assert found(2) == found("off") == [1, 2, 0]

    cut(installed, "blast_formatter", 'case "$*" in *nident*) "$real" "$@" | head -n -1;; *) "$real" "$@";; esac')
    with pytest.raises(ShardblastError, match="other HSPs"):
        found("off")

    cut(installed, "blastn", f'"$real" "$@"; {OUT}; [ -z "$out" ] || {LOSE_LAST_QUERY} "$out"')
    with pytest.raises(ShardblastError, match="3 queries"):
        found("off")
