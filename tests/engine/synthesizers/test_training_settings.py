"""What of a training follows from a plan: public numbers alone, and a clear refusal where no training can be."""

from dataclasses import replace

import pytest

from engine import pipeline
from engine.errors import PlanError
from engine.privacy.accounting import compose_epsilon, gaussian_event, mu_for
from engine.privacy.plan import UnitKind, UnitOfProtection
from engine.privacy.price import price_plan
from engine.privacy.sampled_gaussian import gaussian_envelope
from engine.synthesizers.dp_ctgan import DpCtganSynthesizer
from engine.synthesizers.dp_tvae import DpTvaeSynthesizer
from engine.synthesizers.training_settings import LARGEST_RATE, SMALLEST_RATE, TrainingSettings, sampling_rate
from tests.doors import fit
from tests.tables import small_plan, small_table

METHODS = {"dp-ctgan": DpCtganSynthesizer, "dp-tvae": DpTvaeSynthesizer}
SETTINGS = TrainingSettings(gradient_share=0.1, steps=500, sampling_rate=0.02, batch_rows=500)


def plan_of(declared_rows=None, rows_per_person=None, method="dp-tvae", **changes):
    unit = UnitOfProtection(UnitKind.PERSON, "age", rows_per_person) if rows_per_person else UnitOfProtection()
    return small_plan(method, declared_rows=declared_rows, unit=unit, **{"delta": 1e-9, **changes})


@pytest.mark.parametrize(
    ("declared_rows", "rows_per_person", "expected"),
    [
        (None, None, 0.02),
        (None, 5, 0.02),
        (10_000, None, 0.05),
        (10_000, 2, 0.1),
        (100_000, None, 0.005),
        (1, None, LARGEST_RATE),
        (1, 1000, LARGEST_RATE),
        (2000, None, LARGEST_RATE),
        (2001, None, 500 / 2001),
        (100_000_000, None, SMALLEST_RATE),
        (100_000_000, 100, 0.0005),
    ],
)
def test_the_sampling_rate_is_public(declared_rows, rows_per_person, expected):
    assert sampling_rate(SETTINGS, plan_of(declared_rows, rows_per_person)) == pytest.approx(expected)


@pytest.mark.parametrize("method", METHODS)
def test_the_training_does_not_depend_on_the_rows(method):
    plan = small_plan(method, declared_rows=400)
    trainings = []
    for n_rows in (0, 50, 900):
        private, _, _ = fit(plan, small_table(n_rows))
        [charge] = [each for each in private.budget.events() if each["mechanism"] == "noisy_gradients"]
        trainings.append({key: charge[key] for key in ("sampling_rate", "noise_multiplier", "steps", "event")})
    assert trainings[0] == trainings[1] == trainings[2]
    expected = METHODS[method].training_of(plan)
    assert trainings[0]["noise_multiplier"] == expected.noise_multiplier


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("epsilon", "delta", "declared_rows"),
    [(0.05, 1e-6, 400), (1.0, 1e-9, 400), (8.0, 1e-3, 400), (100.0, 1e-6, 400), (1.0, 1e-6, None), (3.0, 1e-9, 10**8)],
)
def test_noise_is_as_much_as_its_part_of_the_budget_needs(method, epsilon, delta, declared_rows):
    """Together with all else, a training at its full share never costs more than the plan's ε, and hardly less."""
    plan = plan_of(declared_rows, method=method, epsilon=epsilon, delta=delta)
    chosen, price = METHODS[method], price_plan(plan)
    training, extra = chosen.training_of(plan), chosen.training_delta(plan)
    share = next(part.share for part in price.split if part.name == "gradients")
    mu = gaussian_envelope(training, extra)
    assert mu * mu <= share * price.mu_squared * (1 + 1e-9)
    assert mu * mu >= share * price.mu_squared * 0.99 or training.noise_multiplier < 0.31
    rest = ((1 - share) * price.mu_squared) ** 0.5
    events = [gaussian_event(rest), gaussian_event(mu) | {"delta_extra": price.delta_extra}]
    assert compose_epsilon(events, delta) <= epsilon
    assert sum(part.share for part in price.split) == pytest.approx(1.0)


class Unreadable:
    """A table that nobody may look at."""

    def __getattr__(self, name):
        raise AssertionError(f"{name} of the table is read")


REFUSED = [
    ({"epsilon": 0.001}, "nothing but noise in this method: choose another one"),
    ({"epsilon": 1.0, "delta": 1e-15}, "choose a larger δ"),
    ({"epsilon": 1.0, "delta": 1e-10}, "choose a larger δ"),
    ({"epsilon": 100.0, "delta": 1e-12}, "choose a larger δ"),
]


@pytest.mark.parametrize(("changes", "sentence"), REFUSED)
@pytest.mark.parametrize("method", METHODS)
def test_a_plan_without_a_usable_training_is_refused_before_rows_are_read(method, changes, sentence):
    plan = plan_of(400, method=method, **changes)
    with pytest.raises(PlanError, match=sentence):
        METHODS[method].training_of(plan)
    with pytest.raises(PlanError, match=sentence):
        price_plan(plan)
    with pytest.raises(PlanError, match=sentence):
        pipeline.fit(Unreadable(), plan)
    price_plan(replace(plan, method="aim"))


def test_a_larger_budget_needs_less_noise():
    noises = [DpTvaeSynthesizer.training_of(plan_of(400, epsilon=each)).noise_multiplier for each in (0.5, 1.0, 3.0)]
    assert noises == sorted(noises, reverse=True)
    assert mu_for(0.5, 1e-9) < mu_for(3.0, 1e-9)
