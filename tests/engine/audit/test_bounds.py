"""Bounds against binomial tails, closed forms, and simulated mechanisms whose privacy loss is known."""

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import binom, norm

from engine.audit.bounds import Guess, choose, confident_rates, epsilon_of, judge, lower_bound, mu_of
from engine.privacy.gaussian_dp import delta_of_mu


def rates(hits, alarms, runs, error=0.01):
    return [float(rate[0]) for rate in confident_rates(np.array([hits]), np.array([alarms]), runs, error)]


@pytest.mark.parametrize(("hits", "alarms"), [(1, 0), (17, 3), (40, 39)])
def test_rates_are_where_binomial_tails_reach_half_the_error(hits, alarms):
    least, greatest = rates(hits, alarms, 40)
    assert binom.sf(hits - 1, 40, least) == pytest.approx(0.005)
    assert binom.cdf(alarms, 40, greatest) == pytest.approx(0.005)


def test_rates_of_none_and_of_all():
    assert rates(0, 40, 40) == [0.0, 1.0]


def test_epsilon_by_both_directions():
    loss = epsilon_of(0.01)
    assert loss(np.array([0.5]), np.array([0.1]))[0] == pytest.approx(np.log(0.49 / 0.1))
    assert loss(np.array([0.9]), np.array([0.5]))[0] == pytest.approx(np.log(0.49 / 0.1))
    assert loss(np.array([0.0]), np.array([1.0]))[0] == -np.inf


@pytest.mark.parametrize("alarms", [0.01, 0.3, 0.8])
def test_mu_is_that_of_a_gaussian_with_these_rates(alarms):
    hits = norm.cdf(norm.ppf(alarms) + 1.5)
    assert mu_of()(np.array([hits]), np.array([alarms]))[0] == pytest.approx(1.5)


def test_mu_of_a_gaussian_that_fails():
    """With a chance of 0.1 all is revealed, else two Gaussians lie 1.5 apart: the bound stays below, and is near."""
    threshold = np.linspace(-3.0, 4.0, 50)
    hits = 0.1 + 0.9 * norm.sf(threshold - 1.5)
    alarms = 0.9 * norm.sf(threshold)
    found = mu_of(0.1)(hits, alarms)
    assert (found <= 1.5 + 1e-9).all()
    assert found.max() == pytest.approx(1.5)
    assert (mu_of()(hits, alarms)[10:40] > 1.5).all()


def test_rates_that_prove_no_mu():
    assert list(mu_of()(np.array([0.0, 0.5]), np.array([0.5, 1.0]))) == [-np.inf, -np.inf]


def test_the_best_statistic_and_threshold_are_chosen():
    rng = np.random.default_rng(1)
    without, with_canary = rng.normal(size=(50, 3)), rng.normal(size=(50, 3))
    with_canary[:, 1] += 10.0
    guess = choose(without, with_canary, mu_of(), 0.01, 100)
    assert guess.statistic == 1
    assert without[:, 1].max() <= guess.threshold < with_canary[:, 1].min()


def test_judging_counts_what_lies_above_the_threshold():
    without, with_canary = np.array([[0.0], [1.0], [2.0], [2.0]]), np.array([[1.0], [2.0], [3.0], [4.0]])
    found = judge(without, with_canary, Guess(0, 1.0, 0.0), mu_of(), 0.01)
    least, greatest = rates(3, 2, 4)
    assert found == pytest.approx(float(ndtri(least) - ndtri(greatest)))


def test_a_bound_needs_runs_on_both_sides():
    with pytest.raises(ValueError, match="at least 6 runs"):
        lower_bound(np.zeros((5, 1)), np.zeros((5, 1)), mu_of(), 0.01)
    with pytest.raises(ValueError, match="equally many"):
        lower_bound(np.zeros((10, 1)), np.zeros((11, 1)), mu_of(), 0.01)


def chosen_and_judged_at_once(without, with_canary, loss, error):
    """The broken twin: the runs that chose the guess judge it too."""
    return judge(without, with_canary, choose(without, with_canary, loss, error, len(without)), loss, error)


# Nothing is revealed, and an adversary looks at 50 numbers. A bound with an error of 0.2 passes zero in 12 of 60 games
# at most, and three standard deviations of 3.1 more. Where the best of 50 judges itself it does so nearly always.
@pytest.mark.statistical
@pytest.mark.parametrize(("bound", "sound"), [(lower_bound, True), (chosen_and_judged_at_once, False)])
def test_a_bound_errs_as_seldom_as_it_says(bound, sound):
    rng = np.random.default_rng(3)
    games = [bound(rng.normal(size=(40, 50)), rng.normal(size=(40, 50)), mu_of(), 0.2) for _ in range(60)]
    assert (sum(found > 0.0 for found in games) <= 12 + 3 * 3.1) == sound


# ε of a Gaussian of μ = 2 at δ = 0.01 is 4.2, and no bound with an error of 1e-6 may pass it.
@pytest.mark.statistical
def test_both_measures_of_one_gaussian_stay_below_the_truth_and_near():
    rng = np.random.default_rng(4)
    sides = rng.normal(size=(3000, 1)), rng.normal(2.0, size=(3000, 1))
    assert 1.7 < lower_bound(*sides, mu_of(), 1e-6) <= 2.0
    epsilon = lower_bound(*sides, epsilon_of(0.01), 1e-6)
    assert epsilon > 2.0
    assert delta_of_mu(2.0, epsilon) >= 0.01
