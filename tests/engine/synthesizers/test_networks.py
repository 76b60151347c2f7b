"""Losses of the deep methods against formulas that are written out."""

import numpy as np
import torch

from engine.synthesizers.networks import ONE_WAY_WEIGHT, WEIGHT_FLOOR, CellLayout, Moments

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
