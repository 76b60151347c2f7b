"""Networks of the deep methods as their trainings make them, without a training."""

from importlib import import_module

import numpy as np
import torch

from engine.synthesizers.networks import CellLayout, Generator, Moments, drawn_conditions
from engine.synthesizers.registry import synthesizer_class
from engine.synthesizers.training_settings import TrainingSettings

SETTINGS = TrainingSettings(gradient_share=0.1, steps=10, hidden=128, latent=32, latent_points=50)


def networks_of(method, sizes, settings=SETTINGS, expected_units=20.0, networks=None, seed=0, device="cpu"):
    """Networks of a method that know nothing of any row: shares of cells are random."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    layout, chosen = CellLayout(tuple(sizes)), synthesizer_class(method)
    shares = [rng.dirichlet(np.full(size, 2.0)) for size in sizes]
    latents = torch.randn(settings.latent_points, settings.latent)
    if chosen.conditional:
        latents = torch.cat([latents, drawn_conditions(settings.latent_points, layout, shares)], 1)
    generator = Generator(layout, settings.latent, settings.hidden, shares, chosen.conditional).to(device)
    moments = Moments(layout, shares, {}, torch.device(device))
    module, _, name = (networks or chosen.networks).partition(":")
    make = getattr(import_module(module), name)
    return make(generator, layout, moments, latents.to(device), settings, expected_units)


def random_codes(sizes, n_rows, seed=1):
    """Cells of simulated rows, shape (n_rows, number of columns)."""
    rng = np.random.default_rng(seed)
    return torch.from_numpy(np.stack([rng.integers(0, size, n_rows) for size in sizes], axis=1))
