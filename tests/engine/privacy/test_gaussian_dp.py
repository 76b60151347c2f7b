"""The exponential mechanism's bound, checked against brute force where the docstring proves it."""

import math

import numpy as np
import pytest
from scipy.special import expit, logit, ndtr, ndtri

from engine.privacy.gaussian_dp import (
    delta_of_mu,
    exponential_mechanism_epsilon,
    exponential_mechanism_mu,
)

EPSILONS = [0.01, 0.1, 0.5, 1.0, 2.0, 4.0, 8.0]


@pytest.mark.parametrize("epsilon", EPSILONS)
def test_worst_binary_answer_is_the_symmetric_one(epsilon):
    centre = np.linspace(-20.0, 20.0, 4001)
    mu = ndtri(expit(centre + epsilon / 2)) - ndtri(expit(centre - epsilon / 2))
    assert np.nanmax(mu) == pytest.approx(exponential_mechanism_mu(epsilon), rel=1e-9)


@pytest.mark.parametrize("epsilon", EPSILONS)
def test_gaussian_lies_below_every_binary_answer(epsilon):
    """β of N(0,1) against N(μ,1) is at most β of the binary answer, at each α and for each position t."""
    alpha = np.linspace(1e-6, 1 - 1e-6, 2001)
    gaussian = ndtr(ndtri(1 - alpha) - exponential_mechanism_mu(epsilon))
    for t in np.linspace(0.0, epsilon, 21):
        binary = np.maximum(1 - np.exp(t) * alpha, np.exp(t - epsilon) * (1 - alpha))
        assert np.all(gaussian <= binary + 1e-12)


def test_a_smaller_mu_would_be_a_lie():
    """The broken twin: 1 % less than μ lies above the symmetric binary answer at its vertex."""
    epsilon = 1.0
    alpha = 1 / (1 + math.exp(epsilon / 2))
    lie = ndtr(ndtri(1 - alpha) - 0.99 * exponential_mechanism_mu(epsilon))
    assert lie > 1 - math.exp(epsilon / 2) * alpha


@pytest.mark.parametrize("epsilon", EPSILONS)
def test_inverse(epsilon):
    assert exponential_mechanism_epsilon(exponential_mechanism_mu(epsilon)) == pytest.approx(epsilon, rel=1e-9)


@pytest.mark.parametrize("epsilon", EPSILONS)
def test_selection_between_real_neighbours_is_covered(epsilon):
    """Brute force: random scores that move by at most one, exact selection probabilities, hockey-stick."""
    rng = np.random.default_rng(5)
    mu = exponential_mechanism_mu(epsilon)
    for _ in range(200):
        scores = rng.normal(0, 3, 6)
        p = np.exp(epsilon / 2 * scores)
        q = np.exp(epsilon / 2 * (scores + rng.uniform(-1, 1, 6)))
        p, q = p / p.sum(), q / q.sum()
        for level in (0.0, epsilon / 4, epsilon / 2, epsilon):
            assert np.maximum(p - math.exp(level) * q, 0).sum() <= delta_of_mu(mu, level) + 1e-12


def test_delta_of_mu_agrees_with_the_known_value():
    """σ = 4.2247 gives (1, 1e-6) by Balle and Wang's analytic Gaussian mechanism."""
    assert delta_of_mu(1 / 4.224678889326822, 1.0) == pytest.approx(1e-6, rel=1e-6)
    assert delta_of_mu(0.0, 1.0) == 0.0


def test_logit_form():
    assert exponential_mechanism_mu(2 * logit(0.975)) == pytest.approx(2 * 1.959963984540054)
