"""Charges read back from JSON cost what they cost before, so that a run that goes on spends what it had spent."""

import json
import math

import pytest

from engine.errors import BudgetExceededError, UnsupportedEventError
from engine.privacy.accounting import gaussian_event
from engine.privacy.budget import Charge, RunBudget
from engine.privacy.mechanisms import GRADIENT_ROUNDING, gaussian_charge, selection_charge, training_charge
from engine.privacy.sampled_gaussian import SampledGaussian, gaussian_envelope

TRAINING = SampledGaussian(0.05, 3.0, 40)
CHARGES = {
    "counts": gaussian_charge("gaussian_marginal", "count", ("age", "region"), 3.0, 17.3),
    "categories": gaussian_charge(
        "category_discovery", "learn", ("ward",), 1.0, 9.1, delta_extra=1e-8, parameters={"threshold": 60.5}
    ),
    "selection": selection_charge("choose", ("age", "cost"), 2.0, 0.37, 55, 3),
    "training": training_charge("train", ("age",), TRAINING, 0.5, 1e-8),
}


@pytest.mark.parametrize("name", CHARGES)
def test_json_round_trip(name):
    charge = CHARGES[name]
    again = Charge.from_json(json.loads(json.dumps(charge.to_json(4))))
    assert again.mu_squared == pytest.approx(charge.mu_squared, rel=1e-12)
    assert again.to_json(4) == charge.to_json(4)
    changed = Charge(**{**vars(again), "mu_squared": charge.mu_squared})
    assert changed == charge


def test_a_budget_that_spends_it_all_again_is_where_it_was():
    budget = RunBudget(1.0, 1e-6)
    for charge in CHARGES.values():
        budget.spend(charge)
    again = RunBudget(1.0, 1e-6)
    for recorded in json.loads(json.dumps(budget.events())):
        again.spend(Charge.from_json(recorded))
    assert again.events() == budget.events()
    assert again.used_mu_squared == pytest.approx(budget.used_mu_squared, rel=1e-12)
    assert again.used_delta_extra == pytest.approx(budget.used_delta_extra, rel=1e-12)
    whole = RunBudget(budget.used_mu_squared * 0.99, 1e-6)
    with pytest.raises(BudgetExceededError):
        for recorded in budget.events():
            whole.spend(Charge.from_json(recorded))


def test_the_cost_is_the_events_and_not_what_the_json_says_beside_it():
    recorded = CHARGES["counts"].to_json(1)
    recorded["event"] = gaussian_event(2.0)
    assert Charge.from_json(recorded).mu_squared == pytest.approx(4.0)


@pytest.mark.parametrize("event", [{"type": "NonPrivateDpEvent"}, TRAINING.event(), {"type": "Unknown"}])
def test_what_has_no_known_cost_is_refused(event):
    with pytest.raises(UnsupportedEventError):
        Charge.from_json(CHARGES["counts"].to_json(1) | {"event": event})


def test_a_training_is_charged_as_its_envelope():
    charge = CHARGES["training"]
    assert math.sqrt(charge.mu_squared) == gaussian_envelope(TRAINING, 1e-8)
    assert charge.delta_extra == 1e-8
    assert charge.noise_scale / charge.sensitivity == pytest.approx(3.0)
    assert 0.5 < charge.sensitivity <= 0.5 * (1.0 + GRADIENT_ROUNDING)
    assert charge.parameters == {"sampling_rate": 0.05, "noise_multiplier": 3.0, "steps": 40}
