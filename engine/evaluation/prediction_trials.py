"""Trainings on synthetic and on real rows, and the scores of both on the same test rows.

A score is the mean over a few trainings, each with a seed and a random part of the rows of its own. A resample draws
test rows with replacement and takes one training of either kind, so intervals cover both sources of chance; losses
are differences within one resample.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.evaluation.features import FeaturePlan, Features
from engine.evaluation.intervals import percentile_interval
from engine.evaluation.prediction_models import BOOSTING, ModelKind, Predict, model_kinds
from engine.evaluation.prediction_scores import ScoreInfo, roc_curve, weighted_score
from engine.evaluation.prediction_task import Task
from engine.evaluation.results import DECIMALS, Score, Unavailable, score, unavailable

REAL, SYNTHETIC = "trained_on_real", "trained_on_synthetic"
PART_OF_ROWS = 0.9
"""Part of the rows of each training where all would fit; else every training of a table would see the same rows."""

ROC_POINTS = 60
NO_SCORE = "the rows set aside do not allow this score"
SINGLE_VALUE = "these rows have a single value of the target"

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TestRows:
    """Real rows that nobody trained on.

    Args:
        features: inputs of the models.
        answers: numbers or class positions, shape (n,).
        weights: how often a resample has each row, shape (n_resamples, n).
    """

    features: Features
    answers: FloatArray
    weights: FloatArray


@dataclass(frozen=True)
class Trained:
    """Models of one task that were trained on rows of one table.

    Args:
        rows: rows of each training.
        predictions: per kind of model and training, what it says of the test rows.
        boosting: per training, the boosted model's prediction function.
    """

    rows: int
    predictions: Mapping[str, list[FloatArray]]
    boosting: list[Predict]

    @property
    def n(self) -> int:
        """Number of trainings."""
        return len(self.boosting)


@dataclass(frozen=True)
class Resampled:
    """A score of one kind of model, and what it is in every resample.

    Args:
        value: mean over the trainings.
        resamples: shape (n_resamples,); NaN where a resample does not allow the score.
    """

    value: float
    resamples: FloatArray

    def interval(self) -> list[float] | None:
        """95 % interval, or None where no resample allows the score."""
        found = percentile_interval(self.resamples)
        return None if found is None else [round(end, DECIMALS) for end in found]


@dataclass(frozen=True)
class Trials:
    """All trainings of one task.

    Args:
        task: what is predicted.
        test: rows to predict.
        trained: per source, its models, or why there are none.
        train_answers: answers of the real training rows, for the constant prediction.
    """

    task: Task
    test: TestRows
    trained: Mapping[str, Trained | Unavailable]
    train_answers: FloatArray

    def resampled(self, info: ScoreInfo, kind: str, source: str) -> Resampled | Unavailable:
        """A score of a kind of model trained on one source, or why there is none."""
        trained = self.trained[source]
        if isinstance(trained, dict):
            return trained
        predictions, answers, weights = trained.predictions[kind], self.test.answers, self.test.weights
        whole = np.ones((1, len(answers)))
        values = [weighted_score(info.name, self.task, answers, each, whole)[0] for each in predictions]
        if not np.isfinite(values).all():
            return unavailable(NO_SCORE)
        turns, resamples = _turns(len(weights), trained.n, source), np.empty(len(weights))
        for number, each in enumerate(predictions):
            chosen = turns == number
            resamples[chosen] = weighted_score(info.name, self.task, answers, each, weights[chosen])
        return Resampled(float(np.mean(values)), resamples)

    def baseline(self, info: ScoreInfo) -> Score:
        """The score of saying the same of every row: the classes' shares, the mean, or for the error the median."""
        n = len(self.test.answers)
        if self.task.classes is not None:
            shares = np.bincount(self.train_answers.astype(np.int64), minlength=len(self.task.classes))
            constant = np.tile(shares / shares.sum(), (n, 1))
        else:
            middle = np.median if info.name == "mae" else np.mean
            constant = np.full(n, float(middle(self.train_answers)))
        return score(weighted_score(info.name, self.task, self.test.answers, constant, np.ones((1, n)))[0], NO_SCORE)

    def roc(self, kind: str) -> dict[str, list[float]] | None:
        """Mean true positive rate of the trainings at ROC_POINTS false positive rates; None where not two classes."""
        if self.task.positive is None:
            return None
        rates = np.linspace(0.0, 1.0, ROC_POINTS) ** 2  # dense where alarms are few
        answers = (self.test.answers == self.task.positive).astype(np.float64)
        curves = {"false_positive_rate": _rounded(rates)}
        for source, trained in self.trained.items():
            if isinstance(trained, Trained):
                lines = [roc_curve(answers, each[:, self.task.positive], rates) for each in trained.predictions[kind]]
                curves[source] = _rounded(np.mean(lines, axis=0))
        return curves


def train_models(
    task: Task,
    plan: FeaturePlan,
    rows: tuple[pd.DataFrame, FloatArray],
    most_rows: int,
    test: TestRows,
    seeds: Sequence[int],
    threads: int,
    advance: Callable[[], None],
) -> Trained | Unavailable:
    """Train every kind of model once per seed, each time on other rows.

    Args:
        task: what is predicted.
        plan: how a table becomes inputs.
        rows: a table and its answers.
        most_rows: rows of a training at most.
        test: rows to predict.
        seeds: one per training; each decides its rows and its model.
        threads: threads of a model.
        advance: called after each model.

    Returns:
        The models, or why the rows train none.
    """
    table, answers = rows
    n_rows = min(most_rows, max(2, round(PART_OF_ROWS * len(answers))))
    predictions: dict[str, list[FloatArray]] = {kind.key: [] for kind in model_kinds(task)}
    boosting = []
    for seed in seeds:
        drawn = np.random.default_rng(seed).permutation(len(answers))[:n_rows]
        known = answers[np.sort(drawn)]
        if len(np.unique(known)) < 2:
            return unavailable(SINGLE_VALUE)
        features = plan.build(table.iloc[np.sort(drawn)])
        for kind in model_kinds(task):
            predict = kind.fit(features, known, seed, threads)
            predictions[kind.key].append(predict(kind.inputs(test.features)))
            boosting += [predict] if kind.key == BOOSTING else []
            advance()
    return Trained(n_rows, predictions, boosting)


def score_entry(trials: Trials, info: ScoreInfo, kind: ModelKind) -> dict[str, Any]:
    """One score of one kind of model as JSON: both sources, the constant prediction, and the loss.

    The loss is what training on synthetic rows costs: positive where the model trained on real rows is the better one,
    also for a score that is best when it is low.
    """
    entry: dict[str, Any] = {"name": info.name, "title": info.title, "goal": "high" if info.higher_is_better else "low"}
    found = {source: trials.resampled(info, kind.key, source) for source in (SYNTHETIC, REAL)}
    for source, result in found.items():
        entry[source] = result if isinstance(result, dict) else round(result.value, DECIMALS)
        entry |= {} if isinstance(result, dict) else _interval_entry(f"{source}_interval", result)
    entry["baseline"] = trials.baseline(info)
    loss = loss_of(found[SYNTHETIC], found[REAL], info)
    entry["loss"] = loss if isinstance(loss, dict) else round(loss.value, DECIMALS)
    return entry | ({} if isinstance(loss, dict) else _interval_entry("loss_interval", loss))


def loss_of(
    synthetic: Resampled | Unavailable, real: Resampled | Unavailable, info: ScoreInfo
) -> Resampled | Unavailable:
    """What training on synthetic rows costs, resample by resample, or why that cannot be told."""
    if isinstance(synthetic, dict):
        return synthetic
    if isinstance(real, dict):
        return real
    sign = 1.0 if info.higher_is_better else -1.0
    return Resampled(sign * (real.value - synthetic.value), sign * (real.resamples - synthetic.resamples))


def _turns(n_resamples: int, n_trainings: int, source: str) -> IntArray:
    """Which training a resample takes; the two sources go round at different speeds, so that all pairs come up."""
    numbers = np.arange(n_resamples)
    return (numbers if source == REAL else numbers // n_trainings) % n_trainings


def _interval_entry(key: str, result: Resampled) -> dict[str, Any]:
    interval = result.interval()
    return {} if interval is None else {key: interval}


def _rounded(values: FloatArray) -> list[float]:
    return [round(float(value), 4) for value in values]
