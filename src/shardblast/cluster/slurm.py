"""Nodes as jobs of Slurm: an array of which each task has a machine to itself."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from shardblast.core.errors import InputError

SCRIPT = """\
#!/bin/sh
set -eu
[ -z "${SLURM_MEM_PER_NODE:-}" ] || set -- --memory "${SLURM_MEM_PER_NODE}MiB"
exec "$SHARDBLAST_PYTHON" -m shardblast node --name "$SLURMD_NODENAME" --cores "$SLURM_CPUS_ON_NODE" \\
  --home "${SHARDBLAST_SCRATCH:-${TMPDIR:-/tmp}}/shardblast-$SLURMD_NODENAME" "$@"
"""
"""The same for every job: what differs comes by the environment, so nothing that was typed is read by a shell."""
TELL_WITHIN_S = 60


def submit(nodes: int, scheduler: str, scratch: str, options: Sequence[str]) -> str:
    """Submit nodes; return the id of their job.

    A node is called as Slurm calls its machine, so one that comes back there has what it had. Slurm starts a node whose
    machine was lost again on another one.

    Args:
        nodes: How many.
        scheduler: Address of the cluster's scheduler, that machines of Slurm reach.
        scratch: Folder on each machine's own disk; empty: ``TMPDIR`` of the job.
        options: More of sbatch's, such as ``--partition=long``.

    Raises:
        InputError: Slurm is not here, or does not take them.
    """
    argv = ["sbatch", "--parsable", "--job-name=shardblast", f"--array=0-{nodes - 1}", "--nodes=1", "--exclusive"]
    argv += ["--requeue", "--export=ALL", *options]
    named = {"SHARDBLAST_SCHEDULER": scheduler, "SHARDBLAST_SCRATCH": scratch, "SHARDBLAST_PYTHON": sys.executable}
    try:
        done = subprocess.run(
            argv, input=SCRIPT, env={**os.environ, **named}, capture_output=True, text=True, timeout=TELL_WITHIN_S
        )
    except FileNotFoundError as error:
        raise InputError("Slurm's sbatch is not here.", remedy="Run this where jobs are submitted.") from error
    except subprocess.TimeoutExpired as error:
        raise InputError("Slurm does not answer.", remedy="Try 'sinfo'.") from error
    if done.returncode:
        said = done.stderr.strip().removeprefix("sbatch: error: ")
        raise InputError(f"Slurm does not take the nodes: {said}.", remedy="Check sbatch's options.")
    return done.stdout.strip().partition(";")[0]
