"""Rows of a model that knows nothing of rules keep them all the same, inside stated bounds and steps."""

import numpy as np
import pandas as pd
import pytest

from engine.data.rules import AtMost, Combinations
from engine.data.schema import Field, FieldType, TableSchema
from engine.errors import PlanError
from engine.synthesizers.row_rules import breaks, keep_rules
from tests.tables import typed

FIELDS = (
    Field("low", FieldType.INTEGER, minimum=0, maximum=50),
    Field("middle", FieldType.NUMBER, minimum=0.0, maximum=80.0, decimals=1),
    Field("high", FieldType.INTEGER, minimum=10, maximum=60),
    Field("code", FieldType.STRING, enum=("a1", "a2", "b1")),
    Field("group", FieldType.STRING, enum=("a", "b")),
)
LISTED = Combinations(("code", "group"), (("a1", "a"), ("a2", "a"), ("b1", "b")))
RULES = (AtMost("low", "middle"), AtMost("middle", "high"), LISTED)
SCHEMA = TableSchema(FIELDS, rules=RULES)
FREE = TableSchema(FIELDS)


def careless(rng, share_of_low=0.5):
    """Draws rows column by column; with a share of 1 the chain of numbers is always broken."""

    def draw(n_rows):
        table = pd.DataFrame(
            {
                "low": rng.integers(0, 51, n_rows) if share_of_low < 1 else np.full(n_rows, 50),
                "middle": np.round(rng.uniform(0, 80, n_rows), 1) if share_of_low < 1 else np.full(n_rows, 0.0),
                "high": rng.integers(10, 61, n_rows) if share_of_low < 1 else np.full(n_rows, 10),
                "code": rng.choice(["a1", "a2", "b1"], n_rows) if share_of_low < 1 else np.full(n_rows, "a1"),
                "group": rng.choice(["a", "b"], n_rows) if share_of_low < 1 else np.full(n_rows, "b"),
            }
        )
        return typed(table.astype({"low": "Int64"}).where(rng.random((n_rows, 5)) > 0.05), SCHEMA)

    return draw


@pytest.mark.parametrize("share", [0.5, 1.0], ids=["half are right", "none is right"])
def test_every_row_keeps_every_rule_inside_its_bounds(share):
    rng = np.random.default_rng(0)
    assert breaks(careless(rng, share)(500), RULES).mean() > 0.4
    table = keep_rules(careless(rng, share), 500, SCHEMA, rng)
    assert len(table) == 500
    assert not breaks(table, RULES).any()
    assert table.dtypes.equals(careless(rng)(3).dtypes)
    for field in FIELDS[:3]:
        assert table[field.name].dropna().between(field.minimum, field.maximum).all()
    middle = table["middle"].dropna().to_numpy(dtype=float)
    assert np.array_equal(np.round(middle, 1), middle)


def test_a_combination_that_is_not_listed_becomes_the_nearest_one():
    rng = np.random.default_rng(0)
    table = keep_rules(careless(rng, 1.0), 2_000, SCHEMA, rng)
    both = table[["code", "group"]].dropna()
    assert set(map(tuple, both.to_numpy())) == set(LISTED.rows) - {("a2", "a")}


def test_without_rules_rows_are_left_alone():
    rng = np.random.default_rng(0)
    assert breaks(keep_rules(careless(rng), 500, FREE, rng), RULES).any()
    assert keep_rules(careless(rng), 0, SCHEMA, rng).empty


def test_a_rule_about_a_column_that_is_not_made_is_passed_over():
    rng = np.random.default_rng(0)
    draw = careless(rng)
    table = keep_rules(lambda n_rows: draw(n_rows).drop(columns="group"), 300, SCHEMA, rng)
    assert (table["low"] <= table["middle"]).fillna(True).all()


def test_rows_that_cannot_be_put_right_are_refused(monkeypatch):
    monkeypatch.setattr("engine.synthesizers.row_rules._put_right", lambda table, *_: table)
    with pytest.raises(PlanError, match="keeps the rules"):
        keep_rules(
            lambda n: careless(np.random.default_rng(0), 1.0)(n).ffill().bfill(), 50, SCHEMA, np.random.default_rng(0)
        )
