"""AIM: one-way marginals, then again and again the set of columns that the model explains worst, measured and learned.

Source: McKenna, Mullins, Sheldon, Miklau, "AIM: An Adaptive and Iterative Mechanism for Differentially Private
Synthetic Data" (2022), Algorithms 2 to 4, with the workload of all pairs and triples of columns. Changes: costs add up
in Gaussian DP, also where noise scales follow from earlier outputs (Smith and Thakurta 2022); sets are chosen in small
batches between fits; and the junction tree grows by the cheapest way instead of being rebuilt each round.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
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
from engine.synthesizers.cells import most_groups
from engine.synthesizers.graphical_model import Columns, GraphicalModel, Measurement
from engine.synthesizers.marginal_synthesizer import MarginalSynthesizer
from engine.synthesizers.marginals import OneWay, drop_spurious, measure_one_ways
from engine.synthesizers.uncertainty import NOISE_MEAN, SelectionRecord, candidate_bounds, error_entry
from engine.synthesizers.workload import EMPHASIS, Workload

FloatArray = npt.NDArray[np.float64]

ONE_WAY_SHARE = 0.40
SELECTION_SHARE = 0.10
MEASUREMENTS_PER_COLUMN = 4
FEWEST_PER_COLUMN = 0.5
TYPICAL_NOISE = 0.3
SCARCE, LARGEST_REPEATED_SHARE = 2.0, 0.7
LARGEST_BATCH = 3
MAXIMUM_CELLS = 2**19
FIRST_ITERATIONS, ROUND_ITERATIONS, LAST_ITERATIONS = 60, 12, 80


@dataclass(frozen=True)
class _Allowance:
    """Noise of the next measurement, in units of one row per unit: scale of counts and ε of the selection."""

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

    def finer(self) -> _Allowance:
        """Half the noise, where the present one hides what is left to learn."""
        return _Allowance(self.scale / 2.0, self.epsilon * 2.0)


@dataclass
class _Search:
    """Where the loop stands: released numbers only."""

    model: GraphicalModel
    workload: Workload
    allowance: _Allowance
    envelope: float
    left: float
    round_number: int = 0
    is_last: bool = False
    last_choice: SelectionRecord | None = None

    def next_batch(self, largest: int) -> int:
        """How many sets the next round measures; the last one spends all that is left on one."""
        self.round_number += 1
        batch = largest
        if self.left < 2.0 * batch * self.allowance.mu_squared:
            batch, self.is_last, self.allowance = 1, True, _Allowance.of(self.left)
        self.left -= batch * self.allowance.mu_squared
        return batch

    @property
    def used(self) -> float:
        """Share of the envelope that is spent, this round included."""
        return 1.0 - self.left / self.envelope


class AimSynthesizer(MarginalSynthesizer):
    """Adaptive choice and measurement of sets of columns, explained by a graphical model."""

    minimum_columns: ClassVar[int] = 2
    maximum_columns: ClassVar[int | None] = 100
    largest_measured: ClassVar[int] = 3
    last_choice_: SelectionRecord | None = None

    @classmethod
    def parameters(cls, plan: SynthesisPlan) -> dict[str, Any]:
        """Settings that every run shares; they were chosen on public and simulated tables."""
        return {
            "one_way_share": ONE_WAY_SHARE,
            "selection_share": SELECTION_SHARE,
            "measurements_per_column": MEASUREMENTS_PER_COLUMN,
            "fewest_measurements_per_column": FEWEST_PER_COLUMN,
            "typical_noise": TYPICAL_NOISE,
            "scarce_measurements_per_column": SCARCE,
            "largest_repeated_share": LARGEST_REPEATED_SHARE,
            "maximum_cells": MAXIMUM_CELLS,
            "workload": "all pairs and triples of columns",
            "emphasised": sorted({*plan.important, *([plan.target] if plan.target is not None else [])}),
            "emphasis": EMPHASIS,
        }

    @classmethod
    def _model_split(cls, n_columns: int) -> tuple[BudgetShare, ...]:
        rest = 1.0 - ONE_WAY_SHARE
        measurements = MEASUREMENTS_PER_COLUMN * n_columns
        return (
            BudgetShare("one_way", "One-way marginals", ONE_WAY_SHARE, n_columns),
            BudgetShare("selection", "Choosing what to measure", rest * SELECTION_SHARE, measurements),
            BudgetShare(
                "pair", "Pairs and triples, until the budget is used", rest * (1.0 - SELECTION_SHARE), measurements
            ),
        )

    @classmethod
    def expected_sets(cls, sizes: Sequence[float], rows: float, mu_squared: float) -> tuple[float, float]:
        """Sets that a run measures at first, and the part of its μ² for sets that it spends on them.

        A set that is measured later, with less noise, takes the place of several.

        Args:
            sizes: groups of cells of every column, about.
            rows: number of rows, about.
            mu_squared: what sets and their choice may cost, for one row per unit.
        """
        spent = 1.0 - _repeated_share(rows, len(sizes), mu_squared)
        return _measurements(sizes, rows, spent * mu_squared), spent

    def _fit_model(
        self, table: PrivateTable, one_ways: list[OneWay], spend: dict[str, float], progress: Progress
    ) -> None:
        envelope = spend["selection"] + spend["pair"]
        one_ways, envelope = self._repeated_where_pairs_drown(table, one_ways, envelope)
        planned = _Allowance.of(envelope / (MEASUREMENTS_PER_COLUMN * len(one_ways)))
        model = self._coarse_model(table, one_ways, planned.scale * table.rows_per_unit)
        model.fit(FIRST_ITERATIONS, tolerance=1e-6, stop_at_noise=False)
        planned_sets = _measurements(model.sizes, model.total, envelope / table.rows_per_unit**2)
        first = _Allowance.of(envelope / planned_sets)
        search = _Search(model, Workload.of(self.plan_, table.sizes), first, envelope, envelope)
        while not search.is_last:
            self._round(table, search, progress)
        progress(ProgressEvent("fitting", 0.75, "Fitting the model once more"))
        model.fit(LAST_ITERATIONS, tolerance=1e-6, stop_at_noise=False)
        self.model_ = model
        self.last_choice_ = search.last_choice

    def _repeated_where_pairs_drown(
        self, table: PrivateTable, one_ways: list[OneWay], envelope: float
    ) -> tuple[list[OneWay], float]:
        """Count the columns once more where rows are too few for pairs; returns what is left for those, too.

        How much is spent on it follows from the noisy number of rows: the more, the fewer sets of columns could be
        told from noise.
        """
        share = _repeated_share(self.estimated_rows_, len(one_ways), envelope / table.rows_per_unit**2.0)
        if share <= 0.0:
            return one_ways, envelope
        again = measure_one_ways(table, share * envelope)
        self.one_ways_ = [first.pooled(second) for first, second in zip(self.one_ways_, again, strict=True)]
        return drop_spurious(self.domain_, self.one_ways_), (1.0 - share) * envelope

    def _round(self, table: PrivateTable, search: _Search, progress: Progress) -> None:
        """Choose and measure a batch against one state of the model, then learn it."""
        n_columns = len(table.sizes)
        batch = search.next_batch(min(LARGEST_BATCH, max(1, n_columns // 3)))
        scale = search.allowance.scale * table.rows_per_unit
        candidates, expected = self._expected(search, scale)
        chosen: list[Columns] = []
        for _ in range(batch):
            open_candidates = self._still_fitting(search, candidates, chosen)
            record = self._choose_and_measure(table, search, open_candidates, expected, scale)
            columns = record.candidates[record.chosen]
            search.model.add(Measurement(columns, record.counts, np.array(scale**2.0)))
            search.last_choice = record
            chosen.append(columns)
        names = [" × ".join(self.domain_.names[column] for column in columns) for columns in chosen]
        progress(
            ProgressEvent(
                "measuring",
                0.1 + 0.6 * search.used,
                f"Round {search.round_number}, {search.used:.0%} of the budget: measured {', '.join(names)}",
            )
        )
        search.model.fit(ROUND_ITERATIONS, tolerance=1e-5, stop_at_noise=True)
        if all(_moved_less_than_noise(search.model, expected[columns], columns, scale) for columns in chosen):
            search.allowance = search.allowance.finer()

    def _expected(self, search: _Search, scale: float) -> tuple[list[Columns], dict[Columns, FloatArray]]:
        """The round's candidates and the model's counts of them."""
        candidates = search.workload.candidates(
            search.model.tree, scale, self.estimated_rows_, MAXIMUM_CELLS * search.used, search.round_number
        )
        expected = search.model.pairs()
        expected.update(search.model.counts([columns for columns in candidates if len(columns) > 2]))
        return candidates, expected

    @staticmethod
    def _still_fitting(search: _Search, candidates: list[Columns], chosen: list[Columns]) -> list[Columns]:
        """Candidates that were not chosen in this round and that the grown tree still takes in."""
        if not chosen:
            return candidates
        most = MAXIMUM_CELLS * search.used
        rest = [columns for columns in candidates if columns not in chosen]
        return [columns for columns in rest if search.model.tree.plan(columns).cells <= most] or rest or candidates

    def _choose_and_measure(
        self,
        table: PrivateTable,
        search: _Search,
        candidates: list[Columns],
        expected: dict[Columns, FloatArray],
        scale: float,
    ) -> SelectionRecord:
        """The candidate that the model explains worst, less what noise of this scale would add, and its counts."""
        penalties = [NOISE_MEAN * scale * expected[columns].size for columns in candidates]
        weights = [search.workload.weight(columns) for columns in candidates]
        estimates = [expected[columns] for columns in candidates]
        epsilon = search.allowance.epsilon
        index = table.select(candidates, estimates, penalties, epsilon, "choose what to measure", weights)
        purpose = f"{'two' if len(candidates[index]) == 2 else 'three'}-way marginal"
        counts = table.marginal(candidates[index], scale, purpose).astype(np.float64)
        sensitivity = table.rows_per_unit * max(weights)
        return SelectionRecord(candidates, penalties, weights, sensitivity, epsilon, index, counts, scale, expected)

    def pair_bounds(self) -> dict[Columns, float]:
        """Bounds on the L1 distance of the pairs that were candidates of the last choice, in rows; all hold at once."""
        if self.last_choice_ is None:
            return {}
        bounds = candidate_bounds(self.last_choice_, self.model_.marginal)
        return {columns: bound for columns, bound in bounds.items() if len(columns) == 2}

    def uncertainty_report(self) -> list[dict[str, Any]]:
        """Bounds for measured sets, and for the pairs that were candidates of the last choice."""
        measured = super().uncertainty_report()
        known = {tuple(entry["columns"]) for entry in measured}
        names = self.domain_.names
        unmeasured = [
            error_entry([names[column] for column in columns], bound, self.model_.total, measured=False)
            for columns, bound in self.pair_bounds().items()
            if tuple(names[column] for column in columns) not in known
        ]
        return measured + unmeasured


def _repeated_share(total: float, n_columns: int, mu_squared: float) -> float:
    """Part of what sets of columns may cost that single columns get, once more, where rows are too few for sets.

    Args:
        total: number of rows, noisy or stated.
        n_columns: number of columns.
        mu_squared: what there is to spend, for one row per unit.
    """
    planned = _Allowance.of(mu_squared / (MEASUREMENTS_PER_COLUMN * n_columns)).scale
    useful = _useful_measurements(total, most_groups(total, planned) ** 2.0, mu_squared)
    return min(max(1.0 - useful / (SCARCE * n_columns), 0.0), LARGEST_REPEATED_SHARE)


def _measurements(sizes: Sequence[float], total: float, mu_squared: float) -> float:
    """How many sets to plan for: as many as leave a typical pair's noise below a share of the rows.

    Args:
        sizes: groups of cells of every column.
        total: number of rows, noisy or stated.
        mu_squared: what there is to spend, for one row per unit.
    """
    n_columns = len(sizes)
    cells = float(np.median([first * second for first, second in combinations(sizes, 2)]))
    useful = _useful_measurements(total, cells, mu_squared)
    return float(np.clip(useful, FEWEST_PER_COLUMN * n_columns, MEASUREMENTS_PER_COLUMN * n_columns))


def _useful_measurements(total: float, cells: float, mu_squared: float) -> float:
    """How many sets of so many cells can be measured with noise of at most a share of the rows each.

    Args:
        total: noisy number of rows.
        cells: cells of a set.
        mu_squared: what there is to spend, for one row per unit.
    """
    scale = TYPICAL_NOISE * total / (NOISE_MEAN * cells)
    return float((1.0 - SELECTION_SHARE) * mu_squared * scale**2.0)


def _moved_less_than_noise(model: GraphicalModel, before: FloatArray, columns: Columns, scale: float) -> bool:
    """Whether learning a set changed the model less than noise alone would: then noise is too coarse."""
    change = float(np.abs(model.marginal(columns) - before).sum())
    return change <= NOISE_MEAN * scale * before.size
