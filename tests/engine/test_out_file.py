"""Output files."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from shardblast.core.errors import OutputError
from shardblast.engine.out_file import open_output

WRITE = [
    sys.executable,
    "-c",
    """import sys
from shardblast.engine.out_file import open_output
with open_output(sys.argv[1]) as target:
    print(target.name, flush=True)
    sys.stdin.readline()
""",
]


def test_a_file_gets_its_name_when_it_is_complete(tmp_path: Path) -> None:
    out = tmp_path / "hits.tsv"

    with open_output(str(out)) as target:
        target.write(b"rows\n")
        target.flush()
        assert not out.exists()

    assert out.read_bytes() == b"rows\n"
    assert [file.name for file in tmp_path.iterdir()] == ["hits.tsv"]


def test_a_failure_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    out = tmp_path / "hits.tsv"
    out.write_text("old")

    with pytest.raises(ValueError, match="stop"):
        write_half(out, ValueError("stop"))

    assert out.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["hits.tsv"]


def test_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_half(tmp_path / "hits.tsv", KeyboardInterrupt())

    assert list(tmp_path.iterdir()) == []


def test_a_command_removes_only_the_partial_output_of_killed_commands(tmp_path: Path) -> None:
    out, other = tmp_path / "hits.tsv", tmp_path / "other.tsv"
    (killed, left), (of_other, left_of_other), (alive, written) = (writing(path) for path in (out, other, out))
    for process in (killed, of_other):
        process.kill()
        process.communicate()
    users = tmp_path / ".shardblast-notes.partial"
    users.write_text("mine")
    assert left.exists()

    done = subprocess.run([*WRITE, str(out)], input=b"\n", capture_output=True)

    assert (done.returncode, done.stderr) == (0, b"")
    assert set(tmp_path.iterdir()) == {out, left_of_other, written, users}
    assert alive.communicate(b"\n") == (b"", None)
    assert (alive.returncode, set(tmp_path.iterdir())) == (0, {out, left_of_other, users})


def writing(out: Path) -> tuple[subprocess.Popen[bytes], Path]:
    """Start a process that writes an output until it gets a line; return the file that it writes, too."""
    process = subprocess.Popen([*WRITE, str(out)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().decode().rstrip())


def test_a_file_has_the_permissions_that_the_umask_leaves(tmp_path: Path) -> None:
    out = tmp_path / "hits.tsv"
    before = os.umask(0o027)
    try:
        with open_output(str(out)):
            pass
    finally:
        os.umask(before)

    assert stat.S_IMODE(out.stat().st_mode) == 0o640


def test_a_missing_folder_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="can't be written"), open_output(str(tmp_path / "absent" / "hits.tsv")):
        pytest.fail("it was opened")


def test_a_folder_is_not_an_output(tmp_path: Path) -> None:
    with pytest.raises(OutputError), open_output(str(tmp_path)):
        pytest.fail("it was opened")


def test_a_link_stays_a_link_and_its_target_gets_the_result(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to("target")

    with open_output(str(tmp_path / "link")) as out:
        out.write(b"new")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"


def test_a_replaced_file_leaves_its_mode(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.touch(mode=0o600)

    with open_output(str(private)) as out:
        out.write(b"new")

    assert stat.S_IMODE(private.stat().st_mode) == 0o600


def test_other_links_to_a_file_see_the_result(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("old and longer")
    (tmp_path / "other").hardlink_to(tmp_path / "one")

    with open_output(str(tmp_path / "one")) as out:
        out.write(b"new")

    assert (tmp_path / "other").read_text() == "new"


def test_the_longest_possible_file_name_works(tmp_path: Path) -> None:
    out = tmp_path / ("x" * 255)

    with open_output(str(out)) as target:
        target.write(b"rows")

    assert out.read_bytes() == b"rows"


def test_a_device_is_written_directly() -> None:
    with open_output("/dev/null") as target:
        target.write(b"gone")

    assert Path("/dev/null").is_char_device()


def test_a_full_disk_is_an_output_error() -> None:
    with pytest.raises(OutputError, match="No space left"), open_output("/dev/full") as target:
        target.write(b"x" * 100_000)


@pytest.mark.parametrize("out", [None, "-"])
def test_without_a_file_it_is_standard_output(out: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", stream)

    with open_output(out) as target:
        target.write(b"rows")

    assert stream.buffer.getvalue() == b"rows"


def write_half(out: Path, error: BaseException) -> None:
    with open_output(str(out)) as target:
        target.write(b"half")
        raise error
