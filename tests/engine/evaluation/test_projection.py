import numpy as np
import pandas as pd
import pytest

from engine.data.schema import Field, FieldType, TableSchema
from engine.evaluation.projection import GRID
from tests.metrics import found, measure
from tests.tables import typed

SCHEMA = TableSchema((Field("x", FieldType.NUMBER), Field("y", FieldType.NUMBER), Field("kind", FieldType.STRING)))


def rows(n_rows, seed, slope=1.0):
    """Rows in which `y` follows `x`, so that the first direction is their common one."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n_rows)
    y = slope * x + 0.3 * rng.normal(size=n_rows)
    return typed(pd.DataFrame({"x": x, "y": y, "kind": rng.choice(["a", "b"], n_rows)}), SCHEMA)


def test_the_first_direction_is_the_one_that_columns_share():
    part = measure("projection", rows(3000, 0), rows(1500, 1), rows(3000, 2), SCHEMA)
    # Two standardised columns with correlation 1/√1.09 = 0.958 have 1.96 of their variance of 2 in one direction; a
    # category of two values adds 2 · 1/4, all of it in one direction of its own.
    assert part["details"]["explained"] == pytest.approx([1.958 / 2.5, 0.5 / 2.5], abs=0.02)
    assert np.sum(part["details"]["real"]) == pytest.approx(1.0, abs=1e-2)
    assert np.shape(part["details"]["synthetic"]) == (GRID, GRID)


def test_fresh_rows_are_as_far_as_rows_set_aside_and_a_turned_relation_is_seen():
    train, holdout = rows(4000, 0), rows(2000, 1)
    fresh = found(measure("projection", train, holdout, rows(4000, 2), SCHEMA), "spread")
    turned = found(measure("projection", train, holdout, rows(4000, 2, slope=-1.0), SCHEMA), "spread")
    assert fresh["value"] == pytest.approx(fresh["reference"], abs=0.03)
    assert turned["interval"][0] > turned["reference"] + 0.2


def test_the_interval_holds_the_distance_of_the_distributions():
    """Half of the synthetic rows moved far away: the distance of the distributions is 0.5, plus what sampling adds."""
    train = rows(4000, 0)
    synthetic = rows(4000, 2)
    synthetic.loc[:1999, ["x", "y"]] = 50.0
    low, high = found(measure("projection", train, None, synthetic, SCHEMA), "spread")["interval"]
    assert low < 0.53 and high > 0.49
    assert high - low < 0.06


def test_rows_that_do_not_vary_have_no_plane():
    table = typed(pd.DataFrame({"x": [1.0] * 9, "y": [2.0] * 9, "kind": ["a"] * 9}), SCHEMA)
    assert "do not vary" in measure("projection", table, table, table, SCHEMA)["unavailable"]
