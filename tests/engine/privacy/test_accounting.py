"""ε from recorded events: golden values with their source, inequalities, and refusals."""

import json
import math

import pytest
from dp_accounting import dp_event
from dp_accounting.pld import PLDAccountant

from engine.errors import UnsupportedEventError
from engine.privacy.accounting import (
    compose_epsilon,
    gaussian_event,
    mu_for,
    rdp_epsilon,
    sum_of_epsilons,
    total_mu,
)
from engine.privacy.events import delta_extra, event_from_json, event_to_json

DP_SGD = dp_event.SelfComposedDpEvent(dp_event.PoissonSampledDpEvent(0.02, dp_event.GaussianDpEvent(2.0)), 5000)
ROUND_TRIPS = [
    dp_event.GaussianDpEvent(1.5),
    dp_event.LaplaceDpEvent(0.5),
    dp_event.ZCDpEvent(0.1, 0.0),
    dp_event.NonPrivateDpEvent(),
    dp_event.ComposedDpEvent([dp_event.GaussianDpEvent(3.0), DP_SGD]),
    dp_event.MixtureOfGaussiansDpEvent(2.0, [0, 1, 2], [0.81, 0.18, 0.01]),
]


@pytest.mark.parametrize("event", ROUND_TRIPS, ids=lambda event: type(event).__name__)
def test_json_round_trip(event):
    assert event_from_json(json.loads(json.dumps(event_to_json(event)))) == event


def test_one_gaussian_is_exact():
    """σ = 4.2247 at δ = 1e-6 is ε = 1: Balle and Wang (2018), Theorem 8."""
    epsilon = compose_epsilon([{"type": "GaussianDpEvent", "noise_multiplier": 4.224678889326822}], 1e-6)
    assert epsilon == pytest.approx(1.0, rel=1e-9)


def test_ten_runs_compose_below_their_sum():
    """Ten (1, 1e-6) Gaussian runs: √10 μ, ε = 3.5247; the sum is ten."""
    events = [gaussian_event(mu_for(1.0, 1e-6))] * 10
    assert compose_epsilon(events, 1e-6) == pytest.approx(3.5247, abs=1e-3)
    assert sum_of_epsilons(events, 1e-6) == pytest.approx(10.0, rel=1e-6)


def test_closed_form_never_undercuts_the_loss_distribution():
    for mu in (0.05, 0.3, 1.0, 3.0):
        accountant = PLDAccountant(value_discretization_interval=1e-4)
        accountant.compose(dp_event.GaussianDpEvent(1 / mu))
        pessimistic = accountant.get_epsilon(1e-6)
        assert compose_epsilon([gaussian_event(mu)], 1e-6) <= pessimistic
        assert compose_epsilon([gaussian_event(mu)], 1e-6) == pytest.approx(pessimistic, rel=1e-3)


def test_dp_sgd_golden_values():
    """q = 0.02, σ = 2, T = 5000 at δ = 1e-6: 3.61 by loss distributions and 3.87 by RDP (dp-accounting 0.6.0)."""
    recorded = [event_to_json(DP_SGD)]
    assert compose_epsilon(recorded, 1e-6) == pytest.approx(3.609, abs=0.01)
    assert rdp_epsilon(recorded, 1e-6) == pytest.approx(3.873, abs=0.01)


def test_zero_concentrated_events_are_left_to_rdp():
    """ρ = 0.1 at δ = 1e-6 by RDP: ε = 2.23 or less, and well above ρ."""
    epsilon = compose_epsilon([{"type": "ZCDpEvent", "rho": 0.1, "xi": 0.0}], 1e-6)
    assert 1.5 < epsilon <= 0.1 + 2 * math.sqrt(0.1 * math.log(1e6))


@pytest.mark.parametrize("epsilon", [0.001, 0.01, 0.1, 1.0, 3.0, 10.0, 50.0])
@pytest.mark.parametrize("delta", [1e-5, 1e-6, 1e-9])
def test_calibration_keeps_the_promise_and_is_tight(epsilon, delta):
    mu = mu_for(epsilon, delta)
    assert compose_epsilon([gaussian_event(mu)], delta) <= epsilon
    assert compose_epsilon([gaussian_event(mu * 1.01)], delta) > epsilon


def test_extra_delta_is_taken_off_first():
    event = gaussian_event(mu_for(1.0, 1e-6))
    with_extra = event | {"delta_extra": 5e-7}
    assert compose_epsilon([with_extra], 1e-6) == pytest.approx(compose_epsilon([event], 5e-7))
    assert compose_epsilon([event | {"delta_extra": 1e-6}], 1e-6) == math.inf


def test_no_noise_has_no_privacy():
    assert compose_epsilon([{"type": "NonPrivateDpEvent"}], 1e-6) == math.inf
    assert compose_epsilon([gaussian_event(0.1), {"type": "NonPrivateDpEvent"}], 1e-6) == math.inf


def test_nothing_costs_nothing():
    assert compose_epsilon([], 1e-6) == 0.0
    assert compose_epsilon([{"type": "NoOpDpEvent"}], 1e-6) == 0.0


def test_total_mu_adds_squares():
    assert total_mu([gaussian_event(0.3), gaussian_event(0.4)]) == pytest.approx(0.5)
    with pytest.raises(UnsupportedEventError):
        total_mu([event_to_json(DP_SGD)])


@pytest.mark.parametrize(
    "malformed",
    [
        {},
        {"type": "os.system"},
        {"type": "GaussianDpEvent"},
        {"type": "GaussianDpEvent", "noise_multiplier": "4"},
        {"type": "GaussianDpEvent", "noise_multiplier": None},
        {"type": "ComposedDpEvent", "events": [{"type": "Unknown"}]},
        {"type": ["GaussianDpEvent"]},
    ],
)
def test_unknown_or_malformed_events_are_refused(malformed):
    with pytest.raises(UnsupportedEventError):
        compose_epsilon([malformed], 1e-6)


@pytest.mark.parametrize("extra", [-1e-9, 1.0, "0", True])
def test_impossible_extra_delta_is_refused(extra):
    with pytest.raises(UnsupportedEventError):
        delta_extra(gaussian_event(1.0) | {"delta_extra": extra})
