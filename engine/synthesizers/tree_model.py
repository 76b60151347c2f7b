"""A graphical model on a tree: exact marginals, fitting to noisy measurements, and sampling.

Everything here is post-processing of released numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Clique = tuple[int, ...]
Potentials = dict[Clique, FloatArray]

_SUFFICIENT_DECREASE = 0.5
_SHRINK, _GROW = 0.5, 1.4
_MAXIMUM_HALVINGS = 40
_SMALLEST_SHARE = 1e-12


@dataclass(frozen=True)
class Measurement:
    """A noisy marginal.

    Args:
        clique: columns it counts: one, or an edge of the tree.
        counts: noisy counts, shape (size of each column).
        variance: noise variance per cell, broadcastable to `counts`.
    """

    clique: Clique
    counts: FloatArray
    variance: FloatArray


class TreeModel:
    """A distribution that is a product of potentials on the nodes and edges of a forest.

    Args:
        sizes: number of cells per column.
        edges: pairs of columns without a cycle.
        total: number of rows that the model stands for.

    Raises:
        ValueError: the edges form a cycle or name an unknown column.
    """

    def __init__(self, sizes: Sequence[int], edges: Sequence[Clique], total: float) -> None:
        self.sizes = tuple(sizes)
        self.edges = tuple(edges)
        self.total = total
        self._order = _depth_first_order(len(self.sizes), self.edges)
        self.potentials: Potentials = {
            clique: np.zeros([self.sizes[column] for column in clique])
            for clique in [*[(column,) for column in range(len(self.sizes))], *self.edges]
        }
        self.marginals_ = self._propagate(self.potentials)

    @classmethod
    def from_node_counts(cls, counts: Sequence[FloatArray], edges: Sequence[Clique], total: float) -> TreeModel:
        """A model of independent columns with the given non-negative counts, ready to be fitted further."""
        model = cls([len(column) for column in counts], edges, total)
        for column, values in enumerate(counts):
            share = values / values.sum() if values.sum() > 0 else np.full(len(values), 1.0 / len(values))
            model.potentials[(column,)] = np.log(np.maximum(share, _SMALLEST_SHARE))
        model.marginals_ = model._propagate(model.potentials)
        return model

    def fit(
        self,
        measurements: Sequence[Measurement],
        iterations: int,
        on_iteration: Callable[[int], None] = lambda iteration: None,
    ) -> TreeModel:
        """Minimise Σ ‖μ - y‖² / (2 σ²) over the model by entropic mirror descent with a line search.

        Source: McKenna, Sheldon, Miklau, "Graphical-model based estimation and inference for differential
        privacy" (2019), Algorithm 1.
        """
        step = _first_step(measurements, self.total)
        loss = _loss(self.marginals_, measurements)
        for iteration in range(iterations):
            on_iteration(iteration)
            gradient = _gradient(self.marginals_, measurements)
            before = loss
            for _ in range(_MAXIMUM_HALVINGS):
                candidate = dict(self.potentials)
                for clique, slope in gradient.items():
                    candidate[clique] = candidate[clique] - step * slope
                marginals = self._propagate(candidate)
                loss = _loss(marginals, measurements)
                decrease = sum(
                    float(np.sum(slope * (self.marginals_[clique] - marginals[clique])))
                    for clique, slope in gradient.items()
                )
                if before - loss >= _SUFFICIENT_DECREASE * decrease:
                    break
                step *= _SHRINK
            else:
                return self
            self.potentials, self.marginals_ = candidate, marginals
            step *= _GROW
            if before - loss <= 1e-7 * before:
                return self
        return self

    def sample(self, n_rows: int, rng: np.random.Generator) -> list[npt.NDArray[np.int32]]:
        """Cells of `n_rows` rows, one array of shape (n_rows,) per column.

        Each conditional distribution is met up to less than one row by randomised rounding, so sampling adds
        almost no error of its own; within a group of equal parents the order is random.
        """
        codes = [np.zeros(n_rows, dtype=np.int32) for _ in self.sizes]
        for column, parent in self._order:
            if parent is None:
                probability = self.marginals_[(column,)] / self.total
                codes[column] = spread(probability[None, :], np.zeros(n_rows, dtype=np.int32), rng)
            else:
                joint = self._joint(parent, column)
                codes[column] = spread(joint, codes[parent], rng)
        return codes

    def _joint(self, first: int, second: int) -> FloatArray:
        if (first, second) in self.marginals_:
            return self.marginals_[(first, second)]
        return self.marginals_[(second, first)].T

    def _propagate(self, potentials: Potentials) -> dict[Clique, FloatArray]:
        """Exact node and edge marginals, scaled to `total`, by two passes of belief propagation."""
        belief = [_exponential(potentials[(column,)]) for column in range(len(self.sizes))]
        factors: dict[int, FloatArray] = {}
        upward: dict[int, FloatArray] = {}
        for column, parent in reversed(self._order):
            if parent is not None:
                factors[column] = _exponential(_oriented(potentials, parent, column))
                upward[column] = _normalised(factors[column] @ belief[column])
                belief[parent] = _normalised(belief[parent] * upward[column])
        marginals: dict[Clique, FloatArray] = {}
        node: dict[int, FloatArray] = {}
        for column, parent in self._order:
            if parent is None:
                node[column] = belief[column] / belief[column].sum()
                continue
            outside = node[parent] / np.maximum(upward[column], 1e-300)
            conditional = factors[column] * belief[column][None, :]
            joint = outside[:, None] * conditional
            joint /= joint.sum()
            node[column] = joint.sum(axis=0)
            clique = (parent, column) if (parent, column) in potentials else (column, parent)
            marginals[clique] = self.total * (joint if clique == (parent, column) else joint.T)
        marginals.update({(column,): self.total * values for column, values in node.items()})
        return marginals


def _depth_first_order(n_columns: int, edges: Sequence[Clique]) -> list[tuple[int, int | None]]:
    """(column, parent) with every parent before its children."""
    neighbours: dict[int, list[int]] = {column: [] for column in range(n_columns)}
    for first, second in edges:
        if first not in neighbours or second not in neighbours or first == second:
            raise ValueError("an edge joins two different known columns")
        neighbours[first].append(second)
        neighbours[second].append(first)
    order: list[tuple[int, int | None]] = []
    seen: set[int] = set()
    for root in range(n_columns):
        stack: list[tuple[int, int | None]] = [] if root in seen else [(root, None)]
        seen.add(root)
        while stack:
            column, parent = stack.pop()
            order.append((column, parent))
            children = [child for child in neighbours[column] if child != parent]
            if seen.intersection(children):
                raise ValueError("the edges form a cycle")
            seen.update(children)
            stack.extend((child, column) for child in children)
    return order


def _oriented(potentials: Potentials, parent: int, column: int) -> FloatArray:
    if (parent, column) in potentials:
        return potentials[(parent, column)]
    return potentials[(column, parent)].T


def _exponential(potential: FloatArray) -> FloatArray:
    return np.asarray(np.exp(np.maximum(potential - potential.max(), -600.0)), dtype=np.float64)


def _normalised(values: FloatArray) -> FloatArray:
    return np.asarray(values / values.max(), dtype=np.float64)


def _first_step(measurements: Sequence[Measurement], total: float) -> float:
    return min(float(np.min(measurement.variance)) for measurement in measurements) / max(total, 1.0)


def _loss(marginals: dict[Clique, FloatArray], measurements: Sequence[Measurement]) -> float:
    return sum(
        0.5 * float(np.sum((marginals[item.clique] - item.counts) ** 2 / item.variance)) for item in measurements
    )


def _gradient(marginals: dict[Clique, FloatArray], measurements: Sequence[Measurement]) -> dict[Clique, FloatArray]:
    gradient: dict[Clique, FloatArray] = {}
    for item in measurements:
        slope = (marginals[item.clique] - item.counts) / item.variance
        gradient[item.clique] = gradient[item.clique] + slope if item.clique in gradient else slope
    return gradient


def spread(
    weights: FloatArray, groups: npt.NDArray[np.integer[Any]], rng: np.random.Generator
) -> npt.NDArray[np.int32]:
    """A cell for each row such that every group's rows follow its row of `weights` as closely as whole rows can.

    Args:
        weights: non-negative, shape (n_groups, n_cells).
        groups: group of each row, shape (n_rows,).
        rng: generator; the result reads released numbers only.
    """
    result = np.empty(len(groups), dtype=np.int32)
    order = np.argsort(groups, kind="stable")
    sizes = np.bincount(groups, minlength=len(weights))
    start = 0
    for group in np.flatnonzero(sizes):
        size = int(sizes[group])
        counts = _randomised_rounding(weights[group], size, rng)
        cells = np.repeat(np.arange(weights.shape[1], dtype=np.int32), counts)
        result[order[start : start + size]] = rng.permutation(cells)
        start += size
    return result


def _randomised_rounding(weights: FloatArray, size: int, rng: np.random.Generator) -> IntArray:
    """Whole counts that sum to `size`, each within one of its expectation and right on average.

    Source: systematic sampling, Madow (1949).
    """
    mass = float(weights.sum())
    share = weights / mass if mass > 0.0 else np.full(len(weights), 1.0 / len(weights))
    borders = np.floor(np.cumsum(share) * size + rng.random())
    borders[-1] = size
    borders = np.minimum(borders, size)
    return np.diff(borders, prepend=0.0).astype(np.int64)
