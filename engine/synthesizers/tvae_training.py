"""Training TVAE: the ctgan library's networks and loss in a loop that reports where it stands and can be stopped."""

from __future__ import annotations

import numpy as np
import torch
from ctgan.synthesizers.tvae import Decoder, Encoder
from torch import Tensor

from engine.progress import Progress
from engine.synthesizers.network_settings import TvaeSettings
from engine.synthesizers.one_hot import OneHotRows
from engine.synthesizers.plain_columns import PlainTable
from engine.synthesizers.torch_setting import seeded_torch, torch_device, torch_generator
from engine.synthesizers.training_progress import TrainingReport

LEAST_DEVIATION, LARGEST_DEVIATION = 0.01, 1.0


class TvaeModel:
    """A trained decoder.

    Args:
        decoder: the network.
        rows: the rows that it learned from, for their layout and modes.
        settings: as it was trained.
    """

    def __init__(self, decoder: Decoder, rows: OneHotRows, settings: TvaeSettings) -> None:
        self._decoder = decoder
        self._rows = rows
        self._settings = settings

    def draw(self, n_rows: int, rng: np.random.Generator) -> PlainTable:
        """Rows from the distribution that the decoder states for each latent point.

        The library takes the likeliest position of each stretch instead, so that rare categories hardly occur.
        """
        device, size = next(self._decoder.parameters()).device, self._settings.batch_size
        source, layout = torch_generator(rng, device), self._rows.layout
        places, codes = [], []
        for start in range(0, max(n_rows, 1), size):
            latent = torch.randn(size, self._settings.embedding, device=device, generator=source)
            with torch.no_grad():
                raw, deviations = self._decoder(latent[: max(0, min(size, n_rows - start))])
                numbers = torch.tanh(raw[:, : layout.n_numbers])
                spread = torch.randn(numbers.shape, device=device, generator=source) * deviations[: layout.n_numbers]
            places.append((numbers + spread).cpu().numpy())
            codes.append(layout.codes(layout.activate(raw, source)))
        return self._rows.table(np.concatenate(places), np.concatenate(codes))


def train_tvae(
    table: PlainTable, settings: TvaeSettings, device: str, rng: np.random.Generator, progress: Progress
) -> TvaeModel:
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
    source = torch_generator(rng, target)
    hidden, width = list(settings.hidden), rows.layout.width
    with seeded_torch(int(rng.integers(2**62)), target):
        encoder = Encoder(width, hidden, settings.embedding).to(target)
        decoder = Decoder(settings.embedding, hidden, width).to(target)
    optimizer = torch.optim.Adam(
        [*encoder.parameters(), *decoder.parameters()],
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
        fused=True,
    )
    steps_per_epoch = -(-len(rows) // settings.batch_size)
    report = TrainingReport(progress, settings.epochs, steps_per_epoch, settings.batch_size, target)
    for _ in range(settings.epochs):
        order = torch.from_numpy(rng.permutation(len(rows))).to(target)
        for chosen in torch.split(order, settings.batch_size):
            mean, deviation, log_variance = encoder(rows.batch(chosen))
            latent = mean + deviation * torch.randn(mean.shape, device=target, generator=source)
            raw, deviations = decoder(latent)
            divergence = -0.5 * (1.0 + log_variance - mean**2 - log_variance.exp()).sum() / len(chosen)
            reconstruction = reconstruction_loss(raw, deviations, rows, chosen)
            loss = settings.reconstruction_weight * reconstruction + divergence
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                decoder.sigma.clamp_(LEAST_DEVIATION, LARGEST_DEVIATION)
            report.step(loss.detach(), None)
    return TvaeModel(decoder, rows, settings)


def reconstruction_loss(raw: Tensor, deviations: Tensor, rows: OneHotRows, chosen: Tensor) -> Tensor:
    """Mean negative log likelihood of rows: Gaussian for numbers, categorical for each stretch.

    Args:
        raw: the decoder's output, shape (n, width).
        deviations: the decoder's deviation of each place, shape (width,).
        rows: all rows.
        chosen: the rows that were encoded, shape (n,).
    """
    n_numbers = rows.layout.n_numbers
    spread = deviations[:n_numbers]
    apart = (rows.places(chosen) - torch.tanh(raw[:, :n_numbers])) ** 2 / 2.0 / spread**2
    numbers = apart.sum() + len(chosen) * spread.log().sum()
    normalisers = [part.logsumexp(dim=1) for part in rows.layout.stretches(raw)]
    stretches = torch.stack(normalisers, dim=1).sum() - raw.gather(1, rows.positions(chosen)).sum()
    return (numbers + stretches) / len(chosen)
