"""Databases as NCBI publishes them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import boto3
import pytest

from shardblast.core.errors import (
    DamagedError,
    DatabaseError,
    InputError,
    Interrupted,
    NetworkError,
    NotFoundError,
    ShardblastError,
    SourceChanged,
    UsageError,
)
from shardblast.sources import Source
from shardblast.sources.ncbi import NcbiSource
from tests.sources.bringing import Reported, assert_same_files, assert_sound, bring, names_in, searched, source
from tests.sources.publishing import FOLDER, TAXONOMY, publish_archives, publish_bucket, sign
from tests.sources.site import Site
from tests.storage.servers import BUCKET, SECRET

LAYOUTS = ("bucket", "archives")


def publish(layout: str, root: Path, database: Path) -> None:
    if layout == "bucket":
        publish_bucket(root, database)
    else:
        publish_archives(root, database)


def ncbi(site: Site, name: str = "core", **settings: object) -> Source:
    return source(f"ncbi:{name}", ncbi_base=site.address, **settings)


def a_large_file(layout: str, site: Site) -> str:
    """Return the name of a published file that is large enough to be cut."""
    pattern = f"{FOLDER}/core.02.nsq" if layout == "bucket" else "core.02.tar.gz"
    (file,) = site.root.glob(pattern)
    return file.name


@pytest.mark.parametrize("character", ["\0", "\t", "\n", "\x7f"])
def test_a_base_address_has_no_control_characters(character: str) -> None:
    with pytest.raises(UsageError, match="The base address contains control characters"):
        source("ncbi:16S", ncbi_base=f"https://mirror.example{character}/blast")


@pytest.mark.parametrize("dbtype", ["nucl", "prot"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_published_database_is_fetched_file_by_file(
    layout: str, dbtype: str, site: Site, made: dict[str, Path], queries: dict[str, Path], tmp_path: Path
) -> None:
    publish(layout, site.root, made[dbtype])
    reported = Reported()

    path = bring(ncbi(site), tmp_path / "brought", reported=reported)

    assert_same_files(path.parent, made[dbtype].parent)
    assert names_in(path.parent) == {part.name for part in made[dbtype].parent.iterdir()} | set(TAXONOMY)
    assert (path.parent / "taxdb.btd").read_bytes() == TAXONOMY["taxdb.btd"]
    assert_sound(path)
    assert searched(path, queries[dbtype]) == searched(made[dbtype], queries[dbtype])
    assert reported.counts[-1][0] == reported.counts[-1][1] == ncbi(site).offer().size_bytes
    assert sorted(reported.counts) == reported.counts


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_same_publication_is_the_same_generation(layout: str, site: Site, original: Path) -> None:
    publish(layout, site.root, original)

    first, second = ncbi(site).offer(), ncbi(site).offer()

    assert first == second
    assert len(first.generation) == 16
    assert first.version == (FOLDER if layout == "bucket" else "2026-11-19T00:00:00")
    assert json.loads(json.dumps(first.details)) == first.details


def test_a_database_that_did_not_change_is_the_same_generation_in_another_folder(site: Site, original: Path) -> None:
    publish_bucket(site.root, original)
    first = ncbi(site).offer()
    publish_bucket(site.root, original, "2026-11-21-01-05-02")

    second = ncbi(site).offer()

    assert second.generation == first.generation
    assert second.version == "2026-11-21-01-05-02"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_another_taxonomy_does_not_make_another_generation(layout: str, site: Site, original: Path) -> None:
    publish(layout, site.root, original)
    first = ncbi(site).offer()
    for file in site.root.rglob("tax*"):
        if not file.name.endswith(".md5"):
            file.write_bytes(b"new")
            sign(file)

    second = ncbi(site).offer()

    assert second.generation == first.generation
    assert second.details != first.details


def test_an_offer_stays_that_of_its_folder_when_a_later_one_appears(
    site: Site, original: Path, made: dict[str, Path], tmp_path: Path
) -> None:
    publish_bucket(site.root, original)
    offer = ncbi(site).offer()
    publish_bucket(site.root, made["prot"], "2026-11-21-01-05-02")

    path = bring(ncbi(site), tmp_path / "brought", offer)

    assert_same_files(path.parent, original.parent)


@pytest.mark.parametrize("fault", ["503", "cut", "silent", "shorter", "changed", "without ranges", "damaged"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_download_recovers_from_a_fault_of_the_server(
    layout: str, fault: str, site: Site, original: Path, tmp_path: Path
) -> None:
    publish(layout, site.root, original)
    one = ncbi(site, timeout_s=2.0) if fault == "silent" else ncbi(site)
    offer = ncbi(site).offer()
    name = a_large_file(layout, site)
    site.fail(name, *(("cut", fault) if fault == "without ranges" else (fault,)))

    path = bring(one, tmp_path / "brought", offer)

    assert not site.faults[name]
    assert len(site.fetched(name)) > 1
    assert_same_files(path.parent, original.parent)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_interrupted_file_is_fetched_from_where_it_ended(
    layout: str, site: Site, original: Path, tmp_path: Path
) -> None:
    publish(layout, site.root, original)
    one = ncbi(site)
    offer = one.offer()
    name = a_large_file(layout, site)
    site.fail(name, "cut", "cut", "cut")

    bring(one, tmp_path / "brought", offer)

    begins = [int(request.range.strip("bytes=-") or 0) for request in site.fetched(name)]
    assert len(begins) == 4
    assert begins == sorted(set(begins))


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("503", NetworkError), ("shorter", SourceChanged), ("changed", SourceChanged), ("damaged", DamagedError)],
)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_fault_that_stays_is_a_clear_error(
    layout: str, fault: str, kind: type[ShardblastError], site: Site, original: Path, tmp_path: Path
) -> None:
    publish(layout, site.root, original)
    one = ncbi(site)
    offer = one.offer()
    name = a_large_file(layout, site)
    site.fail(name, *[fault] * 200)

    with pytest.raises(kind, match=name):
        bring(one, tmp_path / "brought", offer)

    assert a_large_file(layout, site) not in names_in(tmp_path / "brought")
    assert len(site.fetched(name)) < 20


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_file_published_again_under_the_same_name_is_not_accepted(
    layout: str, site: Site, original: Path, tmp_path: Path
) -> None:
    publish(layout, site.root, original)
    one = ncbi(site)
    offer = one.offer()
    name = a_large_file(layout, site)
    (file,) = site.root.rglob(name)
    file.write_bytes(file.read_bytes()[::-1])
    if layout == "archives":
        sign(file)

    with pytest.raises(SourceChanged, match=name):
        bring(one, tmp_path / "brought", offer)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_file_that_is_gone_by_then_is_reported(layout: str, site: Site, original: Path, tmp_path: Path) -> None:
    publish(layout, site.root, original)
    one = ncbi(site)
    offer = one.offer()
    shutil.rmtree(site.root)

    with pytest.raises(SourceChanged, match="it has been removed"):
        bring(one, tmp_path / "brought", offer)


KILLED = """
import json, sys
from pathlib import Path
from tests.sources.bringing import source
from shardblast.sources.source import Offer

base, folder, offer = sys.argv[1:]
one = source("ncbi:core", ncbi_base=base, parallel=1)
one.bring(Offer(**json.loads(offer)), Path(folder), lambda done, total: print(done, flush=True), lambda: False)
"""


@pytest.mark.parametrize("layout", LAYOUTS)
def test_after_a_kill_only_incomplete_files_are_fetched(
    layout: str, site: Site, original: Path, tmp_path: Path
) -> None:
    publish(layout, site.root, original)
    one = ncbi(site)
    offer = one.offer()
    name = a_large_file(layout, site)
    site.fail(name, "silent")
    files = offer.details["files"]
    place = [file["name"] for file in files].index(name)
    before = sum(file["size_bytes"] for file in files[:place])
    document = json.dumps({slot: getattr(offer, slot) for slot in offer.__slots__})
    argv = [sys.executable, "-c", KILLED, site.address, str(tmp_path / "brought"), document]
    with subprocess.Popen(argv, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert any(int(line) > before for line in process.stdout)
        process.kill()
    site.requests.clear()

    path = bring(one, tmp_path / "brought", offer)

    assert place > 1
    assert not [file["name"] for file in files[:place] if site.fetched(file["name"])]
    assert [request.range.strip("bytes=-").isdigit() for request in site.fetched(name)] == [True]
    assert_same_files(path.parent, original.parent)
    assert_sound(path)


def test_a_fetched_database_is_not_fetched_again(site: Site, original: Path, tmp_path: Path) -> None:
    publish_archives(site.root, original)
    one = ncbi(site)
    offer = one.offer()
    bring(one, tmp_path / "brought", offer)
    site.requests.clear()

    path = bring(one, tmp_path / "brought", offer)

    assert site.requests == []
    assert_same_files(path.parent, original.parent)


def test_a_folder_of_another_offer_is_emptied_first(
    site: Site, original: Path, made: dict[str, Path], tmp_path: Path
) -> None:
    publish_bucket(site.root, made["prot"])
    bring(ncbi(site), tmp_path / "brought")
    publish_bucket(site.root, original, "2026-11-21-01-05-02")

    path = bring(ncbi(site), tmp_path / "brought")

    assert names_in(path.parent) == {part.name for part in original.parent.iterdir()} | set(TAXONOMY)


def test_a_download_stops_on_request_and_resumes_later(site: Site, original: Path, tmp_path: Path) -> None:
    publish_bucket(site.root, original)
    one = ncbi(site, parallel=1, timeout_s=2.0)
    offer = ncbi(site).offer()
    site.fail("core.02.nsq", "silent", "silent")

    with pytest.raises(Interrupted):
        one.bring(offer, tmp_path / "brought", Reported(), site.held.is_set)

    assert "core.02.nsq" not in names_in(tmp_path / "brought")
    site.faults.clear()
    assert_same_files(bring(ncbi(site), tmp_path / "brought", offer).parent, original.parent)


def test_the_callbacks_are_called_in_the_caller_s_thread(site: Site, original: Path, tmp_path: Path) -> None:
    publish_bucket(site.root, original)
    one = ncbi(site)
    threads = set()

    def reported(done: int, total: int) -> None:
        threads.add(threading.get_ident())

    def stopped() -> bool:
        threads.add(threading.get_ident())
        return False

    one.bring(one.offer(), tmp_path / "brought", reported, stopped)

    assert threads == {threading.get_ident()}


def test_a_mirror_without_tags_serves_as_well(site: Site, original: Path, tmp_path: Path) -> None:
    publish_bucket(site.root, original)
    site.tags = False
    site.fail("core.02.nsq", "cut")

    path = bring(ncbi(site), tmp_path / "brought")

    assert_same_files(path.parent, original.parent)


def test_a_manifest_of_all_databases_is_accepted_too(site: Site, original: Path, tmp_path: Path) -> None:
    where = publish_bucket(site.root, original)
    (document,) = where.glob("*-metadata.json")
    files = json.loads(document.read_text())["files"]
    document.unlink()
    (where / "blastdb-manifest.json").write_text(
        json.dumps({"version": "1.0", "core": {"size": 0.001, "last_updated": "2026-11-19", "files": files}})
    )

    path = bring(ncbi(site), tmp_path / "brought")

    assert_same_files(path.parent, original.parent)


def test_a_database_that_is_not_published_is_not_found(site: Site, original: Path) -> None:
    publish_bucket(site.root, original)

    with pytest.raises(NotFoundError, match="no database cores at"):
        ncbi(site, "cores").offer()


def test_an_unreachable_server_is_a_network_error(site: Site) -> None:
    one = source("ncbi:core", ncbi_base="http://127.0.0.1:9")

    with pytest.raises(NetworkError, match="refused"):
        one.offer()


def test_an_archive_without_a_checksum_is_rejected(site: Site, original: Path) -> None:
    publish_archives(site.root, original)
    (site.root / "core.01.tar.gz.md5").unlink()

    with pytest.raises(DatabaseError, match=r"core\.01\.tar\.gz has no checksum"):
        ncbi(site).offer()


def test_a_database_that_contradicts_its_metadata_is_an_error(site: Site, original: Path, tmp_path: Path) -> None:
    where = publish_bucket(site.root, original)
    (document,) = where.glob("*-metadata.json")
    document.write_text(json.dumps({**json.loads(document.read_text()), "number-of-sequences": 5}))

    offer = ncbi(site).offer()
    with pytest.raises(DatabaseError, match="does not match its metadata"):
        bring(ncbi(site), tmp_path / "brought", offer)
    site.requests.clear()

    with pytest.raises(DatabaseError, match="does not match its metadata"):
        bring(ncbi(site), tmp_path / "brought", offer)

    assert len(site.requests) == len(offer.details["files"])


@pytest.mark.parametrize("name", ["", "../core", "core/..", "a b", "core;rm", "x" * 200])
def test_an_invalid_name_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        source(f"ncbi:{name}")


@pytest.mark.parametrize("base", ["file:///etc", "ftp://127.0.0.1", "core", ""])
def test_a_base_that_is_not_an_address_is_refused(base: str) -> None:
    with pytest.raises(InputError):
        source("ncbi:core", ncbi_base=base)


def test_an_object_store_serves_the_bucket_s_layout(s3_server: str, original: Path, tmp_path: Path) -> None:
    publish_bucket(tmp_path / "published", original)
    known = {"aws_access_key_id": "key", "aws_secret_access_key": SECRET, "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=s3_server, **known)
    for part in (tmp_path / "published").rglob("*"):
        if part.is_file():
            client.upload_file(
                str(part), BUCKET, f"mirror/{part.relative_to(tmp_path / 'published')}", {"ACL": "public-read"}
            )

    path = bring(source("ncbi:core", ncbi_base=f"{s3_server}/{BUCKET}/mirror"), tmp_path / "brought")

    assert_same_files(path.parent, original.parent)


def test_the_default_base_is_ncbi_s_bucket() -> None:
    assert isinstance(source("ncbi:core"), NcbiSource)
