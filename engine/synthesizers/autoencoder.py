"""DP-TVAE: a variational autoencoder for tables whose decoder learns from noisy clipped gradients.

Both networks first learn on rows of the marginal model. Then the decoder's output layer learns from private rows, and
nothing else does: noise grows with the number of parameters, and this layer holds what the marginals do not show. The
encoder keeps up with the decoder by reading rows that the decoder makes, as in the sleep phase of wake-sleep.

Source: Xu et al., "Modeling Tabular Data using Conditional GAN" (2019), §4.4 (TVAE), on one-hot cells with
cross-entropy alone; Hinton, Dayan, Frey, Neal, "The Wake-Sleep Algorithm for Unsupervised Neural Networks" (1995), for
the encoder; Abadi et al., "Deep Learning with Differential Privacy" (2016), for the gradients.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from engine.synthesizers.networks import CellLayout, PositionsLinear, cosine
from engine.synthesizers.training import DeepNetworks, apply_gradients, drawn, row_numbers, set_rate

LATENT_DRAWS = 64
"""Draws of the latent noise per step; which one a row takes depends on the row alone."""

SLEEP_ROWS, SLEEP_RATE = 500, 2e-3
"""How the encoder learns on rows of the decoder: their number in a step, and the learning rate."""

SLEEP_EVERY = 5
"""Steps on private rows after which the encoder learns on rows of the decoder once more."""


class Encoder(nn.Module):
    """From one-hot rows, or the positions of their ones, to mean and log variance of a latent point."""

    def __init__(self, layout: CellLayout, latent: int, hidden: int) -> None:
        super().__init__()
        self.first = PositionsLinear(layout.width, hidden)
        self.mean = nn.Linear(hidden, latent)
        self.log_variance = nn.Linear(hidden, latent)
        nn.init.zeros_(self.log_variance.weight)
        nn.init.constant_(self.log_variance.bias, -2.0)

    def forward(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and log variance, shape (n_rows, latent)."""
        hidden = functional.relu(self.first(rows))
        return self.mean(hidden), self.log_variance(hidden).clamp(-8.0, 4.0)


class AutoencoderNetworks(DeepNetworks):
    """Encoder and decoder."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.encoder = Encoder(self.layout, self.settings.latent, self.settings.hidden).to(self.latents.device)
        self.optimizer = torch.optim.Adam(self.generator.last.parameters(), self.settings.private_rate, fused=True)
        self.encoder_optimizer = torch.optim.Adam(self.encoder.parameters(), SLEEP_RATE, fused=True)
        self._noise = self._draw_noise()
        self._loss = 0.0

    @property
    def private_layers(self) -> list[nn.Linear]:
        """The decoder's output layer."""
        return [self.generator.last]

    def private_loss(self, codes: torch.Tensor) -> torch.Tensor:
        """Negative evidence lower bound of each row."""
        positions = self.layout.positions(codes)
        mean, log_variance = self.encoder(positions)
        noise = self._noise[row_numbers(codes, LATENT_DRAWS)]
        logits = self.generator(mean + noise * torch.exp(0.5 * log_variance))
        reconstruction = -self.layout.log_softmax(logits).gather(1, positions).sum(1)
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).sum(1)
        loss: torch.Tensor = reconstruction + divergence
        return loss

    def prepare(self, rows: torch.Tensor) -> None:
        """Both networks on rows of the marginal model, the decoder on the marginals, the encoder on the decoder."""
        self._rehearse(rows)
        self.match_moments_for(self.settings.first_moment_steps, self.settings.first_moment_rate)
        for _ in range(self.settings.sleep_steps):
            self._sleep()

    def learn(self, noisy: Sequence[torch.Tensor], step: int) -> None:
        """A step of the output layer along the noisy gradient, and one of the decoder towards the noisy marginals."""
        gradients = [gradient / self.expected_units for gradient in noisy]
        set_rate(self.optimizer, cosine(self.settings.private_rate, step / (self.settings.steps + 1)))
        apply_gradients(self.private_layers, gradients, self.optimizer)
        self._loss = self.match_moments(self.settings.moment_rate)
        if step % SLEEP_EVERY == 0:
            self._sleep()
        self._noise = self._draw_noise()

    def losses(self) -> tuple[float, float | None]:
        """Distance from the noisy marginals."""
        return self._loss, None

    def modules(self) -> dict[str, nn.Module]:
        """Encoder and decoder."""
        return {"encoder": self.encoder, "generator": self.generator}

    def optimizers(self) -> dict[str, torch.optim.Adam]:
        """Those of the output layer, the encoder and the marginals."""
        return {"private": self.optimizer, "encoder": self.encoder_optimizer, "moments": self.moment_optimizer}

    def _rehearse(self, rows: torch.Tensor) -> None:
        """Let both networks learn rows of the marginal model, which hold more than its pairs."""
        parameters = [*self.encoder.parameters(), *self.generator.parameters()]
        optimizer = torch.optim.Adam(parameters, self.settings.rehearsal_rate, fused=True)
        for step in range(self.settings.rehearsal_steps):
            set_rate(optimizer, cosine(self.settings.rehearsal_rate, step / self.settings.rehearsal_steps))
            self._step_on(drawn(rows, self.settings.rehearsal_rows), optimizer)

    def _sleep(self) -> None:
        """One step of the encoder on rows of the decoder."""
        self._step_on(self._own_rows(SLEEP_ROWS), self.encoder_optimizer)

    def _step_on(self, codes: torch.Tensor, optimizer: torch.optim.Optimizer) -> None:
        """A step on rows that are free."""
        self._noise = self._draw_noise()
        self.encoder.zero_grad()
        self.generator.zero_grad()
        self.private_loss(codes).mean().backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    @torch.no_grad()
    def _own_rows(self, n_rows: int) -> torch.Tensor:
        """Cells of rows that the decoder makes."""
        return self.layout.draw(self.layout.softmax(self.generator(drawn(self.latents, n_rows))))

    def _draw_noise(self) -> torch.Tensor:
        return torch.randn(LATENT_DRAWS, self.settings.latent, device=self.latents.device)
