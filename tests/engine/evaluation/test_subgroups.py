import numpy as np
import pandas as pd
import pytest

from engine.data.schema import Field, FieldType, TableSchema
from engine.evaluation.binning import cut_columns
from engine.evaluation.grouping import MOST_COLUMNS, N_STRETCHES, grouping_columns
from tests.metrics import found, measure
from tests.tables import typed

SCHEMA = TableSchema(
    (
        Field("region", FieldType.STRING, enum=("north", "south", "east")),
        Field("sex", FieldType.STRING, enum=("f", "m")),
        Field("age", FieldType.INTEGER, minimum=0, maximum=99),
        Field("smoker", FieldType.BOOLEAN),
    )
)


def people(n_rows, seed):
    """Rows of whom some smoke, and a tenth come from the east."""
    rng = np.random.default_rng(seed)
    return typed(
        pd.DataFrame(
            {
                "region": rng.choice(["north", "south", "east"], n_rows, p=[0.5, 0.4, 0.1]),
                "sex": rng.choice(["f", "m"], n_rows),
                "age": rng.integers(0, 100, n_rows),
                "smoker": rng.random(n_rows) < 0.3,
            }
        ),
        SCHEMA,
    )


def is_eastern_woman(table):
    return (table["region"] == "east") & (table["sex"] == "f")


def test_a_lost_subgroup_is_named():
    synthetic = people(8000, 2)
    synthetic = synthetic[~is_eastern_woman(synthetic)]
    part = measure("subgroups", people(8000, 0), people(2000, 1), synthetic, SCHEMA)
    worst = part["details"]["by_size"][0]
    assert dict(zip(worst["columns"], worst["labels"], strict=True)) == {"region": "east", "sex": "f"}
    assert worst["size_error"] == worst["size_error_compared"] == -1.0
    assert worst["size_interval"][1] < -0.8
    finding = found(part, "size-error")
    assert finding["value"] == 1.0
    assert "region and sex" in finding["sentence"]
    # About 50 subgroups of 50 rows and more: a relative standard error of up to 0.15, the worst of 50 about 0.4.
    assert finding["reference"] < 0.6
    assert set(worst["distance"]) == {"unavailable"}


def test_a_subgroup_that_is_made_up_otherwise_is_named_though_its_size_is_right():
    synthetic = people(8000, 2)
    synthetic.loc[is_eastern_woman(synthetic), "smoker"] = True
    part = measure("subgroups", people(8000, 0), people(4000, 1), synthetic, SCHEMA)
    worst = part["details"]["by_distance"][0]
    assert dict(zip(worst["columns"], worst["labels"], strict=True)) == {"region": "east", "sex": "f"}
    # Seven tenths of them had to begin to smoke; the ages of some 200 women in twenty cells are noise of 0.13.
    assert 0.3 < worst["distance"] < 0.5
    finding = found(part, "inside-distance")
    assert finding["interval"][0] > finding["reference"]


def test_fresh_rows_have_no_subgroup_that_is_farther_off_than_those_of_rows_set_aside():
    part = measure("subgroups", people(8000, 0), people(3000, 1), people(8000, 2), SCHEMA)
    for name in ("size-error", "inside-distance"):
        finding = found(part, name)
        assert finding["value"] < 2 * finding["reference"]
    assert all(group["size_interval"][0] <= 0 <= group["size_interval"][1] for group in part["details"]["by_size"])


def test_sizes_and_distances_are_those_counted_by_hand():
    train, synthetic = people(3000, 0), people(2000, 1)
    groups = measure("subgroups", train, None, synthetic, SCHEMA)["details"]["by_distance"]
    group = next(group for group in groups if set(group["columns"]) <= {"region", "sex", "smoker"})
    inside = []
    for table in (train, synthetic):
        chosen = np.ones(len(table), dtype=bool)
        for name, label in zip(group["columns"], group["labels"], strict=True):
            chosen &= (table[name].astype(str).str.lower() == label).to_numpy(dtype=bool)
        inside.append(table[chosen])
    assert (group["rows_real"], group["rows_synthetic"]) == tuple(map(len, inside))
    expected = (len(inside[1]) / 2000 - len(inside[0]) / 3000) / (len(inside[0]) / 3000)
    assert group["size_error"] == pytest.approx(expected, abs=1e-5)
    shares = [
        pd.concat(
            [(rows["age"] // 5 if name == "age" else rows[name]).value_counts(normalize=True) for rows in inside],
            axis=1,
        )
        for name in SCHEMA.names
        if name not in group["columns"]
    ]
    distances = [0.5 * (pair.fillna(0).iloc[:, 0] - pair.fillna(0).iloc[:, 1]).abs().sum() for pair in shares]
    assert group["distance"] == pytest.approx(np.mean(distances), abs=1e-5)


def test_a_number_line_is_put_together_into_stretches_of_like_size():
    table = people(5000, 0)
    cells = cut_columns(SCHEMA.fields, {"train": table})
    (_, ages) = next(item for item in grouping_columns(SCHEMA.fields, cells, None) if item[1].name == "age")
    assert len(ages.labels) == N_STRETCHES
    assert ages.labels[0].startswith("0 – ") and ages.labels[-1].endswith(" – 99")
    counts = ages.counts("train")
    assert counts[-1] == 0
    assert counts[:-1] == pytest.approx(1000, rel=0.1)
    first, last = (int(end) for end in ages.labels[1].split(" – "))
    assert (counts[1] == table["age"].between(first, last).sum()).all()


def test_of_many_columns_the_target_and_those_with_few_cells_make_subgroups():
    fields = [Field(f"c{i}", FieldType.STRING, enum=tuple("abcdefgh"[: 2 + i % 6])) for i in range(20)]
    table = pd.DataFrame({field.name: pd.array(["a"] * 10, dtype="string") for field in fields})
    chosen = grouping_columns(fields, cut_columns(fields, {"train": table}), "c17")
    names = [column.name for _, column in chosen]
    assert len(names) == MOST_COLUMNS
    assert {"c17", "c0", "c6", "c12", "c18"} <= set(names)
    assert [int(name[1:]) for name in names] == [place for place, _ in chosen]


def test_tables_without_large_groups_say_so():
    part = measure("subgroups", people(30, 0), None, people(30, 1), SCHEMA)
    assert "no group of rows" in part["unavailable"]
