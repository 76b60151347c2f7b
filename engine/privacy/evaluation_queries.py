"""What a releasable report may ask of private rows: sums of distances, and how well fixed scores tell rows apart.

Both answers are a few numbers, so they need far less noise in proportion than tables of counts do. Neighbours differ by
one unit of at most k rows. A further row changes one cell of each set's counts by one, so it moves each L1 distance
from fixed numbers by at most one, and the sum of P such distances by at most P; a unit moves the sum by at most k P. A
row falls into one cell of a histogram that is decided by that row alone, so a unit moves it by at most k in L2 norm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.privacy.budget import RunBudget
from engine.privacy.counting import Columns
from engine.privacy.held_rows import HeldRows
from engine.privacy.mechanisms import MechanismCall, gaussian_charge
from engine.privacy.noise import IntArray, NoiseSource, rounded_gaussian
from engine.privacy.row_scores import RowScores

Release = Callable[[MechanismCall, Any, Callable[[], Any]], Any]
"""Takes what is asked, the exact answer and a draw of the noisy one."""


class EvaluationQueries:
    """Two mechanisms of the door, for encoded rows. `PrivateTable.evaluation` makes it.

    Args:
        held: the private rows.
        names: of the columns.
        rows_per_unit: most rows of a protected unit.
        budget: the run's envelope.
        noise: source of randomness.
        release: the door's single point of release.
    """

    def __init__(
        self,
        held: HeldRows,
        names: tuple[str, ...],
        rows_per_unit: int,
        budget: RunBudget,
        noise: NoiseSource,
        release: Release,
    ) -> None:
        self.rows_per_unit = rows_per_unit
        self._held = held
        self._names = names
        self._budget = budget
        self._source = noise
        self._release = release

    def distance_sum(
        self,
        column_sets: Sequence[Columns],
        expected_of: Callable[[Columns], IntArray],
        noise_scale: float,
        purpose: str,
    ) -> int:
        """Noisy sum, over sets of columns, of the L1 distance between their counts and expected ones.

        Args:
            column_sets: positions of columns, one tuple per set; at least one.
            expected_of: whole expected counts of a set, of the marginal's shape; from released numbers only. It is
                asked twice per set and must give the same answer.
            noise_scale: standard deviation of the Gaussian noise on the sum, in rows.
            purpose: why, in words, for the certificate.

        Returns:
            The sum in rows, which noise can make negative.

        Raises:
            BudgetExceededError: the envelope does not hold the charge.
            ValueError: there is no set, or an expected count is not whole.

        Privacy: L2 sensitivity k times the number of sets; charges μ² = (k n_sets / noise_scale)².
        """
        if not column_sets:
            raise ValueError("a sum of distances needs sets of columns")
        asked = sha256()
        for columns in column_sets:
            asked.update(_whole(expected_of(columns)).tobytes())
        sensitivity = float(self.rows_per_unit * len(column_sets))
        self._spend("noisy_distance", purpose, column_sets, sensitivity, noise_scale, sets=len(column_sets))
        exact = round(float(self._held.distances(column_sets, expected_of).sum()))
        key = (tuple(column_sets), self._held.sizes, noise_scale, asked.hexdigest())
        call = MechanismCall("noisy_distance", key, sensitivity, "l2")
        return int(self._release(call, exact, lambda: exact + self._noise((), noise_scale)))

    def scored_histogram(self, scores: RowScores, outcome: int, noise_scale: float, purpose: str) -> IntArray:
        """Noisy counts of rows by the cell that their scores give and by the cell of another column.

        Args:
            scores: public weights of cells; nothing else decides where a row falls.
            outcome: position of the other column.
            noise_scale: standard deviation of the Gaussian noise per cell, in rows.
            purpose: why, in words, for the certificate.

        Returns:
            Integer counts, shape (cells of the scores, cells of the column).

        Raises:
            BudgetExceededError: the envelope does not hold the charge.
            ValueError: the scores are made for other columns.

        Privacy: L2 sensitivity k; charges μ² = (k / noise_scale)².
        """
        if scores.sizes != self._held.sizes:
            raise ValueError("the scores belong to columns of other sizes")
        sensitivity = float(self.rows_per_unit)
        reads = [tuple(range(len(self._names)))]
        self._spend("scored_histogram", purpose, reads, sensitivity, noise_scale)
        exact = self._held.scored(scores, outcome)
        key = (scores.digest(), outcome, self._held.sizes, noise_scale)
        call = MechanismCall("scored_histogram", key, sensitivity, "l2")
        released: IntArray = self._release(call, exact, lambda: exact + self._noise(exact.shape, noise_scale))
        return released

    def _spend(
        self,
        mechanism: str,
        purpose: str,
        column_sets: Sequence[Columns],
        sensitivity: float,
        noise_scale: float,
        **parameters: float,
    ) -> None:
        columns = sorted({column for columns in column_sets for column in columns})
        reads = tuple(self._names[column] for column in columns)
        self._budget.spend(
            gaussian_charge(mechanism, purpose, reads, sensitivity, noise_scale, parameters=dict(parameters))
        )

    def _noise(self, shape: tuple[int, ...], noise_scale: float) -> IntArray:
        return rounded_gaussian(shape, noise_scale, self._source)


def _whole(counts: npt.NDArray[Any]) -> IntArray:
    """The counts, where they are whole: only then is noise that is rounded to whole rows noise on the exact sum."""
    if not np.issubdtype(counts.dtype, np.integer):
        raise ValueError("expected counts must be whole numbers")
    return np.ascontiguousarray(counts, dtype=np.int64)
