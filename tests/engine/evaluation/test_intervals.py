import numpy as np
import pytest

from engine.evaluation.intervals import (
    bootstrap_weights,
    jackknife_variance,
    newcombe_interval,
    normal_interval,
    percentile_interval,
    wilson_interval,
)


# Newcombe (1998), "Two-sided confidence intervals for the single proportion", Table I, method 3.
@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_interval_agrees_with_published_values(successes, n, low, high):
    interval = wilson_interval(successes, n)
    assert interval == pytest.approx((low, high), abs=5e-5)


def test_wilson_interval_is_symmetric_and_stays_in_range():
    low, high = wilson_interval(3, 10)
    mirrored = wilson_interval(7, 10)
    assert mirrored == pytest.approx((1 - high, 1 - low))
    assert wilson_interval(10, 10)[1] == 1.0


def test_bootstrap_interval_covers_the_closed_form_for_a_mean():
    # The mean of n draws has standard error s / sqrt(n), and a normal interval of 1.96 of them. The resampled
    # ends have a Monte Carlo error of about 10% of a standard error at 4000 replicates; allow three of these.
    rng = np.random.default_rng(5)
    values = rng.normal(3.0, 2.0, 400)
    means = bootstrap_weights(400, 4000, rng) @ values / 400
    error = values.std() / np.sqrt(400)
    low, high = percentile_interval(means)
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.3 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.3 * error)


def test_every_resample_has_as_many_rows_as_the_table():
    weights = bootstrap_weights(17, 5, np.random.default_rng(0))
    assert weights.shape == (5, 17)
    assert (weights.sum(axis=1) == 17).all()


def test_an_interval_of_nothing_is_none():
    assert percentile_interval(np.array([np.nan, np.nan])) is None


# Newcombe (1998), "Interval estimation for the difference between independent proportions", Table II, method 10.
@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((48, 80), (56, 70), 0.0524, 0.3339),
        ((3, 10), (9, 10), 0.1705, 0.8090),
        ((2, 7), (6, 7), 0.0582, 0.8062),
        ((0, 29), (5, 56), -0.0381, 0.1926),
    ],
)
def test_newcombe_interval_agrees_with_published_values(first, second, low, high):
    assert newcombe_interval(first, second) == pytest.approx((low, high), abs=5e-5)
    assert newcombe_interval(second, first) == pytest.approx((-high, -low), abs=5e-5)


def test_newcombe_interval_stays_in_range():
    low, high = newcombe_interval((0, 5), (5, 5), 0.999999)
    assert -1.0 <= low < 1.0 == high


def test_normal_interval_is_cut_to_the_range():
    assert normal_interval(0.5, 0.01) == pytest.approx((0.5 - 0.1959964, 0.5 + 0.1959964))
    assert normal_interval(0.1, 0.01, 0.0, 0.2) == (0.0, 0.2)


def test_jackknife_variance_of_a_mean_is_the_textbook_one():
    rows = np.random.default_rng(0).normal(0, 1, 30)
    left_out = (rows.sum() - rows) / 29
    assert jackknife_variance(left_out) == pytest.approx(rows.var(ddof=1) / 30)
