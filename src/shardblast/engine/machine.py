"""What this machine has: cores and memory, with the limits of a container."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@dataclass(frozen=True, slots=True)
class Machine:
    """The resources a search may count on."""

    cores: int
    memory_bytes: int


def this_machine() -> Machine:
    """Return the cores this process may use and the memory it may fill, page cache included."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(min([len(os.sched_getaffinity(0)), *_quotas()]), min([memory, *_cgroup_limits()]))


def _quotas() -> list[int]:
    """Return the cores that a container's quota of time amounts to, cgroup version 2 and 1."""
    try:
        words = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except OSError:
        try:
            words = [Path(f"/sys/fs/cgroup/cpu/cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period")]
        except OSError:
            return []
    return [max(1, int(words[0]) // int(words[1]))] if words[0].isdigit() else []


def _cgroup_limits() -> list[int]:
    limits = []
    for name in (*_CGROUP_LIMITS, *_own_cgroup()):
        try:
            text = Path(name).read_text().strip()
        except OSError:
            continue
        if text.isdigit():
            limits.append(int(text))
    return limits


def _own_cgroup() -> list[str]:
    """Return the files with the memory limits of the cgroup that we are in, version 1 and 2."""
    files = []
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            files.append(f"/sys/fs/cgroup/memory{path}/memory.limit_in_bytes")
        elif not controllers:
            files.append(f"/sys/fs/cgroup{path}/memory.max")
    return files
