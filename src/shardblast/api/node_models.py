"""What goes over HTTP of nodes, both ways."""

from __future__ import annotations

from dataclasses import asdict

from pydantic import BaseModel, ConfigDict, Field

from shardblast.bootstrap.service import Service
from shardblast.core.node import Member, Standing


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
