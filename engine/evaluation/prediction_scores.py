"""How well predictions meet the answers, once per resample of the test rows.

Every function takes weights of the rows, one set per resample, so that an interval costs one call.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.evaluation.prediction_task import Task

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ScoreInfo:
    """A score of predictions.

    Args:
        name: stable name.
        title: name to show.
        higher_is_better: whether a model with more of it is the better one.
    """

    name: str
    title: str
    higher_is_better: bool = True


CLASSIFICATION_SCORES = (
    ScoreInfo("auc", "Area under the ROC curve"),
    ScoreInfo("average_precision", "Average precision"),
    ScoreInfo("f1", "F1"),
)
REGRESSION_SCORES = (
    ScoreInfo("r2", "R²"),
    ScoreInfo("mae", "Mean absolute error", higher_is_better=False),
)


def scores_of(task: Task) -> tuple[ScoreInfo, ...]:
    """The scores of a task; the first is the one to look at first."""
    return REGRESSION_SCORES if task.classes is None else CLASSIFICATION_SCORES


def weighted_score(
    name: str, task: Task, answers: FloatArray, predictions: FloatArray, weights: FloatArray
) -> FloatArray:
    """One score, once per set of weights; with more than two classes, its mean over the classes that are there.

    Args:
        name: of the score.
        task: what is predicted.
        answers: true numbers or class positions, shape (n,).
        predictions: predicted numbers, shape (n,), or chances of all classes, shape (n, n_classes).
        weights: of the rows, shape (n_sets, n).

    Returns:
        Scores, shape (n_sets,); NaN where the weighted rows do not allow one.
    """
    if name == "r2":
        return weighted_r2(answers, predictions, weights)
    if name == "mae":
        return weighted_mae(answers, predictions, weights)
    positions = range(predictions.shape[1]) if task.positive is None else [task.positive]
    if name == "f1":
        chosen = predictions.argmax(axis=1)
        parts = [weighted_f1(answers == position, chosen == position, weights) for position in positions]
    else:
        function = weighted_auc if name == "auc" else weighted_average_precision
        parts = [
            function((answers == position).astype(np.float64), predictions[:, position], weights)
            for position in positions
        ]
    return _mean_of_present(np.stack(parts))


def weighted_auc(answers: FloatArray, scores: FloatArray, weights: FloatArray) -> FloatArray:
    """Area under the ROC curve, once per set of weights; ties count half.

    Args:
        answers: 1 for the class and 0 for the others, shape (n,).
        scores: the higher, the more likely the class, shape (n,).
        weights: of the rows, shape (n_sets, n).

    Returns:
        Areas, shape (n_sets,); NaN where one of the two classes has no weight.

    Source: Hanley and McNeil (1982), "The meaning and use of the area under a ROC curve", Radiology 143.
    """
    positives, negatives = _by_score(answers, scores, weights)
    below = np.cumsum(negatives, axis=1) - 0.5 * negatives
    total = positives.sum(axis=1) * negatives.sum(axis=1)
    return np.where(total > 0, (positives * below).sum(axis=1) / np.maximum(total, 1.0), np.nan)


def weighted_average_precision(answers: FloatArray, scores: FloatArray, weights: FloatArray) -> FloatArray:
    """Precision at each threshold, weighted by the recall that the threshold adds; once per set of weights.

    Args:
        answers: 1 for the class and 0 for the others, shape (n,).
        scores: the higher, the more likely the class, shape (n,).
        weights: of the rows, shape (n_sets, n).

    Returns:
        Average precisions, shape (n_sets,); NaN where the class has no weight.

    Source: Davis and Goadrich (2006), "The relationship between precision-recall and ROC curves", ICML; without
    interpolation between thresholds.
    """
    positives, negatives = (part[:, ::-1] for part in _by_score(answers, scores, weights))
    found = np.cumsum(positives, axis=1)
    called = found + np.cumsum(negatives, axis=1)
    total = positives.sum(axis=1)
    sums = (positives * found / np.where(called > 0, called, 1.0)).sum(axis=1)
    return np.where(total > 0, sums / np.where(total > 0, total, 1.0), np.nan)


def weighted_f1(is_class: npt.NDArray[np.bool_], is_called: npt.NDArray[np.bool_], weights: FloatArray) -> FloatArray:
    """Harmonic mean of precision and recall of one class, once per set of weights.

    Args:
        is_class: rows of the class, shape (n,).
        is_called: rows predicted to be of the class, shape (n,).
        weights: of the rows, shape (n_sets, n).

    Returns:
        F1, shape (n_sets,); 0 where no call is right, NaN where the class neither occurs nor is called.
    """
    hits = weights @ (is_class & is_called).astype(np.float64)
    either = weights @ is_class.astype(np.float64) + weights @ is_called.astype(np.float64)
    return np.where(either > 0, 2.0 * hits / np.where(either > 0, either, 1.0), np.nan)


def weighted_r2(answers: FloatArray, predictions: FloatArray, weights: FloatArray) -> FloatArray:
    """Share of the variance explained, once per set of weights; below 0 for what is worse than the mean.

    Args:
        answers: true numbers, shape (n,).
        predictions: predicted numbers, shape (n,).
        weights: of the rows, shape (n_sets, n), with a positive sum each.

    Returns:
        R², shape (n_sets,); NaN where the answers do not vary.
    """
    centred = answers - answers.mean()  # else large numbers, such as dates, cancel
    sums = weights.sum(axis=1)
    variance = weights @ centred**2 - (weights @ centred) ** 2 / sums
    residual = weights @ (answers - predictions) ** 2
    varies = variance > 1e-12 * sums * max(float((centred**2).max()), 1e-300)
    return np.where(varies, 1.0 - residual / np.where(varies, variance, 1.0), np.nan)


def weighted_mae(answers: FloatArray, predictions: FloatArray, weights: FloatArray) -> FloatArray:
    """Mean absolute error, once per set of weights with a positive sum; shapes as of `weighted_r2`."""
    mean: FloatArray = weights @ np.abs(answers - predictions) / weights.sum(axis=1)
    return mean


def roc_curve(answers: FloatArray, scores: FloatArray, false_positive_rates: FloatArray) -> FloatArray:
    """True positive rates at given false positive rates, on straight lines between the curve's corners.

    Args:
        answers: 1 for the class and 0 for the others, shape (n,), both present.
        scores: the higher, the more likely the class, shape (n,).
        false_positive_rates: ascending, shape (n_points,).
    """
    positives, negatives = (part[0, ::-1] for part in _by_score(answers, scores, np.ones((1, len(answers)))))
    hits = np.concatenate([[0.0], np.cumsum(positives) / positives.sum()])
    alarms = np.concatenate([[0.0], np.cumsum(negatives) / negatives.sum()])
    last = np.flatnonzero(np.diff(alarms, append=np.inf) > 0)  # of a steep stretch, the upper end
    return np.asarray(np.interp(false_positive_rates, alarms[last], hits[last]), dtype=np.float64)


def _by_score(answers: FloatArray, scores: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weight of the class and of the others at each distinct score, ascending, shape (n_sets, n_scores)."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=np.nan))
    ordered = weights[:, order]
    positives = np.add.reduceat(ordered * answers[order], starts, axis=1)
    negatives = np.add.reduceat(ordered, starts, axis=1) - positives
    return positives, negatives


def _mean_of_present(parts: FloatArray) -> FloatArray:
    """Mean over the finite entries of each column; NaN where there is none."""
    present = np.isfinite(parts)
    sums = np.where(present, parts, 0.0).sum(axis=0)
    return np.where(present.any(axis=0), sums / np.maximum(present.sum(axis=0), 1), np.nan)
