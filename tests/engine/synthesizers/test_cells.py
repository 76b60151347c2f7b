"""Groups of cells: what is joined, what is rare, and how groups become cells again."""

import numpy as np
import pytest

from engine.data.encode import column_domain
from engine.data.schema import Field, FieldType
from engine.synthesizers.cells import CellGroups, keep_all, merge_cells, most_groups
from engine.synthesizers.marginals import OneWay

NUMBERS = column_domain(Field("x", FieldType.INTEGER, minimum=1, maximum=8))
LETTERS = column_domain(Field("x", FieldType.STRING, enum=tuple("abcdefgh")))


FINE = 1e-6
"""Noise on pairs that limits no number of groups."""


def one_way(*counts, variance=1.0):
    return OneWay(np.array(counts, dtype=float), variance)


def test_neighbouring_bins_are_joined_until_they_stand_out():
    """Noise of one row: eight rows are a group; the missing cell is never joined with a number."""
    groups = merge_cells(NUMBERS, one_way(4, 4, 4, 4, 90, 4, 2, 2, 50), 164.0, FINE)
    assert groups.group_of.tolist() == [0, 0, 1, 1, 2, 3, 3, 3, 4]


def test_a_column_has_few_groups_and_small_ones_where_it_can_afford_them():
    """40 even bins of noise one row are too many groups; few rows beside one crowded bin are not joined with it."""
    line = column_domain(Field("x", FieldType.INTEGER, minimum=1, maximum=40))
    even = merge_cells(line, one_way(*[80] * 40, 0), 3200.0, FINE)
    assert np.bincount(even.group_of, weights=[80] * 40 + [0])[:20].tolist() == [160] * 20
    crowded = [10] * 40
    crowded[7] = 3000
    groups = merge_cells(line, one_way(*crowded, 0), 3390.0, 300.0).group_of
    assert (groups == groups[7]).sum() == 1
    assert len(set(groups[8:40])) == 2


def test_noise_on_pairs_leaves_fewer_groups():
    """With g groups a cell of a pair holds 3,200/g² rows: 2 deviations of 12 rows leave g = 12, of 300 rows 4."""
    assert most_groups(3200.0, FINE) == 32
    assert round(most_groups(3200.0, 12.0)) == 12
    assert most_groups(3200.0, 300.0) == 4
    line = column_domain(Field("x", FieldType.INTEGER, minimum=1, maximum=40))
    assert merge_cells(line, one_way(*[80] * 40, 0), 3200.0, 300.0).size == 4 + 1


def test_categories_have_no_neighbours():
    groups = merge_cells(LETTERS, one_way(4, 4, 4, 4, 90, 4, 2, 2, 50), 164.0, FINE)
    assert groups.group_of.tolist() == [0, 1, 2, 3, 4, 5, 7, 7, 6]


def test_bins_within_noise_are_one_group_wherever_they_are():
    """A group of m cells is rare below 3 √m rows."""
    groups = merge_cells(NUMBERS, one_way(1, 0, 50, 0, 2, 60, 1, 1, 0), 115.0, FINE)
    assert groups.group_of.tolist() == [2, 2, 0, 2, 2, 1, 2, 2, 2]


def test_groups_cover_all_cells_and_sums_agree():
    rng = np.random.default_rng(0)
    for _ in range(50):
        counts = one_way(*(rng.poisson(rng.choice([0, 5, 100], 9)) + rng.normal(0, 3, 9)), variance=9.0)
        groups = merge_cells(NUMBERS, counts, 300.0, FINE)
        assert sorted(set(groups.group_of)) == list(range(groups.size))
        merged, variances = groups.merge(counts)
        assert merged.sum() == pytest.approx(counts.counts.sum())
        assert variances.sum() == pytest.approx(9.0 * 9)


def test_what_was_set_to_zero_gets_no_weight():
    groups = keep_all(one_way(0.0, 10.0, -2.0, 20.0, 0.0), 28.0)
    assert groups.weights.tolist() == [0.0, 9.0, 0.0, 19.0, 0.0]
    assert keep_all(one_way(0.0, 0.0), 10.0).weights.tolist() == [5.0, 5.0]


def test_refining_follows_weights_as_closely_as_whole_rows_can():
    """Systematic rounding: every cell is within one row of its expectation; a group without weight is even."""
    groups = CellGroups(np.array([0, 0, 1, 1, 1], dtype=np.int32), np.array([3.0, 1.0, 0.0, 0.0, 0.0]))
    coarse = np.repeat(np.array([0, 1], dtype=np.int32), [100, 90])
    cells = groups.refine(coarse, np.random.default_rng(0))
    assert np.abs(np.bincount(cells, minlength=5) - [75, 25, 30, 30, 30]).max() <= 1
    assert np.array_equal(groups.group_of[cells], coarse)


def test_cells_of_two_columns_do_not_follow_each_other():
    """Both columns are one group of 20 cells over the same 4,000 rows.

    The correlation of independent columns has standard deviation 1/√4000 = 0.016; five of them are allowed.
    """
    groups = CellGroups(np.zeros(20, dtype=np.int32), np.ones(20))
    rng = np.random.default_rng(0)
    rows = np.zeros(4000, dtype=np.int32)
    first, second = groups.refine(rows, rng), groups.refine(rows, rng)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.08
