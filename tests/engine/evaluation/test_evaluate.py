import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from engine.data.schema import Field, FieldType, TableSchema, Treatment
from engine.errors import CancelledError, InputError
from engine.evaluation.evaluate import evaluate
from tests.tables import MARKER, SMALL_SCHEMA, small_table, typed


def assert_finite(value, path="report"):
    """Every number is finite, and every missing one says why."""
    if isinstance(value, dict):
        if "unavailable" in value:
            assert isinstance(value["unavailable"], str) and value["unavailable"], path
        for key, part in value.items():
            assert_finite(part, f"{path}.{key}")
    elif isinstance(value, list):
        for index, part in enumerate(value):
            assert_finite(part, f"{path}[{index}]")
    elif isinstance(value, float):
        assert np.isfinite(value), path
    else:
        assert value is not None, path


def test_the_report_of_a_small_table_has_every_section():
    report = evaluate(small_table(400, 0), small_table(100, 1), small_table(300, 2), SMALL_SCHEMA, target="smoker")
    assert (report["report_version"], report["classification"], report["reads_real_rows"]) == (1, "internal", True)
    tables = report["tables"]
    assert (tables["train_rows"], tables["holdout_rows"], tables["synthetic_rows"]) == (400, 100, 300)
    assert [column["name"] for column in report["fidelity"]["columns"]] == list(SMALL_SCHEMA.names)
    assert len(report["fidelity"]["pairs"]) == 6
    assert 0.8 < report["sdmetrics"]["quality"]["score"] <= 1.0
    assert report["sdmetrics"]["diagnostic"]["data_structure"] == 1.0
    assert report["utility"]["target"] == "smoker"
    assert 0.2 < report["privacy"]["distance_to_closest_record"]["share_closer_to_train"] < 0.8
    assert_finite(report)
    json.dumps(report, allow_nan=False)


def test_identical_tables_reach_the_goal_of_every_score():
    train = small_table(300, 0)
    report = evaluate(train, None, train, SMALL_SCHEMA)
    fidelity = report["fidelity"]
    assert fidelity["mean_distance_1way"] == fidelity["mean_distance_2way"] == 0.0
    assert report["sdmetrics"]["quality"]["score"] == 1.0
    assert report["sdmetrics"]["diagnostic"]["score"] == 1.0


def test_the_order_of_rows_changes_nothing():
    tables = [small_table(300, 0), small_table(80, 1), small_table(250, 2)]
    shuffled = [table.sample(frac=1.0, random_state=3) for table in tables]
    report = evaluate(*tables, SMALL_SCHEMA, target="smoker", seed=4)
    assert evaluate(*shuffled, SMALL_SCHEMA, target="smoker", seed=4) == report


@pytest.mark.parametrize("target", [None, "a", "b"])
@pytest.mark.parametrize("n_rows", [1, 2, 40])
def test_constant_missing_and_single_row_columns_give_reasons_or_numbers(n_rows, target):
    schema = TableSchema(
        (
            Field("a", FieldType.NUMBER),
            Field("b", FieldType.STRING),
            Field("c", FieldType.DATE),
            Field("d", FieldType.BOOLEAN),
            Field("e", FieldType.INTEGER),
        )
    )
    table = typed(
        pd.DataFrame(
            {
                "a": [7.0] * n_rows,
                "b": pd.Series([None] * n_rows, dtype="string"),
                "c": pd.Series([pd.NaT] * n_rows, dtype="datetime64[us]"),
                "d": [True] * n_rows,
                "e": range(n_rows),
            }
        ),
        schema,
    )
    report = evaluate(table, table, table, schema, target=target)
    assert_finite(report)
    assert set(report["utility"]) == {"unavailable"}


def test_dropped_faked_and_absent_columns_are_not_compared():
    schema = TableSchema(
        (
            *SMALL_SCHEMA.fields,
            Field("notes", FieldType.STRING, treatment=Treatment.DROP),
            Field("mail", FieldType.STRING, treatment=Treatment.FAKE, fake_provider="email"),
            Field("person", FieldType.STRING),
        )
    )
    real = small_table(60, 0).assign(notes=MARKER, mail=MARKER, person=MARKER)
    synthetic = small_table(60, 1).assign(mail="someone@example.org")
    report = evaluate(real, None, synthetic, schema)
    assert report["tables"]["columns"] == len(SMALL_SCHEMA.fields)
    assert MARKER not in json.dumps(report)


def test_an_empty_holdout_is_no_holdout():
    report = evaluate(small_table(60, 0), small_table(60, 0).iloc[:0], small_table(60, 1), SMALL_SCHEMA)
    assert report["tables"]["holdout_rows"] == 0
    assert set(report["fidelity"]["ceiling_1way"]) == {"unavailable"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"train": small_table(5).iloc[:0]}, "training table has no rows"),
        ({"synthetic": small_table(5).iloc[:0]}, "synthetic table has no rows"),
        ({"train": small_table(5).drop(columns="age")}, "training table lacks the column 'age'"),
        ({"holdout": small_table(5).drop(columns="cost")}, "holdout table lacks the column 'cost'"),
        ({"synthetic": small_table(5)[[]]}, "none of the schema's synthesized columns"),
        ({"target": "nothing"}, "target 'nothing'"),
    ],
)
def test_tables_that_do_not_fit_are_refused_with_the_reason(change, words):
    arguments = {"train": small_table(5), "holdout": small_table(5), "synthetic": small_table(5), "target": None}
    arguments |= change
    with pytest.raises(InputError, match=words):
        evaluate(schema=SMALL_SCHEMA, **arguments)


def test_progress_is_told_and_may_stop_the_work():
    seen = []

    def stop_at_the_second(event):
        seen.append(event)
        if len(seen) == 2:
            raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        evaluate(small_table(30), None, small_table(30, 1), SMALL_SCHEMA, progress=stop_at_the_second)
    assert [(event.stage, event.fraction) for event in seen] == [("evaluating", 0.0), ("evaluating", 0.25)]


def test_importing_the_module_loads_no_heavy_library():
    code = (
        "import sys, engine.evaluation.evaluate\n"
        "print(sorted({'torch', 'sklearn', 'sdmetrics', 'scipy', 'plotly'} & sys.modules.keys()))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
