"""BLAST databases that are copied from their place."""

from __future__ import annotations

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from shardblast.core.errors import DatabaseError, DiskFull, InputError, Interrupted, SourceChanged
from shardblast.sources import blast
from shardblast.sources.blast import BlastSource
from tests.databases import Databases, make_database
from tests.sequences import nucleotides
from tests.sources.bringing import Reported, assert_same_files, assert_sound, bring, names_in, opened, searched, source
from tests.sources.publishing import TAXONOMY

ALIASES = (".nal", ".pal")


@pytest.mark.parametrize("dbtype", ["nucl", "prot"])
@pytest.mark.parametrize("kind", ["v5", "v4-volumes-ids", "v5-volumes-ids", "nested-aliases", "path with spaces"])
def test_every_kind_of_database_is_copied(
    kind: str, dbtype: str, databases: Databases, queries: dict[str, Path], tmp_path: Path
) -> None:
    path = Path(databases(kind, dbtype).strip('"'))
    reported = Reported()

    brought = bring(source(str(path)), tmp_path / "brought", reported=reported)

    but_for = tuple(part.name for part in path.parent.iterdir() if part.suffix in ALIASES)
    assert_same_files(brought.parent, path.parent, but_for)
    assert searched(brought, queries[dbtype]) == searched(path, queries[dbtype])
    assert_sound(brought)
    assert reported.counts[-1][0] == reported.counts[-1][1] == source(str(path)).offer().size_bytes


def test_an_alias_may_have_the_name_of_one_of_its_volumes(queries: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "original"
    make_database(folder / "a", "nucl", nucleotides()[:40])
    make_database(folder / "b", "nucl", nucleotides()[40:80])
    (folder / "a.nal").write_text('TITLE both\nDBLIST "a" "b"\n')

    brought = bring(source(str(folder / "a")), tmp_path / "brought")

    assert opened(brought).num_seqs == 80
    assert searched(brought, queries["nucl"]) == searched(folder / "a", queries["nucl"])


def test_the_taxonomy_beside_a_database_is_copied_and_neighbours_are_not(original: Path, tmp_path: Path) -> None:
    for name, content in TAXONOMY.items():
        (original.parent / name).write_bytes(content)
    expected = {part.name for part in original.parent.iterdir()}
    make_database(original.with_name("other"), "nucl", nucleotides()[:3])
    (original.parent / "core.txt").write_text("notes")

    brought = bring(source(str(original)), tmp_path / "brought")

    assert names_in(brought.parent) == expected


def test_the_database_can_be_opened_in_place(original: Path) -> None:
    one = source(str(original))

    assert isinstance(one, BlastSource)
    assert one.database().num_seqs == opened(original).num_seqs


def test_an_offer_changes_with_the_files(original: Path) -> None:
    first, same = source(str(original)).offer(), source(str(original)).offer()
    os.utime(original.with_name("core.01.nsq"), (1, 1))

    second = source(str(original)).offer()

    assert first == same
    assert second.generation != first.generation
    assert json.loads(json.dumps(second.details)) == second.details


def test_files_that_changed_since_the_offer_are_rejected(original: Path, tmp_path: Path) -> None:
    one = source(str(original))
    offer = one.offer()
    changed = original.with_name("core.01.nsq")
    changed.write_bytes(changed.read_bytes()[::-1])

    with pytest.raises(SourceChanged, match=r"core\.01\.nsq"):
        bring(one, tmp_path / "brought", offer)


def test_a_copy_resumes_where_it_ended(original: Path, tmp_path: Path) -> None:
    one = source(str(original))
    offer = one.offer()
    away = original.with_name("core.02.nsq").rename(tmp_path / "away")
    with pytest.raises(SourceChanged, match=r"core\.02\.nsq .* it has been removed"):
        bring(one, tmp_path / "brought", offer)
    before = {part.name: part.stat().st_ino for part in (tmp_path / "brought").glob("core.*")}
    away.rename(original.with_name("core.02.nsq"))

    path = bring(one, tmp_path / "brought", offer)

    assert "core.01.nsq" in before
    assert "core.02.nsq" not in before
    assert before.items() <= {part.name: part.stat().st_ino for part in path.parent.iterdir()}.items()
    assert_same_files(path.parent, original.parent, ("core.nal",))


def test_a_copy_stops_on_request(original: Path, tmp_path: Path) -> None:
    one = source(str(original))

    with pytest.raises(Interrupted):
        one.bring(one.offer(), tmp_path / "brought", Reported(), lambda: True)


def test_a_copy_does_not_follow_the_original(original: Path, tmp_path: Path) -> None:
    path = bring(source(str(original)), tmp_path / "brought")
    part = original.with_name("core.01.nsq")

    with part.open("r+b") as file:
        file.write(b"changed in place")

    assert path.with_name("core.01.nsq").read_bytes() != part.read_bytes()


def test_files_are_copied_where_the_kernel_does_not_copy_between_file_systems(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blast, "_CHUNK_BYTES", 1000)
    with TemporaryDirectory(dir="/dev/shm") as shared:
        path = bring(source(str(original)), Path(shared))
        assert_same_files(path.parent, original.parent, ("core.nal",))


def test_a_database_that_does_not_fit_is_not_begun(original: Path, tmp_path: Path) -> None:
    one = source(str(original))
    with original.with_name("core.01.nsq").open("ab") as file:
        file.truncate(1 << 42)  # takes no space
    offer = one.offer()

    with pytest.raises(DiskFull):
        bring(one, tmp_path / "brought", offer)

    assert names_in(tmp_path / "brought") == set()


def test_files_of_the_same_name_in_two_folders_can_t_be_copied(original: Path, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        make_database(tmp_path / folder / "same", "nucl", nucleotides()[:5])
    alias = tmp_path / "both.nal"
    alias.write_text("TITLE both\nDBLIST a/same b/same\n")

    with pytest.raises(DatabaseError, match="same name"):
        source(str(tmp_path / "both")).offer()


@pytest.mark.parametrize("text", ["/no/such/path", "", " ", "a\nb", "core.00.nsq", "http://127.0.0.1/x", "s3://bucket"])
def test_a_text_that_means_no_source_is_refused(text: str, original: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(original.parent)

    with pytest.raises(InputError) as caught:
        source(text)

    assert caught.value.remedy


def test_a_path_without_a_database_is_refused_by_name(databases: Databases, tmp_path: Path) -> None:
    whole = Path(databases("v4-volumes-ids", "nucl"))
    volume = sorted(whole.parent.glob("*.nin"))[0]
    lone = make_database(tmp_path / "lone", "nucl", nucleotides()[:3])
    (tmp_path / "text").write_text("hello\n")
    refused = {}
    for path in (tmp_path / "nothing", volume, lone.with_name("lone.nsq"), tmp_path / "text", tmp_path):
        with pytest.raises(InputError) as found:
            source(str(path))
        refused[path] = found.value

    nothing = refused[tmp_path / "nothing"]
    assert nothing.problem == (
        f"There is neither a FASTA file nor a BLAST database (files nothing.n* or nothing.p*) at {tmp_path}/nothing."
    )
    assert "protein" not in nothing.problem
    assert refused[volume].remedy == f"Did you mean {whole}?"
    assert refused[lone.with_name("lone.nsq")].remedy == f"Did you mean {lone}?"
    assert "neither a BLAST database nor a FASTA file" in refused[tmp_path / "text"].problem
    assert f"{tmp_path.name}.n*" in refused[tmp_path].problem


def test_a_damaged_database_is_reported_as_damaged(tmp_path: Path) -> None:
    path = make_database(tmp_path / "damaged", "nucl", nucleotides()[:3])
    path.with_name("damaged.nin").write_bytes(b"")

    with pytest.raises(InputError, match=f"BLAST\\+ can't read the database {path}") as found:
        source(str(path))

    assert "protein" not in found.value.problem
