"""Acceptance criteria: limits on scores, stated before a run, that its release is held against.

A decision that depends on a statistic of real rows is itself a release of that statistic, by a bit or so. Therefore
criteria are about scores that were paid for or read no real row, and about attacks, whose result an owner has to act
on. Fidelity and utility against real rows are left out: picking the best-looking of many releases would publish more
about the rows each time, and no ε would say so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from engine.errors import InputError
from engine.evaluation.charged_metrics import CHARGED_METRICS
from engine.evaluation.metric import Goal, Measure, MetricInfo, Part, Unit
from engine.evaluation.registry import list_metrics
from engine.evaluation.results import DECIMALS

MOST_CRITERIA = 50

REVEALS = (
    "Whether a release is closed tells whoever learns of it one bit about the real rows per criterion on an attack, "
    "and one for the alarms. ε does not cover these bits. It does cover criteria on scores that were charged or read "
    "no real row."
)
"""What an owner has to know; it stands wherever criteria are chosen, and where a release is closed by them."""

NO_REPORT = "there is no report, since the evaluation was not made"
NO_RELEASABLE_REPORT = "the run has no releasable report"
NO_ALARM = "No alarm"

_SUGGESTED = {
    ("membership", "auc"): 0.6,
    ("membership", "true-positives-at-1-percent"): 0.05,
    ("membership", "true-positives-at-0.1-percent"): 0.01,
    ("membership", "advantage"): 0.1,
    ("membership", "epsilon"): 1.0,
    ("closest-record", "share-closer-to-training"): 0.55,
    ("closest-record", "distance"): 0.01,
    ("closest-record", "ratio"): 0.5,
    ("copies", "rare"): 0.05,
    ("noise-check", "cells"): 0.9,
    ("noise-check", "totals"): 0.9,
}
"""Limits to start from, of measures whose chance level or honest value is known; no advice for any table."""


@dataclass(frozen=True)
class CatalogueEntry:
    """A measure that a criterion may be about.

    Args:
        metric: its metric.
        measure: the measure.
        is_charged: whether the releasable report has it, which a run pays for, and not the internal one.
    """

    metric: MetricInfo
    measure: Measure
    is_charged: bool

    @property
    def title(self) -> str:
        """Name to show."""
        return f"{self.metric.title}: {self.measure.title}"

    @property
    def suggested_limit(self) -> float:
        """A limit to start from; where none is known, a tenth of the range away from its good end."""
        measure = self.measure
        known = _SUGGESTED.get((self.metric.name, measure.name))
        if known is not None:
            return known
        good, bad = (measure.lowest, measure.highest) if measure.goal is Goal.LOW else (measure.highest, measure.lowest)
        if math.isfinite(good) and math.isfinite(bad):
            return round(good + 0.1 * (bad - good), DECIMALS)
        return good if math.isfinite(good) else bad


@cache
def criteria_catalogue() -> tuple[CatalogueEntry, ...]:
    """All measures that a criterion may be about: those of attacks, and those that tell nothing unpaid."""
    internal = [info for info in list_metrics() if info.part is Part.PRIVACY or not info.reads_real_rows]
    return tuple(
        CatalogueEntry(metric, measure, is_charged)
        for metrics, is_charged in ((internal, False), (CHARGED_METRICS, True))
        for metric in metrics
        for measure in metric.measures
    )


def catalogue_entry(metric: str, measure: str) -> CatalogueEntry:
    """One entry; raises InputError where a criterion cannot be about this measure, and says why."""
    for entry in criteria_catalogue():
        if (entry.metric.name, entry.measure.name) == (metric, measure):
            return entry
    if any((info.name, found.name) == (metric, measure) for info in list_metrics() for found in info.measures):
        raise InputError(
            f"no criterion can be about {metric} {measure}: it compares with real rows and nothing paid for that, so "
            "choosing a release by it would tell about them"
        )
    raise InputError(f"there is no measure {measure!r} of a metric {metric!r} that a criterion can be about")


@dataclass(frozen=True)
class Criterion:
    """A limit that a score has to keep.

    Args:
        metric: name of a metric in the catalogue.
        measure: name of one of its measures, whose goal says which side of the limit is good.
        limit: the last good value, in the measure's range; rounded as reports round their numbers.

    Raises:
        InputError: the catalogue has no such measure, or the limit is not a number in its range.
    """

    metric: str
    measure: str
    limit: float

    def __post_init__(self) -> None:
        entry = catalogue_entry(self.metric, self.measure)
        lowest, highest = entry.measure.lowest, entry.measure.highest
        if not _is_number(self.limit) or not lowest <= self.limit <= highest:
            reach = f"from {lowest:g} to {highest:g}" if math.isfinite(highest) else f"of at least {lowest:g}"
            raise InputError(f"the limit of {self.metric} {self.measure} is a number {reach}")
        object.__setattr__(self, "limit", round(float(self.limit), DECIMALS))

    @property
    def entry(self) -> CatalogueEntry:
        """What the criterion is about."""
        return catalogue_entry(self.metric, self.measure)

    @property
    def required(self) -> str:
        """What it demands, in a few words."""
        return required(self.entry.measure, self.limit)

    def is_met_by(self, value: float) -> bool:
        """Whether a value is on the good side of the limit, or on it."""
        return value <= self.limit if self.entry.measure.goal is Goal.LOW else value >= self.limit

    def to_json(self) -> dict[str, Any]:
        """The criterion as JSON."""
        return {"metric": self.metric, "measure": self.measure, "limit": self.limit}

    @classmethod
    def from_json(cls, value: object) -> Criterion:
        """Read a criterion; raises InputError where it is none."""
        names = {"metric", "measure", "limit"}
        if not isinstance(value, Mapping) or set(value) != names:
            raise InputError(f"a criterion has {', '.join(sorted(names))} and nothing else")
        if not isinstance(value["metric"], str) or not isinstance(value["measure"], str):
            raise InputError("the metric and the measure of a criterion are names")
        return cls(value["metric"], value["measure"], value["limit"])


def read_criteria(value: object) -> tuple[Criterion, ...]:
    """Read a list of criteria, at most one per measure; raises InputError where it is none."""
    if not isinstance(value, list | tuple) or len(value) > MOST_CRITERIA:
        raise InputError(f"criteria are a list of at most {MOST_CRITERIA}")
    criteria = tuple(Criterion.from_json(item) for item in value)
    if len({(criterion.metric, criterion.measure) for criterion in criteria}) < len(criteria):
        raise InputError("there is more than one criterion about the same measure")
    return criteria


class State(StrEnum):
    """What became of a criterion. What could not be computed counts as not met."""

    MET = "met"
    NOT_MET = "not met"
    NOT_COMPUTED = "could not be computed"


@dataclass(frozen=True)
class Outcome:
    """What became of one criterion.

    Args:
        title: what it is about.
        required: what it demands.
        state: whether it is met.
        sentence: what was found, and by how much it is off; no cell value.
        criterion: the criterion as it was stored; None for the alarms, which every release is held against.
        value: what was found, where it could be computed.
    """

    title: str
    required: str
    state: State
    sentence: str
    criterion: Mapping[str, Any] | None = None
    value: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The outcome as JSON."""
        return {
            "title": self.title,
            "required": self.required,
            "state": self.state.value,
            "sentence": self.sentence,
            "criterion": None if self.criterion is None else dict(self.criterion),
            "value": self.value,
        }


@dataclass(frozen=True)
class Verdict:
    """What became of all criteria of a run.

    Args:
        outcomes: one per criterion, and one for the alarms of a report.
    """

    outcomes: tuple[Outcome, ...]

    @property
    def passed(self) -> bool:
        """Whether all are met."""
        return all(outcome.state is State.MET for outcome in self.outcomes)

    def to_json(self) -> dict[str, Any]:
        """The verdict as JSON."""
        return {"passed": self.passed, "outcomes": [outcome.to_json() for outcome in self.outcomes]}


def judge(
    criteria: Sequence[Criterion],
    internal_report: Mapping[str, Any] | None,
    released_report: Mapping[str, Any] | None,
) -> Verdict:
    """Hold reports against criteria, and against alarms, of which a report must have none.

    Args:
        criteria: what was stated before the run.
        internal_report: from `evaluate`; None where it could not be made.
        released_report: the releasable one; None where the run bought none.

    Privacy: a verdict on an attack's score depends on real rows and nothing pays for that: see `REVEALS`.
    """
    return judge_stored([criterion.to_json() for criterion in criteria], internal_report, released_report)


def judge_stored(
    stored: Sequence[Mapping[str, Any]],
    internal_report: Mapping[str, Any] | None,
    released_report: Mapping[str, Any] | None,
) -> Verdict:
    """The same for criteria as they were stored; one that this version does not know any more is not met."""
    outcomes = [_outcome(value, internal_report, released_report) for value in stored]
    reports = [report for report in (internal_report, released_report) if report is not None]
    return Verdict((*outcomes, *([_alarms(reports)] if reports else [])))


def _outcome(
    value: Mapping[str, Any], internal_report: Mapping[str, Any] | None, released_report: Mapping[str, Any] | None
) -> Outcome:
    try:
        criterion = Criterion.from_json(value)
    except InputError:
        name = f"{value.get('metric')}: {value.get('measure')}"
        sentence = "It could not be computed: this version knows no such measure."
        return Outcome(name, f"limit {value.get('limit')}", State.NOT_COMPUTED, sentence, value)
    report = released_report if criterion.entry.is_charged else internal_report
    found = _value(criterion, report)
    if isinstance(found, str):
        state, sentence, number = State.NOT_COMPUTED, f"It could not be computed: {found.rstrip('.')}.", None
    else:
        state = State.MET if criterion.is_met_by(found) else State.NOT_MET
        sentence, number = _sentence(criterion, found), found
    return Outcome(criterion.entry.title, criterion.required, state, sentence, criterion.to_json(), number)


def _value(criterion: Criterion, report: Mapping[str, Any] | None) -> float | str:
    """What a report found, or why it found nothing."""
    if report is None:
        return NO_RELEASABLE_REPORT if criterion.entry.is_charged else NO_REPORT
    metric = report.get("metrics", {}).get(criterion.metric)
    if metric is None:
        return "the report does not have it"
    if "unavailable" in metric:
        return str(metric["unavailable"])
    for finding in metric["findings"]:
        if finding["measure"] == criterion.measure:
            value = finding["value"]
            return str(value["unavailable"]) if isinstance(value, Mapping) else float(value)
    return "the report does not have it"


def _sentence(criterion: Criterion, value: float) -> str:
    unit = criterion.entry.measure.unit
    if criterion.is_met_by(value):
        return f"Found {written(value, unit)}."
    side = "above" if value > criterion.limit else "below"
    off = abs(value - criterion.limit)
    distance = f"{100 * off:.3g} percentage points" if unit is Unit.SHARE else written(off, unit)
    return f"Found {written(value, unit)}, {distance} {side} the limit of {written(criterion.limit, unit)}."


def _alarms(reports: Sequence[Mapping[str, Any]]) -> Outcome:
    titles = [str(alarm["title"]).rstrip(".") for report in reports for alarm in report.get("alarms", ())]
    if not titles:
        return Outcome(NO_ALARM, "no sign of a fault", State.MET, "The report has no alarm.")
    return Outcome(NO_ALARM, "no sign of a fault", State.NOT_MET, f"The report has an alarm: {'; '.join(titles)}.")


def required(measure: Measure, limit: float) -> str:
    """What a limit on a measure demands, in a few words."""
    return f"{'at most' if measure.goal is Goal.LOW else 'at least'} {written(limit, measure.unit)}"


def written(value: float, unit: Unit | str) -> str:
    """A number of a report for reading.

    Args:
        value: the number.
        unit: how its measure is written.
    """
    unit = Unit(unit)
    if unit is Unit.SHARE:
        return f"{100 * value:.4g} %"
    if unit is Unit.COUNT:
        return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"
    return f"ε {value:.3g}" if unit is Unit.EPSILON else f"{value:.3g}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
