"""Whole rows: each count within one of its expectation, right on average, in random order."""

import numpy as np
import pytest

from engine.synthesizers.marginals import project_to_simplex
from engine.synthesizers.rounding import spread


@pytest.mark.parametrize("size", [1, 7, 100])
def test_counts_are_within_one_row_and_right_on_average(size):
    """Mean of 4,000 roundings: standard error at most 0.5 / √4000 = 0.008; five of them allowed."""
    rng = np.random.default_rng(1)
    weights = np.array([[0.5, 0.0, 3.3, 1.2, 0.01]])
    expected = size * weights[0] / weights.sum()
    counts = np.array(
        [np.bincount(spread(weights, np.zeros(size, dtype=np.int32), rng), minlength=5) for _ in range(4000)]
    )
    assert (counts.sum(axis=1) == size).all()
    assert np.abs(counts - expected).max() < 1 + 1e-9
    assert np.abs(counts.mean(axis=0) - expected).max() < 0.04
    assert (counts[:, 1] == 0).all()


def test_groups_follow_their_own_weights():
    rng = np.random.default_rng(2)
    groups = rng.integers(0, 3, 30_000)
    cells = spread(np.array([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]]), groups, rng)
    assert (cells[groups == 0] == 0).all()
    assert (cells[groups == 1] == 1).all()
    assert abs(cells[groups == 2].mean() - 0.5) < 0.001


def test_rows_are_in_random_order():
    """Cells handed out in row order would correlate with the row number at nearly one."""
    cells = spread(np.array([[1.0, 1.0]]), np.zeros(20_000, dtype=np.int32), np.random.default_rng(3))
    assert abs(np.corrcoef(cells, np.arange(20_000))[0, 1]) < 5 / np.sqrt(20_000)


def test_a_group_without_weight_is_spread_evenly():
    cells = spread(np.zeros((1, 4)), np.zeros(4000, dtype=np.int32), np.random.default_rng(4))
    assert np.bincount(cells, minlength=4).tolist() == [1000] * 4


@pytest.mark.parametrize("seed", range(5))
def test_projection_is_the_closest_point(seed):
    """No random feasible point lies closer: the projection is the minimum of a convex problem."""
    rng = np.random.default_rng(seed)
    values = rng.normal(20, 30, 8)
    projected = project_to_simplex(values, 100.0)
    assert projected.min() >= 0
    assert projected.sum() == pytest.approx(100.0)
    others = rng.dirichlet(np.ones(8), 2000) * 100
    assert (np.linalg.norm(others - values, axis=1) >= np.linalg.norm(projected - values) - 1e-9).all()
