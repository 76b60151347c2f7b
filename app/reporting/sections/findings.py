"""Findings on quality that were charged or read no private row, as statements, rows and charts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.reporting.document import Figure, Intervals, Statement, Table
from app.reporting.evidence import Evidence
from app.reporting.printable import LONGEST_STATEMENT, NOT_PROVIDED, clean, number_text, percent_text
from app.reporting.sections.phrases import Json, items, number, records

METRICS = "/released_report/metrics"
INTERNAL_METRICS = "/evaluation/metrics"
SETS = "/certificate/uncertainty/sets"
_NO_INTERVAL = "none"
_MOST_LINES = 40


@dataclass(frozen=True)
class Finding:
    """One finding with what it belongs to.

    Args:
        place: JSON pointer of the finding.
        measure_place: JSON pointer of its measure.
        measure: the measure as JSON.
        value: the finding as JSON.
    """

    place: str
    measure_place: str
    measure: Json
    value: Json

    @property
    def title(self) -> str:
        """What was measured."""
        return clean(self.measure.get("title"))

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both ends of the interval, or None where there is none."""
        ends = [number(end) for end in items(self.value, "interval")]
        return (ends[0], ends[1]) if len(ends) == 2 and ends[0] is not None and ends[1] is not None else None


def findings(evidence: Evidence, metrics_place: str = METRICS) -> Iterator[Finding]:
    """All findings of a report, in its order.

    Args:
        evidence: the evidence.
        metrics_place: JSON pointer of the report's metrics; by default those of the releasable report.
    """
    for place, metric in _metrics(evidence, metrics_place):
        measures = {str(measure.get("name")): index for index, measure in enumerate(items(metric, "measures"))}
        for index, value in enumerate(records(items(metric, "findings"))):
            measure_place = f"{place}/measures/{measures.get(str(value.get('measure')), 0)}"
            measure = evidence.at(measure_place) or {}
            yield Finding(f"{place}/findings/{index}", measure_place, measure, value)


def _metrics(evidence: Evidence, metrics_place: str) -> list[tuple[str, Json]]:
    """JSON pointer and value of each metric."""
    metrics = evidence.at(metrics_place)
    return [
        (f"{metrics_place}/{name.replace('~', '~0').replace('/', '~1')}", metric)
        for name, metric in (metrics.items() if isinstance(metrics, dict) else ())
        if isinstance(metric, dict)
    ]


def findings_table(evidence: Evidence) -> Table:
    """Per finding its value, interval and reference; of what could not be computed, the reason."""
    caption = "What the run says of the synthetic table's quality; each number was charged or reads no private row"
    return _table(evidence, METRICS, caption, ("fidelity", "utility", "privacy"))


def internal_findings_table(evidence: Evidence) -> Table:
    """The same of the internal report, without its attacks."""
    caption = "What comparison with the private rows says; no budget paid for these numbers"
    return _table(evidence, INTERNAL_METRICS, caption, ("fidelity", "utility"))


def _table(evidence: Evidence, metrics_place: str, caption: str, parts: tuple[str, ...]) -> Table:
    rows: list[tuple[str, ...]] = []
    by_metric: dict[str, list[Finding]] = {}
    for finding in findings(evidence, metrics_place):
        by_metric.setdefault(finding.place.rsplit("/findings/", 1)[0], []).append(finding)
    for place, metric in _metrics(evidence, metrics_place):
        if metric.get("part") not in parts:
            continue
        if "unavailable" in metric:
            rows.append((clean(metric.get("title")), NOT_PROVIDED, "", _missing(metric)))
        rows += map(_finding_row, by_metric.get(place, []))
    return Table(
        caption,
        ("Finding", "Value", "Interval", "Beside it"),
        tuple(rows) or ((NOT_PROVIDED,) * 4,),
        (2.2, 1.0, 1.5, 2.4),
        metrics_place,
    )


def _missing(found: Json) -> str:
    return clean(f"it could not be computed: {found.get('unavailable')}", LONGEST_STATEMENT)


def _finding_row(finding: Finding) -> tuple[str, ...]:
    value, unit = finding.value.get("value"), finding.measure.get("unit")
    if isinstance(value, dict):
        return (finding.title, NOT_PROVIDED, "", _missing(value))
    return (
        finding.title,
        value_text(value, unit),
        _interval_text(finding, unit),
        _reference_text(finding.measure.get("reference"), finding.value.get("reference"), unit),
    )


def value_text(value: Any, unit: Any) -> str:
    """A measured value in its unit."""
    exact = number(value)
    if exact is None:
        return NOT_PROVIDED
    shown = {"share": f"{100.0 * exact:.2f} %", "count": f"{exact:,.0f}"}.get(str(unit), f"{exact:.3f}")
    return shown.replace("-", "\u2212")


def _interval_text(finding: Finding, unit: Any) -> str:
    ends = finding.interval
    return _NO_INTERVAL if ends is None else " to ".join(value_text(end, unit) for end in ends)


def _reference_text(title: Any, reference: Any, unit: Any) -> str:
    beside = "" if number(reference) is None else f": {value_text(reference, unit)}"
    return clean(title) + beside


def utility_facts(evidence: Evidence, most: int = 3) -> tuple[Statement, ...]:
    """A few facts on quality with intervals: measured ones first, then what the noise bounds.

    Args:
        evidence: the evidence.
        most: how many at most.
    """
    measured = [_fact(evidence, finding) for finding in findings(evidence) if finding.interval is not None]
    bounds = [_bound(evidence, index) for index in _single_columns(evidence)]
    found = (measured or bounds)[:most]
    return tuple(found) or (evidence.computed("Quality of the synthetic table", f"{METRICS}/noisy-distances/findings"),)


def _fact(evidence: Evidence, finding: Finding) -> Statement:
    place, measure = finding.place, finding.measure_place
    has_reference = number(finding.value.get("reference")) is not None
    return evidence.computed(
        finding.title,
        f"{place}/value",
        f"{place}/interval/0",
        f"{place}/interval/1",
        f"{measure}/unit",
        *((f"{place}/reference", f"{measure}/reference") if has_reference else ()),
        text=_fact_text,
    )


def _fact_text(value: Any, low: Any, high: Any, unit: Any, reference: Any = None, title: Any = None) -> str:
    beside = "" if reference is None else f". {_reference_text(title, reference, unit)}"
    if value == high:  # a bound, of which nothing but the interval is known
        return f"at least {value_text(low, unit)} and at most {value_text(high, unit)}{beside}"
    return f"{value_text(value, unit)}, between {value_text(low, unit)} and {value_text(high, unit)}{beside}"


def _single_columns(evidence: Evidence) -> list[int]:
    return [
        index
        for index, bounded in enumerate(records(evidence.items(SETS)))
        if len(items(bounded, "columns")) == 1 and number(bounded.get("distance_at_most")) is not None
    ]


def _bound(evidence: Evidence, index: int) -> Statement:
    return evidence.computed(
        f"Distance of column {clean(evidence.at(f'{SETS}/{index}/columns/0'))}",
        f"{SETS}/{index}/distance_at_most",
        "/certificate/uncertainty/confidence",
        text=_bound_text,
    )


def _bound_text(distance: Any, confidence: Any) -> str:
    level = NOT_PROVIDED if number(confidence) is None else percent_text(confidence)
    return f"at most {value_text(distance, 'share')} of the rows, which the noise says with a confidence of {level}"


def findings_figure(evidence: Evidence) -> Figure | None:
    """Findings that are shares or scores, with intervals and what stands beside them."""
    shown = [found for found in findings(evidence) if found.interval and found.measure.get("unit") != "count"]
    lines = [(found, found.interval, number(found.value.get("value"))) for found in shown[:_MOST_LINES]]
    if not lines:
        return None
    references = tuple(number(found.value.get("reference")) for found, _, _ in lines)
    said = "; ".join(
        f"{found.title}: {value_text(value, unit)}, {_interval_text(found, unit)}"
        for found, _, value in lines
        for unit in (found.measure.get("unit"),)
    )
    return Figure(
        name="quality-findings",
        caption="Findings on quality, with intervals and what stands beside them",
        alt=f"Points with intervals. {said}.",
        chart=Intervals(
            labels=tuple(found.title for found, _, _ in lines),
            values=tuple(value for _, _, value in lines),
            lows=tuple(interval[0] for _, interval, _ in lines if interval),
            highs=tuple(interval[1] for _, interval, _ in lines if interval),
            axis="Share or score",
            references=references,
            reference_label="what stands beside it in the table",
        ),
        source=METRICS,
    )


def columns_figure(evidence: Evidence) -> Figure | None:
    """Per column how far its pairs with other columns lie from the private rows, where that was charged."""
    place = f"{METRICS}/noisy-distances/details/columns"
    lines = [
        (clean(column.get("name")), number(column.get("value")), ends)
        for column in records(evidence.items(place))[:_MOST_LINES]
        for ends in ([number(end) for end in items(column, "interval")],)
        if len(ends) == 2 and None not in ends
    ]
    if not lines:
        return None
    said = "; ".join(
        f"{name}: {value_text(value, 'share')}, {value_text(ends[0], 'share')} to {value_text(ends[1], 'share')}"
        for name, value, ends in lines
    )
    return Figure(
        name="distance-by-column",
        caption="Per column, the share of rows that would have to move in its pairs with other columns",
        alt=f"Points with intervals, one per column. {said}.",
        chart=Intervals(
            labels=tuple(name for name, _, _ in lines),
            values=tuple(100.0 * value if value is not None else None for _, value, _ in lines),
            lows=tuple(100.0 * (ends[0] or 0.0) for _, _, ends in lines),
            highs=tuple(100.0 * (ends[1] or 0.0) for _, _, ends in lines),
            axis="Rows that would have to move, %",
        ),
        source=place,
    )


def noise_table(evidence: Evidence, most: int) -> Table:
    """Single columns and measured sets: the noise of their counts, and how far the model can be off for it.

    Args:
        evidence: the evidence.
        most: rows at most; the attached evidence has all.
    """
    sets = [found for found in records(evidence.items(SETS)) if found.get("measured") is True]
    more = f"; {len(sets) - most:,} more are in the attached evidence" if len(sets) > most else ""
    return Table(
        f"What the method's own noise allows, per set of columns that was measured{more}",
        ("Columns", "Cells", "Noise σ, rows", "Distance, at most"),
        tuple(map(_noise_row, sets[:most])) or ((NOT_PROVIDED,) * 4,),
        (2.6, 0.8, 1.2, 1.3),
        SETS,
    )


def _noise_row(found: Json) -> tuple[str, ...]:
    distance = found.get("distance_at_most")
    return (
        ", ".join(map(clean, items(found, "columns"))) or NOT_PROVIDED,
        number_text(found.get("cells")),
        number_text(found.get("noise_scale")),
        "nothing" if distance is None else value_text(distance, "share"),
    )
