import math

import numpy as np
import pytest
from scipy.stats import hypergeom

from engine.evaluation.distances import total_variation
from engine.evaluation.sample_share import CellSizes, fresh_share

TABLES = [np.array([1, 1, 2, 0, 5, 40, 51]), np.array([100]), np.array([30, 30, 0, 30, 10])]


def simulated(tables, n_drawn, rng, n_times):
    """Mean distances of random samples of the rows of each table, shape (n_times,)."""
    return np.mean(
        [
            [total_variation(table, rng.multivariate_hypergeometric(table, n_drawn)) for _ in range(n_times)]
            for table in tables
        ],
        axis=0,
    )


@pytest.mark.parametrize("n_drawn", [1, 3, 50, 99, 100])
def test_the_expected_distance_agrees_with_the_sum_over_all_outcomes(n_drawn):
    by_hand = 0.0
    for table in TABLES:
        for size in table[table > 0]:
            outcomes = np.arange(n_drawn + 1)
            chances = hypergeom.pmf(outcomes, 100, size, n_drawn)
            by_hand += 0.5 * float(chances @ np.abs(outcomes / n_drawn - size / 100)) / len(TABLES)
    assert CellSizes.of(TABLES).expected_distance(n_drawn) == pytest.approx(by_hand, abs=1e-12)


def test_the_expected_distance_agrees_with_samples():
    rng = np.random.default_rng(0)
    tables = [np.bincount(rng.zipf(1.6, 5000).clip(0, 400)) for _ in range(4)]
    for n_drawn in (100, 1500):
        distances = simulated(tables, n_drawn, rng, 200)
        # Five standard errors of the mean of 200.
        tolerance = 5 * distances.std() / math.sqrt(200)
        assert CellSizes.of(tables).expected_distance(n_drawn) == pytest.approx(distances.mean(), abs=tolerance)


def test_a_formula_by_normal_noise_is_too_far_off_where_cells_are_small():
    table = np.ones(1000, dtype=np.int64)
    expected = CellSizes.of([table]).expected_distance(10)
    normal = 0.5 * 1000 * math.sqrt(2 / math.pi * 1e-3 * (1 - 1e-3) / 10 * (1 - 10 / 1000))
    # Ten of a thousand different rows: each of the other 990 lacks a thousandth.
    assert expected == pytest.approx(0.99)
    assert normal > 3 * expected


def test_a_larger_sample_is_nearer():
    cells = CellSizes.of(TABLES)
    distances = [cells.expected_distance(n_drawn) for n_drawn in range(1, 101)]
    assert all(low <= high for low, high in zip(distances[1:], distances[:-1], strict=True))
    assert distances[-1] == 0.0


def test_the_share_is_found_again():
    cells = CellSizes.of(TABLES)
    for n_drawn in (1, 20, 77):
        assert cells.share(cells.expected_distance(n_drawn)) == n_drawn / 100
    assert cells.share(0.0) == 1.0
    assert cells.share(1.0) == 1 / 100


def test_fresh_rows_are_as_far_off_as_the_sample_that_they_read_as():
    # 3,000 fresh rows beside 6,000: 1 / (2 + 2) of the rows; the approximation is good to some percent.
    rng = np.random.default_rng(4)
    shares = rng.dirichlet(np.full(30, 2.0))
    tables = [rng.multinomial(6000, shares) for _ in range(300)]
    fresh = np.mean([total_variation(table, rng.multinomial(3000, shares)) for table in tables])
    share = fresh_share(6000, 3000)
    assert share == 0.25
    assert CellSizes.of(tables).expected_distance(round(share * 6000)) == pytest.approx(fresh, rel=0.03)
