"""AIM: one-way marginals, then again and again the pair that the model explains worst, measured and learned.

Source: McKenna, Mullins, Sheldon, Miklau, "AIM: An Adaptive and Iterative Mechanism for Differentially Private
Synthetic Data" (2022), Algorithms 2 to 4, with the workload of all pairs of columns. Changes: costs add up in
Gaussian DP, also where noise scales follow from earlier outputs (Smith and Thakurta 2022); pairs are chosen in small
batches between fits; and the junction tree grows by the cheapest way instead of being rebuilt each round.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from engine.privacy.gaussian_dp import exponential_mechanism_epsilon, exponential_mechanism_mu
from engine.privacy.plan import SynthesisPlan
from engine.privacy.private_table import SELECTION_ROUNDING, PrivateTable
from engine.progress import Progress, ProgressEvent
from engine.synthesizers.base import BudgetShare
from engine.synthesizers.graphical_model import Columns, GraphicalModel, Measurement
from engine.synthesizers.junction_tree import JunctionTree
from engine.synthesizers.marginal_synthesizer import MarginalSynthesizer
from engine.synthesizers.marginals import OneWay

FloatArray = npt.NDArray[np.float64]

ONE_WAY_SHARE = 0.30
SELECTION_SHARE = 0.10
ROUNDS_PER_COLUMN = 4
LARGEST_BATCH = 3
MAXIMUM_CELLS = 2**17
FIRST_ITERATIONS, ROUND_ITERATIONS, LAST_ITERATIONS = 600, 60, 800


@dataclass
class _Allowance:
    """Noise of the next round, in units of one row per unit: scale of counts and ε of the selection."""

    scale: float
    epsilon: float

    @classmethod
    def of(cls, mu_squared: float) -> _Allowance:
        """What one measurement and its selection cost together."""
        selection = exponential_mechanism_epsilon(math.sqrt(SELECTION_SHARE * mu_squared))
        return cls(1.0 / math.sqrt((1.0 - SELECTION_SHARE) * mu_squared), selection / (1.0 + SELECTION_ROUNDING))

    @property
    def mu_squared(self) -> float:
        """Cost of one measurement and its selection."""
        charged = self.epsilon * (1.0 + SELECTION_ROUNDING)
        return float(self.scale**-2.0 + exponential_mechanism_mu(charged) ** 2.0)


class AimSynthesizer(MarginalSynthesizer):
    """Adaptive choice and measurement of pairs of columns, explained by a graphical model."""

    minimum_columns: ClassVar[int] = 2
    maximum_columns: ClassVar[int | None] = 100

    @classmethod
    def parameters(cls, plan: SynthesisPlan) -> dict[str, Any]:
        """Settings that every run shares; they were chosen on public tables."""
        return {
            "one_way_share": ONE_WAY_SHARE,
            "selection_share": SELECTION_SHARE,
            "rounds_per_column": ROUNDS_PER_COLUMN,
            "maximum_cells": MAXIMUM_CELLS,
            "workload": "all pairs of columns, equally weighted",
        }

    @classmethod
    def _model_split(cls, n_columns: int) -> tuple[BudgetShare, ...]:
        rest = 1.0 - ONE_WAY_SHARE
        rounds = ROUNDS_PER_COLUMN * n_columns
        return (
            BudgetShare("one_way", "One-way marginals", ONE_WAY_SHARE, n_columns),
            BudgetShare("selection", "Choosing the pairs", rest * SELECTION_SHARE, rounds),
            BudgetShare("pair", "Pairs, until the budget is used", rest * (1.0 - SELECTION_SHARE), rounds),
        )

    def _fit_model(
        self, table: PrivateTable, one_ways: list[OneWay], spend: dict[str, float], progress: Progress
    ) -> None:
        model = self._coarse_model(table, one_ways)
        model.fit(FIRST_ITERATIONS, tolerance=1e-6, stop_at_noise=False)
        self._measure_pairs(table, model, spend["selection"] + spend["pair"], progress)
        progress(ProgressEvent("fitting", 0.75, "Fitting the model once more"))
        model.fit(LAST_ITERATIONS, tolerance=1e-6, stop_at_noise=False)
        self.model_ = model

    def _measure_pairs(self, table: PrivateTable, model: GraphicalModel, envelope: float, progress: Progress) -> None:
        n_columns = len(table.sizes)
        left = envelope

        def scale_of(allowance: _Allowance) -> float:
            return allowance.scale * table.rows_per_unit

        allowance = _Allowance.of(envelope / (ROUNDS_PER_COLUMN * n_columns))
        largest_batch = min(LARGEST_BATCH, max(1, n_columns // 3))
        last = False
        while not last:
            batch = largest_batch
            if left < 2.0 * batch * allowance.mu_squared:
                batch, last, allowance = 1, True, _Allowance.of(left)
            left -= batch * allowance.mu_squared
            progress(ProgressEvent("measuring", 0.1 + 0.6 * (1.0 - left / envelope), "Measuring pairs of columns"))
            before = model.pairs()
            chosen: list[Columns] = []
            for _ in range(batch):
                most_cells = MAXIMUM_CELLS * (1.0 - left / envelope)
                candidates = _candidates(model.tree, n_columns, most_cells, chosen)
                pair = _choose(table, candidates, before, scale_of(allowance), allowance.epsilon)
                counts = table.marginal(pair, scale_of(allowance), "two-way marginal").astype(np.float64)
                model.add(Measurement(pair, counts, np.array(scale_of(allowance) ** 2.0)))
                chosen.append(pair)
            model.fit(ROUND_ITERATIONS, tolerance=1e-5, stop_at_noise=True)
            if all(_moved_less_than_noise(model, before, pair, scale_of(allowance)) for pair in chosen):
                allowance = _Allowance(allowance.scale / 2.0, allowance.epsilon * 2.0)


def _candidates(tree: JunctionTree, n_columns: int, most_cells: float, chosen: list[Columns]) -> list[Columns]:
    """Pairs that the model may still take in; at least the cheapest one."""
    pairs: list[Columns] = [pair for pair in combinations(range(n_columns), 2) if pair not in chosen]
    if not pairs:
        pairs = chosen
    fitting = [pair for pair in pairs if tree.covers(pair) or tree.plan(pair).cells <= most_cells]
    return fitting or [min(pairs, key=lambda pair: tree.plan(pair).cells)]


def _choose(
    table: PrivateTable, candidates: list[Columns], expected: dict[Columns, FloatArray], scale: float, epsilon: float
) -> Columns:
    """The pair that the model explains worst, less what noise of this scale would add."""
    noise = math.sqrt(2.0 / math.pi) * scale
    estimates = [expected[pair] for pair in candidates]
    penalties = [noise * estimate.size for estimate in estimates]
    return candidates[table.select(candidates, estimates, penalties, epsilon, "choose a pair")]


def _moved_less_than_noise(
    model: GraphicalModel, before: dict[Columns, FloatArray], pair: Columns, scale: float
) -> bool:
    """Whether learning a pair changed the model less than noise alone would: then noise is too coarse."""
    change = float(np.abs(model.marginal(pair) - before[pair]).sum())
    return change <= math.sqrt(2.0 / math.pi) * scale * before[pair].size
