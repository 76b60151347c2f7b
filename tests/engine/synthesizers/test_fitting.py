"""The fit: its minimum against a solver on the whole joint, and that extrapolation gets there in fewer steps."""

import numpy as np
import pytest
from scipy.optimize import minimize

from engine.synthesizers import fitting
from engine.synthesizers.graphical_model import GraphicalModel, Measurement

SIZES = (3, 2, 4)
SETS = [(0,), (0, 1), (1, 2), (0, 2)]


def measured(seed):
    """Noisy marginals of a random joint, some below zero, with a different variance for each."""
    rng = np.random.default_rng(seed)
    joint = rng.dirichlet(np.full(24, 0.5)).reshape(SIZES) * 300
    items = []
    for number, columns in enumerate(SETS):
        counts = joint.sum(axis=tuple(axis for axis in range(3) if axis not in columns))
        variance = np.array(10.0 * (number + 1))
        items.append(Measurement(columns, counts + rng.normal(0, np.sqrt(variance), counts.shape), variance))
    return items


def loss(marginal_of, items):
    return sum(0.5 * ((marginal_of(item.columns) - item.counts) ** 2 / item.variance).sum() for item in items)


def fit(items, iterations):
    model = GraphicalModel(SIZES, 300.0)
    model.add_many(items)
    model.fit(iterations, tolerance=0.0, stop_at_noise=False)
    return loss(model.marginal, items)


def least_loss(items):
    """The smallest loss of any table of 24 cells, by a general solver on the squares of their roots."""

    def of_joint(logits):
        joint = np.exp(logits - logits.max()).reshape(SIZES)
        joint *= 300.0 / joint.sum()
        return loss(lambda columns: joint.sum(axis=tuple(a for a in range(3) if a not in columns)), items)

    starts = [np.random.default_rng(seed).normal(0, 0.1, 24) for seed in range(3)]
    return min(minimize(of_joint, start, method="L-BFGS-B", options={"maxiter": 2000}).fun for start in starts)


@pytest.mark.parametrize("seed", range(4))
def test_the_fit_reaches_the_smallest_loss(seed):
    items = measured(seed)
    assert fit(items, 3000) == pytest.approx(least_loss(items), rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("seed", range(4))
def test_extrapolation_saves_steps(monkeypatch, seed):
    """After 30 steps, less than a fifth of what plain steps leave above the least loss."""
    items = measured(seed)
    least = least_loss(items)
    extrapolated = fit(items, 30)
    monkeypatch.setattr(fitting.MirrorDescent, "_extrapolate", lambda self, enough: False)
    assert 5 * (extrapolated - least) < fit(items, 30) - least


@pytest.mark.parametrize("seed", range(3))
def test_the_loss_never_rises(seed):
    items = measured(seed)
    model = GraphicalModel(SIZES, 300.0)
    model.add_many(items)
    before = np.inf
    for _ in range(40):
        model.fit(1, tolerance=0.0, stop_at_noise=False)
        now = loss(model.marginal, items)
        assert now <= before * (1 + 1e-12)
        before = now


def test_a_model_without_measurements_stays_uniform():
    model = GraphicalModel(SIZES, 300.0)
    model.fit(10, tolerance=0.0, stop_at_noise=False)
    np.testing.assert_allclose(model.marginal((0, 1)), np.full((3, 2), 50.0))


def test_noise_far_beyond_the_rows_leaves_a_model_that_can_be_sampled():
    """Measurements of a table of one row, where potentials ran apart until products of shares vanished."""
    model = GraphicalModel((2, 2, 2, 2), 1.0)
    ones = [((0, -1), (182, 7467)), ((0, -48), (182, 546)), ((2, -13), (182, 364)), ((0, -51), (182, 7649))]
    model.add_many(
        Measurement((column,), np.array(counts, dtype=float), np.array(variance, dtype=float))
        for column, (counts, variance) in enumerate(ones)
    )
    model.fit(600, tolerance=1e-6, stop_at_noise=False)
    model.add(Measurement((0, 2), np.array([[4.0, 19.0], [1.0, 9.0]]), np.array(67.5)))
    model.fit(60, tolerance=1e-5, stop_at_noise=True)
    model.add(Measurement((0, 3), np.array([[-12.0, -8.0], [2.0, 1.0]]), np.array(67.5)))
    model.fit(800, tolerance=1e-6, stop_at_noise=False)
    assert len(model.sample(5, np.random.default_rng(1))[0]) == 5
    for counts in model.pairs().values():
        assert counts.sum() == pytest.approx(1.0)
