"""Noisy utility: how well a model that saw synthetic rows only predicts rows that nobody learned from.

The model adds up a weight per cell, fitted to the synthetic rows, so it is public. The private rows set aside are
counted by the cell of their score and by their class, with noise; area, accuracy and F1 follow from these few counts.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.data.encode import ColumnDomain
from engine.evaluation.charged_cells import ReportCells
from engine.evaluation.charged_distances import CONFIDENCE
from engine.evaluation.results import Finding, MetricResult, NotComputableError, score, unavailable
from engine.privacy.evaluation_queries import EvaluationQueries
from engine.privacy.row_scores import RowScores

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

MOST_TRAINING_ROWS = 50_000
MOST_CLASSES = 20
SCORE_BINS = 8
"""Cells of a score, about: more would follow its curve better, and add noise."""

WEIGHT_UNIT = 2.0**-16
"""Weights are rounded to whole multiples of this."""

ITERATIONS = 300
REPLICATES = 2000
CLEAR_DEVIATIONS = 4.0
"""Standard deviations of its noise that a class has to hold before a score is formed from it."""

NO_TARGET = "no column to predict was chosen"
NO_HOLDOUT = "no rows were set aside to test on"
NO_FEATURES = "there is no other column to predict from"
MANY_CLASSES = f"the column to predict has more than {MOST_CLASSES} values; choose one with fewer"
ONE_VALUE = "the column to predict has a single value in the synthetic rows"
DROWNED = "the noise hides how many rows of each class were set aside: set aside more rows, or a larger share"
TWO_CLASSES_ONLY = "an area under the curve takes two classes, and the column to predict has more"


@dataclass(frozen=True)
class UtilityTask:
    """What is predicted, from which weights.

    Args:
        target: position of the column.
        outcome_of: per cell of the run's domain, 0 to `n_classes - 1`, or `n_classes` where the row counts nowhere.
        n_classes: number of classes.
        is_split: whether the classes are the lower and the upper part of a number's values.
        scores: the model; the target has no weight in it.
        predicted: class that each cell of the scores predicts.
    """

    target: int
    outcome_of: npt.NDArray[np.int32]
    n_classes: int
    is_split: bool
    scores: RowScores
    predicted: IntArray

    def groups(self, cells: ReportCells) -> tuple[npt.NDArray[np.int32], ...]:
        """Cells to count in, per column: the report's, and the classes of the target."""
        return tuple(self.outcome_of if place == self.target else groups for place, groups in enumerate(cells.groups))


@dataclass(frozen=True)
class NoisyUtility:
    """Released counts of rows set aside.

    Args:
        task: what was predicted.
        counts: noisy counts, shape (cells of the scores, n_classes).
        noise_scale: standard deviation of the noise per count, in rows.
    """

    task: UtilityTask
    counts: FloatArray
    noise_scale: float


def plan_task(cells: ReportCells, target: str | None, rng: np.random.Generator) -> UtilityTask:
    """The classes to predict and the model that does, from the synthetic rows alone.

    Raises:
        NotComputableError: there is nothing to predict, or nothing to predict from.
    """
    if target is None:
        raise NotComputableError(NO_TARGET)
    if len(cells.names) < 2:
        raise NotComputableError(NO_FEATURES)
    place = cells.names.index(target)
    column, held = cells.domain.columns[place], cells.fine[place]
    outcome_of, n_classes = _halves(column, held) if column.is_numeric else _classes(column, held)
    answers = outcome_of[held]
    rows = np.flatnonzero(answers < n_classes)
    if len(rows) > MOST_TRAINING_ROWS:
        rows = np.sort(rng.choice(rows, MOST_TRAINING_ROWS, replace=False))
    weights = _weights(cells, place, int(outcome_of.max()) + 1, rows, answers[rows])
    scores, predicted = _scores(
        weights, [codes[rows] if at != place else answers[rows] for at, codes in enumerate(cells.codes)]
    )
    return UtilityTask(place, outcome_of, n_classes, column.is_numeric, scores, predicted)


def _classes(column: ColumnDomain, held: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.int32], int]:
    """Values that synthetic rows have, the most frequent one first; rows of other values count nowhere."""
    counts = np.bincount(held, minlength=column.size)[: column.n_values]
    present = np.flatnonzero(counts)
    if len(present) < 2:
        raise NotComputableError(ONE_VALUE)
    if len(present) > MOST_CLASSES:
        raise NotComputableError(MANY_CLASSES)
    outcome_of = np.full(column.size, len(present), dtype=np.int32)
    outcome_of[present[np.argsort(-counts[present], kind="stable")]] = np.arange(len(present))
    return outcome_of, len(present)


def _halves(column: ColumnDomain, held: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.int32], int]:
    """The lower and the upper part of a number's cells, as equal as cells allow; missing ones count nowhere."""
    edges = np.asarray(column.edges)
    values = np.concatenate([column.atoms, (edges[:-1] + edges[1:]) / 2.0])
    order = np.argsort(values, kind="stable")
    shares = np.bincount(held, minlength=column.size)[order].astype(np.float64)
    below = np.cumsum(shares)[:-1] / max(float(shares.sum()), 1.0)
    inside = (below > 0.0) & (below < 1.0)
    if not inside.any():
        raise NotComputableError(ONE_VALUE)
    last_of_lower = int(np.argmin(np.where(inside, np.abs(below - 0.5), np.inf)))
    outcome_of = np.full(column.size, 2, dtype=np.int32)
    outcome_of[order[: last_of_lower + 1]] = 0
    outcome_of[order[last_of_lower + 1 :]] = 1
    return outcome_of, 2


def _weights(
    cells: ReportCells, target: int, n_outcomes: int, rows: IntArray, answers: npt.NDArray[np.int32]
) -> tuple[IntArray, ...]:
    """Weights of a logistic model: one per cell of every other column, and per class where there are more than two."""
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

    others = [place for place in range(len(cells.sizes)) if place != target]
    sizes = [cells.sizes[place] for place in others]
    starts = np.cumsum([0, *sizes])
    indices = np.stack([cells.codes[place][rows] + start for place, start in zip(others, starts, strict=False)], axis=1)
    shape = (len(rows), int(starts[-1]))
    pointers = np.arange(len(rows) + 1) * len(others)
    inputs = csr_matrix((np.ones(indices.size), indices.ravel(), pointers), shape=shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a model that did not converge still has an honest test
        model = LogisticRegression(max_iter=ITERATIONS).fit(inputs, answers)
    # Every row has one cell of each column, so the intercept may be a part of one column's weights.
    coefficients = np.asarray(model.coef_, dtype=np.float64)
    coefficients[:, : sizes[0]] += np.asarray(model.intercept_)[:, None]
    parts = iter(np.split(np.rint(coefficients.T / WEIGHT_UNIT).astype(np.int64), starts[1:-1]))
    no_weight = np.zeros((n_outcomes, len(coefficients)), dtype=np.int64)
    return tuple(no_weight if place == target else next(parts) for place in range(len(cells.sizes)))


def _scores(weights: tuple[IntArray, ...], block: Sequence[npt.NDArray[Any]]) -> tuple[RowScores, IntArray]:
    """Cells of the scores, and the class that each of them predicts.

    Cells of a single score hold about equally many synthetic rows, and one of their borders is where the prediction
    changes.
    """
    scores = RowScores(weights)
    if scores.n_scores > 1:
        return scores, np.arange(scores.n_scores)
    quantiles = np.quantile(scores.values(block)[:, 0], np.arange(1, SCORE_BINS) / SCORE_BINS)
    borders = np.unique(np.append(quantiles.astype(np.int64), 0))
    predicted = np.arange(len(borders) + 1) > np.searchsorted(borders, 0)
    return RowScores(weights, borders), predicted.astype(np.int64)


def measure_utility(queries: EvaluationQueries, task: UtilityTask, mu_squared: float) -> NoisyUtility:
    """Count the rows that were set aside.

    Args:
        queries: of rows that the synthesizer did not read, in the cells of `UtilityTask.groups`.
        task: what to predict.
        mu_squared: what it may cost.

    Raises:
        BudgetExceededError: the envelope does not hold the charge.

    Privacy: charges `mu_squared`, one Gaussian mechanism.
    """
    scale = queries.rows_per_unit / math.sqrt(mu_squared)
    counts = queries.scored_histogram(task.scores, task.target, scale, "releasable report: prediction")
    return NoisyUtility(task, counts[:, : task.n_classes].astype(np.float64), scale)


def area(counts: FloatArray) -> FloatArray:
    """Area under the ROC curve of ordered cells, ties counted half, shape (n_sets,).

    Args:
        counts: rows per cell and class, shape (n_sets, n_cells, 2); the second class is the one to find.
    """
    negatives, positives = counts[..., 0], counts[..., 1]
    below = np.cumsum(negatives, axis=-1) - 0.5 * negatives
    pairs = positives.sum(axis=-1) * negatives.sum(axis=-1)
    return np.asarray((positives * below).sum(axis=-1) / pairs, dtype=np.float64)


def accuracy(counts: FloatArray, predicted: IntArray) -> FloatArray:
    """Share of rows whose class is predicted, shape (n_sets,)."""
    right = counts[..., np.arange(len(predicted)), predicted].sum(axis=-1)
    return np.asarray(right / counts.sum(axis=(-2, -1)), dtype=np.float64)


def f1_score(counts: FloatArray, predicted: IntArray) -> FloatArray:
    """F1 of the class to find, or its mean over the classes where there are more than two, shape (n_sets,)."""
    n_classes = counts.shape[-1]
    found = []
    for label in range(n_classes):
        says = counts[..., predicted == label, :]
        right, both = says[..., label].sum(axis=-1), says.sum(axis=(-2, -1)) + counts[..., label].sum(axis=-1)
        found.append(2.0 * right / both)
    return np.asarray(found[1] if n_classes == 2 else np.mean(found, axis=0), dtype=np.float64)


def utility_metric(cells: ReportCells, found: NoisyUtility, rng: np.random.Generator) -> MetricResult:
    """What was released, in sentences.

    Args:
        cells: the report's cells.
        found: the noisy counts.
        rng: of the simulation that intervals come from.

    Returns:
        Findings, and as details: `target`, `classes` (their number), `predicts` in words, `noise_scale` in rows,
        `rows`, the noisy number of rows set aside, `counts`, the noisy counts by cell of the score and class, and
        `predicted`, the class that each cell of the score predicts.

    Raises:
        NotComputableError: the noise hides the classes.
    """
    counts, predicted = found.counts, found.task.predicted
    clear = CLEAR_DEVIATIONS * found.noise_scale * math.sqrt(len(counts))
    if counts.sum(axis=0).min() < clear:
        raise NotComputableError(DROWNED)
    name = cells.names[found.task.target]
    forms: dict[str, Callable[[FloatArray], FloatArray]] = {
        **({"auc": area} if found.task.n_classes == 2 else {}),
        "accuracy": lambda each: accuracy(each, predicted),
        "f1": lambda each: f1_score(each, predicted),
    }
    again = _simulated(found, rng)
    share = counts.sum(axis=0) / counts.sum()
    guesses = {"auc": 0.5, "accuracy": float(share.max()), "f1": _f1_of_guessing(share)}
    findings = [_finding(measure, found, again, form, guesses[measure], name) for measure, form in forms.items()]
    if found.task.n_classes > 2:
        reason = unavailable(TWO_CLASSES_ONLY)
        findings.insert(0, Finding("auc", reason, reason, reason, f"It could not be computed: {TWO_CLASSES_ONLY}."))
    details = {
        "target": name,
        "classes": found.task.n_classes,
        "predicts": _predicts(found.task, name),
        "noise_scale": round(found.noise_scale, 3),
        "rows": int(counts.sum()),
        "counts": counts.astype(int).tolist(),
        "predicted": predicted.tolist(),
    }
    return MetricResult(tuple(findings), details)


def _predicts(task: UtilityTask, name: str) -> str:
    if task.is_split:
        return f"whether {name} lies in the upper part of its values, cut where the synthetic rows are cut in two"
    return f"{name}, from all other columns"


def _simulated(found: NoisyUtility, rng: np.random.Generator) -> FloatArray:
    """Counts as they could have come out: other rows from the same distribution, and other noise.

    Around the noisy counts as they are, also where noise made them negative: cut at zero, small cells would all grow,
    and with them the scores' errors would shift to one side.
    """
    shape = (REPLICATES, *found.counts.shape)
    rows = rng.poisson(np.maximum(found.counts, 0.0), shape) + np.minimum(found.counts, 0.0)
    return rows + found.noise_scale * rng.standard_normal(shape)


def _finding(
    measure: str,
    found: NoisyUtility,
    again: FloatArray,
    form: Callable[[FloatArray], FloatArray],
    guess: float,
    name: str,
) -> Finding:
    """A score with the interval that simulated errors leave around it."""
    value = float(form(found.counts[None])[0])
    errors = form(again) - value
    tails = np.quantile(errors, [0.5 - CONFIDENCE / 2.0, 0.5 + CONFIDENCE / 2.0])
    low, high = _inside(value - float(tails[1])), _inside(value - float(tails[0]))
    titles = {"auc": "an area under the curve", "accuracy": "an accuracy", "f1": "an F1"}
    sentence = (
        f"A model that saw synthetic rows only predicts {name} for rows set aside with {titles[measure]} of "
        f"{_inside(value):.3f}; noise and the choice of these rows leave {low:.3f} to {high:.3f}, guessing gives "
        f"{guess:.3f}."
    )
    return Finding(measure, score(_inside(value), DROWNED), (low, high), guess, sentence)


def _f1_of_guessing(share: FloatArray) -> float:
    """F1 of naming the class to find always, or of the largest class where there are more than two."""
    if len(share) == 2:
        return float(2.0 * share[1] / (1.0 + share[1]))
    return float(2.0 * share.max() / (1.0 + share.max()) / len(share))


def _inside(value: float) -> float:
    return min(max(value, 0.0), 1.0)
