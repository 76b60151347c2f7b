from dataclasses import replace

import numpy as np
import pytest

from engine.evaluation.binning import ColumnCells
from engine.evaluation.distances import MeanDistance, distances_of, draw_cells, equal_rows, total_variation

SHARES = np.array([[0.5, 0.3, 0.2, 0.0], [0.1, 0.4, 0.2, 0.3], [0.25, 0.25, 0.25, 0.25]])
MOVED = np.array([[0.4, 0.3, 0.2, 0.1], [0.2, 0.4, 0.2, 0.2], [0.25, 0.25, 0.25, 0.25]])


def rows(shares, n_rows, rng):
    """Cells of three columns that rise together: each row has one level, which all its columns follow."""
    level = rng.random(n_rows)
    return [np.searchsorted(np.cumsum(column), level, side="right").clip(0, 3) for column in shares]


def mean_of(train, synthetic, drawn):
    mean = MeanDistance({"train": len(train[0]), "synthetic": len(synthetic[0]), "drawn": len(drawn[0])})
    for real, other, chosen in zip(train, synthetic, drawn, strict=True):
        mean.add({"train": real, "synthetic": other, "drawn": chosen}, 4)
    return mean


def test_total_variation_agrees_with_the_sum_by_hand():
    assert total_variation(np.array([8, 2, 0]), np.array([2, 2, 1])) == pytest.approx(0.4)
    assert total_variation(np.array([3, 0]), np.array([0, 7])) == 1.0


def test_the_mean_is_that_of_the_tables():
    rng = np.random.default_rng(0)
    train, synthetic = rows(SHARES, 500, rng), rows(MOVED, 400, rng)
    mean = mean_of(train, synthetic, [codes[:100] for codes in synthetic])
    by_hand = [
        0.5 * sum(abs((a == cell).mean() - (b[:100] == cell).mean()) for cell in range(4))
        for a, b in zip(train, synthetic, strict=True)
    ]
    assert mean.value() == pytest.approx(np.mean(by_hand))
    assert mean.n_tables == 3


def intervals(n_times, width=1.0, moved=MOVED):
    """How often an interval of the mean, made wider or narrower, holds the mean of all repetitions."""
    rng = np.random.default_rng(1)
    found = []
    for _ in range(n_times):
        synthetic = rows(moved, 500, rng)
        mean = mean_of(rows(SHARES, 800, rng), synthetic, [codes[:300] for codes in synthetic])
        found.append((mean.value(), *mean.interval()))
    values, low, high = np.array(found).T
    truth = values.mean()
    return int(((values - width * (values - low) <= truth) & (truth <= values + width * (high - values))).sum())


def test_the_interval_of_the_mean_holds_what_other_rows_give():
    # Of 400 intervals, 380 hold it on average with a deviation of 4.4; 358 are five deviations below. The columns
    # rise together, so an interval that took them for independent would have 1/√3 of the width and hold 74 %.
    assert intervals(400) >= 358


def test_the_interval_holds_what_other_rows_give_where_only_noise_sets_the_tables_apart():
    assert intervals(400, moved=SHARES) >= 358


def test_an_interval_that_takes_columns_for_independent_is_found_too_narrow():
    assert intervals(400, width=3**-0.5) < 358


def test_the_interval_of_one_table_is_that_of_the_mean_of_one():
    rng = np.random.default_rng(2)
    train, synthetic = rows(SHARES, 300, rng)[0], rows(MOVED, 200, rng)[0]
    cells = {"train": train, "synthetic": synthetic, "drawn": synthetic}
    mean = MeanDistance({name: len(codes) for name, codes in cells.items()})
    mean.add(cells, 4)
    alone = distances_of({name: np.bincount(codes, minlength=4) for name, codes in cells.items()})
    assert alone.interval == pytest.approx(mean.interval(), abs=1e-6)


def columns(**sizes):
    """Two columns whose codes are the numbers of the rows, so that rows can be told apart."""
    codes = {name: np.arange(n_rows) for name, n_rows in sizes.items()}
    first = ColumnCells("a", "integer", (), codes)
    return first, replace(first, name="b")


def test_as_many_synthetic_rows_are_drawn_as_were_set_aside_and_the_same_in_every_column():
    (first, second), n_rows = equal_rows(columns(train=50, synthetic=40, holdout=15), np.random.default_rng(0))
    assert n_rows == len(first.codes["drawn"]) == len(first.codes["holdout"]) == 15
    assert np.array_equal(first.codes["drawn"], second.codes["drawn"])
    assert len(set(first.codes["drawn"])) == 15
    assert len(first.codes["synthetic"]) == 40


def test_a_holdout_larger_than_the_synthetic_table_is_cut():
    (first, _), n_rows = equal_rows(columns(train=50, synthetic=10, holdout=15), np.random.default_rng(0))
    assert n_rows == len(first.codes["holdout"]) == 10
    assert np.array_equal(first.codes["drawn"], np.arange(10))


def test_without_a_holdout_all_synthetic_rows_are_compared():
    (first, _), n_rows = equal_rows(columns(train=50, synthetic=10), np.random.default_rng(0))
    assert n_rows is None
    assert "holdout" not in first.codes
    assert len(first.codes["drawn"]) == 10


def test_rows_are_drawn_together():
    first, second = draw_cells(columns(train=50, synthetic=10), 20, np.random.default_rng(0))
    assert len(first.codes["train"]) == 20
    assert np.array_equal(first.codes["train"], second.codes["train"])
    assert len(first.codes["synthetic"]) == 10
