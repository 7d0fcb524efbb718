"""The stream of what changes of the nodes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from sse_starlette import ServerSentEvent

from shardblast.api.events import NO_MORE
from shardblast.api.node_models import NodeOut, ScalingOut
from shardblast.bootstrap.service import Service

LOOKED_EVERY_S = 1.0
"""Nodes report themselves about as often."""
FREE_BYTES = 1 << 30
"""Smaller changes of a disk's free space are not worth a message."""

Document = dict[str, Any]


async def node_changes(service: Service, check: Callable[[], None]) -> AsyncIterator[ServerSentEvent]:
    """Yield the nodes and their number, and then what changes of them, as long as the reader may see them.

    Args:
        service: Hears from the nodes.
        check: Raises one of ``NO_MORE`` when the reader may see them no more.
    """
    known: dict[str, Document] | None = None
    scaling: Document | None = None
    with suppress(*NO_MORE):
        while True:
            now = {one["name"]: one for one in await asyncio.to_thread(_nodes, service)}
            scaled = ScalingOut.of(service).model_dump(mode="json")
            told = list(_changed(known, now))
            if scaled != scaling:
                told.append(ServerSentEvent(json.dumps(scaled), event="scaling"))
            if told:
                await asyncio.to_thread(check)
            for event in told:
                yield event
            known, scaling = now, scaled
            await asyncio.sleep(LOOKED_EVERY_S)


def _nodes(service: Service) -> list[Document]:
    return [NodeOut.of(member).model_dump(mode="json") for member in service.members_lately()]


def _changed(known: Mapping[str, Document] | None, now: Mapping[str, Document]) -> Iterator[ServerSentEvent]:
    if known is None:
        yield ServerSentEvent(json.dumps(list(now.values())), event="nodes")
        return
    for name, one in now.items():
        if name not in known or _told_of(known[name]) != _told_of(one):
            yield ServerSentEvent(json.dumps(one), event="node")
    for name in known.keys() - now.keys():
        yield ServerSentEvent(json.dumps({"name": name}), event="gone")


def _told_of(node: Document) -> Document:
    """Return what of a node is worth a message when it changes."""
    return {**node, "last_seen": None, "disk_free_bytes": node["disk_free_bytes"] // FREE_BYTES}
