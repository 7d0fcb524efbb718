"""What drivers and nodes exchange about a search: its order, its runs, and the keys of its objects."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Self

from shardblast.core.cutting import Shard, magnitude
from shardblast.core.program import Program
from shardblast.core.report import PieceReport
from shardblast.engine.pieces import Part
from shardblast.storage.objects import Objects, search_key

WORK = "work"
"""Prefix, below that of the search, of all objects except pieces that are needed only while the search runs."""
PIECES = "pieces"
MERGED = "merged"
ALL_CORES = 2
"""The number of threads of a piece that uses all cores of its node."""
ORDER = f"{WORK}/order.json"

MERGING, SENT_BY_MERGES = 1, 2
"""Offsets from the priority of a search's pieces: for its merges, and for the tasks on which merges wait."""


@dataclass(frozen=True, slots=True)
class RunId:
    """One run of a search by one driver. A search that resumes after its driver crashed has a new one."""

    search: str
    nonce: str

    def __str__(self) -> str:
        return f"{self.search}-{self.nonce}"


@dataclass(frozen=True, slots=True)
class SearchOrder:
    """A search as nodes execute it."""

    program: Program
    words: tuple[str, ...]
    """The user's options, with ``-outfmt 11``. Lists of ids and taxids are given by the names of their files."""
    files: tuple[str, ...]
    """Names of these lists, in the search's folder and among its objects."""
    database: str
    generation: str
    shards: tuple[Shard, ...]
    threads: int
    """Threads of a piece. More than one only if the whole database is one shard."""
    letters: int = 0
    """Bases or residues of all queries."""
    by_candidates: bool = False
    """Whether BLAST+ searches all queries in the candidates of all shards, see ``Choice``."""
    verified: tuple[int, ...] = ()
    """The 0-based numbers of queries that are also searched without shards."""
    blast: str = ""
    """The version of BLAST+ that searches; empty in orders of earlier versions of shardblast."""

    @property
    def is_whole(self) -> bool:
        """Whether a node that holds all of the database searches it in one piece."""
        return len(self.shards) == 1

    @property
    def priority(self) -> int:
        """Priority of its pieces. Dask starts the highest first, so smaller searches precede larger ones."""
        return -(SENT_BY_MERGES + 1) * magnitude(self.letters)

    def put(self, objects: Objects, search_id: str) -> None:
        """Write the order where nodes look for it."""
        document = asdict(self)
        for values, shard in zip(document["shards"], self.shards, strict=True):
            values |= {"volumes": _ends(shard.volumes), "oids": _ends(shard.oids)}
        for name in ("by_candidates", "verified"):
            if not document[name]:
                del document[name]  # nodes of earlier versions do not know it
        objects.put(search_key(search_id, ORDER), json.dumps(document).encode())

    @classmethod
    def read(cls, objects: Objects, search_id: str) -> Self:
        values: dict[str, Any] = json.loads(objects.read(search_key(search_id, ORDER)))
        shards = tuple(_shard_of(document) for document in values.pop("shards"))
        words, files = tuple(values.pop("words")), tuple(values.pop("files"))
        return cls(Program(values.pop("program")), words, files, shards=shards, **values)


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run of the search's program in a part of the database. Its files are zstd-compressed objects."""

    part: Part
    argv: tuple[str, ...]
    queries: str
    result: str
    """Names of the objects below the search's prefix."""
    outfmt: str
    purpose: str
    batch: int
    shard: int | None
    what: str
    """Description for messages."""
    candidates: tuple[tuple[str, str], ...] = ()
    """The files of a volume that is searched in place of the part: their suffixes, and the names of their objects."""


RunFacts = PieceReport
"""The name under which nodes of earlier versions return the cost of a run."""


def batch_key(batch: int) -> str:
    """Return the name of a batch's queries."""
    return f"{WORK}/batches/{batch}.fa.zst"


def piece_key(batch: int, shard: int) -> str:
    """Return the final name of a piece's result."""
    return f"{PIECES}/{batch}/{shard}.zst"


def merged_key(batch: int) -> str:
    """Return the name of the object that is stored last for a merged batch."""
    return f"{MERGED}/{batch}.json"


def facts_key(result: str) -> str:
    """Return the name of the ``PieceReport`` of the run that stored a result."""
    return f"{WORK}/facts/{result}.json"


def merge_facts_key(batch: int) -> str:
    """Return the name of the ``MergeFacts`` of a batch."""
    return f"{WORK}/told/{batch}.json"


def subjects_key(batch: int) -> str:
    """Return the name of the list of a merged batch's subjects."""
    return f"{WORK}/subjects/{batch}.json"


def list_name(option: str) -> str:
    """Return the name of a list of ids or taxids. Its object has the same name with ``.zst``."""
    return f"{WORK}/list-{option}"


def _ends(numbers: range | None) -> list[int] | None:
    return None if numbers is None else [numbers.start, numbers.stop]


def _shard_of(values: dict[str, Any]) -> Shard:
    oids = values["oids"]
    return Shard(**values | {"volumes": range(*values["volumes"]), "oids": None if oids is None else range(*oids)})
