"""Which nodes hold which shards, balanced, within memory and disk; how many are needed, and what is missing."""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from shardblast.core.cutting import MEMORY_SHARE, Shard, VolumeSize, cut_shards
from shardblast.core.database import Generation, VolumeMetadata
from shardblast.core.units import size
from shardblast.core.waiting import NO_NODE, Lack, LackCode

_PRECISION = 1 << 40
"""Loads are whole numbers, so that they add up to the same in any order."""

MOST_NODES = 10_000
"""More are not thought of."""

NAMED_SHARDS = 5


@dataclass(frozen=True, slots=True)
class ShardNeed:
    """What a shard needs of its node."""

    name: str
    letters: int
    mapped_bytes: int
    """That its searches map into memory."""
    staged_bytes: int
    """Of its volumes' files on the disk."""


@dataclass(frozen=True, slots=True)
class NodeRoom:
    """What a node has for shards: without what it keeps for other databases."""

    name: str
    memory_bytes: int
    """All of it; shards get half."""
    disk_bytes: int


@dataclass(frozen=True, slots=True)
class Placement:
    """The nodes of each shard."""

    nodes: Mapping[str, tuple[str, ...]]
    """By shard, sorted; no node twice."""
    problem: str | None
    """Why it does not do; None if it does."""
    remedy: str | None

    def shards(self, node: str) -> tuple[str, ...]:
        """Return what a node holds."""
        return tuple(shard for shard, nodes in self.nodes.items() if node in nodes)


def place(
    shards: Collection[ShardNeed],
    nodes: Collection[NodeRoom],
    replicas: int = 1,
    held: Mapping[str, Collection[str]] | None = None,
) -> Placement:
    """Place each shard of a database on ``replicas`` nodes, or on all if there are fewer.

    A node's load is its part of all letters and its part of all mapped bytes, added. What is held stays where it is,
    unless a node is beyond its memory or disk and another has room, or a node has less than another by more than the
    largest shard. So, within memory and disk, loads differ by no more than that; a node that joins is given shards
    until its load is within that of the others, and nothing else moves; of a node that leaves the shards go to those
    that have least.

    The same arguments give the same placement, in whatever order they come. Where memory or disk do not do, it is
    the least overfull that was found, and ``problem`` says so.

    Args:
        shards: With different names.
        nodes: With different names.
        replicas: At least 1.
        held: Names of nodes by shard; those that are not among ``nodes`` are gone.
    """
    if not nodes:
        return Placement({one.name: () for one in shards}, "There is no node.", "Start one with 'shardblast node'.")
    board = _Board(sorted(shards, key=lambda one: one.name), sorted(nodes, key=lambda one: one.name))
    copies = min(replicas, len(nodes))
    board.keep(held or {}, copies)
    board.fill(copies)
    while board.relieve() or board.level():
        pass
    return Placement(board.placed(), *board.problem(replicas))


@dataclass(frozen=True, slots=True)
class NodeShare:
    """What one node would hold and search."""

    shard: Shard
    volumes: tuple[str, ...]
    """That it stages."""
    staged_bytes: int
    """Of these volumes' files."""
    mapped_bytes: int
    """That its searches map into memory."""


@dataclass(frozen=True, slots=True)
class NodePlan:
    """A database over nodes."""

    shares: tuple[NodeShare, ...]
    """One for each node that gets something."""
    memory_bytes: int
    """Of each node."""
    balance: float
    """Letters of the largest shard over the mean."""
    problem: str | None
    """Why it does not do; None if it does."""
    remedy: str | None

    @property
    def fits(self) -> bool:
        """Whether each node's share stays under half of its memory."""
        return self.problem is None


def plan_nodes(volumes: Sequence[VolumeMetadata], nodes: int, memory_bytes: int) -> NodePlan:
    """Cut a database into as many shards of about equal letters as there are nodes.

    A shard is whole volumes, or a part of the OIDs of one volume where there are fewer volumes than nodes: its node
    stages that volume whole and maps its part.

    Args:
        volumes: In OID order.
        nodes: How many.
        memory_bytes: Of each.
    """
    shards = cut_for(volumes, nodes)
    shares = tuple(_share(volumes, shard) for shard in shards)
    mean = sum(one.letters for one in volumes) / len(shards)
    balance = max(shard.letters for shard in shards) / mean if mean else 1.0
    largest = max(share.mapped_bytes for share in shares)
    if largest <= MEMORY_SHARE * memory_bytes:
        return NodePlan(shares, memory_bytes, balance, None, None)
    total = sum(one.mapped_bytes for one in volumes)
    enough = _fewest_nodes(volumes, memory_bytes, MOST_NODES) if total <= MOST_NODES * memory_bytes else None
    problem = (
        f"A node's share would be {largest:,} bytes, more than half of its {memory_bytes:,} bytes of memory, so that "
        "searches would read it from disk again and again."
    )
    more = f"Use {enough} nodes of this size, or " if enough else "Use "
    remedy = f"{more}{nodes} nodes with {math.ceil(largest / MEMORY_SHARE):,} bytes each."
    return NodePlan(shares, memory_bytes, balance, problem, remedy)


def cut_for(volumes: Sequence[VolumeMetadata], shards: int) -> tuple[Shard, ...]:
    """Cut a database into so many shards of about equal letters, or as many as can be.

    Volumes are cut by sequences: where letters are is known only from a volume's index, which need not be here.
    """
    sizes = [VolumeSize(one.num_seqs, one.letters) for one in volumes]
    return cut_shards(
        sizes, shards, lambda place, parts: [sizes[place].num_seqs * part // parts for part in range(parts + 1)]
    )


def need_of(volumes: Sequence[VolumeMetadata], shard: Shard, name: str) -> ShardNeed:
    """Return what a shard needs of its node, under a name.

    Args:
        volumes: All of the database's, in OID order.
        shard: A part of it.
        name: As placement is to call it.
    """
    own = [volumes[place] for place in shard.volumes]
    mapped = sum(one.mapped_bytes for one in own)
    if shard.oids is not None:
        mapped = math.ceil(mapped * len(shard.oids) / max(own[0].num_seqs, 1))
    staged = sum(file.size_bytes for one in own for file in one.files)
    return ShardNeed(name, shard.letters, mapped, staged)


def lacking(wanted: Collection[frozenset[str]], generation: Generation, shards: Sequence[Shard]) -> Lack | None:
    """Return what must be there so that all tasks of a search can be done.

    Args:
        wanted: Of each task that waits the names of the volumes that its node must hold; none: any node would do.
        generation: That is searched.
        shards: In which it is searched.

    Returns:
        What is lacking; None if nothing is.
    """
    if not wanted:
        return None
    names = [one.name for one in generation.volumes]
    if frozenset(names) in wanted:
        whole = f"a node whose disk has room for the whole database ({size(generation.size_bytes)})"
        return Lack(LackCode.WHOLE_DATABASE, whole, (tuple(names),))
    volumes = frozenset().union(*wanted)
    lack = [shard.index + 1 for shard in shards if {names[at] for at in shard.volumes} & volumes]
    if not lack:
        return NO_NODE
    listed = ", ".join(map(str, lack[:NAMED_SHARDS]))
    more = " and others" if len(lack) > NAMED_SHARDS else ""
    sets = tuple(sorted(tuple(sorted(one)) for one in wanted if one))
    return Lack(LackCode.SHARDS, f"a node that holds shard {listed}{more} of {len(shards)}", sets)


class _Board:
    """Shards and nodes by number: shards from the heaviest to the lightest, nodes by name."""

    def __init__(self, shards: Sequence[ShardNeed], nodes: Sequence[NodeRoom]) -> None:
        weights = _weights(shards)
        order = sorted(range(len(shards)), key=lambda place: -weights[place])
        self.shards = [shards[place] for place in order]
        self.weights = [weights[place] for place in order]
        self.needs = [(one.mapped_bytes, one.staged_bytes) for one in self.shards]
        self.nodes = nodes
        self.room = [[int(one.memory_bytes * MEMORY_SHARE), one.disk_bytes] for one in nodes]
        self.load = [0] * len(nodes)
        self.on: list[list[int]] = [[] for _ in nodes]
        self.holders: list[list[int]] = [[] for _ in self.shards]

    def add(self, shard: int, node: int) -> None:
        insort(self.on[node], shard)
        self.holders[shard].append(node)
        self.load[node] += self.weights[shard]
        room, (mapped, staged) = self.room[node], self.needs[shard]
        room[0] -= mapped
        room[1] -= staged

    def remove(self, shard: int, node: int) -> None:
        self.on[node].remove(shard)
        self.holders[shard].remove(node)
        self.load[node] -= self.weights[shard]
        room, (mapped, staged) = self.room[node], self.needs[shard]
        room[0] += mapped
        room[1] += staged

    def lacks(self, node: int, shard: int) -> int | None:
        """Return which room a node lacks for a shard: 0 for memory, 1 for disk; None if it has both."""
        (mapped, staged), (memory, disk) = self.needs[shard], self.room[node]
        if mapped > memory:
            return 0
        return 1 if staged > disk else None

    def is_overfull(self, node: int) -> bool:
        return min(self.room[node]) < 0

    def overfull_by(self, node: int) -> float:
        """Return the part of its memory or disk that a node's shards take, whichever is more."""
        memory, disk = self.room[node]
        whole = self.nodes[node]
        most = max(int(whole.memory_bytes * MEMORY_SHARE), 1), max(whole.disk_bytes, 1)
        return max(1 - memory / most[0], 1 - disk / most[1])

    def keep(self, held: Mapping[str, Collection[str]], copies: int) -> None:
        """Leave shards where they are; of more copies than are wanted, those of the least loaded nodes."""
        number = {one.name: place for place, one in enumerate(self.nodes)}
        spare = []
        for shard, need in enumerate(self.shards):
            there = {number[name] for name in held.get(need.name, ()) if name in number}
            if len(there) > copies:
                spare.append((shard, there))
                continue
            for node in there:
                self.add(shard, node)
        for shard, there in spare:
            for node in sorted(there, key=lambda node: (self.load[node], node))[:copies]:
                self.add(shard, node)

    def fill(self, copies: int) -> None:
        """Give each shard the copies that it lacks, the heaviest first, on the least loaded nodes with room for it."""
        queue = _Queue(self, range(len(self.nodes)))
        rest: list[int] = []
        for shard, holders in enumerate(self.holders):
            chosen = queue.take(shard, copies - len(holders)) if len(holders) < copies else []
            for node in chosen:
                self.add(shard, node)
                queue.put(node)
            rest += [shard] * (copies - len(holders))
        self._overfill(rest)

    def _overfill(self, shards: Iterable[int]) -> None:
        """Give shards that fit nowhere to the nodes that are full the least."""
        heap = [(self.overfull_by(node), node) for node in range(len(self.nodes))]
        heapify(heap)
        for shard in shards:
            aside = []
            while (entry := heappop(heap))[1] in self.holders[shard]:
                aside.append(entry)
            node = entry[1]
            self.add(shard, node)
            for entry in (*aside, (self.overfull_by(node), node)):
                heappush(heap, entry)

    def relieve(self) -> bool:
        """Move shards from overfull nodes to those with room; tell whether any moved."""
        overfull = [node for node in range(len(self.nodes)) if self.is_overfull(node)]
        if not overfull:
            return False
        queue = _Queue(self, set(range(len(self.nodes))).difference(overfull))
        moved = False
        for node in overfull:
            for shard in tuple(self.on[node]):
                taken = queue.take(shard, 1) if self.is_overfull(node) else []
                for other in taken:
                    self.remove(shard, node)
                    self.add(shard, other)
                    queue.put(other)
                    moved = True
        return moved

    def level(self) -> bool:
        """Move shards from the most to the least loaded nodes that differ too much; tell whether any moved."""
        widest = max(self.weights, default=0)
        low = [(load, node) for node, load in enumerate(self.load)]
        high = [(-load, node) for node, load in enumerate(self.load)]
        heapify(low)
        heapify(high)
        moved = False
        while low:
            load, node = heappop(low)
            if load != self.load[node]:
                continue
            gift = self._gift(high, node, widest)
            if gift is None:
                continue
            shard, giver = gift
            self.remove(shard, giver)
            self.add(shard, node)
            moved = True
            for one in (giver, node):
                heappush(low, (self.load[one], one))
                heappush(high, (-self.load[one], one))
        return moved

    def _gift(self, high: list[tuple[int, int]], node: int, widest: int) -> tuple[int, int] | None:
        """Return a shard that a node can take, and the most loaded node that can give one."""
        aside, gift = [], None
        while high and -high[0][0] - self.load[node] > widest:
            load, giver = entry = heappop(high)
            if -load != self.load[giver]:
                continue
            aside.append(entry)
            for shard in self.on[giver]:
                if node not in self.holders[shard] and self.lacks(node, shard) is None:
                    gift = shard, giver
                    break
            if gift is not None:
                break
        for entry in aside:
            heappush(high, entry)
        return gift

    def placed(self) -> dict[str, tuple[str, ...]]:
        names = [one.name for one in self.nodes]
        by_name = sorted(range(len(self.shards)), key=lambda shard: self.shards[shard].name)
        return {
            self.shards[shard].name: tuple([names[node] for node in sorted(self.holders[shard])]) for shard in by_name
        }

    def problem(self, replicas: int) -> tuple[str, str] | tuple[None, None]:
        """Return what is wrong with the placement, and what to do about it."""
        for kind, what in enumerate(("half of its memory", "its disk")):
            over = [node for node in range(len(self.nodes)) if self.room[node][kind] < 0]
            if over:
                return self._too_much(over, kind, what)
        if len(self.nodes) < replicas:
            return (
                f"There are {len(self.nodes)} nodes for {replicas} copies of each shard.",
                f"Start {replicas - len(self.nodes)} more, or ask for fewer copies.",
            )
        return None, None

    def _too_much(self, over: Sequence[int], kind: int, what: str) -> tuple[str, str]:
        worst = min(over, key=lambda node: self.room[node][kind])
        needed = sum(self.needs[shard][kind] for shard in self.on[worst])
        has = needed + self.room[worst][kind]
        return (
            f"{len(over)} of {len(self.nodes)} nodes would hold more than they have room for: {self.nodes[worst].name} "
            f"{needed:,} bytes, with {has:,} bytes in {what}.",
            "Start more nodes, give them more, ask for fewer copies, or cut the database into more shards.",
        )


class _Queue:
    """Nodes with room, the least loaded first.

    Nodes that lack room for a shard wait apart until a shard comes that is small enough, so that not each of many
    shards passes by all of them.
    """

    def __init__(self, board: _Board, nodes: Iterable[int]) -> None:
        self._board = board
        self._ready: list[tuple[int, int, int]] = []
        self._waiting: tuple[list[tuple[int, int]], ...] = ([], [])
        for node in nodes:
            self.put(node)

    def put(self, node: int) -> None:
        """Among nodes of the same load the order changes, so that the copies of a node's shards are on many others."""
        turn = len(self._board.on[node])
        mixed = (node + 1) * (2 * turn + 1) * 0x9E3779B1 & 0xFFFFFFFF
        heappush(self._ready, (self._board.load[node], mixed, node))

    def take(self, shard: int, count: int) -> list[int]:
        """Remove and return up to ``count`` nodes that do not hold a shard and have room for it."""
        if any(self._waiting):
            self._recall(shard)
        taken: list[int] = []
        holding = []
        while self._ready and len(taken) < count:
            node = heappop(self._ready)[2]
            kind = self._board.lacks(node, shard)
            if node in self._board.holders[shard]:
                holding.append(node)
            elif kind is not None:
                heappush(self._waiting[kind], (-self._board.room[node][kind], node))
            else:
                taken.append(node)
        for node in holding:
            self.put(node)
        return taken

    def _recall(self, shard: int) -> None:
        for need, waiting in zip(self._board.needs[shard], self._waiting, strict=True):
            while waiting and -waiting[0][0] >= need:
                self.put(heappop(waiting)[1])


def _weights(shards: Sequence[ShardNeed]) -> list[int]:
    letters = max(sum(one.letters for one in shards), 1)
    mapped = max(sum(one.mapped_bytes for one in shards), 1)
    return [one.letters * _PRECISION // letters + one.mapped_bytes * _PRECISION // mapped + 1 for one in shards]


def _fewest_nodes(volumes: Sequence[VolumeMetadata], memory_bytes: int, most: int) -> int | None:
    """Return the fewest nodes for which each share fits; None if no number up to ``most`` does."""

    def fits(nodes: int) -> bool:
        return (
            max(_share(volumes, shard).mapped_bytes for shard in cut_for(volumes, nodes)) <= MEMORY_SHARE * memory_bytes
        )

    low, high = 1, most
    if not fits(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle + 1, high)
    return low


def _share(volumes: Sequence[VolumeMetadata], shard: Shard) -> NodeShare:
    needed = need_of(volumes, shard, str(shard.index))
    names = tuple(volumes[place].name for place in shard.volumes)
    return NodeShare(shard, names, needed.staged_bytes, needed.mapped_bytes)
