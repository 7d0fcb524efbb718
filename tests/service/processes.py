"""BLAST+ beside the service: its running processes on this machine, and its own output."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def blast_runs(folder: Path) -> list[str]:
    """Return the command lines of processes that search in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().decode(errors="replace")
            state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if str(folder) in command and state != "Z":
            found.append(command)
    return found


def blast(program: str, path: Path, name: str, query: str, options: list[str], outfmt: str, folder: Path) -> bytes:
    """Run BLAST+ as a user would who has the database under this name."""
    file = folder / "query.fa"
    file.write_text(query)
    suffix = "nal" if program in ("blastn", "tblastn", "tblastx") else "pal"
    title = subprocess.run(
        ["blastdbcmd", "-db", str(path), "-info"], capture_output=True, text=True, check=True
    ).stdout.splitlines()[0]
    (folder / f"{name}.{suffix}").write_text(f'TITLE {title.removeprefix("Database: ")}\nDBLIST "{path}"\n')
    argv = [program, "-db", name, "-query", str(file), *options, "-outfmt", outfmt]
    variables = {**os.environ, "BLASTDB": str(folder)}
    return subprocess.run(argv, capture_output=True, check=True, env=variables).stdout
