"""How networks learn: the part that each deep method brings, and what they share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import nn

from engine.synthesizers.networks import CellLayout, Generator, Moments, cosine
from engine.synthesizers.training_settings import TrainingSettings, moment_steps


class DeepNetworks(ABC):
    """The networks of a method and how they learn.

    Random numbers come from PyTorch's generator, for post-processing only. A loss on private rows must draw nothing
    from it: how many draws it took would depend on how many rows there were.

    Args:
        generator: its marginals were, or will be, brought close to the noisy ones.
        layout: cells of the columns.
        moments: the noisy marginals.
        latents: the points that the rows are drawn from, shape (n_points, latent).
        settings: the method's choices.
        expected_units: about how many units a sample holds, from released numbers.
    """

    def __init__(
        self,
        generator: Generator,
        layout: CellLayout,
        moments: Moments,
        latents: torch.Tensor,
        settings: TrainingSettings,
        expected_units: float,
    ) -> None:
        self.generator = generator
        self.layout = layout
        self.moments = moments
        self.latents = latents
        self.settings = settings
        self.expected_units = max(expected_units, 1.0)
        self.moment_optimizer = torch.optim.Adam(generator.parameters(), settings.moment_rate, fused=True)

    @property
    @abstractmethod
    def private_layers(self) -> list[nn.Linear]:
        """All layers that learn from private rows."""

    @abstractmethod
    def private_loss(self, codes: torch.Tensor) -> torch.Tensor:
        """Loss of each private row, shape (n_rows,), from its cells, shape (n_rows, n_columns)."""

    @abstractmethod
    def prepare(self, rows: torch.Tensor) -> None:
        """Learn from what is free, before the first private row: noisy marginals, and rows that follow from them.

        Args:
            rows: cells of rows of the marginal model, shape (n_rows, n_columns).
        """

    @abstractmethod
    def learn(self, noisy: Sequence[torch.Tensor], step: int) -> None:
        """Take a step.

        Args:
            noisy: noisy sums of clipped gradients of `private_layers`.
            step: its number, from 1.
        """

    @abstractmethod
    def losses(self) -> tuple[float, float | None]:
        """Loss of the generator, and of the discriminator if there is one, on synthetic rows and released numbers."""

    @abstractmethod
    def modules(self) -> dict[str, nn.Module]:
        """All networks by name."""

    @abstractmethod
    def optimizers(self) -> dict[str, torch.optim.Adam]:
        """All optimizers by name."""

    @torch.no_grad()
    def probabilities(self) -> torch.Tensor:
        """Probabilities of all cells at each latent point, shape (n_points, width)."""
        return self.layout.softmax(self.generator(self.latents))

    def match_moments(self, rate: float) -> float:
        """One step of the generator towards the noisy marginals; returns the loss before it."""
        set_rate(self.moment_optimizer, rate)
        self.moment_optimizer.zero_grad()
        loss = self.moments.loss(self.layout.softmax(self.generator(self.latents)))
        loss.backward()  # type: ignore[no-untyped-call]
        self.moment_optimizer.step()
        return float(loss.detach())

    def match_moments_for(self, steps: int, rate: float) -> None:
        """As many steps with a rate that falls to zero, fewer for wide tables."""
        steps = moment_steps(steps, len(self.latents), self.layout.width)
        for step in range(steps):
            self.match_moments(cosine(rate, step / steps))


def drawn(rows: torch.Tensor, count: int) -> torch.Tensor:
    """Some rows at random, each as likely as any other."""
    return rows[torch.randint(len(rows), (count,), device=rows.device)]


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all that an optimizer moves."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def apply_gradients(
    layers: Sequence[nn.Linear], gradients: Sequence[torch.Tensor], optimizer: torch.optim.Optimizer
) -> None:
    """Let an optimizer take a step along given gradients of weight and bias of each layer."""
    parameters = [parameter for layer in layers for parameter in (layer.weight, layer.bias)]
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    optimizer.step()


def row_numbers(codes: torch.Tensor, modulus: int) -> torch.Tensor:
    """A number below `modulus` per row that depends on the row alone, shape (n_rows,)."""
    factors = 2 * torch.arange(codes.shape[1], device=codes.device) + 1
    return (codes * factors * 40503).sum(1) % modulus
