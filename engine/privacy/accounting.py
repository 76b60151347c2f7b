"""From recorded events to ε: the only place where a privacy number is computed.

Three accountants are asked and the smallest of their answers is given, since each is an upper bound:

* **closed form** where every event is a Gaussian or Gaussian-equivalent one: the composition is one Gaussian
  mechanism with μ² = Σ μᵢ², whose (ε, δ) curve is known exactly (Balle and Wang 2018, Theorem 8);
* **privacy loss distributions** (PLD) for everything dp-accounting has a distribution of;
* **Rényi differential privacy** (RDP), which also covers zero-concentrated events.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache

import dp_accounting
from dp_accounting import dp_event
from dp_accounting.pld import PLDAccountant
from dp_accounting.privacy_accountant import UnsupportedEventError as LibraryUnsupportedEventError
from dp_accounting.rdp import RdpAccountant

from engine.errors import UnsupportedEventError
from engine.privacy.events import EventJson, delta_extra, event_from_json

PLD_INTERVAL = 1e-4
"""Width of the privacy loss grid; losses are rounded up, so a coarser grid only raises ε."""


def compose_epsilon(events: Sequence[EventJson], delta: float) -> float:
    """ε of all events together, at δ, for adding or removing one unit.

    Args:
        events: recorded events; an event may carry `delta_extra`, which is taken off `delta` first.
        delta: total δ, in (0, 1).

    Returns:
        ε, or infinity where an event has no privacy or δ is used up.

    Raises:
        UnsupportedEventError: an event is unknown to every accountant.
    """
    remaining_delta = delta - sum(delta_extra(event) for event in events)
    flat = list(_flatten(event_from_json(event) for event in events))
    if any(isinstance(event, dp_event.NonPrivateDpEvent) for event in flat):
        return math.inf
    flat = [event for event in flat if not isinstance(event, dp_event.NoOpDpEvent)]
    if not flat:
        return 0.0
    if remaining_delta <= 0.0:
        return math.inf
    if all(isinstance(event, dp_event.GaussianDpEvent) for event in flat):
        return _gaussian_epsilon(math.sqrt(sum(_mu_squared(event) for event in flat)), remaining_delta)
    return _general_epsilon(_merge_gaussians(flat), remaining_delta)


def rdp_epsilon(events: Sequence[EventJson], delta: float) -> float:
    """ε at δ by Rényi differential privacy alone: a second opinion, never smaller than the truth."""
    accountant = RdpAccountant()
    accountant.compose(dp_event.ComposedDpEvent([event_from_json(event) for event in events]))
    return float(accountant.get_epsilon(delta - sum(delta_extra(event) for event in events)))


def sum_of_epsilons(events: Sequence[EventJson], delta: float) -> float:
    """Σ of each event's own ε at δ: what the total would be without a composition theorem."""
    return sum(compose_epsilon([event], delta) for event in events)


@lru_cache(maxsize=1024)
def mu_for(epsilon: float, delta: float) -> float:
    """The largest μ such that μ-GDP implies (epsilon, delta)-DP; rounded down, never up.

    Raises:
        ValueError: epsilon or delta is out of range.
    """
    if not (epsilon > 0.0 and 0.0 < delta < 1.0):
        raise ValueError("epsilon must be positive and delta between 0 and 1")
    mu = 1.0 / float(dp_accounting.get_sigma_gaussian(epsilon, delta))
    while _gaussian_epsilon(mu, delta) > epsilon:
        mu *= 1.0 - 1e-12
    return mu


def gaussian_event(mu: float) -> EventJson:
    """The event of a μ-GDP mechanism."""
    return {"type": "GaussianDpEvent", "noise_multiplier": 1.0 / mu}


def total_mu(events: Sequence[EventJson]) -> float:
    """μ of events that are all Gaussian or Gaussian-equivalent.

    Raises:
        UnsupportedEventError: an event is not.
    """
    flat = list(_flatten(event_from_json(event) for event in events))
    if not all(isinstance(event, dp_event.GaussianDpEvent) for event in flat):
        raise UnsupportedEventError("only Gaussian events have a total μ")
    return math.sqrt(sum(_mu_squared(event) for event in flat))


@lru_cache(maxsize=1024)
def _gaussian_epsilon(mu: float, delta: float) -> float:
    return float(dp_accounting.get_epsilon_gaussian(1.0 / mu, delta)) if mu > 0.0 else 0.0


def _mu_squared(event: dp_event.GaussianDpEvent) -> float:
    return math.inf if event.noise_multiplier == 0 else float(event.noise_multiplier) ** -2.0


def _flatten(events: Iterable[dp_event.DpEvent]) -> Iterable[dp_event.DpEvent]:
    for event in events:
        if isinstance(event, dp_event.ComposedDpEvent):
            yield from _flatten(event.events)
        elif isinstance(event, dp_event.SelfComposedDpEvent) and isinstance(event.event, dp_event.GaussianDpEvent):
            multiplier = event.event.noise_multiplier / math.sqrt(event.count)
            yield dp_event.GaussianDpEvent(multiplier)
        else:
            yield event


def _merge_gaussians(events: list[dp_event.DpEvent]) -> dp_event.ComposedDpEvent:
    gaussians = [event for event in events if isinstance(event, dp_event.GaussianDpEvent)]
    merged = [event for event in events if not isinstance(event, dp_event.GaussianDpEvent)]
    if gaussians:
        mu = math.sqrt(sum(_mu_squared(event) for event in gaussians))
        merged.append(dp_event.GaussianDpEvent(1.0 / mu))
    return dp_event.ComposedDpEvent(merged)


def _general_epsilon(event: dp_event.ComposedDpEvent, delta: float) -> float:
    answers = []
    for accountant in (PLDAccountant(value_discretization_interval=PLD_INTERVAL), RdpAccountant()):
        try:
            accountant.compose(event)
        except LibraryUnsupportedEventError:
            continue
        answers.append(float(accountant.get_epsilon(delta)))
    if not answers:
        raise UnsupportedEventError("the recorded events cannot be composed by any accountant here")
    return min(answers)
