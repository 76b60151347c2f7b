"""DP-CTGAN: a conditional GAN for tables whose discriminator learns private rows from noisy clipped gradients only.

The generator never sees a row: it learns from the discriminator, which is post-processing, and from noisy marginals.
Synthetic rows teach the discriminator without noise, but clipped like private ones, so that neither half outweighs the
other. There are no groups of rows (pac = 1), no statistics of a batch, and no penalty on gradients at private rows.

Source: Xu et al., "Modeling Tabular Data using Conditional GAN" (2019), for the conditions; Bie, Kamath, Zhang,
"Private GANs, Revisited" (2023), for several discriminator steps per generator step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from engine.privacy.clipped_gradients import clipped_gradient_sum
from engine.synthesizers.networks import CellLayout, PositionsLinear
from engine.synthesizers.training import DeepNetworks, apply_gradients, drawn, row_numbers

DISCRIMINATOR_STEPS = 5
"""Steps of the discriminator on private rows per step of the generator."""

REHEARSAL_WEIGHT, PRIVATE_WEIGHT = 1.0, 0.3
"""Length of the discriminator's pull on the generator, where that of the noisy marginals has length one: on rows of the
marginal model, and on private ones, from which the discriminator learns through noise."""

ADVERSARIAL_RATE = 1e-3
"""Learning rate of the generator against the discriminator, and of the discriminator on rows of the marginal model."""

TEMPERATURE = 0.5
"""Of the Gumbel softmax along whose slope the generator learns."""

BETAS = (0.5, 0.999)
SLOPE = 0.2


class Discriminator(nn.Module):
    """From one-hot rows and their conditions, or the positions of the ones in both together, to one logit each."""

    def __init__(self, layout: CellLayout, hidden: int) -> None:
        super().__init__()
        self.first = PositionsLinear(2 * layout.width, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.last = nn.Linear(hidden, 1)

    @property
    def layers(self) -> list[nn.Linear]:
        """All layers that learn."""
        return [self.first, self.second, self.last]

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Logits, shape (n_rows,)."""
        hidden = functional.leaky_relu(self.first(rows), SLOPE)
        hidden = functional.leaky_relu(self.second(hidden), SLOPE)
        logits: torch.Tensor = self.last(hidden).squeeze(1)
        return logits


class AdversarialNetworks(DeepNetworks):
    """Generator and discriminator. A latent point ends with its condition, a cell of one column."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        device = self.latents.device
        self.discriminator = Discriminator(self.layout, self.settings.hidden).to(device)
        self.optimizer = torch.optim.Adam(
            self.discriminator.parameters(), self.settings.private_rate, BETAS, fused=True
        )
        self.generator_optimizer = torch.optim.Adam(self.generator.parameters(), ADVERSARIAL_RATE, BETAS, fused=True)
        self._turn = 0
        self._adversarial = 0.0
        self._synthetic: tuple[torch.Tensor, torch.Tensor] | None = None

    @property
    def private_layers(self) -> list[nn.Linear]:
        """The discriminator."""
        return self.discriminator.layers

    def private_loss(self, codes: torch.Tensor) -> torch.Tensor:
        """How far each private row, under one of its own values as its condition, is from passing as private."""
        n_columns = len(self.layout.sizes)
        positions = self.layout.positions(codes)
        columns = (row_numbers(codes, n_columns) + self._turn) % n_columns
        conditions = self.layout.width + positions.gather(1, columns.unsqueeze(1))
        return functional.softplus(-self.discriminator(torch.cat([positions, conditions], 1)))

    def prepare(self, rows: torch.Tensor) -> None:
        """The generator on the marginals, then both networks against each other on rows of the marginal model."""
        settings = self.settings
        self.match_moments_for(settings.first_moment_steps, settings.first_moment_rate)
        optimizer = torch.optim.Adam(self.discriminator.parameters(), ADVERSARIAL_RATE, BETAS, fused=True)
        for step in range(settings.rehearsal_steps):
            self._turn = step
            points = self._some_points(settings.rehearsal_rows)
            with torch.no_grad():
                made = self._made_rows(points)
            self.discriminator.zero_grad()
            real = self.private_loss(drawn(rows, settings.rehearsal_rows))
            (real + self._synthetic_loss(made, points)).mean().backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            self._generator_step(points, REHEARSAL_WEIGHT)
        self._turn = 0

    def learn(self, noisy: Sequence[torch.Tensor], step: int) -> None:
        """A step of the discriminator; every few of them, one of the generator; one towards the noisy marginals."""
        n_rows = max(1, round(self.expected_units))
        points = self._some_points(n_rows)
        with torch.no_grad():
            rows = self._made_rows(points)
        synthetic = clipped_gradient_sum(
            lambda chosen: self._synthetic_loss(rows[chosen], points[chosen]),
            self.private_layers,
            torch.arange(n_rows, device=rows.device),
            self.settings.clipping_norm,
        )
        halves = zip(noisy, synthetic, strict=True)
        gradients = [(real / self.expected_units + made / n_rows) / 2.0 for real, made in halves]
        apply_gradients(self.private_layers, gradients, self.optimizer)
        if step % DISCRIMINATOR_STEPS == 0:
            self._adversarial = self._generator_step(points, PRIVATE_WEIGHT)
        else:
            self.match_moments(self.settings.moment_rate)
        self._synthetic = (rows, points)
        self._turn = step

    @torch.no_grad()
    def losses(self) -> tuple[float, float | None]:
        """Loss of the generator, and of the discriminator on synthetic rows."""
        discriminator = self._synthetic_loss(*self._synthetic).mean() if self._synthetic is not None else 0.0
        return self._adversarial, float(discriminator)

    def modules(self) -> dict[str, nn.Module]:
        """Both networks."""
        return {"generator": self.generator, "discriminator": self.discriminator}

    def optimizers(self) -> dict[str, torch.optim.Adam]:
        """Those of both networks, and that of the marginals."""
        return {
            "private": self.optimizer,
            "generator": self.generator_optimizer,
            "moments": self.moment_optimizer,
        }

    def _generator_step(self, points: torch.Tensor, weight: float) -> float:
        """Let the generator's rows pass as private, and come closer to the noisy marginals."""
        rows = torch.cat([self._made_rows(points), self._conditions(points)], 1)
        adversarial = functional.softplus(-self.discriminator(rows)).mean()
        missed = self.moments.loss(self.layout.softmax(self.generator(self.latents)))
        parameters = list(self.generator.parameters())
        pulls = zip(
            _of_length(1.0, torch.autograd.grad(missed, parameters)),
            _of_length(weight, torch.autograd.grad(adversarial, parameters)),
            strict=True,
        )
        for parameter, (to_marginals, to_rows) in zip(parameters, pulls, strict=True):
            parameter.grad = to_marginals + to_rows
        self.generator_optimizer.step()
        return float(adversarial.detach())

    def _synthetic_loss(self, rows: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
        return functional.softplus(self.discriminator(torch.cat([rows, self._conditions(points)], 1)))

    def _conditions(self, points: torch.Tensor) -> torch.Tensor:
        return self.latents[points, self.settings.latent :]

    def _some_points(self, n_points: int) -> torch.Tensor:
        """Numbers of latent points at random."""
        return torch.randint(len(self.latents), (n_points,), device=self.latents.device)

    def _made_rows(self, points: torch.Tensor) -> torch.Tensor:
        """One-hot rows of the generator, with the slope of nearly one-hot ones.

        Source: Jang, Gu, Poole, "Categorical Reparameterization with Gumbel-Softmax" (2017), §2.2, straight-through.
        """
        logits = self.generator(self.latents[points])
        uniform = torch.rand_like(logits).clamp(1e-9, 1.0 - 1e-7)
        soft = self.layout.softmax((logits - torch.log(-torch.log(uniform))) / TEMPERATURE)
        hard = self.layout.one_hot(torch.stack([part.argmax(1) for part in self.layout.split(soft.detach())], 1))
        return hard + (soft - soft.detach())


def _of_length(length: float, gradients: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Gradients scaled together to a length."""
    squares = torch.stack([gradient.square().sum() for gradient in gradients]).sum()
    factor = length / squares.sqrt().clamp(min=1e-12)
    return [gradient * factor for gradient in gradients]
