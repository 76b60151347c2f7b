import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from engine.data.schema import Field, FieldType, TableSchema
from engine.evaluation.evaluate import evaluate
from engine.evaluation.ranking import area_and_variance
from tests.metrics import found, measure
from tests.tables import SMALL_SCHEMA, small_table, typed

PAIR = TableSchema((Field("x", FieldType.NUMBER), Field("y", FieldType.NUMBER)))


def pair(n_rows, seed, dependent=True):
    """Two normal numbers that go together, or each by itself."""
    x, noise = np.random.default_rng(seed).normal(0, 1, (2, n_rows))
    return typed(pd.DataFrame({"x": x, "y": x + 0.3 * noise if dependent else np.sqrt(1.09) * noise}), PAIR)


def test_the_area_agrees_with_scikit_learn_with_ties():
    rng = np.random.default_rng(0)
    low, high = rng.integers(0, 8, 200), rng.integers(2, 10, 150)
    expected = roc_auc_score(np.repeat([0, 1], [200, 150]), np.concatenate([low, high]))
    assert area_and_variance(high, low)[0] == pytest.approx(expected)


def test_the_variance_agrees_with_that_over_samples():
    rng = np.random.default_rng(1)
    areas, variances = np.array([area_and_variance(rng.normal(1, 1, 90), rng.normal(0, 1, 60)) for _ in range(2000)]).T
    # The variance of 2,000 areas has a relative standard error of 3 %; five of them, and twice DeLong's own bias.
    assert variances.mean() == pytest.approx(areas.var(), rel=0.17)
    assert (variances / 2).mean() != pytest.approx(areas.var(), rel=0.17)


def test_fresh_rows_are_not_told_apart():
    part = measure("detection", small_table(3000, 0), small_table(800, 1), small_table(2000, 2), SMALL_SCHEMA)
    for name in ("auc", "auc-linear"):
        finding = found(part, name)
        # 800 rows of each kind: a standard error of 0.0144 for a coin, five of them.
        assert finding["value"] < 0.572
        assert finding["interval"][0] == 0.5
        assert finding["reference"] < 0.572
    assert part["details"]["rows"] == 800


def test_a_shifted_column_gives_the_rows_away_by_name():
    synthetic = small_table(2000, 2)
    synthetic["age"] = synthetic["age"] + 25
    part = measure("detection", small_table(3000, 0), small_table(800, 1), synthetic, SMALL_SCHEMA)
    assert found(part, "auc")["value"] > 0.8
    assert found(part, "auc")["interval"][0] > 0.75
    assert part["details"]["columns"][0]["name"] == "age"
    assert "age" in found(part, "auc")["sentence"]
    assert "cost" not in found(part, "auc")["sentence"]
    assert part["details"]["propensity_error_ratio"]["boosting"] > 3


def test_a_lost_dependence_is_seen_by_trees_where_a_linear_model_is_blind():
    part = measure("detection", pair(2000, 0), pair(600, 1), pair(2000, 2, dependent=False), PAIR)
    assert found(part, "auc")["value"] > 0.75
    assert found(part, "auc-linear")["value"] < 0.6


def test_histograms_hold_all_rows():
    models = measure("detection", small_table(300, 0), small_table(100, 1), small_table(200, 2), SMALL_SCHEMA)[
        "details"
    ]
    for model in models["models"].values():
        for kind in ("synthetic", "holdout"):
            assert len(model[kind]["histogram"]["real"]) == 20
            assert sum(model[kind]["histogram"]["other"]) == pytest.approx(1.0, abs=1e-4)


def test_too_few_rows_say_so():
    part = measure("detection", small_table(300, 0), None, small_table(12, 1), SMALL_SCHEMA)
    assert "fewer than 20" in part["unavailable"]


def test_it_tells_how_far_it_is_after_every_fold():
    shares = []
    tables = small_table(300, 0), small_table(100, 1), small_table(200, 2)
    evaluate(*tables, SMALL_SCHEMA, only=["detection"], progress=lambda event: shares.append(event.fraction))
    # Two models, two contests each, of five folds.
    assert len(shares) >= 20
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
