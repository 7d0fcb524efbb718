"""The cases: each measures one thing and returns its figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from bench.cases import (
    adding,
    cluster,
    databases,
    disk,
    large,
    output,
    page,
    placement,
    saturated,
    scaling,
    scheduling,
    service,
    speed,
    tiny,
    warming,
)
from bench.cases.case import Measured, Settings

CASES: Mapping[str, Callable[[Settings], Measured]] = {
    **{name: partial(speed.measure, name) for name in speed.PROGRAMS},
    "saturated": saturated.measure_small,
    "saturated-ssu": saturated.measure_ssu,
    "saturated-families": saturated.measure_families,
    "saturated-genes": saturated.measure_genes,
    "saturated-nodes": saturated.measure_nodes,
    "tiny": tiny.measure,
    "output": output.measure,
    "disk": disk.measure,
    "large": large.measure,
    "add-fasta": adding.measure,
    "warming": warming.measure,
    "staging-again": warming.measure_again,
    "staging-fetch": databases.measure_fetch,
    "placement": placement.measure,
    "service-tiny": service.measure_tiny,
    "service-cost": service.measure_cost,
    "service-together": service.measure_together,
    "service-list": service.measure_list,
    "service-hits": service.measure_hits,
    "service-events": service.measure_events,
    "service-resume": service.measure_resume,
    "page": page.measure,
    "cluster-tiny": cluster.measure_tiny,
    "cluster-tasks": cluster.measure_tasks,
    "cluster-scheduling": scheduling.measure,
    "cluster-scaling": scaling.measure,
    "cluster-thrash": scaling.measure_thrash,
}
