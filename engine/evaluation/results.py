"""How a report says a number, and how it says that there is none."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from engine.errors import EngineError

Unavailable = dict[str, str]
Score = float | Unavailable
Interval = tuple[float, float] | Unavailable

DECIMALS = 6


class NotComputableError(EngineError):
    """Raised by a metric that cannot be computed on these tables; the message says why, without any cell value."""

    code = "not_computable"


@dataclass(frozen=True)
class Finding:
    """One number of a report, with what it takes to read it.

    Args:
        measure: name of the measure that the metric's registry entry declares.
        value: the number, or why there is none.
        interval: 95 % interval of the number, or why there is none.
        reference: the ceiling, the baseline or the control beside it, or why there is none.
        sentence: what the number says, for an analyst; no cell value.

    Raises:
        ValueError: a number is not finite, an interval is upside down, or a missing number has an interval.
    """

    measure: str
    value: Score
    interval: Interval
    reference: Score
    sentence: str

    def __post_init__(self) -> None:
        numbers = [number for number in (self.value, self.reference) if not is_unavailable(number)]
        bounds = () if isinstance(self.interval, dict) else self.interval
        if not all(map(math.isfinite, (*numbers, *bounds))):
            raise ValueError(f"{self.measure}: a number is not finite; say why it cannot be computed")
        if bounds and (bounds[0] > bounds[1] or is_unavailable(self.value)):
            raise ValueError(f"{self.measure}: the interval does not fit the number")

    def to_json(self) -> dict[str, Any]:
        """The finding as JSON, numbers rounded to the report's precision."""
        return {
            "measure": self.measure,
            "value": _rounded(self.value),
            "interval": self.interval if isinstance(self.interval, dict) else [_rounded(end) for end in self.interval],
            "reference": _rounded(self.reference),
            "sentence": self.sentence,
        }


@dataclass(frozen=True)
class Alarm:
    """A sign of a fault in the synthesizer, which nobody must overlook.

    Args:
        code: stable name, such as `copied_rows`.
        title: the fault in a few words.
        sentence: what was seen, and why it cannot be chance; no cell value.
    """

    code: str
    title: str
    sentence: str


@dataclass(frozen=True)
class MetricResult:
    """What a metric found.

    Args:
        findings: its numbers, one per measure of its registry entry.
        details: what charts and tables show beside them, as JSON.
        alarms: signs of a fault.
    """

    findings: tuple[Finding, ...]
    details: dict[str, Any] = field(default_factory=dict)
    alarms: tuple[Alarm, ...] = ()


def unavailable(reason: str) -> Unavailable:
    """What stands in place of a number that cannot be computed.

    Args:
        reason: a sentence for the analyst, without any cell value.
    """
    return {"unavailable": reason}


def is_unavailable(value: Any) -> bool:
    """Whether a reason stands in place of a number."""
    return isinstance(value, dict)


def score(value: float, reason: str) -> Score:
    """A number for the report, or why there is none.

    Args:
        value: the number; not finite where it could not be computed.
        reason: why, in that case.
    """
    return round(float(value), DECIMALS) if math.isfinite(value) else unavailable(reason)


def mean_score(scores: Iterable[Score], reason: str) -> Score:
    """The mean of the numbers among the scores, or why there is none."""
    numbers = [value for value in scores if isinstance(value, float)]
    return score(math.fsum(numbers) / len(numbers), reason) if numbers else unavailable(reason)


def _rounded(value: Score) -> Score:
    return value if isinstance(value, dict) else round(float(value), DECIMALS)
