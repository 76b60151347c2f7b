"""DP-TVAE: a variational autoencoder for tables whose encoder and decoder learn from noisy clipped gradients.

Source: Xu et al., "Modeling Tabular Data using Conditional GAN" (2019), §4.4 (TVAE), on one-hot cells with
cross-entropy alone; Abadi et al., "Deep Learning with Differential Privacy" (2016), for the gradients. Both networks
see private rows, so one norm over all parameters of both is clipped.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from engine.synthesizers.networks import CellLayout, PositionsLinear, cosine
from engine.synthesizers.training import DeepNetworks, apply_gradients, row_numbers

LATENT_DRAWS = 64
"""Draws of the latent noise per step; which one a row takes depends on the row alone."""

SLEEP_STEPS, SLEEP_ROWS, SLEEP_RATE = 300, 500, 2e-3
"""Steps in which the encoder learns on rows of the decoder, before any private one."""


class Encoder(nn.Module):
    """From one-hot rows, or the positions of their ones, to mean and log variance of a latent point."""

    def __init__(self, layout: CellLayout, latent: int, hidden: int) -> None:
        super().__init__()
        self.first = PositionsLinear(layout.width, hidden)
        self.mean = nn.Linear(hidden, latent)
        self.log_variance = nn.Linear(hidden, latent)
        nn.init.zeros_(self.log_variance.weight)
        nn.init.constant_(self.log_variance.bias, -2.0)

    @property
    def layers(self) -> list[nn.Linear]:
        """All layers that learn."""
        return [self.first, self.mean, self.log_variance]

    def forward(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and log variance, shape (n_rows, latent)."""
        hidden = functional.relu(self.first(rows))
        return self.mean(hidden), self.log_variance(hidden).clamp(-8.0, 4.0)


class AutoencoderNetworks(DeepNetworks):
    """Encoder and decoder."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.encoder = Encoder(self.layout, self.settings.latent, self.settings.hidden).to(self.latents.device)
        self.optimizer = torch.optim.Adam(
            [*self.encoder.parameters(), *self.generator.parameters()], self.settings.private_rate, fused=True
        )
        self._noise = self._draw_noise()
        self._loss = 0.0

    @property
    def private_layers(self) -> list[nn.Linear]:
        """Encoder and decoder."""
        return [*self.encoder.layers, *self.generator.layers]

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

    def prepare(self) -> None:
        """Let the encoder learn to read the decoder's rows."""
        optimizer = torch.optim.Adam(self.encoder.parameters(), SLEEP_RATE, fused=True)
        for _ in range(SLEEP_STEPS):
            self._noise = self._draw_noise()
            optimizer.zero_grad()
            loss = self.private_loss(self._own_rows(SLEEP_ROWS)).mean()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        self._noise = self._draw_noise()

    def learn(self, noisy: Sequence[torch.Tensor], step: int) -> None:
        """A step of both networks along the noisy gradient, and one of the decoder towards the noisy marginals."""
        gradients = [gradient / self.expected_units for gradient in noisy]
        for group in self.optimizer.param_groups:
            group["lr"] = cosine(self.settings.private_rate, step / (self.settings.steps + 1))
        apply_gradients(self.private_layers, gradients, self.optimizer)
        self._loss = self.match_moments(self.settings.moment_rate)
        self._noise = self._draw_noise()

    def losses(self) -> tuple[float, float | None]:
        """Distance from the noisy marginals."""
        return self._loss, None

    def modules(self) -> dict[str, nn.Module]:
        """Encoder and decoder."""
        return {"encoder": self.encoder, "generator": self.generator}

    def optimizers(self) -> dict[str, torch.optim.Adam]:
        """That of both networks, and that of the marginals."""
        return {"private": self.optimizer, "moments": self.moment_optimizer}

    @torch.no_grad()
    def _own_rows(self, n_rows: int) -> torch.Tensor:
        """Cells of rows that the decoder makes."""
        points = torch.randint(len(self.latents), (n_rows,), device=self.latents.device)
        return self.layout.draw(self.layout.softmax(self.generator(self.latents[points])))

    def _draw_noise(self) -> torch.Tensor:
        return torch.randn(LATENT_DRAWS, self.settings.latent, device=self.latents.device)
