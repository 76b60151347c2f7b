import math

import numpy as np
import pandas as pd
import pytest

from engine.data.schema import Field, FieldType, TableSchema
from engine.evaluation.association import cramers_v
from engine.evaluation.correlation import correlations, ranks_of
from tests.metrics import found, measure
from tests.tables import typed

NUMBERS = TableSchema(
    (
        Field("x", FieldType.NUMBER, minimum=-6, maximum=6),
        Field("y", FieldType.NUMBER, minimum=-6, maximum=6),
        Field("g", FieldType.STRING, enum=("low", "high")),
    )
)


def numbers(n_rows, seed, correlation=0.8):
    """Two normal numbers with a correlation, and a category that says whether the first is above 0."""
    rng = np.random.default_rng(seed)
    x, noise = rng.normal(0, 1, (2, n_rows)).clip(-4, 4)
    y = correlation * x + math.sqrt(1 - correlation**2) * noise
    return typed(pd.DataFrame({"x": x, "y": y, "g": np.where(x > 0, "high", "low")}), NUMBERS)


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


def test_many_tables_at_once_are_each_as_alone():
    counts = np.random.default_rng(0).integers(0, 9, (5, 4, 3))
    counts[2, 1] = 0
    counts[3] = 0
    assert np.array_equal(cramers_v(counts), [float(cramers_v(table)) for table in counts], equal_nan=True)


def test_correlations_agree_with_pandas_over_the_rows_that_have_both():
    rng = np.random.default_rng(3)
    values = rng.normal(1e6, 3, (200, 4)) + rng.normal(0, 3, (200, 1))
    values[rng.random((200, 4)) < 0.2] = np.nan
    values[:, 3] = 7.0
    groups = np.arange(200) % 5
    whole, left_out = correlations(values, groups, 5)
    expected = pd.DataFrame(values).corr().to_numpy()
    assert whole[:3, :3] == pytest.approx(expected[:3, :3], abs=1e-9)
    assert np.isnan(whole[3]).all()
    without = pd.DataFrame(values[groups != 2]).corr().to_numpy()
    assert left_out[2][:3, :3] == pytest.approx(without[:3, :3], abs=1e-9)


def test_ranks_give_spearmans_correlation():
    values = np.exp(np.random.default_rng(0).normal(0, 2, (100, 2)))
    whole, _ = correlations(ranks_of(values), np.arange(100) % 4, 4)
    assert whole[0, 1] == pytest.approx(pd.DataFrame(values).corr("spearman").iloc[0, 1])


def test_a_lost_correlation_is_seen_beside_that_of_rows_set_aside():
    part = measure("association", numbers(4000, 0), numbers(1000, 1), numbers(4000, 2, correlation=0.0), NUMBERS)
    ranks = found(part, "rank-correlation")
    # Spearman's correlation of normal numbers with Pearson's r is 6/π asin(r/2): 0.786 for 0.8. Of 1,000 rows it
    # has a standard error of 0.03 at most.
    expected = 6 / math.pi * math.asin(0.4)
    assert ranks["value"] == pytest.approx(expected, abs=0.12)
    assert ranks["interval"][0] <= expected <= ranks["interval"][1]
    assert ranks["reference"] < 0.06
    assert found(part, "cramers-v")["value"] > 5 * found(part, "cramers-v")["reference"]
    assert all("y" in pair["columns"] for pair in part["details"]["worst_pairs"][:2])
    assert part["details"]["numeric"]["pearson"]["difference"][0][1] == pytest.approx(-0.8, abs=0.1)


def test_intact_associations_lie_as_near_as_those_of_rows_set_aside():
    part = measure("association", numbers(4000, 0), numbers(1000, 1), numbers(4000, 2), NUMBERS)
    assert found(part, "rank-correlation")["value"] < 0.06
    assert found(part, "cramers-v")["value"] < 0.06


def test_matrices_are_square_and_symmetric():
    details = measure("association", numbers(400, 0), None, numbers(400, 1, correlation=0.0), NUMBERS)["details"]
    assert details["columns"] == ["x", "y", "g"]
    assert [row[place] for place, row in enumerate(details["real"])] == [1.0, 1.0, 1.0]
    assert details["real"] == [list(row) for row in zip(*details["real"], strict=True)]
    assert details["difference"][0][1] == pytest.approx(details["synthetic"][0][1] - details["real"][0][1], abs=2e-6)


def test_a_constant_column_says_why_it_goes_with_none():
    constant = numbers(60, 0).assign(g=pd.array(["low"] * 60, dtype="string"))
    details = measure("association", constant, None, constant, NUMBERS)["details"]
    assert set(details["real"][2][2]) == set(details["real"][0][2]) == {"unavailable"}
    assert details["real"][0][0] == 1.0


@pytest.mark.parametrize("name", ["cramers-v", "rank-correlation"])
def test_the_interval_holds_what_other_rows_give(name):
    # 60 pairs of tables: the interval of each should hold the mean of all values in 95 % of them. With a coverage of
    # 95 %, fewer than 50 of 60 happen with a chance of 2e-4; an interval of half the width covers 67 %, 40 of 60.
    parts = [
        found(measure("association", numbers(600, 2 * seed), None, numbers(600, 2 * seed + 1, 0.5), NUMBERS), name)
        for seed in range(60)
    ]
    mean = np.mean([part["value"] for part in parts])
    halves = np.array([(part["interval"][1] - part["interval"][0]) / 2 for part in parts])
    errors = np.abs(np.array([part["value"] for part in parts]) - mean)
    assert (errors <= halves).sum() >= 50
    assert (errors <= halves / 2).sum() < 50
