"""What a forecast promises is what runs reach: errors of noisy counts, and of released rows, over many runs."""

import math

import numpy as np
import pandas as pd
import pytest

from engine.data.schema import Field, FieldType, TableSchema
from engine.privacy.forecast import NoiseModel
from engine.privacy.plan import SynthesisPlan, UnitKind, UnitOfProtection
from engine.privacy.query_forecast import CellQuery, forecast_query
from tests.doors import fit
from tests.tables import PUBLIC, typed

pytestmark = pytest.mark.statistical

SCHEMA = TableSchema(
    (
        Field("person", FieldType.INTEGER, minimum=0, maximum=10**6, required=True, source=PUBLIC),
        Field("kind", FieldType.STRING, enum=tuple("abcde"), required=True, source=PUBLIC),
        Field("place", FieldType.STRING, enum=tuple("nsew"), required=True, source=PUBLIC),
        Field("flag", FieldType.BOOLEAN, required=True, source=PUBLIC),
        Field("grade", FieldType.INTEGER, minimum=0, maximum=11, required=True, source=PUBLIC),
        Field("level", FieldType.INTEGER, minimum=0, maximum=5, required=True, source=PUBLIC),
    )
)
ROWS, ROWS_PER_PERSON, RUNS = 2000, 2, 15
METHODS = ["independent", "mst", "aim"]


def table():
    """Five columns that go together, two rows per person."""
    rng = np.random.default_rng(5)
    kind = rng.integers(0, 5, ROWS)
    grade = np.clip(2 * kind + rng.integers(0, 4, ROWS), 0, 11)
    return typed(
        pd.DataFrame(
            {
                "person": np.arange(ROWS) // ROWS_PER_PERSON,
                "kind": np.array(list("abcde"))[kind],
                "place": np.array(list("nsew"))[(kind + rng.integers(0, 2, ROWS)) % 4],
                "flag": grade + rng.integers(-2, 3, ROWS) > 5,
                "grade": grade,
                "level": np.clip(grade // 2 + rng.integers(-1, 2, ROWS), 0, 5),
            }
        ),
        SCHEMA,
    )


def plan(method, epsilon=1.0, rows_per_person=ROWS_PER_PERSON):
    unit = UnitOfProtection(UnitKind.PERSON, "person", rows_per_person)
    return SynthesisPlan(SCHEMA, method, epsilon, unit=unit, declared_rows=ROWS)


@pytest.fixture(scope="module")
def reached():
    """Per method, absolute errors over all runs: of cells of columns, of cells of sets, of sums over half a set."""
    rows = table()
    return {method: _errors(method, rows) for method in METHODS}


def _errors(method, rows):
    errors = {"column": [], "set": [], "query": [], "released": [], "scales": []}
    for seed in range(RUNS):
        _, model, rng = fit(plan(method), rows, seed=seed)
        made = model.sample(ROWS, rng)
        exact = [column.encode(rows[column.name]) for column in model.domain_.columns]
        synthetic = [column.encode(made[column.name]) for column in model.domain_.columns]
        for place, one_way in enumerate(model.released_.one_ways):
            counts = np.bincount(exact[place], minlength=one_way.counts.size)
            errors["column"].append(one_way.counts - counts)
            errors["released"].append(np.bincount(synthetic[place], minlength=one_way.counts.size) - counts)
        for item in model.released_.joint:
            groups = [model.groups_[place].group_of[exact[place]] for place in item.columns]
            flat = np.ravel_multi_index(groups, item.counts.shape)
            off = item.counts.ravel() - np.bincount(flat, minlength=item.counts.size)
            half = rng.permutation(off.size)[: off.size // 2]
            errors["set"].append(off)
            errors["query"].append([off[half].sum() / math.sqrt(half.size)])
            errors["scales"].append([math.sqrt(float(item.variance))])
    return {name: np.abs(np.concatenate(parts)) if parts else np.empty(0) for name, parts in errors.items()}


def ratio_and_slack(errors, expected):
    """Mean error over its forecast, and five standard errors of that: |Z| of a Gaussian has deviation 0.756 E|Z|."""
    return float(errors.mean()) / expected, 5 * 0.756 / math.sqrt(errors.size)


def one_way_forecast(method, **changes):
    return forecast_query(plan(method, **changes), CellQuery((("kind", 1),))).expected_error


def set_forecast(method, **changes):
    return forecast_query(plan(method, **changes), CellQuery((("kind", 1), ("place", 1)))).expected_error


# Five standard errors: a false alarm has a chance of 6e-7 per comparison.


@pytest.mark.parametrize("method", ["independent", "mst"])
def test_counts_of_columns_are_as_far_off_as_forecast(reached, method):
    ratio, slack = ratio_and_slack(reached[method]["column"], one_way_forecast(method))
    assert abs(ratio - 1) < slack < 0.2


def test_counts_of_columns_are_no_further_off_in_aim(reached):
    """Where rows are few, columns are counted twice, which is not forecast: it depends on the noisy number of rows."""
    ratio, slack = ratio_and_slack(reached["aim"]["column"], one_way_forecast("aim"))
    assert 0.5 < ratio < 1 + slack


def test_counts_of_pairs_are_as_far_off_as_forecast_in_mst(reached):
    for part in ("set", "query"):
        ratio, slack = ratio_and_slack(reached["mst"][part], set_forecast("mst"))
        assert abs(ratio - 1) < slack


def test_counts_of_sets_in_aim_are_between_the_refined_and_the_forecast_error(reached):
    """A run begins with about the forecast noise and halves it where it hides what is left to learn."""
    noise = NoiseModel.of(plan("aim")).noise(1.0)
    scales = reached["aim"]["scales"]
    assert scales.max() <= noise.joint.at_most * (1 + 1e-9)
    assert 0.6 < scales.max() / noise.joint.expected < 1.6
    for part in ("set", "query"):
        ratio, slack = ratio_and_slack(reached["aim"][part], set_forecast("aim"))
        assert 0.25 < ratio < 1.6 + slack


@pytest.mark.parametrize("method", METHODS)
def test_released_rows_are_no_further_off_than_their_noisy_counts(reached, method):
    ratio, slack = ratio_and_slack(reached[method]["released"], one_way_forecast(method))
    assert 0.3 < ratio < 1 + slack


@pytest.mark.parametrize("method", METHODS)
def test_ninety_five_of_a_hundred_counts_lie_within_the_half_width(reached, method):
    """Of n counts with chance 0.95 each, the share has deviation sqrt(0.95 · 0.05 / n); five of them are allowed."""
    width = forecast_query(plan(method), CellQuery((("kind", 1),))).half_width
    errors = reached[method]["column"]
    assert (errors <= width).mean() > 0.95 - 5 * math.sqrt(0.95 * 0.05 / errors.size)
    if reached[method]["set"].size:
        pair = forecast_query(plan(method), CellQuery((("kind", 1), ("place", 1)))).half_width
        errors = reached[method]["set"]
        assert (errors <= pair).mean() > 0.95 - 5 * math.sqrt(0.95 * 0.05 / errors.size)


@pytest.mark.parametrize("change", [{"rows_per_person": 1}, {"epsilon": 1.4}, {"epsilon": 0.7}])
@pytest.mark.parametrize("method", ["independent", "mst"])
def test_a_forecast_of_another_unit_or_another_epsilon_is_refuted(reached, method, change):
    """The broken twin: the same runs against a wrong k or ε."""
    ratio, slack = ratio_and_slack(reached[method]["column"], one_way_forecast(method, **change))
    assert abs(ratio - 1) > slack
    if method == "mst":
        ratio, slack = ratio_and_slack(reached["mst"]["set"], set_forecast("mst", **change))
        assert abs(ratio - 1) > slack
