"""``/health``, ``/ready``, ``/metrics`` and ``/api/v1/me``."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from shardblast.api.context import CallerDep, ServiceDep
from shardblast.api.models import MeOut
from shardblast.core.version import __version__
from shardblast.store.searches import SearchStore

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
def metrics(service: ServiceDep) -> Response:
    """Tell Prometheus how many searches are in which state."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_States(service.store))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


@me_router.get("/me")
def read_me(caller: CallerDep) -> MeOut:
    """Tell who asks, what they may do and how they are known."""
    return MeOut.of(caller)


class _States(Collector):
    """Counts searches when it is asked, so that the figure is never stale."""

    def __init__(self, store: SearchStore) -> None:
        self._store = store

    def collect(self) -> list[GaugeMetricFamily]:
        family = GaugeMetricFamily("shardblast_searches", "Searches in each state.", labels=["state"])
        for state, number in self._store.counts().items():
            family.add_metric([state.value], number)
        return [family]
