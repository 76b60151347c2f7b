"""What the registry says of a metric or an attack, before anything is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from typing import Any

from engine.errors import InputError
from engine.evaluation.context import Context
from engine.evaluation.results import MetricResult, NotComputableError, unavailable

REPORT_VERSION = 2
"""Of the form that the internal and the releasable report have in common."""


class Part(StrEnum):
    """The parts of a report."""

    FIDELITY = "fidelity"
    UTILITY = "utility"
    PRIVACY = "privacy"


class Goal(StrEnum):
    """Which end of a measure's range is good."""

    LOW = "low"
    HIGH = "high"


class Unit(StrEnum):
    """How a number is written."""

    SHARE = "share"
    SCORE = "score"
    COUNT = "count"
    EPSILON = "epsilon"


@dataclass(frozen=True)
class Measure:
    """One number that a metric gives.

    Args:
        name: stable name, unique in the metric.
        title: name to show.
        goal: which end of the range is good.
        lowest: least value it can take.
        highest: greatest value it can take; infinite where there is none.
        unit: how it is written.
        reference: what stands beside it: a ceiling, a baseline or a control, in a few words.
    """

    name: str
    title: str
    goal: Goal
    lowest: float
    highest: float
    unit: Unit
    reference: str

    def __post_init__(self) -> None:
        if not self.lowest < self.highest:
            raise ValueError(f"{self.name}: a range from {self.lowest} to {self.highest} holds nothing")


@dataclass(frozen=True)
class MetricInfo:
    """What an analyst needs to read a metric.

    Args:
        name: stable name.
        title: name to show.
        part: part of the report.
        question: the question that it answers.
        measures: the numbers it gives; the first is the one to look at first.
        reads_real_rows: whether it reads real rows that nothing paid for; its numbers are internal then.
        cost: seconds on one core for 25,000 rows of 15 columns, roughly; decides how a progress bar moves.
        target: `module:function` that takes a `Context` and gives a `MetricResult`.
    """

    name: str
    title: str
    part: Part
    question: str
    measures: tuple[Measure, ...]
    reads_real_rows: bool
    cost: float
    target: str

    @property
    def classification(self) -> str:
        """`internal`, or `releasable` where no real row is read."""
        return "internal" if self.reads_real_rows else "releasable"

    def measure(self, name: str) -> Measure:
        """One measure; raises InputError where there is none of that name."""
        for measure in self.measures:
            if measure.name == name:
                return measure
        raise InputError(f"the metric {self.name!r} has no measure {name!r}")

    def compute(self, context: Context) -> MetricResult:
        """The metric on a context; raises NotComputableError where it cannot be computed."""
        module, _, attribute = self.target.partition(":")
        function: Callable[[Context], MetricResult] = getattr(import_module(module), attribute)
        return function(context)

    def result(self, context: Any) -> dict[str, Any]:
        """What a report says of the metric: its entry, findings, details and alarms, or why there are none.

        Args:
            context: what the metric is given; that of the releasable report has no private rows in it.

        Raises:
            ValueError: the metric gives other numbers than its entry declares.
        """
        try:
            found = self.compute(context)
        except NotComputableError as error:
            return self.to_json() | unavailable(str(error))
        given, declared = [finding.measure for finding in found.findings], [known.name for known in self.measures]
        if given != declared:
            raise ValueError(f"the metric {self.name!r} declares {declared} and gives {given}")
        return self.to_json() | {
            "findings": [finding.to_json() for finding in found.findings],
            "details": found.details,
            "alarms": [
                {"code": alarm.code, "title": alarm.title, "sentence": alarm.sentence} for alarm in found.alarms
            ],
        }

    def to_json(self) -> dict[str, Any]:
        """What a report repeats of the entry, so that it can be read without this version."""
        return {
            "title": self.title,
            "part": self.part.value,
            "question": self.question,
            "class": self.classification,
            "measures": [_measure_json(measure) for measure in self.measures],
        }


def _measure_json(measure: Measure) -> dict[str, Any]:
    return {
        "name": measure.name,
        "title": measure.title,
        "goal": measure.goal.value,
        "unit": measure.unit.value,
        "reference": measure.reference,
    }
