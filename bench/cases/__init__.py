"""The cases: each measures one thing and returns its figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from bench.cases import disk, output, saturated, service, speed, tiny
from bench.cases.case import Measured, Settings

CASES: Mapping[str, Callable[[Settings], Measured]] = {
    **{name: partial(speed.measure, name) for name in speed.PROGRAMS},
    "saturated": saturated.measure_small,
    "saturated-ssu": saturated.measure_ssu,
    "tiny": tiny.measure,
    "output": output.measure,
    "disk": disk.measure,
    "service-tiny": service.measure_tiny,
    "service-list": service.measure_list,
    "service-events": service.measure_events,
    "service-resume": service.measure_resume,
}
