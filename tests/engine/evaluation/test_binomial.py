import math

import numpy as np
import pytest

from engine.evaluation.binomial import binomial_tail, clopper_pearson_interval


def brute_tail(successes, n, share):
    """The binomial tail, term by term."""
    return sum(math.comb(n, i) * share**i * (1 - share) ** (n - i) for i in range(successes, n + 1))


@pytest.mark.parametrize(("successes", "n"), [(0, 7), (3, 7), (7, 7), (1, 40)])
def test_the_ends_of_an_interval_are_the_shares_at_which_the_count_is_barely_plausible(successes, n):
    low, high = clopper_pearson_interval(successes, n)
    if successes > 0:
        assert brute_tail(successes, n, low) == pytest.approx(0.025)
    if successes < n:
        assert 1 - brute_tail(successes + 1, n, high) == pytest.approx(0.025)
    assert (low == 0.0) == (successes == 0)
    assert (high == 1.0) == (successes == n)


def test_the_tail_is_exact_where_trials_are_independent():
    for successes in range(5, 13):
        assert binomial_tail(successes, 12, 0.3) == pytest.approx(brute_tail(successes, 12, 0.3))
    assert binomial_tail(3, 12, 0.3) == 1.0  # no more than are expected: nothing to be surprised at
    assert binomial_tail(0, 0, 0.3) == 1.0


def test_the_bound_holds_for_trials_that_go_together():
    """Groups of three that succeed together, and the twin that takes them for independent."""
    share, groups, together = 0.5, 20, 3
    exact = [brute_tail(successes, groups, share) for successes in range(groups + 1)]
    bounds = [
        binomial_tail(together * successes, together * groups, share, together) for successes in range(groups + 1)
    ]
    careless = [binomial_tail(together * successes, together * groups, share) for successes in range(groups + 1)]
    assert all(bound >= chance for bound, chance in zip(bounds, exact, strict=True))
    assert any(chance > 10 * wrong for chance, wrong in zip(exact, careless, strict=True))


def test_the_bound_holds_for_groups_of_different_sizes():
    # 20,000 simulated runs; where the bound is at least 0.01, a frequency lies above it by 4 standard errors only if
    # the bound is wrong. Chernoff's bound is a factor of 2 or more above the tail there.
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 5, 30)
    hits = (rng.random((20_000, 30)) < 0.4) @ sizes
    for level in (0.05, 0.02, 0.01):
        successes = int(np.quantile(hits, 1 - level))
        frequency = float((hits >= successes).mean())
        assert frequency <= binomial_tail(successes, int(sizes.sum()), 0.4, 4)


def test_shares_of_none_and_of_all():
    assert binomial_tail(1, 5, 0.0) == 0.0
    assert binomial_tail(2, 6, 0.0, 2) == 0.0
    assert binomial_tail(6, 6, 1.0, 2) == 1.0
