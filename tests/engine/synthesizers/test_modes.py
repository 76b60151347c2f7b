"""Mode-specific normalisation does what the ctgan library's transformer does, for all rows at once."""

import numpy as np
import pandas as pd
import pytest
from ctgan.data_transformer import DataTransformer
from scipy.stats import chisquare

from engine.synthesizers import modes as module
from engine.synthesizers.modes import EDGE, normalise


def two_hills(n_rows=3_000, seed=0):
    rng = np.random.default_rng(seed)
    return np.where(rng.random(n_rows) < 0.4, rng.normal(0, 1, n_rows), rng.normal(30, 5, n_rows))


def library_components(numbers, times):
    """Components that the library draws for one number, and the frame that holds it with its place."""
    transformer = DataTransformer()
    transformer.fit(pd.DataFrame({"x": two_hills()}))
    return transformer.transform(pd.DataFrame({"x": np.full(times, numbers)}))


@pytest.mark.statistical
def test_components_are_drawn_with_the_librarys_chances(monkeypatch):
    """One number, 400 draws each: a chi-square test of our counts against the library's shares.

    p > 10⁻⁴ has a false alarm rate of 10⁻⁴ at most. The broken twin, which always takes the likeliest component, must
    fail: the number lies where its likeliest component has a share well below one.
    """
    number = 12.0
    theirs = library_components(number, 400)[:, 1:].sum(axis=0)
    column = np.concatenate([two_hills(), np.full(400, number)])
    monkeypatch.setattr(module, "_fitted_mixture", fitted_to(two_hills()))
    modes, _, components = normalise(column, np.random.default_rng(1))
    ours = np.bincount(components[-400:], minlength=modes.size)
    expected = (theirs + 0.5) / (theirs + 0.5).sum() * 400
    assert theirs.max() < 395
    assert chisquare(ours, expected).pvalue > 1e-4
    likeliest = np.where(np.arange(modes.size) == theirs.argmax(), 400, 0)
    assert chisquare(likeliest, expected).pvalue < 1e-4


def fitted_to(numbers):
    honest = module._fitted_mixture
    return lambda _: honest(numbers)


def test_places_and_numbers_are_the_librarys():
    numbers = two_hills()
    modes, places, components = normalise(numbers, np.random.default_rng(0))
    transformer = DataTransformer()
    transformer.fit(pd.DataFrame({"x": numbers}))
    dense = np.zeros((len(numbers), 1 + modes.size))
    dense[:, 0] = places
    dense[np.arange(len(numbers)), 1 + components] = 1.0
    theirs = transformer.inverse_transform(dense)["x"].to_numpy()
    np.testing.assert_allclose(modes.numbers(places, components), theirs, rtol=1e-9)


def test_there_and_back():
    """A number within four deviations of its component comes back, to the precision of a float of four bytes."""
    numbers = two_hills()
    modes, places, components = normalise(numbers, np.random.default_rng(0))
    inside = np.abs(places) < EDGE
    assert inside.mean() > 0.99
    np.testing.assert_allclose(modes.numbers(places, components)[inside], numbers[inside], atol=1e-4)


@pytest.mark.parametrize("numbers", [np.array([7.0]), np.full(50, 7.0)])
def test_a_constant_is_a_mode_of_its_own(numbers):
    modes, places, components = normalise(numbers, np.random.default_rng(0))
    assert modes.size == 1
    assert modes.numbers(places, components).tolist() == numbers.tolist()


def test_a_large_column_is_fitted_to_some_of_its_rows(monkeypatch):
    monkeypatch.setattr(module, "FIT_ROWS", 500)
    numbers = two_hills()
    modes, places, components = normalise(numbers, np.random.default_rng(0))
    inside = np.abs(places) < EDGE
    np.testing.assert_allclose(modes.numbers(places, components)[inside], numbers[inside], atol=1e-4)
