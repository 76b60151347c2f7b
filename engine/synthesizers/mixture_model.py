"""What a trained generator leaves behind: finitely many latent points, each a product of columns, all alike likely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from engine.synthesizers.graphical_model import Measurement
from engine.synthesizers.product_mixture import ProductMixture
from engine.synthesizers.raking import raked
from engine.synthesizers.rounding import Codes
from engine.synthesizers.structural_zeros import BoolArray
from engine.synthesizers.tables import Columns, FloatArray

CANDIDATES = 3
"""Rows that are drawn for each one that is kept."""

MARGINAL_SEED = 0
"""Marginals are means over all points, so nothing is drawn for them."""


class MixtureModel:
    """A finite mixture of products with the interface of a graphical model; it reads released numbers only.

    Args:
        probabilities: per column, the cells' probabilities at each latent point, shape (n_points, size).
        shares: noisy share of each cell, by column; rows without conditions are chosen to have them.
        total: number of rows that the model stands for.
        allowed: public rules on sets of columns.
        measurements: what the model was fitted to.
    """

    def __init__(
        self,
        probabilities: Sequence[FloatArray],
        shares: Sequence[FloatArray],
        total: float,
        allowed: Mapping[Columns, BoolArray],
        measurements: Sequence[Measurement] = (),
    ) -> None:
        self.probabilities = list(probabilities)
        self.shares = list(shares)
        self.sizes = tuple(part.shape[1] for part in probabilities)
        self.total = total
        self.measurements = tuple(measurements)
        self._n_points = len(self.probabilities[0])
        self._mixture = ProductMixture(self._points, self.sizes, allowed)

    def sample(
        self, n_rows: int, rng: np.random.Generator, given: Mapping[int, BoolArray] | None = None
    ) -> list[Codes]:
        """Cells of rows, one array per column.

        Without conditions, several times as many rows are drawn, and those kept whose columns have the noisy shares.

        Raises:
            PlanError: no row of the model meets the conditions and the rules.
        """
        if given:
            return self._mixture.sample(n_rows, rng, given)
        candidates = self._mixture.sample(CANDIDATES * n_rows, rng)
        return raked(candidates, {(column,): share for column, share in enumerate(self.shares)}, rng, n_rows)

    def marginal(self, columns: Columns) -> FloatArray:
        """The model's counts of some columns, shape (size of each column)."""
        rng = np.random.default_rng(MARGINAL_SEED)
        return self.total * self._mixture.marginal(columns, rng, self._n_points)

    def _points(self, n_draws: int, rng: np.random.Generator) -> list[FloatArray]:
        """Latent points in random order, each as often as any other but for one."""
        chosen = rng.permutation(np.arange(n_draws) % self._n_points if n_draws >= self._n_points else self._n_points)
        return [part[chosen[:n_draws]] for part in self.probabilities]
