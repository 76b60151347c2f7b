"""Columns read without protection come back with their types, inside what the schema states."""

from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest

from engine.data.encode import pandas_dtype
from engine.data.schema import Field, FieldType
from engine.synthesizers.plain_columns import decode_columns, learn_columns

VALUES = {
    FieldType.INTEGER: [3, 9, None, 4],
    FieldType.NUMBER: [0.25, 1.5, None, 3.75],
    FieldType.STRING: ["a", "b", None, "a"],
    FieldType.BOOLEAN: [True, False, None, True],
    FieldType.DATE: ["2024-02-29", "2020-01-01", None, "1969-12-31"],
    FieldType.DATETIME: ["2024-02-29 13:30", "2020-01-01 00:15", None, "1969-12-31 23:45"],
}


def column(kind, values):
    plain = pd.to_datetime(pd.Series(values)) if kind in (FieldType.DATE, FieldType.DATETIME) else pd.Series(values)
    return plain.astype(pandas_dtype(kind))


def learn(field, values):
    return learn_columns([field], pd.DataFrame({field.name: column(field.type, values)}), np.random.default_rng(0))


def there_and_back(field, values):
    columns, table = learn(field, values)
    return decode_columns(columns, table)[field.name]


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize("kind", VALUES)
def test_every_type_comes_back(kind, required):
    """A column that is stated never to be missing gets a value where a row has none."""
    back = there_and_back(Field("x", kind, required=required), VALUES[kind])
    expected = column(kind, VALUES[kind])
    assert back.dtype == expected.dtype
    known = expected.notna()
    assert back[known].equals(expected[known])
    assert back.isna().any() == (not required)


@pytest.mark.parametrize("kind", VALUES)
def test_a_column_of_nothing_stays_one(kind):
    back = there_and_back(Field("x", kind), [None, None])
    assert back.isna().all()
    assert back.dtype == pandas_dtype(kind)


@pytest.mark.parametrize("kind", VALUES)
def test_a_column_of_one_value_is_no_feature_unless_it_has_numbers(kind):
    columns, table = learn(Field("x", kind), VALUES[kind][:1] * 3)
    assert table.sizes == ()
    assert table.numbers.shape[1] == (kind not in (FieldType.STRING, FieldType.BOOLEAN))
    assert decode_columns(columns, table)["x"].equals(column(kind, VALUES[kind][:1] * 3).rename("x"))


def test_stated_lists_bind():
    listed = Field("x", FieldType.STRING, enum=("a", "b", "unseen"))
    assert there_and_back(listed, ["a", "zz", "b"]).isna().tolist() == [False, True, False]
    other = Field("x", FieldType.STRING, enum=("a", "b"), other_value="else")
    assert there_and_back(other, ["a", "zz", "b"]).tolist() == ["a", "else", "b"]
    codes = Field("x", FieldType.INTEGER, enum=(1, 2, 5), required=True)
    assert there_and_back(codes, [5, 1, 5]).tolist() == [5, 1, 5]


def test_stated_bounds_bind_what_is_read_and_what_is_drawn():
    field = Field("x", FieldType.NUMBER, minimum=0.0, maximum=1.0, decimals=2)
    columns, table = learn(field, [-7.0, 0.5, 99.0])
    assert (table.numbers.min(), table.numbers.max()) == (0.0, 1.0)
    drawn = columns[0].decode(np.zeros(3, dtype=np.int64), np.array([-3.0, 0.123456, 1e9]))
    assert drawn.tolist() == [0.0, 0.12, 1.0]


@pytest.mark.parametrize(
    ("field", "numbers", "expected"),
    [
        (Field("x", FieldType.NUMBER, minimum=0.05, maximum=0.95, decimals=1), [0.0, 1.0, 0.44], [0.1, 0.9, 0.4]),
        (Field("x", FieldType.NUMBER, minimum=0.31, maximum=0.39, decimals=1), [0.0, 1.0, 0.35], [0.31, 0.39, 0.35]),
        (Field("x", FieldType.INTEGER, minimum=-3, maximum=3), [-9.7, 2.4, 2.6], [-3, 2, 3]),
    ],
)
def test_rounding_never_leaves_the_bounds(field, numbers, expected):
    columns, _ = learn(field, [0, 1, 2])
    assert columns[0].decode(np.zeros(3, dtype=np.int64), np.array(numbers)).tolist() == expected


@pytest.mark.parametrize(
    ("kind", "values", "unit"),
    [
        (FieldType.NUMBER, [1.25, 3.5], 0.01),
        (FieldType.NUMBER, [1.0, 3.0], 1.0),
        (FieldType.NUMBER, [np.pi, np.e], None),
        (FieldType.DATETIME, ["2024-01-01 10:00", "2024-01-02 11:00"], 3_600.0),
        (FieldType.DATETIME, ["2024-01-01", "2024-01-02"], 86_400.0),
        (FieldType.DATETIME, ["2024-01-01 10:00:07", "2024-01-02 00:00:00"], 1.0),
    ],
)
def test_the_unit_is_read_off_the_rows_where_nobody_states_it(kind, values, unit):
    columns, _ = learn(Field("x", kind), values)
    assert columns[0].line.unit == unit


def test_bounds_of_dates_bind():
    field = Field("x", FieldType.DATE, minimum=date(2020, 1, 1), maximum=date(2020, 12, 31))
    assert there_and_back(field, ["1999-01-01", "2030-01-01"]).dt.date.tolist() == [
        date(2020, 1, 1),
        date(2020, 12, 31),
    ]
    moment = Field("x", FieldType.DATETIME, minimum=datetime(2020, 1, 1), maximum=datetime(2020, 1, 2, 12))
    assert there_and_back(moment, ["2030-01-01"]).tolist() == [pd.Timestamp("2020-01-02 12:00")]


def test_the_place_of_a_missing_number_is_held_by_numbers_of_the_column():
    _, table = learn(Field("x", FieldType.INTEGER), [1, 5, None, None, None])
    assert set(table.numbers[:, 0]) <= {1.0, 5.0}
    assert table.codes[:, 0].tolist() == [0, 0, 1, 1, 1]
