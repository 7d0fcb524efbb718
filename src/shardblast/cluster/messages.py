"""What drivers and nodes tell each other of a search: its order, its runs, and the keys of its objects."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from shardblast.core.cutting import Shard, magnitude
from shardblast.core.program import Program
from shardblast.engine.pieces import Part
from shardblast.storage.objects import Objects, search_key

WORK = "work"
"""Prefix, below a search's own, of what is needed only while it runs, but for its pieces."""
PIECES = "pieces"
ORDER = f"{WORK}/order.json"

MERGING, SENT_BY_MERGES = 1, 2
"""How much higher than that of a search's pieces the priorities are of its merges, and of what these wait for."""


@dataclass(frozen=True, slots=True)
class RunId:
    """One run of a search by one driver; a search that goes on after a crash of its driver has another."""

    search: str
    nonce: str

    def __str__(self) -> str:
        return f"{self.search}-{self.nonce}"


@dataclass(frozen=True, slots=True)
class SearchOrder:
    """A search, as nodes do it."""

    program: Program
    words: tuple[str, ...]
    """The user's, with ``-outfmt 11``; lists of ids and taxids by the names of their files."""
    files: tuple[str, ...]
    """Those lists, as the search's folder and its objects name them."""
    database: str
    generation: str
    shards: tuple[Shard, ...]
    threads: int
    """Of a piece; more than one only where the whole database is the shard."""
    letters: int = 0
    """Of all queries."""

    @property
    def is_whole(self) -> bool:
        """Whether the database is searched in one piece, as a node that has all of it does."""
        return len(self.shards) == 1

    @property
    def priority(self) -> int:
        """Of its pieces; Dask starts the highest first. All of a smaller search comes before all of a larger one."""
        return -(SENT_BY_MERGES + 1) * magnitude(self.letters)

    def put(self, objects: Objects, search_id: str) -> None:
        """Write it where nodes look for it."""
        document = asdict(self)
        document["shards"] = [_shard_document(shard) for shard in self.shards]
        objects.put(search_key(search_id, ORDER), json.dumps(document).encode())

    @classmethod
    def read(cls, objects: Objects, search_id: str) -> SearchOrder:
        """Read the one of a search."""
        values: dict[str, Any] = json.loads(objects.read(search_key(search_id, ORDER)))
        shards = tuple(_shard_of(one) for one in values.pop("shards"))
        words, files = tuple(values.pop("words")), tuple(values.pop("files"))
        return cls(Program(values.pop("program")), words, files, shards=shards, **values)


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run of the search's program in a part of the database; its files are objects, packed with zstd."""

    part: Part
    argv: tuple[str, ...]
    queries: str
    """Name below the search's prefix, as the next one."""
    result: str
    outfmt: str
    purpose: str
    batch: int
    shard: int | None
    what: str
    """For messages."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a run on a node took; its bytes are in the storage."""

    purpose: str
    batch: int
    shard: int | None
    seconds: float
    peak_memory_bytes: int
    node: str
    is_doubled: bool = False
    """Whether another node was given it as well, because it was late."""


def batch_key(batch: int) -> str:
    """Return the name of a batch's queries."""
    return f"{WORK}/batches/{batch}.fa.zst"


def piece_key(batch: int, shard: int) -> str:
    """Return the final name of a piece's result."""
    return f"{PIECES}/{batch}/{shard}.zst"


def merged_key(batch: int) -> str:
    """Return the name that a merged batch gets last."""
    return f"merged/{batch}.json"


def facts_key(result: str) -> str:
    """Return the name of what the run that left a result took."""
    return f"{WORK}/facts/{result}.json"


def told_key(batch: int) -> str:
    """Return the name of what the merge of a batch tells its driver beside the result."""
    return f"{WORK}/told/{batch}.json"


def subjects_key(batch: int) -> str:
    """Return the name of the list of a merged batch's subjects."""
    return f"{WORK}/subjects/{batch}.json"


def list_name(option: str) -> str:
    """Return the name of a list of ids or taxids, which is that of its object without ``.zst``."""
    return f"{WORK}/list-{option}"


def _shard_document(shard: Shard) -> dict[str, Any]:
    ranges = {"volumes": _ends(shard.volumes), "oids": None if shard.oids is None else _ends(shard.oids)}
    return asdict(shard) | ranges


def _ends(one: range) -> Sequence[int]:
    return [one.start, one.stop]


def _shard_of(values: dict[str, Any]) -> Shard:
    oids = values["oids"]
    return Shard(**values | {"volumes": range(*values["volumes"]), "oids": None if oids is None else range(*oids)})
