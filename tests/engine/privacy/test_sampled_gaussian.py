"""The Gaussian that a training is charged as, against the accountant's own answer for the training itself."""

import math

import pytest

from engine.errors import PlanError
from engine.privacy.accounting import compose_epsilon, gaussian_event, mu_for, rdp_epsilon
from engine.privacy.sampled_gaussian import SampledGaussian, gaussian_envelope, noise_multiplier_for

DELTA_EXTRA = 1e-8
TRAININGS = [
    SampledGaussian(0.02, 1.0, 1000),
    SampledGaussian(0.02, 4.0, 1000),
    SampledGaussian(0.2, 3.0, 50),
    SampledGaussian(0.5, 5.0, 3),
    SampledGaussian(1.0, 2.0, 1),
]


def named(training):
    return f"q={training.sampling_rate} sigma={training.noise_multiplier} steps={training.steps}"


@pytest.mark.parametrize("training", TRAININGS, ids=named)
@pytest.mark.parametrize("delta", [1e-7, 1e-6, 1e-4, 1e-2, 0.2])
def test_the_envelope_covers_the_training_at_every_delta(training, delta):
    """The twin takes the central limit for the truth, and its ε is too small where δ is small."""
    charged = [gaussian_event(gaussian_envelope(training, DELTA_EXTRA)) | {"delta_extra": DELTA_EXTRA}]
    assert compose_epsilon(charged, delta) >= compose_epsilon([training.event()], delta) - 2e-3


@pytest.mark.parametrize("training", TRAININGS[:3], ids=named)
def test_the_central_limit_does_not_cover_it(training):
    rate, noise, steps = training.sampling_rate, training.noise_multiplier, training.steps
    limit = rate * math.sqrt(steps * math.expm1(noise**-2.0))
    assert limit < gaussian_envelope(training, DELTA_EXTRA)
    assert compose_epsilon([gaussian_event(limit)], 1e-7) < compose_epsilon([training.event()], 1e-7)


@pytest.mark.parametrize("training", TRAININGS, ids=named)
@pytest.mark.parametrize("mu", [0.2, 1.0])
def test_together_with_other_charges(training, mu):
    """Composed with a Gaussian, the envelope is above the training and within 4 % of it, well below Rényi DP."""
    other = gaussian_event(mu)
    charged = gaussian_event(gaussian_envelope(training, DELTA_EXTRA)) | {"delta_extra": DELTA_EXTRA}
    exact = compose_epsilon([other, training.event()], 1e-6)
    assert exact - 2e-3 <= compose_epsilon([other, charged], 1e-6) <= exact * 1.04 + 2e-3
    if training.steps >= 1000:
        assert compose_epsilon([other, charged], 1e-6) < rdp_epsilon([other, training.event()], 1e-6)


def test_every_row_in_every_sample_is_the_gaussian_itself():
    """Losses are rounded up to multiples of 1e-3, 9 times."""
    assert gaussian_envelope(SampledGaussian(1.0, 6.0, 9), DELTA_EXTRA) == pytest.approx(0.5, rel=0.01)
    assert gaussian_envelope(SampledGaussian(1.0, 6.0, 9), DELTA_EXTRA) >= 0.499


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 10.0])
@pytest.mark.parametrize(("rate", "steps"), [(0.02, 1000), (0.25, 200)])
def test_noise_for_a_cost(epsilon, rate, steps):
    mu = 0.5 * mu_for(epsilon, 1e-6)
    noise = noise_multiplier_for(mu, rate, steps, DELTA_EXTRA)
    cost = gaussian_envelope(SampledGaussian(rate, noise, steps), DELTA_EXTRA)
    assert mu * 0.999 < cost <= mu
    assert gaussian_envelope(SampledGaussian(rate, noise * 0.99, steps), DELTA_EXTRA) > mu


def test_what_cannot_be_accounted_for_is_refused():
    with pytest.raises(PlanError, match="larger δ"):
        gaussian_envelope(TRAININGS[0], 1e-13)
    with pytest.raises(PlanError, match="smaller ε"):
        gaussian_envelope(SampledGaussian(0.9, 0.05, 1000), 1e-8)
    with pytest.raises(PlanError, match="nothing but noise"):
        noise_multiplier_for(1e-5, 0.5, 10_000, 1e-8)
    with pytest.raises(PlanError, match="larger δ"):
        noise_multiplier_for(1.0, 0.02, 1000, 1e-13)


@pytest.mark.parametrize(
    ("rate", "noise", "steps"),
    [(0.0, 1.0, 1), (1.1, 1.0, 1), (0.5, 0.0, 1), (0.5, math.inf, 1), (0.5, 1.0, 0), (0.5, 1.0, True), (0.5, 1.0, 2.0)],
)
def test_trainings_that_make_no_sense(rate, noise, steps):
    with pytest.raises(ValueError, match="must be"):
        SampledGaussian(rate, noise, steps)


def test_the_event_of_the_first_steps():
    training = TRAININGS[0]
    assert compose_epsilon([training.event(10)], 1e-6) < compose_epsilon([training.event()], 1e-6)
    assert training.event()["count"] == 1000
