import math

import numpy as np
import pytest

from engine.evaluation.association import cramers_v


def test_a_column_goes_fully_with_itself():
    assert cramers_v(np.diag([10, 20, 5])) == pytest.approx(1.0)


def test_exactly_proportional_counts_do_not_go_together():
    assert cramers_v(np.outer([10, 30], [2, 5, 1])) == 0.0


def test_two_by_two_agrees_with_the_formula_by_hand():
    # [[30, 10], [10, 30]]: phi² = (30*30 - 10*10)² / (40*40*40*40) = 0.25; corrected 0.25 - 1/79;
    # corrected sizes 2 - 1/79.
    counts = np.array([[30, 10], [10, 30]])
    assert cramers_v(counts) == pytest.approx(math.sqrt((0.25 - 1 / 79) / (1 - 1 / 79)))


def test_empty_cells_change_nothing():
    counts = np.array([[30, 10], [10, 30]])
    padded = np.zeros((4, 3), dtype=np.int64)
    padded[np.ix_([0, 2], [0, 2])] = counts
    assert cramers_v(padded) == cramers_v(counts)


def test_independent_columns_with_many_cells_are_not_taken_for_associated():
    # Uncorrected, V of 20 x 20 cells and 500 independent rows is about sqrt(19 * 19 / 500 / 19) = 0.19.
    rng = np.random.default_rng(1)
    values = [cramers_v(np.bincount(rng.integers(0, 400, 500), minlength=400).reshape(20, 20)) for _ in range(20)]
    assert np.mean(values) < 0.04


@pytest.mark.parametrize("counts", [[[5, 7]], [[5], [7]], [[0, 0], [0, 0]], [[1, 0], [0, 0]]])
def test_a_column_with_one_value_has_no_association(counts):
    assert math.isnan(cramers_v(np.array(counts)))
