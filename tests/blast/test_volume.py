"""Volumes: the content of an index, and small volumes copied out of larger ones."""

from __future__ import annotations

import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from shardblast.blast.alias import write_part
from shardblast.blast.database import open_database
from shardblast.blast.installation import find_installation
from shardblast.blast.volume import View, Volume, VolumeWriter, read_volume
from shardblast.core.errors import DatabaseError
from shardblast.core.program import Molecule
from shardblast.disk.memory import resident_bytes
from tests.cold import cool
from tests.databases import Databases, make_database
from tests.sequences import Sequence, nucleotides, proteins, write_fasta

KINDS = ["v5", "v4", "v5-ids", "v4-ids"]
MOLECULES = list(Molecule)


@pytest.fixture(params=[(kind, molecule) for kind in KINDS for molecule in MOLECULES], ids=str)
def volume(request: pytest.FixtureRequest, databases: Databases) -> Volume:
    kind, molecule = request.param
    return read_volume(Path(databases(kind, molecule.dbtype)), molecule)


def test_the_index_agrees_with_blastdbcmd(volume: Volume) -> None:
    lengths = [int(line) for line in listed(volume.path, volume.molecule, "%l")]

    assert (volume.num_seqs, volume.letters, volume.max_length) == (len(lengths), sum(lengths), max(lengths))
    assert volume.size_bytes > 0


def test_only_a_database_with_parsed_ids_has_an_index_of_ids(volume: Volume, databases: Databases) -> None:
    has_ids = "-ids" in str(volume.path)

    assert (volume.id_index is not None) is has_ids


@pytest.mark.parametrize("version", ["4", "5"])
def test_the_ids_of_an_index_are_read_in_order_from_any_of_them(version: str, tmp_path: Path) -> None:
    names = [f"s{number * 7919 % 5003:04}" for number in range(5003)]  # enough for a tree of several pages
    sequences = [Sequence(f"{name} title\x01gnl|lab|{name}", "MKV" * 9) for name in names]
    path = make_database(tmp_path / "db", "prot", sequences, "-parse_seqids", "-blastdb_version", version)
    spellings = {"4": ("gnl|lab|{}", "lcl|{}", "{}"), "5": ("lab:{}", "{}")}[version]

    volume = read_volume(path, Molecule.PROTEIN)

    ids = list(volume.ids_from(b""))
    assert ids == sorted(ids)
    assert {spelling.format(name).encode() for spelling in spellings for name in names} <= set(ids)
    for place in (0, 1, 5000, len(ids) - 1):
        assert list(volume.ids_from(ids[place])) == ids[place:]
    assert list(volume.ids_from(b"~")) == []


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_cuts_are_ascending_and_of_about_equal_letters(volume: Volume, parts: int) -> None:
    lengths = [int(line) for line in listed(volume.path, volume.molecule, "%l")]

    cuts = volume.cuts(parts)

    assert (cuts[0], cuts[-1], len(cuts)) == (0, volume.num_seqs, parts + 1)
    assert cuts == sorted(cuts)
    for begin, end in pairwise(cuts):
        bytes_of_ambiguities = 4 * sum(lengths) // 100
        assert sum(lengths[begin:end]) <= sum(lengths) / parts + max(lengths) + bytes_of_ambiguities


def test_more_cuts_than_sequences_are_still_ascending(volume: Volume) -> None:
    cuts = volume.cuts(3 * volume.num_seqs)

    assert cuts == sorted(cuts)
    assert set(cuts) <= set(range(volume.num_seqs + 1))


def test_letters_of_a_range_are_right_to_a_few_for_each_sequence(volume: Volume) -> None:
    lengths = [int(line) for line in listed(volume.path, volume.molecule, "%l")]

    for first, last in ((0, volume.num_seqs), (5, 25), (7, 8)):
        assert volume.letters_of(first, last) >= sum(lengths[first:last])


def test_a_copy_of_all_has_the_same_sequences_and_titles(volume: Volume, tmp_path: Path) -> None:
    copy = tmp_path / "copy"

    VolumeWriter(copy, volume.molecule).write([(volume, range(volume.num_seqs))])

    assert listed(copy, volume.molecule, "%l %s %t") == listed(volume.path, volume.molecule, "%l %s %t")
    read = read_volume(copy, volume.molecule)
    assert (read.num_seqs, read.letters, read.max_length) == (volume.num_seqs, volume.letters, volume.max_length)


def test_a_copy_of_some_has_these_with_their_ids(volume: Volume, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    oids = [1, 4, 5, volume.num_seqs - 1]

    VolumeWriter(copy, volume.molecule).write([(volume, oids)])

    whole = listed(volume.path, volume.molecule, "%l %s %t")
    assert listed(copy, volume.molecule, "%l %s %t") == [whole[oid] for oid in oids]
    ids = listed(copy, volume.molecule, "%i")
    if volume.id_index is None:
        assert ids == [f"gnl|BL_ORD_ID|{number}" for number in range(4)]
    else:
        assert ids == [listed(volume.path, volume.molecule, "%i")[oid] for oid in oids]


@pytest.mark.parametrize("molecule", MOLECULES)
def test_a_copy_is_searched_as_the_original(tmp_path: Path, molecule: Molecule) -> None:
    sequences = {"nucl": nucleotides(), "prot": proteins()}[molecule.dbtype]
    path = make_database(tmp_path / "db", molecule.dbtype, sequences)
    volume = read_volume(path, molecule)
    query = write_fasta(tmp_path / "q.fa", sequences[5:9])

    VolumeWriter(tmp_path / "copy", molecule).write([(volume, range(volume.num_seqs))])

    program = {"nucl": "blastn", "prot": "blastp"}[molecule.dbtype]
    found = [
        subprocess.run([program, "-db", str(db), "-query", str(query), "-outfmt", "6"], capture_output=True, check=True)
        for db in (path, tmp_path / "copy")
    ]
    assert found[0].stdout
    assert found[0].stdout == found[1].stdout


def test_ordinals_of_any_size_are_renumbered(tmp_path: Path) -> None:
    sequences = [Sequence(f"s{number}", "ACGTACGTAC") for number in range(70_000)]
    volume = read_volume(make_database(tmp_path / "db", "nucl", sequences), Molecule.NUCLEOTIDE)
    oids = [0, 127, 128, 255, 256, 32_767, 32_768, 65_535, 65_536, 69_999]

    VolumeWriter(tmp_path / "copy", Molecule.NUCLEOTIDE).write([(volume, oids)])

    assert listed(tmp_path / "copy", Molecule.NUCLEOTIDE, "%i %t") == [
        f"gnl|BL_ORD_ID|{number} s{oid}" for number, oid in enumerate(oids)
    ]


def test_a_missing_volume_is_a_database_error(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="can't be read"):
        read_volume(tmp_path / "absent", Molecule.PROTEIN)


@pytest.mark.parametrize("content", [b"", b"\0\0\0", b"\0\0\0\x05\0\0\0\x01" + b"\xff" * 40, b"\0\0\0\x09\0\0\0\x01"])
def test_an_index_of_another_kind_is_a_database_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "db.pin").write_bytes(content)

    with pytest.raises(DatabaseError):
        read_volume(tmp_path / "db", Molecule.PROTEIN)


def listed(path: Path, molecule: Molecule, outfmt: str) -> list[str]:
    argv = ["blastdbcmd", "-db", str(path), "-dbtype", molecule.dbtype, "-entry", "all", "-outfmt", outfmt]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.splitlines()


def test_a_view_shows_the_bases_that_makeblastdb_stored_in_place_of_codes(databases: Databases, tmp_path: Path) -> None:
    sequences = [Sequence(f"s{number}", "ACGT" * number + "NNRYACG" * (number % 3)) for number in range(1, 40)]
    path = Path(databases.of("codes-in-volumes", "nucl", sequences, "-max_file_sz", "2000"))
    database = open_database(find_installation(), str(path), Molecule.NUCLEOTIDE)
    shown = [one.letters for one in sequences]

    alias = write_part(tmp_path, "part", database, range(len(database.volumes)), view=View.PACKED)

    seen = listed(Path(alias), Molecule.NUCLEOTIDE, "%s")
    assert len(database.volumes) > 1
    assert [len(one) for one in seen] == [len(one) for one in shown]
    assert not set("".join(seen)) - set("ACGT")
    assert all(
        a in ("N", "R", "Y", b) for one, two in zip(shown, seen, strict=True) for a, b in zip(one, two, strict=True)
    )
    second = write_part(tmp_path, "range", database, [1], range(2, 4), View.PACKED)
    first = database.first_oids[1] + 2
    assert listed(Path(second), Molecule.NUCLEOTIDE, "%s") == seen[first : first + 2]
    as_stored = write_part(tmp_path, "stored", database, range(len(database.volumes)), view=View.STORED)
    assert listed(Path(as_stored), Molecule.NUCLEOTIDE, "%s") == shown


def test_sequences_that_are_not_needed_any_more_leave_memory(tmp_path: Path) -> None:
    volume = read_volume(make_database(tmp_path / "db", "prot", proteins()), Molecule.PROTEIN)
    written = volume.sequence_file
    cool(written)
    written.read_bytes()
    assert resident_bytes([written]) == [written.stat().st_size]

    volume.forget(None)

    assert resident_bytes([written]) == [0]
