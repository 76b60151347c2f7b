"""A finite mixture of products: its rows have the noisy shares, its marginals are exact, conditions and rules hold."""

import numpy as np
import pytest

from engine.errors import PlanError
from engine.synthesizers.mixture_model import MixtureModel

SIZES = (3, 2, 4)
ALLOWED = np.array([[True, False], [True, True], [False, True]])


def probabilities(n_points=40, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.dirichlet(np.full(size, 0.5), n_points) for size in SIZES]


def model_of(allowed=None, total=500.0, shares=None):
    parts = probabilities()
    shares = [part.mean(axis=0) for part in parts] if shares is None else shares
    return MixtureModel(parts, shares, total, allowed or {})


@pytest.mark.parametrize("columns", [(0,), (2, 1), (0, 1, 2)])
def test_marginals_are_the_mean_over_all_points(columns):
    parts = probabilities()
    letters = "abc"[: len(columns)]
    terms = ",".join(f"n{letter}" for letter in letters)
    expected = np.einsum(f"{terms}->{letters}", *(parts[column] for column in columns)) / 40 * 500.0
    np.testing.assert_allclose(model_of().marginal(columns), expected, rtol=1e-12)
    assert model_of().marginal(columns).tobytes() == model_of().marginal(columns).tobytes()


def test_marginals_under_a_rule():
    model = model_of({(0, 1): ALLOWED})
    found = model.marginal((0, 1))
    assert found.sum() == pytest.approx(500.0)
    assert not found[~ALLOWED].any()


def test_rows_without_conditions_have_the_noisy_shares():
    """Shares that are not the points' own: of three times as many rows those are kept that come closest."""
    shares = [np.array([0.5, 0.3, 0.2]), np.array([0.6, 0.4]), np.array([0.1, 0.2, 0.3, 0.4])]
    codes = model_of(shares=shares).sample(2000, np.random.default_rng(1))
    assert [len(column) for column in codes] == [2000] * 3
    for column, share in zip(codes, shares, strict=True):
        assert np.abs(np.bincount(column, minlength=len(share)) / 2000 - share).max() < 0.01


def test_rows_follow_the_points():
    """Pairs of 20,000 rows: a standard error of a share is below 0.004; the twin's columns are independent."""
    model = model_of()
    codes = model.sample(20_000, np.random.default_rng(2))
    found = np.zeros((3, 4))
    np.add.at(found, (codes[0], codes[2]), 1 / 20_000)
    expected = model.marginal((0, 2)) / 500.0
    assert np.abs(found - expected).max() < 0.02
    assert np.abs(np.outer(expected.sum(1), expected.sum(0)) - expected).max() > 0.02


@pytest.mark.parametrize("n_rows", [0, 1, 39, 40, 1000])
def test_any_number_of_rows(n_rows):
    codes = model_of().sample(n_rows, np.random.default_rng(3))
    assert [len(column) for column in codes] == [n_rows] * 3
    assert all(((column >= 0) & (column < size)).all() for column, size in zip(codes, SIZES, strict=True))


def test_conditions_and_rules_hold_in_every_row():
    model = model_of({(0, 1): ALLOWED})
    given = {2: np.array([False, True, False, True])}
    for codes in (model.sample(500, np.random.default_rng(4)), model.sample(500, np.random.default_rng(4), given)):
        assert ALLOWED[codes[0], codes[1]].all()
    assert set(codes[2]) == {1, 3}


def test_rows_under_a_condition_follow_the_points():
    """The exact distribution given a cell, of which 20,000 rows differ by 0.02 at most."""
    model = model_of()
    codes = model.sample(20_000, np.random.default_rng(5), {1: np.array([False, True])})
    joint = model.marginal((0, 1))[:, 1]
    found = np.bincount(codes[0], minlength=3) / 20_000
    assert np.abs(found - joint / joint.sum()).max() < 0.02


def test_a_condition_that_no_row_meets_is_refused():
    parts = probabilities()
    parts[1] = np.tile([1.0, 0.0], (40, 1))
    model = MixtureModel(parts, [part.mean(axis=0) for part in parts], 500.0, {})
    with pytest.raises(PlanError, match="widen"):
        model.sample(10, np.random.default_rng(6), {1: np.array([False, True])})


def test_the_same_generator_draws_the_same_rows():
    first, second, other = (model_of().sample(100, np.random.default_rng(seed)) for seed in (7, 7, 8))
    assert all(np.array_equal(one, two) for one, two in zip(first, second, strict=True))
    assert not all(np.array_equal(one, two) for one, two in zip(first, other, strict=True))
