"""Training by sampling asks for categories, and finds rows, with the ctgan library's chances."""

import numpy as np
import pytest
from ctgan.data_sampler import DataSampler
from ctgan.data_transformer import SpanInfo
from scipy.stats import chisquare

from engine.synthesizers.conditions import ConditionSampler
from engine.synthesizers.plain_columns import PlainTable

SIZES = (3, 2, 5)
DRAWS = 60_000


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    codes = np.stack([rng.choice(size, 400, p=shares(size)) for size in SIZES], axis=1)
    return PlainTable(codes.astype(np.int64), SIZES, np.zeros((400, 0)))


def shares(size):
    falling = 0.4 ** np.arange(size)
    return falling / falling.sum()


def librarys(table):
    """The library's sampler of the same rows."""
    dense = np.concatenate([np.eye(size)[table.codes[:, at]] for at, size in enumerate(SIZES)], axis=1)
    return DataSampler(dense, [[SpanInfo(size, "softmax")] for size in SIZES], True)


def chances(table):
    """Chance of each category by the library: a random column, then its own matrix of probabilities."""
    matrix = librarys(table)._discrete_column_category_prob
    return np.concatenate([matrix[at, :size] for at, size in enumerate(SIZES)]) / len(SIZES)


@pytest.mark.statistical
def test_categories_of_a_training_step(table):
    """Chi-square against the library's own probabilities: p > 10⁻⁴ fails by chance once in 10⁴ seeds, and the seed is
    fixed. The broken twin asks by plain shares, which are far from the shares of logarithms, and must fail."""
    sampler, rng = ConditionSampler(table), np.random.default_rng(1)
    columns, drawn = sampler.training_categories((DRAWS // 100, 100), rng)
    counts = np.bincount(drawn.ravel(), minlength=sum(SIZES))
    assert chisquare(counts, chances(table) * DRAWS).pvalue > 1e-4
    assert (np.searchsorted(sampler.starts, drawn, side="right") - 1 == columns).all()
    twin = np.bincount(sampler.original_categories((DRAWS,), rng), minlength=sum(SIZES))
    assert chisquare(twin, chances(table) * DRAWS).pvalue < 1e-12


@pytest.mark.statistical
def test_categories_of_drawn_rows_follow_the_shares_of_rows(table):
    """The same test against the shares of the rows; the twin that asks by logarithms must fail."""
    sampler, rng = ConditionSampler(table), np.random.default_rng(2)
    exact = np.concatenate([np.bincount(table.codes[:, at], minlength=size) for at, size in enumerate(SIZES)])
    expected = exact / exact.sum() * DRAWS
    counts = np.bincount(sampler.original_categories((DRAWS,), rng), minlength=sum(SIZES))
    assert chisquare(counts, expected).pvalue > 1e-4
    twin = np.bincount(sampler.training_categories((DRAWS,), rng)[1], minlength=sum(SIZES))
    assert chisquare(twin, expected).pvalue < 1e-12


@pytest.mark.statistical
def test_rows_hold_what_was_asked_for_and_each_is_as_likely(table):
    """Chi-square of 40,000 draws over the rows that hold a category; the twin that always takes the first must fail."""
    sampler, rng = ConditionSampler(table), np.random.default_rng(3)
    columns, drawn = sampler.training_categories((40_000,), rng)
    rows = sampler.rows_with(columns, drawn, rng)
    assert (table.codes[rows, columns] + sampler.starts[columns] == drawn).all()
    held = librarys(table)._rid_by_cat_cols[1][0]
    counts = np.bincount(rows[(columns == 1) & (drawn == sampler.starts[1])], minlength=400)
    assert set(np.flatnonzero(counts)) <= set(held)
    assert chisquare(counts[held]).pvalue > 1e-4
    assert chisquare(np.where(held == held[0], counts.sum(), 0)).pvalue < 1e-12
