"""Run ``shardblast`` and write its own peak memory: ``python -m bench.peak FILE PROGRAM ...``.

The kernel's account of an ended process mixes in its children, so the process writes down its own before it ends.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from shardblast.cli.main import main


def peak_bytes(process: int | str = "self") -> int:
    """Return VmHWM: the most memory that a process held, mapped files included."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path(f"/proc/{process}/status").read_text(), re.M)
    if found is None:
        raise SystemExit(f"VmHWM is not in /proc/{process}/status: this needs Linux")
    return int(found[1]) * 1024


if __name__ == "__main__":
    status = main(sys.argv[2:])
    Path(sys.argv[1]).write_text(json.dumps({"peak_bytes": peak_bytes()}))
    sys.exit(status)
