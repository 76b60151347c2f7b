"""Learning potentials from noisy marginals: mirror descent with a line search, extrapolated from its last steps."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.synthesizers.arrays import Array, Arrays
from engine.synthesizers.propagation import Propagation

_SUFFICIENT_DECREASE = 0.5
_SHRINK, _GROW, _GROW_AT_FIRST = 0.5, 1.3, 2.0
_MAXIMUM_HALVINGS = 30
_REMEMBERED = 5
_RIDGE = 1e-10


@dataclass(frozen=True)
class StoppingRule:
    """When to stop.

    Args:
        iterations: most steps.
        tolerance: relative decrease of the loss below which it stops.
        floor: loss at which it stops.
    """

    iterations: int
    tolerance: float
    floor: float


class MirrorDescent:
    """Minimises Σ (μ - y)² / (2 σ²) over the potentials of a model.

    A step of entropic mirror descent moves potentials against the slope of the loss in the marginals. Such steps are
    many where cells differ much in size, so each is first tried with Anderson's extrapolation from the last few, and
    taken plainly, by a line search, where that does not lower the loss.

    Args:
        propagation: marginals of potentials.
        arrays: where it computes.
        counts: noisy counts y, flat, in the order of the propagation's marginals.
        precisions: 1 / σ², of the same shape.
        total: number of rows that the model stands for.
        step: first step to try; 0 for a careful one.

    Source: McKenna, Sheldon, Miklau (2019), Algorithm 1; Walker and Ni, "Anderson Acceleration for Fixed-Point
    Iterations" (2011), the unconstrained form (2.2).
    """

    def __init__(
        self, propagation: Propagation, arrays: Arrays, counts: Array, precisions: Array, total: float, step: float
    ) -> None:
        self._propagation = propagation
        self._arrays = arrays
        self._counts = counts
        self._precisions = precisions
        self._total = total
        self._grow = _GROW if step else _GROW_AT_FIRST
        self._moves: deque[tuple[Array, Array]] = deque(maxlen=_REMEMBERED)
        self.step = step or 1.0 / (float(precisions.max()) * max(total, 1.0))
        self._evaluate()

    def run(self, rule: StoppingRule, on_iteration: Callable[[int], None]) -> None:
        """Improve the propagation's potentials from where they stand; its beliefs follow."""
        for iteration in range(rule.iterations):
            if self._loss <= rule.floor:
                break
            on_iteration(iteration)
            before = self._loss
            enough = before * (1.0 - rule.tolerance)
            if not self._extrapolate(enough) and (not self._descend() or self._loss >= enough):
                break
        self._propagation.run()  # a rejected move may have been the last to use its buffers

    def _evaluate(self) -> None:
        """Marginals, weighted residuals and loss at the propagation's potentials."""
        self._marginals = self._propagation.run() * self._total
        residuals = self._marginals - self._counts
        self._slopes = residuals * self._precisions
        self._loss = 0.5 * self._arrays.dot(self._slopes, residuals)

    def _extrapolate(self, enough: float) -> bool:
        """Anderson's step from the last moves; false, and nothing changed, where the loss stays above `enough`."""
        if len(self._moves) < 2:
            return False
        gram = np.array([[self._arrays.dot(one, other) for _, other in self._moves] for _, one in self._moves])
        right = np.array([self._arrays.dot(one, self._slopes) for _, one in self._moves])
        gram += (_RIDGE * np.trace(gram) + np.finfo(np.float64).tiny) * np.eye(len(gram))
        target = self._propagation.potentials - self.step * self._slopes
        for weight, (potentials, slopes) in zip(np.linalg.solve(gram, right), self._moves, strict=True):
            target -= float(weight) * (potentials - self.step * slopes)
        return self._move(target, lambda: self._loss < enough)

    def _descend(self) -> bool:
        """One plain step; false, and nothing changed, where no step is small enough to help."""
        marginals, slopes, loss = self._marginals, self._slopes, self._loss

        def decreased() -> bool:
            promised = self._arrays.dot(slopes, marginals - self._marginals)
            return loss - self._loss >= _SUFFICIENT_DECREASE * promised

        for _ in range(_MAXIMUM_HALVINGS):
            if self._move(self._propagation.potentials - self.step * slopes, decreased):
                self.step *= self._grow
                return True
            self._grow = _GROW
            self.step *= _SHRINK
        return False

    def _move(self, target: Array, is_good: Callable[[], bool]) -> bool:
        """Take potentials where the loss falls and they are good; otherwise forget the past and stay."""
        start = self._arrays.copy(self._propagation.potentials)
        before = (self._marginals, self._slopes, self._loss)
        self._arrays.copy_into(target, self._propagation.potentials)
        self._propagation.limit()
        self._evaluate()
        if self._loss < before[2] and is_good():
            self._moves.append((self._propagation.potentials - start, self._slopes - before[1]))
            return True
        self._moves.clear()
        self._arrays.copy_into(start, self._propagation.potentials)
        self._marginals, self._slopes, self._loss = before
        return False
