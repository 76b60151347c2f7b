"""Cells from the schema alone, and back."""

from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.data.encode import (
    NUMERIC_BINS,
    LearnedDomain,
    column_domain,
    from_numbers,
    pandas_dtype,
    to_numbers,
)
from engine.data.schema import DomainSource, Field, FieldType
from engine.errors import PlanError

RNG = np.random.default_rng(0)


def series(values, field):
    return pd.Series(values, dtype=pandas_dtype(field.type), name=field.name)


FIELDS = {
    "unit bins": Field("x", FieldType.INTEGER, minimum=3, maximum=9),
    "wide integers": Field("x", FieldType.INTEGER, minimum=-500, maximum=12_345),
    "one integer": Field("x", FieldType.INTEGER, minimum=7, maximum=7),
    "numbers": Field("x", FieldType.NUMBER, minimum=0.0, maximum=99.5, decimals=1),
    "any numbers": Field("x", FieldType.NUMBER, minimum=0.1, maximum=0.7),
    "one value per bin": Field("x", FieldType.NUMBER, minimum=-1.0, maximum=1.0, decimals=1),
    "bounds between decimals": Field("x", FieldType.NUMBER, minimum=0.004, maximum=99.996, decimals=2),
    "no decimal within": Field("x", FieldType.NUMBER, minimum=0.1, maximum=0.2, decimals=0),
    "more decimals than doubles hold": Field("x", FieldType.NUMBER, minimum=-1e6, maximum=1e6, decimals=12),
    "number atoms": Field("x", FieldType.NUMBER, minimum=0.0, maximum=1e6, decimals=2, atoms=(0, 9.99, 12_499.99)),
    "one number": Field("x", FieldType.NUMBER, minimum=2.5, maximum=2.5),
    "atoms": Field("x", FieldType.INTEGER, minimum=-9, maximum=1000, atoms=(-9, 500)),
    "strings": Field("x", FieldType.STRING, enum=("a", "b", "c")),
    "strings with other": Field("x", FieldType.STRING, enum=("a", "b"), other_value="else"),
    "required": Field("x", FieldType.STRING, enum=("a", "b"), required=True),
    "booleans": Field("x", FieldType.BOOLEAN),
    "coded integers": Field("x", FieldType.INTEGER, enum=(1, 2, 9)),
    "dates": Field("x", FieldType.DATE, minimum=date(1999, 12, 30), maximum=date(2024, 2, 29)),
    "datetimes": Field("x", FieldType.DATETIME, minimum=datetime(2020, 1, 1), maximum=datetime(2020, 1, 2, 12, 30)),
}


@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
def test_every_cell_decodes_into_the_schema_and_back_to_itself(field):
    domain = column_domain(field)
    codes = np.repeat(np.arange(domain.size, dtype=np.int32), 50)
    decoded = domain.decode(codes, RNG)
    assert str(decoded.dtype) == pandas_dtype(field.type)
    known = decoded.dropna()
    if field.minimum is not None:
        numbers = to_numbers(known, field.type)
        bounds = to_numbers(series([field.minimum, field.maximum], field), field.type)
        assert numbers.min() >= bounds[0]
        assert numbers.max() <= bounds[1]
    again = domain.encode(decoded)
    assert np.array_equal(again, codes)


@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
def test_missing_values(field):
    domain = column_domain(field)
    code = domain.encode(series([None], field))[0]
    decoded = domain.decode(np.array([code], dtype=np.int32), RNG)
    assert decoded.isna()[0] == (not field.required)


def test_outside_numbers_are_clipped():
    domain = column_domain(FIELDS["unit bins"])
    codes = domain.encode(series([-100, 3, 9, 100], domain.field))
    assert codes[0] == codes[1] == 0
    assert codes[2] == codes[3] == domain.n_values - 1


def test_unknown_categories_go_where_the_schema_says():
    for name, expected in (("strings", None), ("strings with other", "else"), ("required", "a")):
        domain = column_domain(FIELDS[name])
        decoded = domain.decode(domain.encode(series(["zzz"], domain.field)), RNG)
        assert decoded.isna()[0] if expected is None else decoded[0] == expected
        assert "zzz" not in domain.describe() + domain.outside_rule()


def test_zero_has_its_own_cell_in_wide_ranges_only():
    wide = column_domain(Field("x", FieldType.INTEGER, minimum=0, maximum=99_999))
    assert wide.atoms == (0.0,)
    assert wide.encode(series([0, 1], wide.field)).tolist() == [0, 1]
    narrow = column_domain(Field("x", FieldType.INTEGER, minimum=0, maximum=NUMERIC_BINS - 1))
    assert narrow.atoms == ()
    assert narrow.n_values == NUMERIC_BINS


def test_the_rows_do_not_shape_the_domain():
    field = FIELDS["wide integers"]
    before = column_domain(field)
    before.encode(series([10**9, -(10**9)], field))
    assert column_domain(field) == before


def test_a_learned_list_has_another_value_for_the_rest():
    field = Field("x", FieldType.STRING, source=DomainSource.MEASURED)
    domain = column_domain(field, LearnedDomain(categories=("a", "b")))
    assert domain.categories == ("a", "b", "Other")
    assert domain.decode(domain.encode(series(["q"], field)), RNG)[0] == "Other"


@pytest.mark.parametrize("kind", [FieldType.INTEGER, FieldType.NUMBER, FieldType.STRING, FieldType.DATE])
def test_a_column_without_domain_is_refused(kind):
    with pytest.raises(PlanError, match="'x' needs"):
        column_domain(Field("x", kind))


@given(st.lists(st.integers(-(2**40), 2**40) | st.none(), min_size=1, max_size=20))
def test_integers_survive_the_round_trip_through_numbers(values):
    column = pd.Series(values, dtype="Int64")
    assert from_numbers(to_numbers(column, FieldType.INTEGER), FieldType.INTEGER).equals(column)


@given(st.lists(st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)) | st.none(), min_size=1, max_size=20))
def test_datetimes_survive_to_the_second(values):
    whole = [value.replace(microsecond=0) if value is not None else None for value in values]
    column = pd.Series(whole, dtype="datetime64[us]")
    assert from_numbers(to_numbers(column, FieldType.DATETIME), FieldType.DATETIME).equals(column)


def test_decimals_are_kept_and_each_value_has_its_own_bin_where_there_are_few():
    domain = column_domain(FIELDS["one value per bin"])
    values = np.round(np.arange(-10, 11) * 0.1, 1)
    codes = domain.encode(series(values, domain.field))
    assert codes.tolist() == list(range(21))
    assert domain.decode(codes, RNG).tolist() == values.tolist()
    assert domain.describe() == "-1 to 1 in 21 bins"


def test_refined_borders_make_exact_values():
    """A cell of one step decodes to its value; decimals next to it keep theirs."""
    field = Field("x", FieldType.NUMBER, minimum=0.0, maximum=100.0, decimals=2)
    edges = (-0.005, 9.985, 9.995, 100.005)
    domain = column_domain(field, LearnedDomain(edges=edges))
    codes = domain.encode(series([0.0, 9.98, 9.99, 10.0, 100.0, 200.0], field))
    assert codes.tolist() == [0, 1, 2, 3, 3, 3]
    drawn = domain.decode(np.full(100, 2, dtype=np.int32), RNG)
    assert drawn.tolist() == [9.99] * 100


def test_values_of_atoms_are_drawn_by_atoms_alone():
    """Bins 0..2 and 3..9 with an atom at 0 and at 5: the bins draw their other values, each about as often."""
    field = Field("x", FieldType.INTEGER, minimum=0, maximum=9, atoms=(5, 0))
    domain = column_domain(field, LearnedDomain(edges=(0.0, 3.0, 10.0)))
    drawn = domain.decode(np.repeat(np.array([2, 3], dtype=np.int32), 6000), RNG).to_numpy(dtype=int)
    counts = np.bincount(drawn, minlength=10)
    assert counts[[0, 5]].tolist() == [0, 0]
    assert counts[[1, 2]].min() > 2700  # 3,000 with standard deviation 39
    assert counts[[3, 4, 6, 7, 8, 9]].min() > 850  # 1,000 with standard deviation 29


def test_numbers_have_as_many_digits_as_their_cell_needs():
    """Without stated decimals, a narrow cell inside a wide range still holds some hundred values."""
    field = Field("x", FieldType.NUMBER, minimum=0.0, maximum=1e6)
    domain = column_domain(field, LearnedDomain(edges=(0.0, 0.25, 0.5, 1e6)))
    drawn = domain.decode(np.repeat(np.arange(1, 4, dtype=np.int32), 2000), RNG).to_numpy(dtype=float)
    assert np.unique(drawn[:2000]).size > 100
    assert np.array_equal(drawn[:4000], np.round(drawn[:4000], 3))
    assert np.array_equal(drawn[4000:], np.round(drawn[4000:], 0))


def test_uniform_inside_a_bin():
    """Mean of 20,000 uniform integers on 0..338: standard error 0.69, five of them allowed."""
    field = Field("x", FieldType.INTEGER, minimum=1, maximum=40 * 339)
    domain = column_domain(field)
    values = domain.decode(np.zeros(20_000, dtype=np.int32), np.random.default_rng(1)).to_numpy(float)
    assert (values.min(), values.max()) == (1, 339)
    assert abs(values.mean() - 170) < 3.5
