"""``/api/v1/nodes``: the machines that hold databases, and how many of them there are to be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from sse_starlette import EventSourceResponse, ServerSentEvent

from shardblast.api.context import CallerDep, ServiceDep, caller_of
from shardblast.api.events import NO_MORE, PING_EVERY_S
from shardblast.bootstrap.service import Service
from shardblast.core.errors import ConflictError
from shardblast.core.node import Member, Standing
from shardblast.service.callers import Scope

LOOKED_EVERY_S = 1.0
"""Nodes report themselves about as often."""
FREE_BYTES = 1 << 30
"""Smaller changes of a disk's free space are not worth a message."""

Document = dict[str, Any]

router = APIRouter(prefix="/nodes", tags=["nodes"])


class HeldVolumeOut(BaseModel):
    """A volume that is whole on a node's disk."""

    name: str
    size_bytes: int = Field(description="Of all its files")
    mapped_bytes: int = Field(description="Of what a search maps into memory")
    resident_bytes: int | None = Field(description="How much of that is in memory now; null if it is not known")


class HeldGenerationOut(BaseModel):
    """What a node has of a generation of a database."""

    database: str
    generation: str
    in_place: bool = Field(description="Whether it is searched where it lies, and is no copy of the node's")
    num_volumes: int = Field(description="Of the whole generation")
    size_bytes: int
    mapped_bytes: int
    resident_bytes: int | None
    volumes: list[HeldVolumeOut]


class NodeOut(BaseModel):
    """A node, as it is now, or as it was when it was last seen."""

    name: str
    state: Standing = Field(description="draining: it ends what it does and takes nothing more")
    last_seen: float = Field(description="In seconds since 1970")
    running: int = Field(description="BLAST+ processes")
    cores: int
    memory_bytes: int
    disk_budget_bytes: int = Field(description="What its copies of databases may take")
    disk_used_bytes: int
    disk_free_bytes: int
    generations: list[HeldGenerationOut]

    @classmethod
    def of(cls, member: Member) -> NodeOut:
        """Return a node as it is answered."""
        state = member.state
        own = ("name", "cores", "memory_bytes", "disk_budget_bytes", "disk_used_bytes", "disk_free_bytes")
        held = ("database", "generation", "in_place", "num_volumes", "size_bytes", "mapped_bytes", "resident_bytes")
        generations = [
            HeldGenerationOut(
                volumes=[HeldVolumeOut(**asdict(volume)) for volume in one.volumes],
                **{name: getattr(one, name) for name in held},
            )
            for one in state.generations
        ]
        return cls(
            state=member.standing,
            last_seen=member.last_seen,
            running=member.running,
            generations=generations,
            **{name: getattr(state, name) for name in own},
        )


class ScalingIn(BaseModel):
    """How many nodes there are to be."""

    model_config = ConfigDict(extra="forbid")

    nodes: int = Field(ge=0, le=10_000)


class NodesNeededOut(BaseModel):
    """How many nodes are needed, and for what."""

    nodes: int = Field(description="All things considered, and no more than most")
    to_hold: int = Field(description="For the databases that are searched, in half of the nodes' memory")
    for_work: int = Field(description="For the pieces that wait")
    busy: int = Field(description="That can't go now: up to the last that runs something or holds what is searched")


class ScalingOut(BaseModel):
    """How many nodes there are and are to be, where the service can change that."""

    is_possible: bool = Field(description="Whether the service can change the number of nodes")
    asked: int | None = Field(description="Nodes that are to be there; null, as what follows, where it can't")
    ready: int | None = Field(description="Nodes that are")
    needed: NodesNeededOut | None
    most: int | None = Field(description="Nodes that the service asks for by itself at most")
    idle_minutes: float | None = Field(description="Fewer follow when so many were not needed for so long; 0: never")
    problem: str | None = Field(description="Why it is not possible, or not known now; null if it is")

    @classmethod
    def of(cls, service: Service) -> ScalingOut:
        """Return what scaling last saw as it is answered."""
        if service.scaling is None:
            nothing = dict.fromkeys(("asked", "ready", "needed", "most", "idle_minutes"))
            return cls.model_validate({"is_possible": False, "problem": why_not_scaled(service), **nothing})
        state, rule = service.scaling.state, service.scaling.rule
        need = state.need
        return cls(
            is_possible=True,
            asked=state.asked,
            ready=state.ready,
            needed=NodesNeededOut(nodes=need.nodes, to_hold=need.to_hold, for_work=need.for_work, busy=need.busy),
            most=rule.most,
            idle_minutes=rule.idle_s / 60,
            problem=state.problem,
        )


def why_not_scaled(service: Service) -> str:
    """Return why a service that has no Kubernetes can't change the number of nodes."""
    if service.cluster is None:
        return "This service searches on its own machine alone."
    return "The nodes are not on Kubernetes, or the service was not told of their StatefulSet."


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


@router.get("")
def list_nodes(service: ServiceDep, caller: CallerDep) -> list[NodeOut]:
    """List the nodes, with what is on their disks and in their memory now."""
    caller.check(Scope.READ)
    return [NodeOut.of(member) for member in service.members()]


@router.get("/events", response_class=EventSourceResponse)
async def follow_nodes(request: Request, service: ServiceDep, caller: CallerDep) -> EventSourceResponse:
    """Stream what changes of the nodes: ``node`` as it is now, ``gone``, and ``scaling``; first all of them.

    It ends when the caller may read no more.
    """
    caller.check(Scope.READ)
    changes = node_changes(service, lambda: caller_of(request, service).check(Scope.READ))
    return EventSourceResponse(changes, ping=PING_EVERY_S)


@router.get("/scaling")
def read_scaling(service: ServiceDep, caller: CallerDep) -> ScalingOut:
    """Tell how many nodes there are and are to be, and how many are needed for what."""
    caller.check(Scope.READ)
    return ScalingOut.of(service)


@router.post("/scaling")
def scale(body: ScalingIn, service: ServiceDep, caller: CallerDep) -> ScalingOut:
    """Ask Kubernetes for a number of nodes; they come and go in their own time, and drain before they go.

    Refused with 409 where the nodes are not on Kubernetes, and where more are needed just now.
    """
    caller.check(Scope.ADMIN)
    if service.scaling is None:
        raise ConflictError(why_not_scaled(service), remedy="Start and stop nodes with 'shardblast node'.")
    service.scaling.ask(body.nodes)
    return ScalingOut.of(service)


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
