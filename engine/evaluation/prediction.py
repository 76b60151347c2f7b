"""Models trained on synthetic rows, tested on real rows that nobody trained on.

The same models trained on the real training rows show what the columns can give; saying the same of every row shows
what is had for nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.evaluation.context import Context
from engine.evaluation.features import plan_features
from engine.evaluation.intervals import BOOTSTRAP_REPLICATES, bootstrap_weights, percentile_interval
from engine.evaluation.prediction_importance import importances, rank_correlation_interval
from engine.evaluation.prediction_models import BOOSTING, LINEAR, model_kinds
from engine.evaluation.prediction_scores import scores_of
from engine.evaluation.prediction_task import Task, tasks_for
from engine.evaluation.prediction_trials import (
    REAL,
    SYNTHETIC,
    Resampled,
    TestRows,
    Trials,
    loss_of,
    score_entry,
    train_models,
)
from engine.evaluation.results import (
    Finding,
    Interval,
    MetricResult,
    NotComputableError,
    Score,
    Unavailable,
    mean_score,
    unavailable,
)
from engine.evaluation.tables import draw_rows

TRAININGS, TRAININGS_OF_SEVERAL_TARGETS = 3, 2
MOST_TRAINING_ROWS = 50_000
MOST_TRAINED = 100_000
"""Training rows × outputs of a model; boosting grows one tree per class and round."""

MOST_TEST_ROWS = 20_000
MOST_TESTED = 100_000
"""Test rows × outputs of a model."""

MOST_INPUTS = 20_000_000
"""Numbers in a model's inputs, rows × inputs; a table with many categories is cut to fewer rows."""

FEWEST_TEST_ROWS = 20

NO_HOLDOUT = "no real rows were set aside to test on"
NO_FEATURES = "there is no other column to predict from"
FEW_COLUMNS = "with fewer than five columns a rank correlation has no interval"
SHORT_NAMES = {"auc": "an area under the ROC curve", "r2": "an R²"}

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Headline:
    """The first score of one kind of model, over all targets.

    Args:
        synthetic: of models trained on synthetic rows, or why there is none.
        real: of models trained on real rows.
        baseline: of saying the same of every row.
        loss: what training on synthetic rows costs.
    """

    synthetic: Resampled | Unavailable
    real: Resampled | Unavailable
    baseline: Score
    loss: Resampled | Unavailable


def prediction(context: Context) -> MetricResult:
    """Models trained on synthetic rows beside the same trained on real rows, tested on rows set aside.

    Without a chosen target, up to three columns with few classes are predicted, and the findings are means over them.

    Returns:
        `details` describe the first target: `target`, `chosen` (whether somebody chose it), `task` (`classification` or
        `regression`), `metric` (`auc` or `r2`), `positive` (label of the rarer of two classes, else None),
        `trainings` (per source), `rows` (of a training on `train` and `synthetic`, and of the test on `holdout`),
        `models` and `importances`, of which `engine.evaluation.prediction_importance` says more. `further_targets` has
        the same keys for the other targets.

        Each of `models` has `name`, `trained_on_synthetic`, `trained_on_real`, `baseline` and `loss` for the `metric`,
        with `…_interval` beside the three that have one; `scores`, a list with the same keys for every score, its
        `name` (`auc`, `average_precision`, `f1`, `r2`, `mae`), `title` and `goal`; and with two classes `roc`, curves
        `trained_on_synthetic` and `trained_on_real` over `false_positive_rate`.

    Raises:
        NotComputableError: no rows were set aside, there is nothing to predict or to predict from.
    """
    tables = context.tables
    if tables.holdout is None:
        raise NotComputableError(NO_HOLDOUT)
    if len(tables.fields) < 2:
        raise NotComputableError(NO_FEATURES)
    tasks = tasks_for(tables.fields, context.target, tables.train)
    test = draw_rows(tables.holdout, MOST_TEST_ROWS, context.rng)
    weights = bootstrap_weights(len(test), BOOTSTRAP_REPLICATES, context.rng).astype(np.float64)
    trials, reasons = [], []
    for number, task in enumerate(tasks):
        try:
            trials.append(_try(task, context, test, weights, number / len(tasks), 1 / len(tasks)))
        except NotComputableError as error:
            reasons.append(error)
    if not trials:
        raise reasons[0]
    found = [_details(each, context) for each in trials]
    details = found[0] | {"further_targets": found[1:]}
    findings = [_score_finding(kind, trials) for kind in (BOOSTING, LINEAR)]
    findings += [_loss_finding(kind, trials) for kind in (BOOSTING, LINEAR)]
    return MetricResult((*findings, _importance_finding(found)), details)


def _try(task: Task, context: Context, test: pd.DataFrame, weights: FloatArray, start: float, width: float) -> Trials:
    """Train the models of a task on both sources; raises NotComputableError where the test rows allow no score."""
    tables, rng = context.tables, context.rng
    n_trainings = TRAININGS if context.target is not None else TRAININGS_OF_SEVERAL_TARGETS
    plan = plan_features([field for field in tables.fields if field.name != task.field.name], tables.train)
    test, answers, weights = _test_rows(task, test, weights)
    most = min(MOST_TRAINING_ROWS, MOST_INPUTS // plan.n_linear, MOST_TRAINED // task.n_outputs)
    rows = TestRows(plan.build(test), answers, weights)
    steps = _steps(context, start, width, 2 * n_trainings * len(model_kinds(task)))
    trained, train_answers = {}, np.empty(0)
    for source, table in ((REAL, tables.train), (SYNTHETIC, tables.synthetic)):
        known = task.answers(table)
        has_answer = ~np.isnan(known)
        if source == REAL:
            train_answers = known[has_answer]
        seeds = rng.integers(2**31, size=n_trainings).tolist()
        drawn = (table[has_answer], known[has_answer])
        trained[source] = train_models(task, plan, drawn, most, rows, seeds, context.threads, steps)
    return Trials(task, rows, trained, train_answers)


def _test_rows(task: Task, test: pd.DataFrame, weights: FloatArray) -> tuple[pd.DataFrame, FloatArray, FloatArray]:
    answers = task.answers(test)
    known = np.flatnonzero(~np.isnan(answers))[: MOST_TESTED // task.n_outputs]
    answers, weights = answers[known], weights[:, known]
    if len(answers) < FEWEST_TEST_ROWS:
        raise NotComputableError(f"fewer than {FEWEST_TEST_ROWS} rows with a known target were set aside to test on")
    if len(np.unique(answers)) < 2:
        raise NotComputableError("the target has a single value in the rows set aside")
    has_rows = weights.sum(axis=1) > 0
    return test.iloc[known], answers, weights[has_rows]


def _steps(context: Context, start: float, width: float, n_steps: int) -> Callable[[], None]:
    done = iter(range(1, n_steps + 1))
    return lambda: context.advance(start + width * 0.9 * next(done) / n_steps)


def _details(trials: Trials, context: Context) -> dict[str, Any]:
    task = trials.task
    names = [field.name for field in context.tables.fields if field.name != task.field.name]
    rows = {
        name: trained.rows
        for name, source in (("train", REAL), ("synthetic", SYNTHETIC))
        if not isinstance(trained := trials.trained[source], dict)
    }
    return {
        "target": task.field.name,
        "chosen": context.target is not None,
        "task": "classification" if task.classes is not None else "regression",
        "metric": task.metric,
        "positive": str(task.classes[task.positive]) if task.classes and task.positive is not None else None,
        "trainings": TRAININGS if context.target is not None else TRAININGS_OF_SEVERAL_TARGETS,
        "rows": rows | {"holdout": len(trials.test.answers)},
        "models": [_model_entry(trials, kind.key) for kind in model_kinds(task)],
        "importances": importances(trials, names, context.rng),
    }


def _model_entry(trials: Trials, key: str) -> dict[str, Any]:
    kind = next(kind for kind in model_kinds(trials.task) if kind.key == key)
    entries = [score_entry(trials, info, kind) for info in scores_of(trials.task)]
    first = {name: value for name, value in entries[0].items() if name not in ("name", "title", "goal")}
    roc = trials.roc(key)
    return {"name": kind.title} | first | {"scores": entries} | ({} if roc is None else {"roc": roc})


def _headline(kind: str, trials: list[Trials]) -> Headline:
    """Means over the targets that both sources could be trained for; else what the first one lacks."""
    found = []
    for each in trials:
        info = scores_of(each.task)[0]
        synthetic, real = (each.resampled(info, kind, source) for source in (SYNTHETIC, REAL))
        found.append(Headline(synthetic, real, each.baseline(info), loss_of(synthetic, real, info)))
    whole = [each for each in found if isinstance(each.loss, Resampled)]
    if not whole:
        return found[0]
    return Headline(
        _mean([each.synthetic for each in whole]),
        _mean([each.real for each in whole]),
        mean_score([each.baseline for each in whole], "the rows set aside do not allow this score"),
        _mean([each.loss for each in whole]),
    )


def _mean(results: list[Resampled | Unavailable]) -> Resampled:
    known = [result for result in results if isinstance(result, Resampled)]
    n_resamples = min(len(result.resamples) for result in known)
    resamples = np.mean([result.resamples[:n_resamples] for result in known], axis=0)
    return Resampled(float(np.mean([result.value for result in known])), resamples)


def _score_finding(kind: str, trials: list[Trials]) -> Finding:
    found, title = _headline(kind, trials), _title(kind, trials)
    reference = found.real if isinstance(found.real, dict) else found.real.value
    if isinstance(found.synthetic, dict):
        sentence = f"{title} could not be trained on synthetic rows."
        return Finding(kind, found.synthetic, found.synthetic, reference, sentence)
    words = SHORT_NAMES[trials[0].task.metric]
    sentence = (
        f"{title} trained on synthetic rows reaches {words} of {found.synthetic.value:.3f} on real rows set aside"
    )
    if isinstance(found.real, Resampled):
        sentence += f"; trained on real rows, it reaches {found.real.value:.3f}"
    return Finding(kind, found.synthetic.value, _interval(found.synthetic), reference, f"{sentence}{_over(trials)}.")


def _loss_finding(kind: str, trials: list[Trials]) -> Finding:
    found, title, name = _headline(kind, trials), _title(kind, trials), f"{kind}-loss"
    at_most: Score = unavailable("no model could be trained on real rows")
    if isinstance(found.real, dict):
        at_most = found.real
    elif not isinstance(found.baseline, dict):
        at_most = found.real.value - found.baseline
    if isinstance(found.loss, dict):
        return Finding(name, found.loss, found.loss, at_most, f"{title} could not be trained on both kinds of rows.")
    words = SHORT_NAMES[trials[0].task.metric].split(" ", 1)[1]
    change, where = ("takes", "off") if found.loss.value >= 0 else ("adds", "to")
    sentence = (
        f"Training on synthetic rows instead of real ones {change} {abs(found.loss.value):.3f} {where} the {words} of "
        f"{title[0].lower()}{title[1:]}"
    )
    if not isinstance(at_most, dict):
        sentence += f"; a model that had learned nothing would lose {at_most:.3f}"
    return Finding(name, found.loss.value, _interval(found.loss), at_most, f"{sentence}{_over(trials)}.")


def _importance_finding(found: list[dict[str, Any]]) -> Finding:
    parts = [each["importances"] for each in found if "columns" in each["importances"]]
    if not parts:
        reason = found[0]["importances"]
        return Finding("importance", reason, reason, reason, "The columns' importances could not be compared.")
    value = mean_score((part["rank_correlation"] for part in parts), "the models rely on no column")
    ceiling = mean_score((part["ceiling"] for part in parts), "the models rely on no column")
    if isinstance(value, dict):
        return Finding("importance", value, value, ceiling, "The columns' importances have no order to compare.")
    interval = rank_correlation_interval(value, len(parts[0]["columns"]))
    sentence = (
        "The columns that matter to a model trained on synthetic rows and to one trained on real rows have a rank "
        f"correlation of {value:.2f}; 1 is the same order"
    )
    return Finding("importance", value, interval or unavailable(FEW_COLUMNS), ceiling, f"{sentence}.")


def _interval(result: Resampled) -> Interval:
    return percentile_interval(result.resamples) or unavailable("no resample of the test rows allows this score")


def _title(kind: str, trials: list[Trials]) -> str:
    titles = {each.key: each.title for each in model_kinds(trials[0].task)}
    return titles[kind]


def _over(trials: list[Trials]) -> str:
    return "" if len(trials) == 1 else f" (means over {len(trials)} columns that were predicted in turn)"
