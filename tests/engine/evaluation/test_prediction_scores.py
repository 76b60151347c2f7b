"""Scores agree with scikit-learn for every set of weights."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, mean_absolute_error, r2_score, roc_auc_score
from sklearn.metrics import roc_curve as reference_curve

from engine.data.schema import Field, FieldType
from engine.evaluation.prediction_scores import (
    roc_curve,
    weighted_auc,
    weighted_average_precision,
    weighted_f1,
    weighted_mae,
    weighted_r2,
    weighted_score,
)
from engine.evaluation.prediction_task import Task

LABEL = Field("label", FieldType.STRING)
TWO, THREE = Task(LABEL, ("a", "b"), positive=1), Task(LABEL, ("a", "b", "c"))


def ranked(seed=0):
    """Answers of two classes, scores with many ties, and three sets of weights."""
    rng = np.random.default_rng(seed)
    answers = (rng.random(300) < 0.4).astype(float)
    return answers, np.round(answers + rng.normal(size=300), 1), rng.integers(0, 4, (3, 300)).astype(float)


def test_auc():
    answers, scores, weights = ranked()
    expected = [roc_auc_score(answers, scores, sample_weight=row) for row in weights]
    assert weighted_auc(answers, scores, weights) == pytest.approx(expected)


def test_average_precision():
    answers, scores, weights = ranked()
    expected = [average_precision_score(answers, scores, sample_weight=row) for row in weights]
    assert weighted_average_precision(answers, scores, weights) == pytest.approx(expected)


def test_f1():
    answers, scores, weights = ranked()
    expected = [f1_score(answers, scores > 0.5, sample_weight=row) for row in weights]
    assert weighted_f1(answers == 1, scores > 0.5, weights) == pytest.approx(expected)


def test_regression_scores_far_from_zero():
    rng = np.random.default_rng(0)
    answers = 1.7e9 + rng.normal(size=200)
    predictions = answers + 0.3 * rng.normal(size=200)
    weights = rng.integers(1, 4, (2, 200)).astype(float)
    expected = [r2_score(answers, predictions, sample_weight=row) for row in weights]
    assert weighted_r2(answers, predictions, weights) == pytest.approx(expected, abs=1e-6)
    expected = [mean_absolute_error(answers, predictions, sample_weight=row) for row in weights]
    assert weighted_mae(answers, predictions, weights) == pytest.approx(expected)


def test_more_than_two_classes_are_averaged():
    rng = np.random.default_rng(1)
    answers = rng.integers(0, 3, 200)
    chances = rng.dirichlet(np.ones(3), 200) + 0.3 * np.eye(3)[answers]
    weights = rng.integers(1, 4, (2, 200)).astype(float)
    one_hot = np.eye(3)[answers]
    expected = {
        "auc": [roc_auc_score(one_hot, chances, sample_weight=row) for row in weights],
        "average_precision": [average_precision_score(one_hot, chances, sample_weight=row) for row in weights],
        "f1": [f1_score(answers, chances.argmax(axis=1), average="macro", sample_weight=row) for row in weights],
    }
    for name, values in expected.items():
        assert weighted_score(name, THREE, answers.astype(float), chances, weights) == pytest.approx(values), name


def test_of_two_classes_the_positive_one_counts():
    answers, scores, weights = ranked()
    chance = 1 / (1 + np.exp(0.5 - scores))
    chances = np.column_stack([1 - chance, chance])
    for name, function in (("auc", weighted_auc), ("average_precision", weighted_average_precision)):
        assert weighted_score(name, TWO, answers, chances, weights) == pytest.approx(function(answers, scores, weights))
    flipped = Task(LABEL, ("a", "b"), positive=0)
    expected = [f1_score(answers, chance > 0.5, pos_label=0, sample_weight=row) for row in weights]
    assert weighted_score("f1", flipped, answers, chances, weights) == pytest.approx(expected)


def test_a_roc_curve_runs_through_the_corners():
    answers, scores, _ = ranked()
    alarms, hits, _ = reference_curve(answers, scores, drop_intermediate=False)
    rates = np.linspace(0, 1, 37)
    last = np.flatnonzero(np.diff(alarms, append=2.0) > 0)
    assert roc_curve(answers, scores, rates) == pytest.approx(np.interp(rates, alarms[last], hits[last]))


def test_scores_that_the_rows_do_not_allow_are_not_numbers():
    ones = np.ones((1, 4))
    assert np.isnan(weighted_auc(np.ones(4), np.arange(4.0), ones))[0]
    assert np.isnan(weighted_average_precision(np.zeros(4), np.arange(4.0), ones))[0]
    assert np.isnan(weighted_f1(np.zeros(4, bool), np.zeros(4, bool), ones))[0]
    assert np.isnan(weighted_r2(np.full(4, 2.5), np.arange(4.0), ones))[0]


def test_a_class_that_is_never_called_rightly_has_an_f1_of_zero():
    assert weighted_f1(np.array([True, False]), np.array([False, True]), np.ones((1, 2)))[0] == 0.0
