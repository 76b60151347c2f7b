"""The arithmetic of a dataset's budget: composed ε, and what is left of a cap. Nothing here is stored.

The accountant is loaded on first use, so that a page that shows no number does not wait for it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from app.errors import NotReadyError
from app.services.views import Feasibility
from app.store.ledger import Standing

MICRO = 1_000_000
SMALLEST_EPSILON = 1e-3
"""A run below this is noise alone, so what is left of less counts as nothing."""

SAME_EVENT_TOLERANCE = 1e-10

BISECTION_STEPS = 30
"""The interval of μ ends 10⁻⁹ of its width wide, below the micro-ε that a budget is counted in."""


def to_micro(epsilon: float) -> int:
    """ε in whole micro-ε, rounded up: a cost is never understated."""
    return math.ceil(round(epsilon * MICRO, 3))


def from_micro(epsilon_micro: int) -> float:
    """ε of whole micro-ε."""
    return epsilon_micro / MICRO


def stated_epsilon(epsilon_micro: int | None) -> float | None:
    """ε of an entry; None where it is outside the budget."""
    return None if epsilon_micro is None else from_micro(epsilon_micro)


def composed_epsilon(events: Sequence[dict[str, Any]], delta: float) -> float:
    """ε of all events together at δ; infinite where δ is used up."""
    from engine.privacy.accounting import compose_epsilon

    return compose_epsilon(events, delta)


def fits(events: Sequence[dict[str, Any]], delta: float, cap_micro: int) -> bool:
    """Whether all events together stay within the cap."""
    epsilon = composed_epsilon(events, delta)
    return math.isfinite(epsilon) and to_micro(epsilon) <= cap_micro


def is_same_event(one: Any, other: Any) -> bool:
    """Whether two recorded events are equal, but for rounding far below what the engine keeps unspent."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_same_event(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same_event, one, other))
    if isinstance(one, float) and isinstance(other, float | int):
        return math.isclose(one, other, rel_tol=SAME_EVENT_TOLERANCE)
    return bool(one == other)


def epsilon_left(events: Sequence[dict[str, Any]], delta: float, cap_micro: int, delta_extra: float = 0.0) -> float:
    """The largest ε of one further run that still fits.

    Args:
        events: everything reserved and committed.
        delta: the dataset's δ.
        cap_micro: the cap.
        delta_extra: δ that the further run uses beside its composition.

    Returns:
        ε of that run alone at δ, rounded down to whole micro-ε; 0 where nothing fits.
    """
    from engine.privacy.accounting import gaussian_event, mu_for

    cap = from_micro(cap_micro)
    used = sum(event.get("delta_extra", 0.0) for event in events)
    if delta - used - delta_extra <= 0.0:
        return 0.0
    if not events and delta_extra == 0.0:
        return cap

    def further(mu: float) -> dict[str, Any]:
        return gaussian_event(mu) | {"delta_extra": delta_extra}

    low, high = mu_for(min(SMALLEST_EPSILON, cap), delta - delta_extra), mu_for(cap, delta - delta_extra)
    if not fits([*events, further(low)], delta, cap_micro):
        return 0.0
    for _ in range(BISECTION_STEPS):
        middle = (low + high) / 2.0
        if fits([*events, further(middle)], delta, cap_micro):
            low = middle
        else:
            high = middle
    return math.floor(composed_epsilon([further(low)], delta) * MICRO) / MICRO


def cap_of(standing: Standing) -> int:
    """The cap in micro-ε.

    Raises:
        NotReadyError: the owner has set none yet.
    """
    if standing.epsilon_cap_micro is None:
        raise NotReadyError("budget", "Set the dataset's privacy budget first.")
    return standing.epsilon_cap_micro


def weigh(standing: Standing, event: dict[str, Any], cost_epsilon: float) -> Feasibility:
    """Whether a further event fits into what is left.

    Args:
        standing: the dataset's cap and charges.
        event: the plan's envelope.
        cost_epsilon: ε of the plan alone.

    Raises:
        NotReadyError: there is no cap.
    """
    cap_micro = cap_of(standing)
    before = [charge.event for charge in standing.charges]
    after = composed_epsilon([*before, event], standing.delta)
    return Feasibility(
        fits=math.isfinite(after) and to_micro(after) <= cap_micro,
        cost_epsilon=cost_epsilon,
        left_epsilon=epsilon_left(before, standing.delta, cap_micro, event.get("delta_extra", 0.0)),
        composed_after=after,
        epsilon_cap=from_micro(cap_micro),
    )
