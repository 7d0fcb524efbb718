"""The reason why a search waits: a code for programs and a sentence for people."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

WAITING_HOURS = 24.0
"""How long a search may wait for anything except its turn before it fails, by default."""


class LackCode(StrEnum):
    """The missing resource; stable, part of the API."""

    TURN = "turn"
    """All places are taken by other searches."""
    SCHEDULER = "scheduler"
    """The cluster's scheduler can't be reached."""
    NODES = "nodes"
    """No node accepts work, or more nodes are starting."""
    BUSY = "busy"
    """All nodes are busy with other searches."""
    SHARDS = "shards"
    """Some shards are on no node, or no node has room for them."""
    WHOLE_DATABASE = "whole-database"
    """No node has room for the whole database, which this search needs on one node."""


REMEDIES: Mapping[LackCode, str] = {
    LackCode.TURN: "Submit it again when fewer searches run.",
    LackCode.SCHEDULER: "Make sure that the scheduler runs, then retry the search.",
    LackCode.NODES: "Start nodes, then retry the search.",
    LackCode.BUSY: "Submit it again when fewer searches run, or start more nodes.",
    LackCode.SHARDS: "Start the nodes that hold these shards, or others with room for them, then retry the search.",
    LackCode.WHOLE_DATABASE: "Start a node whose disk has room for the whole database, then retry the search.",
}


@dataclass(frozen=True, slots=True)
class Lack:
    """The missing resource that keeps a search from running or continuing."""

    code: LackCode
    what: str
    """The resource, as a noun phrase."""
    volumes: tuple[tuple[str, ...], ...] = ()
    """Sets of volumes; the search can continue when each set is on some node."""
    detail: str = ""
    """What is known about the nodes that are there or on their way, as a clause; empty for nothing."""

    @property
    def phrase(self) -> str:
        """The resource with the detail."""
        return f"{self.what}: {self.detail}" if self.detail else self.what

    @property
    def sentence(self) -> str:
        """The reason for the wait, as a sentence for people."""
        return f"The search waits for {self.phrase.rstrip('.')}."

    @property
    def remedy(self) -> str:
        """The advice after a wait in vain."""
        return REMEDIES[self.code]

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return a lack from its ``dataclasses.asdict`` form after a round trip through JSON."""
        volumes = tuple(tuple(names) for names in values["volumes"])
        return cls(LackCode(values["code"]), values["what"], volumes, values.get("detail", ""))


TURN = Lack(LackCode.TURN, "its turn")
NO_SCHEDULER = Lack(LackCode.SCHEDULER, "the scheduler of the cluster, which can't be reached")
NO_NODE = Lack(LackCode.NODES, "a node of the cluster")
MORE_NODES = Lack(LackCode.NODES, "more nodes of the cluster")
NO_FREE_NODE = Lack(LackCode.BUSY, "a node that is free")


@dataclass(frozen=True, slots=True)
class ExpectedNodes:
    """The nodes that were asked for; all are 0 if nobody knows their number."""

    asked: int = 0
    ready: int = 0
    why_pending: str = ""
    """Why those that are not ready are not, as Kubernetes reports it; empty if that is unknown."""


def lacks_nodes(lack: Lack, there: int, expected: ExpectedNodes, draining: int = 0, others: int = 0) -> Lack:
    """Return ``NO_NODE`` or ``MORE_NODES`` with the numbers of nodes that are there, drain, and were asked for.

    ``others`` is the number of nodes whose BLAST+ has another version.
    """
    words = [f"{there} connected" if there else "none is connected" if not draining + others else ""]
    words += [f"{draining} draining"] if draining else []
    words += [f"{others} with another version of BLAST+"] if others else []
    if expected.asked:
        words.append(f"{expected.asked} asked for")
    if pending := max(expected.asked - expected.ready, 0):
        words.append(f"{pending} pending" + f" because of: {expected.why_pending}" * bool(expected.why_pending))
    return replace(lack, detail=", ".join(filter(None, words)))


def lacked(before_s: float, since: float | None, at: float) -> float:
    """Return the total waiting time in seconds: ``before_s``, and the time since ``since`` if that is not None."""
    return before_s + (0.0 if since is None else max(at - since, 0.0))


def lasting(seconds: float) -> str:
    """Return a duration for people: in hours, or in seconds if it is shorter than one hour."""
    return f"{seconds / 3600:,.1f} hours" if seconds >= 3600 else f"{seconds:,.0f} second{'s' * (round(seconds) != 1)}"
