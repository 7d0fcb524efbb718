"""The parts of a database as a merge sees them that runs on a node: on whichever nodes hold them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from itertools import islice
from pathlib import Path
from typing import Any

from distributed import get_client, secede

from shardblast.blast.candidates import by_volume
from shardblast.blast.database import Database
from shardblast.blast.fasta import query_id, records
from shardblast.blast.process import Finished
from shardblast.blast.volume import Volume, read_volume
from shardblast.cluster import tasks
from shardblast.cluster.attempts import Task
from shardblast.cluster.dispatch import Dispatcher
from shardblast.cluster.holders import check_room
from shardblast.cluster.hosted import HostedSearch
from shardblast.cluster.membership import Cluster
from shardblast.cluster.order import SENT_BY_MERGES, WORK, RunFacts, StoredRun, batch_key
from shardblast.core.lacking import Lack, lacking
from shardblast.core.planning import Shard
from shardblast.engine.parts import SEARCH, WHOLE, Part, Run
from shardblast.engine.work import NOTHING_TO_DO

NAMED = 3
"""Queries that an error names."""
COPIED = ("hr", "in", "sq")


class RemoteParts:
    """Those of one search."""

    def __init__(
        self,
        hosted: HostedSearch,
        database: Database,
        shards: Sequence[Shard],
        folder: Path,
        reach: Callable[[], Dispatcher],
    ) -> None:
        """Prepare.

        Args:
            hosted: The search on this node.
            database: The whole, of which no volume need be here.
            shards: In which it is searched.
            folder: For copies of sequences.
            reach: Reaches the cluster, when something is needed from there.
        """
        self._hosted = hosted
        self._reach = reach
        self._shards = shards
        self._database = database
        self._folder = folder
        self._priority = hosted.order.priority + SENT_BY_MERGES
        self._names = [volume.name for volume in hosted.generation.volumes]
        self._dispatcher: Dispatcher | None = None

    def close(self) -> None:
        """Give up what has not ended."""
        if self._dispatcher is not None:
            self._dispatcher.close()

    def lacks(self) -> Lack | None:
        """Return what we wait for because no node has it."""
        if self._dispatcher is None:
            return None
        return lacking(self._dispatcher.wanted, self._hosted.generation, self._hosted.order.shards)

    def start(self, part: Part, run: Run) -> Future[Finished]:
        """Queue a run on a node that holds a part; its result comes by way of the storage."""
        if run.purpose.name == SEARCH and run.out.exists():
            return _done(NOTHING_TO_DO)
        if part.name == WHOLE:
            self._check_room(run)
        stored = self._stored(part, run)
        volumes = self._volumes(part.volumes)
        task = Task(
            _key(stored.result),
            tasks.run_stored,
            (self._hosted.run, stored),
            volumes,
            self._priority,
            stages=part.name == WHOLE,
            kind=run.purpose.name,
            size=max(self._letters(part) * run.queries.stat().st_size, 1),
        )
        result: Future[Finished] = Future()
        self._submit(task).add_done_callback(lambda done: self._bring(done, stored, run.out, result))
        return result

    def together(self, volumes: Sequence[int]) -> Sequence[Sequence[int]]:
        return [[place] for place in volumes]

    def ids_of(self, names: Mapping[int, Collection[bytes]], scratch: Path) -> dict[int, list[str]] | None:
        shards = {shard.index: shard for shard in self._shards}
        asked = [self._look_up(shards[index].volumes, some) for index, some in names.items()]
        by_oid = self._found(asked)
        return by_oid if sum(map(len, by_oid.values())) >= sum(map(len, names.values())) else None

    def known_ids(self, names: Collection[bytes]) -> dict[int, list[str]]:
        """Return the OIDs, and all ids, of those ids that some shard has."""
        return self._found([self._look_up([place], names) for place in range(len(self._names))])

    def _look_up(self, volumes: Sequence[int], names: Collection[bytes]) -> tuple[str, Future[None]]:
        """Have ids looked up in consecutive volumes; return the name of what is found, and when it is there."""
        listed = self._listed(sorted(names))
        found = f"{WORK}/found/{_key(repr(tuple(volumes)), listed)}.zst"
        arguments = (self._hosted.run, tuple(volumes), listed, found)
        return found, self._submit(Task(_key(found), tasks.look_up, arguments, self._volumes(volumes), self._priority))

    def _found(self, asked: Iterable[tuple[str, Future[None]]]) -> dict[int, list[str]]:
        by_oid: dict[int, list[str]] = {}
        for name, done in asked:
            done.result()
            found: dict[str, list[str]] = json.loads(self._hosted.fetched(name).read_bytes())
            by_oid |= {int(oid): ids for oid, ids in found.items()}
        return by_oid

    def letters_of(self, oids: Iterable[int]) -> int:
        mean = [volume.letters / max(volume.num_seqs, 1) for volume in self._database.volumes]
        ordered = sorted(oids)
        places = {volume.path: place for place, volume in enumerate(self._database.volumes)}
        return int(sum(mean[places[volume.path]] * len(own) for volume, own in by_volume(self._database, ordered)))

    def sources(self, oids: Sequence[int]) -> Iterator[tuple[Volume, Sequence[int]]]:
        places = {volume.path: place for place, volume in enumerate(self._database.volumes)}
        copies = []
        for volume, own in by_volume(self._database, oids):
            place = places[volume.path]
            listed = self._listed(b"%d" % oid for oid in own)
            name = f"{WORK}/copies/{_key(str(place), listed)}"
            arguments = (self._hosted.run, place, listed, name)
            task = Task(_key(name), tasks.copy_sequences, arguments, self._volumes([place]), self._priority)
            copies.append((name, len(own), self._submit(task)))
        for name, count, done in copies:
            done.result()
            yield self._copied(name), range(count)

    def _copied(self, name: str) -> Volume:
        path = self._folder / name.replace("/", "-")
        letter = self._database.molecule.letter
        for suffix in COPIED:
            self._hosted.fetch(f"{name}.{suffix}.zst", path.with_name(f"{path.name}.{letter}{suffix}"))
        return read_volume(path, self._database.molecule)

    def _stored(self, part: Part, run: Run) -> StoredRun:
        """Return a run as a node of the part does it, with its queries where that finds them."""
        purpose = run.purpose
        queries = batch_key(purpose.batch) if run.queries.name == "batch.fa" else self._given(run.queries)
        what = [purpose.name, part.name, repr(part.volumes), repr(part.oids), queries, run.outfmt, *run.argv]
        result = f"{WORK}/again/{purpose.batch}/{_key(*what)}.zst"
        place = (purpose.name, purpose.batch, purpose.shard)
        return StoredRun(part, tuple(run.argv), queries, result, run.outfmt, *place, run.what)

    def _listed(self, lines: Iterable[bytes]) -> str:
        """Store a list that a task takes; return its name."""
        content = b"\n".join(lines) + b"\n"
        path = self._folder / f"list-{hashlib.sha256(content).hexdigest()[:16]}"
        path.write_bytes(content)
        return self._given(path)

    def _given(self, path: Path) -> str:
        """Store a file that a task takes, under a name made of its content."""
        name = f"{WORK}/given/{hashlib.sha256(path.read_bytes()).hexdigest()[:20]}.zst"
        if not self._hosted.has(name):
            self._hosted.put(path, name)
        return name

    def _bring(self, done: Future[RunFacts | None], stored: StoredRun, out: Path, result: Future[Finished]) -> None:
        try:
            done.result()
            self._hosted.fetch(stored.result, out)
        except BaseException as error:
            result.set_exception(error)
        else:
            result.set_result(NOTHING_TO_DO)

    def _check_room(self, run: Run) -> None:
        """Refuse a run in the whole database where no node has room for it, rather than wait for one.

        Raises:
            NoRoomError: It is so.
        """
        with run.queries.open("rb") as stream:
            names = [query_id(record[0]) for record in islice(records(stream), NAMED + 1)]
        more = " and others" if len(names) > NAMED else ""
        why = (
            f"more subjects pass the first stage of the search for {', '.join(names[:NAMED])}{more} than BLAST+ keeps, "
            "and which of them it drops can't be told from shards"
        )
        ways = ["--exactness complete", *(["-comp_based_stats 0"] if self._hosted.options.composition_based else [])]
        remedy = (
            f"Start a node whose disk has room for it, or search with {' or '.join(ways)}, which has other results."
        )
        check_room(self._hosted.generation, self._reached.nodes(now=True), why, remedy)

    def _letters(self, part: Part) -> int:
        """Return about how many letters a part has."""
        volumes = [self._hosted.generation.volumes[place] for place in part.volumes]
        if part.oids is None:
            return sum(one.letters for one in volumes)
        return volumes[0].letters * len(part.oids) // max(volumes[0].num_seqs, 1)

    def _volumes(self, places: Iterable[int]) -> frozenset[str]:
        return frozenset(self._names[place] for place in places)

    @property
    def _reached(self) -> Dispatcher:
        if self._dispatcher is None:
            self._dispatcher = self._reach()
        return self._dispatcher

    def _submit(self, task: Task) -> Future[Any]:
        return self._reached.submit(task)


def dispatcher_of(hosted: HostedSearch, folder: Path) -> Dispatcher:
    """Reach the cluster from within a task that has this folder."""
    secede()  # so that what we wait for can run here too
    client = get_client()
    cluster = Cluster(lambda: client, hosted.host.timings)
    return Dispatcher(cluster, hosted.generation, hosted.is_unwanted, f"{hosted.run}-{_key(str(folder))}")


def _done(finished: Finished) -> Future[Finished]:
    result: Future[Finished] = Future()
    result.set_result(finished)
    return result


def _key(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:20]
