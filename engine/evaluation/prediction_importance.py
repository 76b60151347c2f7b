"""Which columns a model relies on: what its score loses when the column's test values are permuted."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.evaluation.prediction_models import Predict
from engine.evaluation.prediction_scores import weighted_score
from engine.evaluation.prediction_task import Task
from engine.evaluation.prediction_trials import NO_SCORE, REAL, SYNTHETIC, Trials
from engine.evaluation.results import Score, score

MOST_ROWS = 5_000
MOST_PREDICTED = 50_000
"""Rows × columns × outputs of a model that are predicted per training."""

FEWEST_ROWS = 200
TOO_FEW_COLUMNS = "a rank correlation needs at least two columns that matter to the models"

FloatArray = npt.NDArray[np.float64]


def importances(trials: Trials, names: list[str], rng: np.random.Generator) -> dict[str, Any]:
    """Permutation importance of every column for the boosted models of both sources, side by side.

    Args:
        trials: trained models and test rows.
        names: columns in the order of the inputs.
        rng: decides test rows and permutations; both sources get the same.

    Returns:
        `rows`, `metric`, `columns` (`column`, `trained_on_real`, `trained_on_synthetic`; the most important first),
        `rank_correlation` of the two and its `ceiling`, which two trainings on real rows reach; or why there is none.

    Source: Breiman (2001), "Random forests", Machine Learning 45, section 10.
    """
    real, synthetic = trials.trained[REAL], trials.trained[SYNTHETIC]
    if isinstance(synthetic, dict):
        return dict(synthetic)
    if isinstance(real, dict):
        return dict(real)
    features, answers = trials.test.features.trees, trials.test.answers
    most = max(FEWEST_ROWS, min(MOST_ROWS, MOST_PREDICTED // (len(names) * trials.task.n_outputs)))
    rows = np.sort(rng.permutation(len(answers))[:most])
    orders = [rng.permutation(len(rows)) for _ in names]
    found = {
        source: np.stack([_losses(trials.task, predict, features[rows], answers[rows], orders) for predict in each])
        for source, each in ((REAL, real.boosting), (SYNTHETIC, synthetic.boosting))
    }
    means = {source: losses.mean(axis=0) for source, losses in found.items()}
    ranked = np.argsort(-means[REAL], kind="stable")
    return {
        "rows": len(rows),
        "metric": trials.task.metric,
        "columns": [
            {"column": names[place]} | {source: score(means[source][place], NO_SCORE) for source in (REAL, SYNTHETIC)}
            for place in ranked.tolist()
        ],
        "rank_correlation": _mean_correlation([(left, right) for left in found[REAL] for right in found[SYNTHETIC]]),
        "ceiling": _mean_correlation(list(combinations(found[REAL], 2))),
    }


def rank_correlation_interval(correlation: float, n_columns: int) -> tuple[float, float] | None:
    """95 % interval of a rank correlation over n columns; None where there are fewer than five.

    Source: Fieller, Hartley and Pearson (1957), "Tests for rank correlation coefficients I", Biometrika 44.
    """
    if n_columns < 5:
        return None
    half = 1.96 * math.sqrt(1.06 / (n_columns - 3))
    centre = math.atanh(max(-1.0 + 1e-12, min(1.0 - 1e-12, correlation)))
    return math.tanh(centre - half), math.tanh(centre + half)


def rank_correlation(left: FloatArray, right: FloatArray) -> float:
    """Spearman's rank correlation, ties with their mean rank; NaN where one side has no order."""
    from scipy.stats import rankdata

    ranks = [rankdata(each) - (len(each) + 1) / 2 for each in (left, right)]
    sizes = math.sqrt(float((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum()))
    return float((ranks[0] * ranks[1]).sum()) / sizes if sizes > 0 else math.nan


def _losses(
    task: Task, predict: Predict, features: FloatArray, answers: FloatArray, orders: list[npt.NDArray[np.int64]]
) -> FloatArray:
    """What the headline score loses per column, shape (n_columns,)."""
    whole = np.ones((1, len(answers)))
    best = weighted_score(task.metric, task, answers, predict(features), whole)[0]
    losses = np.empty(len(orders))
    for place, order in enumerate(orders):
        permuted = features.copy()
        permuted[:, place] = features[order, place]
        losses[place] = best - weighted_score(task.metric, task, answers, predict(permuted), whole)[0]
    return losses


def _mean_correlation(pairs: list[tuple[FloatArray, FloatArray]]) -> Score:
    found = [rank_correlation(left, right) for left, right in pairs]
    finite = [each for each in found if math.isfinite(each)]
    return score(math.fsum(finite) / len(finite) if finite else math.nan, TOO_FEW_COLUMNS)
