"""Distribution of the noise, each test with a broken twin that must fail it."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtr, ndtri

from engine.privacy.noise import SecureNoise, gumbel, rounded_gaussian, uniform_order
from tests.noise_sources import SeededNoise

pytestmark = pytest.mark.statistical

N_DRAWS = 20_000
SCALES = [0.4, 1.0, 7.3, 60.0, 900.0]
FALSE_ALARM = 1e-6 / len(SCALES)


def variance_is_right(draws, scale):
    """The relative standard error of a variance is √(2/n) = 1 %; five of them alarm falsely 6e-7 of the time.

    Rounding adds 1/12 to the variance up to terms below exp(-2 π² scale²), which vanish for scale >= 1.
    """
    expected = scale**2 + 1 / 12
    return abs(np.mean(draws.astype(float) ** 2) / expected - 1) <= 5 * np.sqrt(2 / len(draws))


def fits_rounded_gaussian(draws, scale):
    """χ² on cells of probability at least 0.005, exact probabilities Φ((k+½)/σ) - Φ((k-½)/σ)."""
    width = max(1, round(scale / 4))
    inner = np.arange(-3 * round(scale + 1), 3 * round(scale + 1) + 1, width) + 0.5 * (width % 2 == 0) - 0.5
    borders = np.unique(np.floor(inner)) + 0.5
    probability = np.diff(np.concatenate([[0.0], ndtr(borders / scale), [1.0]]))
    counts = np.histogram(draws, np.concatenate([[-np.inf], borders, [np.inf]]))[0]
    keep = probability >= 0.005
    observed = np.append(counts[keep], counts[~keep].sum())
    expected = np.append(probability[keep], probability[~keep].sum()) * len(draws)
    solid = expected > 5
    statistic = np.sum((observed[solid] - expected[solid]) ** 2 / expected[solid])
    return stats.chi2.sf(statistic, solid.sum() - 1) > FALSE_ALARM


@pytest.mark.parametrize("scale", SCALES[1:])
def test_variance(scale):
    draws = rounded_gaussian((N_DRAWS,), scale, SeededNoise(1))
    assert variance_is_right(draws, scale)
    assert not variance_is_right(rounded_gaussian((N_DRAWS,), 0.9 * scale, SeededNoise(1)), scale)
    assert not variance_is_right(np.zeros(N_DRAWS), scale)


@pytest.mark.parametrize("scale", SCALES)
def test_distribution(scale):
    assert fits_rounded_gaussian(rounded_gaussian((N_DRAWS,), scale, SeededNoise(2)), scale)


def test_distribution_test_has_power():
    rng = np.random.default_rng(3)
    laplace = np.rint(rng.laplace(0, 7.3 / np.sqrt(2), N_DRAWS))
    truncated = np.floor(rng.normal(0, 7.3, N_DRAWS))
    assert not fits_rounded_gaussian(laplace, 7.3)
    assert not fits_rounded_gaussian(truncated, 7.3)


def test_sign_and_magnitude_of_extreme_words():
    class Constant:
        secure = False

        def __init__(self, word):
            self.word = word

        def words(self, count):
            return np.full(count, self.word, dtype=np.uint64)

    half = 1 << 63
    assert rounded_gaussian((1,), 3.0, Constant(half - 1))[0] == 0
    assert rounded_gaussian((1,), 3.0, Constant(2 * half - 1))[0] == 0
    farthest = rounded_gaussian((1,), 3.0, Constant(0))[0]
    assert farthest >= 3 * 8
    assert rounded_gaussian((1,), 3.0, Constant(half))[0] <= -3 * 8


@pytest.mark.parametrize("boundary", [0, 1, 5, 20])
def test_doubtful_draws_are_decided_by_further_bits(boundary):
    """Words on both sides of a rounding border give neighbouring magnitudes, within the border's own step."""
    scale = 4.0
    word = int(ndtr(-(boundary + 0.5) / scale) * 2.0**64)

    class Word:
        secure = False

        def __init__(self, value):
            self.value = value
            self.calls = 0

        def words(self, count):
            self.calls += 1
            return np.full(count, self.value, dtype=np.uint64)

    step = 1 << 22
    below, above, near = Word(word - step), Word(word + step), Word(word)
    assert rounded_gaussian((1,), scale, below)[0] == boundary + 1
    assert rounded_gaussian((1,), scale, above)[0] == boundary
    assert rounded_gaussian((1,), scale, near)[0] in (boundary, boundary + 1)
    assert near.calls == 2


def test_gumbel_distribution():
    draws = gumbel(N_DRAWS, SeededNoise(4))
    assert stats.kstest(draws, "gumbel_r").pvalue > 0.001
    assert stats.kstest(gumbel(N_DRAWS, SeededNoise(4)) * 0.9, "gumbel_r").pvalue < 1e-6


def test_selection_frequencies():
    """argmax(x + gumbel) follows softmax(x): χ² with three degrees of freedom, false alarm 1e-6."""
    scores = np.array([0.0, 1.0, 2.0, -1.0])
    source = SeededNoise(5)
    chosen = np.argmax(scores + gumbel(4 * N_DRAWS, source).reshape(-1, 4), axis=1)
    expected = np.exp(scores) / np.exp(scores).sum() * N_DRAWS
    observed = np.bincount(chosen, minlength=4)
    assert stats.chi2.sf(np.sum((observed - expected) ** 2 / expected), 3) > 1e-6
    flat = np.full(4, N_DRAWS / 4)
    assert stats.chi2.sf(np.sum((observed - flat) ** 2 / flat), 3) < 1e-6


def test_secure_noise_never_repeats():
    first, second = SecureNoise().words(64), SecureNoise().words(64)
    assert not np.array_equal(first, second)
    assert SecureNoise.secure


def test_order_is_a_permutation():
    assert sorted(uniform_order(50, SecureNoise())) == list(range(50))


@pytest.mark.parametrize("scale", [0.0, -1.0, np.inf, np.nan])
def test_impossible_scales_are_refused(scale):
    with pytest.raises(ValueError, match="positive"):
        rounded_gaussian((1,), scale, SecureNoise())


def test_tail_reaches_as_far_as_it_should():
    """The largest of 20,000 draws lies where a Gaussian's does: between the 1e-6 quantiles of the maximum."""
    largest = np.abs(rounded_gaussian((N_DRAWS,), 1000.0, SeededNoise(6))).max() / 1000.0
    low, high = (-ndtri(0.5 * (1 - q ** (1 / N_DRAWS))) for q in (1e-6, 1 - 1e-6))
    assert low < largest < high
