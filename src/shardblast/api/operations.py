"""``/health``, ``/ready``, ``/metrics`` and ``/api/v1/me``."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from shardblast.api.context import CallerDep, ServiceDep
from shardblast.api.metrics import Metrics
from shardblast.api.models import MeOut
from shardblast.core.version import __version__

router = APIRouter(tags=["operations"])
me_router = APIRouter(tags=["identity"])


@router.get("/health")
def health() -> dict[str, str]:
    """Tell that the process lives."""
    return {"status": "ok", "version": __version__}


@router.get("/ready")
def ready(service: ServiceDep, response: Response) -> dict[str, Any]:
    """Tell whether searches can run, and what is missing if not."""
    checks = service.operations.checks()
    good = all(told == "ok" for told in checks.values())
    response.status_code = 200 if good else 503
    return {"status": "ok" if good else "failing", "checks": checks}


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(request: Request) -> Response:
    """Tell Prometheus how things stand and what happened since the start."""
    figures: Metrics = request.app.state.metrics
    return Response(figures.text(), media_type=CONTENT_TYPE_LATEST)


@me_router.get("/me")
def read_me(caller: CallerDep) -> MeOut:
    """Tell who asks, what they may do and how they are known."""
    return MeOut.of(caller)
