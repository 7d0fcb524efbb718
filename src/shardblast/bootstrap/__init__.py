"""The composition root: the only package that wires the parts together."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from shardblast.blast.installation import Installation, find_installation, read_arguments
from shardblast.blast.process import checked, run
from shardblast.core.program import Arguments, Program

if TYPE_CHECKING:
    from shardblast.engine.local import LocalEngine


def home() -> Path:
    """Return the home folder: ``SHARDBLAST_HOME``, or a folder in the user's cache."""
    if given := os.environ.get("SHARDBLAST_HOME"):
        return Path(given).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "shardblast").absolute()


def local_engine() -> LocalEngine:
    """Return the engine that searches on this machine."""
    from shardblast.engine.local import LocalEngine  # commands that search nothing start without it
    from shardblast.engine.workspace import this_machine

    return LocalEngine(find_installation(), this_machine(), home())


@cache
def known_arguments(installation: Installation, program: Program) -> Arguments:
    """Return the options that an installed program describes in its ``-xmlhelp``."""
    finished = run([installation.program(program.value), "-xmlhelp"])
    return read_arguments(checked(finished, f"reading the options of {program.value}").stdout)
