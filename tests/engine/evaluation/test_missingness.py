import numpy as np
import pandas as pd
import pytest

from engine.data.schema import Field, FieldType, TableSchema
from tests.metrics import found, measure
from tests.tables import typed

SCHEMA = TableSchema(tuple(Field(name, FieldType.INTEGER, minimum=0, maximum=9) for name in "abc"))


def table(n_rows, seed, share=0.2, together=True):
    """Columns `a` and `b` miss values in the same rows, or each in rows of its own; `c` misses none."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame(rng.integers(0, 10, (n_rows, 3)), columns=list("abc")).astype("Int64")
    first = rng.random(n_rows) < share
    rows.loc[first, "a"] = pd.NA
    rows.loc[first if together else rng.random(n_rows) < share, "b"] = pd.NA
    return typed(rows, SCHEMA)


def test_shares_are_those_counted_by_hand():
    train = typed(pd.DataFrame({"a": [1, None, None, 4], "b": [None, None, 3, 4], "c": [1, 2, 3, 4]}), SCHEMA)
    synthetic = typed(pd.DataFrame({"a": [1, 2, 3, None], "b": [1, 2, 3, 4], "c": [1, 2, 3, 4]}), SCHEMA)
    part = measure("missingness", train, None, synthetic, SCHEMA)
    # Differences of 1/4, 1/2 and 0; the patterns (b), (a b), (a), () are 1/4 each, against 3/4 () and 1/4 (a).
    assert found(part, "shares")["value"] == pytest.approx((0.25 + 0.5) / 3)
    assert found(part, "patterns")["value"] == pytest.approx(0.5)
    assert [column["name"] for column in part["details"]["columns"]] == ["a", "b"]
    assert part["details"]["columns"][0]["difference"] == -0.25
    assert {tuple(pattern["columns"]): pattern["real"] for pattern in part["details"]["patterns"]} == {
        (): 0.25,
        ("a",): 0.25,
        ("b",): 0.25,
        ("a", "b"): 0.25,
    }
    assert part["details"]["n_patterns"] == {"train": 4, "synthetic": 2}


def test_values_missing_apart_are_seen_in_the_patterns_and_not_in_the_columns():
    part = measure("missingness", table(4000, 0), table(1000, 1), table(4000, 2, together=False), SCHEMA)
    shares, patterns = found(part, "shares"), found(part, "patterns")
    # Apart: 2 · 0.2 · 0.8 = 0.32 of the rows miss one value only, which no real row does.
    assert patterns["value"] == pytest.approx(0.32, abs=0.08)
    assert patterns["interval"][0] <= 0.32 <= patterns["interval"][1]
    assert patterns["reference"] < 0.06
    # The mean of three columns, two of which have a standard error of 0.014.
    assert shares["value"] < 0.05


def test_a_column_that_misses_more_is_seen_beside_rows_set_aside():
    part = measure("missingness", table(4000, 0), table(1000, 1), table(4000, 2, share=0.5), SCHEMA)
    assert found(part, "shares")["value"] == pytest.approx(0.2, abs=0.04)
    assert found(part, "shares")["reference"] < 0.04


def test_fresh_rows_miss_as_much_as_rows_set_aside():
    part = measure("missingness", table(4000, 0), table(1000, 1), table(4000, 2), SCHEMA)
    for name in ("shares", "patterns"):
        assert found(part, name)["value"] < 0.06


def test_tables_without_missing_values_say_so():
    full = table(100, 0, share=0.0)
    part = measure("missingness", full, full, full, SCHEMA)
    assert "No column misses a value" in found(part, "shares")["sentence"]
    assert part["details"]["columns"] == []
