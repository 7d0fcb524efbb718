"""What a search waits for: a code for programs, and words for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

WAITING_HOURS = 24.0
"""How long a search may wait for something other than its turn before it fails, unless somebody says otherwise."""


class LackCode(StrEnum):
    """Of what there is not enough; stable, part of the API."""

    TURN = "turn"
    """Other searches go first; as many run as may run at once."""
    SCHEDULER = "scheduler"
    """The cluster's scheduler can't be reached."""
    NODES = "nodes"
    """No node takes work, or more nodes are on their way."""
    SHARDS = "shards"
    """No node holds some shards."""
    WHOLE_DATABASE = "whole-database"
    """No node has room for the whole database, which this search needs in one place."""


REMEDIES: Mapping[LackCode, str] = {
    LackCode.TURN: "Submit it again when less is searched.",
    LackCode.SCHEDULER: "See that the scheduler runs, then retry the search.",
    LackCode.NODES: "Start nodes, then retry the search.",
    LackCode.SHARDS: "Start the nodes that hold these shards, or others with room for them, then retry the search.",
    LackCode.WHOLE_DATABASE: "Start a node whose disk has room for the whole database, then retry the search.",
}


@dataclass(frozen=True, slots=True)
class Lack:
    """What keeps a search from running, or from going on."""

    code: LackCode
    what: str
    """What it waits for, as a noun."""
    volumes: tuple[tuple[str, ...], ...] = ()
    """Sets of volumes that a node must hold, each set on one node, before the search can go on."""

    @property
    def sentence(self) -> str:
        """The same, as people read it everywhere."""
        return f"The search waits for {self.what}."

    @property
    def remedy(self) -> str:
        """What to do when it was waited for in vain."""
        return REMEDIES[self.code]

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return a lack from what ``document`` made of it, after a way through JSON."""
        volumes = tuple(tuple(names) for names in values["volumes"])
        return cls(LackCode(values["code"]), values["what"], volumes)

    def document(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return asdict(self)


TURN = Lack(LackCode.TURN, "its turn")
NO_SCHEDULER = Lack(LackCode.SCHEDULER, "the scheduler of the cluster, which can't be reached")
NO_NODE = Lack(LackCode.NODES, "a node of the cluster")
MORE_NODES = Lack(LackCode.NODES, "more nodes of the cluster, which are on their way")


def lacked(before_s: float, since: float | None, at: float) -> float:
    """Return for how long a search has lacked something altogether, in seconds.

    Args:
        before_s: How long it did until it found what it lacked, the last time.
        since: Since when it does again; None: it lacks nothing now.
        at: Now, in seconds since 1970.
    """
    return before_s + (0.0 if since is None else max(at - since, 0.0))


def lasting(seconds: float) -> str:
    """Return how long something took, in words: in hours, or in seconds where it was less than one."""
    return f"{seconds / 3600:,.1f} hours" if seconds >= 3600 else f"{seconds:,.0f} seconds"
