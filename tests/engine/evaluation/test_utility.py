import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import r2_score, roc_auc_score

from engine.data.schema import Field, FieldType, TableSchema
from engine.evaluation.utility import MOST_CLASSES, weighted_auc, weighted_r2
from tests.metrics import measure
from tests.tables import typed

SCHEMA = TableSchema(
    (
        Field("x", FieldType.NUMBER),
        Field("colour", FieldType.STRING, enum=("red", "blue")),
        Field("label", FieldType.STRING, enum=("no", "yes")),
        Field("grade", FieldType.STRING, enum=("low", "middle", "high")),
        Field("amount", FieldType.NUMBER),
        Field("count", FieldType.INTEGER),
    )
)


def rows(n_rows, seed):
    """Rows of SCHEMA in which every target follows `x`, with noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n_rows)
    signal = x + 0.5 * rng.normal(size=n_rows)
    table = pd.DataFrame(
        {
            "x": np.where(rng.random(n_rows) < 0.05, np.nan, x),
            "colour": np.where(rng.random(n_rows) < 0.5, "red", "blue"),
            "label": np.where(signal > 0, "yes", "no"),
            "grade": np.select([signal < -0.5, signal > 0.5], ["low", "high"], "middle"),
            "amount": 100 + 10 * signal,
            "count": (signal > 0.3).astype(int),
        }
    )
    return typed(table, SCHEMA)


def shuffled(table, column):
    """The table with one column torn from the others."""
    broken = table.copy()
    broken[column] = np.random.default_rng(9).permutation(table[column])
    return typed(broken, SCHEMA)


def use(train, holdout, synthetic, target, schema=SCHEMA):
    """The utility section, where only `x` and `colour` are there to predict from."""
    schema = TableSchema(tuple(f for f in schema.fields if f.name in ("x", "colour", target) or target is None))
    part = measure("prediction", train, holdout, synthetic, schema, target=target)
    return part.get("details", part)


def test_weighted_auc_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    answers = (rng.random(300) < 0.4).astype(float)
    scores = np.round(answers + rng.normal(size=300), 1)  # many ties
    weights = rng.integers(0, 4, (3, 300)).astype(float)
    ours = weighted_auc(answers, scores, weights)
    assert ours == pytest.approx([roc_auc_score(answers, scores, sample_weight=row) for row in weights])


def test_weighted_r2_agrees_with_scikit_learn_far_from_zero():
    rng = np.random.default_rng(0)
    answers = 1.7e9 + rng.normal(size=200)
    predictions = answers + 0.3 * rng.normal(size=200)
    weights = rng.integers(1, 4, (2, 200)).astype(float)
    expected = [r2_score(answers, predictions, sample_weight=row) for row in weights]
    assert weighted_r2(answers, predictions, weights) == pytest.approx(expected, abs=1e-6)


def test_scores_without_two_classes_or_without_variance_are_not_numbers():
    assert np.isnan(weighted_auc(np.ones(4), np.arange(4.0), np.ones((1, 4))))[0]
    assert np.isnan(weighted_r2(np.full(4, 2.5), np.arange(4.0), np.ones((1, 4))))[0]


@pytest.mark.parametrize(
    ("target", "task", "least", "baseline"),
    [
        ("label", "classification", 0.8, 0.5),
        ("grade", "classification", 0.8, 0.5),
        ("count", "classification", 0.8, 0.5),
        ("amount", "regression", 0.6, 0.0),
    ],
)
def test_fresh_rows_train_as_good_a_model_as_real_ones(target, task, least, baseline):
    section = use(rows(1500, 0), rows(800, 1), rows(1500, 2), target)
    assert section["task"] == task
    assert section["metric"] == ("auc" if task == "classification" else "r2")
    for model in section["models"]:
        assert model["trained_on_real"] > least
        assert model["trained_on_synthetic"] == pytest.approx(model["trained_on_real"], abs=0.05)
        low, high = model["trained_on_synthetic_interval"]
        assert low < model["trained_on_synthetic"] < high
        assert model["baseline"] == pytest.approx(baseline, abs=0.02)


def test_a_target_torn_from_the_other_columns_is_predicted_no_better_than_the_baseline():
    # Trees fitted to noise have an AUC of 0.5 with a standard deviation of 0.04 over shuffles, measured; allow
    # four. A slope fitted to noise may point either way, so the linear model is judged by its R² alone.
    train = rows(1500, 0)
    trees = use(train, rows(800, 1), shuffled(train, "label"), "label")["models"][0]
    assert abs(trees["trained_on_synthetic"] - 0.5) < 0.16
    assert trees["trained_on_real"] > 0.8
    for model in use(train, rows(800, 1), shuffled(train, "amount"), "amount")["models"]:
        assert model["trained_on_synthetic"] < 0.05


def test_a_class_that_the_synthetic_rows_lack_is_no_error():
    synthetic = rows(600, 2)
    section = use(rows(600, 0), rows(400, 1), synthetic[synthetic["grade"] != "high"], "grade")
    for model in section["models"]:
        assert 0.5 < model["trained_on_synthetic"] < model["trained_on_real"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"target": None}, "no target"),
        ({"holdout": None}, "set aside"),
        ({"holdout": rows(19, 1)}, "fewer than 20"),
        ({"holdout": rows(400, 1).assign(label=pd.array(["no"] * 400, dtype="string"))}, "single value"),
        ({"train": rows(400, 1).assign(label=pd.array(["no"] * 400, dtype="string"))}, "single value"),
        ({"train": rows(400, 1).assign(label=pd.array([None] * 400, dtype="string"))}, "single value"),
    ],
)
def test_what_cannot_be_tested_says_why(change, words):
    arguments = {"train": rows(400, 0), "holdout": rows(400, 1), "synthetic": rows(400, 2), "target": "label"} | change
    section = use(**arguments)
    assert words in section["unavailable"]


def test_synthetic_rows_with_one_value_of_the_target_leave_the_real_model_standing():
    synthetic = rows(400, 2).assign(label=pd.array(["no"] * 400, dtype="string"))
    for model in use(rows(400, 0), rows(400, 1), synthetic, "label")["models"]:
        assert set(model["trained_on_synthetic"]) == {"unavailable"}
        assert model["trained_on_real"] > 0.8


def test_a_target_with_too_many_categories_is_refused_with_the_limit():
    schema = TableSchema((Field("x", FieldType.NUMBER), Field("place", FieldType.STRING)))
    table = typed(pd.DataFrame({"x": range(200), "place": [f"p{i % 50}" for i in range(200)]}), schema)
    assert f"at most {MOST_CLASSES}" in use(table, table, table, "place", schema)["unavailable"]


def test_a_single_column_has_nothing_to_be_predicted_from():
    schema = TableSchema((Field("x", FieldType.NUMBER),))
    table = typed(pd.DataFrame({"x": range(50)}), schema)
    assert "no other column" in use(table, table, table, "x", schema)["unavailable"]
