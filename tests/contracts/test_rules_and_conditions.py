"""Every method keeps public rules in every row, and draws rows with fixed values from the right distribution."""

import numpy as np
import pandas as pd
import pytest

from engine.data.rules import AtMost, Combinations, ordered
from engine.data.schema import DomainSource, Field, FieldType, TableSchema
from engine.errors import PlanError
from engine.privacy.price import price_plan
from engine.synthesizers.registry import list_methods
from tests.doors import fit
from tests.tables import small_plan, small_table, typed

METHODS = [info.name for info in list_methods() if info.private]
PUBLIC = DomainSource.PUBLIC
PARENT = {"a1": "a", "a2": "a", "b1": "b", "b2": "b", "c1": "c"}
FIELDS = (
    Field(
        "start", FieldType.DATE, minimum=pd.Timestamp("2020-01-01").date(), maximum=pd.Timestamp("2021-12-31").date()
    ),
    Field("end", FieldType.DATE, minimum=pd.Timestamp("2020-06-01").date(), maximum=pd.Timestamp("2022-12-31").date()),
    Field("code", FieldType.STRING, enum=tuple(PARENT), source=PUBLIC, required=True),
    Field("group", FieldType.STRING, enum=("a", "b", "c"), source=PUBLIC, required=True),
    Field("paid", FieldType.NUMBER, minimum=0.0, maximum=900.0, decimals=2, source=DomainSource.MEASURED),
    Field("billed", FieldType.NUMBER, minimum=0.0, maximum=1000.0, decimals=2),
)
RULES = (
    AtMost("start", "end"),
    AtMost("paid", "billed"),
    Combinations(("code", "group"), tuple(PARENT.items())),
)
RULED = TableSchema(FIELDS, rules=RULES)
FREE = TableSchema(FIELDS)


def stays(n_rows=1500, seed=1):
    """Simulated stays that keep every rule; the cost follows the code."""
    rng = np.random.default_rng(seed)
    code = rng.choice(list(PARENT), n_rows, p=[0.4, 0.25, 0.2, 0.1, 0.05])
    start = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(160, 700, n_rows), unit="D")
    billed = np.round(rng.gamma(2.0, 80.0, n_rows) + 200 * (code == "b1"), 2).clip(0, 1000)
    table = pd.DataFrame(
        {
            "start": start,
            "end": start + pd.to_timedelta(rng.integers(0, 30, n_rows), unit="D"),
            "code": code,
            "group": [PARENT[value] for value in code],
            "paid": np.round(billed * rng.random(n_rows), 2).clip(0, 900),
            "billed": billed,
        }
    )
    table.loc[::17, "end"] = pd.NaT
    return typed(table, FREE)


def violations(table):
    broken = sum(int((table[low] > table[high]).fillna(False).sum()) for low, high in ordered(RULES))
    return broken + int((table["code"].map(PARENT) != table["group"]).sum())


@pytest.mark.parametrize("method", METHODS)
def test_every_row_keeps_every_rule(method):
    """The twin without rules breaks some, so that the test could fail."""
    _, model, rng = fit(small_plan(method, schema=RULED), stays())
    assert violations(model.sample(5000, rng)) == 0
    _, careless, rng = fit(small_plan(method, schema=FREE), stays())
    assert violations(careless.sample(5000, rng)) > 0


@pytest.mark.usefixtures("longer_trainings")
@pytest.mark.parametrize("method", METHODS)
def test_rules_do_not_bend_the_columns(method):
    """At ε = 8 a share of 1,500 rows is within 0.05 of the private one: noise of some rows, and the fit."""
    table = stays()
    _, model, rng = fit(small_plan(method, epsilon=8.0, schema=RULED), table)
    made = model.sample(5000, rng)
    for value in PARENT:
        assert abs((made["code"] == value).mean() - (table["code"] == value).mean()) < 0.05
    assert abs(made["end"].isna().mean() - table["end"].isna().mean()) < 0.05


def test_rules_that_leave_nothing_are_refused_before_anything_is_charged():
    fields = (
        Field("low", FieldType.INTEGER, minimum=5, maximum=9, source=PUBLIC),
        Field("high", FieldType.INTEGER, minimum=0, maximum=3, source=PUBLIC),
    )
    with pytest.raises(PlanError, match="no combination"):
        price_plan(small_plan("mst", schema=TableSchema(fields, rules=(AtMost("low", "high"),))))


@pytest.mark.usefixtures("longer_trainings")
@pytest.mark.parametrize("method", METHODS)
def test_rows_with_fixed_values(method):
    """Shares among rows with a fixed value equal those among free rows that happen to have it.

    20,000 fixed rows and about 9,000 free ones: the difference of two shares has a standard error of at most
    √(0.25/20,000 + 0.25/9,000) = 0.0064, and rounding to whole rows adds less than that; seven of them.
    """
    plan = small_plan(method, epsilon=3.0)
    _, model, rng = fit(plan, small_table(n_rows=2000))
    fixed = model.sample(20_000, rng, {"region": "north"})
    free = model.sample(60_000, rng)
    alike = free[free["region"] == "north"]
    assert (fixed["region"] == "north").all()
    assert len(alike) > 8_000
    assert abs((fixed["age"] < 40).mean() - (alike["age"] < 40).mean()) < 0.045
    assert abs(fixed["smoker"].mean() - alike["smoker"].mean()) < 0.045
    if method != "independent":
        assert abs((free["age"] < 40).mean() - (fixed["age"] < 40).mean()) > 0.2, "the twin that ignores the condition"


@pytest.mark.parametrize("method", METHODS)
def test_fixed_values_of_every_type(method):
    _, model, rng = fit(small_plan(method, schema=RULED, epsilon=3.0), stays())
    given = {"start": pd.Timestamp("2021-03-05"), "paid": 123.45, "code": "b1"}
    made = model.sample(300, rng, given)
    assert (made["start"] == given["start"]).all()
    assert (made["paid"] == 123.45).all()
    assert violations(made) == 0
    assert model.sample(50, rng, {"end": None})["end"].isna().all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"nowhere": 1}, "no synthesized column"),
        ({"code": "zz"}, "no such value"),
        ({"billed": 5000.0}, "no such value"),
        ({"billed": "much"}, "not a number"),
        ({"code": None}, "no such value"),
        ({"code": "a1", "group": "b"}, "meets the conditions"),
        ({"paid": 500.0, "billed": 100.0}, "meets the conditions"),
    ],
)
def test_conditions_that_no_row_meets_are_refused(method, given, message):
    _, model, rng = fit(small_plan(method, schema=RULED), stays())
    with pytest.raises(PlanError, match=message):
        model.sample(10, rng, given)
