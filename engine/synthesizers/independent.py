"""Independent columns: the simplest method, and the yardstick for every other one."""

from __future__ import annotations

from typing import Any

from engine.privacy.plan import SynthesisPlan
from engine.privacy.private_table import PrivateTable
from engine.progress import Progress, ProgressEvent
from engine.synthesizers.base import BudgetShare
from engine.synthesizers.cells import keep_all
from engine.synthesizers.marginal_synthesizer import MarginalSynthesizer
from engine.synthesizers.marginals import OneWay
from engine.synthesizers.rule_cells import allowed_cells

RULE_ITERATIONS = 300
"""Steps that bring the columns back to their counts where rules forbid some of their combinations."""


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
        allowed = allowed_cells(self.domain_, self.plan_.schema.rules)
        model = self._begun_model(table.sizes, one_ways, allowed)
        model.start_from([groups.weights for groups in self.groups_])
        if allowed:
            model.fit(RULE_ITERATIONS, tolerance=1e-7, stop_at_noise=False)
        self.model_ = model
