"""Membership inference: can the rows tell who was among the training rows?

The attacker has the synthetic rows and other rows of the same population, and guesses that a person was trained on
where synthetic rows are denser than the population. Densities are read off the nearest row: the score of a target is
log((r + c) / (s + c)), r its distance to the nearest reference row and s to the nearest synthetic one. The attack is
fixed before anything is looked at; no better one is chosen by its result.

Source: van Breugel, Sun, Qian, van der Schaar, "Membership Inference Attacks against Synthetic Data through Overfitting
    Detection" (2023), equation 2, for the ratio of densities; nearest neighbours stand in for their density models.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.evaluation.binomial import clopper_pearson_interval
from engine.evaluation.closest_record import NO_HOLDOUT
from engine.evaluation.column_hashes import ColumnHashes
from engine.evaluation.context import Claim, Context
from engine.evaluation.intervals import wilson_interval
from engine.evaluation.neighbours import nearest, stated_ranges, to_points
from engine.evaluation.one_run import CONFIDENCE as BOUND_CONFIDENCE
from engine.evaluation.one_run import Guesses, choose_thresholds
from engine.evaluation.ranking import area_under_roc, roc_points, true_positives_at
from engine.evaluation.results import Alarm, Finding, MetricResult, NotComputableError, unavailable
from engine.evaluation.tables import draw_rows

FEWEST_HOLDOUT_ROWS = 40
MOST_TARGETS = 4_000
MOST_SYNTHETIC_ROWS = 40_000
MOST_REFERENCE_ROWS = 20_000
MOST_COMPARISONS = 6_000_000_000
"""Cells compared: targets × (synthetic and reference rows) × columns; fewer targets for a wide table."""

CLOSENESS = 1e-6
"""Distance added to both, so that equal rows have a ratio; small enough that a copied row scores above all others."""

LOW_RATES = (0.01, 0.001)
"""False positive rates at which true positives are read off."""

ALARM_LEVEL = 1e-5
"""Chance of a false alarm per report where the run is (ε, 0)-DP on the rows at hand.

The alarm needs this without δ, and a proven ε above the stated one with `one_run.CONFIDENCE`, δ included. What δ adds
to the chance of a false alarm is that a run gives away whole rows with a chance near δ, and no method here does.
"""

TOO_FEW = f"a third group of rows is needed, and fewer than {FEWEST_HOLDOUT_ROWS} rows were set aside"
GO_TOGETHER = "the rows of a person are learned from together, and whose they are is not known here"
NO_CLAIM = "the run states no ε"

CAVEAT = (
    "This is one weak attack on rows picked at random. That it finds little proves nothing: what is guaranteed stands "
    "in the certificate. What it does find is real."
)

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scores:
    """How much denser synthetic rows are around targets than the population is.

    Args:
        members: of training rows, shape (n,).
        others: of as many rows that were not learned from, shape (n,).
        sizes: numbers of synthetic and reference rows that were compared.
    """

    members: FloatArray
    others: FloatArray
    sizes: tuple[int, int]

    def halves(self, rng: np.random.Generator) -> tuple[Scores, Scores]:
        """The targets in two random halves with as many of each kind."""
        orders = rng.permutation(len(self.members)), rng.permutation(len(self.others))
        cut = len(self.members) // 2
        first, second = (
            [scores[order[part]] for scores, order in zip((self.members, self.others), orders, strict=True)]
            for part in (slice(None, cut), slice(cut, None))
        )
        return Scores(first[0], first[1], self.sizes), Scores(second[0], second[1], self.sizes)


def membership_inference(context: Context) -> MetricResult:
    """Whether training rows can be told from rows that were not learned from.

    `details` holds:
        targets_each, synthetic_rows, reference_rows: training rows and other rows that are told apart, and the rows
            that their densities are read off.
        roc: `{false_positive_rate, true_positive_rate}`, at most 80 points, for two logarithmic axes.
        control: `{auc, auc_interval}` of the same attack on rows of which none was learned from, in two halves; or
            `{"unavailable": reason}`.
        one_run: `{correct, guesses, targets, guessed_members, guessed_others, confidence, p_value_of_claim}`: guesses
            on the half of the targets on which no threshold was chosen, and the chance of so many correct ones at the
            stated ε and no δ (null where none is stated, or it is not of single rows).
        alarm_level: p-value of the claim below which the alarm is raised.
        caveat: what finding little means.
    """
    scores = _scores(context)
    chosen_on, judged_on = scores.halves(context.rng)
    guesses = choose_thresholds(chosen_on.members, chosen_on.others).guess(judged_on.members, judged_on.others)
    claim = context.claim
    p_value = None
    if claim is not None and claim.rows_per_unit == 1:
        p_value = guesses.p_value(claim.epsilon, 0.0)
    findings = (
        _area(scores),
        *(_true_positives(scores, rate) for rate in LOW_RATES),
        _advantage(chosen_on, judged_on),
        _bound(guesses, claim),
    )
    details = {
        "targets_each": len(scores.members),
        "synthetic_rows": scores.sizes[0],
        "reference_rows": scores.sizes[1],
        "roc": roc_points(scores.members, scores.others),
        "control": _control(scores.others),
        "one_run": guesses.to_json() | {"p_value_of_claim": p_value},
        "alarm_level": ALARM_LEVEL,
        "caveat": CAVEAT,
    }
    return MetricResult(findings, details, _alarms(guesses, claim, p_value))


def _scores(context: Context) -> Scores:
    """Scores of equally many training rows and rows set aside, beside a third, disjoint part."""
    tables, rng = context.tables, context.rng
    if tables.holdout is None:
        raise NotComputableError(NO_HOLDOUT)
    if len(tables.holdout) < FEWEST_HOLDOUT_ROWS:
        raise NotComputableError(TOO_FEW)
    order = rng.permutation(len(tables.holdout))
    half = len(order) // 2
    parts = [tables.holdout.iloc[np.sort(part)] for part in (order[:half], order[half:])]
    synthetic = draw_rows(tables.synthetic, MOST_SYNTHETIC_ROWS, rng)
    reference = draw_rows(parts[0], MOST_REFERENCE_ROWS, rng)
    affordable = MOST_COMPARISONS // (2 * (len(synthetic) + len(reference)) * len(tables.fields))
    n = max(1, min(len(parts[1]), len(tables.train), MOST_TARGETS, affordable))
    drawn = {"members": draw_rows(tables.train, n, rng), "others": draw_rows(parts[1], n, rng)}
    points = to_points(
        tables.fields,
        {**drawn, "synthetic": synthetic, "reference": reference},
        stated_ranges(tables.fields, tables.train),
    )
    everything = ColumnHashes.of(tables.synthetic)
    found = []
    for number, name in enumerate(drawn):
        near = _steps(context, number)
        to_synthetic = nearest(points[name], points["synthetic"], advance=near).distances[:, 0]
        to_synthetic[ColumnHashes.of(drawn[name]).equals_one_of(everything)] = 0.0
        to_reference = nearest(points[name], points["reference"]).distances[:, 0]
        found.append(np.log((to_reference + CLOSENESS) / (to_synthetic + CLOSENESS)))
    return Scores(found[0], found[1], (len(synthetic), len(reference)))


def _steps(context: Context, number: int) -> Any:
    return lambda share: context.advance((number + share) / 2.2)


def _area(scores: Scores) -> Finding:
    area, interval = area_under_roc(scores.members, scores.others)
    sentence = (
        f"Given a training row and another one, the attack picks the training row in {100 * area:.1f} % of cases; "
        "guessing picks it in half of them."
    )
    return Finding("auc", area, interval, 0.5, sentence)


def _true_positives(scores: Scores, rate: float) -> Finding:
    name = f"true-positives-at-{100 * rate:g}-percent"
    n = len(scores.members)
    if n * rate < 1.0:
        missing = unavailable(f"{n:,} rows are too few to see a false alarm in {round(1 / rate):,}")
        return Finding(name, missing, missing, rate, f"It could not be computed: {missing['unavailable']}.")
    hits = true_positives_at(scores.members, scores.others, rate)
    sentence = (
        f"Where the attack accuses {100 * rate:g} % of the rows that were not learned from, it recognises "
        f"{100 * hits / n:.1f} % of the training rows; guessing recognises {100 * rate:g} %."
    )
    return Finding(name, hits / n, clopper_pearson_interval(hits, n), rate, sentence)


def _advantage(chosen_on: Scores, judged_on: Scores) -> Finding:
    """True less false positives, at the threshold that is best on the other half of the targets."""
    candidates = np.unique(np.concatenate([chosen_on.members, chosen_on.others]))
    rates = [
        1.0 - np.searchsorted(np.sort(scores), candidates, side="left") / len(scores)
        for scores in (chosen_on.members, chosen_on.others)
    ]
    threshold = candidates[int(np.argmax(rates[0] - rates[1]))]
    hits, false = (int((scores >= threshold).sum()) for scores in (judged_on.members, judged_on.others))
    n, m = len(judged_on.members), len(judged_on.others)
    value, interval = hits / n - false / m, _difference_interval(hits, n, false, m)
    sentence = (
        f"At one threshold, the attack recognises {100 * hits / n:.1f} % of the training rows and accuses "
        f"{100 * false / m:.1f} % of the others."
    )
    return Finding("advantage", value, interval, 0.0, sentence)


def _difference_interval(first: int, n: int, second: int, m: int) -> tuple[float, float]:
    """An interval for the difference of two shares.

    Source: Newcombe (1998), "Interval estimation for the difference between independent proportions", method 10.
    """
    (low, high), (other_low, other_high) = wilson_interval(first, n), wilson_interval(second, m)
    p, q = first / n, second / m
    below = np.hypot(p - low, other_high - q)
    above = np.hypot(high - p, q - other_low)
    return max(-1.0, float(p - q - below)), min(1.0, float(p - q + above))


def _bound(guesses: Guesses, claim: Claim | None) -> Finding:
    percent = f"{100 * BOUND_CONFIDENCE:g} %"
    if claim is not None and claim.rows_per_unit > 1:
        missing = unavailable(GO_TOGETHER)
        return Finding("epsilon", missing, missing, claim.epsilon, f"It could not be computed: {GO_TOGETHER}.")
    bound = guesses.lower_bound(claim.delta if claim is not None else 0.0)
    reference = claim.epsilon if claim is not None else unavailable(NO_CLAIM)
    beside = f"; {claim.epsilon:g} is stated" if claim is not None else ""
    sentence = (
        f"{guesses.correct:,} of {guesses.guesses:,} guesses are right, which proves an ε of at least {bound:.2f} with "
        f"{percent} confidence{beside}."
    )
    is_a_bound = unavailable(f"it is itself a bound, with {percent} confidence")
    return Finding("epsilon", bound, is_a_bound, reference, sentence)


def _control(others: FloatArray) -> dict[str, Any]:
    """The attack where there is nothing to find; the rows were drawn in random order of their content."""
    area, interval = area_under_roc(others[::2], others[1::2])
    return {"auc": round(area, 6), "auc_interval": [round(end, 6) for end in interval]}


def _alarms(guesses: Guesses, claim: Claim | None, p_value: float | None) -> tuple[Alarm, ...]:
    if claim is None or p_value is None or p_value >= ALARM_LEVEL or guesses.lower_bound(claim.delta) <= claim.epsilon:
        return ()
    sentence = (
        f"An attack on the synthetic rows tells {guesses.correct:,} of {guesses.guesses:,} rows rightly. With the "
        f"stated ε of {claim.epsilon:g} so many would be right in fewer than one of {round(1 / ALARM_LEVEL):,} runs."
    )
    return (Alarm("epsilon_exceeded", "The rows give away more than ε allows", sentence),)
