"""What a list of ids or taxids leaves of a database of which no node need have all.

Each volume is looked at where it lies. What is left there is kept in the storage, for the pieces of that volume; the
totals of all, which every piece needs, are kept once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from shardblast.blast.database import Database
from shardblast.blast.filter import Filter, Totals
from shardblast.blast.listing import Listed, filter_of, list_volumes, write_list
from shardblast.blast.process import Processes
from shardblast.cluster.hosted import HostedSearch
from shardblast.cluster.order import WORK, Order
from shardblast.core.errors import DatabaseError, LeftToBlast
from shardblast.core.options import SearchOptions
from shardblast.core.planning import Shard
from shardblast.engine.stored import unusable

RESTRICTION = f"{WORK}/restriction.json"


@dataclass(frozen=True, slots=True)
class Restriction:
    """That of one search."""

    counts: tuple[int, ...]
    """How many sequences are left of each volume."""
    totals: Totals
    hides_titles: bool
    taxids: tuple[int, ...]
    seen: tuple[int, ...]
    """Indices of the shards of the order of which something is left."""

    def document(self) -> bytes:
        """Return it as the storage keeps it."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def of(cls, document: bytes) -> Restriction:
        """Return it from its document."""
        values: dict[str, Any] = json.loads(document)
        totals, hides_titles = Totals(**values.pop("totals")), bool(values.pop("hides_titles"))
        return cls(totals=totals, hides_titles=hides_titles, **{name: tuple(some) for name, some in values.items()})

    def shards(self, order: Order) -> tuple[Shard, ...]:
        """Return the shards of which something is left, numbered anew."""
        return tuple(replace(order.shards[old], index=new) for new, old in enumerate(self.seen))


def kept_name(place: int) -> str:
    """Return the name of what is left of a volume: a byte for each OID."""
    return f"{WORK}/listed/{place}"


def listed_name(place: int) -> str:
    """Return the name of what is known of what is left of a volume; there when all of it is."""
    return f"{kept_name(place)}.json"


def list_here(hosted: HostedSearch, place: int, task: str) -> None:
    """Look at what the search's list leaves of a volume that is here, and store that.

    Raises:
        InputError: The list can't be used.
    """
    if hosted.has(listed_name(place)):
        return
    with hosted.scratch() as folder, hosted.opened([place]) as database, hosted.processes(task) as processes:
        try:
            found, kept = list_volumes(hosted.host.installation, processes, database, hosted.options, folder, [place])
        except LeftToBlast as why:
            raise unusable(why) from None
        (folder / "kept").write_bytes(kept[place])
        hosted.put(folder / "kept", f"{kept_name(place)}.zst")
        hosted.put_plain(json.dumps(_document(found)).encode(), listed_name(place))


def restriction_of(
    options: SearchOptions, order: Order, listed: Sequence[Listed], kept_of: Callable[[int], bytes]
) -> Restriction:
    """Return what is left of a database, from what is left of each volume.

    Args:
        options: The search's, with a list.
        order: The search's.
        listed: Of each volume.
        kept_of: Returns what is left of a volume, asked where shards are parts of one.

    Raises:
        InputError: The list can't be used.
        DatabaseError: Nodes understand it differently.
    """
    if len({one.taxids for one in listed if one.taxids}) > 1:
        raise DatabaseError(
            "Nodes disagree about what descends from the taxids.",
            remedy="Give all nodes the same taxonomy4blast.sqlite3, or use -no_taxid_expansion.",
        )
    try:
        chosen = filter_of(options, listed, ())
    except LeftToBlast as why:
        raise unusable(why) from None
    cut = {shard.volumes[0] for shard in order.shards if shard.oids is not None}
    known = replace(chosen, kept=tuple(kept_of(place) if place in cut else b"" for place in range(len(listed))))
    seen = tuple(shard.index for shard in order.shards if known.kept_in(shard.volumes, shard.oids))
    return Restriction(chosen.counts, chosen.totals, chosen.hides_titles, chosen.taxids, seen)


@dataclass(frozen=True, slots=True)
class Restricted:
    """A database as a task on a node is to see it, and its shards."""

    database: Database
    shards: tuple[Shard, ...]


def restricted(hosted: HostedSearch, database: Database, folder: Path, volumes: Iterable[int] = ()) -> Restricted:
    """Return a database as a search with or without a list sees it.

    Args:
        hosted: The search on this node.
        database: The whole.
        folder: Of the task; gets the list where titles are hidden.
        volumes: Those that processes of the task look at.
    """
    if hosted.options.filter is None or hosted.order.is_whole:
        return Restricted(database, hosted.order.shards)
    found = Restriction.of(hosted.fetched(f"{RESTRICTION}.zst").read_bytes())
    wanted = set(volumes)
    kept = tuple(_kept(hosted, place) if place in wanted else b"" for place in range(len(found.counts)))
    line = None
    if found.hides_titles:
        installation = hosted.host.installation
        line = write_list(installation, Processes(), database, hosted.options, found.taxids, folder)
    chosen = Filter(kept, found.counts, found.totals, line, found.taxids)
    return Restricted(replace(database, filter=chosen), found.shards(hosted.order))


def _kept(hosted: HostedSearch, place: int) -> bytes:
    return hosted.fetched(f"{kept_name(place)}.zst").read_bytes()


def _document(listed: Listed) -> dict[str, Any]:
    return asdict(listed) | {"warnings": listed.warnings.decode(errors="surrogateescape")}


def listed_of(document: bytes) -> Listed:
    """Return what is known of a volume from its object."""
    values: dict[str, Any] = json.loads(document)
    counts = {int(place): count for place, count in values.pop("counts").items()}
    warnings = values.pop("warnings").encode(errors="surrogateescape")
    totals, taxids = Totals(**values.pop("totals")), tuple(values.pop("taxids"))
    return Listed(totals=totals, counts=counts, taxids=taxids, warnings=warnings, **values)
