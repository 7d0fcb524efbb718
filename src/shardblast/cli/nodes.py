"""``shardblast cluster``: how many nodes a cluster has, on Kubernetes or on Slurm."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from shardblast.cli.options import AsJson
from shardblast.core.errors import InputError

if TYPE_CHECKING:
    from shardblast.cluster.kubernetes import NodeSet

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


def _nodes(name: str, namespace: str) -> NodeSet:
    try:
        from shardblast.cluster.kubernetes import NodeSet
    except ImportError as error:
        raise InputError(
            "The client of Kubernetes is not installed.", remedy="Install shardblast[kubernetes]."
        ) from error
    return NodeSet(name, namespace)
