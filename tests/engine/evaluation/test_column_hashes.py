import numpy as np
import pandas as pd

from engine.data.schema import Field, FieldType, TableSchema
from engine.evaluation.column_hashes import ColumnHashes
from tests.tables import typed

SCHEMA = TableSchema(
    (
        Field("a", FieldType.STRING),
        Field("b", FieldType.STRING),
        Field("c", FieldType.NUMBER),
        Field("d", FieldType.BOOLEAN),
    )
)


def rows(n_rows, seed):
    """Rows of few values, so that many are equal or nearly so; two columns share their values."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({name: rng.choice(list("xyz"), n_rows) for name in "ab"})
    table["c"] = rng.integers(0, 4, n_rows).astype(float)
    table["c"] = table["c"].where(rng.random(n_rows) > 0.2)
    table["d"] = rng.random(n_rows) < 0.5
    return typed(table, SCHEMA)


def differences(left, right):
    """In how many columns each row of one table differs from each of the other, cell by cell."""
    cells = [table.astype(object).where(table.notna(), None).to_numpy() for table in (left, right)]
    return np.array([[sum(a != b for a, b in zip(one, other, strict=True)) for other in cells[1]] for one in cells[0]])


def test_equal_and_nearly_equal_rows_are_those_that_brute_force_finds():
    left, right = rows(60, 0), rows(15, 1)
    found = differences(left, right)
    hashes, others = ColumnHashes.of(left), ColumnHashes.of(right)
    assert (hashes.equals_one_of(others) == (found == 0).any(axis=1)).all()
    assert (hashes.nearly_equals_one_of(others) == (found <= 1).any(axis=1)).all()
    assert 0 < (found == 0).any(axis=1).sum() < (found <= 1).any(axis=1).sum() < 60


def test_rows_that_differ_from_all_others_are_those_that_brute_force_finds():
    table = rows(30, 2)
    found = differences(table, table) + 9 * np.eye(30, dtype=int)
    hashes = ColumnHashes.of(table)
    assert (hashes.occur_once() == (found > 0).all(axis=1)).all()
    assert (hashes.have_no_near_row() == (found > 1).all(axis=1)).all()
    assert 0 < hashes.have_no_near_row().sum() < hashes.occur_once().sum() < 30


def test_values_that_change_columns_make_another_row():
    table = typed(pd.DataFrame({"a": ["x", "y"], "b": ["y", "x"], "c": [0.0, 0.0], "d": [True, True]}), SCHEMA)
    assert ColumnHashes.of(table).occur_once().all()


def test_rows_that_are_taken_and_joined_keep_their_hashes():
    table = rows(10, 3)
    hashes = ColumnHashes.of(table)
    positions = np.array([7, 2])
    assert (hashes.take(positions).rows == ColumnHashes.of(table.iloc[[7, 2]]).rows).all()
    joined = hashes.take(positions).joined(hashes)
    assert (joined.rows[2:] == hashes.rows).all()
    assert joined.n_rows == 12
