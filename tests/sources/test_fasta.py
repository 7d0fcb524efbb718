"""FASTA files that are made into databases."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from shardblast.core.errors import InputError, Interrupted, ShardblastError, SourceChanged
from shardblast.core.program import Molecule
from shardblast.sources.blast import BlastSource
from tests.databases import MANY_VOLUMES_BYTES, make_database
from tests.sequences import Sequence, nucleotides, proteins, write_fasta
from tests.sources.bringing import Reported, assert_same_files, assert_sound, bring, names_in, opened, searched, source

PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}
SEQUENCES = {"nucl": nucleotides, "prot": proteins}
DATED = ("nin", "pin", "njs", "pjs", "nal", "pal")
"""Files that hold when they were made, or where."""


def fasta(path: Path, sequences: tuple[Sequence, ...], packing: str = "") -> Path:
    write_fasta(path, sequences)
    packed = path.with_name(path.name + packing)
    packed.write_bytes(PACKINGS[packing](path.read_bytes()))
    if packing:
        path.unlink()
    return packed


@pytest.mark.parametrize("dbtype", ["nucl", "prot"])
@pytest.mark.parametrize("packing", PACKINGS)
def test_a_file_becomes_the_database_that_makeblastdb_makes(
    packing: str, dbtype: str, made: dict[str, Path], queries: dict[str, Path], tmp_path: Path
) -> None:
    path = fasta(tmp_path / "core.fa", SEQUENCES[dbtype](), packing)
    reported = Reported()

    brought = bring(
        source(str(path), volume_bytes=int(MANY_VOLUMES_BYTES[dbtype]), title="core of tests"),
        tmp_path / "brought",
        reported=reported,
    )

    assert brought.name == "core"
    assert names_in(brought.parent) == {part.name for part in made[dbtype].parent.iterdir()}
    assert_same_files(
        brought.parent,
        made[dbtype].parent,
        tuple(part.name for part in made[dbtype].parent.iterdir() if part.suffix[1:] in (*DATED, "ndb", "pdb")),
    )
    assert searched(brought, queries[dbtype], "6") == searched(made[dbtype], queries[dbtype], "6")
    assert opened(brought).title == "core of tests"
    assert_sound(brought)
    assert reported.counts[-1] == (path.stat().st_size, path.stat().st_size)


@pytest.mark.parametrize("name", ["x.fa", "x.fasta", "x.fna", "x.faa", "x.fsa", "X.FA", "no suffix", "x.txt"])
def test_a_file_is_known_by_its_name_or_by_how_it_begins(name: str, tmp_path: Path) -> None:
    path = fasta(tmp_path / name, nucleotides()[:5])

    assert opened(bring(source(str(path)), tmp_path / "brought")).num_seqs == 5


def test_a_path_of_both_a_file_and_a_database_means_the_database(tmp_path: Path) -> None:
    path = fasta(tmp_path / "x.fa", nucleotides()[:5])
    make_database(path, "nucl", nucleotides()[:5])

    assert isinstance(source(str(path)), BlastSource)


@pytest.mark.parametrize(
    ("letters", "molecule"),
    [
        ("ACGTNNNNRYACGT", Molecule.NUCLEOTIDE),
        ("acguacguacgu", Molecule.NUCLEOTIDE),
        ("MKVLAAGG", Molecule.PROTEIN),
        ("XXXXXXXXXX", Molecule.PROTEIN),
    ],
)
def test_the_molecule_is_guessed(letters: str, molecule: Molecule, tmp_path: Path) -> None:
    path = fasta(tmp_path / "x.fa", (Sequence("ACGT one", letters),))

    assert source(str(path)).offer().details["molecule"] == molecule


def test_the_molecule_may_be_given(tmp_path: Path) -> None:
    path = fasta(tmp_path / "x.fa", (Sequence("peptide", "GATTACA"),))

    brought = bring(source(str(path), molecule=Molecule.PROTEIN), tmp_path / "brought")

    assert opened(brought).molecule is Molecule.PROTEIN


def test_ids_can_be_looked_up(tmp_path: Path) -> None:
    path = fasta(tmp_path / "x.fa", nucleotides()[:5])

    assert opened(bring(source(str(path)), tmp_path / "brought")).unique_ids
    assert not opened(bring(source(str(path), parse_seqids=False), tmp_path / "other")).unique_ids


BAD_IDS = {
    "the same twice": ["same", "same"],
    "too long": ["x" * 60, "y"],
    "of no known kind": ["a|b|c|d", "y"],
    "no number": ["gi|15896971:871-672 x", "y"],
    "in quotes": ['"q15" title', "y"],
    "of other characters": ['a<b>"c', "y"],
    "empty": ["a", ""],
}


@pytest.mark.parametrize("kind", BAD_IDS)
def test_ids_that_can_t_be_parsed_are_left_unchanged(kind: str, tmp_path: Path) -> None:
    path = fasta(tmp_path / "x.fa", tuple(Sequence(name, "ACGTACGTAC") for name in BAD_IDS[kind]))

    brought = bring(source(str(path)), tmp_path / "brought")

    assert opened(brought).num_seqs == 2
    assert not opened(brought).unique_ids
    assert not list(brought.parent.glob("*.nos"))


@pytest.mark.parametrize("settings", [{"parse_seqids": True}, {"taxid_map": True}])
def test_ids_that_must_be_parsed_and_can_t_be_are_an_error(settings: dict[str, bool], tmp_path: Path) -> None:
    path = fasta(tmp_path / "x.fa", (Sequence("same", "ACGT"), Sequence("same", "ACGT")))
    if "taxid_map" in settings:
        (tmp_path / "map").write_text("same 9606\n")
        one = source(str(path), taxid_map=tmp_path / "map")
    else:
        one = source(str(path), parse_seqids=True)

    with pytest.raises(InputError, match="Duplicate seq_ids"):
        bring(one, tmp_path / "brought")

    assert names_in(tmp_path / "brought") == set()


def test_a_taxid_map_gives_taxids(tmp_path: Path) -> None:
    sequences = nucleotides()[:3]
    path = fasta(tmp_path / "x.fa", sequences)
    lines = [f"{one.title.split()[0]} {9606 + number}\n" for number, one in enumerate(sequences)]
    (tmp_path / "map").write_text("".join(lines) + "\nother\t7 with a remark\r\n")

    brought = bring(source(str(path), taxid_map=tmp_path / "map"), tmp_path / "brought")

    argv = ["blastdbcmd", "-db", str(brought), "-entry", "all", "-outfmt", "%T"]
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == "9606\n9607\n9608\n"


def test_a_missing_taxid_map_is_an_error(tmp_path: Path) -> None:
    path = fasta(tmp_path / "x.fa", nucleotides()[:3])

    with pytest.raises(InputError, match="taxid"):
        source(str(path), taxid_map=tmp_path / "map").offer()


DAMAGED = {
    "empty": b"",
    "blank": b"\n \n",
    "rubbish": b"no FASTA at all\n",
    "binary": bytes(range(256)) * 9,
    "empty gzip": gzip.compress(b""),
    "rubbish in gzip": gzip.compress(b"rubbish"),
    "gzip cut short": gzip.compress(b">a\n" + bytes(range(65, 85)) * 90_000)[:-20],
    "gzip damaged": b"\x1f\x8b\x08\x00" + b"damage" * 50,
    "zstd cut short": zstandard.ZstdCompressor().compress(b">a\n" + b"ACGT\n" * 900_000)[:-20],
    "zstd damaged": b"\x28\xb5\x2f\xfd" + b"damage" * 50,
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_or_invalid_fasta_file_is_a_clear_error_and_leaves_no_files(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "x.fa"
    path.write_bytes(DAMAGED[kind])

    with pytest.raises(InputError, match=r"x\.fa"):
        bring(source(str(path)), tmp_path / "brought")

    assert not (tmp_path / "brought").exists() or names_in(tmp_path / "brought") == set()


@pytest.mark.parametrize("text", [">a\n\n>b\n", ">a\nMKVL!!!EEEE@\n"])
def test_a_file_that_makeblastdb_refuses_is_an_error_in_its_words(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.fa"
    path.write_text(text)

    with pytest.raises(ShardblastError, match="creation error"):
        bring(source(str(path), molecule=Molecule.PROTEIN), tmp_path / "brought")

    assert names_in(tmp_path / "brought") == set()


def test_a_file_that_is_truncated_after_many_letters_leaves_nothing(tmp_path: Path) -> None:
    packed = gzip.compress("".join(one.fasta for one in nucleotides() * 5).encode())
    path = tmp_path / "x.fa.gz"
    path.write_bytes(packed[: len(packed) // 2])

    with pytest.raises(InputError, match="can't be read"):
        bring(source(str(path)), tmp_path / "brought")

    assert names_in(tmp_path / "brought") == set()


def test_an_offer_changes_with_the_file_and_with_the_settings(tmp_path: Path) -> None:
    path = fasta(tmp_path / "x.fa", nucleotides()[:5])
    first, same = source(str(path)).offer(), source(str(path)).offer()
    titled = source(str(path), title="another").offer()
    os.utime(path, (1, 1))

    second = source(str(path)).offer()

    assert first == same
    assert len({first.generation, titled.generation, second.generation}) == 3
    assert second.version == "1970-01-01T00:00:01+00:00"
    assert json.loads(json.dumps(first.details)) == first.details


def test_a_file_that_changed_since_the_offer_is_rejected(tmp_path: Path) -> None:
    path = fasta(tmp_path / "x.fa", nucleotides()[:5])
    one = source(str(path))
    offer = one.offer()
    fasta(path, nucleotides()[:6])

    with pytest.raises(SourceChanged):
        bring(one, tmp_path / "brought", offer)

    assert names_in(tmp_path / "brought") == set()


def test_makeblastdb_ends_on_request(tmp_path: Path) -> None:
    path = tmp_path / "x.fa"
    fasta(path, nucleotides() * 30)
    one = source(str(path), parse_seqids=False)

    with pytest.raises(Interrupted):
        one.bring(one.offer(), tmp_path / "brought", Reported(), lambda: True)

    assert names_in(tmp_path / "brought") == set()
    assert children_named("makeblastdb", tmp_path) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.sources.bringing import source

text, folder = sys.argv[1:]
one = source(text, parse_seqids=False)
one.bring(one.offer(), Path(folder), lambda done, total: os.kill(os.getpid(), signal.SIGKILL), lambda: False)
"""


def test_after_a_kill_it_begins_again(tmp_path: Path) -> None:
    path = fasta(tmp_path / "x.fa", nucleotides() * 30)
    argv = [sys.executable, "-c", KILLED, str(path), str(tmp_path / "brought")]
    killed = subprocess.run(argv, cwd=Path(__file__).parents[2])

    brought = bring(source(str(path), parse_seqids=False), tmp_path / "brought")

    assert killed.returncode == -9
    assert opened(brought).num_seqs == len(nucleotides()) * 30
    assert_sound(brought)


def test_a_database_that_was_made_is_not_made_again(tmp_path: Path) -> None:
    path = fasta(tmp_path / "x.fa", nucleotides()[:5])
    one = source(str(path))
    offer = one.offer()
    first = bring(one, tmp_path / "brought", offer)
    times = {part.name: part.stat().st_mtime_ns for part in first.parent.glob("x*")}

    second = bring(one, tmp_path / "brought", offer)

    assert second == first
    assert {part.name: part.stat().st_mtime_ns for part in second.parent.glob("x*")} == times


@pytest.mark.parametrize("name", ["a b.fa", "ü.fa", "-x.fa", "x;y.fa", ".fa", "$(x).fa"])
def test_a_name_of_any_letters_makes_a_database_with_a_plain_one(name: str, tmp_path: Path) -> None:
    path = fasta(tmp_path / name, nucleotides()[:5])

    brought = bring(source(str(path)), tmp_path / "a folder" / "brought")

    assert opened(brought).num_seqs == 5
    assert brought.name.isascii()
    assert not brought.name.startswith("-")


def children_named(program: str, folder: Path) -> list[str]:
    """Return the running processes of a program that work in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "comm").read_text().strip() == program and folder in (process / "cwd").resolve().parents:
                found.append(process.name)
        except OSError:
            continue
    return found


UNUSABLE = {
    "missing": ({"taxid_map": Path("/nope/map")}, "The taxid map /nope/map can't be read: no such file or directory"),
    "folder": ({"taxid_map": Path("/")}, "The taxid map / is not a file"),
    "endless": ({"taxid_map": Path("/dev/zero")}, "The taxid map /dev/zero is not a file"),
    "NUL in the path": ({"taxid_map": Path("\0")}, r"The path of the taxid map '\\x00' is not printable"),
    "half a character": ({"taxid_map": Path("\ud800")}, r"The path of the taxid map '\\ud800' is not printable"),
    "NUL in the title": ({"title": "a\0b"}, r"The title 'a\\x00b' is not printable"),
}


@pytest.mark.parametrize(("settings", "problem"), UNUSABLE.values(), ids=UNUSABLE)
def test_settings_that_makeblastdb_can_t_use_are_refused_at_once(
    settings: dict[str, Any], problem: str, tmp_path: Path
) -> None:
    path = write_fasta(tmp_path / "some.fa", nucleotides()[:3])

    with pytest.raises(InputError, match=problem):
        source(str(path), **settings)


NOT_MAPS = {
    "root:x:0:0:root:/root:/bin/bash\npostgres:x:1:1:PostgreSQL secret,,,:/var\n": 1,
    "a 1\npostgres:x:1:1:PostgreSQL secret,,,:/var\n": 2,
    "a 1\n\nb secret\n": 3,
    "a 1\nb 2,secret": 2,
    "a 1\nb\t99999999999999999999\n": 2,
    "a 2147483648\n": 1,
    "a\n": 1,
    " \n": 1,
    "a\v1 secret\n": 1,
    "a 1\vsecret\n": 1,
    "a \u0661\n": 1,
}


@pytest.mark.parametrize(("text", "line"), NOT_MAPS.items())
def test_a_file_that_is_not_a_taxid_map_is_refused_without_quoting_it(text: str, line: int, tmp_path: Path) -> None:
    path = write_fasta(tmp_path / "some.fa", nucleotides()[:3])
    (tmp_path / "map").write_text(text)

    with pytest.raises(InputError) as caught:
        bring(source(str(path), taxid_map=tmp_path / "map"), tmp_path / "brought")

    assert caught.value.problem == f"Line {line} of the taxid map map has no taxid."


def test_no_message_of_makeblastdb_quotes_a_taxid_map_that_changes_after_its_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_fasta(tmp_path / "some.fa", nucleotides()[:3])
    (tmp_path / "map").write_text("a it's_secret\n")
    monkeypatch.setattr("shardblast.sources.fasta._check_taxids", lambda path: None)

    with pytest.raises(ShardblastError, match="Cannot convert string") as caught:
        bring(source(str(path), taxid_map=tmp_path / "map"), tmp_path / "brought")

    assert "secret" not in str(caught.value)
