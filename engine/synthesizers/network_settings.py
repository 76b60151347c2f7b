"""Settings of the networks that are trained without a privacy guarantee; the defaults are the ctgan library's."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CtganSettings:
    """Of CTGAN.

    Args:
        epochs: passes over the rows.
        batch_size: rows of a step, a multiple of `pac`.
        embedding: width of the generator's random input.
        hidden: widths of the hidden layers of both networks.
        learning_rate: of both networks.
        weight_decay: of both networks.
        pac: rows that the discriminator judges together.
    """

    epochs: int = 300
    batch_size: int = 500
    embedding: int = 128
    hidden: tuple[int, ...] = (256, 256)
    learning_rate: float = 2e-4
    weight_decay: float = 1e-6
    pac: int = 10


@dataclass(frozen=True)
class TvaeSettings:
    """Of TVAE.

    Args:
        epochs: passes over the rows.
        batch_size: rows of a step.
        embedding: width of the latent variable.
        hidden: widths of the hidden layers of both networks.
        learning_rate: of both networks.
        weight_decay: of both networks.
        reconstruction_weight: factor of the reconstruction's part of the loss.
    """

    epochs: int = 300
    batch_size: int = 500
    embedding: int = 128
    hidden: tuple[int, ...] = (128, 128)
    learning_rate: float = 1e-3
    weight_decay: float = 1e-5
    reconstruction_weight: float = 2.0
