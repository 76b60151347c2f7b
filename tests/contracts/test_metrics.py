"""What every metric and attack of the registry keeps to."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from engine.data.schema import Field, FieldType, TableSchema
from engine.errors import CancelledError
from engine.evaluation.context import Claim
from engine.evaluation.evaluate import evaluate
from engine.evaluation.metric import Goal
from engine.evaluation.registry import list_metrics, metric_info
from tests.metrics import measure
from tests.tables import MARKER, SMALL_SCHEMA, small_table, typed

METRICS = [info.name for info in list_metrics()]
CLAIM = Claim(epsilon=1.0, delta=1e-6, rows_per_unit=1)

ODD_SCHEMA = TableSchema(
    (
        Field("a", FieldType.NUMBER),
        Field("b", FieldType.STRING),
        Field("c", FieldType.DATE),
        Field("d", FieldType.BOOLEAN),
        Field("e", FieldType.INTEGER),
    )
)


def odd_table(n_rows):
    """Constant, wholly missing and counting columns."""
    return typed(
        pd.DataFrame(
            {
                "a": [7.0] * n_rows,
                "b": pd.Series([None] * n_rows, dtype="string"),
                "c": pd.Series([pd.NaT] * n_rows, dtype="datetime64[us]"),
                "d": [True] * n_rows,
                "e": range(n_rows),
            }
        ),
        ODD_SCHEMA,
    )


def assert_sound(name, part):
    """Every number is finite and in its range, and what is missing says why."""
    json.dumps(part, allow_nan=False)
    if "unavailable" in part:
        assert part["unavailable"]
        return
    info = metric_info(name)
    assert [finding["measure"] for finding in part["findings"]] == [known.name for known in info.measures]
    for finding in part["findings"]:
        assert finding["sentence"].endswith(".")
        numbers = [finding["value"], finding["reference"]]
        numbers += [finding["interval"]] if isinstance(finding["interval"], dict) else finding["interval"]
        known = info.measure(finding["measure"])
        for number in numbers:
            if isinstance(number, dict):
                assert number["unavailable"]
            else:
                assert known.lowest - 1e-6 <= number <= known.highest + 1e-6, (finding, number)


@pytest.mark.parametrize("name", METRICS)
def test_its_entry_says_what_it_is(name):
    info = metric_info(name)
    assert info.question.endswith("?")
    assert info.cost > 0
    assert info.classification == ("internal" if info.reads_real_rows else "releasable")
    assert all(known.title and known.reference for known in info.measures)


@pytest.mark.parametrize("name", METRICS)
def test_ordinary_tables_give_sound_numbers(name):
    part = measure(
        name,
        *(small_table(400, 0), small_table(150, 1), small_table(300, 2)),
        SMALL_SCHEMA,
        target="smoker",
        claim=CLAIM,
    )
    assert_sound(name, part)
    assert part.get("alarms", []) == []


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("n_rows", [1, 2, 40])
@pytest.mark.parametrize("has_holdout", [False, True])
def test_odd_columns_give_reasons_or_numbers(name, n_rows, has_holdout):
    table = odd_table(n_rows)
    for target in (None, "a", "b", "e"):
        assert_sound(name, measure(name, table, table if has_holdout else None, table, ODD_SCHEMA, target=target))


@pytest.mark.parametrize("name", METRICS)
def test_a_single_column_gives_reasons_or_numbers(name):
    schema = TableSchema((Field("age", FieldType.INTEGER, minimum=0, maximum=99),))
    tables = [small_table(n_rows, n_rows)[["age"]] for n_rows in (120, 60, 90)]
    assert_sound(name, measure(name, *tables, schema, target="age", claim=CLAIM))


@pytest.mark.parametrize("name", METRICS)
def test_synthetic_values_that_no_real_row_has_give_reasons_or_numbers(name):
    schema = TableSchema((Field("group", FieldType.STRING), Field("amount", FieldType.NUMBER)))
    real, other = (
        typed(pd.DataFrame({"group": [letter] * 60, "amount": np.linspace(start, start + 5, 60)}), schema)
        for letter, start in (("a", 0.0), ("z", 1e9))
    )
    assert_sound(name, measure(name, real, real, other, schema, target="group", claim=CLAIM))


@pytest.mark.parametrize("name", METRICS)
def test_the_order_of_rows_changes_nothing(name):
    tables = [small_table(300, 0), small_table(80, 1), small_table(250, 2)]
    shuffled = [table.sample(frac=1.0, random_state=3) for table in tables]
    first, second = (
        measure(name, *each, SMALL_SCHEMA, target="smoker", seed=4, claim=CLAIM) for each in (tables, shuffled)
    )
    assert first == second


@pytest.mark.parametrize("name", [name for name in METRICS if metric_info(name).part == "fidelity"])
def test_identical_tables_reach_the_goal(name):
    """The train table is the synthetic one; measures that need rows set aside may be missing."""
    train = small_table(300, 0)
    part = measure(name, train, None, train, SMALL_SCHEMA, claim=CLAIM)
    for finding in part.get("findings", []):
        known = metric_info(name).measure(finding["measure"])
        if not isinstance(finding["value"], dict) and math.isfinite(known.highest):
            goal = known.lowest if known.goal is Goal.LOW else known.highest
            assert finding["value"] == pytest.approx(goal, abs=1e-6), finding


@pytest.mark.parametrize("name", METRICS)
def test_no_cell_of_a_text_column_is_quoted_in_a_sentence(name):
    schema = TableSchema((*SMALL_SCHEMA.fields, Field("note", FieldType.STRING)))
    tables = [small_table(n_rows, n_rows).assign(note=MARKER) for n_rows in (120, 60, 90)]
    part = measure(name, *(typed(table, schema) for table in tables), schema, target="smoker", claim=CLAIM)
    said = [part.get("unavailable", "")] + [finding["sentence"] for finding in part.get("findings", [])]
    said += [alarm["sentence"] for alarm in part.get("alarms", [])]
    assert MARKER not in " ".join(said)


@pytest.mark.parametrize("name", METRICS)
def test_it_can_be_stopped(name):
    def stop(event):
        raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        evaluate(small_table(30), None, small_table(30, 1), SMALL_SCHEMA, only=[name], progress=stop)
