"""A disk that fills up while a database is fetched: a clear error, and the download resumes when there is space."""

from __future__ import annotations

import gzip
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from shardblast.core.errors import DiskFull
from shardblast.sources import blast, ncbi
from tests.sequences import nucleotides
from tests.small_disk import small_disk
from tests.sources.bringing import assert_same_files, bring, names_in, source
from tests.sources.publishing import publish_archives, publish_bucket
from tests.sources.site import Site

SIZE_BYTES = 100_000


@pytest.fixture(name="small_disk")
def made_small_disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "small", SIZE_BYTES) as folder:
        yield folder


def grow(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=64m", str(folder)], check=True)


@pytest.fixture
def unforeseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others take the space after it was looked for."""
    for module in (ncbi, blast):
        monkeypatch.setattr(module, "require_room", lambda folder, size_bytes: None)


@pytest.mark.usefixtures("unforeseen")
@pytest.mark.parametrize("publish", [publish_bucket, publish_archives])
def test_a_download_resumes_when_there_is_space(publish: object, site: Site, original: Path, small_disk: Path) -> None:
    publish(site.root, original)  # type: ignore[operator]
    one = source("ncbi:core", ncbi_base=site.address, parallel=1)
    offer = one.offer()
    with pytest.raises(DiskFull):
        bring(one, small_disk / "brought", offer)
    grow(small_disk)

    assert_same_files(bring(one, small_disk / "brought", offer).parent, original.parent)


@pytest.mark.usefixtures("unforeseen")
def test_a_copy_resumes_when_there_is_space(original: Path, small_disk: Path) -> None:
    one = source(str(original))
    offer = one.offer()
    with pytest.raises(DiskFull):
        bring(one, small_disk / "brought", offer)
    grow(small_disk)

    assert_same_files(bring(one, small_disk / "brought", offer).parent, original.parent, ("core.nal",))


@pytest.mark.parametrize("packing", ["", ".gz"])
@pytest.mark.parametrize("parse_seqids", [True, False, None])
def test_makeblastdb_without_space_leaves_nothing(
    parse_seqids: bool | None, packing: str, small_disk: Path, tmp_path: Path
) -> None:
    path = tmp_path / f"x.fa{packing}"
    content = "".join(one.fasta for one in nucleotides()).encode()
    path.write_bytes(gzip.compress(content) if packing else content)

    with pytest.raises(DiskFull):
        bring(source(str(path), parse_seqids=parse_seqids), small_disk / "brought")

    assert names_in(small_disk / "brought") == set()
    assert shutil.disk_usage(small_disk).total < SIZE_BYTES * 2
