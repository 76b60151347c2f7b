"""Steps that marginal methods share: which columns get trees, and what counts as empty."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from engine.data.encode import column_domain, table_domain
from engine.data.schema import DomainSource, Field, FieldType, TableSchema
from engine.pipeline import synthesize
from engine.synthesizers.marginals import (
    OneWay,
    drop_spurious,
    estimate_total,
    learning_share,
    tree_columns,
)
from tests.tables import small_plan, typed

LINE = Field("x", FieldType.INTEGER, minimum=1, maximum=16)
LETTERS = Field("x", FieldType.STRING, enum=tuple("abcdefgh"))


def cleaned(field, counts, variance=1.0):
    domain = table_domain((field,), {})
    return drop_spurious(domain, [OneWay(np.array(counts, dtype=float), variance)])[0].counts.tolist()


def test_empty_stretches_beside_full_ones_are_cleared():
    """The right half sums to 4, within 2 √8 of nothing; in the left half so do three quarters."""
    noisy = [50, 60, 1, -1, 1, 1, 0, -2, 2, -1, 1, 1, -1, 2, 0, 0]
    assert cleaned(LINE, [*noisy, 9]) == [50, 60, *[0] * 14, 9]


def test_a_flat_column_in_noise_is_left_as_it_is():
    """Halves that differ by noise alone are no evidence of emptiness."""
    flat = [2, 0, 1, 1, 2, 0, 0, 2, 1, 1, 0, 2, 1, 1, 2, 0]
    assert cleaned(LINE, [*flat, 9]) == [*flat, 9]


def test_a_lone_value_far_away_stays():
    lonely = [50, 60, *[0] * 13, 12]
    assert cleaned(LINE, [*lonely, 9])[-2] == 12


def test_a_missing_cell_within_three_deviations_is_cleared():
    assert cleaned(LETTERS, [9, 9, 9, 9, 9, 9, 9, -1, 2.9]) == [9, 9, 9, 9, 9, 9, 9, -1, 0]
    assert cleaned(LETTERS, [9, 9, 9, 9, 9, 9, 9, -1, 3.1])[-1] == 3.1


def test_the_total_is_unbiased_by_what_is_cleared():
    """The mean of 400 totals of 8 empty and one full cell: standard error 3/√400 · √9, four of them allowed."""
    rng = np.random.default_rng(0)
    domain = table_domain((LETTERS,), {})
    totals = []
    for _ in range(400):
        one_way = OneWay(np.array([100.0, *[0] * 8]) + rng.normal(0, 3, 9), 9.0)
        totals.append(estimate_total([one_way]))
        assert estimate_total(drop_spurious(domain, [one_way])) > 0
    assert abs(np.mean(totals) - 100) < 4 * 0.45


def test_trees_are_for_numbers_of_more_values_than_a_grid_has_cells():
    fields = (
        Field("wide", FieldType.INTEGER, minimum=0, maximum=1000),
        Field("narrow", FieldType.INTEGER, minimum=0, maximum=39),
        Field("stars", FieldType.NUMBER, minimum=0.0, maximum=3.9, decimals=1),
        Field("constant", FieldType.NUMBER, minimum=2.5, maximum=2.5),
        Field("coded", FieldType.INTEGER, enum=tuple(range(100))),
        Field("any", FieldType.NUMBER, minimum=0.0, maximum=1.0),
        Field("open", FieldType.DATE, source=DomainSource.MEASURED),
        Field("word", FieldType.STRING, source=DomainSource.MEASURED),
    )
    plan = small_plan(schema=TableSchema(fields))
    assert [field.name for field in tree_columns(plan)] == ["wide", "any", "open"]
    assert learning_share(plan) == 0.08
    stated = small_plan(schema=TableSchema(fields[:6]))
    assert learning_share(stated) == pytest.approx(0.04)
    assert [column_domain(field).n_values for field in fields[1:4]] == [40, 40, 1]


@pytest.mark.parametrize(
    ("method", "n_rows"), [(method, n_rows) for method in ("aim", "mst", "independent") for n_rows in (0, 1, 300)]
)
def test_columns_of_any_size_are_learned_from_tables_of_any_size(method, n_rows):
    """Warnings are errors here: nothing overflows, divides by zero or leaves its type; a lone value comes back."""
    fields = (
        Field("huge", FieldType.INTEGER, minimum=-(2**53), maximum=2**53),
        Field("price", FieldType.NUMBER, minimum=0, maximum=1e6, decimals=2),
        Field("vast", FieldType.NUMBER, minimum=-1e300, maximum=1e300),
        Field("tiny", FieldType.NUMBER, minimum=1e-12, maximum=2e-12),
        Field("same", FieldType.NUMBER, minimum=2.5, maximum=2.5),
        Field("day", FieldType.DATE, minimum=date(1, 1, 1), maximum=date(9999, 12, 31)),
    )
    schema = TableSchema(fields)
    row = {"huge": 2**53, "price": 9.99, "vast": 1e300, "tiny": 1.5e-12, "same": 2.5, "day": date(2020, 2, 29)}
    table = typed(pd.DataFrame([row] * n_rows, columns=schema.names), schema)
    made = synthesize(table, small_plan(method, epsilon=8.0, schema=schema, n_rows=60)).synthetic
    assert len(made) == 60
    if n_rows == 300:
        assert (made["price"] == 9.99).mean() > 0.8
        assert (made["day"] == pd.Timestamp(2020, 2, 29)).mean() > 0.8
