"""Detection: whether a classifier tells synthetic rows from real ones, and by which columns.

The chance of being synthetic that a classifier gives a row is its propensity. Where both tables look alike, it is one
half for every row, and the area under the ROC curve is one half too. A holdout in place of the synthetic rows shows
what a classifier of this kind makes of rows that are real.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.data.schema import Field
from engine.evaluation.context import Context
from engine.evaluation.distances import NO_HOLDOUT
from engine.evaluation.features import Features, plan_features
from engine.evaluation.intervals import normal_interval
from engine.evaluation.ranking import area_and_variance
from engine.evaluation.results import DECIMALS, Finding, MetricResult, NotComputableError, Score, unavailable
from engine.evaluation.tables import draw_rows

MOST_ROWS = 10_000
"""Rows of each kind that classifiers see."""

MOST_INPUTS = 10_000_000
"""Numbers in a model's inputs, rows × inputs; a table with many categories is cut to fewer rows."""

FEWEST_ROWS = 20
N_FOLDS = 5
N_BINS = 20
MOST_COLUMNS_NAMED = 5
SMALLEST_LOSS = 0.005
"""A column gives rows away where shuffling it lowers the area by at least as much."""

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Predict = Callable[[Features], FloatArray]
Fit = Callable[[Features, FloatArray], Predict]


@dataclass(frozen=True)
class Detection:
    """How well rows of two kinds are told apart.

    Args:
        areas: area under the ROC curve in each fold, shape (n_folds,).
        variances: variance of each, shape (n_folds,).
        real: propensities of the training rows, shape (n_rows,).
        other: propensities of the other rows, shape (n_rows,).
    """

    areas: FloatArray
    variances: FloatArray
    real: FloatArray
    other: FloatArray

    @property
    def area(self) -> float:
        """Mean area over the folds; one half where the rows look alike, or where a guess is worse than a coin."""
        return max(0.5, float(self.areas.mean()))

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the area for other rows of the same numbers.

        Source: LeDell, Petersen and van der Laan (2015), "Computationally efficient confidence intervals for
        cross-validated area under the ROC curve estimates", Electronic Journal of Statistics 9.
        """
        variance = float(self.variances.sum()) / len(self.variances) ** 2
        low, high = normal_interval(float(self.areas.mean()), variance, 0.0, 1.0)
        return max(0.5, low), max(0.5, high)

    @property
    def propensity_error(self) -> float:
        """Mean squared distance of the propensities from one half, in [0, 1/4]."""
        return float(((np.concatenate([self.real, self.other]) - 0.5) ** 2).mean())

    def histogram(self) -> dict[str, list[float]]:
        """Shares of rows per propensity, of training rows and of the others, in N_BINS equal bins."""
        edges = np.linspace(0.0, 1.0, N_BINS + 1)
        return {
            name: [round(float(share), DECIMALS) for share in np.histogram(rows, edges)[0] / len(rows)]
            for name, rows in (("real", self.real), ("other", self.other))
        }


def detection(context: Context) -> MetricResult:
    """Classifiers that tell synthetic rows from as many training rows, beside the same with rows set aside.

    Details:
        rows: rows of each kind.
        models: `boosting` and `linear`, each with `synthetic` and `holdout` (or why there is none), which have `auc`,
            `interval`, `propensity_error` (mean squared distance from one half) and `histogram` (shares `real` and
            `other` in 20 equal bins of the propensity from 0 to 1).
        propensity_error_ratio: that of the synthetic rows by that of rows set aside, per model, or why there is none.
        columns: every column's `name` and `loss` (how much the boosted trees' area falls where it is shuffled), the
            largest first.
    """
    tables = context.tables
    plan = plan_features(tables.fields, tables.train)
    sizes = [len(table) for table in tables.by_name().values()]
    n_rows = min(MOST_ROWS, MOST_INPUTS // plan.n_linear, *sizes)
    if n_rows < FEWEST_ROWS:
        raise NotComputableError(f"fewer than {FEWEST_ROWS} rows of each kind are there to tell apart")
    rows = {name: plan.build(draw_rows(table, n_rows, context.rng)) for name, table in tables.by_name().items()}
    folds = context.rng.permutation(np.arange(n_rows) % N_FOLDS)
    state = int(context.rng.integers(2**31))
    found: dict[str, dict[str, Detection]] = {}
    losses = np.zeros(len(tables.fields))
    steps = [(model, name) for model in ("boosting", "linear") for name in ("synthetic", "holdout") if name in rows]
    for number, (model, name) in enumerate(steps):
        contest = Contest(rows["train"], rows[name], folds, _models(state)[model], context.threads)
        shuffles = context.rng if (model, name) == ("boosting", "synthetic") else None
        part = functools.partial(_advance, context, number, len(steps))
        found.setdefault(model, {})[name], fallen = contest.run(shuffles, part)
        losses += fallen
    columns = _columns(tables.fields, losses)
    details = {
        "rows": n_rows,
        "models": {model: _model_report(each) for model, each in found.items()},
        "propensity_error_ratio": {model: _error_ratio(each) for model, each in found.items()},
        "columns": columns,
    }
    findings = (
        _finding("auc", "boosted trees", found["boosting"], columns),
        _finding("auc-linear", "logistic regressions", found["linear"], ()),
    )
    return MetricResult(findings, details)


@dataclass(frozen=True)
class Contest:
    """Rows of two kinds, and a classifier that is to tell them apart.

    Args:
        real: training rows.
        other: as many other rows.
        folds: fold of each row, the same for both kinds, so that equal rows at equal places are tested together;
            shape (n_rows,).
        fit: trains the classifier.
        threads: threads it may use.
    """

    real: Features
    other: Features
    folds: IntArray
    fit: Fit
    threads: int

    def run(
        self, shuffles: np.random.Generator | None, advance: Callable[[float], None] = lambda share: None
    ) -> tuple[Detection, FloatArray]:
        """Cross-validate.

        Args:
            shuffles: decides how columns are shuffled to see what each is worth; None to leave that out.
            advance: called with the share of the folds that are done.

        Returns:
            What was found, and by how much the area falls without each column, shape (n_columns,).
        """
        n_columns = self.real.trees.shape[1]
        propensities = np.full((2, len(self.folds)), 0.5)
        areas, variances, losses = [], [], np.zeros(n_columns)
        for fold in range(N_FOLDS):
            test = self.folds == fold
            predict = self._trained(~test)
            kinds = _rows(self.real, test), _rows(self.other, test)
            chances = [predict(kind) for kind in kinds]
            propensities[0][test], propensities[1][test] = chances
            area, variance = area_and_variance(chances[1], chances[0])
            areas.append(area)
            variances.append(variance)
            if shuffles is not None:
                losses += self._losses(predict, kinds, area, shuffles) / N_FOLDS
            advance((fold + 1) / N_FOLDS)
        found = Detection(np.array(areas), np.array(variances), propensities[0], propensities[1])
        return found, losses

    def _trained(self, chosen: npt.NDArray[np.bool_]) -> Predict:
        n_each = int(chosen.sum())
        with quiet(self.threads):
            both = _joined(_rows(self.real, chosen), _rows(self.other, chosen))
            predict = self.fit(both, np.repeat([0.0, 1.0], n_each))

        def limited(features: Features) -> FloatArray:
            with quiet(self.threads):
                return predict(features)

        return limited

    def _losses(
        self, predict: Predict, kinds: tuple[Features, Features], area: float, rng: np.random.Generator
    ) -> FloatArray:
        """How much the area falls where one column is shuffled over the rows of both kinds.

        Source: Breiman (2001), "Random forests", Machine Learning 45, section 10.
        """
        both = _joined(*kinds)
        n_each = len(kinds[0].trees)
        losses = np.zeros(both.trees.shape[1])
        for place in range(len(losses)):
            shuffled = both.trees.copy()
            shuffled[:, place] = rng.permutation(shuffled[:, place])
            chances = predict(Features(shuffled, both.linear, both.categorical))
            losses[place] = area - area_and_variance(chances[n_each:], chances[:n_each])[0]
        return losses


def _advance(context: Context, step: int, n_steps: int, share: float) -> None:
    context.advance((step + share) / n_steps)


def _rows(features: Features, chosen: npt.NDArray[np.bool_]) -> Features:
    return Features(features.trees[chosen], features.linear[chosen], features.categorical)


def _joined(first: Features, second: Features) -> Features:
    return Features(
        np.concatenate([first.trees, second.trees]), np.concatenate([first.linear, second.linear]), first.categorical
    )


def _models(state: int) -> dict[str, Fit]:
    return {"boosting": lambda features, kinds: _fit_trees(features, kinds, state), "linear": _fit_linear}


def _fit_trees(features: Features, kinds: FloatArray, state: int) -> Predict:
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        max_iter=60,
        learning_rate=0.15,
        early_stopping=False,
        categorical_features=features.categorical,
        random_state=state,
    )
    empty = np.isnan(features.trees).all(axis=0)  # scikit-learn cannot bin a column without any value
    model.fit(np.where(empty, 0.0, features.trees), kinds)
    return lambda test: np.asarray(model.predict_proba(test.trees)[:, 1], dtype=np.float64)


def _fit_linear(features: Features, kinds: FloatArray) -> Predict:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=200)
    model.fit(features.linear, kinds)
    return lambda test: np.asarray(model.predict_proba(test.linear)[:, 1], dtype=np.float64)


@contextmanager
def quiet(threads: int) -> Iterator[None]:
    """Limit the threads, and drop warnings: a linear model that did not converge still has an honest test."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(limits=threads), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _model_report(found: dict[str, Detection]) -> dict[str, Any]:
    return {
        name: _detection_report(found[name]) if name in found else unavailable(NO_HOLDOUT)
        for name in ("synthetic", "holdout")
    }


def _detection_report(found: Detection) -> dict[str, Any]:
    return {
        "auc": round(found.area, DECIMALS),
        "interval": [round(end, DECIMALS) for end in found.interval],
        "propensity_error": round(found.propensity_error, DECIMALS),
        "histogram": found.histogram(),
    }


def _error_ratio(found: dict[str, Detection]) -> Score:
    if "holdout" not in found:
        return unavailable(NO_HOLDOUT)
    expected = found["holdout"].propensity_error
    if expected < 1e-9:
        return unavailable("the propensities of the rows set aside are one half for every row")
    return round(found["synthetic"].propensity_error / expected, DECIMALS)


def _columns(fields: Sequence[Field], losses: FloatArray) -> list[dict[str, Any]]:
    order = np.argsort(-losses, kind="stable")
    return [{"name": fields[place].name, "loss": round(float(losses[place]), DECIMALS)} for place in order]


def _finding(measure: str, name: str, found: dict[str, Detection], columns: Sequence[dict[str, Any]]) -> Finding:
    value = found["synthetic"].area
    sentence = f"Of a synthetic and a real row, {name} pick the synthetic one in {100 * value:.0f} % (a coin: 50 %)"
    reference: Score = unavailable(NO_HOLDOUT)
    if "holdout" in found:
        reference = found["holdout"].area
        sentence += f"; with a real row set aside in its place, they pick that in {100 * reference:.0f} %"
    named = [column["name"] for column in columns[:MOST_COLUMNS_NAMED] if column["loss"] >= SMALLEST_LOSS]
    if named:
        sentence += f". The columns that give them away most: {', '.join(named)}"
    return Finding(measure, value, found["synthetic"].interval, reference, f"{sentence}.")
