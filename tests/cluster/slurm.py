"""Slurm with two simulated machines, from Debian's packages: on loopback, and stopped by its own pids."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.postgres import free_port
from tests.waiting import until

MACHINES = ("one", "two")


@contextmanager
def slurm(folder: Path) -> Iterator[Mapping[str, str]]:
    """Yield the variables that name a Slurm of two idle machines to its commands."""
    key, file = folder / "munge.key", folder / "slurm.conf"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o600)
    file.write_text(_configuration(folder))
    own = ["--foreground", "--force", f"--socket={folder}/munge", f"--key-file={key}"]
    own += [f"--{what}-file={folder}/munge.{what}" for what in ("pid", "log", "seed")]
    named = {"SLURM_CONF": str(file)}
    with ExitStack() as stack:
        stack.enter_context(_running(["munged", *own], folder / "munged.out"))
        _until(lambda: (folder / "munge").exists())
        stack.enter_context(_running(["slurmctld", "-D", "-f", str(file)], folder / "slurmctld.out"))
        for name in MACHINES:
            argv = ["slurmd", "-D", "-N", name, "-f", str(file)]
            stack.enter_context(_running(argv, folder / f"slurmd-{name}.out"))
        _until(lambda: output_of(named, "sinfo", "--noheader", "--format=%D %t") == "2 idle\n")
        yield named


def output_of(named: Mapping[str, str], *argv: str) -> str:
    """Return what a command of Slurm's prints."""
    return subprocess.run(argv, env={**os.environ, **named}, capture_output=True, text=True, timeout=60).stdout


def _configuration(folder: Path) -> str:
    host = socket.gethostname().partition(".")[0]
    user = "root" if os.geteuid() == 0 else os.environ["USER"]
    lines = [
        f"ClusterName=test\nSlurmctldHost={host}(127.0.0.1)\nSlurmctldPort={free_port()}",
        f"SlurmUser={user}\nSlurmdUser={user}\nAuthType=auth/munge\nAuthInfo=socket={folder}/munge",
        "CommunicationParameters=NoCtldInAddrAny,NoInAddrAny",
        "ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nJobAcctGatherType=jobacct_gather/none",
        "SelectType=select/cons_tres\nSelectTypeParameters=CR_Core\nSlurmdParameters=config_overrides",
        f"StateSaveLocation={folder}/state\nSlurmdSpoolDir={folder}/spool-%n\nReturnToService=2\nMpiDefault=none",
        f"SlurmctldPidFile={folder}/slurmctld.pid\nSlurmdPidFile={folder}/slurmd-%n.pid",
        *(
            f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={free_port()} CPUs=1 RealMemory=1000"
            for name in MACHINES
        ),
        f"PartitionName=main Nodes={','.join(MACHINES)} Default=YES State=UP",
    ]
    return "\n".join(lines) + "\n"


@contextmanager
def _running(argv: Sequence[str], log: Path) -> Iterator[None]:
    with log.open("wb") as out, subprocess.Popen(argv, stdout=out, stderr=out) as process:
        try:
            yield
        finally:
            process.terminate()


def _until(holds: Callable[[], object]) -> None:
    until(holds, lambda: "Slurm does not start: are Debian's slurmctld, slurmd and munge there?")
