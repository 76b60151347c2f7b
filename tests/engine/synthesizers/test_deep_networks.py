"""The networks of the deep methods: their clipped gradients are Opacus's, and a row's loss is that row's alone."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn import functional

from engine.privacy.clipped_gradients import clipped_gradient_sum
from engine.privacy.plan import UnitKind, UnitOfProtection
from engine.privacy.sampled_gaussian import SampledGaussian
from engine.synthesizers.adversarial import SLOPE
from engine.synthesizers.autoencoder import LATENT_DRAWS
from engine.synthesizers.training import row_numbers
from tests.engine.privacy.test_clipped_gradients import distance, one_by_one, opacus_sum
from tests.engine.privacy.test_gradient_sums import DOMAIN, ExactTable, begun
from tests.networks import networks_of, random_codes
from tests.tables import small_table

METHODS = ["dp-ctgan", "dp-tvae"]
SIZES = (12, 32, 2, 9, 40)
CLIPPING_NORMS = [0.2, 1.0, 1e6]
EVERY_ROW = SampledGaussian(1.0, 9.0, 1)


def discriminator_losses(networks, layers, codes):
    """The loss of DP-CTGAN's discriminator written out, on dense rows of zeros and ones."""
    rows = networks.layout.one_hot(codes)
    turns = (row_numbers(codes, codes.shape[1]) + networks._turn) % codes.shape[1]
    conditions = torch.zeros_like(rows)
    for row, turn in enumerate(turns.tolist()):
        place = networks.layout.offsets[turn] + int(codes[row, turn])
        conditions[row, place] = 1.0
    first, second, last = layers
    hidden = functional.leaky_relu(first(torch.cat([rows, conditions], 1)), SLOPE)
    logits = last(functional.leaky_relu(second(hidden), SLOPE)).squeeze(1)
    return -functional.logsigmoid(logits)


def autoencoder_losses(networks, layers, codes):
    """The negative evidence lower bound of DP-TVAE written out, on dense rows of zeros and ones."""
    rows = networks.layout.one_hot(codes)
    [last], encoder = layers, networks.encoder
    hidden = functional.relu(rows @ encoder.first.weight.t() + encoder.first.bias)
    mean, log_variance = encoder.mean(hidden), encoder.log_variance(hidden).clamp(-8.0, 4.0)
    points = mean + networks._noise[row_numbers(codes, LATENT_DRAWS)] * torch.exp(log_variance / 2.0)
    logits = last(functional.relu(networks.generator.first(points)))
    borders = [*networks.layout.offsets, networks.layout.width]
    columns = [logits[:, first:last] for first, last in pairwise(borders)]
    wrong = sum(functional.cross_entropy(part, codes[:, i], reduction="none") for i, part in enumerate(columns))
    return wrong + 0.5 * (mean**2 + torch.exp(log_variance) - 1.0 - log_variance).sum(1)


DENSE_LOSSES = {"dp-ctgan": discriminator_losses, "dp-tvae": autoencoder_losses}


def dense_twin(method, networks):
    """Plain linear layers with the same weights, and the loss that they make: what Opacus can look at."""
    layers = nn.ModuleList()
    for layer in networks.private_layers:
        plain = nn.Linear(layer.in_features, layer.out_features)
        plain.load_state_dict(layer.state_dict())
        layers.append(plain)
    return layers, lambda codes: DENSE_LOSSES[method](networks, layers, codes)


def close(found, expected):
    """Equal to 1e-5 of the largest entry, on every parameter."""
    return all(
        float((one - other).abs().max()) <= 1e-5 * max(1.0, float(other.abs().max()))
        for one, other in zip(found, expected, strict=True)
    )


@pytest.mark.parametrize("clipping_norm", CLIPPING_NORMS)
@pytest.mark.parametrize("method", METHODS)
def test_opacus_finds_the_same(method, clipping_norm):
    networks, codes = networks_of(method, SIZES), random_codes(SIZES, 60)
    layers, loss_of = dense_twin(method, networks)
    assert torch.allclose(networks.private_loss(codes), loss_of(codes), atol=1e-5)
    expected = opacus_sum(layers, loss_of, codes, clipping_norm)
    found = clipped_gradient_sum(networks.private_loss, networks.private_layers, codes, clipping_norm)
    assert close(found, expected)
    assert any(part.abs().max() > 0.01 for part in expected)


@pytest.mark.parametrize("method", METHODS)
def test_the_door_finds_what_opacus_finds(method):
    """All rows of a table in one sample, with the exact sum released."""
    table = small_table(80)
    networks = networks_of(method, DOMAIN.sizes)
    layers, loss_of = dense_twin(method, networks)
    codes = torch.from_numpy(np.stack(DOMAIN.encode(table), axis=1)).long()
    _, sums = begun(ExactTable, table, EVERY_ROW, clipping_norm=0.5)
    found = sums.next(networks.private_loss, networks.private_layers)
    assert close(found, opacus_sum(layers, loss_of, codes, 0.5))


@pytest.mark.parametrize("clipping_norm", CLIPPING_NORMS)
@pytest.mark.parametrize("method", METHODS)
def test_units_of_several_rows_one_by_one(method, clipping_norm):
    networks, codes = networks_of(method, SIZES), random_codes(SIZES, 40)
    units = torch.tensor([0] * 7 + [3] * 1 + [4] * 20 + [9] * 12)
    expected = one_by_one(networks.private_loss, networks.private_layers, codes, clipping_norm, units)
    found = clipped_gradient_sum(networks.private_loss, networks.private_layers, codes, clipping_norm, units)
    assert close(found, expected)
    if clipping_norm < 1e6:
        careless = clipped_gradient_sum(networks.private_loss, networks.private_layers, codes, clipping_norm)
        assert distance(careless, expected) > 1e-2, "the twin clips rows where it should clip persons"


@pytest.mark.parametrize("method", METHODS)
def test_the_door_clips_persons_as_one_by_one(method):
    """25 persons of four rows, of which three at most are kept."""
    table = small_table(100)
    table.insert(0, "person", pd.Series(np.repeat(np.arange(25), 4).astype(str), dtype="string"))
    networks = networks_of(method, DOMAIN.sizes)
    private, sums = begun(
        ExactTable, table, EVERY_ROW, UnitOfProtection(UnitKind.PERSON, "person", 3), clipping_norm=0.5
    )
    found = sums.next(networks.private_loss, networks.private_layers)
    [block], units = private._held.codes.blocks(), torch.from_numpy(private._held.units)
    codes = torch.from_numpy(np.stack(block, axis=1).astype(np.int64))
    assert torch.unique(units, return_counts=True)[1].tolist() == [3] * 25
    assert close(found, one_by_one(networks.private_loss, networks.private_layers, codes, 0.5, units))


@pytest.mark.parametrize("method", METHODS)
def test_a_rows_loss_is_that_rows_alone(method):
    """Alone, among fewer rows, in another order and beside copies of itself; up to the last bits of a product."""
    networks, codes = networks_of(method, SIZES), random_codes(SIZES, 50)
    losses = networks.private_loss(codes)
    order = torch.randperm(50)
    assert losses.std() > 1e-3
    assert torch.allclose(networks.private_loss(codes[order]), losses[order], atol=1e-5)
    assert torch.allclose(networks.private_loss(codes[:7]), losses[:7], atol=1e-5)
    assert torch.allclose(networks.private_loss(codes[[3] * 9 + [8]]), losses[[3] * 9 + [8]], atol=1e-5)
    alone = torch.cat([networks.private_loss(codes[[row]]) for row in range(50)])
    assert torch.allclose(alone, losses, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_a_private_loss_draws_nothing(method):
    networks, codes = networks_of(method, SIZES), random_codes(SIZES, 50)
    before = torch.get_rng_state()
    clipped_gradient_sum(networks.private_loss, networks.private_layers, codes, 1.0)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("method", METHODS)
def test_no_gradient_of_a_private_row_is_left_behind(method):
    """Also where private rows pass layers that do not learn from them; a step along free rows would add to it."""
    networks, codes = networks_of(method, SIZES), random_codes(SIZES, 50)
    clipped_gradient_sum(networks.private_loss, networks.private_layers, codes, 1.0)
    parameters = [each for module in networks.modules().values() for each in module.parameters()]
    assert all(parameter.grad is None for parameter in parameters)


@pytest.mark.parametrize("method", METHODS)
def test_learning_reads_the_noisy_sums_alone(method):
    """Two networks that saw different private rows take the same step along the same noisy sums."""
    stepped = []
    for n_rows in (5, 70):
        networks = networks_of(method, SIZES)
        networks.private_loss(random_codes(SIZES, n_rows, seed=n_rows))
        torch.manual_seed(3)
        noisy = [torch.randn_like(part) for layer in networks.private_layers for part in layer.parameters()]
        for step in range(1, 7):
            networks.learn(noisy, step)
        stepped.append(
            torch.cat([part.flatten() for module in networks.modules().values() for part in module.parameters()])
        )
    assert torch.equal(*stepped)
