"""Which cells conditions let in, against every value that a cell can hold."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from engine.answers.cells import cell_values, cells_where, numbers_of
from engine.answers.query import Condition
from engine.data.encode import LearnedDomain, column_domain, pandas_dtype
from engine.data.schema import Field, FieldType
from engine.errors import InputError
from engine.synthesizers.cells import CellGroups

AGE = Field("age", FieldType.INTEGER, minimum=0, maximum=199)
COST = Field("cost", FieldType.NUMBER, minimum=0.0, maximum=10.0, decimals=1)
REAL = Field("real", FieldType.NUMBER, minimum=-1.0, maximum=1.0, required=True)
DAY = Field("day", FieldType.DATE, minimum=date(2024, 1, 1), maximum=date(2024, 12, 31))
REGION = Field("region", FieldType.STRING, enum=("n", "s", "e"))
VALUES = {
    "age": range(200),
    "cost": np.round(np.arange(0, 10.05, 0.1), 1),
    "real": np.linspace(-1, 1, 4001),
    "day": pd.date_range("2024-01-01", "2024-12-31"),
}


def encoded(field):
    """All values of a column with the cell of each."""
    column = column_domain(field)
    values = pd.Series(VALUES[field.name]).astype(pandas_dtype(field.type))
    return column, values, column.encode(values)


@pytest.mark.parametrize("field", [AGE, COST, REAL, DAY], ids=lambda field: field.name)
def test_a_cell_holds_the_values_between_its_ends(field):
    column, values, cells = encoded(field)
    first, last = cell_values(column)
    numbers = values.to_numpy(dtype="datetime64[D]").astype(float) if field is DAY else values.to_numpy(dtype=float)
    assert (numbers >= first[cells] - 1e-9).all() and (numbers <= last[cells] + 1e-9).all()
    for cell in set(cells.tolist()) if field is not REAL else ():
        held = numbers[cells == cell]
        assert (held.min(), held.max()) == pytest.approx((first[cell], last[cell]))


@pytest.mark.parametrize(
    ("field", "low", "high"),
    [
        (AGE, 30, 45),
        (AGE, 0, 0),
        (AGE, None, 77),
        (COST, 0.3, 1.7),
        (COST, 2.5, None),
        (REAL, -0.5, 0.25),
        (AGE, 300, None),
    ],
)
def test_a_range_lets_in_what_the_values_of_a_cell_say(field, low, high):
    """Cells that hold a value within are possibly meant, those that hold none outside surely."""
    column, values, cells = encoded(field)
    inside = np.ones(len(values), dtype=bool)
    inside &= True if low is None else (values >= low).to_numpy(dtype=bool)
    inside &= True if high is None else (values <= high).to_numpy(dtype=bool)
    found = cells_where(column, Condition(field, None, low, high))
    for cell in set(cells.tolist()):
        held = inside[cells == cell]
        assert found.possibly[cell] == held.any()
        assert found.surely[cell] == held.all()
        assert found.share[cell] == pytest.approx(held.mean(), abs=0.02)
    if column.nullable:
        assert not found.possibly[-1]


def test_values_let_in_their_own_cells():
    column = column_domain(REGION)
    assert cells_where(column, Condition(REGION, ("e", None))).surely.tolist() == [False, False, True, True]
    with pytest.raises(InputError, match="no such value"):
        cells_where(column, Condition(REGION, ("west",)))
    numbers = column_domain(AGE, LearnedDomain(edges=(0.0, 30.0, 31.0, 200.0)))  # zero has a cell of its own
    found = cells_where(numbers, Condition(AGE, (30, 40, None)))
    assert found.surely.tolist() == [False, False, True, False, True]
    assert found.possibly.tolist() == [False, False, True, True, True]
    with pytest.raises(InputError, match="is missing"):
        cells_where(column_domain(REAL), Condition(REAL, (None,)))


@pytest.mark.parametrize("field", [COST, REAL], ids=lambda field: field.name)
def test_an_exact_value_is_its_own_cell_alone(field):
    column = column_domain(replace(field, atoms=(0.0, 0.5)))
    found = cells_where(column, Condition(field, None, 0.5, 0.5))
    assert np.flatnonzero(found.possibly).tolist() == np.flatnonzero(found.surely).tolist() == [1]


def test_numbers_lie_within_their_cell_and_within_the_condition():
    column = column_domain(AGE, LearnedDomain(edges=(0.0, 30.0, 60.0, 200.0)))
    found = numbers_of(column, Condition(AGE, None, 40, 80))
    assert found.low[1:4].tolist() == [1, 40, 60] and found.high[1:4].tolist() == [29, 59, 80]
    assert found.possibly.tolist() == [False, False, True, True, False]
    assert not numbers_of(column, None).possibly[-1]  # a missing value has no number


def test_groups_are_sure_where_all_of_their_cells_are():
    column = column_domain(AGE, LearnedDomain(edges=(0.0, 30.0, 60.0, 200.0)))
    groups = CellGroups(np.array([0, 1, 1, 0, 2], dtype=np.int32), np.array([1.0, 3.0, 1.0, 1.0, 1.0]))
    found = numbers_of(column, Condition(AGE, None, 0, 59))
    assert not found.is_same_within(groups)
    grouped = found.grouped(groups)
    assert grouped.surely.tolist() == [False, True, False]
    assert grouped.possibly.tolist() == [True, True, False]
    assert grouped.share.tolist() == [0.5, 1.0, 0.0]
    assert (grouped.low[1], grouped.high[1]) == (1, 59)
    assert grouped.middle[1] == pytest.approx((3 * 15.0 + 44.5) / 4)
    assert cells_where(column, Condition(AGE, None, 0, None)).is_same_within(
        CellGroups(np.array([0, 1, 1, 1, 2], dtype=np.int32), np.ones(5))
    )
