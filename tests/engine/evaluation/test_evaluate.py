import json
import subprocess
import sys

import pytest

from engine.data.schema import Field, FieldType, TableSchema, Treatment
from engine.errors import CancelledError, InputError
from engine.evaluation.evaluate import evaluate
from engine.evaluation.registry import list_metrics
from tests.tables import MARKER, SMALL_SCHEMA, small_table


def test_the_report_of_a_small_table_has_every_metric():
    report = evaluate(small_table(400, 0), small_table(100, 1), small_table(300, 2), SMALL_SCHEMA, target="smoker")
    assert (report["report_version"], report["classification"]) == (2, "internal")
    tables = report["tables"]
    assert (tables["train_rows"], tables["holdout_rows"], tables["synthetic_rows"]) == (400, 100, 300)
    assert tables["columns"] == list(SMALL_SCHEMA.names)
    assert list(report["metrics"]) == [info.name for info in list_metrics()]
    json.dumps(report, allow_nan=False)


def test_an_unknown_metric_is_refused_with_the_names_of_all():
    with pytest.raises(InputError, match=r"there is no metric 'luck'.*closest-record"):
        evaluate(small_table(5), None, small_table(5), SMALL_SCHEMA, only=["luck"])


def test_a_further_metric_changes_no_other_number():
    tables = small_table(300, 0), small_table(80, 1), small_table(250, 2)
    alone = evaluate(*tables, SMALL_SCHEMA, only=["closest-record"])
    both = evaluate(*tables, SMALL_SCHEMA, only=["copies", "closest-record"])
    assert both["metrics"]["closest-record"] == alone["metrics"]["closest-record"]


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
    assert report["tables"]["columns"] == list(SMALL_SCHEMA.names)
    assert MARKER not in json.dumps(report)


def test_an_empty_holdout_is_no_holdout():
    report = evaluate(
        small_table(60, 0), small_table(60, 0).iloc[:0], small_table(60, 1), SMALL_SCHEMA, only=["marginals"]
    )
    assert report["tables"]["holdout_rows"] == 0
    assert set(report["metrics"]["marginals"]["findings"][0]["reference"]) == {"unavailable"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"train": small_table(5).iloc[:0]}, "training table has no rows"),
        ({"synthetic": small_table(5).iloc[:0]}, "synthetic table has no rows"),
        ({"train": small_table(5).drop(columns="age")}, "training table lacks the column 'age'"),
        ({"holdout": small_table(5).drop(columns="cost")}, "holdout table lacks the column 'cost'"),
        ({"synthetic": small_table(5)[[]]}, "none of the schema's synthesized columns"),
        ({"synthetic": small_table(5).assign(age=MARKER)}, "synthetic table's column 'age' has values of another type"),
        ({"target": "nothing"}, "target 'nothing'"),
    ],
)
def test_tables_that_do_not_fit_are_refused_with_the_reason(change, words):
    arguments = {"train": small_table(5), "holdout": small_table(5), "synthetic": small_table(5), "target": None}
    arguments |= change
    with pytest.raises(InputError, match=words) as refused:
        evaluate(schema=SMALL_SCHEMA, **arguments)
    assert MARKER not in str(refused.value)


def test_progress_is_told_and_may_stop_the_work():
    seen = []

    def stop_at_the_second(event):
        seen.append(event)
        if len(seen) == 2:
            raise CancelledError("stopped")

    names = ["marginals", "copies"]
    with pytest.raises(CancelledError):
        evaluate(small_table(30), None, small_table(30, 1), SMALL_SCHEMA, progress=stop_at_the_second, only=names)
    assert [event.stage for event in seen] == ["evaluating", "evaluating"]
    assert 0.0 == seen[0].fraction < seen[1].fraction < 1.0


def test_importing_the_module_loads_no_heavy_library():
    code = (
        "import sys, engine.evaluation.evaluate\n"
        "print(sorted({'torch', 'sklearn', 'sdmetrics', 'scipy', 'plotly'} & sys.modules.keys()))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
