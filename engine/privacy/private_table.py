"""The one door to private rows.

Every number that leaves a `PrivateTable` went through a mechanism that checked its sensitivity, charged the
run's budget first and then drew its noise. Nothing else in the engine reads rows of a private table, so a
synthesizer sees released numbers only.

Sensitivity: neighbours differ by one unit, which holds at most k rows. A table of counts then moves by at most
k in L2 norm (all k rows in one cell), and so does any L1 distance between counts and fixed numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.data.encode import TableDomain
from engine.data.rows import Rows
from engine.data.schema import Field
from engine.execution import Execution
from engine.privacy.budget import Charge, RunBudget
from engine.privacy.counting import Columns
from engine.privacy.encoded_rows import EncodedRows
from engine.privacy.evaluation_queries import EvaluationQueries
from engine.privacy.guarantee import NON_PRIVATE
from engine.privacy.held_rows import HeldRows
from engine.privacy.mechanisms import (
    SELECTION_ROUNDING,
    Eligible,
    MechanismCall,
    check_cells,
    check_selection,
    count_in_cells,
    count_values,
    discovery_threshold,
    gaussian_charge,
    gradient_sensitivity,
    selection_charge,
    training_charge,
    walk_down,
)
from engine.privacy.noise import IntArray, NoiseSource, SecureNoise, gumbel, new_key, rounded_gaussian
from engine.privacy.plan import UnitOfProtection
from engine.privacy.sampled_gaussian import SampledGaussian
from engine.timing import StageClock

if TYPE_CHECKING:
    from engine.privacy.gradient_sums import GradientSums

__all__ = ["SELECTION_ROUNDING", "Columns", "MechanismCall", "PrivateTable", "discovery_threshold"]

FloatArray = npt.NDArray[np.float64]


class PrivateTable:
    """Rows that only noisy mechanisms may read. Close it, or use it in a `with` block: rows may lie in files.

    Args:
        table: typed private rows, in memory or read part by part.
        fields: columns to model.
        unit: whom the guarantee protects; of a person with more rows than allowed, random ones are kept here.
        budget: the run's envelope.
        noise: source of randomness; one that is not secure makes the run non-private, and says so.
        execution: where rows may lie and who counts them; in the system's temporary folder and here where None.
        clock: takes the time that reading and counting need.

    Privacy: the unit is `unit`; neighbours differ by adding or removing one. The rows kept of a person depend
        on that person's rows and on independent randomness alone.
    """

    def __init__(
        self,
        table: pd.DataFrame | Rows,
        fields: Sequence[Field],
        unit: UnitOfProtection,
        budget: RunBudget,
        noise: NoiseSource | None = None,
        *,
        execution: Execution | None = None,
        clock: StageClock | None = None,
    ) -> None:
        self._noise = noise if noise is not None else SecureNoise()
        self._fields = {field.name: field for field in fields}
        self._held = HeldRows(table, self._fields, unit, self._noise, execution or Execution(), clock or StageClock())
        self.rows_per_unit = unit.max_rows_per_unit
        self.budget = budget
        self.domain: TableDomain | None = None  # as `encode` was given it: public or released
        if not self._noise.secure:
            self._charge_insecure_noise()

    def __enter__(self) -> PrivateTable:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget the rows and remove what lies in files; may be called twice."""
        self._held.close()

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of cells per column, once encoded."""
        return self._held.sizes

    def unprotected_rows(self, purpose: str) -> pd.DataFrame:
        """All rows as they are, for a method without a privacy guarantee; before the table is encoded.

        Args:
            purpose: why, in words, for the certificate.

        Returns:
            The columns to model, typed; of a person with more rows than allowed, the random ones that were kept.

        Raises:
            BudgetExceededError: the budget was not opened by `RunBudget.unprotected`.

        Privacy: none. Records a `NonPrivateDpEvent`, which no accountant gives an ε.
        """
        self.budget.record_unprotected(purpose, tuple(self._fields))
        return self._held.table()

    def encode(self, domain: TableDomain, *, keep_units: bool = False) -> None:
        """Turn the rows into cells of a public or released domain and forget the values.

        Args:
            domain: cells of each column.
            keep_units: whether `train` follows, which draws whole units.
        """
        self._held.encode(domain, keep_units)
        self.domain = domain

    def merge_cells(self, column: int, groups: npt.NDArray[np.int32]) -> None:
        """Replace a column's cells by coarser ones.

        Args:
            column: position of the column.
            groups: new cell per old cell, shape (size,); must come from released numbers only.
        """
        self._held.regroup(column, groups)

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
        self.budget.spend(gaussian_charge("gaussian_marginal", purpose, self._names(columns), sensitivity, noise_scale))
        call = MechanismCall("gaussian_marginal", (columns, self.sizes, noise_scale), sensitivity, "l2")
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
        check_selection(len(candidates), estimates=estimates)
        expected = iter(estimates)
        return self.select_many(candidates, lambda _: next(expected), penalties, epsilon, 1, purpose, weights)[0]

    def select_many(
        self,
        candidates: Sequence[Columns],
        estimate_of: Callable[[Columns], FloatArray],
        penalties: Sequence[float],
        epsilon: float,
        picks: int,
        purpose: str,
        weights: Sequence[float] | None = None,
        eligible: Eligible | None = None,
    ) -> list[int]:
        """Several candidates whose counts lie far from their estimates, by one noisy order that is walked down.

        Args:
            candidates: positions of columns, one tuple per candidate.
            estimate_of: expected counts of a candidate, of the marginal's shape; from released numbers only. It is
                asked once per candidate, in their order, and its answers are not kept.
            penalties: number taken off each score; from released numbers only.
            epsilon: of each draw, score = weight · (L1 distance - penalty).
            picks: how many to choose at most.
            purpose: why, in words, for the certificate.
            weights: positive weight of each score; public, or from released numbers. One each by default.
            eligible: whether a candidate may follow the ones picked so far; all may where None. It may use released
                numbers only, and a candidate that it once refused must stay refused.

        Returns:
            Indices into `candidates`, in the order of picking; fewer than `picks` where no more are eligible.

        Raises:
            BudgetExceededError: the envelope does not hold the charge.

        Privacy: the result has the distribution of `picks` exponential mechanisms in sequence, each on the
            candidates still eligible (see `walk_down`), so it is charged as these: `picks` times μ² of
            `exponential_mechanism_mu`, with scores that move by at most k times the largest weight. The rest of the
            order stays in here.
        """
        weights = [1.0] * len(candidates) if weights is None else weights
        check_selection(len(candidates), penalties=penalties, weights=weights)
        sensitivity = float(self.rows_per_unit) * max(weights)
        reads = self._names(sorted({column for candidate in candidates for column in candidate}))
        self.budget.spend(selection_charge(purpose, reads, sensitivity, epsilon, len(candidates), picks))
        distances = self._held.distances(candidates, estimate_of)
        scores = (distances - np.asarray(penalties)) * np.asarray(weights)
        key = (tuple(candidates), self.sizes, tuple(weights), epsilon, picks)
        call = MechanismCall("exponential_selection", key, sensitivity, "linf")
        logits = scores * (epsilon / (2.0 * sensitivity))
        order = self._release(
            call, scores, lambda: np.argsort(-(logits + gumbel(len(logits), self._noise)), kind="stable")
        )
        return walk_down(order.tolist(), picks, eligible)

    def histogram(
        self, name: str, lower: npt.ArrayLike, upper: npt.ArrayLike, noise_scale: float, purpose: str
    ) -> IntArray:
        """Noisy counts of a numeric column's values in disjoint cells, before the table is encoded.

        Args:
            name: a numeric or date column.
            lower: increasing lower borders in numeric units (see `to_numbers`), shape (n_cells,); the first may be
                minus infinity. A border belongs to the cell above it.
            upper: upper borders, none above the next lower one, shape (n_cells,); the last may be infinity.
            noise_scale: standard deviation of the noise per cell, in rows.
            purpose: why, in words, for the certificate.

        Returns:
            Integer counts, shape (n_cells,); missing values and values in no cell are counted nowhere.

        Raises:
            BudgetExceededError: the envelope does not hold the charge.
            ValueError: the cells are not disjoint and increasing.

        Privacy: L2 sensitivity k, whatever the cells; charges μ² = (k / noise_scale)².
        """
        lows, highs = np.asarray(lower, dtype=np.float64), np.asarray(upper, dtype=np.float64)
        check_cells(lows, highs)
        sensitivity = float(self.rows_per_unit)
        self.budget.spend(gaussian_charge("numeric_histogram", purpose, (name,), sensitivity, noise_scale))
        exact = np.zeros(len(lows), dtype=np.int64)
        for numbers in self._held.numbers(name):
            exact += count_in_cells(numbers, lows, highs)
        key = (name, lows.tobytes(), highs.tobytes(), noise_scale)
        call = MechanismCall("numeric_histogram", key, sensitivity, "l2")
        released: IntArray = self._release(
            call, exact, lambda: exact + rounded_gaussian(exact.shape, noise_scale, self._noise)
        )
        return released

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
        threshold = discovery_threshold(k, noise_scale, delta)
        self.budget.spend(
            gaussian_charge(
                "category_discovery",
                "learn the list of categories",
                (name,),
                float(k),
                noise_scale,
                delta_extra=delta,
                parameters={"threshold": threshold},
            )
        )
        counts = count_values(values.dropna().astype(str) for values in self._held.values(name))
        call = MechanismCall("category_discovery", (name, noise_scale, delta), float(k), "categories")
        kept = self._release(
            call,
            counts,
            lambda: counts.index[
                counts.to_numpy() + rounded_gaussian((len(counts),), noise_scale, self._noise) > threshold
            ],
        )
        return tuple(sorted(str(value) for value in kept))

    def train(
        self, sampled: SampledGaussian, clipping_norm: float, delta_extra: float, purpose: str, steps_taken: int = 0
    ) -> GradientSums:
        """Pay for a training and give access to its steps, each a noisy sum of clipped gradients.

        Args:
            sampled: sampling rate, noise and number of steps.
            clipping_norm: largest L2 norm of the gradient of a unit, over all parameters together.
            delta_extra: chance that the Gaussian which the training is charged as does not cover it.
            purpose: why, in words, for the certificate.
            steps_taken: steps that began before, in a training that goes on; they are not taken again.

        Raises:
            BudgetExceededError: the envelope does not hold the charge.
            PlanError: the steps have no usable guarantee.

        Privacy: all rows of a unit make one clipped gradient, whatever their number. Each step is the Gaussian
            mechanism of L2 sensitivity `gradient_sensitivity(clipping_norm)` on a Poisson sample of the units; charges
            μ² of `gaussian_envelope` for all steps, and `delta_extra`.
        """
        from engine.privacy.gradient_sums import GradientSums  # torch is slow to load, and few methods train

        reads = tuple(self._fields)
        self.budget.spend(training_charge(purpose, reads, sampled, clipping_norm, delta_extra))
        sensitivity = gradient_sensitivity(clipping_norm)

        def release(key: tuple[Any, ...], exact: Any, draw: Callable[[], Any]) -> Any:
            return self._release(MechanismCall("noisy_gradient_sum", key, sensitivity, "l2"), exact, draw)

        return GradientSums(self._held.samples(), sampled, clipping_norm, steps_taken, self._fresh_key, release)

    def evaluation(self) -> EvaluationQueries:
        """The mechanisms of a releasable report, once the table is encoded."""
        names = tuple(self._fields)
        return EvaluationQueries(self._held, names, self.rows_per_unit, self.budget, self._noise, self._release)

    def _fresh_key(self) -> bytes:
        """A key for one sample or the noise of one step; the tests' recorder replaces it too."""
        return new_key(self._noise)

    @property
    def _codes(self) -> EncodedRows:
        assert self._held.codes is not None
        return self._held.codes

    def _exact_counts(self, columns: Columns) -> IntArray:
        return self._held.counts_of(columns)

    def _release(self, call: MechanismCall, exact: Any, draw: Callable[[], Any]) -> Any:
        """The one point where a number leaves; a recorder in the tests replaces it."""
        return draw()

    def _names(self, columns: Sequence[int]) -> tuple[str, ...]:
        names = list(self._fields)
        return tuple(names[column] for column in columns)

    def _charge_insecure_noise(self) -> None:
        why = "noise that can be replayed protects nobody"
        self.budget.spend(Charge("insecure_noise", why, (), 0.0, None, 0.0, 0.0, NON_PRIVATE))
