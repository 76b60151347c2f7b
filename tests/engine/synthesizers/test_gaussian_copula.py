"""A Gaussian copula gives back its columns and the correlations of a Gaussian table."""

import numpy as np
import pytest
from scipy.stats import ks_2samp

from engine.data.schema import TableSchema
from engine.errors import PlanError
from engine.pipeline import synthesize
from engine.synthesizers.gaussian_copula import CategoryShares, GaussianCopulaSynthesizer
from engine.synthesizers.plain_columns import PlainTable
from tests.tables import SMALL_SCHEMA, small_plan, small_table


def fitted(table, seed=0):
    model = GaussianCopulaSynthesizer()
    model._learn(table, np.random.default_rng(seed), lambda event: None)
    return model


@pytest.mark.statistical
def test_correlations_of_a_gaussian_table():
    """20,000 rows in and out: the standard error of a correlation is below 1/√20,000 each, so 7 of √2 of that are 0.07.

    The broken twin forgets the correlations and must fail.
    """
    rng = np.random.default_rng(0)
    correlation = np.array([[1.0, 0.8, -0.3], [0.8, 1.0, 0.0], [-0.3, 0.0, 1.0]])
    numbers = rng.multivariate_normal(np.zeros(3), correlation, 20_000)
    model = fitted(PlainTable(np.zeros((20_000, 0), dtype=np.int64), (), np.exp(numbers)))
    made = np.log(model._draw(20_000, rng).numbers)
    assert np.abs(np.corrcoef(made.T) - correlation).max() < 0.07
    model.factor_ = np.eye(3)
    assert np.abs(np.corrcoef(np.log(model._draw(20_000, rng).numbers).T) - correlation).max() > 0.07


@pytest.mark.statistical
def test_columns_keep_their_distributions():
    """Shares of 20,000 draws lie within 5 standard errors, at most 0.018; numbers pass a Kolmogorov-Smirnov test."""
    rng = np.random.default_rng(1)
    codes = rng.choice(4, 20_000, p=[0.55, 0.05, 0.3, 0.1])
    numbers = rng.gamma(2.0, 10.0, 20_000) + 5.0 * codes
    model = fitted(PlainTable(codes[:, None], (4,), numbers[:, None]))
    made = model._draw(20_000, rng)
    assert np.abs(np.bincount(made.codes[:, 0]) - np.bincount(codes)).max() / 20_000 < 0.018
    assert ks_2samp(made.numbers[:, 0], numbers).pvalue > 1e-4
    assert ks_2samp(made.numbers[:, 0] + 3.0, numbers).pvalue < 1e-6, "a shifted twin must fail"


def test_a_category_comes_back_from_its_stretch():
    codes = np.array([0, 0, 0, 2, 2, 1])
    shares = CategoryShares.of(codes, 4)
    assert (shares.codes(shares.places(codes, np.random.default_rng(0))) == codes).all()
    assert (shares.codes(np.array([0.0, 1.0 - 1e-12])) < 3).all(), "a category that never occurs has no stretch"


@pytest.mark.parametrize("n_rows", [1, 2, 5])
def test_the_smallest_tables_can_be_learned(n_rows):
    made = synthesize(small_table(n_rows), small_plan("gaussian-copula", n_rows=20)).synthetic
    assert len(made) == 20
    assert set(made["region"].dropna()) <= set(small_table(n_rows)["region"].dropna())


def test_columns_that_follow_from_one_another_do_not_break_it():
    numbers = np.arange(50.0)[:, None] * np.array([1.0, 2.0, -1.0])
    model = fitted(PlainTable(np.zeros((50, 0), dtype=np.int64), (), numbers))
    made = model._draw(200, np.random.default_rng(0)).numbers
    assert np.corrcoef(made.T)[0, 2] < -0.99


@pytest.mark.parametrize("method", ["ctgan", "tvae", "gaussian-copula"])
def test_a_table_without_rows_is_refused(method):
    with pytest.raises(PlanError, match="no rows"):
        synthesize(small_table(3).iloc[:0], small_plan(method))


@pytest.mark.parametrize("method", ["ctgan", "tvae", "gaussian-copula"])
def test_a_table_of_one_value_comes_back(method):
    table = small_table(30)[["region"]].assign(region="east").astype("string")
    schema = TableSchema((SMALL_SCHEMA.field("region"),))
    assert set(synthesize(table, small_plan(method, schema=schema)).synthetic["region"]) == {"east"}
