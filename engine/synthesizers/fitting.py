"""Learning potentials from noisy marginals by entropic mirror descent with a line search."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.synthesizers.arrays import Array, Arrays
from engine.synthesizers.propagation import Propagation

_SUFFICIENT_DECREASE = 0.5
_SHRINK, _GROW = 0.5, 1.3
_MAXIMUM_HALVINGS = 30


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

    Args:
        propagation: marginals of potentials.
        arrays: where it computes.
        counts: noisy counts y, flat, in the order of the propagation's marginals.
        precisions: 1 / σ², of the same shape.
        total: number of rows that the model stands for.
        step: first step to try; 0 for a careful one.

    Source: McKenna, Sheldon, Miklau (2019), Algorithm 1.
    """

    def __init__(
        self, propagation: Propagation, arrays: Arrays, counts: Array, precisions: Array, total: float, step: float
    ) -> None:
        self._propagation = propagation
        self._arrays = arrays
        self._counts = counts
        self._precisions = precisions
        self._total = total
        self.step = step or 1.0 / (float(precisions.max()) * max(total, 1.0))
        self._evaluate()

    def run(self, rule: StoppingRule, on_iteration: Callable[[int], None]) -> None:
        """Improve the propagation's potentials from where they stand; its beliefs follow."""
        for iteration in range(rule.iterations):
            if self._loss <= rule.floor:
                break
            on_iteration(iteration)
            before = self._loss
            if not self._descend() or before - self._loss <= rule.tolerance * before:
                break

    def _evaluate(self) -> None:
        """Marginals, weighted residuals and loss at the propagation's potentials."""
        self._marginals = self._propagation.run() * self._total
        residuals = self._marginals - self._counts
        self._slopes = residuals * self._precisions
        self._loss = 0.5 * self._arrays.dot(self._slopes, residuals)

    def _descend(self) -> bool:
        """One step; false, and nothing changed, where no step is small enough to help."""
        marginals, slopes, loss = self._marginals, self._slopes, self._loss
        start = self._arrays.copy(self._propagation.potentials)
        for _ in range(_MAXIMUM_HALVINGS):
            self._arrays.add_into(start, -self.step * slopes, self._propagation.potentials)
            self._evaluate()
            promised = self._arrays.dot(slopes, marginals - self._marginals)
            if loss - self._loss >= _SUFFICIENT_DECREASE * promised:
                self.step *= _GROW
                return True
            self.step *= _SHRINK
        self._arrays.copy_into(start, self._propagation.potentials)
        self._evaluate()
        return False
