"""What services hand out about several reports side by side."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class ComparedRun:
    """One of several runs that are compared.

    Args:
        holdout_rows: real rows that its report compared with and that it did not learn from.
        alarms: titles of its report's alarms.
    """

    id: str
    method: str
    guarantee: str
    epsilon: float | None
    delta: float | None
    synthetic_rows: int
    holdout_rows: int
    created_at: datetime
    alarms: tuple[str, ...]


@dataclass(frozen=True)
class ComparedFinding:
    """One run's number of a measure.

    Args:
        value: the number; None where it could not be computed.
        interval: its 95 % interval, where there is one.
        reference: what stands beside it, where there is something.
        reason: why there is no value.
        is_best: whether it is nearest to the goal of those compared.
    """

    value: float | None
    interval: tuple[float, float] | None
    reference: float | None
    reason: str | None
    is_best: bool


@dataclass(frozen=True)
class ComparedMeasure:
    """One measure of several reports.

    Args:
        part: `fidelity`, `utility` or `privacy`.
        goal: `low` or `high`.
        unit: `share`, `score`, `count` or `epsilon`.
        reference_title: what the reference is.
        classification: `internal` or `releasable`.
        findings: one per run.
    """

    part: str
    metric: str
    metric_title: str
    measure: str
    title: str
    goal: str
    unit: str
    reference_title: str
    classification: str
    findings: tuple[ComparedFinding, ...]


@dataclass(frozen=True)
class Comparison:
    """Reports of several runs of one dataset, side by side.

    Args:
        classification: `internal`, as the reports are.
    """

    classification: str
    dataset_id: str
    dataset_name: str
    runs: tuple[ComparedRun, ...]
    measures: tuple[ComparedMeasure, ...]
