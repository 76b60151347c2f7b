"""Compute ε again from the recorded events alone: python recompute_epsilon.py evidence.json|certificate.json

It needs no data, and of libraries only dp-accounting (pip install dp-accounting). Every event is a Gaussian mechanism
whose noise is `noise_multiplier` times what one unit can change, or is covered by one but for a part `delta_extra` of
δ. Together they are one Gaussian mechanism with 1/σ² = Σ 1/σᵢ² (Dong, Roth, Su 2022, Corollary 3.3) at what is left of
δ, whose ε is known exactly (Balle and Wang 2018, Theorem 8). That a training is covered is checked on the privacy loss
distribution of its Poisson-sampled steps. The exit status is 1 where the file does not agree with itself.
"""

import json
import math
import sys
from pathlib import Path
from typing import Any

import dp_accounting
from dp_accounting.pld import privacy_loss_distribution

GRID = 1e-3  # width of the privacy loss grid, rounded up


def sum_of_squares(event: dict[str, Any]) -> float:
    """Σ 1/σ² of an event and of all events in it; an unknown event is refused."""
    kind = event["type"]
    if kind == "NoOpDpEvent":
        return 0.0
    if kind == "GaussianDpEvent":
        return float(event["noise_multiplier"] ** -2.0)
    if kind == "ComposedDpEvent":
        return sum(map(sum_of_squares, event["events"]))
    if kind == "SelfComposedDpEvent":
        return float(event["count"]) * sum_of_squares(event["event"])
    raise ValueError(f"an event of the kind {kind} is not composed by this script")


def delta_of_gaussian(mu: float, epsilon: float) -> float:
    """The least δ at ε of a Gaussian mechanism with μ = 1/σ."""
    above = 0.5 * math.erfc((epsilon / mu - mu / 2) / math.sqrt(2))
    below = 0.5 * math.erfc((epsilon / mu + mu / 2) / math.sqrt(2))
    return above - math.exp(epsilon) * below


def covers_its_steps(charge: dict[str, Any]) -> bool:
    """Whether a training is charged as no less than its sampled noisy steps cost."""
    event, extra = charge["event"], float(charge["event"].get("delta_extra", 0.0))
    mu = math.sqrt(sum_of_squares(event)) * (1 + 1e-6)
    steps = privacy_loss_distribution.from_gaussian_mechanism(
        charge["noise_multiplier"],
        sampling_prob=charge["sampling_rate"],
        value_discretization_interval=GRID,
        neighboring_relation=dp_accounting.NeighboringRelation.ADD_OR_REMOVE_ONE,
    ).self_compose(charge["steps"])
    largest = min(float(steps.get_epsilon_for_delta(extra)), 500.0)
    grid = [largest * point / 400 for point in range(401)]
    profile = map(float, steps.get_delta_for_epsilon(grid))
    bounds = (extra + (1 - extra) * delta_of_gaussian(mu, epsilon) for epsilon in grid)
    return all(delta <= bound + 1e-15 for delta, bound in zip(profile, bounds, strict=True))


def recompute(certificate: dict[str, Any]) -> dict[str, Any]:
    """ε at the stated δ, the stated ε, and whether they agree and each training is charged what its steps cost."""
    privacy, charges = certificate["privacy"], certificate["events"]
    if certificate["guarantee"] == "none":
        return {"epsilon": None, "stated_epsilon": privacy["epsilon"], "agrees": privacy["epsilon"] is None}
    delta, stated = float(privacy["delta"]), float(privacy["epsilon"])
    left = delta - sum(float(charge["event"].get("delta_extra", 0.0)) for charge in charges)
    if not 0.0 < left < 1.0:
        raise ValueError("the recorded events use up all of δ")
    total = sum(sum_of_squares(charge["event"]) for charge in charges)
    epsilon = float(dp_accounting.get_epsilon_gaussian(1 / math.sqrt(total), left)) if total else 0.0
    trainings = [charge for charge in charges if charge["mechanism"] == "noisy_gradients"]
    agrees = all(map(covers_its_steps, trainings)) and abs(epsilon - stated) <= 1e-6 * max(1.0, stated)
    return {"epsilon": epsilon, "delta": delta, "stated_epsilon": stated, "agrees": agrees}


def main(arguments: list[str]) -> int:
    """Print the result as one line of JSON; gives the exit status."""
    if len(arguments) != 1:
        sys.exit(__doc__)
    try:
        value = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
        result = recompute(value.get("certificate", value))
    except (AttributeError, KeyError, OSError, TypeError, ValueError, ArithmeticError) as error:
        sys.exit(f"error: the file cannot be read as evidence or as a certificate: {error!r}")
    sys.stdout.write(json.dumps(result) + "\n")
    return 0 if result["agrees"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
