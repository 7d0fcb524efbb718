"""Nodes as jobs of Slurm."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from shardblast.core.errors import InputError, UsageError
from tests.cluster.slurm import MACHINES, output_of, slurm
from tests.databases import Databases
from tests.postgres import free_port
from tests.waiting import until


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """Variables that name a Slurm of two machines."""
    with slurm(tmp_path_factory.mktemp("slurm")) as named:
        yield named


def run(variables: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "shardblast", *words]
    return subprocess.run(argv, env={**os.environ, **variables}, capture_output=True, text=True, timeout=240)


@pytest.fixture
def cluster(named: Mapping[str, str], tmp_path: Path) -> Iterator[Mapping[str, str]]:
    """Variables that name a scheduler on this machine and a storage."""
    port = free_port()
    argv = [sys.executable, "-m", "shardblast", "scheduler", "--port", str(port)]
    with (tmp_path / "scheduler.log").open("wb") as log, subprocess.Popen(argv, stderr=log) as scheduler:
        try:
            until(lambda: listens(port))
            yield {
                **named,
                "SHARDBLAST_SCHEDULER": f"tcp://127.0.0.1:{port}",
                "SHARDBLAST_STORAGE": (tmp_path / "storage").as_uri(),
                "SHARDBLAST_HOME": str(tmp_path / "home"),
            }
        finally:
            scheduler.terminate()


def listens(port: int) -> bool:
    with socket.socket() as one:
        return not one.connect_ex(("127.0.0.1", port))


def states(variables: Mapping[str, str]) -> list[str]:
    """Return the states and the machines of Slurm's jobs."""
    return sorted(output_of(variables, "squeue", "--noheader", "--format=%t %N").splitlines())


def test_nodes_of_slurm_hold_a_database_and_print_the_bytes_of_blast(
    cluster: Mapping[str, str], databases: Databases, queries: dict[str, Path], tmp_path: Path
) -> None:
    here = databases("v5-volumes-ids", "prot")
    added = run(cluster, "db", "add", "proteins", here, "--copy", "--quiet")
    assert added.returncode == 0, added.stderr

    submitted = run(cluster, "cluster", "slurm", "--scratch", str(tmp_path), "2", f"--output={tmp_path}/job-%a")
    try:
        assert submitted.returncode == 0, submitted.stderr
        searched = run(
            {**cluster, "SHARDBLAST_REPLICAS": "2"},
            *("blastp", "-db", "proteins", "-query", str(queries["prot"]), "-outfmt", "6"),
            *("--engine", "dask", "--quiet"),
        )
        until(lambda: states(cluster) == ["R one", "R two"], lambda: states(cluster))
    finally:
        output_of(cluster, "scancel", submitted.stdout.strip())

    argv = ["blastp", "-db", here, "-query", str(queries["prot"]), "-outfmt", "6"]
    assert searched.returncode == 0, searched.stderr
    assert searched.stdout == subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    assert any(any((tmp_path / f"shardblast-{name}").rglob("*.psq")) for name in MACHINES)


def test_options_that_slurm_rejects_are_reported(cluster: Mapping[str, str]) -> None:
    refused = run(cluster, "cluster", "slurm", "1", "--partition=nowhere")

    assert refused.returncode == InputError.exit_status
    assert refused.stderr.startswith("Slurm rejected the nodes: ")
    assert "invalid partition" in refused.stderr


def test_nodes_that_could_reach_no_scheduler_are_not_submitted(cluster: Mapping[str, str]) -> None:
    until(lambda: not states(cluster), lambda: states(cluster))  # those of other tests take their time to end

    refused = run({**cluster, "SHARDBLAST_SCHEDULER": "tls://127.0.0.1:8786"}, "cluster", "slurm", "1")

    assert refused.returncode == UsageError.exit_status
    assert states(cluster) == []


def test_a_machine_without_slurm_is_reported(cluster: Mapping[str, str], tmp_path: Path) -> None:
    refused = run({**cluster, "PATH": str(tmp_path)}, "cluster", "slurm", "1")

    assert refused.returncode == InputError.exit_status
    assert refused.stderr.startswith("This machine has no sbatch command.\n")
