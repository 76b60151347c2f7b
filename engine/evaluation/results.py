"""How a report says a number, and how it says that there is none."""

from __future__ import annotations

import math
from collections.abc import Iterable

Unavailable = dict[str, str]
Score = float | Unavailable

DECIMALS = 6


def unavailable(reason: str) -> Unavailable:
    """What stands in place of a number that cannot be computed.

    Args:
        reason: a sentence for the analyst, without any cell value.
    """
    return {"unavailable": reason}


def score(value: float, reason: str) -> Score:
    """A number for the report, or why there is none.

    Args:
        value: the number; not finite where it could not be computed.
        reason: why, in that case.
    """
    return round(float(value), DECIMALS) if math.isfinite(value) else unavailable(reason)


def mean_score(scores: Iterable[Score], reason: str) -> Score:
    """The mean of the numbers among the scores, or why there is none."""
    numbers = [value for value in scores if isinstance(value, float)]
    return score(math.fsum(numbers) / len(numbers), reason) if numbers else unavailable(reason)
