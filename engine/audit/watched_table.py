"""The door as its strongest adversary sees it: every released number, and all rows but the canary.

It opens on the audit's own neighbours only. The tables are public, so nothing that it looks at is anybody's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp, ndtr

from engine.audit.neighbours import Neighbours
from engine.data.encode import TableDomain, to_numbers
from engine.privacy.budget import RunBudget
from engine.privacy.counting import Columns
from engine.privacy.mechanisms import Eligible, discovery_threshold
from engine.privacy.noise import KeyedNoise, NoiseSource
from engine.privacy.plan import SynthesisPlan
from engine.privacy.private_table import MechanismCall, PrivateTable
from engine.privacy.sampled_gaussian import SampledGaussian
from engine.synthesizers.marginals import modelled_fields

if TYPE_CHECKING:
    from engine.privacy.gradient_sums import GradientSums

FloatArray = npt.NDArray[np.float64]

EVERYTHING, SETS, CHOICES = "all that was released", "counts of several columns", "choices of columns"
HISTOGRAMS = "histograms of numbers"
GRADIENTS, WEAK_GRADIENTS = "noisy gradients", "noisy gradients, were their noise a third"
RAW_GRADIENTS = "steps whose release holds the canary's gradient, were there no noise"
SAMPLES = "known rows in the samples"
STATISTICS = (EVERYTHING, SETS, CHOICES, HISTOGRAMS, GRADIENTS, WEAK_GRADIENTS, RAW_GRADIENTS, SAMPLES)

CERTAIN = 50.0
"""Evidence of what cannot happen without the canary."""


class WatchedTable(PrivateTable):
    """A private table whose released numbers are weighed as they leave it.

    `evidence` adds up, per statistic, log likelihood ratios of the canary's presence, for the noise that each mechanism
    claims. Where noise is what it claims, the sum over everything is the best that any adversary can look at.

    Args:
        neighbours: the pair of tables; there is no way to open it on other rows.
        present: whether the canary is there.
        plan: what to do.
        budget: the run's envelope.
        noise: source of randomness, as for every private table.
    """

    def __init__(
        self,
        neighbours: Neighbours,
        present: bool,
        plan: SynthesisPlan,
        budget: RunBudget,
        noise: NoiseSource | None = None,
    ) -> None:
        super().__init__(neighbours.table(present), modelled_fields(plan), plan.unit, budget, noise)
        self.neighbours = neighbours
        self.present = present
        self.evidence = dict.fromkeys(STATISTICS, 0.0)
        self.keys: list[bytes] = []
        self._step = float(neighbours.counted_rows)
        self._scores: FloatArray = np.zeros(0)

    def note(self, amount: float, *statistics: str) -> None:
        """Add evidence for the canary's presence."""
        for statistic in (EVERYTHING, *statistics):
            self.evidence[statistic] += amount

    def encode(self, domain: TableDomain, *, keep_units: bool = False) -> None:
        """Find the cells of the known rows and of the canary, too."""
        super().encode(domain, keep_units=keep_units)
        self.known_codes, self.canary_codes = self.neighbours.codes(domain)

    def merge_cells(self, column: int, groups: npt.NDArray[np.int32]) -> None:
        """Follow a merger of cells."""
        super().merge_cells(column, groups)
        for codes in (self.known_codes, self.canary_codes):
            codes[:, column] = groups[codes[:, column]]

    def select_many(
        self,
        candidates: Sequence[Columns],
        estimate_of: Callable[[Columns], FloatArray],
        penalties: Sequence[float],
        epsilon: float,
        picks: int,
        purpose: str,
        weights: Sequence[float] | None = None,
        eligible: Eligible | None = None,
    ) -> list[int]:
        """Weigh what was picked: the adversary knows every score, with the canary and without it."""
        moved: list[float] = []
        open_at: dict[int, list[int]] = {}

        def watched_estimate(columns: Columns) -> FloatArray:
            estimate = estimate_of(columns)
            cell, known = self._cell(columns)
            expected = float(estimate[cell])
            moved.append(abs(known + self._step - expected) - abs(known - expected))
            return estimate

        def watched_eligible(index: int, picked: Sequence[int]) -> bool:
            if len(picked) not in open_at:
                rest = [each for each in range(len(candidates)) if each not in picked]
                open_at[len(picked)] = [each for each in rest if eligible is None or eligible(each, picked)]
            return index in open_at[len(picked)]

        chosen = super().select_many(
            candidates, watched_estimate, penalties, epsilon, picks, purpose, weights, watched_eligible
        )
        shifts = np.asarray(moved) * (1.0 if weights is None else np.asarray(weights))
        without = self._scores - self.present * shifts
        factor = epsilon / (2.0 * self.rows_per_unit * (1.0 if weights is None else max(weights)))
        for number, pick in enumerate(chosen):
            still_open = open_at[number]
            changed = logsumexp(factor * (without + shifts)[still_open]) - logsumexp(factor * without[still_open])
            self.note(float(factor * shifts[pick] - changed), CHOICES)
        return chosen

    def train(
        self, sampled: SampledGaussian, clipping_norm: float, delta_extra: float, purpose: str, steps_taken: int = 0
    ) -> GradientSums:
        """Weigh the noisy sums, too."""
        from engine.audit.watched_sums import WatchedSums  # torch is slow to load, and few methods train

        return WatchedSums(self, super().train(sampled, clipping_norm, delta_extra, purpose, steps_taken))

    def sampled_units(self, sampling_rate: float, key: bytes) -> npt.NDArray[np.bool_]:
        """Which units the sample of a key holds, in the order of the rows; the canary is the last."""
        return self._held.samples().units_in(sampling_rate, KeyedNoise(key))

    def _fresh_key(self) -> bytes:
        self.keys.append(super()._fresh_key())
        return self.keys[-1]

    def _release(self, call: MechanismCall, exact: Any, draw: Callable[[], Any]) -> Any:
        released = super()._release(call, exact, draw)
        if call.mechanism == "gaussian_marginal":
            columns, scale = call.key[0], call.key[-1]
            cell, known = self._cell(columns)
            amount = gaussian_evidence(float(released[cell]) - known, self._step, scale)
            self.note(amount, *([SETS] if len(columns) > 1 else []))
        elif call.mechanism == "numeric_histogram":
            self._note_histogram(call.key, released)
        elif call.mechanism == "category_discovery":
            self._note_discovery(call.key, released)
        elif call.mechanism == "exponential_selection":
            self._scores = np.asarray(exact, dtype=np.float64)
        elif call.mechanism == "noisy_gradient_sum":
            self.exact_sum = exact
        return released

    def _cell(self, columns: Columns) -> tuple[tuple[int, ...], int]:
        """The canary's cell, and how many known rows lie in it."""
        cell = self.canary_codes[0, list(columns)]
        return tuple(cell.tolist()), int((self.known_codes[:, list(columns)] == cell).all(axis=1).sum())

    def _note_histogram(self, key: tuple[Any, ...], released: Any) -> None:
        """The count in the canary's cell, if its number lies in one."""
        name, lower, upper, scale = key
        lows, highs = np.frombuffer(lower), np.frombuffer(upper)
        known, (own, *_) = (
            to_numbers(table[name], self._fields[name].type)
            for table in (self.neighbours.known, self.neighbours.canary)
        )
        (cells,) = np.nonzero((lows <= own) & (own < highs))
        for cell in cells.tolist():
            inside = int(((lows[cell] <= known) & (known < highs[cell])).sum())
            self.note(gaussian_evidence(float(released[cell]) - inside, self._step, scale), HISTOGRAMS)

    def _note_discovery(self, key: tuple[Any, ...], released: Any) -> None:
        """Whether the canary's value is listed, given how many known rows hold it."""
        name, scale, delta = key
        value = self.neighbours.canary[name].iloc[0]
        inside = int((self.neighbours.known[name] == value).sum())
        threshold = discovery_threshold(self.rows_per_unit, scale, delta)
        with_it = float(ndtr((inside + self._step - threshold) / scale))
        without = float(ndtr((inside - threshold) / scale)) if inside else 0.0
        if value not in set(released):
            self.note(float(np.log1p(-with_it) - np.log1p(-without)))
        else:
            self.note(float(np.log(with_it) - np.log(without)) if without else CERTAIN)


def gaussian_evidence(excess: float, step: float, scale: float) -> float:
    """Log likelihood ratio of N(step, scale²) and N(0, scale²) at `excess`.

    Args:
        excess: what a released count holds beyond the known rows.
        step: what the canary adds to it.
        scale: standard deviation of the claimed noise.
    """
    return step * (excess - step / 2.0) / (scale * scale)
