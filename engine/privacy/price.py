"""What a plan costs, before anything is read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from engine.data.encode import column_domain, table_domain
from engine.data.number_line import NUMERIC_BINS
from engine.data.schema import FieldType
from engine.errors import PlanError
from engine.privacy.accounting import compose_epsilon, gaussian_event, mu_for
from engine.privacy.budget import RunBudget
from engine.privacy.events import EventJson
from engine.privacy.guarantee import NON_PRIVATE
from engine.privacy.plan import SynthesisPlan
from engine.synthesizers.base import BudgetShare
from engine.synthesizers.marginals import learning_delta, modelled_fields, needs_learning, tree_columns
from engine.synthesizers.numeric_tree import assumed_cells
from engine.synthesizers.registry import method_info, synthesizer_class
from engine.synthesizers.rule_cells import allowed_cells

ENVELOPE_SLACK = 1e-9
"""Part of μ² that a run never uses, so that rounding cannot carry it past its envelope."""

EVALUATION_PART = "evaluation"
"""Name of the report's part of μ²."""

ASSUMED_LEARNED_CELLS = 20
"""Cells that the forecast assumes for a column whose domain is not known yet."""


@dataclass(frozen=True)
class PlanPrice:
    """The envelope that a run will be charged. Where the method has no privacy guarantee, there is none, and no ε.

    Args:
        event: the envelope's event, with `delta_extra`.
        mu_squared: the envelope in Gaussian DP; None without a guarantee.
        delta_extra: δ that discovery thresholds and trainings set aside.
        epsilon: ε at `delta`; never above the plan's ε; None without a guarantee.
        delta: the plan's δ; None without a guarantee.
        epsilon_at: the same envelope read at three δ.
        split: parts of μ².
        evaluation_share: part of μ² that only the releasable report may spend.
    """

    event: EventJson
    mu_squared: float | None
    delta_extra: float
    epsilon: float | None
    delta: float | None
    epsilon_at: tuple[tuple[float, float], ...]
    split: tuple[BudgetShare, ...]
    evaluation_share: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """The price as JSON."""
        return asdict(self)

    def budget(self) -> RunBudget:
        """What the run may spend: the envelope less what it never uses, or an unprotected budget.

        The report's part is held back, so that a method which spends all that is left cannot reach it.
        """
        if self.mu_squared is None:
            return RunBudget.unprotected()
        usable = self.mu_squared * (1.0 - ENVELOPE_SLACK)
        return RunBudget(usable, self.delta_extra, self.evaluation_share * usable)


def price_plan(plan: SynthesisPlan) -> PlanPrice:
    """The envelope of a plan; reads no rows.

    Raises:
        PlanError: the method is unknown, cannot treat the table, or a column has no domain; it protects the rows and
            the plan states no ε, or it does not and the plan states one.
    """
    _check_method(plan)
    method = synthesizer_class(plan.method)
    if not method_info(plan.method).private:
        return _unprotected_price(plan)
    epsilon, delta = plan.promised()
    extra = learning_delta(plan) + method.training_delta(plan)
    mu = mu_for(epsilon, delta - extra)
    event = gaussian_event(mu) | {"delta_extra": extra}
    deltas = (delta * 10.0, delta, delta / 10.0)
    return PlanPrice(
        event=event,
        mu_squared=mu * mu,
        delta_extra=extra,
        epsilon=compose_epsilon([event], delta),
        delta=delta,
        epsilon_at=tuple((each, compose_epsilon([event], each)) for each in deltas if each < 1.0),
        split=_with_evaluation(method.budget_split(plan), plan.evaluation_share),
        evaluation_share=plan.evaluation_share,
    )


def _with_evaluation(parts: Sequence[BudgetShare], share: float) -> tuple[BudgetShare, ...]:
    """The method's parts of what is left for it, and the report's part."""
    if share == 0.0:
        return tuple(parts)
    scaled = (replace(part, share=part.share * (1.0 - share)) for part in parts)
    return (*scaled, BudgetShare(EVALUATION_PART, "Releasable report", share, 1))


def _unprotected_price(plan: SynthesisPlan) -> PlanPrice:
    if plan.epsilon is not None:
        raise PlanError(f"the method {plan.method!r} has no privacy guarantee, so a run of it has no ε: leave it out")
    return PlanPrice(NON_PRIVATE, None, 0.0, None, None, (), ())


def _check_method(plan: SynthesisPlan) -> None:
    method, n_columns = synthesizer_class(plan.method), len(plan.synthesized_names())
    if n_columns < method.minimum_columns:
        raise PlanError(f"the method {plan.method!r} needs at least {method.minimum_columns} columns to synthesize")
    if method.maximum_columns is not None and n_columns > method.maximum_columns:
        raise PlanError(
            f"the method {plan.method!r} takes at most {method.maximum_columns} columns: "
            "drop some, or choose another method"
        )
    known = [field for field in modelled_fields(plan) if not needs_learning(field)]
    allowed_cells(table_domain(known, {}), plan.schema.rules)


def column_cells(plan: SynthesisPlan) -> list[tuple[str, int, bool]]:
    """Name and number of cells of each modelled column, and whether that is an assumption; reads no rows."""
    refined = {field.name for field in tree_columns(plan)}
    cells = []
    for field in modelled_fields(plan):
        if needs_learning(field):
            assumed = ASSUMED_LEARNED_CELLS if field.type is FieldType.STRING else assumed_cells(NUMERIC_BINS)
            cells.append((field.name, assumed + 1, True))
        else:
            known = column_domain(field)
            further = assumed_cells(known.n_bins) - known.n_bins if field.name in refined else 0
            cells.append((field.name, known.size + further, field.name in refined))
    return cells


def noise_scale(plan: SynthesisPlan, price: PlanPrice, share: BudgetShare) -> float:
    """Standard deviation of the noise on each count that a part of the price pays for, in rows."""
    if price.mu_squared is None:
        raise PlanError("a run without a privacy guarantee draws no noise")
    per_query = share.share * price.mu_squared / max(share.n_queries, 1)
    return plan.unit.max_rows_per_unit / math.sqrt(per_query)
