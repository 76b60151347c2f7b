"""MST: one-way marginals, a spanning tree of the strongest pairs chosen under DP, and those pairs measured.

Source: McKenna, Miklau, Sheldon, "Winning the NIST Contest: A scalable and general approach to differentially
private synthetic data" (2021), Algorithm 1. Two changes: costs add up in Gaussian DP instead of
zero-concentrated DP, which leaves less noise for the same (ε, δ); and a pair's score is reduced by the noise
that measuring it would add, as in AIM (2022, Algorithm 2), so that huge pairs are not chosen for nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from engine.privacy.gaussian_dp import exponential_mechanism_epsilon
from engine.privacy.plan import SynthesisPlan
from engine.privacy.private_table import SELECTION_ROUNDING, PrivateTable
from engine.progress import Progress, ProgressEvent
from engine.synthesizers.base import BudgetShare
from engine.synthesizers.graphical_model import Columns, Measurement
from engine.synthesizers.marginal_synthesizer import MarginalSynthesizer
from engine.synthesizers.marginals import OneWay
from engine.synthesizers.uncertainty import NOISE_MEAN

FloatArray = npt.NDArray[np.float64]

ONE_WAY_SHARE = 0.40
SELECTION_SHARE = 0.10
PAIR_SHARE = 0.50
MOST_ITERATIONS, FEWEST_ITERATIONS = 1000, 200
COLUMN_ITERATIONS = 100_000
"""Steps of the fit times columns, about: wide tables take fewer steps, which leave them well below the noise."""


class SpanningTreeSynthesizer(MarginalSynthesizer):
    """Noisy one-way marginals and the noisy pairs of a spanning tree chosen by the exponential mechanism."""

    largest_measured: ClassVar[int] = 2

    @classmethod
    def parameters(cls, plan: SynthesisPlan) -> dict[str, Any]:
        """Settings that every run shares; they were chosen on public tables."""
        return {
            "one_way_share": ONE_WAY_SHARE,
            "selection_share": SELECTION_SHARE,
            "pair_share": PAIR_SHARE,
            "fit_iterations": _iterations(len(plan.synthesized_names())),
        }

    @classmethod
    def _model_split(cls, n_columns: int) -> tuple[BudgetShare, ...]:
        one_way = BudgetShare("one_way", "One-way marginals", ONE_WAY_SHARE, n_columns)
        if n_columns < 2:
            return (one_way,)
        edges = n_columns - 1
        return (
            one_way,
            BudgetShare("selection", "Choosing the pairs", SELECTION_SHARE, edges),
            BudgetShare("pair", "Pairs of the tree", PAIR_SHARE, edges),
        )

    @classmethod
    def expected_sets(cls, sizes: Sequence[float], rows: float, mu_squared: float) -> tuple[float, float]:
        """The edges of a tree, which take all that pairs may cost."""
        return max(len(sizes) - 1.0, 0.0), 1.0

    def _fit_model(
        self, table: PrivateTable, one_ways: list[OneWay], spend: dict[str, float], progress: Progress
    ) -> None:
        scale = _pair_noise_scale(table, spend, len(one_ways) - 1)
        model = self._coarse_model(table, one_ways, scale)
        weights = [groups.group_weights() for groups in self.groups_]
        edges = self._choose_edges(table, weights, spend, progress)
        measurements = []
        for number, edge in enumerate(edges):
            progress(ProgressEvent("measuring", 0.4 + 0.2 * number / len(edges), "Measuring pairs of columns"))
            counts = table.marginal(edge, scale, "two-way marginal").astype(np.float64)
            measurements.append(Measurement(edge, counts, np.array(scale * scale)))
        model.add_many(measurements)
        model.start_from(weights)
        iterations = _iterations(len(weights))
        model.fit(iterations, tolerance=1e-7, stop_at_noise=False, on_iteration=_report_fit(progress, iterations))
        self.model_ = model

    def _choose_edges(
        self, table: PrivateTable, weights: list[FloatArray], spend: dict[str, float], progress: Progress
    ) -> list[Columns]:
        """A spanning tree: as many exponential mechanisms as edges, each among the pairs that join two parts."""
        n_columns = len(weights)
        if n_columns < 2:
            return []
        progress(ProgressEvent("measuring", 0.1, "Choosing pairs of columns"))
        mu = math.sqrt(spend["selection"] / (n_columns - 1))
        epsilon = exponential_mechanism_epsilon(mu) / (1.0 + SELECTION_ROUNDING)
        penalty = NOISE_MEAN * _pair_noise_scale(table, spend, n_columns - 1)
        pairs: list[Columns] = list(combinations(range(n_columns), 2))
        forest = _Forest(pairs)
        chosen = table.select_many(
            pairs,
            lambda pair: np.outer(weights[pair[0]], weights[pair[1]]) / self.estimated_rows_,
            [penalty * weights[first].size * weights[second].size for first, second in pairs],
            epsilon,
            n_columns - 1,
            "choose the pairs",
            eligible=forest.joins_two_trees,
        )
        return [pairs[index] for index in chosen]


class _Forest:
    """Tells whether a pair joins two trees of those that the picked pairs make."""

    def __init__(self, pairs: list[Columns]) -> None:
        self._pairs = pairs
        self._n_joined = 0
        self._parent: dict[int, int] = {}

    def joins_two_trees(self, index: int, picked: Sequence[int]) -> bool:
        """Whether a pair's columns lie in different trees; a pair that does not join two never will again."""
        for pick in picked[self._n_joined :]:
            first, second = self._pairs[pick]
            self._parent[self._root(first)] = self._root(second)
        self._n_joined = len(picked)
        first, second = self._pairs[index]
        return self._root(first) != self._root(second)

    def _root(self, column: int) -> int:
        while (parent := self._parent.get(column, column)) != column:
            self._parent[column] = column = self._parent.get(parent, parent)
        return column


def _pair_noise_scale(table: PrivateTable, spend: dict[str, float], n_edges: int) -> float:
    return table.rows_per_unit * math.sqrt(n_edges / spend["pair"]) if n_edges else 0.0


def _iterations(n_columns: int) -> int:
    return min(MOST_ITERATIONS, max(FEWEST_ITERATIONS, COLUMN_ITERATIONS // max(n_columns, 1)))


def _report_fit(progress: Progress, iterations: int) -> Callable[[int], None]:
    def report(iteration: int) -> None:
        if iteration % 50 == 0:
            progress(ProgressEvent("fitting", 0.6 + 0.2 * iteration / iterations, "Fitting the tree"))

    return report
