"""A certificate with a training says what its steps cost, and one that says less is not believed."""

import copy
import json
from functools import cache

import pytest

from engine.certificate import recompute
from engine.errors import InputError
from engine.pipeline import synthesize
from engine.privacy.accounting import compose_epsilon, gaussian_event, total_mu
from engine.privacy.sampled_gaussian import SampledGaussian, gaussian_envelope
from tests.tables import small_plan, small_table

METHODS = ["dp-ctgan", "dp-tvae"]
PLAN = {"epsilon": 1.0, "declared_rows": 400}


@cache
def made(method):
    return json.dumps(synthesize(small_table(), small_plan(method, **PLAN), sample_seed=1).certificate)


def certificate_of(method):
    """A certificate and the charge of its training, which may be changed."""
    certificate = json.loads(made(method))
    [training] = [charge for charge in certificate["events"] if charge["mechanism"] == "noisy_gradients"]
    return certificate, training


def restated(certificate):
    """The certificate with the ε that its events have, as one who lies would print it."""
    events = [charge["event"] for charge in certificate["events"]]
    stated = copy.deepcopy(certificate)
    stated["privacy"]["epsilon"] = compose_epsilon(events, certificate["privacy"]["delta"])
    return stated


@pytest.mark.parametrize("method", METHODS)
def test_an_honest_certificate_agrees(method):
    certificate, training = certificate_of(method)
    again = recompute(certificate)
    assert again["agrees"]
    assert again["epsilon"] <= 1.0
    assert again["events"] == len(certificate["events"])
    steps = SampledGaussian(training["sampling_rate"], training["noise_multiplier"], training["steps"])
    assert total_mu([training["event"]]) == pytest.approx(gaussian_envelope(steps, 1e-8))
    assert training["event"]["delta_extra"] == pytest.approx(1e-8)
    assert training["noise_scale"] == pytest.approx(training["noise_multiplier"] * training["sensitivity"])
    assert "Poisson" in certificate["privacy"]["accountant"]
    assert "ChaCha20" in certificate["randomness"]["noise"]


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 25},
        {"sampling_rate": 0.12},
        {"noise_multiplier": 2.0},
    ],
    ids=lambda change: next(iter(change)),
)
@pytest.mark.parametrize("method", METHODS)
def test_a_training_of_more_than_it_is_charged_for_is_noticed(method, change):
    certificate, training = certificate_of(method)
    [(name, value)] = change.items()
    assert (value < training[name]) == (name == "noise_multiplier")
    training.update(change)
    assert not recompute(certificate)["agrees"]


@pytest.mark.parametrize("method", METHODS)
def test_a_training_charged_below_its_cost_is_noticed(method):
    certificate, training = certificate_of(method)
    training["event"] = gaussian_event(total_mu([training["event"]]) * 0.9) | {"delta_extra": 1e-8}
    stated = restated(certificate)
    assert stated["privacy"]["epsilon"] < certificate["privacy"]["epsilon"]
    again = recompute(stated)
    assert again["epsilon"] == stated["privacy"]["epsilon"]
    assert not again["agrees"]


def test_a_training_that_costs_less_than_it_is_charged_for_is_believed():
    certificate, training = certificate_of("dp-tvae")
    training["steps"] -= 5
    assert recompute(certificate)["agrees"]


def test_a_training_without_a_part_of_delta_is_noticed():
    """No Gaussian covers such steps for every δ, so there is nothing that could have been charged."""
    certificate, training = certificate_of("dp-tvae")
    del training["event"]["delta_extra"]
    assert not recompute(restated(certificate))["agrees"]


@pytest.mark.parametrize("missing", ["sampling_rate", "noise_multiplier", "steps"])
def test_a_training_that_does_not_say_what_it_was_is_refused(missing):
    certificate, training = certificate_of("dp-tvae")
    del training[missing]
    with pytest.raises(InputError, match="lacks"):
        recompute(certificate)


@pytest.mark.parametrize(
    "change", [{"sampling_rate": 2.0}, {"noise_multiplier": -1.0}, {"steps": 0}, {"steps": "many"}, {"steps": 1.5}]
)
def test_a_training_that_makes_no_sense_is_refused(change):
    certificate, training = certificate_of("dp-tvae")
    training.update(change)
    with pytest.raises(InputError):
        recompute(certificate)
