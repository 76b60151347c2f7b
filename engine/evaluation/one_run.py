"""A lower bound on ε from one run: from how many guesses on who was in the table are right.

Half of the targets were in, and a guess says of each that it was, that it was not, or nothing. If the run is (ε, δ)-DP,
the number of right guesses is hardly larger than binomial with a chance of e^ε / (1 + e^ε) each. Thresholds are fixed
on other targets than those they are judged by.

The theorem has every target in or out by a coin of its own. Here equally many are in and out, in random halves of fixed
size, which approximates that: of the targets that are judged, it is known that half were in.

Source: Steinke, Nasr, Jagielski, "Privacy Auditing with One (1) Training Run" (2023), Theorem 5.2 for the bound,
    Algorithm 1 for guesses with abstention.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

CONFIDENCE = 0.999
LARGEST_EPSILON = 50.0
_GUESSED_SHARES = 24

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Guesses:
    """Guesses on who was in the table.

    Args:
        correct: how many are right.
        guesses: how many there are.
        targets: rows on which a guess could have been made.
        guessed_members: guesses that a row was in the table.

    Raises:
        ValueError: more guesses are right than there are, or there are more than targets.
    """

    correct: int
    guesses: int
    targets: int
    guessed_members: int

    def __post_init__(self) -> None:
        if not 0 <= self.correct <= self.guesses <= self.targets or self.guessed_members > self.guesses:
            raise ValueError(f"{self.correct} of {self.guesses} guesses on {self.targets} targets cannot be right")

    def p_value(self, epsilon: float, delta: float) -> float:
        """Bound on the chance of so many right guesses or more, if the run is (ε, δ)-DP.

        Args:
            epsilon: at least 0.
            delta: in [0, 1].
        """
        from scipy.stats import binom

        share = 1.0 / (1.0 + math.exp(-epsilon))
        chance = float(binom.sf(self.correct - 1, self.guesses, share))
        if delta > 0.0 and self.correct > 0:
            below = np.cumsum(binom.pmf(np.arange(self.correct - 1, -1, -1), self.guesses, share))
            chance += 2.0 * self.targets * delta * float((below / np.arange(1, self.correct + 1)).max())
        return min(1.0, chance)

    def lower_bound(self, delta: float, confidence: float = CONFIDENCE) -> float:
        """The largest ε that the guesses rule out, 0 where they rule out none.

        Args:
            delta: of the guarantee.
            confidence: least chance that a run keeps to what is said of it.
        """
        low, high = 0.0, LARGEST_EPSILON
        if self.p_value(low, delta) > 1.0 - confidence:
            return 0.0
        for _ in range(50):
            middle = (low + high) / 2.0
            if self.p_value(middle, delta) <= 1.0 - confidence:
                low = middle
            else:
                high = middle
        return low

    def to_json(self) -> dict[str, Any]:
        """The guesses as JSON."""
        return {
            "correct": self.correct,
            "guesses": self.guesses,
            "targets": self.targets,
            "guessed_members": self.guessed_members,
            "guessed_others": self.guesses - self.guessed_members,
            "confidence": CONFIDENCE,
        }


@dataclass(frozen=True)
class Thresholds:
    """Scores above the upper one are guessed to be in the table, scores below the lower one not to be."""

    lower: float
    upper: float

    def guess(self, members: FloatArray, others: FloatArray) -> Guesses:
        """Guesses on targets of which the first were in the table and the others were not."""
        above = [int((scores > self.upper).sum()) for scores in (members, others)]
        below = [int((scores < self.lower).sum()) for scores in (members, others)]
        targets = len(members) + len(others)
        return Guesses(above[0] + below[1], sum(above) + sum(below), targets, sum(above))


def choose_thresholds(members: FloatArray, others: FloatArray) -> Thresholds:
    """Those of a grid, with or without guesses on either side, that would prove most on these targets.

    What they would prove is measured by the least share of right guesses, with confidence: a bound without δ rests on
    it alone.

    Args:
        members: scores of targets in the table, shape (n,).
        others: scores of targets that are not, shape (n,).
    """
    from scipy.special import betaincinv

    ordered = np.sort(np.concatenate([members, others]))
    ranks = np.unique(np.rint(np.geomspace(1, max(1, len(ordered) // 2), _GUESSED_SHARES)).astype(np.int64))
    ranks = ranks[ranks < len(ordered)]
    uppers, lowers = np.append(np.inf, ordered[-ranks - 1]), np.append(-np.inf, ordered[ranks])
    groups = np.sort(members), np.sort(others)
    above = [len(scores) - np.searchsorted(scores, uppers, side="right") for scores in groups]
    below = [np.searchsorted(scores, lowers, side="left") for scores in groups]
    correct = above[0][:, None] + below[1][None, :]
    wrong = above[1][:, None] + below[0][None, :]
    proof = np.where(correct > 0, betaincinv(np.maximum(correct, 1), wrong + 1, 1.0 - CONFIDENCE), 0.0)
    proof[lowers[None, :] > uppers[:, None]] = -1.0
    upper, lower = np.unravel_index(int(np.argmax(proof)), proof.shape)
    return Thresholds(float(lowers[lower]), float(uppers[upper]))
