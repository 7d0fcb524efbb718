"""Faults between the client and a store: either the right bytes arrive, or a clear error and no file."""

from __future__ import annotations

import hashlib
import random
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from shardblast.core.errors import DamagedError, DiskFull, StorageError
from shardblast.storage.objects import Expected, Objects
from shardblast.storage.transfer import PART_BYTES
from tests.postgres import free_port
from tests.storage.proxy import Fault, Proxy, cut, short, slow, status, truncated, whole, wrong
from tests.storage.servers import SECRET, azure, s3
from tests.waiting import WITHIN_S

CONTENT = random.Random(1).randbytes(3 * PART_BYTES + 11)
EXPECTED = Expected(len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
FAULTS = {
    "cut": [cut],
    "cut twice": [cut, cut],
    "truncated": [truncated],
    "slow": [slow, slow],
    "503": [status("503 Slow Down"), status("503 Slow Down")],
    "503 with Retry-After": [status("503 Slow Down", "Retry-After: 1")],
    "500": [status("500 Internal Server Error")],
    "everything": [cut, status("503 Slow Down"), truncated, slow, cut],
}


@pytest.fixture
def stored(spoiled: Objects) -> Objects:
    spoiled.put("a/key", CONTENT)
    return spoiled


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up after two tries more; what is tried is the same."""
    soon = {"init_backoff": timedelta(milliseconds=50), "base": 2, "max_backoff": timedelta(seconds=1)}
    monkeypatch.setattr("shardblast.storage.objects.RETRY", {"max_retries": 2, "backoff": soon})


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS)
def test_objects_are_fetched_despite_passing_faults(
    stored: Objects, proxy: Proxy, tmp_path: Path, faults: list[Fault]
) -> None:
    proxy.faults.extend(faults)
    reported: list[int] = []

    digest = stored.fetch("a/key", tmp_path / "copy", report=reported.append, expected=EXPECTED)

    assert not proxy.faults
    assert (tmp_path / "copy").read_bytes() == CONTENT
    assert digest == EXPECTED.sha256
    assert sum(reported) == len(CONTENT)
    assert not list(tmp_path.glob("*.partial"))


@pytest.mark.parametrize("fault", [cut, truncated, status("503 Slow Down"), status("403 Forbidden")])
def test_lasting_faults_are_errors_and_leave_no_file(
    impatient: None, stored: Objects, proxy: Proxy, tmp_path: Path, fault: Fault
) -> None:
    proxy.always = fault

    with pytest.raises(StorageError, match="The storage failed for a/key"):
        stored.fetch("a/key", tmp_path / "copy")

    assert not list(tmp_path.glob("copy*"))


@pytest.mark.parametrize("fault", [wrong, short])
def test_other_bytes_than_were_stored_are_damage(stored: Objects, proxy: Proxy, tmp_path: Path, fault: Fault) -> None:
    proxy.faults.extend([whole, fault])

    with pytest.raises(DamagedError, match="a/key is damaged"):
        stored.fetch("a/key", tmp_path / "copy", expected=EXPECTED)

    assert not list(tmp_path.glob("copy*"))
    assert stored.fetch("a/key", tmp_path / "copy", expected=EXPECTED) == EXPECTED.sha256


def test_an_object_that_changes_between_two_ranges_is_damage(
    stored: Objects, proxy: Proxy, tmp_path: Path, s3_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    beside = Objects(s3(s3_server, proxy.prefix).url)
    other = bytes(len(CONTENT))
    proxy.before = lambda number: beside.put("a/key", other) if number == 3 else None

    with pytest.raises(DamagedError, match="a/key is damaged: it changed while being read"):
        stored.fetch("a/key", tmp_path / "copy")

    assert not list(tmp_path.glob("copy*"))
    stored.fetch("a/key", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == other


def test_a_store_that_is_not_reachable_yet_is_waited_for(
    s3_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    for name, value in s3(f"http://127.0.0.1:{port}").environment.items():
        monkeypatch.setenv(name, value)
    objects = Objects("s3://bucket/late")
    proxy = Proxy(s3_server, port)
    starts = threading.Timer(0.5, proxy.start)  # a refused connection leaves no trace to wait for
    starts.start()

    objects.put("key", CONTENT)
    objects.fetch("key", tmp_path / "copy", expected=EXPECTED)

    starts.join()
    proxy.stop()
    assert (tmp_path / "copy").read_bytes() == CONTENT


def test_a_store_that_never_appears_is_an_error(
    impatient: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3(f"http://127.0.0.1:{free_port()}").environment.items():
        monkeypatch.setenv(name, value)
    objects = Objects("s3://bucket")

    with pytest.raises(StorageError, match="after 2 retries"):
        objects.fetch("key", tmp_path / "copy")
    with pytest.raises(StorageError):
        objects.put("key", b"content")

    assert not list(tmp_path.glob("copy*"))


@pytest.mark.parametrize("faults", [[cut], [status("503 Slow Down"), status("500 Oh")]], ids=["cut", "5xx"])
def test_an_upload_continues_after_a_failed_part(
    spoiled: Objects, proxy: Proxy, tmp_path: Path, faults: list[Fault]
) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    proxy.writes.extend(faults)

    spoiled.put("a/key", tmp_path / "file")

    assert not proxy.writes
    assert spoiled.fetch("a/key", tmp_path / "copy") == EXPECTED.sha256


def test_an_upload_that_fails_stores_nothing_and_leaves_no_parts(
    spoiled: Objects, proxy: Proxy, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    spoiled.put("a/key", b"an older one")
    proxy.writes.extend([whole, status("403 Forbidden")])

    with pytest.raises(StorageError, match="a/key"):
        spoiled.put("a/key", tmp_path / "file")

    assert spoiled.read("a/key") == b"an older one"
    assert any(line.startswith("DELETE ") and "uploadId" in line for line in proxy.asked)


def test_a_disk_that_fills_up_is_reported_and_its_files_are_left_unchanged(stored: Objects, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", f"size={2 * PART_BYTES}", "tmpfs", str(folder)]
    subprocess.run(mounted, check=True)
    try:
        (folder / "copy").write_bytes(b"what was here before")
        for _ in range(2):
            with pytest.raises(DiskFull):
                stored.fetch("a/key", folder / "copy", expected=EXPECTED)
        left = {path.name: path.read_bytes() for path in folder.iterdir()}
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)

    assert left == {"copy": b"what was here before"}


def test_a_process_killed_in_the_middle_leaves_only_a_partial(
    stored: Objects, proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, killed = threading.Event(), threading.Event()

    def hold(number: int) -> None:
        if number == 4:
            held.set()
            killed.wait(WITHIN_S)

    proxy.before = hold
    script = "import sys; from pathlib import Path; from shardblast.storage.objects import Objects;"
    script += "Objects(sys.argv[1]).fetch('a/key', Path(sys.argv[2]))"
    process = subprocess.Popen([sys.executable, "-c", script, s3("", proxy.prefix).url, str(tmp_path / "copy")])
    assert held.wait(WITHIN_S)
    process.kill()
    assert process.wait(WITHIN_S) == -signal.SIGKILL
    killed.set()

    assert [path.name for path in tmp_path.glob("copy*")] == ["copy.partial"]
    stored.fetch("a/key", tmp_path / "copy", expected=EXPECTED)
    assert [path.name for path in tmp_path.glob("copy*")] == ["copy"]


def test_no_error_contains_a_credential(
    impatient: None, s3_server: str, azure_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed = {"AZURE_STORAGE_SAS_TOKEN": "sv=2022-11-02&sp=r&sig=a%20secret%20of%20Azure"}
    named = {**s3(s3_server).environment, **azure(azure_server).environment, **signed}
    del named["AZURE_STORAGE_ACCOUNT_KEY"]
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    addresses = ["s3://no-such-bucket/x", "az://bucket/x", "s3://key:a-secret@bucket/x", "ftp://me:a-secret@host/x"]

    for address in addresses:
        with pytest.raises(StorageError) as raised:
            Objects(address).put("key", b"content")
        chain = [str(raised.value), str(raised.value.__cause__)]
        assert not any(word in text for text in chain for word in ("secret", SECRET, "sig=")), chain


def test_plain_http_is_used_only_where_it_is_named(
    impatient: None, s3_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3(s3_server.replace("http:", "https:")).environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StorageError):
        Objects("s3://bucket").put("key", b"content")

    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)

    Objects("s3://bucket").put("key", b"content")


def test_a_missing_bucket_is_not_a_missing_object(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3(s3_server).environment.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(StorageError, match="NoSuchBucket"):
        Objects("s3://no-such-bucket").read("key")
