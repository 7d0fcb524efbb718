"""Attacks and errors of servers that must do no harm."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from shardblast.core.errors import DatabaseError, DiskFull, ShardblastError
from shardblast.sources import ncbi
from tests.sources.bringing import bring, source
from tests.sources.publishing import publish_archives, publish_bucket, sign
from tests.sources.site import Site


@pytest.mark.parametrize(
    "name",
    [
        "../evil.nin",
        "/etc/evil.nin",
        "folder/evil.nin",
        "s3://bucket/folder/..",
        "s3://bucket/passwd",
        ".ssh.nin",
        "evil.sh",
        "evil.nin\n",
        "..",
        "",
        "-rf.nin",
        "../evil.00.tar.gz",
        ".tar.gz",
        None,
        {},
    ],
)
def test_metadata_that_names_no_file_of_a_database_is_refused(name: Any, site: Site, original: Path) -> None:
    where = publish_bucket(site.root, original)
    (document,) = where.glob("*-metadata.json")
    described = json.loads(document.read_text())
    document.write_text(json.dumps({**described, "files": [*described["files"], name]}))

    with pytest.raises(DatabaseError, match="not a valid name of a database file"):
        source("ncbi:core", ncbi_base=site.address).offer()


@pytest.mark.parametrize("files", [None, [], {}, "core.nin", 5])
def test_metadata_that_lists_no_files_is_refused(files: Any, site: Site, original: Path) -> None:
    where = publish_bucket(site.root, original)
    (document,) = where.glob("*-metadata.json")
    document.write_text(json.dumps({**json.loads(document.read_text()), "files": files}))

    with pytest.raises(DatabaseError, match="lists no files"):
        source("ncbi:core", ncbi_base=site.address).offer()


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[" * 100_000])
def test_metadata_that_is_not_json_is_refused(content: bytes, site: Site, original: Path) -> None:
    where = publish_bucket(site.root, original)
    (document,) = where.glob("*-metadata.json")
    document.write_bytes(content)

    with pytest.raises(DatabaseError, match="is not valid JSON"):
        source("ncbi:core", ncbi_base=site.address).offer()


@pytest.mark.parametrize("latest", ["../other", "/etc", "", "a/b", "x" * 5000])
def test_an_invalid_latest_folder_is_refused(latest: str, site: Site, original: Path) -> None:
    publish_bucket(site.root, original)
    (site.root / "latest-dir").write_text(latest)

    with pytest.raises(DatabaseError):
        source("ncbi:core", ncbi_base=site.address).offer()


def test_files_that_can_t_fit_are_refused_before_any_is_fetched(site: Site, original: Path, tmp_path: Path) -> None:
    publish_bucket(site.root, original)
    site.sizes["core.02.nsq"] = 1 << 60
    one = source("ncbi:core", ncbi_base=site.address)
    offer = one.offer()
    site.requests.clear()

    with pytest.raises(DiskFull, match="needs 1,152,"):
        bring(one, tmp_path / "brought", offer)

    assert site.requests == []


def member(name: str, kind: bytes = tarfile.REGTYPE, size: int = 4, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    info.size = size if kind == tarfile.REGTYPE else 0
    return info, b"evil"[:size].ljust(min(size, 4), b"!")


HOSTILE = {
    "outside": member("../core.00.nin"),
    "absolute": member("/tmp/core.00.nin"),
    "in a folder": member("folder/core.00.nin"),
    "no name of a database's": member("core.sh"),
    "symbolic link": member("core.00.nin", tarfile.SYMTYPE, target="/etc/passwd"),
    "hard link": member("core.00.nin", tarfile.LNKTYPE, target="core.00.nsq"),
    "folder": member("core.00.nin", tarfile.DIRTYPE),
    "device": member("core.00.nin", tarfile.CHRTYPE),
    "pipe": member("core.00.nin", tarfile.FIFOTYPE),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_an_archive_with_other_content_than_files_of_a_database_is_refused(
    kind: str, site: Site, original: Path, tmp_path: Path
) -> None:
    publish_archives(site.root, original)
    info, content = HOSTILE[kind]
    with tarfile.open(site.root / "core.01.tar.gz", "w:gz") as packed:
        packed.addfile(info, io.BytesIO(content))
    sign(site.root / "core.01.tar.gz")
    one = source("ncbi:core", ncbi_base=site.address)

    with pytest.raises(DatabaseError, match=r"core\.01\.tar\.gz"):
        bring(one, tmp_path / "only" / "brought")

    assert [entry.name for entry in (tmp_path / "only").iterdir()] == ["brought"]
    assert not list(tmp_path.rglob("core.sh"))


def test_an_archive_that_unpacks_to_far_too_much_is_refused(
    site: Site, original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ncbi, "ALLOWED_BYTES", 1 << 20)
    publish_archives(site.root, original)
    info = tarfile.TarInfo("core.01.nsq")
    info.size = 1 << 24
    with tarfile.open(site.root / "core.01.tar.gz", "w:gz") as packed:
        packed.addfile(info, io.BytesIO(bytes(info.size)))
    sign(site.root / "core.01.tar.gz")

    with pytest.raises(DatabaseError, match="not a plain file of plausible size"):
        bring(source("ncbi:core", ncbi_base=site.address), tmp_path / "brought")


@pytest.mark.parametrize("damage", [b"", b"no archive", b"\x1f\x8b\x08\x00 nor this"])
def test_an_invalid_archive_is_refused(damage: bytes, site: Site, original: Path, tmp_path: Path) -> None:
    publish_archives(site.root, original)
    (site.root / "core.01.tar.gz").write_bytes(damage)
    sign(site.root / "core.01.tar.gz")

    with pytest.raises(ShardblastError, match=r"core"):
        bring(source("ncbi:core", ncbi_base=site.address), tmp_path / "brought")
