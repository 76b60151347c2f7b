"""Independent columns: the simplest method, and the yardstick for every other one."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.privacy.plan import SynthesisPlan
from engine.privacy.private_table import PrivateTable
from engine.progress import Progress, ProgressEvent
from engine.synthesizers.base import BudgetShare
from engine.synthesizers.cells import keep_all
from engine.synthesizers.graphical_model import GraphicalModel, Measurement
from engine.synthesizers.marginal_synthesizer import MarginalSynthesizer
from engine.synthesizers.marginals import OneWay


class IndependentSynthesizer(MarginalSynthesizer):
    """Noisy one-way marginals; columns are drawn independently of one another."""

    @classmethod
    def parameters(cls, plan: SynthesisPlan) -> dict[str, Any]:
        """The method has no settings."""
        return {}

    @classmethod
    def _model_split(cls, n_columns: int) -> tuple[BudgetShare, ...]:
        return (BudgetShare("one_way", "One-way marginals", 1.0, n_columns),)

    def _fit_model(
        self, table: PrivateTable, one_ways: list[OneWay], spend: dict[str, float], progress: Progress
    ) -> None:
        progress(ProgressEvent("fitting", 0.8, "Fitting the columns"))
        self.groups_ = tuple(keep_all(one_way, self.estimated_rows_) for one_way in one_ways)
        model = GraphicalModel(table.sizes, self.estimated_rows_)
        model.add_many(
            Measurement((column,), one_way.counts, np.array(one_way.variance))
            for column, one_way in enumerate(one_ways)
        )
        model.start_from([groups.weights for groups in self.groups_])
        self.model_ = model
