"""A graphical model on a growing junction tree: fitting to noisy marginals, all pairs at once, and sampling.

Everything here is post-processing of released numbers. Arithmetic is in float64; each clique's table is rescaled
by its largest entry, so products neither overflow nor vanish.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.synthesizers.junction_tree import JunctionTree
from engine.synthesizers.rounding import spread

FloatArray = npt.NDArray[np.float64]
Columns = tuple[int, ...]

_SUFFICIENT_DECREASE = 0.5
_SHRINK, _GROW = 0.5, 1.3
_MAXIMUM_HALVINGS = 30
_SMALLEST = 1e-300
_SMALLEST_SHARE = 1e-12


@dataclass(frozen=True)
class Measurement:
    """A noisy marginal.

    Args:
        columns: positions of the columns it counts, increasing: one or two.
        counts: noisy counts, shape (size of each column).
        variance: noise variance per cell, broadcastable to `counts`.
    """

    columns: Columns
    counts: FloatArray
    variance: FloatArray


class GraphicalModel:
    """Potentials on measured sets of columns, beliefs on the cliques of a junction tree.

    Args:
        sizes: number of cells per column.
        total: number of rows that the model stands for.
    """

    def __init__(self, sizes: Sequence[int], total: float) -> None:
        self.sizes = tuple(sizes)
        self.total = total
        self.tree = JunctionTree(sizes)
        self._potentials: dict[Columns, FloatArray] = {}
        self._measurements: dict[Columns, Measurement] = {}
        self._step = 0.0
        self._lay_out()

    def add(self, measurement: Measurement) -> None:
        """Take in a noisy marginal; repeated ones of the same columns are pooled by precision."""
        columns = measurement.columns
        if columns in self._measurements:
            measurement = _pool(self._measurements[columns], measurement)
        else:
            self._potentials[columns] = np.zeros([self.sizes[column] for column in columns])
        self._measurements[columns] = measurement
        if len(columns) == 2:
            self.tree.cover(*columns)
        self._lay_out()

    def start_from(self, counts: Sequence[FloatArray]) -> None:
        """Begin at independent columns with the given non-negative counts; every column must have been measured."""
        for column, values in enumerate(counts):
            share = values / values.sum() if values.sum() > 0 else np.full(len(values), 1.0 / len(values))
            self._potentials[(column,)] = np.log(np.maximum(share, _SMALLEST_SHARE))
        self._beliefs = self._propagate(self._potentials)

    def fit(
        self,
        iterations: int,
        *,
        tolerance: float,
        stop_at_noise: bool,
        on_iteration: Callable[[int], None] = lambda iteration: None,
    ) -> None:
        """Minimise Σ ‖μ - y‖² / (2 σ²) by entropic mirror descent with a line search, from where it stands.

        Args:
            iterations: most steps.
            tolerance: relative decrease of the loss below which it stops.
            stop_at_noise: also stop where the loss is what noise alone would leave.
            on_iteration: called before each step.

        Source: McKenna, Sheldon, Miklau (2019), Algorithm 1.
        """
        beliefs = self._propagate(self._potentials)
        marginals = self._measured(beliefs)
        loss = self._loss(marginals)
        floor = 0.5 * sum(item.counts.size for item in self._measurements.values()) if stop_at_noise else 0.0
        self._step = self._step or self._first_step()
        for iteration in range(iterations):
            if loss <= floor:
                break
            on_iteration(iteration)
            stepped = self._descend(marginals, loss)
            if stepped is None:
                break
            before, (beliefs, marginals, loss) = loss, stepped
            if before - loss <= tolerance * before:
                break
        self._beliefs = beliefs

    def marginal(self, columns: Columns) -> FloatArray:
        """The model's counts of a measured set of columns."""
        return self._measured(self._beliefs)[columns]

    def pairs(self) -> dict[Columns, FloatArray]:
        """The model's counts of every pair of columns, exact, keyed by increasing positions."""
        found: dict[Columns, FloatArray] = {}
        conditionals: dict[tuple[int, int, Columns], FloatArray] = {}
        for column in range(len(self.sizes)):
            self._pairs_of(column, found, conditionals)
        return found

    def sample(self, n_rows: int, rng: np.random.Generator) -> list[npt.NDArray[np.int32]]:
        """Cells of `n_rows` rows, one array of shape (n_rows,) per column, by randomised rounding per separator."""
        codes = [np.zeros(n_rows, dtype=np.int32) for _ in self.sizes]
        for identifier, parent in self._order:
            columns = self._columns[identifier]
            known = self.tree.separator(identifier, parent) if parent is not None else frozenset()
            given = tuple(column for column in columns if column in known)
            fresh = tuple(column for column in columns if column not in known)
            table = _arrange(self._beliefs[identifier], columns, (*given, *fresh))
            table = table.reshape(math.prod(self.sizes[column] for column in given), -1)
            groups = np.zeros(n_rows, dtype=np.int64)
            for column in given:
                groups = groups * self.sizes[column] + codes[column]
            cells = spread(table, groups, rng)
            for column in reversed(fresh):
                codes[column] = (cells % self.sizes[column]).astype(np.int32)
                cells = cells // self.sizes[column]
        return codes

    def _descend(
        self, marginals: dict[Columns, FloatArray], loss: float
    ) -> tuple[dict[int, FloatArray], dict[Columns, FloatArray], float] | None:
        slopes = {
            columns: (marginals[columns] - item.counts) / item.variance for columns, item in self._measurements.items()
        }
        for _ in range(_MAXIMUM_HALVINGS):
            candidate = {columns: self._potentials[columns] - self._step * slope for columns, slope in slopes.items()}
            beliefs = self._propagate(candidate)
            moved = self._measured(beliefs)
            new_loss = self._loss(moved)
            promised = sum(
                float(np.sum(slope * (marginals[columns] - moved[columns]))) for columns, slope in slopes.items()
            )
            if loss - new_loss >= _SUFFICIENT_DECREASE * promised:
                self._potentials = candidate
                self._step *= _GROW
                return beliefs, moved, new_loss
            self._step *= _SHRINK
        return None

    def _lay_out(self) -> None:
        """Fix the order of cliques, the axes of separators, and the clique of each measured set."""
        self._order = self.tree.order()
        self._columns = {identifier: tuple(sorted(clique)) for identifier, clique in self.tree.cliques.items()}
        self._shapes = {
            identifier: tuple(self.sizes[column] for column in columns) for identifier, columns in self._columns.items()
        }
        self._home = {columns: self._smallest_clique(columns) for columns in self._potentials}
        self._beliefs = self._propagate(self._potentials)

    def _smallest_clique(self, columns: Columns) -> int:
        wanted = set(columns)
        holders = [identifier for identifier, clique in self.tree.cliques.items() if wanted <= clique]
        return min(holders, key=lambda identifier: self.tree.size(self.tree.cliques[identifier]))

    def _propagate(self, potentials: dict[Columns, FloatArray]) -> dict[int, FloatArray]:
        """Clique beliefs, each summing to one, by one pass up and one pass down the forest."""
        logs = {identifier: np.zeros(shape) for identifier, shape in self._shapes.items()}
        for columns, potential in potentials.items():
            home = self._home[columns]
            logs[home] = logs[home] + _broadcast(potential, columns, self._columns[home])
        beliefs = {identifier: np.exp(np.maximum(log - log.max(), -600.0)) for identifier, log in logs.items()}
        upward: dict[int, FloatArray] = {}
        for identifier, parent in reversed(self._order):
            if parent is not None:
                separator = tuple(sorted(self.tree.separator(identifier, parent)))
                message = _marginalise(beliefs[identifier], self._columns[identifier], separator)
                message = message / max(float(message.max()), _SMALLEST)
                upward[identifier] = message
                beliefs[parent] = beliefs[parent] * _broadcast(message, separator, self._columns[parent])
                beliefs[parent] /= max(float(beliefs[parent].max()), _SMALLEST)
        for identifier, parent in self._order:
            if parent is not None:
                separator = tuple(sorted(self.tree.separator(identifier, parent)))
                message = _marginalise(beliefs[parent], self._columns[parent], separator)
                message = message / np.maximum(upward[identifier], _SMALLEST)
                beliefs[identifier] = beliefs[identifier] * _broadcast(message, separator, self._columns[identifier])
            beliefs[identifier] = beliefs[identifier] / max(float(beliefs[identifier].sum()), _SMALLEST)
        return beliefs

    def _measured(self, beliefs: dict[int, FloatArray]) -> dict[Columns, FloatArray]:
        return {
            columns: self.total * _marginalise(beliefs[home], self._columns[home], columns)
            for columns, home in self._home.items()
        }

    def _loss(self, marginals: dict[Columns, FloatArray]) -> float:
        return sum(
            0.5 * float(np.sum((marginals[columns] - item.counts) ** 2 / item.variance))
            for columns, item in self._measurements.items()
        )

    def _first_step(self) -> float:
        return min(float(np.min(item.variance)) for item in self._measurements.values()) / max(self.total, 1.0)

    def _pairs_of(
        self,
        column: int,
        found: dict[Columns, FloatArray],
        conditionals: dict[tuple[int, int, Columns], FloatArray],
    ) -> None:
        """Carry the joint of one column and a separator along the forest, and read its pairs on the way."""
        holders = [identifier for identifier, clique in self.tree.cliques.items() if column in clique]
        alone = _marginalise(self._beliefs[holders[0]], self._columns[holders[0]], (column,))
        stack: list[tuple[int, int, FloatArray]] = []
        for identifier in holders:
            columns = self._columns[identifier]
            for other in columns:
                if other > column:
                    found[(column, other)] = self.total * _marginalise(
                        self._beliefs[identifier], columns, (column, other)
                    )
            for neighbour in self.tree.neighbours[identifier]:
                if column not in self.tree.cliques[neighbour]:
                    separator = tuple(sorted(self.tree.separator(identifier, neighbour)))
                    joint = _arrange(
                        _marginalise(self._beliefs[identifier], columns, tuple(sorted((column, *separator)))),
                        tuple(sorted((column, *separator))),
                        (column, *separator),
                    )
                    stack.append((neighbour, identifier, joint.reshape(self.sizes[column], -1)))
        while stack:
            identifier, origin, joint = stack.pop()
            self._read_pairs(column, identifier, origin, joint, found, conditionals)
            for neighbour in self.tree.neighbours[identifier]:
                if neighbour != origin:
                    target = tuple(sorted(self.tree.separator(identifier, neighbour)))
                    carried = self._carry(identifier, origin, target, joint, conditionals)
                    stack.append((neighbour, identifier, carried))
        for other in range(column + 1, len(self.sizes)):
            if (column, other) not in found:
                found[(column, other)] = self.total * np.outer(alone, self._one_way(other))

    def _one_way(self, column: int) -> FloatArray:
        home = self._smallest_clique((column,))
        return _marginalise(self._beliefs[home], self._columns[home], (column,))

    def _read_pairs(
        self,
        column: int,
        identifier: int,
        origin: int,
        joint: FloatArray,
        found: dict[Columns, FloatArray],
        conditionals: dict[tuple[int, int, Columns], FloatArray],
    ) -> None:
        separator = self.tree.separator(identifier, origin)
        for other in self._columns[identifier]:
            if other > column and other not in separator and (column, other) not in found:
                conditional = self._conditional(identifier, origin, (other,), conditionals)
                found[(column, other)] = self.total * (joint @ conditional)

    def _carry(
        self,
        identifier: int,
        origin: int,
        target: Columns,
        joint: FloatArray,
        conditionals: dict[tuple[int, int, Columns], FloatArray],
    ) -> FloatArray:
        """P(column, target) from P(column, separator), shape (size, cells of target)."""
        separator = tuple(sorted(self.tree.separator(identifier, origin)))
        kept = tuple(column for column in target if column in separator)
        fresh = tuple(column for column in target if column not in separator)
        conditional = self._conditional(identifier, origin, fresh, conditionals)
        shape = tuple(self.sizes[column] for column in separator)
        product = joint[:, :, None] * conditional[None, :, :]
        table = product.reshape(joint.shape[0], *shape, *(self.sizes[column] for column in fresh))
        drop = tuple(1 + axis for axis, column in enumerate(separator) if column not in kept)
        table = table.sum(axis=drop)
        now = (*kept, *fresh)
        axes = [0, *(1 + now.index(column) for column in target)]
        return np.transpose(table, axes).reshape(joint.shape[0], -1)

    def _conditional(
        self, identifier: int, origin: int, fresh: Columns, conditionals: dict[tuple[int, int, Columns], FloatArray]
    ) -> FloatArray:
        """P(fresh | separator), shape (cells of separator, cells of fresh)."""
        key = (identifier, origin, fresh)
        if key not in conditionals:
            separator = tuple(sorted(self.tree.separator(identifier, origin)))
            union = tuple(sorted((*separator, *fresh)))
            table = _marginalise(self._beliefs[identifier], self._columns[identifier], union)
            table = _arrange(table, union, (*separator, *fresh)).reshape(self.tree.size(separator), -1)
            conditionals[key] = table / np.maximum(table.sum(axis=1, keepdims=True), _SMALLEST)
        return conditionals[key]


def _pool(first: Measurement, second: Measurement) -> Measurement:
    precision = 1.0 / first.variance + 1.0 / second.variance
    counts = (first.counts / first.variance + second.counts / second.variance) / precision
    return Measurement(first.columns, counts, 1.0 / precision)


def _broadcast(table: FloatArray, columns: Columns, into: Columns) -> FloatArray:
    """A table over some sorted columns, shaped to multiply one over more of them."""
    sizes = dict(zip(columns, table.shape, strict=True))
    return table.reshape([sizes.get(column, 1) for column in into])


def _marginalise(table: FloatArray, columns: Columns, keep: Columns) -> FloatArray:
    """Sum a table over sorted columns down to some of them."""
    drop = tuple(axis for axis, column in enumerate(columns) if column not in keep)
    return np.asarray(table.sum(axis=drop), dtype=np.float64) if drop else table


def _arrange(table: FloatArray, columns: Columns, order: Columns) -> FloatArray:
    """The same table with its axes in another order."""
    return np.transpose(table, [columns.index(column) for column in order])
