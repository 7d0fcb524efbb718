"""Nodes as a Slurm job array, with one machine per task."""

import os
import subprocess
import sys
from collections.abc import Sequence

from shardblast.core.errors import InputError

SCRIPT = """\
#!/bin/sh
set -eu
[ -z "${SLURM_MEM_PER_NODE:-}" ] || set -- --memory "${SLURM_MEM_PER_NODE}MiB"
exec "$NODE_PYTHON" -m shardblast node --name "$SLURMD_NODENAME" --cores "$SLURM_CPUS_ON_NODE" \\
  --home "${NODE_SCRATCH:-${TMPDIR:-/tmp}}/shardblast-$SLURMD_NODENAME" "$@"
"""
"""The job script, which is the same for every job. Values come from the environment, so no shell parses user input."""
ANSWER_WITHIN_S = 60


def submit(nodes: int, scheduler: str, scratch: str, options: Sequence[str]) -> str:
    """Submit nodes as one job array and return the id of the job.

    A node has the name that Slurm gives its machine, so it reuses its volumes when it returns there. If a machine
    fails, Slurm restarts its node on another one. ``scheduler`` is the address as the Slurm machines reach it,
    ``scratch`` a folder on each machine's own disk (empty: ``TMPDIR`` of the job). ``options`` are further ones of
    sbatch, such as ``--partition=long``.
    """
    argv = ["sbatch", "--parsable", "--job-name=shardblast", f"--array=0-{nodes - 1}", "--nodes=1", "--exclusive"]
    argv += ["--requeue", "--export=ALL", *options]
    variables = {"SHARDBLAST_SCHEDULER": scheduler, "NODE_SCRATCH": scratch, "NODE_PYTHON": sys.executable}
    try:
        done = subprocess.run(
            argv, input=SCRIPT, env={**os.environ, **variables}, capture_output=True, text=True, timeout=ANSWER_WITHIN_S
        )
    except FileNotFoundError as error:
        problem = "This machine has no sbatch command."
        raise InputError(problem, remedy="Run this on a machine from which Slurm jobs are submitted.") from error
    except subprocess.TimeoutExpired as error:
        raise InputError("Slurm does not answer.", remedy="Check Slurm with 'sinfo'.") from error
    if done.returncode:
        reason = done.stderr.strip().removeprefix("sbatch: error: ")
        raise InputError(f"Slurm rejected the nodes: {reason}.", remedy="Check sbatch's options.")
    return done.stdout.strip().partition(";")[0]
