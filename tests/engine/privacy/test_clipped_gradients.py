"""Sums of clipped gradients against gradients that are written down one by one."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn

from engine.privacy.clipped_gradients import ROUNDING, clipped_gradient_sum
from engine.synthesizers.networks import PositionsLinear


def network(seed=0, inputs=12, hidden=16):
    torch.manual_seed(seed)
    return nn.ModuleList([nn.Linear(inputs, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, 1)])


def losses_of(layers):
    def loss_of(rows):
        hidden = torch.nn.functional.leaky_relu(layers[0](rows.float()), 0.2)
        hidden = torch.nn.functional.leaky_relu(layers[1](hidden), 0.2)
        return torch.nn.functional.softplus(-layers[2](hidden)).squeeze(1)

    return loss_of


def rows_of(n_rows=40, inputs=12, seed=1):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(n_rows, inputs)) * 3.0).float()


def one_by_one(loss_of, layers, rows, clipping_norm, units=None):
    """The same sum from a gradient per unit, each of which exists."""
    parameters = [parameter for layer in layers for parameter in (layer.weight, layer.bias)]
    units = torch.arange(len(rows)) if units is None else units
    total = [torch.zeros_like(parameter) for parameter in parameters]
    for unit in units.unique():
        gradients = torch.autograd.grad(loss_of(rows[units == unit]).sum(), parameters)
        norm = torch.sqrt(sum(gradient.square().sum() for gradient in gradients))
        factor = min(1.0, clipping_norm / float(norm))
        total = [old + factor * new for old, new in zip(total, gradients, strict=True)]
    return total


def distance(first, second):
    return max(float((one - other).abs().max()) for one, other in zip(first, second, strict=True))


@pytest.mark.parametrize("clipping_norm", [0.05, 0.5, 1e6])
def test_rows_one_by_one(clipping_norm):
    """Entries are sums of at most 40 numbers of size 1, in single precision, clipped to slightly less."""
    layers, rows = network(), rows_of()
    expected = one_by_one(losses_of(layers), layers, rows, clipping_norm)
    found = clipped_gradient_sum(losses_of(layers), layers, rows, clipping_norm)
    largest = max(float(part.abs().max()) for part in expected)
    assert distance(found, expected) < 5 * ROUNDING * largest


def test_units_of_several_rows_one_by_one():
    layers, rows = network(), rows_of()
    units = torch.tensor([0] * 7 + [3] * 1 + [4] * 20 + [9] * 12)
    expected = one_by_one(losses_of(layers), layers, rows, 0.3, units)
    found = clipped_gradient_sum(losses_of(layers), layers, rows, 0.3, units)
    assert distance(found, expected) < 1e-5
    careless = clipped_gradient_sum(losses_of(layers), layers, rows, 0.3)
    assert distance(careless, expected) > 1e-2, "the twin clips rows where it should clip units"


@pytest.mark.parametrize("units", [None, torch.tensor([0] * 10 + [1] * 30)])
def test_no_unit_adds_more_than_the_clipping_norm(units):
    layers, rows = network(), rows_of()
    last = slice(0, 39) if units is None else slice(0, 10)
    whole = clipped_gradient_sum(losses_of(layers), layers, rows, 0.1, units)
    less = clipped_gradient_sum(losses_of(layers), layers, rows[last], 0.1, None if units is None else units[last])
    moved = torch.sqrt(sum((one - other).double().square().sum() for one, other in zip(whole, less, strict=True)))
    assert 0.0999 < float(moved) <= 0.1


@pytest.mark.parametrize("units", [None, torch.tensor([0] * 7 + [3] * 1 + [4] * 20 + [9] * 12)])
@pytest.mark.parametrize("clipping_norm", [0.05, 1e6])
def test_positions_of_ones_are_the_same_as_rows_of_zeros_and_ones(clipping_norm, units):
    """Some rows have a position twice: it counts as a two, whose square is four."""
    layers = network()
    positions = torch.from_numpy(np.random.default_rng(2).integers(0, 12, (40, 3)))
    rows = nn.functional.one_hot(positions, 12).sum(1).float()
    assert (rows == 2.0).any()
    expected = one_by_one(losses_of(layers), layers, rows, clipping_norm, units)
    quick = PositionsLinear(12, 16)
    quick.load_state_dict(layers[0].state_dict())
    both = nn.ModuleList([quick, *layers[1:]])
    assert torch.allclose(quick(positions), layers[0](rows), atol=1e-6)

    def losses_of_positions(positions):
        hidden = nn.functional.leaky_relu(both[0](positions), 0.2)
        hidden = nn.functional.leaky_relu(both[1](hidden), 0.2)
        return nn.functional.softplus(-both[2](hidden)).squeeze(1)

    found = clipped_gradient_sum(losses_of_positions, both, positions, clipping_norm, units)
    assert distance(found, expected) < 1e-5 * max(1.0, max(float(part.abs().max()) for part in expected))
    assert distance(clipped_gradient_sum(losses_of(both), both, rows, clipping_norm, units), expected) < 1e-4, "as rows"


def test_no_rows_add_nothing():
    layers = network()
    found = clipped_gradient_sum(losses_of(layers), layers, rows_of()[:0], 1.0)
    assert [part.shape for part in found] == [part.shape for layer in layers for part in (layer.weight, layer.bias)]
    assert not any(part.any() for part in found)


def test_a_row_without_a_finite_gradient_adds_nothing():
    layers, rows = network(), rows_of()
    broken = rows.clone()
    broken[5] = torch.nan
    expected = clipped_gradient_sum(losses_of(layers), layers, torch.cat([rows[:5], rows[6:]]), 0.5)
    assert distance(clipped_gradient_sum(losses_of(layers), layers, broken, 0.5), expected) < 1e-6


def test_layers_are_passed_exactly_once():
    layers, rows = network(hidden=12), rows_of()

    def twice(rows):
        return layers[2](layers[1](layers[1](layers[0](rows)))).squeeze(1)

    def never(rows):
        return layers[2](layers[0](rows)).squeeze(1)

    for loss_of in (twice, never):
        with pytest.raises(ValueError, match="exactly once"):
            clipped_gradient_sum(loss_of, layers, rows, 1.0)
    with pytest.raises(ValueError, match="one loss per row"):
        clipped_gradient_sum(lambda rows: losses_of(layers)(rows).mean(), layers, rows, 1.0)
    with pytest.raises(ValueError, match="has a bias"):
        bare = nn.ModuleList([nn.Linear(12, 1, bias=False)])
        clipped_gradient_sum(lambda rows: bare[0](rows).squeeze(1), bare, rows, 1.0)


def opacus_sum(module, loss_of, rows, clipping_norm):
    """The same sum by the per-example gradients that Opacus writes down."""
    from opacus.grad_sample import GradSampleModule

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of PyTorch, on hooks of modules whose inputs need no gradient
        wrapped = GradSampleModule(module, loss_reduction="sum")
        loss_of(rows).sum().backward()
    samples = [parameter.grad_sample for parameter in module.parameters()]
    norms = torch.sqrt(sum(sample.flatten(1).square().sum(1) for sample in samples))
    factors = (clipping_norm / norms).clamp(max=1.0)
    sums = [torch.einsum("n,n...->...", factors, sample) for sample in samples]
    wrapped.remove_hooks()
    return sums


@pytest.mark.parametrize("clipping_norm", [0.1, 1e6])
def test_opacus_finds_the_same(clipping_norm):
    layers, rows = network(), rows_of()
    found = clipped_gradient_sum(losses_of(layers), layers, rows, clipping_norm)
    expected = opacus_sum(layers, losses_of(layers), rows, clipping_norm)
    largest = max(float(part.abs().max()) for part in expected)
    assert distance(found, expected) < 1e-5 * max(1.0, largest)
