"""Answers to the probes of a scheduler and of a node."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from distributed.comm.core import CommClosedError

from shardblast.cluster.processes import in_one_line
from shardblast.core.errors import ConflictError
from tests.cluster.parts import LocalCluster, is_stopped
from tests.postgres import free_port
from tests.waiting import until


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[LocalCluster]:
    one = LocalCluster(tmp_path, (tmp_path / "storage").as_uri())
    yield one
    one.close()


def status(port: int, page: str) -> int:
    """Return what is answered; 0 if nothing is yet."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/{page}", timeout=30).status_code
    except httpx.TransportError:
        return 0


def test_a_node_is_ready_as_long_as_it_is_connected_and_lives_all_along(cluster: LocalCluster) -> None:
    port = free_port()
    node = cluster.add("a", "--health-port", str(port))
    until(lambda: status(port, "health") == 200)
    assert status(port, "ready") == 503

    cluster.scheduler.start()
    until(lambda: status(port, "ready") == 200)
    cluster.scheduler.kill()
    until(lambda: status(port, "ready") == 503)
    assert status(port, "health") == 200

    cluster.scheduler.start()
    until(lambda: status(port, "ready") == 200)
    node.wait_for("the node is connected", times=2)


def test_a_node_that_is_stuck_does_not_answer(cluster: LocalCluster) -> None:
    port = free_port()
    node = cluster.add("a", "--health-port", str(port))
    until(lambda: status(port, "health") == 200)

    assert is_stopped(node.pid)
    try:
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"http://127.0.0.1:{port}/health", timeout=2)
    finally:
        os.kill(node.pid, signal.SIGCONT)


def test_a_scheduler_is_ready_and_reveals_nothing_else(tmp_path: Path, cluster: LocalCluster) -> None:
    port = free_port()
    cluster.scheduler.argv += ["--health-port", str(port)]

    cluster.start()

    assert {page: status(port, page) for page in ("health", "ready", "metrics", "json/identity.json", "")} == {
        "health": 200,
        "ready": 200,
        "metrics": 404,
        "json/identity.json": 404,
        "": 404,
    }


def test_a_port_that_is_taken_is_reported(cluster: LocalCluster) -> None:
    cluster.start()

    words = ("node", "--scheduler", cluster.address, "--home", str(cluster.folder / "a"))
    result = cluster.run(*words, "--health-port", str(cluster.port))

    assert result.returncode == ConflictError.exit_status
    assert b"Choose another --health-port." in result.stderr


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("distributed.worker", CommClosedError("closed"), "Failed to communicate with scheduler: closed"),
        ("tornado.application", TimeoutError("late"), "Failed to communicate with scheduler: late"),
        ("distributed.worker", KeyError("a bug"), None),
        ("shardblast.cluster.worker", OSError("a disk"), None),
    ],
)
def test_a_connection_that_dask_lost_is_one_line_of_the_log(name: str, error: Exception, said: str | None) -> None:
    try:
        raise error
    except type(error):
        record = logging.makeLogRecord({"name": name, "msg": "Failed to communicate with %s.", "args": ("scheduler",)})
        record.exc_info = sys.exc_info()

    assert in_one_line(record)

    assert (record.exc_info is None) == (said is not None)
    assert record.getMessage() == (said or "Failed to communicate with scheduler.")
