"""A graphical model on a growing junction tree: fitting to noisy marginals, exact counts, and sampling.

Everything here is post-processing of released numbers, in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.synthesizers.arrays import Arrays, arrays_for
from engine.synthesizers.fitting import MirrorDescent, StoppingRule
from engine.synthesizers.junction_tree import LARGEST_SET, JunctionTree
from engine.synthesizers.propagation import Propagation
from engine.synthesizers.querying import Joints
from engine.synthesizers.rounding import Codes
from engine.synthesizers.sampling import Sampler
from engine.synthesizers.structural_zeros import BoolArray, check_evidence, check_masks, supports
from engine.synthesizers.tables import Columns, FloatArray, Table, canonical

__all__ = ["Columns", "GraphicalModel", "Measurement"]

_SMALLEST_SHARE = 1e-12


@dataclass(frozen=True)
class Measurement:
    """A noisy marginal.

    Args:
        columns: positions of the columns it counts, increasing: one to three.
        counts: noisy counts, shape (size of each column).
        variance: noise variance per cell, broadcastable to `counts`.
    """

    columns: Columns
    counts: FloatArray
    variance: FloatArray

    def __post_init__(self) -> None:
        if not 1 <= len(self.columns) <= LARGEST_SET or list(self.columns) != sorted(set(self.columns)):
            raise ValueError(f"a measurement needs one to {LARGEST_SET} columns in increasing order: {self.columns}")
        if self.counts.ndim != len(self.columns):
            raise ValueError(f"counts of {len(self.columns)} columns need as many axes, not {self.counts.ndim}")


class GraphicalModel:
    """Potentials on measured sets of columns, beliefs on the cliques of a junction tree.

    Args:
        sizes: number of cells per column.
        total: number of rows that the model stands for.
        allowed: public rules on sets of one to three columns (increasing): boolean arrays of their sizes, false where
            a combination cannot occur. Such a combination has no mass at any time and is never drawn.
        device: where fitting computes: `cpu`, `cuda`, or `auto` for what suits the model's size.

    Raises:
        PlanError: the rules leave no row.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        total: float,
        allowed: Mapping[Columns, BoolArray] | None = None,
        device: str = "auto",
    ) -> None:
        self.sizes = tuple(sizes)
        self.total = total
        self.tree = JunctionTree(sizes)
        self._device = device
        self._allowed = dict(allowed or {})
        check_masks(self._allowed, self.sizes)
        for columns in self._allowed:
            self.tree.cover(columns)
        supports(self.tree, self.sizes, self._allowed)  # raises where no row is left
        self._potentials: dict[Columns, FloatArray] = {}
        self._measurements: dict[Columns, Measurement] = {}
        self._step = 0.0
        self._beliefs: dict[int, Table] | None = None
        self._joints: Joints | None = None

    @classmethod
    def of_beliefs(
        cls, sizes: Sequence[int], total: float, tree: JunctionTree, beliefs: Mapping[int, Table]
    ) -> GraphicalModel:
        """A model that was fitted before: it answers and is sampled, and knows no measurements to be fitted to again.

        Args:
            sizes: number of cells per column.
            total: number of rows that the model stands for.
            tree: its junction tree.
            beliefs: calibrated table of each clique, summing to one.

        Raises:
            ValueError: the tables do not fit the cliques.
        """
        for identifier, clique in tree.cliques.items():
            belief = beliefs[identifier]
            shape = tuple(sizes[column] for column in belief.columns)
            if frozenset(belief.columns) != clique or belief.values.shape != shape:
                raise ValueError(f"the table of clique {identifier} does not fit its columns")
        model = cls(sizes, total)
        model.tree, model._beliefs = tree, dict(beliefs)
        return model

    @property
    def beliefs(self) -> dict[int, Table]:
        """Calibrated table of each clique of the tree, summing to one."""
        return dict(self._calibrated())

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        """What was taken in, repeated ones pooled."""
        return tuple(self._measurements.values())

    def add(self, measurement: Measurement) -> None:
        """Take in a noisy marginal; repeated ones of the same columns are pooled by precision."""
        self.add_many([measurement])

    def add_many(self, measurements: Iterable[Measurement]) -> None:
        """Take in noisy marginals, in order."""
        for measurement in measurements:
            columns = measurement.columns
            shape = tuple(self.sizes[column] for column in columns)
            if measurement.counts.shape != shape:
                raise ValueError(f"counts of the columns {columns} need shape {shape}, not {measurement.counts.shape}")
            if columns in self._measurements:
                measurement = _pool(self._measurements[columns], measurement)
            else:
                self._potentials[columns] = np.zeros(shape)
                self.tree.cover(columns)
            self._measurements[columns] = measurement
        self._forget()

    def start_from(self, counts: Sequence[FloatArray]) -> None:
        """Begin at independent columns with the given non-negative counts; every column must have been measured."""
        for column, values in enumerate(counts):
            share = values / values.sum() if values.sum() > 0 else np.full(len(values), 1.0 / len(values))
            self._potentials[(column,)] = np.log(np.maximum(share, _SMALLEST_SHARE))
        self._forget()

    def fit(
        self,
        iterations: int,
        *,
        tolerance: float,
        stop_at_noise: bool,
        on_iteration: Callable[[int], None] = lambda iteration: None,
    ) -> None:
        """Minimise Σ ‖μ - y‖² / (2 σ²) from where the model stands.

        Args:
            iterations: most steps.
            tolerance: relative decrease of the loss below which it stops.
            stop_at_noise: also stop where the loss is what noise alone would leave.
            on_iteration: called before each step.
        """
        if not self._measurements:
            return
        self._forget()
        arrays = arrays_for(self._device, self.tree.cells)
        propagation = self._propagation(arrays)
        items = [(self._measurements[_increasing(columns)], columns) for columns in propagation.places]
        counts = [Table(item.columns, item.counts).arranged(columns).values.ravel() for item, columns in items]
        precisions = [
            Table(item.columns, 1.0 / np.broadcast_to(item.variance, item.counts.shape))
            .arranged(columns)
            .values.ravel()
            for item, columns in items
        ]
        descent = MirrorDescent(
            propagation,
            arrays,
            arrays.put(np.concatenate(counts)),
            arrays.put(np.concatenate(precisions)),
            self.total,
            self._step,
        )
        floor = 0.5 * sum(len(values) for values in counts) if stop_at_noise else 0.0
        descent.run(StoppingRule(iterations, tolerance, floor), on_iteration)
        self._step = descent.step
        found = arrays.take(propagation.potentials)
        for columns, place in propagation.places.items():
            values = found[place].reshape([self.sizes[column] for column in columns])
            self._potentials[_increasing(columns)] = Table(columns, values).arranged(_increasing(columns)).values
        self._beliefs, self._joints = propagation.beliefs(), None

    def marginal(self, columns: Columns) -> FloatArray:
        """The model's counts of one to three columns."""
        return self.total * self._queries().of(columns)

    def counts(self, sets: Iterable[Columns]) -> dict[Columns, FloatArray]:
        """The model's exact counts of any sets of one to three columns, keyed by increasing positions."""
        queries = self._queries()
        return {key: self.total * queries.of(key) for key in (_increasing(columns) for columns in sets)}

    def pairs(self) -> dict[Columns, FloatArray]:
        """The model's counts of every pair of columns, exact, keyed by increasing positions."""
        n_columns = len(self.sizes)
        return self.counts((first, second) for first in range(n_columns) for second in range(first + 1, n_columns))

    def sample(
        self, n_rows: int, rng: np.random.Generator, given: Mapping[int, BoolArray] | None = None
    ) -> list[Codes]:
        """Cells of `n_rows` rows, one array of shape (n_rows,) per column, by randomised rounding per separator.

        Args:
            n_rows: number of rows.
            rng: generator; the result reads released numbers only.
            given: allowed cells of some columns, boolean of shape (size,): every row meets them all, and rows follow
                the model's distribution under that condition.

        Raises:
            PlanError: no row of the model meets the conditions.
        """
        return self._sampler(given or {}).draw(n_rows, rng)

    def probability(self, given: Mapping[int, BoolArray]) -> float:
        """The model's share of rows that meet conditions on columns, as in `sample`."""
        return math.exp(self._sampler(given).log_probability)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_joints": None}

    def _sampler(self, given: Mapping[int, BoolArray]) -> Sampler:
        check_evidence(given, self.sizes)
        return Sampler(self.tree, self.sizes, self._calibrated(), given)

    def _queries(self) -> Joints:
        if self._joints is None:
            self._joints = Joints(self.tree, self._calibrated())
        return self._joints

    def _calibrated(self) -> dict[int, Table]:
        if self._beliefs is None:
            propagation = self._propagation(arrays_for(self._device, self.tree.cells))
            propagation.run()
            self._beliefs = propagation.beliefs()
        return self._beliefs

    def _propagation(self, arrays: Arrays) -> Propagation:
        measured = [canonical(columns, self.sizes) for columns in self._potentials]
        zeros = supports(self.tree, self.sizes, self._allowed)
        propagation = Propagation(self.tree, self.sizes, measured, zeros, arrays)
        flat = [
            Table(_increasing(columns), self._potentials[_increasing(columns)]).arranged(columns).values.ravel()
            for columns in measured
        ]
        if flat:
            arrays.copy_into(arrays.put(np.concatenate(flat)), propagation.potentials)
        return propagation

    def _forget(self) -> None:
        """What was computed from the tree and the potentials is out of date."""
        self._beliefs = None
        self._joints = None


def _pool(first: Measurement, second: Measurement) -> Measurement:
    precision = 1.0 / first.variance + 1.0 / second.variance
    counts = (first.counts / first.variance + second.counts / second.variance) / precision
    return Measurement(first.columns, counts, 1.0 / precision)


def _increasing(columns: Iterable[int]) -> Columns:
    return tuple(sorted(columns))
