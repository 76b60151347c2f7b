"""The frame of the deep methods: marginals by AIM, then networks that learn from noisy gradients as well.

Most of the privacy loss pays for marginals, chosen and measured as AIM does; the generator is fitted to what they say
about all pairs of columns. The rest pays for noisy sums of clipped gradients, from which the networks learn what pairs
do not show. Everything that depends on rows comes through the private table; what follows from it is free.

Source: Liu, Vietri, Wu, "Iterative Methods for Private Synthetic Data" (2021), §4, for a generator fitted to noisy
    marginals; Abadi et al., "Deep Learning with Differential Privacy" (2016), for the gradients.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any, ClassVar

import numpy as np

from engine.privacy.accounting import mu_for
from engine.privacy.budget import Charge
from engine.privacy.plan import SynthesisPlan
from engine.privacy.private_table import PrivateTable
from engine.privacy.sampled_gaussian import SampledGaussian, gaussian_envelope, noise_multiplier_for
from engine.progress import Progress, ProgressEvent
from engine.synthesizers.aim import LAST_ITERATIONS, AimSynthesizer
from engine.synthesizers.base import BudgetShare
from engine.synthesizers.deep_state import DeepState
from engine.synthesizers.graphical_model import GraphicalModel
from engine.synthesizers.marginals import OneWay, drop_spurious, learning_delta, learning_share
from engine.synthesizers.mixture_model import MixtureModel
from engine.synthesizers.released import ReleasedCounts
from engine.synthesizers.rule_cells import allowed_cells
from engine.synthesizers.stored_cells import Arrays
from engine.synthesizers.training_settings import TrainingSettings, sampling_rate

DELTA_SHARE = 0.01
"""Part of δ that a training's charge sets aside."""

RESERVE = 1e-9
"""Part of a training's μ² that is left over, so that rounding cannot carry a run past its envelope."""

MEASURING_PART = 0.25
"""Share of a run's progress that measuring takes."""


class DeepSynthesizer(AimSynthesizer):
    """Marginals as AIM measures them, and networks trained on noisy gradients."""

    settings: ClassVar[TrainingSettings]
    networks: ClassVar[str]
    """`module:Class` of the networks, which are loaded when a training begins."""

    conditional: ClassVar[bool] = False
    """Whether a latent point ends with a cell of a column that its rows should lie in."""

    draws_units: ClassVar[bool] = True
    prefers_gpu: ClassVar[bool] = True
    weights_: Arrays

    @classmethod
    def training_delta(cls, plan: SynthesisPlan) -> float:
        """Part of δ that the training's charge sets aside."""
        return DELTA_SHARE * plan.promised()[1]

    @classmethod
    def training_steps(cls, plan: SynthesisPlan) -> int:
        """Steps of the training."""
        return cls.settings.steps

    @classmethod
    def training_of(cls, plan: SynthesisPlan) -> SampledGaussian:
        """Sampling rate, noise and steps, from the plan alone.

        Raises:
            PlanError: the plan's ε or δ is too small for a training.
        """
        rate, steps = sampling_rate(cls.settings, plan), cls.settings.steps
        epsilon, delta = plan.promised()
        whole = mu_for(epsilon, delta - learning_delta(plan) - cls.training_delta(plan))
        for_rows = (1.0 - plan.evaluation_share) * (1.0 - learning_share(plan))
        mu = whole * math.sqrt(for_rows * cls.settings.gradient_share)
        return SampledGaussian(rate, noise_multiplier_for(mu, rate, steps, cls.training_delta(plan)), steps)

    @classmethod
    def budget_split(cls, plan: SynthesisPlan) -> tuple[BudgetShare, ...]:
        """How a run divides its μ²; it reads no rows.

        Raises:
            PlanError: the plan's ε or δ is too small for a training.
        """
        cls.training_of(plan)
        return super().budget_split(plan)

    @classmethod
    def parameters(cls, plan: SynthesisPlan) -> dict[str, Any]:
        """Settings that every run shares, and the training that follows from the plan."""
        return super().parameters(plan) | {"training": asdict(cls.settings) | asdict(cls.training_of(plan))}

    @classmethod
    def _model_split(cls, n_columns: int) -> tuple[BudgetShare, ...]:
        rest = 1.0 - cls.settings.gradient_share
        measured = (replace(part, share=part.share * rest) for part in super()._model_split(n_columns))
        return (*measured, BudgetShare("gradients", "Noisy gradients", cls.settings.gradient_share, 1))

    def _fit(self, table: PrivateTable, plan: SynthesisPlan, rng: np.random.Generator, progress: Progress) -> None:
        self._seed = int(rng.integers(2**63))
        saved = self.checkpoints.load() if self.checkpoints is not None else None
        if saved is None:
            super()._fit(table, plan, rng, progress)
        else:
            self._go_on(table, plan, DeepState.from_bytes(saved, plan), progress)

    def _fit_model(
        self, table: PrivateTable, one_ways: list[OneWay], spend: dict[str, float], progress: Progress
    ) -> None:
        measured = {name: amount for name, amount in spend.items() if name not in ("one_way", "gradients")}
        training = gaussian_envelope(self.training_of(self.plan_), self.training_delta(self.plan_))
        left = table.budget.left_mu_squared - training * training * (1.0 + RESERVE)
        scaled = {name: amount * left / sum(measured.values()) for name, amount in measured.items()}
        super()._fit_model(table, one_ways, scaled, _beginning_of(progress))
        state = DeepState(
            plan=self.plan_.to_json(),
            domain=self.domain_,
            groups=self.groups_,
            one_ways=self.one_ways_,
            estimated_rows=self.estimated_rows_,
            measured=[item for item in self.model_.measurements if len(item.columns) > 1],
            charges=table.budget.events(),
            networks={},
        )
        if self.checkpoints is not None:
            self.checkpoints.save(state.to_bytes())
        self._train(table, state, progress)

    def _go_on(self, table: PrivateTable, plan: SynthesisPlan, state: DeepState, progress: Progress) -> None:
        """Take up a training whose process ended; what was measured before stays charged, and is not measured again."""
        progress(ProgressEvent("training", MEASURING_PART, "Going on from the last checkpoint"))
        self.plan_, self.domain_, self.groups_ = plan, state.domain, state.groups
        self.one_ways_, self.estimated_rows_ = state.one_ways, state.estimated_rows
        for charge in state.charges:
            table.budget.spend(Charge.from_json(charge))
        table.encode(state.domain, keep_units=True)
        for column, groups in enumerate(state.groups):
            table.merge_cells(column, groups.group_of)
        allowed = allowed_cells(state.domain, plan.schema.rules)
        model = self._begun_model(table.sizes, drop_spurious(state.domain, state.one_ways), allowed)
        model.add_many(state.measured)
        model.fit(LAST_ITERATIONS, tolerance=1e-6, stop_at_noise=False)
        self.model_ = model
        self._train(table, state, progress)
        self.released_ = ReleasedCounts.of(self.one_ways_, self.model_.measurements)

    def _train(self, table: PrivateTable, state: DeepState, progress: Progress) -> None:
        """Train the networks and put the generator's mixture in the place of the graphical model."""
        from engine.synthesizers.deep_training import Training  # torch is slow to load, and pricing needs none

        model = self.model_
        assert isinstance(model, GraphicalModel)
        training = Training(self, model, self._seed, table, state)
        probabilities = training.run(progress)
        rules = allowed_cells(self.domain_, self.plan_.schema.rules)
        self.model_ = MixtureModel(probabilities, training.shares, model.total, rules, model.measurements)
        self.weights_ = training.weights()


def _beginning_of(progress: Progress) -> Callable[[ProgressEvent], None]:
    """A callback for the part of a run that measures."""

    def report(event: ProgressEvent) -> None:
        progress(replace(event, fraction=MEASURING_PART * event.fraction))

    return report
