"""What of files is in the page cache, as the kernel says now."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from shardblast.core.errors import EngineError

_FILES_AT_ONCE = 1000
"""In one call of ``fincore``: far below the limit of a command line."""
_CAP_FOWNER = 1 << 3
"""The capability to do with any file what its owner may."""


def resident_bytes(files: Sequence[Path]) -> list[int | None]:
    """Return how many bytes of each file are in memory: 0 for one that is gone, None where that can't be known.

    It can't without util-linux's ``fincore``, and not for a file that we neither own nor may write: of such a file
    the kernel says that all of it is in memory, whatever is.

    Raises:
        EngineError: ``fincore`` fails.

    Source:
        Linux, mm/mincore.c, can_do_mincore().
    """
    program = shutil.which("fincore")
    if program is None:
        return [None] * len(files)
    known: dict[str, int] = {}
    for first in range(0, len(files), _FILES_AT_ONCE):
        known |= _asked(program, [str(file) for file in files[first : first + _FILES_AT_ONCE]])
    return [known.get(str(file), 0) if _is_told(file) else None for file in files]


def _asked(program: str, files: Sequence[str]) -> Mapping[str, int]:
    argv = [program, "--bytes", "--json", "--output", "RES,SIZE,FILE", "--", *files]
    result = subprocess.run(argv, capture_output=True, env={**os.environ, "LC_ALL": "C"})
    try:
        told = json.loads(os.fsdecode(result.stdout))["fincore"]
        return {one["file"]: min(int(one["res"]), int(one["size"])) for one in told}  # pages are counted whole
    except (ValueError, KeyError) as error:
        said = result.stderr.decode(errors="replace").strip()
        raise EngineError(f"fincore does not tell what is in memory: {said}", remedy="Check util-linux.") from error


def _is_told(file: Path) -> bool:
    try:
        owner = file.stat().st_uid
    except OSError:
        return True  # it is gone, and has nothing in memory
    return owner == os.geteuid() or os.access(file, os.W_OK, effective_ids=True) or _acts_as_owner()


def _acts_as_owner() -> bool:
    found = re.search(r"^CapEff:\s*([0-9a-f]+)$", Path("/proc/self/status").read_text(), re.M)
    return found is not None and bool(int(found[1], 16) & _CAP_FOWNER)
