"""How long the parts of a cluster wait for each other, and how often they look."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from shardblast.core.errors import UsageError


@dataclass(frozen=True, slots=True)
class Timings:
    """Limits in seconds, the same in all processes of a cluster; tests make some of them shorter."""

    silent_s: float = 30.0
    """A node that gives no sign of life for so long is lost, for the scheduler and for drivers."""
    grace_s: float = 60.0
    """A task waits so long for a lost node to return before the node's volumes are given to another."""
    expected_s: float = 120.0
    """A search goes on without a node that was asked for when the node is not there after so long."""
    stuck_s: float = 10.0
    """A service's search gives back its place when nothing of it could go on for so long."""
    gather_s: float = 20.0
    """Results that can't be read within this time are computed again."""
    late_s: float = 5.0
    """A run that is late by less than this is not started a second time."""
    report_s: float = 2.0
    """Between two looks of a node at its disk and memory."""
    rejoin_s: float = 1.0
    """Between two attempts of a node to reach its scheduler."""
    lease_renew_s: float = 60.0
    """Between a command's signs of life in the storage."""
    lease_lost_s: float = 1800.0
    """A command that gave no sign for so long gives up, because others may soon take it for dead."""
    lease_left_s: float = 3600.0
    """A command that gave no sign for so long is dead, and others remove its files."""

    @classmethod
    def of(cls, text: str) -> Timings:
        """Read changes to the defaults, such as ``grace_s=5 late_s=0.5``.

        Raises:
            UsageError: The text names no limit, or gives one that is not a number above 0.
        """
        known = {field.name for field in fields(cls)}
        changed: dict[str, float] = {}
        for word in text.split():
            name, _, value = word.partition("=")
            try:
                changed[name] = float(value)
            except ValueError:
                changed[name] = 0.0
            if name not in known or not changed[name] > 0:
                raise UsageError(
                    f"{word!r} is not a limit of a cluster in seconds.",
                    remedy=f"Give NAME=SECONDS, where NAME is one of {', '.join(sorted(known))}.",
                )
        return replace(cls(), **changed)
