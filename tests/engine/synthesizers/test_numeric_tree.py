"""Cells of numeric columns that follow the rows: oracles without noise, and every kind of number line."""

from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.encode import LearnedDomain, column_domain, numeric_grid, to_numbers
from engine.data.schema import DomainSource, Field, FieldType, TableSchema
from engine.privacy.budget import RunBudget
from engine.privacy.plan import UnitOfProtection
from engine.privacy.private_table import PrivateTable
from engine.synthesizers import numeric_tree
from engine.synthesizers.numeric_tree import MOST_CELLS, assumed_cells, level_count, refined_edges
from tests.noise_sources import SeededNoiseThatPassesAsSecure
from tests.tables import typed

NO_NOISE = 1e16
"""μ² of a histogram whose noise rounds to zero."""

FIELDS = {
    "wide integers": Field("x", FieldType.INTEGER, minimum=-500, maximum=12_345),
    "fewer integers": Field("x", FieldType.INTEGER, minimum=0, maximum=99),
    "huge integers": Field("x", FieldType.INTEGER, minimum=-(2**53), maximum=2**53),
    "numbers": Field("x", FieldType.NUMBER, minimum=-3.0, maximum=1e6),
    "decimals": Field("x", FieldType.NUMBER, minimum=0.0, maximum=1e4, decimals=2),
    "bounds between decimals": Field("x", FieldType.NUMBER, minimum=0.004, maximum=99.996, decimals=2),
    "atoms": Field("x", FieldType.INTEGER, minimum=-9, maximum=10_000, atoms=(-9, 500)),
    "dates": Field("x", FieldType.DATE, minimum=date(1900, 1, 1), maximum=date(2100, 1, 1)),
    "datetimes": Field("x", FieldType.DATETIME, minimum=datetime(2020, 1, 1), maximum=datetime(2024, 1, 1)),
}


def numbers_within(field, n_rows, seed=0):
    """Values crowded at a third of the range, some spread over all of it, and a few outside."""
    rng = np.random.default_rng(seed)
    low, high = numeric_grid(field).edges[0], numeric_grid(field).edges[-1]
    crowded = low + (high - low) * (1 / 3 + rng.normal(0, 1e-3, n_rows))
    return np.where(rng.random(n_rows) < 0.8, crowded, rng.uniform(low - 1, high + 1, n_rows))


def column_of(values, field):
    if field.type in (FieldType.DATE, FieldType.DATETIME):
        unit = "D" if field.type is FieldType.DATE else "s"
        column = pd.Series(np.asarray(values, dtype=np.int64).astype(f"datetime64[{unit}]"))
    else:
        whole = field.type is FieldType.INTEGER
        column = pd.Series(np.asarray(values, dtype=np.int64) if whole else np.asarray(values, dtype=np.float64))
    return typed(pd.DataFrame({field.name: column}), TableSchema((field,)))[field.name]


def refined(field, column, mu_squared=NO_NOISE, seed=1):
    """A domain with the tree's borders, and the budget that they cost."""
    budget = RunBudget(mu_squared)
    table = PrivateTable(
        pd.DataFrame({field.name: column}),
        (field,),
        UnitOfProtection(),
        budget,
        SeededNoiseThatPassesAsSecure(seed),
    )
    edges = refined_edges(table, field.name, numeric_grid(field), mu_squared)
    return column_domain(field, LearnedDomain(edges=edges)), budget


@pytest.mark.parametrize("mu_squared", [NO_NOISE, 0.01])
@pytest.mark.parametrize("n_rows", [0, 1, 3000])
@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
def test_cells_part_the_grid_and_values_stay_in_theirs(field, n_rows, mu_squared):
    column = column_of(numbers_within(field, n_rows), field)
    domain, budget = refined(field, column, mu_squared)
    grid = numeric_grid(field)
    assert list(domain.edges) == sorted(set(domain.edges))
    assert set(grid.edges) <= set(domain.edges)
    assert (domain.edges[0], domain.edges[-1]) == (grid.edges[0], grid.edges[-1])
    assert len(domain.edges) - 1 <= MOST_CELLS
    assert budget.used_mu_squared <= mu_squared * (1 + 1e-12)
    codes = np.repeat(np.arange(domain.n_values, dtype=np.int32), 20)
    again = domain.encode(domain.decode(codes, np.random.default_rng(0)))
    only_atoms = [not grid.without_atoms(*ends) for ends in zip(domain.edges[:-1], domain.edges[1:], strict=True)]
    drawable = ~np.isin(codes, np.flatnonzero(only_atoms) + len(domain.atoms))
    assert np.array_equal(again[drawable], codes[drawable])


def test_cells_match_a_count_by_hand():
    """64 rows at 5 in 0..319: the grid's cells hold 8 values each, so the heavy one falls into its values."""
    field = Field("x", FieldType.INTEGER, minimum=1, maximum=320)
    domain, budget = refined(field, column_of([5] * 64, field))
    assert level_count(numeric_grid(field)) == 2
    assert domain.edges[:4] == (1.0, 5.0, 6.0, 9.0)
    assert domain.edges[4:] == tuple(float(border) for border in range(17, 322, 8))
    assert len(budget.events()) == 2


@pytest.mark.parametrize("place", [0, 1, 37, 39, 40, 4999, 9999, 10_000])
@pytest.mark.parametrize("field", [FIELDS["decimals"], FIELDS["wide integers"], FIELDS["dates"]], ids=str)
def test_a_spike_is_an_exact_value(field, place):
    """A third of the rows on one value, the rest spread: the spike has a cell of its own, at any place."""
    grid = numeric_grid(field)
    first, last = grid.edges[0], grid.edges[-1]
    step = grid.step
    spike = first + (0.5 * step if field.type is FieldType.NUMBER else 0.0)
    spike = min(round(spike / step) * step + place * step, last - step)
    rng = np.random.default_rng(0)
    values = np.concatenate([np.full(1000, spike), rng.uniform(first, last - step, 2000)])
    domain, _ = refined(field, column_of(values, field))
    code = domain.encode(column_of([spike], field))
    drawn = domain.decode(np.repeat(code, 50), rng)
    assert drawn.nunique() == 1
    assert to_numbers(drawn, field.type)[0] == pytest.approx(spike, abs=step / 4)


def test_a_smooth_column_has_no_invented_spike():
    """No cell narrower than a fifth of the grid's, where 20,000 rows are spread over 10,001 values."""
    field = Field("x", FieldType.INTEGER, minimum=1, maximum=10_000)
    values = np.random.default_rng(3).integers(1, 10_001, 20_000)
    for mu_squared in (NO_NOISE, 0.01):
        domain, _ = refined(field, column_of(values, field), mu_squared)
        assert np.diff(domain.edges).min() > 50


def test_a_heavy_tail_is_fine_where_its_rows_are():
    """Lognormal within a generous bound: no cell holds more than a twentieth of the rows."""
    field = FIELDS["numbers"]
    values = np.random.default_rng(0).lognormal(3.0, 1.0, 20_000)
    column = column_of(values, field)
    domain, _ = refined(field, column)
    shares = np.bincount(domain.encode(column), minlength=domain.size) / len(column)
    equal = column_domain(field)
    assert np.bincount(equal.encode(column), minlength=equal.size).max() == len(column)
    assert shares.max() < 1 / 20


def test_little_privacy_loss_leaves_the_grid_and_returns_what_is_left():
    """50 rows under noise of 500: nothing stands out three deviations above nothing."""
    field = FIELDS["decimals"]
    domain, budget = refined(field, column_of(numbers_within(field, 50), field), mu_squared=1e-5, seed=2)
    assert domain.edges == numeric_grid(field).edges
    assert budget.used_mu_squared == pytest.approx(1e-5 / level_count(numeric_grid(field)))


@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
def test_all_missing(field):
    column = column_of(numbers_within(field, 30), field).where(pd.Series([False] * 30))
    domain, _ = refined(field, column)
    assert domain.edges == numeric_grid(field).edges


def test_values_out_of_bounds_are_counted_where_they_are_clipped():
    field = Field("x", FieldType.INTEGER, minimum=0, maximum=4000, atoms=(7,))
    domain, _ = refined(field, column_of([10**6] * 500 + [-(10**6)] * 500, field))
    assert domain.edges[:2] == (0.0, 1.0)
    assert domain.edges[-2:] == (4000.0, 4001.0)


@pytest.mark.parametrize("kind", [FieldType.INTEGER, FieldType.NUMBER])
def test_equal_bounds_are_not_divided(kind):
    grid = numeric_grid(Field("x", kind, minimum=3, maximum=3))
    assert not grid.can_be_refined


def test_an_atom_in_a_cell_does_not_divide_it():
    """All rows are on the atom, which has a cell of its own: nothing else is heavy."""
    field = Field("x", FieldType.NUMBER, minimum=0.0, maximum=1e6)
    domain, budget = refined(field, column_of([0.0] * 1000, field))
    assert domain.edges == numeric_grid(field).edges
    assert len(budget.events()) == 1


@given(
    st.integers(-(2**40), 2**40),
    st.integers(0, 2**40),
    st.integers(0, 6),
    st.integers(0, 2**32),
)
@settings(max_examples=60, deadline=None)
def test_any_bounds_and_decimals_keep_decoded_values_within(low, width, decimals, seed):
    """Whatever the bounds: borders increase, values have the stated decimals, and lie within the bounds."""
    scale = 10.0**-decimals
    field = Field("x", FieldType.NUMBER, minimum=low * scale, maximum=(low + width) * scale, decimals=decimals)
    domain, _ = (
        refined(field, column_of(numbers_within(field, 200, seed), field), 0.1)
        if width > 40
        else (
            column_domain(field),
            None,
        )
    )
    assert all(np.diff(domain.edges) > 0) or width == 0
    codes = np.arange(domain.n_values, dtype=np.int32)
    drawn = domain.decode(codes, np.random.default_rng(seed)).to_numpy(dtype=float)
    assert drawn.min() >= field.minimum - scale / 100
    assert drawn.max() <= field.maximum + scale / 100
    assert np.array_equal(drawn, np.round(drawn, decimals))


def test_a_forecast_assumes_what_lies_between_the_grid_and_the_most():
    assert 40 < assumed_cells(40) < MOST_CELLS
    assert assumed_cells(MOST_CELLS + 4) == MOST_CELLS + 4


def test_measured_columns_get_cells_within_the_released_range():
    field = Field("x", FieldType.INTEGER, source=DomainSource.MEASURED)
    learned = LearnedDomain(minimum=0.0, maximum=1023.0)
    grid = numeric_grid(field, learned)
    assert (grid.edges[0], grid.edges[-1], len(grid.edges)) == (0.0, 1024.0, 41)


def test_a_smooth_column_keeps_its_grid_and_a_steep_one_does_not(monkeypatch):
    """A fortieth of the range is near even in a bell, not in a tail; the twin that keeps all halves divides both.

    Further cells of 20 seeds have means of about 8, 25 and 50 and standard deviations below 7, so that each bound is
    more than five standard errors (7/√20 = 1.6) away.
    """
    field = Field("x", FieldType.NUMBER, minimum=0.0, maximum=1000.0, decimals=2)
    rng = np.random.default_rng(3)
    bell = column_of(np.round(rng.normal(500.0, 120.0, 16_000), 2), field)
    steep = column_of(np.round(rng.exponential(4.0, 16_000), 2), field)

    def further_cells(column):
        return np.mean([len(refined(field, column, 0.002, seed)[0].edges) - 41 for seed in range(20)])

    assert further_cells(bell) < 16
    assert further_cells(steep) > 16
    monkeypatch.setattr(numeric_tree, "UNEVEN", 0.0)
    assert further_cells(bell) > 40
