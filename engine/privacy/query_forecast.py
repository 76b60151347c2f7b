"""The expected error of a chosen count or mean against ε, and the least ε that keeps it small enough.

A count of rows adds up noisy counts of cells, each with independent noise, so its noise grows with the square root of
their number. A mean is a quotient of such sums; its error follows to first order, with rows spread evenly over the
values that nobody has counted yet.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from engine.data.encode import column_domain, to_number
from engine.data.schema import Field, FieldType
from engine.errors import PlanError
from engine.privacy.forecast import ExpectedNoise, NoiseModel, half_width, mean_error
from engine.privacy.plan import SynthesisPlan
from engine.privacy.price import column_cells, price_plan
from engine.synthesizers.marginals import modelled_fields, needs_learning

if TYPE_CHECKING:
    from engine.answers.query import Condition, Query

CURVE_EPSILONS = tuple(round(0.1 * 100.0 ** (step / 24.0), 4) for step in range(25))
"""ε from 0.1 to 10 in equal steps of its logarithm."""

LEAST_EPSILON, MOST_EPSILON = 0.01, 100.0
_HALVINGS = 40
_DIGITS = 3

FloatPair = tuple[float, float]


class Case(StrEnum):
    """Whether a run counts the columns of a query together."""

    MEASURED = "measured"
    IF_MEASURED = "if measured"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class CellQuery:
    """A count of rows, or a mean, over some cells of some columns.

    Args:
        cells: per column, how many of its cells are added up; a column by which rows are grouped has one.
        mean_of: a column of numbers whose mean is asked for, or None for a count.
        assumed: whether a number of cells is an assumption.

    Raises:
        PlanError: a column is named twice, a number of cells is not positive, or nothing is asked.
    """

    cells: tuple[tuple[str, int], ...]
    mean_of: str | None = None
    assumed: bool = False

    def __post_init__(self) -> None:
        names = [name for name, _ in self.cells]
        if self.mean_of is None and not names:
            raise PlanError("name at least one column of the count whose error is asked for")
        if len(set(self.columns)) < len(names) + (self.mean_of is not None):
            raise PlanError("a column can be named once in the query whose error is asked for")
        for name, cells in self.cells:
            if isinstance(cells, bool) or not isinstance(cells, int) or cells < 1:
                raise PlanError(f"at least one value of column {name!r} has to be counted")

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that the answer depends on."""
        return tuple(name for name, _ in self.cells) + (() if self.mean_of is None else (self.mean_of,))


@dataclass(frozen=True)
class QueryForecast:
    """Expected error of a query.

    Args:
        epsilon: ε of the plan.
        columns: columns that the answer depends on.
        case: whether they are counted together always, only if the method chooses them, or never.
        unit: `rows`, or the column whose mean is asked for, in its own unit.
        cells: noisy counts that are added up, about.
        cells_assumed: whether their number is an assumption.
        expected_error: mean absolute error; None where they are never counted together.
        half_width: half-width of the 95 % interval, with the most measurements that a run can make.
        expected_error_share: the expected error as a share of the stated rows; None for a mean.
        half_width_share: the half-width as a share of the stated rows; None for a mean.
        statement: what is assumed, in words.
    """

    epsilon: float
    columns: tuple[str, ...]
    case: Case
    unit: str
    cells: int
    cells_assumed: bool
    expected_error: float | None
    half_width: float | None
    expected_error_share: float | None
    half_width_share: float | None
    statement: str

    def to_json(self) -> dict[str, Any]:
        """The forecast as JSON."""
        return asdict(self) | {"case": self.case.value, "columns": list(self.columns)}


@dataclass(frozen=True)
class CurvePoint:
    """Error of a query at one ε: mean absolute error and half-width of the 95 % interval, in the query's unit."""

    epsilon: float
    expected_error: float
    half_width: float


def forecast_query(plan: SynthesisPlan, query: CellQuery) -> QueryForecast:
    """Expected error of a query under a plan; reads no rows.

    Args:
        plan: the plan, with its number of rows.
        query: what is asked.

    Raises:
        PlanError: the plan cannot be priced, draws no noise or states no number of rows; or it does not model a column
            of the query, or knows no range of the column whose mean is asked for.
    """
    return _Asked.of(plan, query).forecast(plan.promised()[0])


def error_curve(
    plan: SynthesisPlan, query: CellQuery, epsilons: Sequence[float] = CURVE_EPSILONS
) -> tuple[CurvePoint, ...]:
    """Error of a query at each ε.

    Args:
        plan: the plan, whose own ε does not matter.
        query: what is asked.
        epsilons: the points.

    Raises:
        PlanError: as of `forecast_query`, or the columns are never counted together.
    """
    asked = _Asked.of(plan, query)
    return tuple(CurvePoint(epsilon, *asked.errors(epsilon)) for epsilon in epsilons)


def epsilon_for_error(plan: SynthesisPlan, query: CellQuery, accepted: float) -> float:
    """The least ε whose 95 % interval reaches no further than what is accepted, rounded up to three digits.

    Args:
        plan: the plan, whose own ε does not matter.
        query: what is asked.
        accepted: half-width of the interval, in rows or in the unit of the mean.

    Returns:
        An ε from LEAST_EPSILON to MOST_EPSILON.

    Raises:
        PlanError: no such ε suffices, or it is too small for the method; or as of `error_curve`.
    """
    if isinstance(accepted, bool) or not isinstance(accepted, int | float) or not 0.0 < accepted < math.inf:
        raise PlanError("the error that is accepted must be a positive number")
    asked = _Asked.of(plan, query)
    best = asked.errors(MOST_EPSILON)[1]
    if best > accepted:
        unit = "rows" if query.mean_of is None else f"in the mean of {query.mean_of}"
        raise PlanError(
            f"even ε = {MOST_EPSILON:g} leaves ± {best:,.3g} {unit}: accept more, add up fewer values, or leave out "
            "columns"
        )
    low, high = LEAST_EPSILON, MOST_EPSILON
    if asked.errors(low)[1] <= accepted:
        high = low
    for _ in range(_HALVINGS if high > low else 0):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if asked.errors(middle)[1] <= accepted else (middle, high)
    found = _rounded_up(high)
    try:
        price_plan(replace(plan, epsilon=found))
    except PlanError as error:
        raise PlanError(f"ε = {found:g} would be enough for this error, but {error}") from None
    return found


def cell_query(plan: SynthesisPlan, query: Query) -> CellQuery:
    """How many cells a question adds up, from the schema alone.

    Args:
        plan: the plan.
        query: a count or a mean, under conditions and by group.

    Raises:
        InputError: a value has no cell.
        PlanError: it is a share.
    """
    from engine.answers.query import Measure

    if query.measure is Measure.SHARE:
        raise PlanError("ask for a count: its forecast says the error as a share of the rows, too")
    found = [(each.field.name, *_condition_cells(plan, each)) for each in query.where]
    conditions = {condition.field.name for condition in query.where}
    found += [(field.name, 1, False) for field in query.by if field.name not in conditions]
    mean_of = query.field.name if query.field is not None else None
    if mean_of in conditions:
        raise PlanError(f"the mean of {mean_of!r} is forecast without a condition on {mean_of!r} itself")
    cells = tuple((name, 1 if any(field.name == name for field in query.by) else count) for name, count, _ in found)
    return CellQuery(cells, mean_of, assumed=any(assumed for _, _, assumed in found))


def _condition_cells(plan: SynthesisPlan, condition: Condition) -> tuple[int, bool]:
    """Cells that a condition lets in, and whether that is an assumption."""
    from engine.answers.cells import cells_where

    name = condition.field.name
    field = next(field for field in modelled_fields(plan) if field.name == name)
    size, assumed = next((cells, assumed) for each, cells, assumed in column_cells(plan) if each == name)
    if needs_learning(field):
        return (size if condition.values is None else min(len(condition.values), size)), True
    known = column_domain(field)
    inside = cells_where(known, replace(condition, field=known.field)).possibly
    bins = slice(len(known.atoms), len(known.atoms) + known.n_bins)
    further = (size - known.size) * int(inside[bins].sum()) / max(known.n_bins, 1)
    return max(1, int(inside.sum()) + math.ceil(further)), assumed and further > 0


@dataclass(frozen=True)
class _Asked:
    """A query under a plan, at any ε."""

    model: NoiseModel
    query: CellQuery

    @classmethod
    def of(cls, plan: SynthesisPlan, query: CellQuery) -> _Asked:
        """The query, checked; raises PlanError where the plan does not model it."""
        asked = cls(NoiseModel.of(plan), query)
        sizes = asked.model.sizes()
        for name in query.columns:
            if name not in sizes:
                raise PlanError(f"the plan does not synthesize column {name!r}, so no error of it can be forecast")
        for name, cells in query.cells:
            if cells > sizes[name]:
                raise PlanError(f"column {name!r} has about {sizes[name]} values to count, not {cells}")
        if query.mean_of is not None:
            _range(plan, query.mean_of)
        return asked

    def forecast(self, epsilon: float) -> QueryForecast:
        """The forecast at an ε."""
        noise, query = self.model.noise(epsilon), self.query
        case = _case(noise, query)
        scales = self._scales(noise, case)
        assumed = query.assumed or any(own for name, _, own in self.model.cells if name == query.mean_of)
        known = None if scales is None else self._errors(scales)
        is_count = query.mean_of is None
        return QueryForecast(
            epsilon=epsilon,
            columns=query.columns,
            case=case,
            unit="rows" if query.mean_of is None else query.mean_of,
            cells=0 if scales is None else max(1, round(self._cells(scales[0]))),
            cells_assumed=assumed,
            expected_error=None if known is None else known[0],
            half_width=None if known is None else known[1],
            expected_error_share=known[0] / self.model.rows if known is not None and is_count else None,
            half_width_share=known[1] / self.model.rows if known is not None and is_count else None,
            statement=_statement(noise, case),
        )

    def errors(self, epsilon: float) -> FloatPair:
        """Expected error and half-width at an ε; raises PlanError where the columns are never counted together."""
        noise = self.model.noise(epsilon)
        case = _case(noise, self.query)
        scales = self._scales(noise, case)
        if scales is None:
            raise PlanError(_statement(noise, case))
        return self._errors(scales)

    def _scales(self, noise: ExpectedNoise, case: Case) -> FloatPair | None:
        """Noise on a cell, expected and at most; None where the columns are never counted together."""
        if case is Case.MEASURED:
            return noise.one_way, noise.one_way
        if case is Case.NOT_MEASURED or noise.joint is None:
            return None
        return noise.joint.expected, noise.joint.at_most

    def _errors(self, scales: FloatPair) -> FloatPair:
        expected, at_most = (self._deviation(scale) for scale in scales)
        width = half_width(at_most)
        return mean_error(expected), width if self.query.mean_of is None else width - half_width(0.0)

    def _deviation(self, scale: float) -> float:
        """Standard deviation of the answer: √cells times the noise, or for a mean what that moves it.

        To first order a mean t of numbers x over cells c is off by Σ Zᶜ (xᶜ - t) / rows. With cells evenly over a
        range, Σ (xᶜ - t)² is the number of cells times the range squared / 12.
        """
        cells = self._cells(scale)
        if self.query.mean_of is None:
            return scale * math.sqrt(cells)
        low, high = _range(self.model.plan, self.query.mean_of)
        return scale * math.sqrt(cells / 12.0) * (high - low) / self._meant_rows()

    def _cells(self, scale: float) -> float:
        """Noisy counts that are added up; in a set of columns, numbers are counted in groups of cells."""
        own = {name: float(cells) for name, cells in self.model.sizes().items()}
        if len(self.query.columns) > 1:
            own = self.model.set_sizes(scale)
        parts = [min(float(cells), own[name]) for name, cells in self.query.cells]
        return math.prod(parts) * (1.0 if self.query.mean_of is None else own[self.query.mean_of])

    def _meant_rows(self) -> float:
        """Rows that meet the conditions, were every value equally frequent."""
        sizes = self.model.sizes()
        return self.model.rows * math.prod(cells / sizes[name] for name, cells in self.query.cells)


def _range(plan: SynthesisPlan, name: str) -> FloatPair:
    """Stated bounds of a column of numbers; raises PlanError where there are none."""
    field: Field = next(field for field in modelled_fields(plan) if field.name == name)
    low, high = to_number(field.minimum, field.type), to_number(field.maximum, field.type)
    if field.type not in (FieldType.INTEGER, FieldType.NUMBER) or field.enum is not None:
        raise PlanError(f"column {name!r} is not a number, so it has no mean")
    if low is None or high is None:
        raise PlanError(f"the error of the mean of {name!r} cannot be forecast before its range is learned or stated")
    return low, high


def _case(noise: ExpectedNoise, query: CellQuery) -> Case:
    n_columns = len(query.columns)
    if n_columns == 1:
        return Case.MEASURED
    return Case.IF_MEASURED if n_columns <= noise.largest_set else Case.NOT_MEASURED


def _statement(noise: ExpectedNoise, case: Case) -> str:
    if case is Case.MEASURED:
        return "Every run counts each column, so this error is what its noise brings."
    if case is Case.NOT_MEASURED:
        return (
            "The method never counts these columns together, so there is no forecast: what a run says of them comes "
            "from its model, and only bounds on it can be given."
        )
    return (
        "This holds if the run counts these columns together, which it decides from noisy scores; it plans for about "
        f"{max(1, round(noise.sets)):,} sets of columns and counts at most {noise.most_sets:,}. If these are not among "
        "them, there is no forecast, only bounds."
    )


def _rounded_up(value: float) -> float:
    """The next number of so many digits that is not below the value."""
    unit = 10.0 ** (math.floor(math.log10(value)) - _DIGITS + 1)
    return min(round(math.ceil(value / unit - 1e-9) * unit, 10), MOST_EPSILON)
