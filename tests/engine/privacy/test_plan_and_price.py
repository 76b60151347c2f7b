"""Plans refuse what cannot be carried out, and a price is known before anything is read."""

import json
import math
from dataclasses import replace

import pytest

from engine.data.schema import DomainSource, Field, FieldType, TableSchema, Treatment
from engine.errors import BudgetExceededError, PlanError
from engine.privacy.accounting import compose_epsilon, gaussian_event
from engine.privacy.budget import Charge, RunBudget
from engine.privacy.plan import SynthesisPlan, UnitKind, UnitOfProtection
from engine.privacy.price import price_plan
from tests.tables import SMALL_SCHEMA, small_plan

MEASURED = TableSchema((Field("city", FieldType.STRING, source=DomainSource.MEASURED), *SMALL_SCHEMA.fields))


@pytest.mark.parametrize("epsilon", [0, -1, math.inf, math.nan, "1", True, 101])
def test_impossible_epsilon(epsilon):
    with pytest.raises(PlanError, match="ε"):
        small_plan(epsilon=epsilon)


def test_a_delta_without_an_epsilon_says_nothing():
    plan = SynthesisPlan(schema=SMALL_SCHEMA, method="ctgan")
    assert (plan.epsilon, plan.delta) == (None, None)
    assert SynthesisPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
    with pytest.raises(PlanError, match="no δ either"):
        SynthesisPlan(schema=SMALL_SCHEMA, method="ctgan", delta=1e-6)


@pytest.mark.parametrize("delta", [0, 1, -1e-6, 0.5, math.nan])
def test_impossible_delta(delta):
    with pytest.raises(PlanError, match="δ"):
        small_plan(delta=delta)


def test_delta_is_checked_against_the_declared_size():
    small_plan(delta=1e-6, declared_rows=26_000)
    with pytest.raises(PlanError, match="too large for about 26,000 rows"):
        small_plan(delta=1e-4, declared_rows=26_000)


@pytest.mark.parametrize("rows", [0, -5, 1.5, "10", True, 10**12])
def test_impossible_rows(rows):
    with pytest.raises(PlanError, match="whole number"):
        small_plan(n_rows=rows)


@pytest.mark.parametrize(
    "arguments",
    [
        (UnitKind.PERSON, None, 1),
        (UnitKind.ROW, "id", 1),
        (UnitKind.ROW, None, 2),
        (UnitKind.PERSON, "id", 0),
        (UnitKind.PERSON, "id", 1001),
        (UnitKind.PERSON, "id", 2.5),
        (UnitKind.PERSON, "id", True),
    ],
)
def test_contradictory_units(arguments):
    with pytest.raises(PlanError):
        UnitOfProtection(*arguments)


def test_unknown_unit_kind():
    with pytest.raises(PlanError, match="either"):
        UnitOfProtection.from_json({"kind": "household"})


def test_unit_column_must_exist():
    with pytest.raises(PlanError, match="no column 'nobody'"):
        small_plan(unit=UnitOfProtection(UnitKind.PERSON, "nobody", 2))


def test_something_must_be_left_to_synthesize():
    dropped = TableSchema(tuple(replace(field, treatment=Treatment.DROP) for field in SMALL_SCHEMA.fields))
    with pytest.raises(PlanError, match="no column is left"):
        small_plan(schema=dropped)


def test_the_target_must_be_synthesized():
    with pytest.raises(PlanError, match="target"):
        small_plan(target="nothing")


def test_json_round_trip():
    plan = small_plan(n_rows=10, declared_rows=1000, target="smoker", unit=UnitOfProtection(UnitKind.PERSON, "age", 3))
    assert SynthesisPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_incomplete_json():
    with pytest.raises(PlanError, match="lacks method, epsilon"):
        SynthesisPlan.from_json({"schema": SMALL_SCHEMA.to_json()})


@pytest.mark.parametrize("method", ["aim", "mst", "independent"])
@pytest.mark.parametrize("schema", [SMALL_SCHEMA, MEASURED], ids=["public", "measured"])
@pytest.mark.parametrize("epsilon", [0.05, 1.0, 20.0])
def test_price_keeps_the_promise(method, schema, epsilon):
    price = price_plan(small_plan(method, epsilon=epsilon, schema=schema))
    assert price.epsilon <= epsilon
    assert price.epsilon == pytest.approx(epsilon, rel=1e-6)
    assert compose_epsilon([price.event], price.delta) == price.epsilon
    assert sum(part.share for part in price.split) == pytest.approx(1.0)
    assert [name for name, _ in price.epsilon_at] == sorted([name for name, _ in price.epsilon_at], reverse=True)
    assert json.dumps(price.to_json())


def test_learning_is_part_of_the_price():
    shares = {part.name: part.share for part in price_plan(small_plan(schema=MEASURED)).split}
    assert shares["domain"] == pytest.approx(0.08)
    refined = {part.name: part for part in price_plan(small_plan()).split}["domain"]
    assert (refined.share, refined.n_queries) == (pytest.approx(0.04), 2)
    narrow = TableSchema((SMALL_SCHEMA.fields[1], SMALL_SCHEMA.fields[2]))
    assert "domain" not in {part.name for part in price_plan(small_plan(schema=narrow)).split}


def test_unknown_method():
    with pytest.raises(PlanError, match="choose one of aim, mst, independent"):
        price_plan(small_plan("gan"))


def test_a_column_without_domain_cannot_be_priced():
    schema = TableSchema((Field("city", FieldType.STRING, source=DomainSource.DECLARED),))
    with pytest.raises(PlanError, match="'city' needs a list"):
        price_plan(small_plan(schema=schema))


def charge(mu_squared, delta_extra=0.0):
    event = gaussian_event(math.sqrt(mu_squared))
    return Charge("test", "a test", (), 1.0, 1.0, mu_squared, mu_squared / 2, event, delta_extra)


def test_an_envelope_is_never_passed():
    budget = RunBudget(1.0)
    budget.spend(charge(0.6))
    with pytest.raises(BudgetExceededError):
        budget.spend(charge(0.5))
    assert len(budget.events()) == 1
    assert budget.left_mu_squared == pytest.approx(0.4)
    budget.spend(charge(0.4))
    assert compose_epsilon([record["event"] for record in budget.events()], 1e-6) == pytest.approx(
        compose_epsilon([gaussian_event(1.0)], 1e-6)
    )


def test_delta_has_an_envelope_too():
    budget = RunBudget(1.0, 1e-8)
    with pytest.raises(BudgetExceededError):
        budget.spend(charge(0.1, 2e-8))
