"""The envelope of one run: fixed before any row is read, and never exceeded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.errors import BudgetExceededError
from engine.privacy.accounting import total_mu
from engine.privacy.events import EventJson, delta_extra
from engine.privacy.guarantee import NON_PRIVATE

_ROUNDING = 1e-9


@dataclass(frozen=True)
class Charge:
    """What one mechanism is about to cost.

    Args:
        mechanism: name of the mechanism.
        purpose: why it is called, in words.
        reads: columns that it reads.
        sensitivity: how far one unit can move the exact answer, in the norm of the mechanism.
        noise_scale: standard deviation of the noise in rows, or None where the mechanism selects.
        mu_squared: its cost in Gaussian DP.
        rho: its cost in zero-concentrated DP, for a second opinion.
        event: its event.
        parameters: further native parameters.
    """

    mechanism: str
    purpose: str
    reads: tuple[str, ...]
    sensitivity: float
    noise_scale: float | None
    mu_squared: float
    rho: float
    event: EventJson
    delta_extra: float = 0.0
    parameters: dict[str, float] = field(default_factory=dict)

    def to_json(self, sequence: int) -> dict[str, Any]:
        """The charge as a certificate records it; what nothing protects has neither a sensitivity nor a cost."""
        event = self.event | ({"delta_extra": self.delta_extra} if self.delta_extra else {})
        protected = self.event != NON_PRIVATE
        return {
            "sequence": sequence,
            "mechanism": self.mechanism,
            "purpose": self.purpose,
            "reads": list(self.reads),
            "sensitivity": self.sensitivity if protected else None,
            "noise_scale": self.noise_scale,
            "rho": self.rho if protected else None,
            **self.parameters,
            "event": event,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Charge:
        """Read a charge back.

        Raises:
            UnsupportedEventError: its event is not Gaussian, so its cost is not known.
        """
        event = {key: part for key, part in value["event"].items() if key != "delta_extra"}
        known = ("sequence", "mechanism", "purpose", "reads", "sensitivity", "noise_scale", "rho", "event")
        return cls(
            mechanism=value["mechanism"],
            purpose=value["purpose"],
            reads=tuple(value["reads"]),
            sensitivity=value["sensitivity"],
            noise_scale=value["noise_scale"],
            mu_squared=total_mu([event]) ** 2.0,
            rho=value["rho"],
            event=event,
            delta_extra=delta_extra(value["event"]),
            parameters={key: part for key, part in value.items() if key not in known},
        )


class RunBudget:
    """Spends an envelope of μ² and δ, and keeps every event.

    Args:
        mu_squared: all that the run may cost in Gaussian DP.
        delta_extra: δ set aside for discovery thresholds and trainings.
        held_back: part of `mu_squared` that nobody may spend before `take_held_back`.
    """

    def __init__(self, mu_squared: float, delta_extra: float = 0.0, held_back: float = 0.0) -> None:
        self.mu_squared = mu_squared
        self.held_back = held_back
        self.delta_extra = delta_extra
        self.used_mu_squared = 0.0
        self.used_delta_extra = 0.0
        self.is_unprotected = False
        self._charges: list[Charge] = []

    @classmethod
    def unprotected(cls) -> RunBudget:
        """The budget of a run without a privacy guarantee: it pays for no mechanism, and lets rows be read."""
        budget = cls(0.0)
        budget.is_unprotected = True
        return budget

    @property
    def left_mu_squared(self) -> float:
        """What may be spent now."""
        return max(self.mu_squared - self.held_back - self.used_mu_squared, 0.0)

    def take_held_back(self) -> float:
        """Open what was held back, and say how much μ² it is."""
        amount, self.held_back = self.held_back, 0.0
        return amount

    def spend(self, charge: Charge) -> None:
        """Record a charge before its mechanism reads anything.

        Raises:
            BudgetExceededError: the envelope would be passed; nothing is recorded then.
        """
        used = self.used_mu_squared + charge.mu_squared
        used_delta = self.used_delta_extra + charge.delta_extra
        open_now = self.mu_squared - self.held_back
        if used > open_now * (1.0 + _ROUNDING) or used_delta > self.delta_extra * (1.0 + _ROUNDING):
            raise BudgetExceededError(f"{charge.purpose} would spend more than the run's envelope holds")
        self.used_mu_squared = used
        self.used_delta_extra = used_delta
        self._charges.append(charge)

    def record_unprotected(self, purpose: str, reads: tuple[str, ...]) -> None:
        """Record that rows are read without protection, before they are.

        Args:
            purpose: why, in words.
            reads: columns that are read.

        Raises:
            BudgetExceededError: the budget was opened for mechanisms with a guarantee; nothing is recorded then.
        """
        if not self.is_unprotected:
            raise BudgetExceededError(
                f"{purpose} would read rows without protection, and this run promises a privacy guarantee: only a "
                "method that is registered as one without a guarantee may do so"
            )
        self._charges.append(Charge("unprotected_rows", purpose, reads, 0.0, None, 0.0, 0.0, NON_PRIVATE))

    def events(self) -> list[dict[str, Any]]:
        """All charges so far, in order, as a certificate records them."""
        return [charge.to_json(number) for number, charge in enumerate(self._charges, start=1)]
