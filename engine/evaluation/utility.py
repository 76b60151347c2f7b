"""Utility: models trained on synthetic rows, tested on real rows that nobody trained on.

The same models trained on the real training rows show what the columns can give; predicting without looking at
the other columns shows what is had for nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.data.encode import to_numbers
from engine.data.schema import Field, FieldType
from engine.evaluation.binning import category_codes, category_values, is_numeric
from engine.evaluation.context import Context
from engine.evaluation.features import FeaturePlan, Features, plan_features
from engine.evaluation.intervals import BOOTSTRAP_REPLICATES, bootstrap_weights, percentile_interval
from engine.evaluation.results import DECIMALS, Finding, MetricResult, NotComputableError, Score, score, unavailable
from engine.evaluation.tables import draw_rows

MOST_TRAINING_ROWS = 50_000
MOST_TEST_ROWS = 20_000
MOST_INPUTS = 20_000_000
"""Numbers in a model's inputs, rows × inputs; a table with many categories is cut to fewer rows."""

FEWEST_TEST_ROWS = 20
MOST_CLASSES = 20
MOST_VALUES_OF_A_CLASS_NUMBER = 10
"""A whole-number target with up to this many values is a class, not a quantity."""

NO_TARGET = "no target column was chosen"
NO_HOLDOUT = "no real rows were set aside to test on"
NO_FEATURES = "there is no other column to predict from"

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Predict = Callable[[Features], FloatArray]


@dataclass(frozen=True)
class Task:
    """What is predicted.

    Args:
        field: the target's schema.
        classes: its values, for a classification; None for a regression.
    """

    field: Field
    classes: tuple[Any, ...] | None

    @property
    def metric(self) -> str:
        """`auc` or `r2`."""
        return "auc" if self.classes is not None else "r2"

    def answers(self, table: pd.DataFrame) -> FloatArray:
        """The target as numbers or class positions; NaN where it is missing or no class; shape (n_rows,)."""
        column = table[self.field.name]
        if self.classes is None:
            return to_numbers(column, self.field.type)
        codes = category_codes(list(self.classes), column).astype(np.float64)
        return np.where(codes < 0, np.nan, codes)


def prediction(context: Context) -> MetricResult:
    """Models trained on synthetic rows beside the same trained on real rows, tested on rows set aside."""
    tables, target, rng = context.tables, context.target, context.rng
    if target is None:
        raise NotComputableError(NO_TARGET)
    if tables.holdout is None:
        raise NotComputableError(NO_HOLDOUT)
    if len(tables.fields) < 2:
        raise NotComputableError(NO_FEATURES)
    task = _task(next(field for field in tables.fields if field.name == target), tables.train)
    plan = plan_features([field for field in tables.fields if field.name != target], tables.train)
    most = min(MOST_TRAINING_ROWS, MOST_INPUTS // plan.n_linear)
    limits = {"train": most, "synthetic": most, "holdout": min(most, MOST_TEST_ROWS)}
    rows = {name: _with_answer(draw_rows(table, limits[name], rng), task) for name, table in tables.by_name().items()}
    _check_test(rows["holdout"][1])
    details = _compare(task, plan, rows, rng, context.threads)
    return MetricResult((_best(details["models"]),), details)


def _best(models: list[dict[str, Any]]) -> Finding:
    scored = [model for model in models if isinstance(model["trained_on_synthetic"], float)]
    if not scored:
        reason = models[0]["trained_on_synthetic"]
        return Finding("score", reason, reason, models[0]["trained_on_real"], "No model could be trained.")
    best = max(scored, key=lambda model: model["trained_on_synthetic"])
    value, real = best["trained_on_synthetic"], best["trained_on_real"]
    return Finding(
        "score",
        value,
        tuple(best["trained_on_synthetic_interval"]),
        real,
        f"{best['name']} reaches {value:.3f} when trained on synthetic rows.",
    )


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
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=np.nan))
    ordered = weights[:, order]
    positives = np.add.reduceat(ordered * answers[order], starts, axis=1)
    negatives = np.add.reduceat(ordered, starts, axis=1) - positives
    below = np.cumsum(negatives, axis=1) - 0.5 * negatives
    total = positives.sum(axis=1) * negatives.sum(axis=1)
    return np.where(total > 0, (positives * below).sum(axis=1) / np.maximum(total, 1.0), np.nan)


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


def _task(field: Field, train: pd.DataFrame) -> Task:
    """What to predict; raises NotComputableError where it cannot be predicted."""
    column = train[field.name].dropna()
    n_values = int(column.nunique())
    if n_values < 2:
        raise NotComputableError("the target has a single value in the training rows")
    is_class = not is_numeric(field) or (field.type is FieldType.INTEGER and n_values <= MOST_VALUES_OF_A_CLASS_NUMBER)
    if not is_class:
        return Task(field, None)
    if n_values > MOST_CLASSES:
        raise NotComputableError(f"the target has {n_values} categories; choose a column with at most {MOST_CLASSES}")
    present = set(column.unique())
    if is_numeric(field):
        return Task(field, tuple(sorted(present)))
    values, _ = category_values(field, column, MOST_CLASSES)
    listed = tuple(value for value in values if value in present)
    if len(listed) < 2:
        raise NotComputableError("the target has a single value of its list")
    return Task(field, listed)


def _with_answer(table: pd.DataFrame, task: Task) -> tuple[pd.DataFrame, FloatArray]:
    answers = task.answers(table)
    known = ~np.isnan(answers)
    return table[known], answers[known]


def _check_test(answers: FloatArray) -> None:
    if len(answers) < FEWEST_TEST_ROWS:
        raise NotComputableError(f"fewer than {FEWEST_TEST_ROWS} rows with a known target were set aside to test on")
    if len(np.unique(answers)) < 2:
        raise NotComputableError("the target has a single value in the rows set aside")


def _compare(
    task: Task,
    plan: FeaturePlan,
    rows: dict[str, tuple[pd.DataFrame, FloatArray]],
    rng: np.random.Generator,
    threads: int,
) -> dict[str, Any]:
    test, answers = plan.build(rows["holdout"][0]), rows["holdout"][1]
    weights = bootstrap_weights(len(answers), BOOTSTRAP_REPLICATES, rng).astype(np.float64)
    state = int(rng.integers(2**31))
    models = [
        _compare_model(name, fit, task, plan, rows, (test, answers, weights))
        for name, fit in _models(task, state, threads).items()
    ]
    return {
        "target": task.field.name,
        "task": "classification" if task.classes is not None else "regression",
        "metric": task.metric,
        "rows": {name: len(values) for name, (_, values) in rows.items()},
        "models": models,
    }


Fit = Callable[[Features, FloatArray], Predict]


def _compare_model(
    name: str,
    fit: Fit,
    task: Task,
    plan: FeaturePlan,
    rows: dict[str, tuple[pd.DataFrame, FloatArray]],
    test: tuple[Features, FloatArray, FloatArray],
) -> dict[str, Any]:
    features, answers, weights = test
    result: dict[str, Any] = {"name": name}
    for key, source in (("trained_on_synthetic", "synthetic"), ("trained_on_real", "train")):
        table, known = rows[source]
        if len(np.unique(known)) < 2:
            result[key] = unavailable("these rows have a single value of the target")
            continue
        predictions = fit(plan.build(table), known)(features)
        value = _scores(task, answers, predictions, np.ones((1, len(answers))))[0]
        interval = percentile_interval(_scores(task, answers, predictions, weights))
        result[key] = score(value, "the rows set aside do not allow this score")
        if interval is not None:
            result[f"{key}_interval"] = [round(bound, DECIMALS) for bound in interval]
    result["baseline"] = _baseline(task, rows["train"][1], answers)
    return result


def _scores(task: Task, answers: FloatArray, predictions: FloatArray, weights: FloatArray) -> FloatArray:
    """AUC, its mean over the classes against the rest where there are more than two, or R²; per set of weights."""
    if task.classes is None:
        return weighted_r2(answers, predictions, weights)
    positions = [1] if len(task.classes) == 2 else range(len(task.classes))
    areas = np.stack(
        [
            weighted_auc((answers == position).astype(np.float64), predictions[:, position], weights)
            for position in positions
        ]
    )
    present = np.isfinite(areas)
    sums = np.where(present, areas, 0.0).sum(axis=0)
    return np.where(present.any(axis=0), sums / np.maximum(present.sum(axis=0), 1), np.nan)


def _baseline(task: Task, train: FloatArray, answers: FloatArray) -> Score:
    """What a prediction gives that is the same for every row: the classes' shares, or the mean."""
    if task.classes is not None:
        return 0.5
    constant = np.full(len(answers), train.mean())
    return score(weighted_r2(answers, constant, np.ones((1, len(answers))))[0], "the target does not vary")


def _models(task: Task, state: int, threads: int) -> dict[str, Fit]:
    linear = "Logistic regression" if task.classes is not None else "Ridge regression"
    return {
        "Gradient boosting": lambda features, answers: _fit_trees(task, features, answers, state, threads),
        linear: lambda features, answers: _fit_linear(task, features, answers, threads),
    }


def _fit_trees(task: Task, features: Features, answers: FloatArray, state: int, threads: int) -> Predict:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingClassifier if task.classes is not None else HistGradientBoostingRegressor
    model = kind(
        max_iter=100,
        early_stopping=False,
        categorical_features=features.categorical,
        random_state=state,
    )
    empty = np.isnan(features.trees).all(axis=0)  # scikit-learn cannot bin a column without any value
    with _quiet(threads):
        model.fit(np.where(empty, 0.0, features.trees), answers)
    return lambda test: _predict(task, model, test.trees, threads)


def _fit_linear(task: Task, features: Features, answers: FloatArray, threads: int) -> Predict:
    from sklearn.linear_model import LogisticRegression, Ridge

    model = LogisticRegression(max_iter=200) if task.classes is not None else Ridge(alpha=1.0)
    with _quiet(threads):
        model.fit(features.linear, answers)
    return lambda test: _predict(task, model, test.linear, threads)


def _predict(task: Task, model: Any, features: FloatArray, threads: int) -> FloatArray:
    """Predicted numbers, shape (n,), or chances of all classes, shape (n, n_classes)."""
    with _quiet(threads):
        if task.classes is None:
            return np.asarray(model.predict(features), dtype=np.float64)
        chances = np.zeros((len(features), len(task.classes)))
        chances[:, model.classes_.astype(int)] = model.predict_proba(features)
        return chances


@contextmanager
def _quiet(threads: int) -> Iterator[None]:
    """Limit the threads, and drop warnings: a linear model that did not converge still has an honest test."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(limits=threads), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
