"""All metrics and attacks by name. An entry is text until it is used, so listing them loads no model code."""

from __future__ import annotations

from engine.errors import InputError
from engine.evaluation.fidelity_metrics import FIDELITY_METRICS
from engine.evaluation.metric import MetricInfo
from engine.evaluation.privacy_metrics import PRIVACY_METRICS
from engine.evaluation.utility_metrics import UTILITY_METRICS

_METRICS: dict[str, MetricInfo] = {}


def register(info: MetricInfo) -> None:
    """Add a metric; raises ValueError where the name is taken or a measure is named twice."""
    if info.name in _METRICS:
        raise ValueError(f"a metric named {info.name!r} is registered already")
    if len({measure.name for measure in info.measures}) < len(info.measures) or not info.measures:
        raise ValueError(f"the metric {info.name!r} needs measures of different names")
    _METRICS[info.name] = info


def list_metrics() -> tuple[MetricInfo, ...]:
    """All metrics in the order of the report."""
    return tuple(_METRICS.values())


def metric_info(name: str) -> MetricInfo:
    """One metric; raises InputError where there is none of that name."""
    if name not in _METRICS:
        raise InputError(f"there is no metric {name!r}: choose one of {', '.join(sorted(_METRICS))}")
    return _METRICS[name]


for _info in (*FIDELITY_METRICS, *UTILITY_METRICS, *PRIVACY_METRICS):
    register(_info)
