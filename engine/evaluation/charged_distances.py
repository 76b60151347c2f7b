"""Noisy distances: how far the synthetic rows lie from the private ones, as a mean over many sets of columns.

A mean over all pairs costs one noisy number whatever the number of pairs, so its noise is small where noise on every
pair would hide it. With P sets of columns, n private rows as the run counted them with noise, and e the counts that n
rows of the synthetic shares would have, the released number is Σ ‖x_S - e_S‖₁ over the sets, and a distance is that
over 2 n P: the share of the rows that would have to move to another cell.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, ndtri, xlogy

from engine.evaluation.charged_cells import Columns, ReportCells, compared_sets
from engine.evaluation.results import DECIMALS, Finding, MetricResult, NotComputableError, unavailable
from engine.privacy.evaluation_queries import EvaluationQueries

FloatArray = npt.NDArray[np.float64]

CONFIDENCE = 0.95
QUANTILE = float(ndtri(0.5 + CONFIDENCE / 2.0))

WEIGHTS = {"one-way": 0.20, "two-way": 0.25, "three-way": 0.15, "independent": 0.15, "columns": 0.25}
"""How the distances divide what they may spend; what a table has no sets for goes to the others."""

NOT_PAID = "no share of the privacy loss was set aside for it"
NO_PAIR = "there is a single column"
NO_TRIPLE = "there are fewer than three columns"
PURPOSES = {
    "one-way": "single columns",
    "two-way": "pairs of columns",
    "three-way": "three columns",
    "independent": "pairs, if columns ignored one another",
}
_SIZES = {"one-way": 1, "two-way": 2, "three-way": 3}


@dataclass(frozen=True)
class NoisyDistance:
    """A mean distance over sets of columns, with what stands between it and the truth.

    Args:
        value: released, as a share of the rows; noise can make it negative.
        deviation: standard deviation of the noise.
        rounding: most that rounding expected counts to whole rows can move it.
        chance: mean distance that as many rows drawn from the synthetic shares would have from these, by chance alone.
        n_sets: sets of columns.
    """

    value: float
    deviation: float
    rounding: float
    chance: float
    n_sets: int

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval, inside what a distance can be."""
        width = QUANTILE * self.deviation + self.rounding
        return _inside(self.value - width), _inside(self.value + width)


@dataclass(frozen=True)
class _Question:
    name: str
    sets: list[Columns]
    shares_of: Callable[[Columns], FloatArray]
    weight: float


def measure_distances(queries: EvaluationQueries, cells: ReportCells, mu_squared: float) -> dict[str, NoisyDistance]:
    """Ask for all distances.

    Args:
        queries: of the rows that the synthesizer read, in the report's cells.
        cells: the report's cells.
        mu_squared: what all of them may cost together.

    Returns:
        Distances by name: `one-way`, `two-way`, `three-way`, `independent` (of pairs of independent columns), and
        `column 0` and so on, of the pairs with a column. What a table has no sets for is left out.

    Raises:
        BudgetExceededError: the envelope does not hold the charge.

    Privacy: charges `mu_squared`, one Gaussian mechanism per number.
    """
    questions = _questions(cells)
    whole = math.fsum(question.weight for question in questions)
    found = {}
    for question in questions:
        n_sets = len(question.sets)
        scale = queries.rows_per_unit * n_sets * math.sqrt(whole / (question.weight * mu_squared))
        shares_of = cache(question.shares_of)
        expected_of = cells.expected(shares_of)
        purpose = PURPOSES.get(question.name, "pairs with one column")
        total = queries.distance_sum(question.sets, expected_of, scale, f"releasable report: distance of {purpose}")
        rows = 2.0 * cells.n_private * n_sets
        shares = [shares_of(columns) for columns in question.sets]
        off = math.fsum(
            float(np.abs(expected_of(columns) - cells.n_private * share).sum())
            for columns, share in zip(question.sets, shares, strict=True)
        )
        chance = math.fsum(chance_distance(share, cells.n_private) for share in shares) / n_sets
        found[question.name] = NoisyDistance(total / rows, scale / rows, (off + 0.5) / rows, chance, n_sets)
    return found


def _questions(cells: ReportCells) -> list[_Question]:
    n_columns = len(cells.sizes)
    questions = [
        _Question(name, compared_sets(n_columns, size), cells.shares, WEIGHTS[name])
        for name, size in _SIZES.items()
        if size <= n_columns
    ]
    if n_columns < 2:
        return questions
    pairs = compared_sets(n_columns, 2)
    questions.append(_Question("independent", pairs, cells.independent_shares, WEIGHTS["independent"]))
    by_column = {column: [pair for pair in pairs if column in pair] for column in range(n_columns)}
    asked = {column: sets for column, sets in by_column.items() if sets}
    if n_columns > 2:  # with two columns, both have the one pair that is asked for anyway
        questions += [
            _Question(f"column {column}", sets, cells.shares, WEIGHTS["columns"] / len(asked))
            for column, sets in asked.items()
        ]
    return questions


def chance_distance(shares: FloatArray, n_rows: int) -> float:
    """Expected distance between shares and those of n rows drawn from them.

    Args:
        shares: of the cells, any shape, summing to one.
        n_rows: how many rows.

    Source: de Moivre's mean absolute deviation of a binomial count; Diaconis and Zabell, "Closed Form Summation for
        Classical Distributions" (1991), §1: E|X - np| = 2 ν C(n, ν) p^ν (1 - p)^(n - ν + 1), ν = ⌊np⌋ + 1.
    """
    p = shares[(shares > 0.0) & (shares < 1.0)]
    nu = np.floor(n_rows * p) + 1.0
    inside = np.minimum(nu, n_rows)
    choose = gammaln(n_rows + 1.0) - gammaln(inside + 1.0) - gammaln(n_rows - inside + 1.0)
    logs = np.log(2.0 * inside) + choose + xlogy(inside, p) + xlogy(n_rows - inside + 1.0, 1.0 - p)
    return float(0.5 * np.where(nu <= n_rows, np.exp(logs), 0.0).sum() / n_rows)


def distances_metric(cells: ReportCells, found: dict[str, NoisyDistance]) -> MetricResult:
    """What was released, in sentences.

    Args:
        cells: the report's cells.
        found: distances by name; empty where none were asked for.

    Returns:
        Findings, and as details: `rows`, the noisy number of private rows; `synthetic_rows`, those compared; `sets` by
        measure; `independent`, the mean distance of pairs of independent columns, as `value` and `interval`;
        `columns`, per column `name`, `value` and `interval` of the mean distance of its pairs.
    """
    if not found:
        raise NotComputableError(NOT_PAID)
    findings = [
        _finding("one-way", found, "a column", ""),
        _finding("two-way", found, "a pair of columns", NO_PAIR),
        _finding("three-way", found, "three columns", NO_TRIPLE),
    ]
    columns = [
        {"name": name} | _number(found[f"column {place}"])
        for place, name in enumerate(cells.names)
        if f"column {place}" in found
    ]
    details = {
        "rows": cells.n_private,
        "synthetic_rows": cells.n_synthetic,
        "sets": {name: found[name].n_sets for name in _SIZES if name in found},
        "independent": _number(found["independent"]) if "independent" in found else unavailable(NO_PAIR),
        "columns": columns,
    }
    return MetricResult(tuple(findings), details)


def _finding(name: str, found: dict[str, NoisyDistance], what: str, why_not: str) -> Finding:
    if name not in found:
        reason = unavailable(why_not)
        return Finding(name, reason, reason, reason, f"It could not be computed: {why_not}.")
    distance = found[name]
    low, high = distance.interval
    sentence = (
        f"About {_percent(_inside(distance.value))} of the rows would have to move to another cell of {what}, on "
        f"average; noise leaves between {_percent(low)} and {_percent(high)}"
    )
    if name == "two-way":
        sentence += f". Columns that ignore one another would lie {_percent(_inside(found['independent'].value))} away"
    return Finding(name, _inside(distance.value), distance.interval, _inside(distance.chance), f"{sentence}.")


def _number(distance: NoisyDistance) -> dict[str, Any]:
    return {
        "value": round(_inside(distance.value), DECIMALS),
        "interval": [round(end, DECIMALS) for end in distance.interval],
    }


def _percent(share: float) -> str:
    return f"{100.0 * share:.2f} %"


def _inside(share: float) -> float:
    return min(max(share, 0.0), 1.0)
