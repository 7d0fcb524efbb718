"""``shardblast scheduler``, ``node`` and ``cluster``: the parts of a cluster, and how many nodes it has."""

from __future__ import annotations

import json
import logging
import socket
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shardblast.cli.options import AsJson, Log, bytes_of
from shardblast.core.errors import InputError

if TYPE_CHECKING:
    from shardblast.cluster.kubernetes import NodeSet

cluster = typer.Typer(add_completion=False, rich_markup_mode=None)

Authority = Annotated[
    str, typer.Option("--tls-ca", envvar="SHARDBLAST_TLS_CA", metavar="FILE", help="Who signs certificates, in PEM.")
]
Certificate = Annotated[
    str, typer.Option("--tls-cert", envvar="SHARDBLAST_TLS_CERT", metavar="FILE", help="Our own certificate.")
]
Key = Annotated[str, typer.Option("--tls-key", envvar="SHARDBLAST_TLS_KEY", metavar="FILE", help="Its key.")]
Insecure = Annotated[
    bool,
    typer.Option(
        "--insecure",
        envvar="SHARDBLAST_INSECURE",
        help="No TLS, in a network that is yours alone: who is in it may run anything on the nodes.",
    ),
]
HealthPort = Annotated[
    int | None,
    typer.Option(
        "--health-port",
        min=1,
        max=65535,
        help="Answer GET /health and /ready there, for probes, without TLS; default: nowhere.",
    ),
]

logger = logging.getLogger(__name__)

nodes = typer.Typer(add_completion=False, rich_markup_mode=None, help="The nodes of a cluster on Kubernetes or Slurm.")

Name = Annotated[
    str,
    typer.Option("--statefulset", envvar="SHARDBLAST_STATEFULSET", metavar="NAME", help="Whose pods the nodes are."),
]
Namespace = Annotated[
    str,
    typer.Option(
        "--namespace", envvar="SHARDBLAST_NAMESPACE", metavar="NAME", help="Default: that of kubectl's context."
    ),
]
DEFAULT_NAME = "shardblast-node"


@cluster.command(short_help="Run the scheduler of a cluster.")
def scheduler(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any that is free.")] = 8786,
    authority: Authority = "",
    certificate: Certificate = "",
    key: Key = "",
    insecure: Insecure = False,
    health_port: HealthPort = None,
    log_format: Log = None,
) -> int:
    """Run the scheduler of a cluster (that of Dask) until stopped.

    It keeps nothing: searches go on when another takes its place at the same address.
    """
    from shardblast.bootstrap.cluster import timings
    from shardblast.cli.logs import configure
    from shardblast.cluster.connection import certificates_of, check_reach
    from shardblast.cluster.processes import run_scheduler

    certificates = certificates_of(authority, certificate, key)
    check_reach(host, certificates, insecure=insecure)
    configure(log_format)
    told = partial(_told, "the scheduler listens")
    run_scheduler(host, port, health_port, certificates, timings(), told)
    return 0


@cluster.command(short_help="Run a node of a cluster.")
def node(
    scheduler: Annotated[
        str,
        typer.Option("--scheduler", envvar="SHARDBLAST_SCHEDULER", metavar="ADDRESS", help="tls://HOST:PORT"),
    ],
    name: Annotated[str, typer.Option("--name", help="Survives restarts; default: that of this machine.")] = "",
    home: Annotated[
        Path | None, typer.Option("--home", metavar="FOLDER", help="For volumes, on a disk of the node's own.")
    ] = None,
    cores: Annotated[int | None, typer.Option("--cores", min=1, help="Default: what this machine has.")] = None,
    memory: Annotated[str, typer.Option("--memory", metavar="SIZE", help="Such as 128GiB; default: all.")] = "",
    disk: Annotated[str, typer.Option("--disk", metavar="SIZE", help="For volumes; default: what the disk has.")] = "",
    host: Annotated[str, typer.Option("--host", help="To listen on; default: where the scheduler sees us.")] = "",
    drain: Annotated[
        float,
        typer.Option(
            "--drain-minutes",
            envvar="SHARDBLAST_DRAIN_MINUTES",
            metavar="MINUTES",
            min=0,
            help="So long what it searches may run on when it is told to end (SIGTERM).",
        ),
    ] = 10,
    authority: Authority = "",
    certificate: Certificate = "",
    key: Key = "",
    insecure: Insecure = False,
    health_port: HealthPort = None,
    log_format: Log = None,
) -> int:
    """Run a node until stopped: it brings shards from the storage (SHARDBLAST_STORAGE) to its disk, and searches them.

    On SIGTERM it takes no more work and ends the pieces that it searches; a second one, or SIGINT, ends it at once.
    What it has found when it ends it has still when it starts again with the same home and name.
    """
    from shardblast.bootstrap.cluster import host as host_of
    from shardblast.cli.logs import configure
    from shardblast.cluster.connection import certificates_of, check_reach, check_scheduler
    from shardblast.cluster.processes import own_address, run_node

    certificates = certificates_of(authority, certificate, key)
    check_scheduler(scheduler, certificates, insecure=insecure)
    listens = host or own_address(scheduler)
    check_reach(listens, certificates, insecure=insecure)
    configure(log_format)
    own = host_of(
        name or socket.gethostname(), home, cores, *(bytes_of(size) if size else None for size in (memory, disk))
    )
    told = partial(_told, "the node is connected")
    run_node(scheduler, own, listens, health_port, certificates, drain * 60, told)
    return 0


@nodes.command(short_help="Tell how many nodes there are on Kubernetes.")
def status(name: Name = DEFAULT_NAME, namespace: Namespace = "", as_json: AsJson = False) -> int:
    """Tell how many nodes were asked for, and how many are ready. What they hold: GET /api/v1/nodes of the service.

    The cluster is found as kubectl finds it (KUBECONFIG), or in a pod by its service account.
    """
    count = _nodes(name, namespace).count()
    if as_json:
        sys.stdout.write(json.dumps({"wanted": count.wanted, "ready": count.ready}) + "\n")
    else:
        sys.stdout.write(f"{count.ready} of {count.wanted} nodes are ready.\n")
    return 0


@nodes.command(short_help="Ask Kubernetes for a number of nodes.")
def scale(
    number: Annotated[int, typer.Argument(metavar="NODES", min=0, help="How many.")],
    name: Name = DEFAULT_NAME,
    namespace: Namespace = "",
) -> int:
    """Ask for a number of nodes; they come and go in their own time.

    A service with --statefulset asks for more when its searches need them, and for fewer, step by step, when so many
    were not needed for --idle-minutes.
    """
    _nodes(name, namespace).scale(number)
    return 0


@nodes.command(
    short_help="Submit nodes to Slurm.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog="Example: shardblast cluster slurm --scheduler tls://head:8786 8 --partition=long --time=12:00:00",
)
def slurm(
    number: Annotated[int, typer.Argument(metavar="NODES", min=1, help="How many.")],
    scheduler: Annotated[
        str, typer.Option("--scheduler", envvar="SHARDBLAST_SCHEDULER", metavar="ADDRESS", help="tls://HOST:PORT")
    ],
    scratch: Annotated[
        str, typer.Option("--scratch", metavar="FOLDER", help="On each machine's own disk; default: the job's TMPDIR.")
    ] = "",
    words: Annotated[list[str] | None, typer.Argument(metavar="OPTION", help="More of sbatch's.")] = None,
) -> int:
    """Submit nodes to Slurm as an array of jobs, each with a machine to itself; print the id of the job.

    The jobs get the environment of this command: SHARDBLAST_STORAGE, which all machines must reach, and for TLS
    SHARDBLAST_TLS_CA, _CERT and _KEY. 'scancel ID' ends the nodes, 'scancel ID_3' one of them.
    """
    from shardblast.bootstrap.cluster import check_cluster
    from shardblast.cluster.slurm import submit

    check_cluster(scheduler)
    sys.stdout.write(submit(number, scheduler, scratch, words or []) + "\n")
    return 0


def _told(what: str, address: str) -> None:
    logger.info(what, extra={"address": address})
    sys.stderr.flush()


def _nodes(name: str, namespace: str) -> NodeSet:
    try:
        from shardblast.cluster.kubernetes import NodeSet
    except ImportError as error:
        raise InputError(
            "The client of Kubernetes is not installed.", remedy="Install shardblast[kubernetes]."
        ) from error
    return NodeSet(name, namespace)
