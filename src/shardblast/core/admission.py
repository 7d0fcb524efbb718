"""Which of the searches that wait for their turn begin: small ones first, and no place is left empty."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from shardblast.core.lacking import Lack
from shardblast.core.planning import magnitude
from shardblast.core.search import SearchId, State

FEWEST, MOST = 4, 64
"""Places, where the operator does not say how many. A search that runs costs the service a thread and some memory."""
HALVED_EVERY_S = 600.0
"""A search that has waited for so long counts as half as large, so that small ones can't keep it waiting for ever."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A search that is not over, as far as its place is concerned."""

    id: SearchId
    owner: str
    state: State
    letters: int
    created: float
    database: str
    generation: str
    stint: int
    lack: Lack | None
    lacks_since: float | None
    lacked_s: float

    @property
    def has_place(self) -> bool:
        """Whether it is among those that run; one that is being cancelled has its place until nothing of it runs."""
        return self.state is not State.QUEUED


def places_for(cores: int) -> int:
    """Return how many searches run at once on so many cores: a tiny search hardly keeps one of them busy."""
    return min(max(cores, FEWEST), MOST)


def admitted(
    queued: Iterable[Standing], running: Iterable[Standing], places: int, of_owner: int, at: float
) -> list[Standing]:
    """Return the searches that begin now, in their order.

    The smallest come first, by powers of two of their letters; among equals those of the owner of whom least runs, then
    the oldest. An owner who has ``of_owner`` places gets more only if nobody else wants them.

    Args:
        queued: Searches that could run.
        running: Those that have a place.
        places: How many there are.
        of_owner: How many an owner has while others wait.
        at: The time, in seconds since 1970.
    """
    owners = Counter(one.owner for one in running)
    left = {one.id: one for one in queued}
    found: list[Standing] = []

    def rank(one: Standing) -> tuple[bool, int, int, float]:
        return owners[one.owner] >= of_owner, _magnitude(one, at), owners[one.owner], one.created

    while left and owners.total() < places:
        chosen = min(left.values(), key=rank)
        found.append(left.pop(chosen.id))
        owners[chosen.owner] += 1
    return found


def _magnitude(one: Standing, at: float) -> int:
    return magnitude(one.letters) - int(max(at - one.created, 0.0) // HALVED_EVERY_S)
