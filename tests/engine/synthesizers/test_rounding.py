"""Whole rows: each count within one of its expectation, right on average, dealt evenly."""

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
    groups = np.sort(rng.integers(0, 3, 30_000))
    cells = spread(np.array([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]]), groups, rng)
    assert (cells[groups == 0] == 0).all()
    assert (cells[groups == 1] == 1).all()
    assert abs(cells[groups == 2].mean() - 0.5) < 0.001


@pytest.mark.parametrize("size", [2, 3, 12, 89, 1000])
def test_every_row_of_a_group_has_the_same_expectation(size):
    """Share of 20,000 draws in which a row got the cell of weight a quarter: standard error √(3/16/20,000) = 0.0031;
    five of them allowed, 3e-4 in all over the three rows and five sizes."""
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(20_000), 3) if size == 3 else np.repeat(np.arange(20_000), min(size, 12))
    cells = spread(np.tile([3.0, 1.0], (20_000, 1)), groups, rng).reshape(20_000, -1)
    for row in (0, cells.shape[1] // 2, -1):
        assert abs(cells[:, row].mean() - 0.25) < 5 * 0.0031


def test_runs_of_rows_hold_their_share():
    """Any run of a group holds each cell in its share, within ten rows.

    Theory allows 3 + 3.52 ln n = 33 rows at most (Kuipers and Niederreiter 1974, chapter 2, theorem 3.4); a random
    order misses by a standard deviation of 25 in runs of 5,000.
    """
    rng = np.random.default_rng(4)
    shares = np.array([0.5, 0.3, 0.15, 0.05])
    cells = spread(shares[None, :], np.zeros(10_000, dtype=np.int32), rng)

    def worst(dealt):
        sums = np.cumsum(dealt[:, None] == np.arange(4), axis=0)
        return max(np.abs(sums[length:] - sums[:-length] - length * shares).max() for length in (10, 100, 1000, 5000))

    assert worst(cells) < 10.0
    assert worst(rng.permutation(cells)) > 33.0


@pytest.mark.parametrize("weights", [[0.0, 1.0, 0.0], [1e-300, 0.0, 1.0, 0.0], [1.0, 1e-17, 0.0], [0.1] * 10 + [0.0]])
def test_a_cell_without_weight_gets_no_row(weights):
    """The last cell too: rounding errors of the sum must not be made up for there."""
    weights = np.array([weights])
    for seed in range(300):
        cells = spread(weights, np.zeros(7, dtype=np.int32), np.random.default_rng(seed))
        assert (weights[0, cells] > 0.0).all()


def test_a_group_without_weight_is_refused_where_it_has_rows():
    weights = np.array([[0.0, 0.0], [1.0, 1.0]])
    assert len(spread(weights, np.ones(4, dtype=np.int32), np.random.default_rng(4))) == 4
    with pytest.raises(ValueError, match="without weight"):
        spread(weights, np.array([0, 1]), np.random.default_rng(4))


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
