"""``/api/v1/nodes``: the machines that hold databases, and how many of them there are to be."""

from __future__ import annotations

from fastapi import APIRouter, Request
from sse_starlette import EventSourceResponse

from shardblast.api.context import CallerDep, ServiceDep, caller_of
from shardblast.api.events import PING_EVERY_S
from shardblast.api.node_events import node_changes
from shardblast.api.node_models import NodeOut, ScalingIn, ScalingOut, why_not_scaled
from shardblast.core.errors import ConflictError
from shardblast.service.callers import Scope

router = APIRouter(prefix="/nodes", tags=["nodes"])


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
