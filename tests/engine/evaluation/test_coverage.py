import numpy as np
import pandas as pd
import pytest

from engine.data.schema import Field, FieldType, TableSchema
from engine.evaluation.coverage import Covered, coverage_variance, mean_coverage
from tests.metrics import found, measure
from tests.tables import typed

SCHEMA = TableSchema((Field("city", FieldType.STRING), Field("age", FieldType.INTEGER, minimum=0, maximum=9)))


def table(cities, ages):
    return typed(pd.DataFrame({"city": list(cities), "age": ages}), SCHEMA)


def test_shares_are_those_counted_by_hand():
    train = table("aabbcd", [0, 1, 2, 3, 3, None])
    part = measure("coverage", train, None, table("aaaxbb", [0, 0, 9, 9, 1, None]), SCHEMA)
    assert found(part, "categories")["value"] == 0.5
    assert found(part, "ranges")["value"] == 0.5
    assert found(part, "invented")["value"] == pytest.approx(1 / 6, abs=1e-6)
    assert part["details"]["categories"] == [
        {
            "name": "city",
            "values": 4,
            "covered": 0.5,
            "ceiling": {"unavailable": "no real rows were set aside"},
            "covered_all_rows": 0.5,
            "outside": round(1 / 6, 6),
            "outside_holdout": {"unavailable": "no real rows were set aside"},
        }
    ]
    assert part["details"]["ranges"][0]["outside"] == pytest.approx(2 / 6, abs=1e-6)


def many(n_rows, seed, n_cities=300):
    """Rows of many cities, some of them rare."""
    rng = np.random.default_rng(seed)
    shares = 1.0 / np.arange(5, n_cities + 5)
    cities = [f"c{number}" for number in rng.choice(n_cities, n_rows, p=shares / shares.sum())]
    return table(cities, rng.integers(0, 10, n_rows))


def test_fresh_rows_reach_as_much_as_rows_set_aside_and_a_table_without_rare_cities_does_not():
    train, holdout = many(5000, 0), many(800, 1)
    honest = found(measure("coverage", train, holdout, many(5000, 2), SCHEMA), "categories")
    broken = found(measure("coverage", train, holdout, many(5000, 2, n_cities=100), SCHEMA), "categories")
    # About 240 of 300 cities are reached; a standard deviation of 6 cities at most, five of them: 0.1.
    assert honest["value"] == pytest.approx(honest["reference"], abs=0.1)
    assert broken["value"] < 0.36 < broken["reference"]


def test_invented_categories_are_counted_against_those_of_rows_set_aside():
    synthetic = many(1000, 2)
    synthetic.loc[synthetic.index[:100], "city"] = "atlantis"
    finding = found(measure("coverage", many(5000, 0), many(800, 1), synthetic, SCHEMA), "invented")
    assert finding["value"] >= 0.1
    assert finding["interval"][0] < finding["value"] < finding["interval"][1]
    assert finding["reference"] < 0.01


def coverages(n_times):
    """Mean coverage of samples, and its variance as estimated from each."""
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.full(200, 0.5))
    found = []
    for _ in range(n_times):
        codes = rng.choice(200, 500, p=shares)
        column = Covered("a", 200, {"drawn": codes})
        found.append((mean_coverage([column], "drawn"), coverage_variance([column], "drawn")))
    return np.array(found).T


def test_the_variance_is_at_least_that_over_samples_and_not_far_above():
    values, variances = coverages(400)
    # 400 samples know a variance to 7 %; five of them make 0.65. What is promised is an upper bound.
    assert values.var() * 0.65 < variances.mean() < 4 * values.var()


def test_a_column_without_any_value_is_left_out():
    empty = table([None] * 5, [None] * 5)
    part = measure("coverage", empty, empty, empty, SCHEMA)
    assert "no column of categories" in found(part, "categories")["value"]["unavailable"]
    assert "no numeric column" in found(part, "ranges")["value"]["unavailable"]
