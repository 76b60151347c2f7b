"""Findings of the releasable report as rows of the document; every number is in the attached file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.reporting.guarantee import Rows
from app.reporting.printable import clean


def released_rows(report: Mapping[str, Any] | None) -> Rows:
    """Per finding its title, number, interval and reference; of what could not be computed, the reason.

    Args:
        report: the releasable report, or None.
    """
    rows: Rows = []
    for metric in (report or {}).get("metrics", {}).values():
        if "unavailable" in metric:
            rows.append([clean(metric["title"]), *_missing(metric["unavailable"])])
            continue
        measures = {measure["name"]: measure for measure in metric["measures"]}
        rows += [_finding(finding, measures[finding["measure"]]) for finding in metric["findings"]]
    return rows


def _finding(finding: Mapping[str, Any], measure: Mapping[str, Any]) -> list[str]:
    title, unit = clean(measure["title"]), measure["unit"]
    if isinstance(finding["value"], dict):
        return [title, *_missing(finding["value"]["unavailable"])]
    interval, reference = finding["interval"], finding["reference"]
    between = "none" if isinstance(interval, dict) else " to ".join(_number(end, unit) for end in interval)
    beside = "" if isinstance(reference, dict) else f": {_number(reference, unit)}"
    return [title, _number(finding["value"], unit), between, clean(measure["reference"]) + beside]


def _missing(reason: str) -> list[str]:
    return ["none", "", clean(f"could not be computed: {reason}")]


def _number(value: float, unit: str) -> str:
    if unit == "share":
        return f"{100.0 * value:.2f} %"
    return f"{value:,.0f}" if unit == "count" else f"{value:.3f}"
