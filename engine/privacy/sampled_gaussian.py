"""What training by noisy sums over random samples costs, in Gaussian DP.

Steps of the Poisson-sampled Gaussian mechanism are not Gaussian, so their exact privacy profile
δ(ε), computed by privacy loss distributions, is covered by that of a Gaussian that may fail: the smallest μ with

    δ(ε) ≤ δ' + (1 - δ') δ_μ(ε)   for every ε, in both directions.

The right side is the profile of a mechanism that reveals everything with probability δ' and is μ-GDP otherwise. A
profile that lies below another everywhere can be simulated from it (Blackwell), so training is charged as this pair:
μ² and δ' add up with all other charges, also where later budgets are chosen after looking at earlier results, for
which losses computed for one δ give no guarantee.

Source: Zhu, Dong, Wang, "Optimal Accounting of Differential Privacy via Characteristic Function" (2022), for
    dominating pairs and their adaptive composition; Smith, Thakurta, "Fully Adaptive Composition for Gaussian
    Differential Privacy" (2022).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import dp_accounting
import numpy as np
import numpy.typing as npt
from dp_accounting import dp_event
from dp_accounting.pld import privacy_loss_distribution
from scipy.special import log_ndtr, ndtr

from engine.errors import PlanError
from engine.privacy.events import EventJson, event_to_json

FloatArray = npt.NDArray[np.float64]

PROFILE_INTERVAL = 1e-3
"""Width of the privacy loss grid; losses are rounded up, so a coarser grid only raises μ."""

PROFILE_POINTS = 4_000
SMALLEST_DELTA = 1e-11
"""Below this, rounding in the convolution of loss distributions could matter."""

SMALLEST_MU, LARGEST_MU = 1e-5, 32.0
LARGEST_EPSILON = 500.0
SMALLEST_NOISE, LARGEST_NOISE = 0.3, 1e4
TOLERANCE = 1e-4
"""Relative tolerance of the noise multiplier, which is always rounded up."""

_TOO_LITTLE_NOISE = "so little noise gives no usable guarantee: choose a smaller ε"


@dataclass(frozen=True)
class SampledGaussian:
    """Steps that each release a noisy sum over a Poisson sample of the units.

    Args:
        sampling_rate: chance of a unit to be in a sample, in (0, 1].
        noise_multiplier: standard deviation of the noise over the largest contribution of a unit.
        steps: number of samples, at least one.

    Raises:
        ValueError: a value is out of range.
    """

    sampling_rate: float
    noise_multiplier: float
    steps: int

    def __post_init__(self) -> None:
        if not 0.0 < self.sampling_rate <= 1.0:
            raise ValueError("the sampling rate must be in (0, 1]")
        if not (self.noise_multiplier > 0.0 and math.isfinite(self.noise_multiplier)):
            raise ValueError("the noise multiplier must be positive and finite")
        if isinstance(self.steps, bool) or not isinstance(self.steps, int) or self.steps < 1:
            raise ValueError("the number of steps must be a positive whole number")

    def event(self, steps: int | None = None) -> EventJson:
        """The event of all steps, or of the first ones, as an accountant takes it."""
        sampled = dp_event.PoissonSampledDpEvent(self.sampling_rate, dp_event.GaussianDpEvent(self.noise_multiplier))
        return event_to_json(dp_event.SelfComposedDpEvent(sampled, self.steps if steps is None else steps))


@lru_cache(maxsize=1024)
def gaussian_envelope(sampled: SampledGaussian, delta_extra: float) -> float:
    """The μ that all steps together are charged as, beside δ' = `delta_extra`.

    Args:
        sampled: the steps.
        delta_extra: δ', chance that the Gaussian does not cover what is learned.

    Returns:
        μ, rounded up.

    Raises:
        PlanError: δ' is too small to compute with, or the noise too little for any μ.

    Privacy: an upper bound for adding or removing one unit whose contribution to a sum is at most one in L2 norm.
    """
    if not SMALLEST_DELTA <= delta_extra < 1.0:
        raise PlanError(
            f"this method needs a δ of which the part {delta_extra:.1e} can be set aside: choose a larger δ"
        )
    if sampled.noise_multiplier < SMALLEST_NOISE:
        raise PlanError(_TOO_LITTLE_NOISE)
    epsilons, profile = _profile(sampled, delta_extra)
    low, high = SMALLEST_MU, LARGEST_MU
    if not _covers(high, epsilons, profile, delta_extra):
        raise PlanError(_TOO_LITTLE_NOISE)
    while high / low > 1.0 + 1e-7:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if _covers(middle, epsilons, profile, delta_extra) else (middle, high)
    return high


@lru_cache(maxsize=1024)
def noise_multiplier_for(mu: float, sampling_rate: float, steps: int, delta_extra: float) -> float:
    """The least noise, up to a tolerance, with which training costs no more than μ beside δ'.

    Args:
        mu: what training may cost, in Gaussian DP.
        sampling_rate: chance of a unit to be in a sample.
        steps: number of samples.
        delta_extra: δ', see `gaussian_envelope`.

    Raises:
        PlanError: no noise in the supported range is enough.
    """

    def costs(noise_multiplier: float) -> bool:
        try:
            return gaussian_envelope(SampledGaussian(sampling_rate, noise_multiplier, steps), delta_extra) > mu
        except PlanError:
            if delta_extra < SMALLEST_DELTA:
                raise
            return True

    low, high = _bracket(costs, _by_central_limit(mu, sampling_rate, steps))
    while high / low > 1.0 + TOLERANCE:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if costs(middle) else (low, middle)
    return high


def _bracket(costs: Callable[[float], bool], guess: float) -> tuple[float, float]:
    """Noise that costs too much, unless it is the least supported, and noise that does not."""
    low = high = min(max(guess, SMALLEST_NOISE), LARGEST_NOISE)
    while costs(high):
        if high >= LARGEST_NOISE:
            raise PlanError("so small a privacy loss leaves nothing but noise in this method: choose another one")
        low, high = high, high * 1.05
    while low == high or not costs(low):
        low, high = low / 1.05, low
        if low < SMALLEST_NOISE:
            return low, high
    return low, high


def _by_central_limit(mu: float, sampling_rate: float, steps: int) -> float:
    """Noise multiplier at which many steps tend to μ-GDP: where the search begins.

    Source: Bu, Dong, Long, Su, "Deep Learning with Gaussian Differential Privacy" (2020), Theorem 5.
    """
    return 1.0 / math.sqrt(math.log1p((mu / sampling_rate) ** 2.0 / steps))


def _profile(sampled: SampledGaussian, delta_extra: float) -> tuple[FloatArray, FloatArray]:
    """Points ε and, for each, a bound on δ from the point before it up to it; δ' is not passed beyond the last."""
    loss = privacy_loss_distribution.from_gaussian_mechanism(
        sampled.noise_multiplier,
        sampling_prob=sampled.sampling_rate,
        value_discretization_interval=PROFILE_INTERVAL,
        neighboring_relation=dp_accounting.NeighboringRelation.ADD_OR_REMOVE_ONE,
    ).self_compose(sampled.steps)
    largest = float(loss.get_epsilon_for_delta(delta_extra))
    if not largest < LARGEST_EPSILON:
        raise PlanError(_TOO_LITTLE_NOISE)
    epsilons = np.linspace(0.0, max(largest, PROFILE_INTERVAL), PROFILE_POINTS)
    deltas = np.asarray(loss.get_delta_for_epsilon(epsilons), dtype=np.float64)
    return epsilons[1:], deltas[:-1]


def _covers(mu: float, epsilons: FloatArray, profile: FloatArray, delta_extra: float) -> bool:
    """Whether a Gaussian that may fail lies above the profile; δ falls with ε, so neighbours of a grid decide.

    Negative ε need no look: δ(-ε) = 1 - e^(-ε) + e^(-ε) δ(ε) with the two tables exchanged, and the profile is the
    larger of both directions.
    """
    gaussian = ndtr(-epsilons / mu + mu / 2.0) - np.exp(epsilons + log_ndtr(-epsilons / mu - mu / 2.0))
    return bool((profile <= delta_extra + (1.0 - delta_extra) * np.maximum(gaussian, 0.0)).all())
