"""The arithmetic of the door's mechanisms: what they charge, where values fall, and how a selection is walked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri

from engine.privacy.accounting import gaussian_event
from engine.privacy.budget import Charge
from engine.privacy.gaussian_dp import exponential_mechanism_mu
from engine.privacy.noise import IntArray
from engine.privacy.sampled_gaussian import SampledGaussian, gaussian_envelope

_VALUES_WAITING = 100_000

FloatArray = npt.NDArray[np.float64]
Eligible = Callable[[int, Sequence[int]], bool]
"""Whether a candidate may be picked after the given ones; it may use released numbers only."""

TRAINING_MECHANISM = "noisy_gradients"

SELECTION_ROUNDING = 1e-9
"""Selection is charged for slightly more than its ε, which covers floating-point error of its weights."""

GRADIENT_ROUNDING = 1e-2
"""Part by which noise on gradient sums is larger than their clipping norm asks for.

In single precision a further row can change the last bits of other rows' gradients, and by them the side of a kink on
which such a row lies. A sum then moved by more than the norm: by up to 2.5e-5 of it with samples of 500 rows, and up to
5e-4 with 4,096, which is how many are computed at a time. That is measured, not proved; twenty such parts are covered
if what each adds does no more than add up.
"""


@dataclass(frozen=True)
class MechanismCall:
    """One call through the door, as a recorder sees it: what was asked, never what the rows are."""

    mechanism: str
    key: tuple[Any, ...]
    sensitivity: float
    norm: str


def gaussian_charge(
    mechanism: str,
    purpose: str,
    reads: tuple[str, ...],
    sensitivity: float,
    noise_scale: float,
    *,
    delta_extra: float = 0.0,
    parameters: dict[str, float] | None = None,
) -> Charge:
    """What Gaussian noise on counts costs: μ = sensitivity / noise_scale.

    Args:
        mechanism: name of the mechanism.
        purpose: why it is called, in words.
        reads: columns that it reads.
        sensitivity: L2 sensitivity, in rows.
        noise_scale: standard deviation of the noise, in rows.
        delta_extra: δ beside the composition.
        parameters: further native parameters.
    """
    mu = sensitivity / noise_scale
    return Charge(
        mechanism=mechanism,
        purpose=purpose,
        reads=reads,
        sensitivity=sensitivity,
        noise_scale=noise_scale,
        mu_squared=mu * mu,
        rho=mu * mu / 2.0,
        event=gaussian_event(mu),
        delta_extra=delta_extra,
        parameters=parameters or {},
    )


def selection_charge(
    purpose: str, reads: tuple[str, ...], sensitivity: float, epsilon: float, n_candidates: int, picks: int = 1
) -> Charge:
    """What `picks` draws of the exponential mechanism cost: each is Gaussian-equivalent, so μ² adds up.

    Args:
        purpose: why it is called, in words.
        reads: columns that it reads.
        sensitivity: bound on how far one unit moves any score.
        epsilon: of one draw.
        n_candidates: how many there are to choose from.
        picks: number of draws.
    """
    charged = epsilon * (1.0 + SELECTION_ROUNDING)
    mu_squared = picks * exponential_mechanism_mu(charged) ** 2.0
    return Charge(
        mechanism="exponential_selection",
        purpose=purpose,
        reads=reads,
        sensitivity=sensitivity,
        noise_scale=None,
        mu_squared=mu_squared,
        rho=picks * charged * charged / 8.0,
        event=gaussian_event(float(np.sqrt(mu_squared))),
        parameters={"selection_epsilon": charged, "candidates": n_candidates, "picks": picks},
    )


def training_charge(
    purpose: str, reads: tuple[str, ...], sampled: SampledGaussian, clipping_norm: float, delta_extra: float
) -> Charge:
    """What a training costs: the Gaussian that covers all its steps, but for a chance of `delta_extra`.

    Args:
        purpose: why it is called, in words.
        reads: columns that it reads.
        sampled: sampling rate, noise and number of steps.
        clipping_norm: largest L2 norm of the gradient of a unit.
        delta_extra: δ beside the composition.
    """
    mu, sensitivity = gaussian_envelope(sampled, delta_extra), gradient_sensitivity(clipping_norm)
    return Charge(
        mechanism=TRAINING_MECHANISM,
        purpose=purpose,
        reads=reads,
        sensitivity=sensitivity,
        noise_scale=sampled.noise_multiplier * sensitivity,
        mu_squared=mu * mu,
        rho=mu * mu / 2.0,
        event=gaussian_event(mu),
        delta_extra=delta_extra,
        parameters={
            "sampling_rate": sampled.sampling_rate,
            "noise_multiplier": sampled.noise_multiplier,
            "steps": sampled.steps,
        },
    )


def reserved_charge(purpose: str, reads: tuple[str, ...], mu_squared: float) -> Charge:
    """What an earlier attempt may have spent of a part that was set aside: all of it.

    Args:
        purpose: what it was for, in words.
        reads: columns that it may have read.
        mu_squared: the part.
    """
    mu = float(np.sqrt(mu_squared))
    return Charge("reserved", purpose, reads, 0.0, None, mu_squared, mu_squared / 2.0, gaussian_event(mu))


def gradient_sensitivity(clipping_norm: float) -> float:
    """How far a unit moves a sum of gradients that are clipped to a norm, as single precision computes it."""
    return clipping_norm * (1.0 + GRADIENT_ROUNDING)


def discovery_threshold(rows_per_unit: int, noise_scale: float, delta: float) -> float:
    """Noisy count above which a discovered category is released.

    Noise is rounded, so a count can pass with up to half a row less than it seems: the threshold holds that too.
    """
    return rows_per_unit + noise_scale * float(-ndtri(delta / rows_per_unit)) + 0.5


def check_cells(lower: FloatArray, upper: FloatArray) -> None:
    """Raise ValueError where cells [lower, upper) are not disjoint and increasing."""
    if lower.ndim != 1 or lower.shape != upper.shape or not len(lower):
        raise ValueError("cells need one lower and one upper border each")
    if not ((lower < upper).all() and (upper[:-1] <= lower[1:]).all()):
        raise ValueError("cells must be disjoint and increasing")


def count_in_cells(numbers: FloatArray, lower: FloatArray, upper: FloatArray) -> IntArray:
    """How many numbers lie in each cell [lower, upper); NaN and numbers in no cell are counted nowhere.

    Args:
        numbers: shape (n_rows,).
        lower: increasing lower borders, shape (n_cells,).
        upper: upper borders, none above the next lower one, shape (n_cells,).
    """
    known = numbers[~np.isnan(numbers)]
    cells = np.searchsorted(lower, known, side="right") - 1
    inside = cells >= 0
    inside &= known < upper[np.maximum(cells, 0)]
    return np.asarray(np.bincount(cells[inside], minlength=len(lower)), dtype=np.int64)


def walk_down(order: Sequence[int], picks: int, eligible: Eligible | None) -> list[int]:
    """The first `picks` eligible candidates of an order.

    Where the order is that of scores with Gumbel noise, each pick is a draw of the exponential mechanism on the
    candidates eligible then: the largest among a set E is such a draw on E, and given which one it is, the order of the
    others is again that of scores with independent Gumbel noise (Plackett-Luce, independence from irrelevant
    alternatives). Eligible sets only shrink, so the next pick is the largest of a subset of those others.

    Args:
        order: candidates, the best first.
        picks: how many at most.
        eligible: asked once per candidate on the way, with what was picked before it; all where None.

    Source: Durfee and Rogers, "Practical Differentially Private Top-k Selection with Pay-what-you-get Composition"
        (2019), Lemma 4.2, for one-shot noise.
    """
    picked: tuple[int, ...] = ()
    for index in order:
        if len(picked) == picks:
            break
        if eligible is None or eligible(index, picked):
            picked = (*picked, index)
    return list(picked)


def count_values(parts: Iterable[pd.Series]) -> pd.Series:
    """How often each value occurs in all parts together, by value; many different values take much memory."""
    found = pd.Series(dtype=np.int64)
    waiting: list[pd.Series] = []
    for part in parts:
        waiting.append(part.value_counts())
        if sum(map(len, waiting)) > max(len(found), _VALUES_WAITING):
            found, waiting = _add_up([found, *waiting]), []
    return _add_up([found, *waiting])


def _add_up(counts: Sequence[pd.Series]) -> pd.Series:
    known = [part for part in counts if len(part)]
    if not known:
        return pd.Series(dtype=np.int64)
    if len(known) == 1:
        return known[0].astype(np.int64)
    total: pd.Series = pd.concat(known).astype(np.int64).groupby(level=0, sort=False).sum()
    return total


def check_selection(n_candidates: int, **parts: Sequence[Any]) -> None:
    """Raise ValueError where a selection has no candidates, or a part does not have one entry for each."""
    if not n_candidates:
        raise ValueError("there is nothing to choose from")
    for name, part in parts.items():
        if len(part) != n_candidates:
            raise ValueError(f"{name} must have one entry per candidate")
