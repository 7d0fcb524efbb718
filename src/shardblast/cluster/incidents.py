"""What costs a search time on a cluster: lost nodes, lost schedulers, and tasks that run again."""

import re
import time
from collections.abc import Iterable, Mapping, Sequence

from shardblast.cluster.connection import Address
from shardblast.cluster.messages import RunId
from shardblast.core.database import Generation
from shardblast.core.events import Incident, Notify

NAMED = 5
_PIECE = re.compile(r"piece-(\d+)-(\d+)(?:-\d+)?")


class Incidents:
    """Compares the nodes and the scheduler with those of the last look, and reports what went."""

    def __init__(self, run: RunId, generation: Generation, notify: Notify) -> None:
        self._run = f"{run}-"
        self._generation = generation
        self._notify = notify
        self._known: Mapping[str, Address] = {}
        self._scheduler = ""
        self._cut_off_at: float | None = None

    def cut_off(self) -> None:
        """Note that the scheduler can't be reached."""
        self._cut_off_at = self._cut_off_at or time.time()

    def look(self, there: Sequence[Address], scheduler: str) -> None:
        """Take the nodes that the scheduler of this id knows now."""
        is_other = self._scheduler not in ("", scheduler)
        if self._cut_off_at is not None:
            self._tell(f"The scheduler could not be reached from {_clock(self._cut_off_at)} to {_clock()} UTC")
        if is_other:
            self._tell(f"The scheduler was replaced before {_clock()} UTC, and the tasks that it had run again")
        now = {node.worker: node for node in there}
        if not is_other:  # otherwise they connect anew
            for worker in self._known.keys() - now.keys():
                self._gone(self._known[worker])
        self._known, self._scheduler, self._cut_off_at = now, scheduler, None

    def _gone(self, node: Address) -> None:
        ran = [key.removeprefix(self._run) for key in node.doing if key.startswith(self._run)]
        if ran or node.member.state.held(self._generation.database, self._generation.name):
            how = "left" if node.member.is_draining else "was lost"
            work = f" while it ran {work_of(ran)}, which runs again" if ran else ", which held a part of the database"
            self._tell(f"Node {node.name} {how} before {_clock()} UTC{work}")

    def _tell(self, text: str) -> None:
        self._notify(Incident(f"{text}."))


def work_of(keys: Iterable[str]) -> str:
    """Return what tasks do, by their keys, as a noun phrase."""
    matches = [(_PIECE.fullmatch(key), key) for key in keys]
    pieces = sorted({(int(match[1]), int(match[2])) for match, _ in matches if match})
    words = [f"batch {batch + 1}, shard {shard + 1}" for batch, shard in pieces[:NAMED]]
    words += [f"{len(pieces) - NAMED} more"] * (len(pieces) > NAMED)
    others = {key.partition("-")[0] for match, key in matches if not match}
    words += ["a merge"] * ("merge" in others) + ["other work"] * bool(others - {"merge"})
    return " and ".join(words)


def runs_again(key: str, problem: str) -> Incident:
    """Return the incident of a task that failed and runs again."""
    what = work_of([key])
    return Incident(f"{what[0].upper()}{what[1:]} failed before {_clock()} UTC and runs again: {problem}")


def _clock(at: float | None = None) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(at))
