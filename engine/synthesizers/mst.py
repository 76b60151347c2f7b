"""MST: one-way marginals, a spanning tree of the strongest pairs chosen under DP, and those pairs measured.

Source: McKenna, Miklau, Sheldon, "Winning the NIST Contest: A scalable and general approach to differentially
private synthetic data" (2021), Algorithm 1. Two changes: costs add up in Gaussian DP instead of
zero-concentrated DP, which leaves less noise for the same (ε, δ); and a pair's score is reduced by the noise
that measuring it would add, as in AIM (2022, Algorithm 2), so that huge pairs are not chosen for nothing.
"""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

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

FloatArray = npt.NDArray[np.float64]

ONE_WAY_SHARE = 0.40
SELECTION_SHARE = 0.10
PAIR_SHARE = 0.50
FIT_ITERATIONS = 1000


class SpanningTreeSynthesizer(MarginalSynthesizer):
    """Noisy one-way marginals and the noisy pairs of a spanning tree chosen by the exponential mechanism."""

    @classmethod
    def parameters(cls, plan: SynthesisPlan) -> dict[str, Any]:
        """Settings that every run shares; they were chosen on public tables."""
        return {
            "one_way_share": ONE_WAY_SHARE,
            "selection_share": SELECTION_SHARE,
            "pair_share": PAIR_SHARE,
            "fit_iterations": FIT_ITERATIONS,
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

    def _fit_model(
        self, table: PrivateTable, one_ways: list[OneWay], spend: dict[str, float], progress: Progress
    ) -> None:
        model = self._coarse_model(table, one_ways)
        weights = [groups.group_weights() for groups in self.groups_]
        edges = self._choose_edges(table, weights, spend, progress)
        scale = _pair_noise_scale(table, spend, len(edges))
        for number, edge in enumerate(edges):
            progress(ProgressEvent("measuring", 0.4 + 0.2 * number / len(edges), "Measuring pairs of columns"))
            counts = table.marginal(edge, scale, "two-way marginal").astype(np.float64)
            model.add(Measurement(edge, counts, np.array(scale * scale)))
        model.start_from(weights)
        model.fit(FIT_ITERATIONS, tolerance=1e-7, stop_at_noise=False, on_iteration=_report_fit(progress))
        self.model_ = model

    def _choose_edges(
        self, table: PrivateTable, weights: list[FloatArray], spend: dict[str, float], progress: Progress
    ) -> list[Columns]:
        """A spanning tree, one exponential mechanism per edge among the pairs that join two parts."""
        n_columns = len(weights)
        if n_columns < 2:
            return []
        mu = math.sqrt(spend["selection"] / (n_columns - 1))
        epsilon = exponential_mechanism_epsilon(mu) / (1.0 + SELECTION_ROUNDING)
        scale = _pair_noise_scale(table, spend, n_columns - 1)
        penalty = math.sqrt(2.0 / math.pi) * scale
        component = list(range(n_columns))
        edges: list[Columns] = []
        while len(edges) < n_columns - 1:
            progress(ProgressEvent("measuring", 0.1 + 0.3 * len(edges) / n_columns, "Choosing pairs of columns"))
            open_pairs = [
                pair for pair in combinations(range(n_columns), 2) if component[pair[0]] != component[pair[1]]
            ]
            estimates = [np.outer(weights[i], weights[j]) / self.estimated_rows_ for i, j in open_pairs]
            penalties = [penalty * estimate.size for estimate in estimates]
            edge = open_pairs[table.select(open_pairs, estimates, penalties, epsilon, "choose a pair")]
            edges.append(edge)
            joined, kept = component[edge[1]], component[edge[0]]
            component = [kept if part == joined else part for part in component]
        return edges


def _pair_noise_scale(table: PrivateTable, spend: dict[str, float], n_edges: int) -> float:
    return table.rows_per_unit * math.sqrt(n_edges / spend["pair"]) if n_edges else 0.0


def _report_fit(progress: Progress) -> Any:
    def report(iteration: int) -> None:
        if iteration % 50 == 0:
            progress(ProgressEvent("fitting", 0.6 + 0.2 * iteration / FIT_ITERATIONS, "Fitting the tree"))

    return report
