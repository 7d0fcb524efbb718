"""The installed BLAST+: where its programs are, their version, the options they know."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from shardblast.blast.process import run
from shardblast.core.errors import EngineError

_VERSION = re.compile(rb"^\S+: (\d+)\.(\d+)\.(\d+)\+", re.M)


@dataclass(frozen=True)
class Installation:
    """BLAST+ as found on ``PATH``."""

    folder: Path

    def program(self, name: str) -> str:
        """Return a program's path.

        Raises:
            EngineError: This installation lacks it.
        """
        path = self.folder / name
        if not path.exists():
            raise EngineError(
                f"{name} is not beside the other programs in {self.folder}.", remedy="Install all of BLAST+."
            )
        return str(path)

    @cached_property
    def version(self) -> tuple[int, int, int]:
        match = _VERSION.search(run([self.program("blastn"), "-version"]).stdout)
        if match is None:
            raise EngineError("blastn does not tell its version.", remedy="Install NCBI BLAST+ 2.12 or later.")
        major, minor, patch = (int(part) for part in match.groups())
        return major, minor, patch


def find_installation() -> Installation:
    """Find BLAST+ on ``PATH``.

    Raises:
        EngineError: It is not installed.
    """
    blastn = shutil.which("blastn")
    if blastn is None:
        raise EngineError(
            "BLAST+ is not installed: there is no blastn on PATH.",
            remedy="Install it: 'apt install ncbi-blast+', 'conda install -c bioconda blast' or 'brew install blast'.",
        )
    return Installation(Path(blastn).parent)
