"""The frame of the deep methods: marginals by AIM, then networks that learn from noisy gradients as well.

Most of the privacy loss pays for marginals, chosen and measured as AIM does; the generator is fitted to what they say
about all pairs of columns. The rest pays for noisy sums of clipped gradients, from which the networks learn what pairs
do not show. Everything that depends on rows comes through the private table; what follows from it is free.

Source: Liu, Vietri, Wu, "Iterative Methods for Private Synthetic Data" (2021), §4, for a generator fitted to noisy
    marginals; Abadi et al., "Deep Learning with Differential Privacy" (2016), for the gradients.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import torch

from engine.privacy.accounting import compose_epsilon, gaussian_event, mu_for
from engine.privacy.plan import SynthesisPlan
from engine.privacy.private_table import PrivateTable
from engine.privacy.sampled_gaussian import SampledGaussian, gaussian_envelope, noise_multiplier_for
from engine.progress import Progress, ProgressEvent, TrainingNumbers
from engine.synthesizers.aim import AimSynthesizer
from engine.synthesizers.base import BudgetShare
from engine.synthesizers.graphical_model import GraphicalModel
from engine.synthesizers.marginals import OneWay, learning_delta, learning_share
from engine.synthesizers.mixture_model import MixtureModel
from engine.synthesizers.networks import CellLayout, Generator, Moments
from engine.synthesizers.rule_cells import allowed_cells
from engine.synthesizers.training import LATENT_POINTS, DeepNetworks, TrainingSettings, sampling_rate

DELTA_SHARE = 0.01
"""Part of δ that a training's charge sets aside."""

RESERVE = 1e-6
"""Part of a training's μ² that is not used, so that rounding cannot carry a run past its envelope."""

REPORTS = 20
"""Parts of a training after each of which progress is reported and a checkpoint saved."""

MEASURING_PART, TRAINING_PART = (0.0, 0.2), (0.25, 0.75)
"""Shares of a run's progress."""


class DeepSynthesizer(AimSynthesizer):
    """Marginals as AIM measures them, and networks trained on noisy gradients."""

    settings: ClassVar[TrainingSettings]
    networks: ClassVar[type[DeepNetworks]]
    conditional: ClassVar[bool] = False
    draws_units: ClassVar[bool] = True

    @classmethod
    def training_delta(cls, plan: SynthesisPlan) -> float:
        """Part of δ that the training's charge sets aside."""
        return DELTA_SHARE * plan.promised()[1]

    @classmethod
    def training_of(cls, plan: SynthesisPlan) -> SampledGaussian:
        """Sampling rate, noise and steps, from the plan alone.

        Raises:
            PlanError: the plan's ε or δ is too small for a training.
        """
        rate, steps = sampling_rate(cls.settings, plan), cls.settings.steps
        mu = math.sqrt(cls._gradient_mu_squared(plan))
        return SampledGaussian(rate, noise_multiplier_for(mu, rate, steps, cls.training_delta(plan)), steps)

    @classmethod
    def _gradient_mu_squared(cls, plan: SynthesisPlan) -> float:
        epsilon, delta = plan.promised()
        mu = mu_for(epsilon, delta - learning_delta(plan) - cls.training_delta(plan))
        return mu * mu * (1.0 - learning_share(plan)) * cls.settings.gradient_share * (1.0 - RESERVE)

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
        training = cls.training_of(plan)
        return {
            **super().parameters(plan),
            "training": asdict(cls.settings) | asdict(training),
            "latent_points": LATENT_POINTS,
        }

    @classmethod
    def _model_split(cls, n_columns: int) -> tuple[BudgetShare, ...]:
        rest = 1.0 - cls.settings.gradient_share
        measured = (replace(part, share=part.share * rest) for part in super()._model_split(n_columns))
        return (*measured, BudgetShare("gradients", "Noisy gradients", cls.settings.gradient_share, 1))

    def _fit(self, table: PrivateTable, plan: SynthesisPlan, rng: np.random.Generator, progress: Progress) -> None:
        self._seed = int(rng.integers(2**63))
        super()._fit(table, plan, rng, progress)

    def _fit_model(
        self, table: PrivateTable, one_ways: list[OneWay], spend: dict[str, float], progress: Progress
    ) -> None:
        for_gradients = self._gradient_mu_squared(self.plan_)
        measured = {name: amount for name, amount in spend.items() if name not in ("one_way", "gradients")}
        left = (table.budget.left_mu_squared - for_gradients) / sum(measured.values())
        spend = {name: amount * left for name, amount in measured.items()}
        super()._fit_model(table, one_ways, spend, _part_of(progress, *MEASURING_PART))
        self._train(table, progress)

    def _train(self, table: PrivateTable, progress: Progress) -> None:
        """Train the networks and put the generator's mixture in the place of the graphical model."""
        training = self.training_of(self.plan_)
        device = torch.device("cuda" if self.device != "cpu" and torch.cuda.is_available() else "cpu")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed)
            networks = self._networks(table, training, device)
            progress(ProgressEvent("training", TRAINING_PART[0], "Fitting the generator to the noisy marginals"))
            networks.match_moments_for(self.settings.first_moment_steps)
            networks.prepare()
            self._take_steps(table, networks, training, progress)
            networks.match_moments_for(self.settings.last_moment_steps)
            probabilities = networks.layout.split(networks.probabilities().double().cpu())
        self.model_ = MixtureModel(
            [part.numpy() for part in probabilities],
            self.model_.total,
            allowed_cells(self.domain_, self.plan_.schema.rules),
            self.model_.measurements,
        )

    def _networks(self, table: PrivateTable, training: SampledGaussian, device: torch.device) -> DeepNetworks:
        model, settings = self.model_, self.settings
        assert isinstance(model, GraphicalModel)
        layout = CellLayout(table.sizes)
        shares = [model.marginal((column,)) / model.total for column in range(len(table.sizes))]
        pairs = {columns: counts / model.total for columns, counts in model.pairs().items()}
        latents = torch.randn(LATENT_POINTS, settings.latent)
        if self.conditional:
            latents = torch.cat([latents, _drawn_conditions(layout, shares)], 1)
        generator = Generator(layout, latents.shape[1], settings.hidden, shares).to(device)
        expected_units = training.sampling_rate * self.estimated_rows_ / table.rows_per_unit
        moments = Moments(layout, shares, pairs, device)
        return self.networks(generator, layout, moments, latents.to(device), settings, expected_units)

    def _take_steps(
        self, table: PrivateTable, networks: DeepNetworks, training: SampledGaussian, progress: Progress
    ) -> None:
        earlier = table.budget.used_mu_squared
        sums = table.train(training, self.settings.clipping_norm, self.training_delta(self.plan_), "train the networks")
        borders = np.unique(np.linspace(sums.step, sums.steps, REPORTS + 1).astype(int)).tolist()
        for first, last in pairwise(borders):
            started = time.perf_counter()
            for _ in range(first, last):
                networks.learn(sums.next(networks.private_loss, networks.private_layers), sums.step)
            seconds = (time.perf_counter() - started) / (last - first)
            numbers = self._numbers(networks, training, last, seconds, self._epsilon_after(training, last, earlier))
            done = TRAINING_PART[0] + (TRAINING_PART[1] - TRAINING_PART[0]) * last / sums.steps
            progress(ProgressEvent("training", done, f"Step {last:,} of {sums.steps:,}", numbers))

    def _epsilon_after(self, training: SampledGaussian, steps: int, earlier_mu_squared: float) -> float:
        """ε of all that was charged before the training and of its first steps."""
        extra = self.training_delta(self.plan_)
        mu = gaussian_envelope(replace(training, steps=steps), extra)
        events = [gaussian_event(math.sqrt(earlier_mu_squared)), gaussian_event(mu) | {"delta_extra": extra}]
        return compose_epsilon(events, self.plan_.promised()[1] - learning_delta(self.plan_))

    @staticmethod
    def _numbers(
        networks: DeepNetworks, training: SampledGaussian, step: int, seconds: float, epsilon: float
    ) -> TrainingNumbers:
        generator_loss, discriminator_loss = networks.losses()
        return TrainingNumbers(
            step=step,
            steps=training.steps,
            epoch=step * training.sampling_rate,
            generator_loss=generator_loss,
            discriminator_loss=discriminator_loss,
            epsilon=epsilon,
            rows_per_second=networks.expected_units / seconds,
            seconds_left=(training.steps - step) * seconds,
            device=str(networks.latents.device),
        )


def _drawn_conditions(layout: CellLayout, shares: list[Any]) -> torch.Tensor:
    """One-hot conditions, shape (LATENT_POINTS, width): a random column each, and a cell of it by its noisy share."""
    columns = torch.randint(len(shares), (LATENT_POINTS,))
    conditions = torch.zeros(LATENT_POINTS, layout.width)
    for column, (offset, share) in enumerate(zip(layout.offsets, shares, strict=True)):
        points = torch.nonzero(columns == column).squeeze(1)
        if len(points):
            weights = torch.from_numpy(np.maximum(share, 1e-12))
            conditions[points, offset + torch.multinomial(weights, len(points), replacement=True)] = 1.0
    return conditions


def _part_of(progress: Progress, start: float, end: float) -> Callable[[ProgressEvent], None]:
    """A callback for work that is the part of a run from `start` to `end`."""

    def report(event: ProgressEvent) -> None:
        progress(replace(event, fraction=start + (end - start) * event.fraction))

    return report
