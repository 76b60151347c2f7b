import numpy as np
import pandas as pd

from engine.data.schema import Field, FieldType, TableSchema
from engine.evaluation.sdmetrics_scores import MOST_COLUMNS
from tests.metrics import found, measure
from tests.tables import SMALL_SCHEMA, small_table, typed


def scores(train, synthetic, schema=SMALL_SCHEMA):
    part = measure("sdmetrics", train, None, synthetic, schema)
    return part.get("details", part)


def test_values_outside_the_real_range_lower_the_diagnostic_score():
    train = small_table(200, 0)
    broken = train.assign(age=train["age"] + 500)
    assert scores(train, train)["diagnostic"]["data_validity"] == 1.0
    assert scores(train, broken)["diagnostic"]["data_validity"] < 0.8


def test_another_distribution_lowers_the_quality_score():
    train = small_table(300, 0)
    broken = train.assign(region=pd.array(["east"] * 300, dtype="string"))
    assert scores(train, broken)["quality"]["column_shapes"] < scores(train, train)["quality"]["column_shapes"]


def test_columns_that_do_not_go_together_have_no_pair_score():
    schema = TableSchema((Field("a", FieldType.NUMBER), Field("b", FieldType.NUMBER)))
    rng = np.random.default_rng(0)
    table = typed(pd.DataFrame(rng.random((200, 2)), columns=["a", "b"]), schema)
    quality = scores(table, table, schema)["quality"]
    assert "goes together" in quality["column_pair_trends"]["unavailable"]
    assert quality["score"] == 1.0


def test_a_very_wide_table_is_left_out_with_the_reason():
    names = [f"c{i}" for i in range(MOST_COLUMNS + 1)]
    schema = TableSchema(tuple(Field(name, FieldType.BOOLEAN) for name in names))
    table = typed(pd.DataFrame({name: [True, False] for name in names}), schema)
    assert str(MOST_COLUMNS) in scores(table, table, schema)["unavailable"]


def test_scores_of_rows_set_aside_stand_beside_and_intervals_tell_them_from_broken_ones():
    broken = small_table(900, 2).assign(region=small_table(900, 3)["region"])
    part = measure("sdmetrics", small_table(1500, 0), small_table(900, 1), broken, SMALL_SCHEMA)
    quality = found(part, "quality")
    low, high = quality["interval"]
    assert low < quality["value"] < high < quality["reference"]
    assert part["details"]["rows"] == {"real": 1500, "synthetic": 900, "holdout": 900}
    assert (
        part["details"]["holdout"]["quality"]["column_pair_trends"] > part["details"]["quality"]["column_pair_trends"]
    )


def test_few_rows_have_no_interval_and_say_why():
    quality = found(measure("sdmetrics", small_table(200, 0), None, small_table(100, 1), SMALL_SCHEMA), "quality")
    assert "too few rows" in quality["interval"]["unavailable"]
    assert set(quality["reference"]) == {"unavailable"}
