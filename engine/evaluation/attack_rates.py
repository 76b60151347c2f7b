"""Success rates of an attack, and the risk: what it gains on training rows over rows that were never trained on.

An attack that guesses well only because the rows of one population are alike succeeds as often on the control rows.
The risk is therefore the excess over the control, as a share of what the control leaves to gain.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import pandas as pd

from engine.evaluation.context import Claim
from engine.evaluation.intervals import CONFIDENCE, wilson_interval
from engine.evaluation.results import (
    DECIMALS,
    Alarm,
    Finding,
    Interval,
    NotComputableError,
    Score,
    unavailable,
)
from engine.evaluation.tables import EvaluationTables

MOST_ATTACKS = 2_000
FEWEST_ROWS = 20

ALARM_LEVEL = 1e-5
"""Chance that an attack metric raises an alarm on a synthesizer that treats training and control rows alike."""
ALARM_MARGIN = 0.01
"""Risk that an alarm must exceed for certain. Below it, a risk is reported and is not a sign of a fault: a guarantee
with a large ε allows some."""

NO_HOLDOUT = "no real rows were set aside to attack as a control"
NOTHING_LEFT = "the attack succeeds on every row that was never trained on, so nothing is left to gain from training"
NO_BETTER_THAN_GUESSING = "The attack did no better than guessing, so it shows nothing either way."


@dataclass(frozen=True)
class Rate:
    """How often attacks succeeded.

    Args:
        successes: how many did.
        n: how many were made, at least 1.
        design_effect: variance of the rate over that of independent attacks, at least 1: attacks that hit the same
            row succeed together.

    Raises:
        ValueError: a number is outside its range.
    """

    successes: float
    n: int
    design_effect: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.successes <= self.n or self.n < 1 or self.design_effect < 1.0:
            raise ValueError(f"{self.successes} of {self.n} with a design effect of {self.design_effect} is no rate")

    @property
    def value(self) -> float:
        """The share of attacks that succeeded."""
        return self.successes / self.n

    @property
    def effective_n(self) -> float:
        """As many independent attacks tell as much."""
        return self.n / self.design_effect

    def interval(self, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """An interval for the rate: Wilson's, and Clopper and Pearson's where none or all attacks succeeded.

        Source: Clopper and Pearson (1934), "The use of confidence or fiducial limits illustrated in the case of the
        binomial", Biometrika 26; at 0 of n, the upper limit solves (1 - p)^n = (1 - confidence) / 2.
        """
        certain = 1.0 - ((1.0 - confidence) / 2.0) ** (1.0 / self.effective_n)
        if self.successes == 0:
            return 0.0, certain
        if self.successes == self.n:
            return 1.0 - certain, 1.0
        # Wilson's formula holds for fractions too; only the share and the number count.
        return wilson_interval(self.value * self.effective_n, self.effective_n, confidence)  # type: ignore[arg-type]

    def to_json(self) -> dict[str, Any]:
        """The rate for charts."""
        return {
            "rate": round(self.value, DECIMALS),
            "interval": [round(bound, DECIMALS) for bound in self.interval()],
            "successes": round(self.successes, DECIMALS),
            "n": self.n,
        }


@dataclass(frozen=True)
class Attack:
    """One attack as it went.

    Args:
        name: stable name, unique in the metric.
        title: what is attacked, to show.
        main: on training rows.
        baseline: a naive guess on training rows.
        control: on rows that were never trained on.
        facts: what a table shows beside the rates, as JSON.
    """

    name: str
    title: str
    main: Rate
    baseline: Rate
    control: Rate
    facts: dict[str, Any]

    @property
    def beats_guessing(self) -> bool:
        """Whether the attack succeeds more often than the naive guess beyond chance."""
        return self.main.interval()[0] > self.baseline.value

    @property
    def clearness(self) -> float:
        """The excess over the control in standard errors; 0 where neither rate varies."""
        variance = sum(rate.value * (1.0 - rate.value) / rate.effective_n for rate in (self.main, self.control))
        return (self.main.value - self.control.value) / math.sqrt(variance) if variance > 0 else 0.0

    @property
    def risk(self) -> Score:
        """Excess over the control in [0, 1], or why there is none."""
        if self.control.value == 1.0:
            return unavailable(NOTHING_LEFT)
        return max(0.0, (self.main.value - self.control.value) / (1.0 - self.control.value))

    def interval(self, confidence: float = CONFIDENCE) -> Interval:
        """An interval of the risk, or why there is none."""
        if self.control.value == 1.0:
            return unavailable(NOTHING_LEFT)
        return risk_interval(self.main, self.control, confidence)

    def finding(self, measure: str, confidence: float = CONFIDENCE) -> Finding:
        """The risk as a finding of a report."""
        return Finding(measure, self.risk, self.interval(confidence), 0.0, self.sentence)

    def clustered(self, effect: float) -> Attack:
        """The same attack on rows of which each goes together with others, by their design effect."""
        main, control = (replace(rate, design_effect=rate.design_effect * effect) for rate in (self.main, self.control))
        return replace(self, main=main, control=control)

    @property
    def sentence(self) -> str:
        """What the rates say, for an analyst."""
        rates = (
            f"{self.title}: {100 * self.main.value:.1f} % of the attacks on training rows succeed, "
            f"{100 * self.control.value:.1f} % on rows that were never trained on, "
            f"{100 * self.baseline.value:.1f} % by guessing."
        )
        return rates if self.beats_guessing else f"{rates} {NO_BETTER_THAN_GUESSING}"

    def to_json(self) -> dict[str, Any]:
        """A row of the table of attacks."""
        interval = self.interval()
        bounds = interval if isinstance(interval, dict) else [round(bound, DECIMALS) for bound in interval]
        return {
            "name": self.name,
            "title": self.title,
            "main": self.main.to_json(),
            "baseline": self.baseline.to_json(),
            "control": self.control.to_json(),
            "risk": {
                "value": self.risk if isinstance(self.risk, dict) else round(self.risk, DECIMALS),
                "interval": bounds,
            },
            "n_attacks": self.main.n,
            "beats_guessing": self.beats_guessing,
            **self.facts,
        }


def risk_interval(main: Rate, control: Rate, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """A score interval of the risk, cut to [0, 1].

    The risk is 1 - A / B, where A and B are the rates of failure on training and on control rows, so that its limits
    are those of a ratio of two proportions.

    Args:
        main: on training rows.
        control: on rows never trained on; not all successes.
        confidence: chance that the interval holds the risk.

    Source: Koopman (1984), "Confidence intervals for the ratio of two binomial proportions", Biometrics 40.
    """
    failures = (1.0 - main.value) * main.effective_n, (1.0 - control.value) * control.effective_n
    sizes = main.effective_n, control.effective_n
    found = (1.0 - main.value) / (1.0 - control.value)
    critical = NormalDist().inv_cdf(0.5 + confidence / 2) ** 2

    def outside(ratio: float) -> bool:
        return _chi_square(ratio, failures, sizes) > critical

    least = _edge(outside, found, 0.0) if found > 0 else 0.0
    most = max(found, 1.0)
    while not outside(most):
        most *= 2.0
    greatest = _edge(outside, found, most)
    return max(0.0, 1.0 - greatest), max(0.0, 1.0 - least)


def _edge(outside: Callable[[float], bool], inner: float, outer: float) -> float:
    """Where a stretch from inside to outside is left, by halving."""
    for _ in range(60):
        middle = (inner + outer) / 2
        inner, outer = (inner, middle) if outside(middle) else (middle, outer)
    return outer


def _chi_square(ratio: float, failures: tuple[float, float], sizes: tuple[float, float]) -> float:
    """Pearson's statistic at the likeliest rates whose ratio is the given one."""
    (x, y), (m, n) = failures, sizes
    half = (ratio * (m + y) + x + n) / (2 * (m + n))
    first = half - math.sqrt(max(0.0, half * half - ratio * (x + y) / (m + n)))
    second = first / ratio if ratio > 0 else y / n
    return _pearson(x, m, first) + _pearson(y, n, second)


def _pearson(count: float, n: float, rate: float) -> float:
    variance = n * rate * (1.0 - rate)
    if variance <= 0.0:
        return 0.0 if math.isclose(count, n * rate, abs_tol=1e-9) else math.inf
    return (count - n * rate) ** 2 / variance


def alarms(attacks: Sequence[Attack], unit_effect: float = 1.0) -> tuple[Alarm, ...]:
    """An alarm per attack whose risk exceeds ALARM_MARGIN for certain.

    One that treats training and control rows alike has no excess. The lower limits of all attacks of the metric
    together then exceed 0, let alone the margin, with a chance of at most ALARM_LEVEL (a one-sided level of
    ALARM_LEVEL / m each); three metrics make 3e-5 per report.

    Args:
        attacks: of one metric.
        unit_effect: design effect of rows of one person, beyond that of the attacks.
    """
    confidence = 1.0 - 2.0 * ALARM_LEVEL / max(1, len(attacks))
    found = []
    for attack in attacks:
        interval = attack.clustered(unit_effect).interval(confidence)
        if not isinstance(interval, dict) and interval[0] > ALARM_MARGIN:
            found.append(_alarm(attack))
    return tuple(found)


def unit_effect(claim: Claim | None, share: float) -> float:
    """The greatest design effect of rows of one person, where a person's rows are all alike.

    Args:
        claim: says how many rows a person has at most; without it, one is taken for granted.
        share: of the rows that are attacked, so that fewer of one person meet.

    Source: Kish (1965), "Survey Sampling", section 5.4.
    """
    return 1.0 if claim is None else 1.0 + (claim.rows_per_unit - 1) * min(share, 1.0)


def _alarm(attack: Attack) -> Alarm:
    return Alarm(
        "attack_beats_control",
        "An attack succeeds more often on training rows",
        f"{attack.title}: {100 * attack.main.value:.1f} % of {attack.main.n:,} attacks on training rows succeed and "
        f"{100 * attack.control.value:.1f} % of {attack.control.n:,} on rows that were never trained on. Chance does "
        "not explain the difference: the synthetic rows carry traces of single training rows.",
    )


def control_rows(tables: EvaluationTables) -> tuple[pd.DataFrame, int]:
    """The rows never trained on, and how many of each real table there are to attack.

    Raises:
        NotComputableError: there are none, or too few rows.
    """
    if tables.holdout is None:
        raise NotComputableError(NO_HOLDOUT)
    n_rows = min(len(tables.train), len(tables.holdout))
    if n_rows < FEWEST_ROWS:
        raise NotComputableError(
            f"{n_rows} row(s) of one real table are too few to attack: at least {FEWEST_ROWS} are needed"
        )
    return tables.holdout, n_rows


def missing_finding(measure: str, reason: str) -> Finding:
    """A finding of an attack that could not be made."""
    gap = unavailable(reason)
    return Finding(measure, gap, gap, gap, f"This attack could not be made: {reason}.")
