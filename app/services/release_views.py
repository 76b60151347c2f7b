"""What services hand out about acceptance criteria and the release that they are for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class CriterionChoice:
    """A measure that an acceptance criterion may be about.

    Args:
        title: metric and measure.
        question: what the metric asks.
        goal: `low` where a criterion is about the highest good value, `high` where it is about the lowest.
        unit: `share`, `score`, `count` or `epsilon`.
        highest: greatest value; infinite where there is none.
        suggested_limit: a limit to start from.
        is_covered: whether a verdict on it tells nothing about the real rows that ε does not cover.
        needs_share: whether it is there only where the plan keeps a part of its privacy loss for the report.
    """

    metric: str
    measure: str
    title: str
    question: str
    goal: str
    unit: str
    lowest: float
    highest: float
    suggested_limit: float
    is_covered: bool
    needs_share: bool


@dataclass(frozen=True)
class OutcomeView:
    """What became of one acceptance criterion.

    Args:
        title: what it is about.
        required: what it demands, such as `at most 55 %`.
        state: `met`, `not met` or `could not be computed`, which counts as not met.
        sentence: what was found, and by how much it is off.
        criterion: as it was stored; None for the alarms, which every release is held against.
        value: what was found, where it could be computed.
    """

    title: str
    required: str
    state: str
    sentence: str
    criterion: dict[str, Any] | None
    value: float | None

    @property
    def is_met(self) -> bool:
        """Whether it is met."""
        return self.state == "met"


@dataclass(frozen=True)
class OverrideView:
    """Who opened a release that was closed, when, and why."""

    reason: str
    username: str
    at: datetime


@dataclass(frozen=True)
class ReleaseView:
    """Whether a run's releasable files may leave.

    Args:
        state: `open`; `closed` where a criterion is not met; `overridden` where the owner opened it all the same;
            `waiting` while the run is not finished; `never` where there is no privacy guarantee.
        outcomes: what became of each criterion; empty before they were judged.
        override: who opened it; None where nobody did.
    """

    state: str
    outcomes: tuple[OutcomeView, ...]
    override: OverrideView | None

    @property
    def failed(self) -> tuple[OutcomeView, ...]:
        """What is not met."""
        return tuple(outcome for outcome in self.outcomes if not outcome.is_met)
