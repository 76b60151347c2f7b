"""The one door to private rows.

Every number that leaves a `PrivateTable` went through a mechanism that checked its sensitivity, charged the
run's budget first and then drew its noise. Nothing else in the engine reads rows of a private table, so a
synthesizer sees released numbers only.

Sensitivity: neighbours differ by one unit, which holds at most k rows. A table of counts then moves by at most
k in L2 norm (all k rows in one cell), and so does any L1 distance between counts and fixed numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri

from engine.data.encode import Codes, TableDomain, to_numbers
from engine.data.schema import Field
from engine.errors import PlanError
from engine.privacy.accounting import gaussian_event
from engine.privacy.budget import Charge, RunBudget
from engine.privacy.gaussian_dp import exponential_mechanism_mu
from engine.privacy.noise import IntArray, NoiseSource, SecureNoise, gumbel, rounded_gaussian, uniform_order
from engine.privacy.plan import UnitKind, UnitOfProtection

FloatArray = npt.NDArray[np.float64]
Columns = tuple[int, ...]

SELECTION_ROUNDING = 1e-9
"""Selection is charged for slightly more than its ε, which covers floating-point error of its weights."""


@dataclass(frozen=True)
class MechanismCall:
    """One call through the door, as a recorder sees it: what was asked, never what the rows are."""

    mechanism: str
    key: tuple[Any, ...]
    sensitivity: float
    norm: str


class PrivateTable:
    """Rows that only noisy mechanisms may read.

    Args:
        table: typed private rows.
        fields: columns to model.
        unit: whom the guarantee protects; of a person with more rows than allowed, random ones are kept here.
        budget: the run's envelope.
        noise: source of randomness; one that is not secure makes the run non-private, and says so.

    Privacy: the unit is `unit`; neighbours differ by adding or removing one. The rows kept of a person depend
        on that person's rows and on independent randomness alone.
    """

    def __init__(
        self,
        table: pd.DataFrame,
        fields: Sequence[Field],
        unit: UnitOfProtection,
        budget: RunBudget,
        noise: NoiseSource | None = None,
    ) -> None:
        self._noise = noise if noise is not None else SecureNoise()
        self._fields = {field.name: field for field in fields}
        self._rows = bound_contributions(table, unit, self._noise)[list(self._fields)]
        self._codes: list[Codes] = []
        self._sizes: tuple[int, ...] = ()
        self._counts: dict[Columns, IntArray] = {}
        self.rows_per_unit = unit.max_rows_per_unit
        self.budget = budget
        if not self._noise.secure:
            self._charge_insecure_noise()

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of cells per column, once encoded."""
        return self._sizes

    def encode(self, domain: TableDomain) -> None:
        """Turn the rows into cells of a public or released domain and forget the values."""
        self._codes = domain.encode(self._rows)
        self._sizes = domain.sizes
        self._rows = self._rows.iloc[:0]

    def merge_cells(self, column: int, groups: npt.NDArray[np.int32]) -> None:
        """Replace a column's cells by coarser ones.

        Args:
            column: position of the column.
            groups: new cell per old cell, shape (size,); must come from released numbers only.
        """
        self._codes[column] = groups[self._codes[column]]
        sizes = list(self._sizes)
        sizes[column] = int(groups.max()) + 1
        self._sizes = tuple(sizes)
        self._counts = {columns: counts for columns, counts in self._counts.items() if column not in columns}

    def marginal(self, columns: Columns, noise_scale: float, purpose: str) -> IntArray:
        """Noisy counts of the cells of some columns.

        Args:
            columns: positions of the columns.
            noise_scale: standard deviation of the Gaussian noise, in rows.
            purpose: why, in words, for the certificate.

        Returns:
            Integer counts, shape (size of each column).

        Raises:
            BudgetExceededError: the envelope does not hold the charge.

        Privacy: L2 sensitivity k; charges μ² = (k / noise_scale)².
        """
        sensitivity = float(self.rows_per_unit)
        mu = sensitivity / noise_scale
        self.budget.spend(
            Charge(
                mechanism="gaussian_marginal",
                purpose=purpose,
                reads=self._names(columns),
                sensitivity=sensitivity,
                noise_scale=noise_scale,
                mu_squared=mu * mu,
                rho=mu * mu / 2.0,
                event=gaussian_event(mu),
            )
        )
        call = MechanismCall("gaussian_marginal", (columns, self._sizes, noise_scale), sensitivity, "l2")
        exact = self._exact_counts(columns)
        released: IntArray = self._release(
            call, exact, lambda: exact + rounded_gaussian(exact.shape, noise_scale, self._noise)
        )
        return released

    def select(
        self,
        candidates: Sequence[Columns],
        estimates: Sequence[FloatArray],
        penalties: Sequence[float],
        epsilon: float,
        purpose: str,
        weights: Sequence[float] | None = None,
    ) -> int:
        """The candidate whose counts lie farthest from an estimate, chosen by the exponential mechanism.

        Args:
            candidates: positions of columns, one tuple per candidate.
            estimates: expected counts per candidate, of the marginal's shape; from released numbers only.
            penalties: number taken off each score; from released numbers only.
            epsilon: of the exponential mechanism, score = weight · (L1 distance - penalty).
            purpose: why, in words, for the certificate.
            weights: positive weight of each score; public, or from released numbers. One each by default.

        Returns:
            Index into `candidates`.

        Raises:
            BudgetExceededError: the envelope does not hold the charge.

        Privacy: each score moves by at most k times the largest weight; charges μ² of
            `exponential_mechanism_mu`.
        """
        weights = [1.0] * len(candidates) if weights is None else weights
        sensitivity = float(self.rows_per_unit) * max(weights)
        charged = epsilon * (1.0 + SELECTION_ROUNDING)
        mu = exponential_mechanism_mu(charged)
        self.budget.spend(
            Charge(
                mechanism="exponential_selection",
                purpose=purpose,
                reads=self._names(sorted({column for candidate in candidates for column in candidate})),
                sensitivity=sensitivity,
                noise_scale=None,
                mu_squared=mu * mu,
                rho=charged * charged / 8.0,
                event=gaussian_event(mu),
                parameters={"selection_epsilon": charged, "candidates": len(candidates)},
            )
        )
        scores = np.array(
            [
                weight * (float(np.abs(self._exact_counts(columns) - estimate).sum()) - penalty)
                for columns, estimate, penalty, weight in zip(candidates, estimates, penalties, weights, strict=True)
            ]
        )
        key = (tuple(candidates), self._sizes, tuple(weights), epsilon)
        call = MechanismCall("exponential_selection", key, sensitivity, "linf")
        logits = scores * (epsilon / (2.0 * sensitivity))
        chosen = self._release(call, scores, lambda: np.array([np.argmax(logits + gumbel(len(logits), self._noise))]))
        return int(chosen[0])

    def discover_categories(self, name: str, noise_scale: float, delta: float) -> tuple[str, ...]:
        """Values of a text column that enough rows hold, in order of their text.

        Args:
            name: the column.
            noise_scale: standard deviation of the noise on each value's count, in rows.
            delta: chance that a value held by one unit alone is released.

        Raises:
            BudgetExceededError: the envelope does not hold the charge.

        Privacy: values shared with the neighbour are a Gaussian release of L2 sensitivity k. A unit's own at
            most k values have counts of at most k, so one of them passes the threshold
            k + noise_scale Φ⁻¹(1 - δ/k) + 1/2 with probability at most δ. If none does, the two tables differ by
            the Gaussian release alone, independently of that event. Charges μ² = (k / noise_scale)² and δ.

        Source: stability-based histograms, Vadhan, "The Complexity of Differential Privacy" (2017), §3.3.
        """
        k = self.rows_per_unit
        mu = k / noise_scale
        threshold = discovery_threshold(k, noise_scale, delta)
        self.budget.spend(
            Charge(
                mechanism="category_discovery",
                purpose="learn the list of categories",
                reads=(name,),
                sensitivity=float(k),
                noise_scale=noise_scale,
                mu_squared=mu * mu,
                rho=mu * mu / 2.0,
                event=gaussian_event(mu),
                delta_extra=delta,
                parameters={"threshold": threshold},
            )
        )
        counts = self._rows[name].dropna().astype(str).value_counts()
        call = MechanismCall("category_discovery", (name, noise_scale, delta), float(k), "categories")
        kept = self._release(
            call,
            counts,
            lambda: counts.index[
                counts.to_numpy() + rounded_gaussian((len(counts),), noise_scale, self._noise) > threshold
            ],
        )
        return tuple(sorted(str(value) for value in kept))

    def discover_range(self, name: str, edges: FloatArray, noise_scale: float) -> tuple[float, float]:
        """Outer borders of the bins of a public grid that hold more than noise.

        Args:
            name: a numeric or date column.
            edges: a public grid in numeric units, increasing; values outside fall into the outer bins.
            noise_scale: standard deviation of the noise per bin, in rows.

        Raises:
            BudgetExceededError: the envelope does not hold the charge.
            PlanError: no bin rises above the noise, so no range can be stated.

        Privacy: L2 sensitivity k; charges μ² = (k / noise_scale)².
        """
        k = float(self.rows_per_unit)
        mu = k / noise_scale
        self.budget.spend(
            Charge(
                mechanism="range_discovery",
                purpose="learn the range",
                reads=(name,),
                sensitivity=k,
                noise_scale=noise_scale,
                mu_squared=mu * mu,
                rho=mu * mu / 2.0,
                event=gaussian_event(mu),
            )
        )
        numbers = to_numbers(self._rows[name], self._fields[name].type)
        bins = np.clip(np.searchsorted(edges, numbers[~np.isnan(numbers)], side="right") - 1, 0, len(edges) - 2)
        exact = np.bincount(bins, minlength=len(edges) - 1).astype(np.int64)
        call = MechanismCall("range_discovery", (name, noise_scale), k, "l2")
        noisy = self._release(call, exact, lambda: exact + rounded_gaussian(exact.shape, noise_scale, self._noise))
        threshold = noise_scale * float(-ndtri(0.05 / len(exact)))
        held = np.flatnonzero(noisy > threshold)
        if not len(held):
            raise PlanError(
                f"the range of column {name!r} cannot be learned with so little privacy loss: "
                "state its minimum and maximum, or spend more"
            )
        return float(edges[held[0]]), float(edges[held[-1] + 1])

    def histogram(self, name: str, lower: FloatArray, upper: FloatArray, noise_scale: float, purpose: str) -> IntArray:
        """Noisy counts of a column's numbers in cells of a line, before its rows are encoded.

        Args:
            name: a numeric or date column.
            lower: left end of each cell, in numeric units, shape (n_cells,); it belongs to the cell.
            upper: right end of each cell, outside it; cells are disjoint and increase.
            noise_scale: standard deviation of the Gaussian noise, in rows.
            purpose: why, in words, for the certificate.

        Returns:
            Integer counts, shape (n_cells,); missing values and numbers between cells are counted nowhere.

        Raises:
            ValueError: cells overlap, or are out of order.
            BudgetExceededError: the envelope does not hold the charge.

        Privacy: L2 sensitivity k; charges μ² = (k / noise_scale)².
        """
        if not (len(lower) == len(upper) > 0 and np.all(lower < upper) and np.all(upper[:-1] <= lower[1:])):
            raise ValueError("cells of a histogram must be disjoint and increase")
        k = float(self.rows_per_unit)
        mu = k / noise_scale
        self.budget.spend(
            Charge(
                mechanism="numeric_histogram",
                purpose=purpose,
                reads=(name,),
                sensitivity=k,
                noise_scale=noise_scale,
                mu_squared=mu * mu,
                rho=mu * mu / 2.0,
                event=gaussian_event(mu),
            )
        )
        numbers = to_numbers(self._rows[name], self._fields[name].type)
        numbers = numbers[~np.isnan(numbers)]
        cells = np.searchsorted(lower, numbers, side="right") - 1
        inside = (cells >= 0) & (numbers < upper[cells])
        exact = np.bincount(cells[inside], minlength=len(lower)).astype(np.int64)
        call = MechanismCall("numeric_histogram", (name, tuple(lower), tuple(upper), noise_scale), k, "l2")
        released: IntArray = self._release(
            call, exact, lambda: exact + rounded_gaussian(exact.shape, noise_scale, self._noise)
        )
        return released

    def _exact_counts(self, columns: Columns) -> IntArray:
        if columns not in self._counts:
            flat = np.zeros(len(self._codes[0]), dtype=np.int64)
            shape = tuple(self._sizes[column] for column in columns)
            for column in columns:
                flat = flat * self._sizes[column] + self._codes[column]
            self._counts[columns] = np.bincount(flat, minlength=math.prod(shape)).reshape(shape)
        return self._counts[columns]

    def _release(self, call: MechanismCall, exact: Any, draw: Callable[[], Any]) -> Any:
        """The one point where a number leaves; a recorder in the tests replaces it."""
        return draw()

    def _names(self, columns: Sequence[int]) -> tuple[str, ...]:
        names = list(self._fields)
        return tuple(names[column] for column in columns)

    def _charge_insecure_noise(self) -> None:
        self.budget.spend(
            Charge(
                mechanism="insecure_noise",
                purpose="noise that can be replayed protects nobody",
                reads=(),
                sensitivity=0.0,
                noise_scale=None,
                mu_squared=0.0,
                rho=0.0,
                event={"type": "NonPrivateDpEvent"},
            )
        )


def discovery_threshold(rows_per_unit: int, noise_scale: float, delta: float) -> float:
    """Noisy count above which a discovered category is released.

    Noise is rounded, so a count can pass with up to half a row less than it seems: the threshold holds that too.
    """
    return rows_per_unit + noise_scale * float(-ndtri(delta / rows_per_unit)) + 0.5


def bound_contributions(table: pd.DataFrame, unit: UnitOfProtection, noise: NoiseSource) -> pd.DataFrame:
    """Keep at most k random rows per person; rows that name no person are left out.

    Privacy: which rows of a person stay depends on that person's rows and fresh randomness only, so removing a
        person changes nobody else's rows.
    """
    if unit.kind is UnitKind.ROW:
        return table
    owners = table[unit.id_column].astype("string")
    shuffled = owners.iloc[uniform_order(len(owners), noise)].dropna()
    rank = shuffled.groupby(shuffled, sort=False).cumcount()
    kept = rank.index[rank < unit.max_rows_per_unit]
    return table.loc[kept.sort_values()]
