"""The frame of the methods without a privacy guarantee: they read the rows as they are, and say so.

They exist to be compared with inside the organisation that holds the rows. Their only way to the rows is
`PrivateTable.unprotected_rows`, which is refused to every run that promises a guarantee.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from engine.errors import PlanError
from engine.privacy.plan import SynthesisPlan
from engine.privacy.private_table import PrivateTable
from engine.progress import Progress, ProgressEvent
from engine.synthesizers.base import BudgetShare, Synthesizer
from engine.synthesizers.marginals import modelled_fields
from engine.synthesizers.plain_columns import PlainColumn, PlainTable, decode_columns, learn_columns
from engine.synthesizers.row_rules import keep_rules

PURPOSE = "fit the model on the rows as they are"


class PlainSynthesizer(Synthesizer):
    """Learns from unprotected rows. The number of rows it states is exact, and nothing of it has an ε."""

    plan_: SynthesisPlan
    columns_: tuple[PlainColumn, ...]

    @classmethod
    def budget_split(cls, plan: SynthesisPlan) -> tuple[BudgetShare, ...]:
        """Nothing: the method has no privacy loss to divide."""
        return ()

    @classmethod
    def multiplications(cls, width: int, n_rows: int) -> float:
        """About how many multiplications of weights with values a training needs; none where nothing is trained.

        Args:
            width: number of places of a row as networks see it.
            n_rows: number of rows.
        """
        return 0.0

    @classmethod
    def weights(cls, width: int) -> float:
        """About how many weights its networks have; none where nothing is trained."""
        return 0.0

    def _fit(self, table: PrivateTable, plan: SynthesisPlan, rng: np.random.Generator, progress: Progress) -> None:
        self.plan_ = plan
        progress(ProgressEvent("measuring", 0.05, "Reading the rows, without protection"))
        rows = table.unprotected_rows(PURPOSE)
        if rows.empty:
            raise PlanError("the table holds no rows to learn from")
        self.estimated_rows_ = float(len(rows))
        self.columns_, features = learn_columns(modelled_fields(plan), rows, rng)
        self._is_constant = not features.sizes and not features.numbers.size
        if not self._is_constant:
            self._learn(features, rng, progress)

    @abstractmethod
    def _learn(self, table: PlainTable, rng: np.random.Generator, progress: Progress) -> None:
        """Fit the model; `progress` may raise to stop the work."""

    @abstractmethod
    def _draw(self, n_rows: int, rng: np.random.Generator) -> PlainTable:
        """Rows from the model, in the terms of the rows that it learned from."""

    def _sample(self, n_rows: int, rng: np.random.Generator, given: Mapping[str, Any]) -> pd.DataFrame:
        if given:
            raise PlanError(f"the method {self.plan_.method!r} draws no rows with fixed values")

        def draw(count: int) -> pd.DataFrame:
            nothing = PlainTable(np.zeros((count, 0), dtype=np.int64), (), np.zeros((count, 0)))
            return decode_columns(self.columns_, nothing if self._is_constant else self._draw(count, rng))

        return keep_rules(draw, n_rows, self.plan_.schema, rng)

    def domain_report(self) -> list[dict[str, Any]]:
        """Per modelled column: that its values were taken from the rows."""
        return [
            {
                "name": column.field.name,
                "domain": "taken from the rows, without protection",
                "cells": None,
                "outside_rule": None,
            }
            for column in self.columns_
        ]
