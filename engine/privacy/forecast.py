"""What error a plan's counts will have, before anything is read: from the mechanism and the stated number of rows.

Single columns are always measured. Which sets of columns are, a run decides from noisy scores; the forecast of a set
holds if it is measured. How many sets share the privacy loss follows from the noisy number of rows in adaptive methods:
the expected error takes the number that a run of the stated size begins with, and the half-width of an interval the
largest number that a run can come to, so that it errs on the safe side.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from engine.data.encode import NUMERIC_TYPES
from engine.errors import PlanError
from engine.privacy.accounting import mu_for
from engine.privacy.plan import SynthesisPlan
from engine.privacy.price import column_cells, price_plan
from engine.synthesizers.base import BudgetShare
from engine.synthesizers.cells import most_groups
from engine.synthesizers.marginal_synthesizer import MarginalSynthesizer
from engine.synthesizers.marginals import modelled_fields
from engine.synthesizers.registry import synthesizer_class
from engine.synthesizers.uncertainty import NOISE_MEAN

INTERVAL_DEVIATIONS = 1.96
"""Half-width of a 95 % interval, in standard deviations of a Gaussian."""

HALF_A_ROW = 0.5
"""What rounding noise to whole rows can add to an end of an interval."""

NO_ROWS = "state about how many rows the table has to see the expected error"


@dataclass(frozen=True)
class JointNoise:
    """Standard deviations of the noise on a count of a cell of a set of columns, in rows.

    Args:
        expected: with the number of sets that a run begins with.
        at_most: with the largest number of sets.
    """

    expected: float
    at_most: float


@dataclass(frozen=True)
class ExpectedNoise:
    """Noise of a plan's counts at one ε.

    Args:
        one_way: standard deviation on a count of a cell of a single column, in rows.
        joint: on a count of a cell of a set of columns; None where a method measures no sets.
        sets: sets that a run begins with, about.
        most_sets: largest number of sets.
        largest_set: columns of a set at most.
    """

    one_way: float
    joint: JointNoise | None
    sets: float
    most_sets: int
    largest_set: int


@dataclass(frozen=True)
class ColumnForecast:
    """Expected error of one column.

    Args:
        name: the column.
        cells: number of cells; an assumption where the domain is still to be learned.
        cells_assumed: whether it is one, because the run learns the cells or refines them.
        noise_scale: standard deviation of the noise per cell, in rows.
        expected_error_rows: mean absolute error of a cell's count, in rows.
        half_width_rows: half-width of the 95 % interval of a cell's count, in rows.
        expected_error_share: the expected error as a share of the rows.
        half_width_share: the half-width as a share of the rows.
        expected_distance: expected total variation distance from noise alone, at most 1.
    """

    name: str
    cells: int
    cells_assumed: bool
    noise_scale: float
    expected_error_rows: float
    half_width_rows: float
    expected_error_share: float
    half_width_share: float
    expected_distance: float


@dataclass(frozen=True)
class PairForecast:
    """Expected error of a measured pair of columns with typical numbers of cells.

    Args:
        measurements: pairs, or triples, that the run can measure at most.
        expected_measurements: how many it begins with, about.
        noise_scale: standard deviation of the noise per cell with the most measurements, in rows.
        typical_cells: cells of such a pair.
        expected_error_rows: mean absolute error of a cell's count, in rows.
        half_width_rows: half-width of the 95 % interval of a cell's count with the most measurements, in rows.
        expected_error_share: the expected error as a share of the rows.
        half_width_share: the half-width as a share of the rows.
        expected_distance: expected total variation distance from noise alone, at most 1.
    """

    measurements: int
    expected_measurements: int
    noise_scale: float
    typical_cells: int
    expected_error_rows: float
    half_width_rows: float
    expected_error_share: float
    half_width_share: float
    expected_distance: float


@dataclass(frozen=True)
class Forecast:
    """Expected error of a plan: from noise scales and the declared number of rows, nothing private.

    Args:
        declared_rows: number of rows that the plan states.
        columns: every modelled column.
        pair: a pair that is measured; None where the method measures none.
    """

    declared_rows: int
    columns: tuple[ColumnForecast, ...]
    pair: PairForecast | None

    def to_json(self) -> dict[str, Any]:
        """The forecast as JSON."""
        return asdict(self)


@dataclass(frozen=True)
class NoiseModel:
    """What decides a plan's noise at any ε.

    Args:
        plan: the plan.
        rows: its stated number of rows.
        method: its method's class.
        shares: parts of μ² by name, which do not depend on ε.
        delta: δ that is left for the noise on counts.
        cells: name and number of cells of every modelled column, and whether that is an assumption.
    """

    plan: SynthesisPlan
    rows: int
    method: type[MarginalSynthesizer]
    shares: Mapping[str, BudgetShare]
    delta: float
    cells: tuple[tuple[str, int, bool], ...]

    @classmethod
    def of(cls, plan: SynthesisPlan) -> NoiseModel:
        """The model of a plan; reads no rows.

        Raises:
            PlanError: the plan states no number of rows, cannot be priced, or its method draws no noise.
        """
        if plan.declared_rows is None:
            raise PlanError(NO_ROWS)
        price = price_plan(plan)
        method = synthesizer_class(plan.method)
        if price.mu_squared is None or not issubclass(method, MarginalSynthesizer):
            raise PlanError(f"the method {plan.method!r} draws no noise, so there is no error of noise to expect")
        shares = {part.name: part for part in price.split}
        delta = plan.promised()[1] - price.delta_extra
        return cls(plan, plan.declared_rows, method, shares, delta, tuple(column_cells(plan)))

    def sizes(self) -> dict[str, int]:
        """Number of cells of every column."""
        return {name: cells for name, cells, _ in self.cells}

    def set_sizes(self, pair_scale: float) -> dict[str, float]:
        """Cells that each column has in a set, about: numbers are counted in groups, unless a rule binds them.

        Args:
            pair_scale: standard deviation of the noise on sets, in rows.
        """
        groups = most_groups(float(self.rows), pair_scale)
        ruled = {name for rule in self.plan.schema.rules for name in rule.columns}
        fields = modelled_fields(self.plan)
        lines = {field.name for field in fields if field.type in NUMERIC_TYPES and field.enum is None}
        return {
            name: min(float(cells), groups) if name in lines - ruled else float(cells) for name, cells, _ in self.cells
        }

    def noise(self, epsilon: float) -> ExpectedNoise:
        """Noise of the plan's counts at an ε."""
        per_unit, mu_squared = self.plan.unit.max_rows_per_unit, mu_for(epsilon, self.delta) ** 2.0
        one_way = per_unit * _scale(self.shares["one_way"], mu_squared)
        if "pair" not in self.shares:
            return ExpectedNoise(one_way, None, 0.0, 0, 1)
        pair = self.shares["pair"]
        at_most = per_unit * _scale(pair, mu_squared)
        for_sets = (pair.share + self.shares["selection"].share) * mu_squared / per_unit**2.0
        sizes = list(self.set_sizes(at_most).values())
        sets, spent = self.method.expected_sets(sizes, float(self.rows), for_sets)
        joint = at_most * math.sqrt(sets / (pair.n_queries * spent))
        together = JointNoise(joint, at_most / math.sqrt(spent))
        return ExpectedNoise(one_way, together, sets, pair.n_queries, self.method.largest_measured)


def forecast(plan: SynthesisPlan) -> Forecast:
    """Expected error of each column and of a pair.

    Raises:
        PlanError: the plan states no number of rows, cannot be priced, or its method draws no noise.
    """
    model = NoiseModel.of(plan)
    noise = model.noise(plan.promised()[0])
    columns = tuple(
        ColumnForecast(
            name=name,
            cells=cells,
            cells_assumed=assumed,
            noise_scale=noise.one_way,
            **_errors(noise.one_way, noise.one_way, model.rows),
            expected_distance=_distance(noise.one_way, cells, model.rows),
        )
        for name, cells, assumed in model.cells
    )
    return Forecast(model.rows, columns, _pair_forecast(model, noise))


def mean_error(scale: float) -> float:
    """E|Z| of a Gaussian."""
    return NOISE_MEAN * scale


def half_width(scale: float) -> float:
    """Half-width of the 95 % interval of a count with such noise, in rows."""
    return INTERVAL_DEVIATIONS * scale + HALF_A_ROW


def _pair_forecast(model: NoiseModel, noise: ExpectedNoise) -> PairForecast | None:
    if noise.joint is None:
        return None
    sizes = sorted(model.set_sizes(noise.joint.at_most).values())
    typical = round(sizes[len(sizes) // 2]) ** 2
    return PairForecast(
        measurements=noise.most_sets,
        expected_measurements=max(1, round(noise.sets)),
        noise_scale=noise.joint.at_most,
        typical_cells=typical,
        **_errors(noise.joint.expected, noise.joint.at_most, model.rows),
        expected_distance=_distance(noise.joint.expected, typical, model.rows),
    )


def _scale(share: BudgetShare, mu_squared: float) -> float:
    """Standard deviation of the noise that a part pays for, for one row per unit."""
    return math.sqrt(max(share.n_queries, 1) / (share.share * mu_squared))


def _errors(scale: float, scale_at_most: float, rows: int) -> dict[str, float]:
    return {
        "expected_error_rows": mean_error(scale),
        "half_width_rows": half_width(scale_at_most),
        "expected_error_share": mean_error(scale) / rows,
        "half_width_share": half_width(scale_at_most) / rows,
    }


def _distance(scale: float, cells: int, rows: int) -> float:
    """Half the expected L1 norm of the noise, as a share of the rows."""
    return min(1.0, 0.5 * cells * mean_error(scale) / rows)
