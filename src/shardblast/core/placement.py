"""Places shards on nodes within memory and disk, plans how many nodes are needed, and finds which are missing."""

import math
from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from shardblast.core.cutting import MEMORY_SHARE, Shard, VolumeSize, cut_shards
from shardblast.core.database import Generation, VolumeMetadata
from shardblast.core.lack import NO_NODE, Lack, LackCode
from shardblast.core.node import NodeState
from shardblast.core.units import counted, size

_PRECISION = 1 << 40
"""The load of a whole database. Loads are integers, so that their sum does not depend on the order."""

MOST_NODES = 10_000
"""Upper bound of the search for a node count."""

NAMED_SHARDS = 5


@dataclass(frozen=True, slots=True)
class ShardNeed:
    """The room that a shard needs on its node."""

    name: str
    letters: int
    mapped_bytes: int
    """Bytes that its searches map into memory."""
    staged_bytes: int
    """The size of its volumes' files on the disk."""


@dataclass(frozen=True, slots=True)
class NodeRoom:
    """The room that a node has for shards, without the room that it reserves for other databases."""

    name: str
    memory_bytes: int
    """The whole memory. Shards may take half of it."""
    disk_bytes: int


@dataclass(frozen=True, slots=True)
class Placement:
    """The nodes of each shard."""

    nodes: Mapping[str, tuple[str, ...]]
    """The sorted, distinct names of the nodes, by shard."""
    problem: str | None
    """Why the placement is infeasible, or None."""
    remedy: str | None

    def shards(self, node: str) -> tuple[str, ...]:
        return tuple(shard for shard, nodes in self.nodes.items() if node in nodes)


def place(
    shards: Collection[ShardNeed],
    nodes: Collection[NodeRoom],
    replicas: int = 1,
    held: Mapping[str, Collection[str]] | None = None,
) -> Placement:
    """Place each shard of a database on ``replicas`` nodes, or on all nodes if there are fewer.

    A node's load is the sum of its share of all letters and its share of all mapped bytes. A shard that a node holds
    stays there, with two exceptions: the node exceeds its memory or disk and another one has room, or the node's load
    exceeds another node's load by more than the largest shard. Within memory and disk, loads therefore differ by at
    most the largest shard. A node that joins is given shards until its load is in that range, and no other shards move.
    The shards of a node that leaves go to the least loaded nodes.

    The placement does not depend on the order of the arguments, which have distinct names. ``held`` are names of nodes
    by shard; those that are not among ``nodes`` are ignored. If memory or disk are too small, the placement is the
    least overfull one that was found, and ``problem`` says so.
    """
    if not nodes:
        return Placement({shard.name: () for shard in shards}, "There is no node.", "Start one with 'shardblast node'.")
    board = _Board(sorted(shards, key=lambda shard: shard.name), sorted(nodes, key=lambda node: node.name))
    copies = min(replicas, len(nodes))
    board.keep(held or {}, copies)
    board.fill(copies)
    while board.relieve() or board.level():
        pass
    return Placement(board.placed(), *board.problem(replicas))


@dataclass(frozen=True, slots=True)
class NodeShare:
    """The part of a database that a node would hold and search."""

    shard: Shard
    volumes: tuple[str, ...]
    """Names of the volumes that it stages."""
    staged_bytes: int
    """The size of these volumes' files."""
    mapped_bytes: int
    """Bytes that its searches map into memory."""

    @property
    def letters(self) -> int:
        return self.shard.letters

    @property
    def first_oid(self) -> int | None:
        """The first OID (0-based) of a part of a volume; None for whole volumes."""
        return self.shard.oids.start if self.shard.oids else None

    @property
    def end_oid(self) -> int | None:
        """The last OID of the part, plus one."""
        return self.shard.oids.stop if self.shard.oids else None


@dataclass(frozen=True, slots=True)
class NodePlan:
    """A database distributed over nodes."""

    shares: tuple[NodeShare, ...]
    """The shares of the nodes that get any."""
    memory_bytes: int
    """The memory of each node."""
    balance: float
    """Letters of the largest shard divided by the mean."""
    problem: str | None
    """Why the plan is infeasible, or None."""
    remedy: str | None

    @property
    def fits(self) -> bool:
        """Whether each node's share stays under half of its memory."""
        return self.problem is None


def plan_nodes(volumes: Sequence[VolumeMetadata], nodes: int, memory_bytes: int) -> NodePlan:
    """Cut a database into as many shards of about equal letters as there are nodes, each with this much memory.

    A shard is a run of whole volumes, given in OID order. With fewer volumes than nodes it is a range of the OIDs of
    one volume; its node stages the whole volume and maps only that part.
    """
    shards = cut_for(volumes, nodes)
    shares = tuple(_share(volumes, shard) for shard in shards)
    mean = sum(volume.letters for volume in volumes) / len(shards)
    balance = max(shard.letters for shard in shards) / mean if mean else 1.0
    largest = max(share.mapped_bytes for share in shares)
    if largest <= MEMORY_SHARE * memory_bytes:
        return NodePlan(shares, memory_bytes, balance, None, None)
    total = sum(volume.mapped_bytes for volume in volumes)
    enough = _fewest_nodes(volumes, memory_bytes, MOST_NODES) if total <= MOST_NODES * memory_bytes else None
    problem = (
        f"A node's share would be {largest:,} bytes, more than half of its {memory_bytes:,} bytes of memory, so "
        "searches would read it from disk again and again."
    )
    more = f"Use {counted(enough, 'node')} of this size, or " if enough else "Use "
    remedy = f"{more}nodes with at least {math.ceil(largest / MEMORY_SHARE):,} bytes of memory."
    return NodePlan(shares, memory_bytes, balance, problem, remedy)


def cut_for(volumes: Sequence[VolumeMetadata], shards: int) -> tuple[Shard, ...]:
    """Cut a database into this many shards of about equal letters, or into as many as possible.

    A volume is cut into parts with equal numbers of sequences. Equal letters would need the volume's index, which may
    not be on this machine.
    """
    sizes = [VolumeSize(volume.num_seqs, volume.letters) for volume in volumes]
    return cut_shards(
        sizes, shards, lambda index, parts: [sizes[index].num_seqs * part // parts for part in range(parts + 1)]
    )


def need_of(volumes: Sequence[VolumeMetadata], shard: Shard, name: str) -> ShardNeed:
    """Return the room that a shard needs; ``volumes`` are all volumes of the database in OID order."""
    own = [volumes[index] for index in shard.volumes]
    mapped = sum(volume.mapped_bytes for volume in own)
    if shard.oids is not None:
        mapped = math.ceil(mapped * len(shard.oids) / max(own[0].num_seqs, 1))
    staged = sum(volume.size_bytes for volume in own)
    return ShardNeed(name, shard.letters, mapped, staged)


def staged_bytes(generation: Generation, volumes: Collection[str]) -> int:
    """Return the bytes that volumes of a generation take on a node's disk, with the files that all volumes share."""
    shared = sum(file.size_bytes for file in generation.shared)
    return shared + sum(volume.size_bytes for volume in generation.volumes if volume.name in volumes)


def room_for(generation: Generation, node: NodeState) -> int:
    """Return the bytes that a node can give to a generation now, beside the other generations that searches use there.

    Generations that no search uses are dropped when room is needed.
    """
    others = [
        one for one in node.generations if (one.database, one.generation) != (generation.database, generation.name)
    ]
    return max(node.disk_budget_bytes - sum(one.used_bytes for one in others), 0)


def has_room(generation: Generation, node: NodeState, volumes: frozenset[str], *, ever: bool = False) -> bool:
    """Return whether the disk of a node has room for volumes beside those of the same generation that it holds.

    While a search uses a generation, its node drops nothing of it. With ``ever``, the question is whether it has room
    once no search uses any other generation.
    """
    held = node.held(generation.database, generation.name)
    same = [one for one in node.generations if (one.database, one.generation) == (generation.database, generation.name)]
    copies = volumes - held if any(one.in_place for one in same) else volumes | held
    room = node.disk_budget_bytes if ever else room_for(generation, node)
    return staged_bytes(generation, copies) <= room


def lacking(
    wanted: Iterable[frozenset[str]], generation: Generation, shards: Sequence[Shard], there: Sequence[NodeState] = ()
) -> Lack | None:
    """Return what a search's waiting tasks lack, or None if nodes that are there have all of it.

    ``wanted`` has the names of each task's volumes, empty for any node. ``there`` are the nodes that accept work.
    """
    held = [node.held(generation.database, generation.name) for node in there]
    sets = {volumes for volumes in wanted if not any(volumes <= own for own in held)}
    if not any(sets):
        return NO_NODE if sets else None
    needed = max(staged_bytes(generation, volumes) for volumes in sets)
    rooms = [(node.disk_budget_bytes, room_for(generation, node), node.name) for node in there]
    is_small = bool(rooms) and needed > max(now for _, now, _ in rooms)
    names = [volume.name for volume in generation.volumes]
    lacked = tuple(sorted(tuple(name for name in names if name in volumes) for volumes in sets if volumes))
    code, what = LackCode.SHARDS, _numbers(names, shards, frozenset().union(*sets))
    if frozenset(names) in sets and (len(names) > 1 or len(shards) == 1):
        code, what, lacked = LackCode.WHOLE_DATABASE, "the whole database", (tuple(names),)
    if is_small or (code is LackCode.WHOLE_DATABASE and not there):
        return Lack(code, f"a node whose disk has room for {what} ({size(needed)})", lacked, _too_small(rooms))
    return Lack(code, f"a node that holds {what}", lacked)


def _numbers(names: Sequence[str], shards: Sequence[Shard], volumes: frozenset[str]) -> str:
    missing = [shard.index + 1 for shard in shards if {names[index] for index in shard.volumes} & volumes]
    more = " and others" if len(missing) > NAMED_SHARDS else ""
    return f"shard {', '.join(map(str, missing[:NAMED_SHARDS]))}{more} of {len(shards)}"


def _too_small(rooms: Sequence[tuple[int, int, str]]) -> str:
    """Return the room of nodes, given with what they have now and their names, that have too little."""
    largest = sorted(rooms, reverse=True)
    words = [
        f"{name} may hold {size(most)}" + f", of which other searches use {size(most - now)}" * (now < most)
        for most, now, name in largest[:NAMED_SHARDS]
    ]
    return ", ".join(words) + " and the others no more" * (len(largest) > NAMED_SHARDS)


class _Board:
    """A placement in progress. Shards are numbered from the heaviest to the lightest, nodes in the order of names.

    ``on`` and ``holders`` are inverse to each other. ``room`` holds the free memory and disk of each node in bytes,
    negative where a node is overfull.
    """

    def __init__(self, shards: Sequence[ShardNeed], nodes: Sequence[NodeRoom]) -> None:
        weights = _weights(shards)
        order = sorted(range(len(shards)), key=lambda index: -weights[index])
        self.shards = [shards[index] for index in order]
        self.weights = [weights[index] for index in order]
        self.needs = [(shard.mapped_bytes, shard.staged_bytes) for shard in self.shards]
        self.nodes = nodes
        self.room = [[int(node.memory_bytes * MEMORY_SHARE), node.disk_bytes] for node in nodes]
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
        """Return the resource that a node lacks for a shard: 0 for memory, 1 for disk, None for neither."""
        (mapped, staged), (memory, disk) = self.needs[shard], self.room[node]
        if mapped > memory:
            return 0
        return 1 if staged > disk else None

    def is_overfull(self, node: int) -> bool:
        return min(self.room[node]) < 0

    def overfull_by(self, node: int) -> float:
        """Return the share of its memory or of its disk that a node's shards take, whichever is larger."""
        free_memory, free_disk = self.room[node]
        memory = max(int(self.nodes[node].memory_bytes * MEMORY_SHARE), 1)
        return max(1 - free_memory / memory, 1 - free_disk / max(self.nodes[node].disk_bytes, 1))

    def keep(self, held: Mapping[str, Collection[str]], copies: int) -> None:
        """Leave held shards in place; of surplus copies, keep those on the least loaded nodes."""
        numbers = {node.name: number for number, node in enumerate(self.nodes)}
        surplus = []
        for shard, need in enumerate(self.shards):
            holders = {numbers[name] for name in held.get(need.name, ()) if name in numbers}
            if len(holders) > copies:
                surplus.append((shard, holders))
                continue
            for node in holders:
                self.add(shard, node)
        for shard, holders in surplus:
            for node in sorted(holders, key=lambda node: (self.load[node], node))[:copies]:
                self.add(shard, node)

    def fill(self, copies: int) -> None:
        """Place the missing copies of each shard, heaviest first, on the least loaded nodes with room for it."""
        queue = _Queue(self, range(len(self.nodes)))
        unplaced: list[int] = []
        for shard, holders in enumerate(self.holders):
            chosen = queue.take(shard, copies - len(holders)) if len(holders) < copies else []
            for node in chosen:
                self.add(shard, node)
                queue.put(node)
            unplaced += [shard] * (copies - len(holders))
        self._overfill(unplaced)

    def _overfill(self, shards: Iterable[int]) -> None:
        """Place shards that fit nowhere on the nodes with the smallest share of memory and disk in use."""
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
        """Move shards from overfull nodes to nodes with room; return whether any moved."""
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
        """Move shards from the most to the least loaded nodes until loads are balanced; return whether any moved."""
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
            for changed in (giver, node):
                heappush(low, (self.load[changed], changed))
                heappush(high, (-self.load[changed], changed))
        return moved

    def _gift(self, high: list[tuple[int, int]], node: int, widest: int) -> tuple[int, int] | None:
        """Return a shard that a node has room for, and the most loaded node that can give it away."""
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
        holders = {need.name: holders for need, holders in zip(self.shards, self.holders, strict=True)}
        return {name: tuple([self.nodes[node].name for node in sorted(holders[name])]) for name in sorted(holders)}

    def problem(self, replicas: int) -> tuple[str, str] | tuple[None, None]:
        """Return the problem of the placement and its remedy."""
        for kind, what in enumerate(("half of its memory", "its disk")):
            over = [node for node in range(len(self.nodes)) if self.room[node][kind] < 0]
            if over:
                return self._too_much(over, kind, what)
        if len(self.nodes) < replicas:
            return (
                f"The cluster has {counted(len(self.nodes), 'node')} for {replicas} copies of each shard.",
                f"Start {replicas - len(self.nodes)} more, or request fewer copies.",
            )
        return None, None

    def _too_much(self, over: Sequence[int], kind: int, what: str) -> tuple[str, str]:
        worst = min(over, key=lambda node: self.room[node][kind])
        needed = sum(self.needs[shard][kind] for shard in self.on[worst])
        has = needed + self.room[worst][kind]
        return (
            f"There is too little room on {len(over)} of {counted(len(self.nodes), 'node')}: {self.nodes[worst].name} "
            f"would hold {needed:,} bytes, with {has:,} bytes in {what}.",
            "Start more or larger nodes, request fewer copies, or cut the database into more shards.",
        )


class _Queue:
    """A queue of nodes, the least loaded first.

    Nodes without room for a shard wait in a second queue until a smaller shard comes, so that large shards do not
    examine them again and again.
    """

    def __init__(self, board: _Board, nodes: Iterable[int]) -> None:
        self._board = board
        self._ready: list[tuple[int, int, int]] = []
        self._waiting: tuple[list[tuple[int, int]], ...] = ([], [])
        for node in nodes:
            self.put(node)

    def put(self, node: int) -> None:
        """Queue a node; ties are ordered pseudo-randomly, so that copies of one node's shards are on many others."""
        turn = len(self._board.on[node])
        mixed = (node + 1) * (2 * turn + 1) * 0x9E3779B1 & 0xFFFFFFFF
        heappush(self._ready, (self._board.load[node], mixed, node))

    def take(self, shard: int, count: int) -> list[int]:
        """Remove and return up to ``count`` nodes that have room for a shard and do not hold it."""
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
    letters = max(sum(shard.letters for shard in shards), 1)
    mapped = max(sum(shard.mapped_bytes for shard in shards), 1)
    return [shard.letters * _PRECISION // letters + shard.mapped_bytes * _PRECISION // mapped + 1 for shard in shards]


def _fewest_nodes(volumes: Sequence[VolumeMetadata], memory_bytes: int, most: int) -> int | None:
    """Return the smallest number of nodes for which each share fits; None if ``most`` nodes are too few."""

    def fits(nodes: int) -> bool:
        return (
            max(_share(volumes, shard).mapped_bytes for shard in cut_for(volumes, nodes)) <= MEMORY_SHARE * memory_bytes
        )

    return 1 + bisect_left(range(1, most), True, key=fits) if fits(most) else None


def _share(volumes: Sequence[VolumeMetadata], shard: Shard) -> NodeShare:
    needed = need_of(volumes, shard, str(shard.index))
    names = tuple(volumes[index].name for index in shard.volumes)
    return NodeShare(shard, names, needed.staged_bytes, needed.mapped_bytes)
