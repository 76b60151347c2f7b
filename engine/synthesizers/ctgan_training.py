"""Training CTGAN: the ctgan library's networks and losses in a loop that reports where it stands and can be stopped.

A step does what the library's does, and less beside it: conditions and rows of a whole epoch are drawn at once, the
generator is not differentiated while the discriminator learns, real and made rows pass the discriminator together, and
the gradient penalty is written out (see `gradient_penalty`), so it needs no second pass backwards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from ctgan.synthesizers.ctgan import Discriminator, Generator
from torch import Tensor, nn

from engine.progress import Progress
from engine.synthesizers.conditions import ConditionSampler
from engine.synthesizers.network_settings import CtganSettings
from engine.synthesizers.one_hot import OneHotRows, RowLayout
from engine.synthesizers.plain_columns import PlainTable
from engine.synthesizers.torch_setting import seeded_torch, torch_device, torch_generator
from engine.synthesizers.training_progress import TrainingReport

PENALTY_WEIGHT = 10.0
LEAKY_SLOPE = 0.2


class CtganModel:
    """A trained generator.

    Args:
        generator: the network.
        rows: the rows that it learned from, for their layout and modes.
        conditions: draws the categories that it is asked for; None where no column has any.
        settings: as it was trained.
    """

    def __init__(
        self, generator: Generator, rows: OneHotRows, conditions: ConditionSampler | None, settings: CtganSettings
    ) -> None:
        self._generator = generator
        self._rows = rows
        self._conditions = conditions
        self._settings = settings

    def draw(self, n_rows: int, rng: np.random.Generator) -> PlainTable:
        """Rows, made in whole batches: the generator normalises over its batch, as in training."""
        device = next(self._generator.parameters()).device
        source, size = torch_generator(rng, device), self._settings.batch_size
        layout, places, codes = self._rows.layout, [], []
        for start in range(0, max(n_rows, 1), size):
            noise = torch.randn(size, self._settings.embedding, device=device, generator=source)
            asked = None
            if self._conditions is not None:
                asked = torch.from_numpy(self._conditions.original_categories((size,), rng)).to(device)
            with torch.no_grad():
                made = layout.activate(self._generator(_with_condition(noise, asked, self._conditions)), source)
            kept = made[: max(0, min(size, n_rows - start))]
            places.append(kept[:, : layout.n_numbers].cpu().numpy())
            codes.append(layout.codes(kept))
        return self._rows.table(np.concatenate(places), np.concatenate(codes))


def train_ctgan(
    table: PlainTable, settings: CtganSettings, device: str, rng: np.random.Generator, progress: Progress
) -> CtganModel:
    """Train on rows as they are.

    Args:
        table: the rows, at least one.
        settings: of the networks.
        device: `cpu`, `cuda` or `auto`.
        rng: generator of everything random.
        progress: called now and then; it may raise to stop.

    Raises:
        PlanError: the columns have too many different values.
    """
    target = torch_device(device)
    rows = OneHotRows(table, rng, target)
    conditions = ConditionSampler(table) if table.sizes else None
    steps_per_epoch = max(len(rows) // settings.batch_size, 1)
    report = TrainingReport(progress, settings.epochs, steps_per_epoch, settings.batch_size, target)
    with seeded_torch(int(rng.integers(2**62)), target):
        training = _Training(rows, conditions, settings, target, rng)
        for _ in range(settings.epochs):
            for batch in training.epoch(steps_per_epoch):
                discriminator_loss = training.improve_discriminator(batch)
                generator_loss = training.improve_generator(batch)
                report.step(generator_loss, discriminator_loss)
    return CtganModel(training.generator, rows, conditions, settings)


@dataclass(frozen=True)
class _Batch:
    """What the two steps of a batch ask for: categories, and real rows that hold them in another order."""

    real: Tensor
    asked: Tensor | None
    asked_of_real: Tensor | None
    asked_next: Tensor | None
    asked_column: Tensor | None


class _Training:
    def __init__(
        self,
        rows: OneHotRows,
        conditions: ConditionSampler | None,
        settings: CtganSettings,
        device: torch.device,
        rng: np.random.Generator,
    ) -> None:
        self._rows, self._conditions, self._settings, self._device, self._rng = rows, conditions, settings, device, rng
        self._source = torch_generator(rng, device)
        n_asked = conditions.n_categories if conditions is not None else 0
        width, hidden = rows.layout.width, list(settings.hidden)
        self.generator = Generator(settings.embedding + n_asked, hidden, width).to(device)
        self._discriminator = Discriminator(width + n_asked, hidden, settings.pac).to(device)
        self._generator_optimizer = self._adam(self.generator)
        self._discriminator_optimizer = self._adam(self._discriminator)

    def _adam(self, network: nn.Module) -> torch.optim.Adam:
        return torch.optim.Adam(
            network.parameters(),
            lr=self._settings.learning_rate,
            betas=(0.5, 0.9),
            weight_decay=self._settings.weight_decay,
            fused=True,
        )

    def epoch(self, steps: int) -> list[_Batch]:
        """Batches of an epoch, all drawn at once."""
        shape = (steps, self._settings.batch_size)
        if self._conditions is None:
            free = self._put(self._rng.integers(len(self._rows), size=shape))
            return [_Batch(each, None, None, None, None) for each in free]
        columns, asked = self._conditions.training_categories(shape, self._rng)
        order = self._rng.permuted(np.broadcast_to(np.arange(shape[1]), shape), axis=1)
        columns_of_real, asked_of_real = (np.take_along_axis(each, order, axis=1) for each in (columns, asked))
        real = self._conditions.rows_with(columns_of_real, asked_of_real, self._rng)
        next_columns, asked_next = self._conditions.training_categories(shape, self._rng)
        parts = (real, asked, asked_of_real, asked_next, next_columns)
        return [_Batch(*each) for each in zip(*(self._put(part) for part in parts), strict=True)]

    def _put(self, values: npt.NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(values).to(self._device)

    def _made(self, asked: Tensor | None) -> tuple[Tensor, Tensor]:
        """The generator's raw output, and rows of it with the condition behind them."""
        shape = (self._settings.batch_size, self._settings.embedding)
        noise = torch.randn(shape, device=self._device, generator=self._source)
        raw = self.generator(_with_condition(noise, asked, self._conditions))
        return raw, _with_condition(self._rows.layout.activate(raw, self._source), asked, self._conditions)

    def improve_discriminator(self, batch: _Batch) -> Tensor:
        """One step of the discriminator; gives its loss without the penalty."""
        with torch.no_grad():
            made = self._made(batch.asked)[1]
            real = _with_condition(self._rows.batch(batch.real), batch.asked_of_real, self._conditions)
            pairs = len(real) // self._settings.pac
            share = torch.rand(pairs, 1, device=self._device, generator=self._source)
            share = share.repeat_interleave(self._settings.pac, dim=0)
            between = share * real + (1.0 - share) * made
        scores = self._discriminator(torch.cat([made, real]))
        loss: Tensor = scores[:pairs].mean() - scores[pairs:].mean()
        self._discriminator_optimizer.zero_grad()
        (loss + gradient_penalty(self._discriminator, between)).backward()  # type: ignore[no-untyped-call]
        self._discriminator_optimizer.step()
        return loss.detach()

    def improve_generator(self, batch: _Batch) -> Tensor:
        """One step of the generator; gives its loss."""
        raw, made = self._made(batch.asked_next)
        self._discriminator.requires_grad_(False)
        loss: Tensor = -self._discriminator(made).mean()
        if self._conditions is not None and batch.asked_next is not None and batch.asked_column is not None:
            loss = loss + condition_loss(raw, batch.asked_column, batch.asked_next, self._rows.layout)
        self._generator_optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._generator_optimizer.step()
        self._discriminator.requires_grad_(True)
        return loss.detach()


def _with_condition(values: Tensor, asked: Tensor | None, conditions: ConditionSampler | None) -> Tensor:
    """Values with ones and zeros behind them that say which category is asked for."""
    if asked is None or conditions is None:
        return values
    one_hot = torch.zeros(len(values), conditions.n_categories, device=values.device)
    return torch.cat([values, one_hot.scatter_(1, asked[:, None], 1.0)], dim=1)


def condition_loss(raw: Tensor, columns: Tensor, categories: Tensor, layout: RowLayout) -> Tensor:
    """Mean cross entropy between what was asked for and what the generator gives in that column.

    Args:
        raw: the generator's output, shape (n, width).
        columns: column asked about, among those of categories, shape (n,).
        categories: category asked for, numbered through all columns, shape (n,).
        layout: where the columns lie in a row.
    """
    first = layout.n_numbers
    widest = max(layout.sizes[first:])
    sizes = torch.tensor(layout.sizes[first:], device=raw.device)
    starts = layout.starts[first:]
    within = torch.arange(widest, device=raw.device)
    outside = within[None, :] >= sizes[columns][:, None]
    places = (starts[columns][:, None] + within[None, :]).clamp(max=layout.width - 1)
    logits = raw.gather(1, places).masked_fill(outside, -torch.inf)
    wanted = raw.gather(1, (starts[0] + categories)[:, None])[:, 0]
    return (logits.logsumexp(dim=1) - wanted).mean()


def gradient_penalty(discriminator: Discriminator, points: Tensor) -> Tensor:
    """How far the norm of the discriminator's gradient at some points lies from one, squared, times ten.

    The discriminator is linear but for factors that do not change near a point: 1 or 0.2 of a leaky ReLU, 0 or 2 of a
    dropout. So its gradient is the product of its weights and these factors. Written so, the penalty's own gradient
    takes one pass backwards, where differentiating a derivative takes two.

    Args:
        discriminator: the library's network.
        points: shape (n, width), n a multiple of its `pac`.
    """
    *blocks, last = _blocks(discriminator)
    factors, hidden = [], points.reshape(-1, discriminator.pacdim)
    with torch.no_grad():
        for linear, dropout in blocks:
            hidden = linear(hidden)
            factor = torch.where(hidden > 0, 1.0, LEAKY_SLOPE) * dropout(torch.ones_like(hidden))
            factors.append(factor)
            hidden = hidden * factor
    gradient = last[0].weight.expand(len(hidden), -1)
    for (linear, _), factor in zip(reversed(blocks), reversed(factors), strict=True):
        gradient = (gradient * factor) @ linear.weight
    penalty: Tensor = ((gradient.norm(dim=1) - 1.0) ** 2).mean()
    return PENALTY_WEIGHT * penalty


def _blocks(discriminator: Discriminator) -> list[tuple[nn.Linear, nn.Module]]:
    """The discriminator's linear layers, each with the dropout behind it."""
    layers = list(discriminator.seq)
    return [
        (layer, layers[place + 2] if place + 2 < len(layers) else nn.Identity())
        for place, layer in enumerate(layers)
        if isinstance(layer, nn.Linear)
    ]
