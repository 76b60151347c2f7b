import numpy as np
import pandas as pd
import pytest

from engine.data.schema import Field, FieldType, TableSchema
from engine.evaluation.binning import cut_columns
from engine.evaluation.fidelity import MOST_COLUMNS_IN_PAIRS, compare_cells, total_variation
from tests.tables import typed

LETTERS = TableSchema(tuple(Field(name, FieldType.STRING, enum=("a", "b", "c")) for name in ("u", "v")))


def letters(n_rows, seed, dependent=True):
    """Rows of LETTERS in which `v` repeats `u`, or knows nothing of it."""
    rng = np.random.default_rng(seed)
    first = rng.choice(["a", "b", "c"], n_rows, p=[0.6, 0.3, 0.1])
    second = first if dependent else rng.permutation(first)
    return typed(pd.DataFrame({"u": first, "v": second}), LETTERS)


def compare(train, synthetic, holdout=None, schema=LETTERS, target=None, seed=0):
    tables = {"train": train, "synthetic": synthetic} | ({} if holdout is None else {"holdout": holdout})
    return compare_cells(cut_columns(schema.fields, tables), target, np.random.default_rng(seed))


def test_total_variation_agrees_with_the_sum_by_hand():
    assert total_variation(np.array([8, 2, 0]), np.array([2, 2, 1])) == pytest.approx(0.4)
    assert total_variation(np.array([3, 0]), np.array([0, 7])) == 1.0


def test_shares_are_those_of_the_rows():
    train = typed(pd.DataFrame({"u": ["a", "a", "b", None], "v": ["a"] * 4}), LETTERS)
    synthetic = typed(pd.DataFrame({"u": ["a", "c"], "v": ["a"] * 2}), LETTERS)
    column = compare(train, synthetic)["columns"][0]
    assert column["labels"] == ["a", "b", "c"]
    assert column["real"] == [0.5, 0.25, 0.0]
    assert column["synthetic"] == [0.5, 0.0, 0.5]
    assert (column["missing_real"], column["missing_synthetic"]) == (0.25, 0.0)
    assert column["distance"] == 0.5


def test_identical_tables_have_distance_zero():
    train = letters(300, 0)
    report = compare(train, train)
    assert report["mean_distance_1way"] == 0.0
    assert report["mean_distance_2way"] == 0.0
    assert report["pairs"][0]["association_real"] == report["pairs"][0]["association_synthetic"]


def test_without_a_holdout_the_ceiling_says_why_it_is_missing():
    report = compare(letters(50, 0), letters(50, 1))
    for value in (report["ceiling_1way"], report["ceiling_2way"], report["ceiling_rows"]):
        assert set(value) == {"unavailable"}
    assert set(report["pairs"][0]["association_holdout"]) == {"unavailable"}


def test_the_ceiling_is_compared_with_equally_many_synthetic_rows():
    # Fresh rows of the same population are, by construction, exactly as good as a holdout. Compared in unequal
    # numbers (5000 against 200) they would look better: 0.011 against 0.04. Each mean is over 60 tables and has
    # a standard error of about 0.002; the tolerance is four of them.
    distances, all_rows, ceilings = [], [], []
    for seed in range(60):
        report = compare(letters(5000, 3 * seed), letters(5000, 3 * seed + 1), letters(200, 3 * seed + 2), seed=seed)
        distances.append(report["mean_distance_1way"])
        all_rows.append(report["mean_distance_1way_all_rows"])
        ceilings.append(report["ceiling_1way"])
        assert report["ceiling_rows"] == 200
    assert np.mean(distances) == pytest.approx(np.mean(ceilings), abs=0.008)
    assert np.mean(all_rows) < 0.5 * np.mean(ceilings)


def test_independent_columns_are_seen_in_the_pairs_and_not_in_the_columns():
    train, holdout = letters(2000, 0), letters(2000, 1)
    broken = letters(2000, 2, dependent=False)
    report = compare(train, broken, holdout)
    pair = report["pairs"][0]
    # Independent: 1 - sum p² = 0.54 of the mass is off the diagonal, where the real table has none.
    assert pair["distance"] == pytest.approx(0.54, abs=0.05)
    assert pair["distance"] > 5 * pair["ceiling"]
    assert pair["association_real"] == pytest.approx(1.0)
    assert pair["association_synthetic"] < 0.1
    assert report["mean_distance_1way"] < 0.05


def test_association_matrices_are_square_and_symmetric():
    report = compare(letters(400, 0), letters(400, 1, dependent=False))["association"]
    assert report["columns"] == ["u", "v"]
    assert report["real"][0][0] == 1.0
    assert report["real"][0][1] == report["real"][1][0] == pytest.approx(1.0)
    assert report["difference"][0][1] == pytest.approx(report["synthetic"][0][1] - report["real"][0][1])


def test_a_constant_column_has_no_association():
    constant = typed(pd.DataFrame({"u": ["a"] * 40, "v": ["a", "b"] * 20}), LETTERS)
    report = compare(constant, constant)
    assert set(report["pairs"][0]["association_real"]) == {"unavailable"}
    assert set(report["association"]["real"][0][0]) == {"unavailable"}
    assert report["association"]["real"][1][1] == 1.0


def test_many_columns_are_compared_by_the_pairs_of_a_random_choice_with_the_target():
    names = [f"c{i}" for i in range(MOST_COLUMNS_IN_PAIRS + 5)]
    schema = TableSchema(tuple(Field(name, FieldType.BOOLEAN) for name in names))
    rng = np.random.default_rng(0)
    table = typed(pd.DataFrame({name: rng.random(30) < 0.5 for name in names}), schema)
    for seed in range(5):
        report = compare(table, table, schema=schema, target="c44", seed=seed)
        assert "c44" in report["association"]["columns"]
        assert len(report["pairs"]) == MOST_COLUMNS_IN_PAIRS * (MOST_COLUMNS_IN_PAIRS - 1) // 2
        assert report["pairs_compared"] == "the 780 pairs of 40 columns drawn at random, of 990 pairs"
        assert len(report["columns"]) == len(names)
