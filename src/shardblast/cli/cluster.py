"""``shardblast scheduler``, ``node`` and ``cluster``: the parts of a cluster, and its number of nodes."""

from __future__ import annotations

import json
import logging
import socket
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shardblast.cli.options import AsJson, Log, bytes_of, grouped
from shardblast.core.errors import InputError
from shardblast.core.units import counted
from shardblast.service.settings import TABLE

if TYPE_CHECKING:
    from shardblast.cluster.kubernetes import NodeSet

cluster = typer.Typer(add_completion=False, rich_markup_mode=None)

HealthPort = Annotated[
    int | None,
    typer.Option(
        "--health-port", min=1, max=65535, help="Port of GET /health and /ready for probes, without TLS; default: none."
    ),
]

Scheduler = Annotated[
    str, typer.Option("--scheduler", envvar=TABLE["scheduler"].variable, metavar="ADDRESS", help="tls://HOST:PORT")
]

logger = logging.getLogger(__name__)

nodes = typer.Typer(add_completion=False, rich_markup_mode=None, help="The nodes of a cluster on Kubernetes or Slurm.")

Name = Annotated[
    str,
    typer.Option(
        "--statefulset", envvar=TABLE["statefulset"].variable, metavar="NAME", help="StatefulSet of the nodes."
    ),
]
Namespace = Annotated[
    str,
    typer.Option(
        "--namespace",
        envvar=TABLE["namespace"].variable,
        metavar="NAME",
        help="Namespace of the StatefulSet; default: that of kubectl's context.",
    ),
]
DEFAULT_NAME = "shardblast-node"


@dataclass(frozen=True, slots=True)
class Transport:
    """How the processes of a cluster trust each other."""

    authority: Annotated[
        str, typer.Option("--tls-ca", envvar="SHARDBLAST_TLS_CA", metavar="FILE", help="Certificate authority, in PEM.")
    ] = ""
    certificate: Annotated[
        str,
        typer.Option("--tls-cert", envvar="SHARDBLAST_TLS_CERT", metavar="FILE", help="Certificate of this process."),
    ] = ""
    key: Annotated[
        str, typer.Option("--tls-key", envvar="SHARDBLAST_TLS_KEY", metavar="FILE", help="Key of the certificate.")
    ] = ""
    insecure: Annotated[
        bool,
        typer.Option(
            "--insecure",
            envvar="SHARDBLAST_INSECURE",
            help="Run without TLS, in a private network: anyone in it can run any code on the nodes.",
        ),
    ] = False


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a node uses of its machine."""

    home: Annotated[
        Path | None, typer.Option("--home", metavar="FOLDER", help="Folder for volumes, on the node's own disk.")
    ] = None
    cores: Annotated[int | None, typer.Option("--cores", min=1, help="Cores to use; default: all.")] = None
    memory: Annotated[
        str, typer.Option("--memory", metavar="SIZE", help="Memory to use, such as 128GiB; default: all.")
    ] = ""
    disk: Annotated[
        str, typer.Option("--disk", metavar="SIZE", help="Maximum disk space for volumes; default: the whole disk.")
    ] = ""


@cluster.command(short_help="Run the scheduler of a cluster.")
@grouped
def scheduler(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen on (0: any free port).")] = 8786,
    transport: Transport = Transport(),
    health_port: HealthPort = None,
    log_format: Log = None,
) -> int:
    """Run the (Dask) scheduler of a cluster until stopped.

    The scheduler keeps no state: searches continue when another one replaces it at the same address.
    """
    from shardblast.bootstrap.cluster import timings
    from shardblast.cli.logs import configure
    from shardblast.cluster.connection import certificates_of, check_reach
    from shardblast.cluster.processes import run_scheduler

    certificates = certificates_of(transport.authority, transport.certificate, transport.key)
    check_reach(host, certificates, insecure=transport.insecure)
    configure(log_format)
    if certificates is not None:
        certificates.watch()
    run_scheduler(host, port, health_port, certificates, timings(), partial(_log_address, "the scheduler listens"))
    return 0


@cluster.command(short_help="Run a node of a cluster.")
@grouped
def node(
    scheduler: Scheduler,
    name: Annotated[
        str, typer.Option("--name", help="Name of the node, also after restarts; default: this machine's name.")
    ] = "",
    allowance: Allowance = Allowance(),
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; default: the one that the scheduler reaches.")
    ] = "",
    drain: Annotated[
        float,
        typer.Option(
            "--drain-minutes",
            envvar="SHARDBLAST_DRAIN_MINUTES",
            metavar="MINUTES",
            min=0,
            help="Grace period for running work after SIGTERM.",
        ),
    ] = 10,
    transport: Transport = Transport(),
    health_port: HealthPort = None,
    log_format: Log = None,
) -> int:
    """Run a node until stopped. It copies shards from the storage (SHARDBLAST_STORAGE) to its disk and searches them.

    On SIGTERM the node takes no more work and finishes its running pieces; a second SIGTERM, or SIGINT, ends it at
    once. Its volumes are kept and reused when it restarts with the same home and name.
    """
    from shardblast.bootstrap.cluster import host as host_of
    from shardblast.cli.logs import configure
    from shardblast.cluster.connection import certificates_of, check_reach, check_scheduler
    from shardblast.cluster.processes import own_address, run_node

    certificates = certificates_of(transport.authority, transport.certificate, transport.key)
    check_scheduler(scheduler, certificates, insecure=transport.insecure)
    listens = host or own_address(scheduler)
    check_reach(listens, certificates, insecure=transport.insecure)
    configure(log_format)
    if certificates is not None:
        certificates.watch()
    memory_bytes, disk_bytes = (bytes_of(size) if size else None for size in (allowance.memory, allowance.disk))
    own = host_of(name or socket.gethostname(), allowance.home, allowance.cores, memory_bytes, disk_bytes)
    connected = partial(_log_address, "the node is connected")
    run_node(scheduler, own, listens, health_port, certificates, drain * 60, connected)
    return 0


@nodes.command(short_help="Show the number of nodes on Kubernetes.")
def status(name: Name = DEFAULT_NAME, namespace: Namespace = "", as_json: AsJson = False) -> int:
    """Show how many nodes are requested and ready. The service's GET /api/v1/nodes lists what they hold.

    The cluster is that of kubectl (KUBECONFIG), or in a pod that of its service account.
    """
    count = _nodes(name, namespace).count()
    if as_json:
        sys.stdout.write(json.dumps({"wanted": count.wanted, "ready": count.ready}) + "\n")
    else:
        sys.stdout.write(f"{count.ready} of {counted(count.wanted, 'node')} ready.\n")
    return 0


@nodes.command(short_help="Request a number of nodes from Kubernetes.")
def scale(
    number: Annotated[int, typer.Argument(metavar="NODES", min=0, help="Number of nodes.")],
    name: Name = DEFAULT_NAME,
    namespace: Namespace = "",
) -> int:
    """Request a number of nodes from Kubernetes, which starts and stops them in its own time.

    If SHARDBLAST_MOST_NODES is set, more are refused. A service with --statefulset requests more nodes when its
    searches need them, and step by step fewer when they have not been needed for --idle-minutes.
    """
    from shardblast.core.scaling import check_most
    from shardblast.service.settings import from_environment

    check_most(number, from_environment().get("most_nodes", number))
    _nodes(name, namespace).scale(number)
    return 0


@nodes.command(
    short_help="Submit nodes to Slurm.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog="Example: shardblast cluster slurm --scheduler tls://head:8786 8 --partition=long --time=12:00:00",
)
def slurm(
    number: Annotated[int, typer.Argument(metavar="NODES", min=1, help="Number of nodes.")],
    scheduler: Scheduler,
    scratch: Annotated[
        str,
        typer.Option(
            "--scratch", metavar="FOLDER", help="Folder on each machine's own disk; default: the job's TMPDIR."
        ),
    ] = "",
    words: Annotated[list[str] | None, typer.Argument(metavar="OPTION", help="Further options of sbatch.")] = None,
) -> int:
    """Submit nodes to Slurm as an array of jobs, one machine per node, and print the job's id.

    The jobs inherit this command's environment: SHARDBLAST_STORAGE, which all machines must reach, and for TLS
    SHARDBLAST_TLS_CA, _CERT and _KEY. 'scancel ID' ends all nodes, 'scancel ID_3' one of them.
    """
    from shardblast.bootstrap.cluster import check_cluster
    from shardblast.cluster.slurm import submit

    check_cluster(scheduler)
    sys.stdout.write(submit(number, scheduler, scratch, words or []) + "\n")
    return 0


def _log_address(message: str, address: str) -> None:
    logger.info(message, extra={"address": address})
    sys.stderr.flush()


def _nodes(name: str, namespace: str) -> NodeSet:
    try:
        from shardblast.cluster.kubernetes import NodeSet
    except ImportError as error:
        raise InputError("The Kubernetes client is not installed.", remedy="Install shardblast[kubernetes].") from error
    return NodeSet(name, namespace)
