"""What the storage has of a search: what an earlier driver had sent, and may not have heard of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from shardblast.cluster.order import RunFacts, facts_key, piece_key, told_key
from shardblast.cluster.tasks import MergeFacts
from shardblast.storage.layout import search_key
from shardblast.storage.objects import Objects

READ_AT_ONCE = 16
"""Small objects: each takes as long as the storage takes to answer."""


class Finished:
    """A look at it."""

    def __init__(self, objects: Objects, search_id: str) -> None:
        self._objects = objects
        self._search_id = search_id
        prefix = search_key(search_id)
        self._names = frozenset(key.removeprefix(prefix) for key in objects.keys(prefix.rstrip("/")))

    def __contains__(self, name: str) -> bool:
        """Tell whether there was such an object, by its name below the search's prefix."""
        return name in self._names

    def runs(self, pieces: Iterable[tuple[int, int]]) -> Iterator[RunFacts | None]:
        """Yield what each of these pieces took, by batches and shards; None where nothing is known."""
        for values in self._documents(facts_key(piece_key(batch, shard)) for batch, shard in pieces):
            yield None if values is None else RunFacts(**values)

    def merges(self, batches: Iterable[int]) -> Iterator[MergeFacts]:
        """Yield what the merge of each of these batches told."""
        for values in self._documents(map(told_key, batches)):
            yield MergeFacts(b"", ()) if values is None else MergeFacts.of(values)

    def _documents(self, names: Iterable[str]) -> Iterator[dict[str, Any] | None]:
        with ThreadPoolExecutor(READ_AT_ONCE) as readers:
            yield from readers.map(self._document, names)

    def _document(self, name: str) -> dict[str, Any] | None:
        if name not in self:
            return None
        document: dict[str, Any] = json.loads(self._objects.read(search_key(self._search_id, name)))
        return document
