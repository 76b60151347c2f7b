"""Ends of intervals from noisy counts, against brute force and against what they are to hold."""

import itertools

import numpy as np
import pytest

from engine.answers.intervals import Cells

REPETITIONS, ALLOWED = 2000, 134
"""Of 2,000 with a chance of 0.05 each: 100 expected, and 3.5 standard deviations of 9.7 above them."""


def cells(counts, variance=0.0, **options):
    counts = np.asarray(counts, dtype=float)
    defaults = {
        "surely": np.ones(counts.shape, dtype=bool),
        "possibly": np.ones(counts.shape, dtype=bool),
        "share": np.ones(counts.shape),
        **dict.fromkeys(("low", "high", "middle"), np.ones(counts.shape)),
    }
    changes = {name: np.asarray(value) for name, value in options.items() if name in defaults}
    further = {name: value for name, value in options.items() if name not in defaults}
    return Cells(counts, np.full(counts.shape, float(variance)), **{**defaults, **changes}, **further)


def test_a_count_is_the_sum_with_the_noise_of_all_its_cells():
    low, high = cells([[10, 20], [30, 40]], 4.0).count_ends(1.96)
    assert (low, high) == pytest.approx((100 - 1.96 * 4 - 0.5, 100 + 1.96 * 4 + 0.5))


def test_a_cell_that_is_cut_may_hold_none_or_all():
    found = cells([10, 20, 30], surely=[True, False, False], possibly=[True, True, False])
    assert found.count_ends(2.0) == (9.5, 30.5)
    assert found.open_rows == 20.0


def test_counts_are_not_negative_and_no_cells_hold_no_row():
    assert cells([-50.0], 1.0).count_ends(1.96) == (0.0, 0.0)
    nothing = cells([5.0], surely=[False], possibly=[False])
    assert nothing.count_ends(1.96) == (0.0, 0.0)
    assert nothing.mean_ends(1.96) == (0.0, 0.0)


def means_of_all_fillings(counts, surely, low, high):
    """Every mean that rows can have whose cells are known: each at an end of its cell, cut cells with any rows."""
    choices = [[count] if sure else range(count + 1) for count, sure in zip(counts, surely, strict=True)]
    for held in itertools.product(*choices):
        for ends in itertools.product(*zip(low, high, strict=True)):
            if sum(held):
                yield float(np.dot(held, ends)) / sum(held)


@pytest.mark.parametrize("seed", range(8))
def test_without_noise_the_mean_reaches_as_far_as_any_filling_of_the_cells(seed, monkeypatch):
    monkeypatch.setattr("engine.answers.intervals.HALF_A_ROW", 0.0)
    rng = np.random.default_rng(seed)
    counts, surely = rng.integers(1, 6, 4), np.concatenate([[True], rng.random(3) < 0.5])
    low = rng.uniform(-10, 10, 4)
    high = low + rng.uniform(0, 5, 4)
    means = list(means_of_all_fillings(counts, surely, low, high))
    found = cells(counts, surely=surely, low=low, high=high).mean_ends(0.0)
    assert found == pytest.approx((min(means), max(means)), abs=1e-6)


def test_a_share_agrees_with_the_score_interval():
    """Fieller's interval for a share of two cells with noise s solves (y1 - t n)² = z² s² ((1 - t)² + t²)."""
    found = cells([700.0, 300.0], 100.0, low=[0.0, 1.0], high=[0.0, 1.0]).mean_ends(1.96)
    for end, sign in zip(found, (1, -1), strict=True):
        left = sign * (300.0 - end * 1000.0)
        assert left == pytest.approx(1.96 * 10 * np.hypot(1 - end, end) + 0.5 * max(1 - end, end), abs=1e-3)


def test_a_group_that_noise_hides_has_the_whole_range():
    low, high = cells([3.0, -2.0], 400.0, low=[0.0, 10.0], high=[10.0, 20.0]).mean_ends(1.96)
    assert (low, high) == (0.0, 20.0)


@pytest.mark.statistical
def test_a_mean_needs_the_ends_of_its_cells():
    """All rows lie at the lower ends of their cells; the twin takes them for the cells' middles."""
    rng = np.random.default_rng(1)
    counts = np.array([200, 500, 300, 0, 0, 0])
    low = np.arange(6) * 10.0
    true, wrong, careless = float(counts @ low) / 1000, 0, 0
    for _ in range(REPETITIONS):
        noisy = counts + np.rint(rng.normal(0, 5, 6))
        ends = cells(noisy, 25 + 1 / 12, low=low, high=low + 9).mean_ends(1.96)
        wrong += not ends[0] <= true <= ends[1]
        middle = cells(noisy, 25 + 1 / 12, low=low + 4.5, high=low + 4.5).mean_ends(1.96)
        careless += not middle[0] <= true <= middle[1]
    assert wrong <= ALLOWED < REPETITIONS // 2 < careless


@pytest.mark.statistical
@pytest.mark.parametrize("scale", [0.3, 0.5, 2.0, 30.0])
def test_noise_of_whole_rows_is_covered(scale):
    rng = np.random.default_rng(2)
    counts, wrong = np.array([40, 3, 0, 12]), 0
    for _ in range(REPETITIONS):
        noisy = counts + np.rint(rng.normal(0, scale, 4))
        low, high = cells(noisy, scale**2 + 1 / 12).count_ends(1.96)
        wrong += not low <= 55 <= high
    assert wrong <= ALLOWED


@pytest.mark.statistical
def test_a_population_needs_the_sampling_of_rows_as_well():
    """The twin asks about the table: where noise is small, its intervals are far too narrow for the population."""
    rng = np.random.default_rng(3)
    wrong, careless = {"share": 0, "count": 0}, 0
    for _ in range(REPETITIONS):
        n_rows = rng.poisson(500)
        held = rng.binomial(n_rows, 0.3)
        noisy = np.array([n_rows - held, held]) + np.rint(rng.normal(0, 2, 2))
        ends = [[0.0, 1.0], [0.0, 1.0]]
        share, twin = (
            cells(noisy, 4 + 1 / 12, low=ends[0], high=ends[1], population=population).mean_ends(1.96)
            for population in (True, False)
        )
        count = cells(noisy[1:], 4 + 1 / 12, population=True).count_ends(1.96)
        wrong["share"] += not share[0] <= 0.3 <= share[1]
        wrong["count"] += not count[0] <= 150 <= count[1]
        careless += not twin[0] <= 0.3 <= twin[1]
    assert max(wrong.values()) <= ALLOWED < 4 * ALLOWED < careless


@pytest.mark.statistical
def test_rows_of_one_person_are_no_sample_of_single_rows():
    """Four equal rows per person; the twin counts them as four draws."""
    rng = np.random.default_rng(4)
    wrong = careless = 0
    for _ in range(REPETITIONS):
        held = 4 * rng.binomial(150, 0.4)
        noisy = np.array([600 - held, held], dtype=float)
        own, twin = (
            cells(noisy, 0.1, low=[0.0, 1.0], high=[0.0, 1.0], population=True, rows_per_unit=rows).mean_ends(1.96)
            for rows in (4, 1)
        )
        wrong += not own[0] <= 0.4 <= own[1]
        careless += not twin[0] <= 0.4 <= twin[1]
    assert wrong <= ALLOWED < 3 * ALLOWED < careless
