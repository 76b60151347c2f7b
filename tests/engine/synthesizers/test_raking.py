"""Raking: closer to its targets than the rows it chose from, and nothing else about them is changed."""

import numpy as np
import pytest

from engine.synthesizers import raking
from engine.synthesizers.raking import raked

N_ROWS = 2_000
SIZES = (4, 6, 3)


def candidates(n_rows, seed=0):
    """Rows whose second column depends on the first; the third is its own."""
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 4, n_rows)
    second = (first + rng.integers(0, 3, n_rows)) % 6
    return [column.astype(np.int32) for column in (first, second, rng.integers(0, 3, n_rows))]


def targets(n_rows=N_ROWS):
    """One-way counts that are not those of the candidates, one of them below zero."""
    return {
        (0,): np.array([0.4, 0.3, 0.2, 0.1]) * n_rows,
        (1,): np.array([0.15, 0.3, 0.25, 0.15, 0.1, 0.05]) * n_rows,
        (2,): np.array([0.5, 0.51, -0.01]) * n_rows,
    }


def distances(codes, wanted):
    found = []
    for columns, values in wanted.items():
        shares = np.maximum(values, 0.0).ravel() / np.maximum(values, 0.0).sum()
        flat = np.ravel_multi_index([codes[column] for column in columns], values.shape)
        found.append(np.abs(np.bincount(flat, minlength=values.size) / len(flat) - shares).sum() / 2)
    return np.array(found)


def test_counts_come_within_a_few_rows_of_the_targets():
    """Independent draws of 2,000 rows miss these by about √(1/(2π · 2,000)) · Σ√p = 0.01 to 0.02 each."""
    rows = raked(candidates(4 * N_ROWS), targets(), np.random.default_rng(1), N_ROWS)
    assert [column.shape for column in rows] == [(N_ROWS,)] * 3
    assert distances(candidates(N_ROWS), targets()).min() > 0.05
    assert distances(rows, targets()).max() < 0.004


def test_replacing_rows_is_what_removes_the_error_of_sampling(monkeypatch):
    ours = distances(raked(candidates(4 * N_ROWS), targets(), np.random.default_rng(1), N_ROWS), targets())
    monkeypatch.setattr(raking, "_PASSES", 0)
    weighed_only = distances(raked(candidates(4 * N_ROWS), targets(), np.random.default_rng(1), N_ROWS), targets())
    assert ours.mean() < 0.3 * weighed_only.mean()
    assert weighed_only.max() < 0.04, "weights alone are right on average"


def test_sets_of_columns_may_be_targets():
    pair = np.zeros((4, 6))
    for first in range(4):
        pair[first, [first, (first + 1) % 6]] = N_ROWS / 8
    rows = raked(candidates(4 * N_ROWS), {(0, 1): pair}, np.random.default_rng(2), N_ROWS)
    assert distances(rows, {(0, 1): pair})[0] < 0.01
    assert distances(candidates(N_ROWS), {(0, 1): pair})[0] > 0.3


def test_rows_are_chosen_and_never_made():
    given = candidates(3 * N_ROWS)
    rows = raked(given, targets(), np.random.default_rng(3), N_ROWS)
    assert {tuple(row) for row in np.array(rows).T} <= {tuple(row) for row in np.array(given).T}
    assert ((rows[1] - rows[0]) % 6 <= 2).all(), "what holds in every row still does"


@pytest.mark.statistical
def test_what_the_targets_do_not_speak_of_stays():
    """Given the columns under targets, a third one has its share of 1/3: standard error √(2/9/2,000) = 0.0105."""
    rows = raked(candidates(4 * N_ROWS), {(0,): targets()[(0,)]}, np.random.default_rng(4), N_ROWS)
    for cell in range(3):
        assert abs((rows[2] == cell).mean() - 1 / 3) < 5 * 0.0105
        assert abs((rows[2][rows[0] == 0] == cell).mean() - 1 / 3) < 5 * 0.0105 * np.sqrt(1 / 0.4)


def test_the_order_of_rows_is_random():
    """Along sorted candidates, kept rows would rise with their place: the correlation's standard error is 0.022."""
    order = np.sort(candidates(4 * N_ROWS)[0])
    rows = raked([order], {(0,): targets()[(0,)]}, np.random.default_rng(5), N_ROWS)
    assert abs(np.corrcoef(rows[0], np.arange(N_ROWS))[0, 1]) < 0.13


def test_as_many_rows_as_there_are():
    """Some rows are kept twice, and fewer are left to replace others with."""
    rows = raked(candidates(N_ROWS), targets(), np.random.default_rng(6))
    assert len(rows[0]) == N_ROWS
    assert distances(rows, targets()).max() < 0.02


def test_cells_that_no_row_has_are_left_out():
    wanted = {(0,): np.array([10.0, 0.0, 0.0, 0.0, 30.0])}
    rows = raked([np.zeros(50, dtype=np.int32)], wanted, np.random.default_rng(7), 20)
    np.testing.assert_array_equal(rows[0], np.zeros(20))
    rows = raked([np.ones(50, dtype=np.int32)], wanted, np.random.default_rng(7), 20)
    np.testing.assert_array_equal(rows[0], np.ones(20))


def test_targets_that_contradict_one_another_still_give_rows():
    codes = [np.arange(100, dtype=np.int32) % 2] * 2
    rows = raked(codes, {(0,): np.array([1.0, 0.0]), (1,): np.array([0.0, 1.0])}, np.random.default_rng(7), 20)
    assert len(rows[0]) == 20
    np.testing.assert_array_equal(rows[0], rows[1])


@pytest.mark.parametrize("n_rows", [0, 1])
def test_few_rows(n_rows):
    assert len(raked(candidates(100), targets(), np.random.default_rng(8), n_rows)[0]) == n_rows
    assert len(raked(candidates(0), targets(), np.random.default_rng(8), 0)[0]) == 0


def test_the_change_foretold_is_the_change_of_one_replacement():
    rng = np.random.default_rng(9)
    codes = candidates(200)
    keys = [raking._keys(codes, columns, values.shape) for columns, values in targets().items()]
    deviations = [rng.normal(size=values.size) * 10 for values in targets().values()]
    for _ in range(50):
        old, new = rng.integers(0, 200, (2, 1))
        foretold = raking._change(deviations, keys, old, new).sum()
        moved = raking._moved(deviations, keys, old, new)
        assert raking._squares(moved) - raking._squares(deviations) == pytest.approx(2 * foretold, abs=1e-8)
