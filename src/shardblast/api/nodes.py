"""``/api/v1/nodes``: the machines that hold databases, and their number."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from typing import Self

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from sse_starlette import EventSourceResponse, ServerSentEvent

from shardblast.api.context import AdminDep, ReaderDep, ServiceDep, reader_of
from shardblast.api.events import NO_MORE, PING_EVERY_S
from shardblast.bootstrap.service import Service
from shardblast.core.errors import ConflictError
from shardblast.core.node import HeldVolume, Member, NodeState, Standing
from shardblast.core.search import Document

POLL_S = 1.0
"""Interval between two reads of the nodes, about as often as they report."""
FREE_BYTES = 1 << 30
"""Unit of a disk's free space; smaller changes send no event."""

router = APIRouter(prefix="/nodes", tags=["nodes"])


class HeldGenerationOut(BaseModel):
    """The volumes of a generation of a database on a node."""

    database: str
    generation: str
    in_place: bool = Field(description="Whether the files are used in place, and are not a copy of the node")
    num_volumes: int = Field(description="Number of volumes of the whole generation")
    size_bytes: int
    mapped_bytes: int
    resident_bytes: int | None
    volumes: list[HeldVolume]


class NodeOut(BaseModel):
    """A node, as it last reported."""

    name: str
    state: Standing = Field(description="draining: the node finishes its work and takes no more")
    last_seen: float = Field(description="Seconds since 1970")
    running: int = Field(description="Number of running BLAST+ processes")
    cores: int
    memory_bytes: int
    disk_budget_bytes: int = Field(description="Maximum size of its copies of databases")
    disk_used_bytes: int
    disk_free_bytes: int
    generations: list[HeldGenerationOut]


class ScalingIn(BaseModel):
    """The number of nodes to run."""

    model_config = ConfigDict(extra="forbid")

    nodes: int = Field(ge=0, le=10_000)


class NodesNeededOut(BaseModel):
    """The number of nodes that are needed, and the reasons."""

    nodes: int = Field(description="Nodes needed in total, at most `most`")
    to_hold: int = Field(description="Nodes needed to hold the databases in use in half of their memory")
    for_work: int = Field(description="Nodes needed for the waiting pieces")
    busy: int = Field(
        description="Nodes that can't stop now: up to the last one that runs a piece or holds a database in use"
    )


class ScalingOut(BaseModel):
    """The number of nodes, now and as requested. All fields but two are null if the service can't change it."""

    is_possible: bool = Field(description="Whether the service can change the number of nodes")
    asked: int | None = Field(description="Number of nodes requested")
    ready: int | None = Field(description="Number of nodes ready")
    needed: NodesNeededOut | None
    most: int | None = Field(description="Maximum number of nodes that can be requested")
    idle_minutes: float | None = Field(description="Minutes a node may be idle before scaling down (0: never)")
    problem: str | None = Field(
        description="Why scaling is impossible or its state unknown, or why nodes are pending; or null"
    )

    @classmethod
    def of(cls, service: Service) -> Self:
        """Return the last known state of scaling."""
        if service.scaling is None:
            nothing = dict.fromkeys(("asked", "ready", "needed", "most", "idle_minutes"))
            return cls.model_validate({"is_possible": False, "problem": why_not_scaled(service), **nothing})
        state, rule = service.scaling.state, service.scaling.rule
        return cls(
            is_possible=True,
            asked=state.asked,
            ready=state.ready,
            needed=NodesNeededOut.model_validate(state.need, from_attributes=True),
            most=rule.most,
            idle_minutes=rule.idle_s / 60,
            problem=state.problem,
        )


def why_not_scaled(service: Service) -> str:
    """Return why a service without ``scaling`` can't change the number of nodes."""
    if service.cluster is None:
        return "This service runs on a single machine."
    return "The nodes do not run on Kubernetes, or --statefulset is missing. Start and stop them by hand or with Slurm."


async def node_changes(service: Service, reader: Callable[[], object]) -> AsyncIterator[ServerSentEvent]:
    """Yield the nodes and the scaling, then their changes, until ``reader`` raises one of ``NO_MORE``."""
    known: dict[str, Document] | None = None
    scaling: Document | None = None
    with suppress(*NO_MORE):
        while True:
            now = {node["name"]: node for node in await asyncio.to_thread(_nodes, service)}
            scaled = ScalingOut.of(service).model_dump(mode="json")
            events = list(_changes(known, now))
            if scaled != scaling:
                events.append(ServerSentEvent(json.dumps(scaled), event="scaling"))
            if events:
                await asyncio.to_thread(reader)
            for event in events:
                yield event
            known, scaling = now, scaled
            await asyncio.sleep(POLL_S)


@router.get("", response_model=list[NodeOut])
def list_nodes(service: ServiceDep, caller: ReaderDep) -> list[Document]:
    """List the nodes, with the volumes on their disks and in their memory now."""
    return [_node(member) for member in service.members()]


@router.get("/events", response_class=EventSourceResponse)
async def follow_nodes(request: Request, service: ServiceDep, caller: ReaderDep) -> EventSourceResponse:
    """Stream changes of the nodes. ``nodes`` lists all of them first; then come ``node``, ``gone`` and ``scaling``.

    The stream ends when the caller loses the right to read.
    """
    return EventSourceResponse(node_changes(service, reader_of(request, service)), ping=PING_EVERY_S)


@router.get("/scaling")
def read_scaling(service: ServiceDep, caller: ReaderDep) -> ScalingOut:
    """Read how many nodes there are, are requested and are needed."""
    return ScalingOut.of(service)


@router.post("/scaling")
def scale(body: ScalingIn, service: ServiceDep, caller: AdminDep) -> ScalingOut:
    """Request a number of nodes from Kubernetes. They start and stop in their own time, and drain before they stop.

    The answer is 409 if the nodes do not run on Kubernetes, if more nodes are needed now, and above the maximum.
    """
    if service.scaling is None:
        raise ConflictError(why_not_scaled(service), remedy="Start and stop nodes with 'shardblast node'.")
    service.scaling.ask(body.nodes)
    return ScalingOut.of(service)


def _nodes(service: Service) -> list[Document]:
    nodes = map(_node, service.recent_members())
    return [NodeOut.model_validate(node, from_attributes=True).model_dump(mode="json") for node in nodes]


def _node(member: Member) -> Document:
    state = {name: getattr(member.state, name) for name in NodeState.__slots__}
    return {**state, "state": member.standing, "last_seen": member.last_seen, "running": member.running}


def _changes(known: Mapping[str, Document] | None, now: Mapping[str, Document]) -> Iterator[ServerSentEvent]:
    if known is None:
        yield ServerSentEvent(json.dumps(list(now.values())), event="nodes")
        return
    for name, node in now.items():
        if name not in known or _compared(known[name]) != _compared(node):
            yield ServerSentEvent(json.dumps(node), event="node")
    for name in known.keys() - now.keys():
        yield ServerSentEvent(json.dumps({"name": name}), event="gone")


def _compared(node: Document) -> Document:
    """Return the parts of a node whose changes are worth an event."""
    return {**node, "last_seen": None, "disk_free_bytes": node["disk_free_bytes"] // FREE_BYTES}
