"""The tasks that nodes run for a driver. A task that runs twice stores the same objects under the same names.

The arguments and results of tasks pass through the scheduler. They stay small however many hits there are, because
lists are objects in the storage, which tasks name.

A list of ids or taxids is applied to each volume on a node that holds it. The sequences left of each volume are stored
for the pieces of that volume. The totals over all volumes, which every piece needs, are stored once.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial, wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from shardblast.blast.alias import write_alias
from shardblast.blast.database import Database, Filter, Totals
from shardblast.blast.id_lists import Listed, ListReader, filter_of, write_list
from shardblast.blast.process import Processes
from shardblast.blast.sequences import known_ids_by_oid
from shardblast.blast.volume import VolumeWriter
from shardblast.cluster.connection import host_here, key_here
from shardblast.cluster.messages import WORK, RunId, SearchOrder, StoredRun, facts_key
from shardblast.cluster.worker import Host, HostedSearch
from shardblast.core.cutting import Shard
from shardblast.core.errors import DatabaseError, LeftToBlast, NotFoundError, OutOfMemory, ShardblastError, file_error
from shardblast.core.events import Purpose, SearchEvent
from shardblast.core.options import SearchOptions
from shardblast.core.report import PieceReport
from shardblast.disk import memory
from shardblast.engine.pieces import LocalParts
from shardblast.engine.stored import unusable
from shardblast.engine.workspace import PieceRun

P = ParamSpec("P")
R = TypeVar("R")

RESTRICTION = f"{WORK}/restriction.json"
CANDIDATES = "candidates.volume"
"""The name of a volume of candidates on the node that searches them."""


def on_this_node(task: Callable[Concatenate[HostedSearch, P], R]) -> Callable[Concatenate[RunId, P], R]:
    """Give a task its search on this node, and add the node's name to errors that may not occur on another one."""

    @wraps(task)
    def done(run: RunId, /, *arguments: P.args, **named: P.kwargs) -> R:
        host: Host = host_here()
        try:
            return task(host.search(run), *arguments, **named)
        except ShardblastError as error:
            if error.retry_elsewhere:
                error.happened_on(host.node.name)
            raise
        except OSError as error:
            if error.errno is None:  # a connection error of Dask
                raise
            failed = file_error(error)
            failed.happened_on(host.node.name)
            raise failed from error

    return done


@on_this_node
def stage(hosted: HostedSearch, key: str, volumes: Sequence[str]) -> None:
    """Stage volumes on this node's disk. Staged bytes are counted under a key."""
    host = hosted.host
    with hosted.staged(volumes, partial(host.count_staged, key), hosted.is_unwanted):
        host.look()


@on_this_node
def warm(hosted: HostedSearch, key: str, volumes: Sequence[str]) -> None:
    """Read the files that searches map into memory, as far as there is room."""
    host = hosted.host
    wanted = [volume for volume in hosted.generation.volumes if volume.name in volumes]
    with hosted.staged(volumes, lambda size_bytes: None, hosted.is_unwanted) as folder:
        files = [folder / file.name for volume in wanted for file in volume.mapped]
        try:
            memory.warm(files, partial(host.count_staged, key), hosted.is_unwanted)
        except OutOfMemory:
            return
        host.look()


@on_this_node
def run_stored(hosted: HostedSearch, stored: StoredRun) -> PieceReport | None:
    """Run BLAST+ in a part, unless the result is stored, perhaps by a lost node; return the run's cost if known."""
    if hosted.has(stored.result):
        return _run_before(hosted, stored)
    volumes = stored.part.volumes
    with hosted.scratch() as folder, hosted.opened(volumes) as opened:
        database = restricted(hosted, opened, folder, volumes).database
        for suffix, name in stored.candidates:
            hosted.fetch(name, folder / f"{CANDIDATES}{suffix}")
        queries = hosted.fetched(stored.queries)
        purpose = Purpose(stored.purpose, stored.batch, stored.shard)
        out = folder / "result"
        wanted = PieceRun(list(stored.argv), queries, stored.outfmt, out, purpose, stored.what, (1,))
        events: list[SearchEvent] = []
        with hosted.work(database, folder, events.append, task=key_here()) as work:
            if stored.candidates:
                work.start(wanted, write_alias(folder, stored.part.name, database, [folder / CANDIDATES])).result()
            else:
                LocalParts(work, named=False).start(stored.part, wanted).result()
        if hosted.has(stored.result):  # another node was faster
            return _run_before(hosted, stored)
        (facts,) = (event for event in events if isinstance(event, PieceReport))
        hosted.put_plain(json.dumps(asdict(facts)).encode(), facts_key(stored.result))
        hosted.put(out, stored.result)
        return facts


@on_this_node
def list_volume(hosted: HostedSearch, place: int) -> None:
    """Apply the list of ids or taxids to a volume and store what is left. Raises InputError if it can't be used."""
    if hosted.has(listed_name(place)):
        return
    with hosted.scratch() as folder, hosted.opened([place]) as database, hosted.processes(key_here()) as processes:
        try:
            reader = ListReader(hosted.host.installation, processes, database, hosted.options, folder, [place])
            found, kept = reader.read()
        except LeftToBlast as why:
            raise unusable(why) from None
        (folder / "kept").write_bytes(kept[place])
        hosted.put(folder / "kept", f"{kept_name(place)}.zst")
        hosted.put_plain(json.dumps(_document(found)).encode(), listed_name(place))


@on_this_node
def look_up(hosted: HostedSearch, volume: int, listed: str, found: str) -> None:
    """Find the sequences of a volume that have the ids of a list, an object with one id per line.

    Their OIDs in the whole database, with all ids, are stored as the object ``found``, a JSON dictionary.
    """
    if hosted.has(found):
        return
    names = hosted.fetched(listed).read_bytes().split(b"\n")[:-1]
    with hosted.scratch() as folder, hosted.opened([volume]) as database:
        alias = write_alias(folder, "ids", database, [database.volumes[volume].path], totals=False)
        here = replace(database, name=alias)
        with hosted.processes() as processes:
            ids_of = known_ids_by_oid(hosted.host.installation, processes, here, names, folder / "names")
        first = database.first_oids[volume]
        document = folder / "found.json"
        document.write_text(json.dumps({first + oid: ids for oid, ids in ids_of.items()}))
        hosted.put(document, found)


@on_this_node
def copy_sequences(hosted: HostedSearch, volume: int, listed: str, name: str) -> None:
    """Store a small volume with some sequences of one volume. The names of its objects begin with ``name``.

    ``listed`` is an object with the OIDs of the sequences in that volume, 0-based, one per line.
    """
    letter = hosted.generation.molecule.letter
    if hosted.has(f"{name}.in.zst"):
        return
    oids = [int(line) for line in hosted.fetched(listed).read_bytes().split()]
    with hosted.scratch() as folder, hosted.opened([volume]) as database:
        with hosted.processes() as processes:
            wanted = [(database.volumes[volume], processes.over(oids))]
            VolumeWriter(folder / "copy", database.molecule).write(wanted)
        for suffix in ("hr", "sq", "in"):
            hosted.put(folder / f"copy.{letter}{suffix}", f"{name}.{suffix}.zst")


@dataclass(frozen=True, slots=True)
class Restriction:
    """The part of a database that a search's list of ids or taxids leaves."""

    counts: tuple[int, ...]
    """Number of sequences left in each volume."""
    totals: Totals
    hides_titles: bool
    taxids: tuple[int, ...]
    seen: tuple[int, ...]
    """Indices of the order's shards in which sequences are left."""

    def document(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def of(cls, document: bytes) -> Self:
        values: dict[str, Any] = json.loads(document)
        totals, hides_titles = Totals(**values.pop("totals")), bool(values.pop("hides_titles"))
        return cls(totals=totals, hides_titles=hides_titles, **{name: tuple(some) for name, some in values.items()})

    def shards(self, order: SearchOrder) -> tuple[Shard, ...]:
        """Return the shards in which sequences are left, numbered from 0."""
        return tuple(replace(order.shards[old], index=new) for new, old in enumerate(self.seen))


def kept_name(place: int) -> str:
    """Return the name of the object that says which sequences of a volume are left, with one byte per OID."""
    return f"{WORK}/listed/{place}"


def listed_name(place: int) -> str:
    """Return the name of the facts about a volume's remaining sequences. It is stored last."""
    return f"{kept_name(place)}.json"


def restriction_of(
    options: SearchOptions, order: SearchOrder, listed: Sequence[Listed], kept_of: Callable[[int], bytes]
) -> Restriction:
    """Combine what is left of each volume into what is left of the database.

    ``kept_of`` returns which sequences of a volume are left, and is called only for volumes that are cut into shards.
    Raises InputError if the list can't be used, and DatabaseError if nodes expand the taxids differently.
    """
    if len({volume.taxids for volume in listed if volume.taxids}) > 1:
        problem = "Nodes disagree about the descendants of the taxids."
        remedy = "Give all nodes the same taxonomy4blast.sqlite3, or use -no_taxid_expansion."
        raise DatabaseError(problem, remedy=remedy)
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
    """A database as a task sees it after the search's list was applied, and its shards."""

    database: Database
    shards: tuple[Shard, ...]


def restricted(hosted: HostedSearch, database: Database, folder: Path, volumes: Iterable[int] = ()) -> Restricted:
    """Return a database as a search with or without a list sees it.

    ``volumes`` are those that processes of the task read. The list is written to ``folder`` if titles are hidden.
    """
    if hosted.options.filter is None or hosted.order.is_whole:
        return Restricted(database, hosted.order.shards)
    restriction = Restriction.of(hosted.fetched(f"{RESTRICTION}.zst").read_bytes())
    wanted = set(volumes)
    kept = tuple(_kept(hosted, place) if place in wanted else b"" for place in range(len(restriction.counts)))
    line = None
    if restriction.hides_titles:
        line = write_list(hosted.inquiry(Processes(), database, folder), restriction.taxids)
    chosen = Filter(kept, restriction.counts, restriction.totals, line, restriction.taxids)
    return Restricted(replace(database, filter=chosen), restriction.shards(hosted.order))


def listed_of(document: bytes) -> Listed:
    """Return the facts about a volume from their object."""
    values: dict[str, Any] = json.loads(document)
    counts = {int(place): count for place, count in values.pop("counts").items()}
    warnings = values.pop("warnings").encode(errors="surrogateescape")
    totals, taxids = Totals(**values.pop("totals")), tuple(values.pop("taxids"))
    return Listed(totals=totals, counts=counts, taxids=taxids, warnings=warnings, **values)


def _run_before(hosted: HostedSearch, stored: StoredRun) -> PieceReport | None:
    try:
        return PieceReport(**json.loads(hosted.read(facts_key(stored.result))))
    except NotFoundError:  # a node of an older version did it
        return None


def _kept(hosted: HostedSearch, place: int) -> bytes:
    return hosted.fetched(f"{kept_name(place)}.zst").read_bytes()


def _document(listed: Listed) -> dict[str, Any]:
    return asdict(listed) | {"warnings": listed.warnings.decode(errors="surrogateescape")}
