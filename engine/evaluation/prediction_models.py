"""The models that are trained: gradient boosting, which finds interactions, and a linear model, which does not."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.evaluation.features import Features
from engine.evaluation.prediction_task import Task

FloatArray = npt.NDArray[np.float64]
Predict = Callable[[FloatArray], FloatArray]

BOOSTING, LINEAR = "boosting", "linear"
BOOSTING_ROUNDS, ROUNDS_OF_SEVERAL_CLASSES = 100, 50
SHRINKAGE = 10.0
"""Without it, leaves of rare classes grow without limit."""

LINEAR_ITERATIONS, LINEAR_TOLERANCE = 200, 1e-3


@dataclass(frozen=True)
class ModelKind:
    """A kind of model.

    Args:
        key: `boosting` or `linear`.
        title: name to show.
        inputs: which of the features it takes.
        fit: gives a prediction function from features, answers, seed and threads.
    """

    key: str
    title: str
    inputs: Callable[[Features], FloatArray]
    fit: Callable[[Features, FloatArray, int, int], Predict]


def model_kinds(task: Task) -> tuple[ModelKind, ...]:
    """The models that predict a task."""
    linear = "Logistic regression" if task.classes is not None else "Ridge regression"
    return (
        ModelKind(
            BOOSTING,
            "Gradient boosting",
            lambda features: features.trees,
            lambda features, answers, seed, threads: _fit_trees(task, features, answers, seed, threads),
        ),
        ModelKind(
            LINEAR,
            linear,
            lambda features: features.linear,
            lambda features, answers, seed, threads: _fit_linear(task, features, answers, threads),
        ),
    )


def _fit_trees(task: Task, features: Features, answers: FloatArray, seed: int, threads: int) -> Predict:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingClassifier if task.classes is not None else HistGradientBoostingRegressor
    model = kind(
        max_iter=BOOSTING_ROUNDS if task.n_outputs == 1 else ROUNDS_OF_SEVERAL_CLASSES,
        l2_regularization=SHRINKAGE,
        early_stopping=False,
        categorical_features=features.categorical,
        random_state=seed,
    )
    empty = np.isnan(features.trees).all(axis=0)  # scikit-learn cannot bin a column without any value
    with _quiet(threads):
        model.fit(np.where(empty, 0.0, features.trees), answers)
    return lambda inputs: _predict(task, model, inputs, threads)


def _fit_linear(task: Task, features: Features, answers: FloatArray, threads: int) -> Predict:
    from sklearn.linear_model import LogisticRegression, Ridge

    if task.classes is not None:
        model = LogisticRegression(max_iter=LINEAR_ITERATIONS, tol=LINEAR_TOLERANCE)
    else:
        model = Ridge(alpha=1.0)
    with _quiet(threads):
        model.fit(features.linear, answers)
    return lambda inputs: _predict(task, model, inputs, threads)


def _predict(task: Task, model: Any, inputs: FloatArray, threads: int) -> FloatArray:
    """Predicted numbers, shape (n,), or chances of all classes, shape (n, n_classes)."""
    with _quiet(threads):
        if task.classes is None:
            return np.asarray(model.predict(inputs), dtype=np.float64)
        chances = np.zeros((len(inputs), len(task.classes)))
        chances[:, model.classes_.astype(int)] = model.predict_proba(inputs)
        return chances


@contextmanager
def _quiet(threads: int) -> Iterator[None]:
    """Limit the threads, and drop warnings: a linear model that did not converge still has an honest test."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(limits=threads), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
