"""Networks and losses of the deep methods against formulas that are written out."""

import math

import numpy as np
import pytest
import torch

from engine.synthesizers.networks import (
    ONE_WAY_WEIGHT,
    WEIGHT_FLOOR,
    CellLayout,
    Generator,
    Moments,
    PositionsLinear,
    cosine,
    drawn_conditions,
)

LAYOUT = CellLayout((2, 3, 4))


def targets(seed=0):
    """Shares of columns and of two of the three pairs, which no distribution has to have together."""
    rng = np.random.default_rng(seed)
    shares = [rng.dirichlet(np.ones(size)) for size in LAYOUT.sizes]
    pairs = {(0, 2): rng.dirichlet(np.ones(8)).reshape(2, 4), (1, 2): rng.dirichlet(np.ones(12)).reshape(3, 4)}
    return shares, pairs


def written_out(shares, pairs, probabilities):
    """The sum over columns and pairs of squared errors, each cell's over its share."""
    parts = LAYOUT.split(probabilities)
    total = torch.zeros(())
    for share, part in zip(shares, parts, strict=True):
        share = torch.from_numpy(share).float()
        total = total + ONE_WAY_WEIGHT * ((part.mean(0) - share).square() / (share + WEIGHT_FLOOR)).sum()
    for (first, second), share in pairs.items():
        share = torch.from_numpy(share).float()
        found = torch.einsum("na,nb->ab", parts[first], parts[second]) / len(probabilities)
        total = total + ((found - share).square() / (share + WEIGHT_FLOOR)).sum()
    return total


def test_the_loss_of_moments_and_its_slope():
    """Sums of 24 terms in single precision, whose slopes are of size one."""
    shares, pairs = targets()
    moments = Moments(LAYOUT, shares, pairs, torch.device("cpu"))
    logits = torch.from_numpy(np.random.default_rng(1).normal(size=(50, LAYOUT.width))).float()
    slopes, losses = [], []
    for loss_of in (moments.loss, lambda probabilities: written_out(shares, pairs, probabilities)):
        own = logits.clone().requires_grad_()
        loss = loss_of(LAYOUT.softmax(own))
        loss.backward()
        losses.append(float(loss.detach()))
        slopes.append(own.grad)
    assert abs(losses[0] - losses[1]) < 1e-5 * losses[1]
    assert (slopes[0] - slopes[1]).abs().max() < 1e-5 * slopes[1].abs().max()


def test_positions_are_those_of_ones():
    codes = torch.tensor([[0, 2, 1], [1, 0, 3]])
    rows = LAYOUT.one_hot(codes)
    torch.testing.assert_close(rows.gather(1, LAYOUT.positions(codes)), torch.ones(2, 3))
    assert rows.sum() == 6


def test_a_layer_takes_ones_or_their_positions():
    """Sums of three weights and a bias in single precision."""
    torch.manual_seed(0)
    layer = PositionsLinear(LAYOUT.width, 5)
    codes = torch.tensor([[0, 2, 1], [1, 0, 3]])
    torch.testing.assert_close(layer(LAYOUT.positions(codes)), layer(LAYOUT.one_hot(codes)))


def test_a_new_generator_starts_near_the_shares():
    """Weights of deviation 0.05 times √16 hidden units of size one move logits by 0.2 or so."""
    torch.manual_seed(0)
    shares, _ = targets()
    generator = Generator(LAYOUT, 4, 16, shares)
    made = LAYOUT.softmax(generator(torch.randn(2000, 4))).mean(0)
    assert (made - torch.from_numpy(np.concatenate(shares)).float()).abs().max() < 0.1


def conditional_generator():
    """A generator, 30 points and their conditions: one cell of each column in turn."""
    torch.manual_seed(0)
    shares, _ = targets()
    conditions = drawn_conditions(30, LAYOUT, shares)
    return Generator(LAYOUT, 4, 16, shares, conditional=True), torch.randn(30, 4), conditions


def test_a_condition_holds_for_certain_and_in_its_column_alone():
    generator, noise, conditions = conditional_generator()
    probabilities = LAYOUT.softmax(generator(torch.cat([noise, conditions], 1)))
    assert ((probabilities * conditions).sum(1) > 1.0 - 1e-6).all()
    free = LAYOUT.spread_over_columns(conditions) == 0.0
    assert (probabilities[free] > 1e-4).all()
    assert (probabilities[free] < 0.999).all()


def test_what_is_certain_has_no_slope():
    """A conditioned column would otherwise learn from points that say nothing about it."""
    generator, noise, conditions = conditional_generator()
    first = conditions[:, :2].sum(1) > 0.0
    LAYOUT.softmax(generator(torch.cat([noise, conditions], 1)))[first, 0].sum().backward()
    assert (generator.last.weight.grad[:2] == 0.0).all()


def test_conditions_are_drawn_as_often_as_shares_say():
    """300 points for each of three columns: every cell within one of its expectation, which random draws miss."""
    torch.manual_seed(0)
    shares, _ = targets()
    conditions = drawn_conditions(900, LAYOUT, shares)
    assert (conditions.sum(1) == 1.0).all()
    expected = 300.0 * np.concatenate(shares)
    assert np.abs(conditions.sum(0).numpy() - expected).max() < 1.0
    at_random = np.concatenate([np.random.default_rng(0).multinomial(300, share) for share in shares])
    assert np.abs(at_random - expected).max() > 1.0


@pytest.mark.parametrize("n_points", [0, 2])
def test_fewer_points_than_columns_have_conditions_too(n_points):
    shares, _ = targets()
    assert drawn_conditions(n_points, LAYOUT, shares).sum() == n_points


@pytest.mark.parametrize(("done", "rate"), [(0.0, 2.0), (0.5, 1.0), (1.0, 0.0), (1.5, 0.0), (1 / 3, 1.5)])
def test_the_rate_falls_like_a_cosine(done, rate):
    assert math.isclose(cosine(2.0, done), rate, abs_tol=1e-12)
