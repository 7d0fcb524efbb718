"""Wires a cluster's nodes and the driver of searches on a cluster."""

import math
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from shardblast.blast.installation import find_installation
from shardblast.bootstrap import home, known_arguments
from shardblast.cluster.command import ClusterCommand
from shardblast.cluster.connection import Cluster, Timings, certificates_of, check_scheduler
from shardblast.cluster.driver import DriverMeans
from shardblast.cluster.searching import ClusterSearching
from shardblast.cluster.warming import ClusterWarming
from shardblast.cluster.worker import Host
from shardblast.core.errors import UsageError
from shardblast.core.lack import ExpectedNodes
from shardblast.disk.node import Node
from shardblast.disk.staging import Stager
from shardblast.engine.stored import StoredEngine
from shardblast.engine.workspace import Pool, this_machine
from shardblast.service.settings import TABLE
from shardblast.storage.objects import Objects

STORAGE, SCHEDULER = TABLE["storage_url"], TABLE["scheduler"]
TIMINGS = "SHARDBLAST_TIMINGS"


def timings() -> Timings:
    """Return a cluster's limits: defaults changed by ``SHARDBLAST_TIMINGS``. Raises UsageError if that is invalid."""
    return Timings.of(os.environ.get(TIMINGS, ""))


def storage() -> Objects:
    """Return the storage that all parts of a cluster share. Raises UsageError if ``SHARDBLAST_STORAGE`` is not set."""
    url = STORAGE.in_environment()
    if not url:
        problem = "A cluster needs a storage that all its nodes can reach."
        raise UsageError(problem, remedy=f"Set {STORAGE.variable}, for example s3://bucket.")
    return Objects(url, is_known=True)


def host(name: str, folder: Path | None, cores: int | None, memory_bytes: int | None, disk_bytes: int | None) -> Host:
    """Return the host of tasks on this node. Defaults are the limits of this machine or of its container."""
    installation, machine, objects = find_installation(), this_machine(), storage()
    place = (folder or home() / "node").absolute()
    return Host(
        node=Node(name, Stager(objects, place / "staged", disk_bytes)),
        objects=objects,
        installation=installation,
        arguments=partial(known_arguments, installation),
        home=place,
        cores=cores or machine.cores,
        memory_bytes=memory_bytes or machine.memory_bytes,
        timings=timings(),
    )


def check_cluster(address: str) -> None:
    """Check the scheduler's address and the storage. Raises UsageError if one is missing or invalid, or needs TLS."""
    cluster(address)
    storage()


def cluster(address: str, blast: str = "") -> Cluster:
    """Return a scheduler's cluster, with the environment's certificates. Raises UsageError for a wrong address.

    Only nodes with the version ``blast`` of BLAST+ accept its work; empty for any.
    """
    certificates = certificates_of(*(os.environ.get(f"SHARDBLAST_TLS_{name}", "") for name in ("CA", "CERT", "KEY")))
    check_scheduler(address, certificates, insecure=bool(os.environ.get("SHARDBLAST_INSECURE")))
    return Cluster.at(address, certificates, timings(), blast)


def searching(
    address: str,
    objects: Objects,
    replicas: int = 1,
    expected: Callable[[], ExpectedNodes] = ExpectedNodes,
    patience_s: float = math.inf,
) -> ClusterSearching:
    """Return the backend that searches on a scheduler's cluster, with each shard on this number of nodes.

    ``expected`` returns the nodes that were asked for. A search that can't run fails after
    ``patience_s``.
    """
    installation = find_installation()
    reached = cluster(address, installation.release)
    return ClusterSearching(DriverMeans(reached, objects, replicas, expected, patience_s), installation)


def warming(address: str, objects: Objects, replicas: int, patience_s: float) -> ClusterWarming:
    """Return what warms databases on the nodes of a scheduler's cluster, for a command."""
    return ClusterWarming(DriverMeans(cluster(address), objects, replicas, patience_s=patience_s))


def command(address: str | None) -> ClusterCommand:
    """Return the engine of a command's search on a cluster. Raises UsageError if a variable is missing or not valid."""
    given = address or SCHEDULER.in_environment()
    if not given:
        remedy = f"Give --scheduler tls://HOST:PORT, or set {SCHEDULER.variable}."
        raise UsageError("No scheduler is named.", remedy=remedy)
    objects, machine, installation = storage(), this_machine(), find_installation()
    replicas, patience_s = TABLE["replicas"].in_environment(), TABLE["waiting_hours"].in_environment() * 3600
    printer = StoredEngine(installation, machine, Pool(machine.cores))
    stager = Stager(objects, home() / "staged")
    return ClusterCommand(searching(given, objects, replicas, patience_s=patience_s), printer, stager, home())
