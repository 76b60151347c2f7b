"""The frame of the marginal methods: learn domains, measure, fit a model, and turn cells into rows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.data.encode import TableDomain
from engine.privacy.plan import SynthesisPlan
from engine.privacy.private_table import PrivateTable
from engine.progress import Progress, ProgressEvent
from engine.synthesizers.base import BudgetShare, Synthesizer
from engine.synthesizers.cells import CellGroups, keep_all, merge_cells
from engine.synthesizers.graphical_model import Columns, GraphicalModel, Measurement
from engine.synthesizers.marginals import (
    OneWay,
    drop_spurious,
    estimate_total,
    learn_domain,
    learning_queries,
    learning_share,
    measure_one_ways,
)
from engine.synthesizers.released import ReleasedCounts
from engine.synthesizers.rounding import Codes
from engine.synthesizers.rule_cells import BoolArray, allowed_cells, condition_of, keep_order
from engine.synthesizers.uncertainty import MeasuredError, error_entry, measured_bound

FloatArray = npt.NDArray[np.float64]


class RowModel(Protocol):
    """A distribution of rows in cells that stands for a number of private ones."""

    @property
    def total(self) -> float:
        """The number of rows that it stands for."""
        ...

    @property
    def measurements(self) -> Sequence[Measurement]:
        """Noisy marginals that it was fitted to."""
        ...

    def marginal(self, columns: Columns) -> FloatArray:
        """Its counts of one to three columns."""
        ...

    def sample(
        self, n_rows: int, rng: np.random.Generator, given: Mapping[int, BoolArray] | None = None
    ) -> list[Codes]:
        """Cells of rows, one array per column, that lie in the given cells of some columns."""
        ...


class MarginalSynthesizer(Synthesizer):
    """Noisy one-way marginals, then whatever the subclass measures, then a model that explains both."""

    draws_units: ClassVar[bool] = False
    """Whether samples of whole units are drawn after the table is encoded."""

    largest_measured: ClassVar[int] = 1
    """Columns that are counted together at most."""

    plan_: SynthesisPlan
    domain_: TableDomain
    one_ways_: list[OneWay]
    model_: RowModel
    groups_: tuple[CellGroups, ...]
    released_: ReleasedCounts | None = None
    """Noisy counts as they were released; None of a restored model whose file did not hold them."""

    @classmethod
    def budget_split(cls, plan: SynthesisPlan) -> tuple[BudgetShare, ...]:
        """How a run divides its μ²; it reads no rows."""
        learning = learning_share(plan)
        parts = cls._model_split(len(plan.synthesized_names()))
        total = sum(part.share for part in parts)
        scaled = tuple(
            BudgetShare(part.name, part.title, part.share / total * (1.0 - learning), part.n_queries) for part in parts
        )
        if not learning:
            return scaled
        return (BudgetShare("domain", "Learning domains", learning, learning_queries(plan)), *scaled)

    @classmethod
    @abstractmethod
    def _model_split(cls, n_columns: int) -> tuple[BudgetShare, ...]:
        """Parts after domain learning, in relative weights; the first is named `one_way`."""

    @classmethod
    def restored(
        cls,
        plan: SynthesisPlan,
        domain: TableDomain,
        groups: tuple[CellGroups, ...],
        model: RowModel,
        estimated_rows: float,
        released: ReleasedCounts | None,
    ) -> MarginalSynthesizer:
        """A synthesizer that was fitted before, from released numbers alone."""
        made = cls()
        made._fitted = True
        made.released_ = released
        made.plan_, made.domain_, made.groups_, made.model_ = plan, domain, groups, model
        made.estimated_rows_ = estimated_rows
        return made

    @classmethod
    def expected_sets(cls, sizes: Sequence[float], rows: float, mu_squared: float) -> tuple[float, float]:
        """Sets of columns that a run measures, about, and the part of their μ² that it spends on them: none here."""
        return 0.0, 0.0

    def _fit(self, table: PrivateTable, plan: SynthesisPlan, rng: np.random.Generator, progress: Progress) -> None:
        self.plan_ = plan
        progress(ProgressEvent("measuring", 0.05, "Measuring each column"))
        learning = learning_share(plan) * table.budget.left_mu_squared
        self.domain_ = learn_domain(table, plan, learning, keep_units=self.draws_units)
        spend = self._spend_after_learning(table, plan)
        self.one_ways_ = measure_one_ways(table, spend["one_way"])
        self.estimated_rows_ = estimate_total(self.one_ways_)
        self._fit_model(table, drop_spurious(self.domain_, self.one_ways_), spend, progress)
        self.released_ = ReleasedCounts.of(self.one_ways_, self.model_.measurements)

    @classmethod
    def _spend_after_learning(cls, table: PrivateTable, plan: SynthesisPlan) -> dict[str, float]:
        """μ² of each later part: all that is left in their proportions, with what learning did not need."""
        parts = [part for part in cls.budget_split(plan) if part.name != "domain"]
        whole = sum(part.share for part in parts)
        return {part.name: part.share / whole * table.budget.left_mu_squared for part in parts}

    @abstractmethod
    def _fit_model(
        self, table: PrivateTable, one_ways: list[OneWay], spend: dict[str, float], progress: Progress
    ) -> None:
        """Set `model_` and `groups_` from the noisy one-way marginals and further measurements."""

    def _coarse_model(self, table: PrivateTable, one_ways: list[OneWay], pair_scale: float) -> GraphicalModel:
        """Merge cells, in the table too, and begin a model with the one-way marginals of what is left.

        Columns under a rule keep their cells, so that the rule can hold in every row.

        Args:
            table: the private rows.
            one_ways: noisy counts of every column.
            pair_scale: standard deviation of the noise on pairs that are measured later, in rows.
        """
        allowed = allowed_cells(self.domain_, self.plan_.schema.rules)
        ruled = {column for columns in allowed for column in columns}
        self.groups_ = tuple(
            keep_all(one_way, self.estimated_rows_)
            if number in ruled
            else merge_cells(column, one_way, self.estimated_rows_, pair_scale)
            for number, (column, one_way) in enumerate(zip(self.domain_.columns, one_ways, strict=True))
        )
        for column, groups in enumerate(self.groups_):
            table.merge_cells(column, groups.group_of)
        return self._begun_model(table.sizes, one_ways, allowed)

    def _begun_model(
        self, sizes: Sequence[int], one_ways: list[OneWay], allowed: Mapping[Columns, BoolArray]
    ) -> GraphicalModel:
        model = GraphicalModel(sizes, self.estimated_rows_, allowed, self.device)
        merged = [groups.merge(one_way) for groups, one_way in zip(self.groups_, one_ways, strict=True)]
        model.add_many(Measurement((column,), *counts) for column, counts in enumerate(merged))
        return model

    def _sample(self, n_rows: int, rng: np.random.Generator, given: Mapping[str, Any]) -> pd.DataFrame:
        condition = condition_of(given, self.domain_, self.plan_.schema.rules)
        groups_given = {
            column: np.bincount(self.groups_[column].group_of, weights=cells) > 0
            for column, cells in condition.cells.items()
        }
        coarse = self.model_.sample(n_rows, rng, groups_given)
        codes = [groups.refine(cells, rng) for groups, cells in zip(self.groups_, coarse, strict=True)]
        for column, cell in condition.fixed.items():
            codes[column][:] = cell
        table = self.domain_.decode(codes, rng)
        for name, value in given.items():
            table[name] = pd.Series([value] * n_rows, dtype=table[name].dtype)
        return keep_order(table, codes, self.domain_, self.plan_.schema.rules, rng, frozenset(given))

    def uncertainty_report(self) -> list[dict[str, Any]]:
        """Per measured set of columns, a bound on the model's distance from the private counts, on merged cells."""
        return [self._measured_entry(item) for item in self.model_.measurements]

    def measured_errors(self) -> list[MeasuredError]:
        """Per measured set of columns, how far its noisy counts lie from the model's, on merged cells."""
        errors = []
        for item in self.model_.measurements:
            counts, variance = self._released(item)
            errors.append(MeasuredError.of(item.columns, counts, self.model_.marginal(item.columns), variance))
        return errors

    def pair_bounds(self) -> dict[Columns, float]:
        """Bounds on the L1 distance of pairs that were candidates of a choice, in rows; all hold at once."""
        return {}

    def _measured_entry(self, item: Measurement) -> dict[str, Any]:
        counts, variance = self._released(item)
        return error_entry(
            [self.domain_.names[column] for column in item.columns],
            measured_bound(counts, self.model_.marginal(item.columns), variance),
            self.model_.total,
            measured=True,
            cells=counts.size,
            noise_scale=round(float(np.sqrt(np.min(variance))), 3),
        )

    def _released(self, item: Measurement) -> tuple[FloatArray, FloatArray]:
        """Counts and variances as they were released, before empty stretches were cleared."""
        if len(item.columns) > 1:
            return item.counts, item.variance
        column = item.columns[0]
        return self.groups_[column].merge(self.one_ways_[column])

    def domain_report(self) -> list[dict[str, Any]]:
        """Per modelled column: its cells and what happens outside them."""
        return [
            {
                "name": column.name,
                "domain": column.describe(),
                "cells": column.size,
                "outside_rule": column.outside_rule(),
            }
            for column in self.domain_.columns
        ]
