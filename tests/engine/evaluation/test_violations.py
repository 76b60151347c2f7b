import numpy as np
import pandas as pd
import pytest

from engine.data.rules import AtMost, Combinations
from engine.data.schema import Field, FieldType, TableSchema
from engine.evaluation.registry import metric_info
from tests.metrics import found, measure
from tests.tables import MARKER, typed

SCHEMA = TableSchema(
    (
        Field("low", FieldType.INTEGER, minimum=0, maximum=10, required=True),
        Field("high", FieldType.INTEGER, minimum=0, maximum=10),
        Field("price", FieldType.NUMBER, minimum=0.0, decimals=2),
        Field("city", FieldType.STRING, enum=("a", "b"), other_value="other"),
        Field("member", FieldType.BOOLEAN),
        Field("day", FieldType.DATE, maximum=pd.Timestamp("2020-12-31").date()),
    ),
    rules=(AtMost("low", "high"), Combinations(("city", "member"), (("a", True), ("b", True), ("b", False)))),
)

SOUND = {
    "low": [0, 5, 10],
    "high": [0, 9, None],
    "price": [0.1, 12.34, None],
    "city": ["a", "other", None],
    "member": [True, None, False],
    "day": [pd.Timestamp("2020-12-31"), None, pd.Timestamp("1900-01-01")],
}


def part_of(**changes):
    sound = typed(pd.DataFrame(SOUND), SCHEMA)
    return measure("violations", sound, None, typed(pd.DataFrame(SOUND | changes), SCHEMA), SCHEMA)


def test_rows_that_keep_everything_raise_nothing():
    part = part_of()
    assert found(part, "rows")["value"] == found(part, "rows")["reference"] == 0.0
    assert part["details"] == {"violations": [], "checks": 12, "rows": 3}
    assert part["alarms"] == []


@pytest.mark.parametrize(
    ("changes", "kind", "columns"),
    [
        ({"low": [0, None, 10]}, "missing", ["low"]),
        ({"high": [0, 11, None]}, "maximum", ["high"]),
        ({"low": [-1, 5, 10]}, "minimum", ["low"]),
        ({"price": [0.1, 12.345, None]}, "decimals", ["price"]),
        ({"price": [0.1, np.inf, None]}, "finite", ["price"]),
        ({"city": ["a", MARKER, None]}, "values", ["city"]),
        ({"day": [pd.Timestamp("2021-01-01"), None, None]}, "maximum", ["day"]),
        ({"high": [0, 4, None]}, "rule", ["low", "high"]),
        ({"city": ["a", "a", None], "member": [True, False, None]}, "rule", ["city", "member"]),
    ],
)
def test_each_broken_part_is_found_alone_and_raises_an_alarm_that_names_the_columns(changes, kind, columns):
    part = part_of(**changes)
    assert [(broken["kind"], broken["columns"], broken["rows"]) for broken in part["details"]["violations"]] == [
        (kind, columns, 1)
    ]
    assert found(part, "rows")["value"] == 1.0
    (alarm,) = part["alarms"]
    assert alarm["code"] == "schema_violations"
    assert all(name in alarm["sentence"] for name in columns)
    assert MARKER not in str(part)


def test_a_row_that_breaks_two_parts_counts_once():
    part = part_of(low=[0, 5, 11], price=[0.1, 12.34, -1.0])
    assert found(part, "rows")["value"] == 1.0
    assert len(part["details"]["violations"]) == 2


def test_numbers_with_as_many_decimals_are_sound_whatever_their_size():
    schema = TableSchema((Field("price", FieldType.NUMBER, decimals=2),))
    prices = np.round(np.random.default_rng(0).uniform(-1e9, 1e9, 20_000), 2)
    table = typed(pd.DataFrame({"price": prices}), schema)
    assert found(measure("violations", table, None, table, schema), "rows")["value"] == 0.0
    broken = typed(pd.DataFrame({"price": prices + 0.001}), schema)
    assert found(measure("violations", table, None, broken, schema), "rows")["value"] == 20_000


def test_a_rule_about_a_column_that_is_not_there_is_passed_over():
    table = typed(pd.DataFrame(SOUND), SCHEMA).drop(columns=["high", "member"])
    assert measure("violations", table, None, table, SCHEMA)["details"]["violations"] == []


def test_it_reads_no_real_row_and_may_be_released():
    assert metric_info("violations").classification == "releasable"
    sound, other = typed(pd.DataFrame(SOUND), SCHEMA), typed(pd.DataFrame(SOUND).iloc[:1], SCHEMA)
    assert measure("violations", sound, sound, sound, SCHEMA) == measure("violations", other, None, sound, SCHEMA)
