"""The merge of a batch on one node. It reaches parts of the database on the nodes that hold them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from distributed import get_client, secede

from shardblast.blast.database import Database, database_of
from shardblast.blast.hits import ArchiveCarrier
from shardblast.blast.process import Finished, Processes
from shardblast.blast.queries import Batch, query_id, records
from shardblast.blast.sequences import CandidateDatabase, by_volume, subject_names
from shardblast.blast.volume import Volume, read_volume
from shardblast.cluster import node_tasks
from shardblast.cluster.assignment import NodeTask, check_room
from shardblast.cluster.connection import Cluster
from shardblast.cluster.dispatch import Dispatcher
from shardblast.cluster.messages import (
    SENT_BY_MERGES,
    WORK,
    StoredRun,
    batch_key,
    merge_facts_key,
    merged_key,
    piece_key,
    subjects_key,
)
from shardblast.cluster.node_tasks import Restricted, on_this_node, restricted
from shardblast.cluster.worker import HostedSearch
from shardblast.core.cutting import Shard
from shardblast.core.errors import NotFoundError
from shardblast.core.events import Notify, QueryVerified, SearchEvent, Warned, ignore
from shardblast.core.lack import Lack
from shardblast.core.placement import lacking
from shardblast.core.program import Molecule
from shardblast.core.report import PieceReport
from shardblast.engine.kept_sequences import FILTER_FACTS, KEPT, HitSequences, StoredFilter
from shardblast.engine.pieces import WHOLE, LocalParts, Part, shards_of
from shardblast.engine.sharded import ShardedSearch, piece_file
from shardblast.engine.stored import read_filter, store_merged
from shardblast.engine.workspace import NOTHING_TO_DO, SEARCH, VERIFY, PieceRun
from shardblast.storage.objects import search_key

QUERIES = "batch.fa"

NAMED = 3
"""Number of queries that an error names."""
COPIED = ("hr", "in", "sq")

LETTERS_OF_A_BYTE = {Molecule.NUCLEOTIDE: 4, Molecule.PROTEIN: 1}


@dataclass(frozen=True, slots=True)
class MergeFacts:
    """What a merge reports to its driver. Its result is in the storage."""

    warnings: bytes
    """Warnings of BLAST+."""
    runs: tuple[PieceReport, ...]
    verified: tuple[QueryVerified, ...] = ()

    def document(self) -> dict[str, Any]:
        return asdict(self) | {"warnings": self.warnings.decode(errors="surrogateescape")}

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> MergeFacts:
        warnings = values["warnings"].encode(errors="surrogateescape")
        verified = tuple(QueryVerified(**one) for one in values.get("verified", ()))  # not in those of earlier versions
        return cls(warnings, tuple(PieceReport(**run) for run in values["runs"]), verified)


@on_this_node
def merge(hosted: HostedSearch, batch: Batch) -> MergeFacts:
    """Merge a batch's pieces, and search saturated queries again."""
    if hosted.has(merged_key(batch.index)):
        return _earlier_facts(hosted, batch)
    with hosted.scratch() as folder:
        batch = replace(batch, path=folder / QUERIES)
        hosted.fetch(batch_key(batch.index), batch.path)
        (folder / "merged").mkdir()
        events: list[SearchEvent] = []
        (_merge_whole if hosted.order.is_whole else _merge_shards)(hosted, batch, folder, events.append)
        warnings = b"".join(event.text for event in events if isinstance(event, Warned))
        runs = tuple(event for event in events if isinstance(event, PieceReport))
        facts = MergeFacts(warnings, runs, tuple(event for event in events if isinstance(event, QueryVerified)))
        _store_merged(hosted, batch, folder, facts)
    return facts


@on_this_node
def keep(hosted: HostedSearch, batches: int, most_bytes: int) -> bool:
    """Store the sequences of a search's hits, so that printing needs no database; return whether that was possible."""
    with hosted.scratch() as folder:
        try:
            names = all_subjects(hosted, batches)
        except NotFoundError:  # an earlier run stored them and removed the rest, before the service could note the end
            return are_kept(hosted)
        if names is None or hides_titles(hosted, folder):
            return False
        database = database_of(hosted.generation, folder, (), hosted.host.taxonomy)
        seen = Restricted(database, hosted.order.shards)
        with _parts(hosted, seen, folder) as parts, hosted.processes() as processes:
            return keep_sequences(hosted, processes, names, database, parts, folder, most_bytes)


@dataclass(eq=False)
class RemoteParts:
    """The parts of one search's database, on the nodes that hold them."""

    hosted: HostedSearch
    database: Database
    """The whole database, of which this node needs no volume."""
    shards: Sequence[Shard]
    folder: Path
    reach: Callable[[], Dispatcher]
    """Connects to the cluster when another node is needed."""
    notify: Notify = ignore
    """Gets what each process of BLAST+ on another node has cost."""

    def __post_init__(self) -> None:
        self._priority = self.hosted.order.priority + SENT_BY_MERGES
        self._names = [volume.name for volume in self.hosted.generation.volumes]
        self._dispatcher: Dispatcher | None = None

    def close(self) -> None:
        """Give up tasks that have not ended."""
        if self._dispatcher is not None:
            self._dispatcher.close()

    def lacks(self) -> Lack | None:
        """Return what waiting tasks need and no node has."""
        if self._dispatcher is None:
            return None
        return lacking(self._dispatcher.wanted, self.hosted.generation, self.hosted.order.shards)

    def start(self, part: Part, run: PieceRun) -> Future[Finished]:
        """Queue a run on a node that holds a part. Its result arrives through the storage."""
        if run.purpose.name == SEARCH and run.out.exists():
            return _done(NOTHING_TO_DO)
        if part.name == WHOLE:
            self._check_room(run)
        return self._submit(self._stored(part, run), run, self._letters(part))

    @property
    def cores(self) -> int:
        return max(sum(node.member.state.cores for node in self._reached.cluster.takers(now=True)), 1)

    def search(self, candidates: CandidateDatabase, run: PieceRun) -> Future[Finished]:
        """Queue a run on any node, which fetches the candidates from the storage."""
        files = sorted(candidates.volume.parent.glob(f"{candidates.volume.name}.*"))
        objects = tuple((file.suffix, self._given(file)) for file in files)
        stored = self._stored(Part("candidates", ()), run, objects)
        return self._submit(stored, run, self.letters_of(candidates.oids))

    def _submit(self, stored: StoredRun, run: PieceRun, letters: int) -> Future[Finished]:
        task = NodeTask(
            _key(stored.result),
            node_tasks.run_stored,
            (self.hosted.run, stored),
            self._volumes(stored.part.volumes),
            self._priority,
            stages=stored.part.name == WHOLE,
            kind=run.purpose.name,
            size=max(letters * run.queries.stat().st_size, 1),
        )
        result: Future[Finished] = Future()
        self._reached.submit(task).add_done_callback(lambda done: self._bring(done, stored, run.out, result))
        return result

    def forget(self, part: Part) -> None:
        """Do nothing, because nodes keep their shards in memory."""

    def together(self, volumes: Sequence[int]) -> Sequence[Sequence[int]]:
        return [[place] for place in volumes]

    def known_ids(self, names: Collection[bytes]) -> dict[int, list[str]]:
        """Return the OIDs, with all ids, of the given ids that some shard has."""
        listed = self._listed(sorted(names))
        asked = []
        for volume in range(len(self._names)):
            found = f"{WORK}/found/{_key(str(volume), listed)}.zst"
            arguments = (self.hosted.run, volume, listed, found)
            task = NodeTask(_key(found), node_tasks.look_up, arguments, self._volumes([volume]), self._priority)
            asked.append((found, self._reached.submit(task)))
        by_oid: dict[int, list[str]] = {}
        for found, done in asked:
            done.result()
            ids: dict[str, list[str]] = json.loads(self.hosted.fetched(found).read_bytes())
            by_oid |= {int(oid): names_of for oid, names_of in ids.items()}
        return by_oid

    def letters_of(self, oids: Iterable[int]) -> int:
        mean = [volume.letters / max(volume.num_seqs, 1) for volume in self.database.volumes]
        ordered = sorted(oids)
        places = {volume.path: place for place, volume in enumerate(self.database.volumes)}
        return int(sum(mean[places[volume.path]] * len(own) for volume, own in by_volume(self.database, ordered)))

    def sources(self, oids: Sequence[int]) -> Iterator[tuple[Volume, Sequence[int]]]:
        places = {volume.path: place for place, volume in enumerate(self.database.volumes)}
        copies = []
        for volume, own in by_volume(self.database, oids):
            place = places[volume.path]
            listed = self._listed(b"%d" % oid for oid in own)
            name = f"{WORK}/copies/{_key(str(place), listed)}"
            arguments = (self.hosted.run, place, listed, name)
            task = NodeTask(_key(name), node_tasks.copy_sequences, arguments, self._volumes([place]), self._priority)
            copies.append((name, len(own), self._reached.submit(task)))
        for name, count, done in copies:
            done.result()
            yield self._copied(name), range(count)

    def _copied(self, name: str) -> Volume:
        path = self.folder / name.replace("/", "-")
        letter = self.database.molecule.letter
        for suffix in COPIED:
            self.hosted.fetch(f"{name}.{suffix}.zst", path.with_name(f"{path.name}.{letter}{suffix}"))
        return read_volume(path, self.database.molecule)

    def _stored(self, part: Part, run: PieceRun, candidates: tuple[tuple[str, str], ...] = ()) -> StoredRun:
        """Return a run as a node of the part executes it, with its queries in the storage."""
        purpose = run.purpose
        queries = batch_key(purpose.batch) if run.queries.name == QUERIES else self._given(run.queries)
        what = [purpose.name, part.name, repr(part.volumes), repr(part.oids), queries, run.outfmt, *run.argv]
        what += [name for _, name in candidates]
        result = f"{WORK}/again/{purpose.batch}/{_key(*what)}.zst"
        return StoredRun(
            part=part,
            argv=tuple(run.argv),
            queries=queries,
            result=result,
            outfmt=run.outfmt,
            purpose=purpose.name,
            batch=purpose.batch,
            shard=purpose.shard,
            what=run.what,
            candidates=candidates,
        )

    def _listed(self, lines: Iterable[bytes]) -> str:
        """Store a list for a task; return its name."""
        content = b"\n".join(lines) + b"\n"
        path = self.folder / f"list-{hashlib.sha256(content).hexdigest()[:16]}"
        path.write_bytes(content)
        return self._given(path)

    def _given(self, path: Path) -> str:
        """Store a file for a task under a name derived from its content; return the name."""
        with path.open("rb") as file:
            name = f"{WORK}/given/{hashlib.file_digest(file, 'sha256').hexdigest()[:20]}.zst"
        if not self.hosted.has(name):
            self.hosted.put(path, name)
        return name

    def _bring(self, done: Future[PieceReport | None], stored: StoredRun, out: Path, result: Future[Finished]) -> None:
        try:
            report = done.result()
            if report is not None:
                self.notify(report)
            self.hosted.fetch(stored.result, out)
        except BaseException as error:
            result.set_exception(error)
        else:
            result.set_result(NOTHING_TO_DO)

    def _check_room(self, run: PieceRun) -> None:
        """Raise NoRoomError if no node has room for a run in the whole database."""
        with run.queries.open("rb") as stream:
            names = [query_id(record[0]) for record in islice(records(stream), NAMED + 1)]
        more = " and others" if len(names) > NAMED else ""
        named = f"{', '.join(names[:NAMED])}{more}"
        why = (
            f"more subjects pass the first stage of the search for {named} than BLAST+ keeps, "
            "and shards do not show which of them it drops"
        )
        if self.hosted.order.by_candidates:
            why = f"the subjects that may be hits of {named} are too many, or can't be told apart by their ids"
        if run.purpose.name == VERIFY:
            why = f"{named} can be verified only there"
        ways = ["--exactness complete", *(["-comp_based_stats 0"] if self.hosted.options.composition_based else [])]
        remedy = (
            f"Start a node whose disk has room for it, or search with {' or '.join(ways)}, which changes the results."
        )
        check_room(self.hosted.generation, self._reached.cluster.takers(now=True), why, remedy)

    def _letters(self, part: Part) -> int:
        """Return the approximate number of bases or residues of a part."""
        volumes = [self.hosted.generation.volumes[place] for place in part.volumes]
        if part.oids is None:
            return sum(volume.letters for volume in volumes)
        return volumes[0].letters * len(part.oids) // max(volumes[0].num_seqs, 1)

    def _volumes(self, places: Iterable[int]) -> frozenset[str]:
        return frozenset(self._names[place] for place in places)

    @property
    def _reached(self) -> Dispatcher:
        if self._dispatcher is None:
            self._dispatcher = self.reach()
        return self._dispatcher


def dispatcher_of(hosted: HostedSearch, folder: Path) -> Dispatcher:
    """Connect to the cluster from within a task that has this folder."""
    secede()  # so that the tasks it waits for can run here too
    client = get_client()
    cluster = Cluster(lambda: client, hosted.host.timings, blast=hosted.host.installation.release)
    return Dispatcher(cluster, hosted.generation, hosted.is_unwanted, f"{hosted.run}-{_key(str(folder))}")


def all_subjects(hosted: HostedSearch, batches: int) -> set[str | int] | None:
    """Return the subjects of all batches; None if some have ids that can't be looked up."""
    names: set[str | int] = set()
    for batch in range(batches):
        subjects = json.loads(hosted.read(subjects_key(batch)))
        if subjects is None:
            return None
        names.update(subjects)
    return names


def are_kept(hosted: HostedSearch) -> bool:
    """Return whether hit sequences are stored."""
    return any(True for _ in hosted.host.objects.keys(search_key(hosted.run.search, KEPT)))


def hides_titles(hosted: HostedSearch, folder: Path) -> bool:
    """Return whether a filter hides titles that kept sequences would show."""
    (folder / "merged").mkdir()
    if hosted.has(FILTER_FACTS):
        hosted.host.objects.fetch(search_key(hosted.run.search, FILTER_FACTS), folder / FILTER_FACTS)
    return StoredFilter(folder).hides_titles


def keep_sequences(
    hosted: HostedSearch,
    processes: Processes,
    names: set[str | int],
    database: Database,
    parts: RemoteParts,
    folder: Path,
    most_bytes: int,
) -> bool:
    """Store the sequences of subjects, given by ids or, if the database has none, by OIDs.

    Returns whether they can be found and are not larger than ``most_bytes``.
    """
    found = _by_oid(names, database, parts)
    if found is None or parts.letters_of(found) > most_bytes * LETTERS_OF_A_BYTE[database.molecule]:
        return False
    scratch = folder / "copy"
    scratch.mkdir()
    kept = HitSequences(folder)
    sources = parts.sources(sorted(found) or [0])
    if not kept.write(hosted.host.installation, processes, database, found, sources, scratch, most_bytes):
        return False
    for file in sorted((folder / KEPT).iterdir()):
        hosted.put_plain(file, f"{KEPT}/{file.name}")
    return True


def _earlier_facts(hosted: HostedSearch, batch: Batch) -> MergeFacts:
    """Return the facts about a batch that was merged by an earlier run of this task."""
    try:
        return MergeFacts.of(json.loads(hosted.read(merge_facts_key(batch.index))))
    except NotFoundError:  # a node of an older version merged it
        return MergeFacts(b"", ())


def _merge_shards(hosted: HostedSearch, batch: Batch, folder: Path, notify: Notify) -> None:
    seen = _seen(hosted, folder)
    if seen.database.filter is not None:
        StoredFilter(folder).keep(seen.database.filter)
    for shard in seen.shards:
        if hosted.has(piece_key(batch.index, shard.index)):
            hosted.fetch(piece_key(batch.index, shard.index), piece_file(folder, batch.index, shard.index))
    with _search(hosted, seen, folder, notify) as search:
        store_merged(search, [batch], folder)


def _seen(hosted: HostedSearch, folder: Path) -> Restricted:
    return restricted(hosted, database_of(hosted.generation, folder, (), hosted.host.taxonomy), folder)


@contextmanager
def _search(hosted: HostedSearch, seen: Restricted, folder: Path, notify: Notify = ignore) -> Iterator[ShardedSearch]:
    order = hosted.order
    with _parts(hosted, seen, folder, notify) as parts, hosted.work(seen.database, folder, notify) as work:
        carrier, shards = ArchiveCarrier(work.processes.over), seen.shards
        yield ShardedSearch(
            work, parts, shards, carrier, by_shard=True, by_candidates=order.by_candidates, verified=order.verified
        )


@contextmanager
def _parts(hosted: HostedSearch, seen: Restricted, folder: Path, notify: Notify = ignore) -> Iterator[RemoteParts]:
    reach = partial(dispatcher_of, hosted, folder)
    parts = RemoteParts(hosted, seen.database, seen.shards, folder, reach, notify)
    with closing(parts), hosted.asked(parts.lacks):
        yield parts


def _merge_whole(hosted: HostedSearch, batch: Batch, folder: Path, notify: Notify) -> None:
    """Search a batch in the whole database, which this node stages if need be."""
    with hosted.opened(range(len(hosted.generation.volumes))) as database:
        with hosted.processes() as processes:
            chosen = read_filter(hosted.inquiry(processes, database, folder), named=False)
        database = replace(database, filter=chosen)
        threads = hosted.host.cores if hosted.order.threads > 1 else 1
        with hosted.work(database, folder, notify) as work:
            parts, shards = LocalParts(work, named=False), shards_of(database, 1)
            search = ShardedSearch(
                work, parts, shards, ArchiveCarrier(work.processes.over), by_shard=True, threads=threads
            )
            store_merged(search, [batch], folder)


def _store_merged(hosted: HostedSearch, batch: Batch, folder: Path, facts: MergeFacts) -> None:
    """Store a merged batch and its facts. The object that marks it as complete is stored last."""
    hosted.put_plain(json.dumps(facts.document()).encode(), merge_facts_key(batch.index))
    merged = folder / "merged"
    with hosted.processes() as processes:
        names = set(subject_names(merged / f"{batch.index}.asn", processes.over))
    known = None if None in names else [name.decode() if isinstance(name, bytes) else name for name in names]
    hosted.put_plain(json.dumps(known).encode(), subjects_key(batch.index))
    last = merged / f"{batch.index}.json"
    for file in sorted(merged.iterdir()):
        if file != last:
            hosted.put_plain(file, f"merged/{file.name}")
    hosted.put_plain(last, merged_key(batch.index))


def _done(finished: Finished) -> Future[Finished]:
    result: Future[Finished] = Future()
    result.set_result(finished)
    return result


def _key(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:20]


def _by_oid(names: set[str | int], database: Database, parts: RemoteParts) -> dict[int, list[str]] | None:
    """Return subjects by their OIDs, with all their ids if the database has ids; None if some are not found."""
    with_ids = {volume.id_index is not None for volume in database.volumes}
    if with_ids == {True, False} or (with_ids == {False} and any(isinstance(name, str) for name in names)):
        return None
    if with_ids != {True}:
        return {int(oid): [] for oid in names}
    found = parts.known_ids([str(name).encode() for name in names]) if names else {}
    return found if len(found) == len(names) else None
