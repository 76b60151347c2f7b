import numpy as np
import pandas as pd
import pytest

from engine.data.schema import Field, FieldType, TableSchema
from engine.evaluation.closest_record import _quantile_interval
from tests.metrics import found, measure
from tests.tables import typed

SCHEMA = TableSchema(
    (
        *(Field(f"x{i}", FieldType.NUMBER, minimum=0.0, maximum=1.0) for i in range(4)),
        Field("place", FieldType.STRING, enum=tuple("abcdef")),
    )
)


def rows(n_rows, seed):
    """Independent rows of SCHEMA, a tenth of a column missing."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({f"x{i}": rng.random(n_rows) for i in range(4)})
    table["x0"] = table["x0"].where(rng.random(n_rows) > 0.1)
    table["place"] = rng.choice(list("abcdef"), n_rows)
    return typed(table, SCHEMA)


def compare(train, holdout, synthetic):
    """Details of the distances and of the copies."""
    parts = [measure(name, train, holdout, synthetic, SCHEMA) for name in ("closest-record", "copies")]
    return [part.get("details", part) for part in parts]


def test_copies_of_training_rows_are_seen():
    train, holdout = rows(400, 0), rows(400, 1)
    distance, copies = compare(train, holdout, train)
    assert distance["share_closer_to_train"] > 0.99
    assert distance["interval"][0] > 0.9
    assert distance["median_train"] == 0.0
    assert copies["synthetic_rows_equal_to_a_training_row"] == 400
    assert copies["expected_from_holdout"] == 0


def test_copies_of_the_holdout_are_seen_from_the_other_side():
    holdout = rows(400, 1)
    distance, copies = compare(rows(400, 0), holdout, holdout)
    assert distance["interval"][1] < 0.1
    assert copies["expected_from_holdout"] == 400


def test_fresh_rows_are_as_near_to_the_one_as_to_the_other_whatever_the_sizes():
    # 4000 training rows against 500 of the holdout would be nearer in about 8 of 9 cases: the comparison draws
    # 500. A share of 1500 fresh rows has a standard error of 0.013, and the shared real rows add about as much.
    distance, _ = compare(rows(4000, 0), rows(500, 1), rows(1500, 2))
    assert distance["real_rows_each"] == 500
    assert distance["share_closer_to_train"] == pytest.approx(0.5, abs=0.08)
    assert distance["n"] == 1500
    assert distance["quantiles"]["train"] == sorted(distance["quantiles"]["train"])


def test_rows_of_few_distinct_values_tie_and_do_not_count_as_copies_of_either_side():
    train = rows(50, 0).assign(place=pd.array(["a"] * 50, dtype="string"))
    for name in ("x0", "x1", "x2", "x3"):
        train[name] = pd.array([0.5] * 50, dtype="Float64")
    distance, copies = compare(train, train, train)
    assert distance["share_closer_to_train"] == 0.5
    assert copies["synthetic_rows_equal_to_a_training_row"] == copies["expected_from_holdout"] == 50


def gower(left, right):
    """Distances of all pairs of rows of SCHEMA, cell by cell."""
    total = np.zeros((len(left), len(right)))
    for name in SCHEMA.names:
        first, second = (
            table[name].astype(object).where(table[name].notna(), None).tolist() for table in (left, right)
        )
        for i, a in enumerate(first):
            for j, b in enumerate(second):
                is_apart = a is None or b is None or name == "place"
                total[i, j] += float(a != b) if is_apart else abs(a - b)
    return total / len(SCHEMA.names)


def test_distances_and_ratios_are_those_of_brute_force():
    train, holdout, synthetic = rows(25, 0), rows(25, 1), rows(41, 2)
    part = measure("closest-record", train, holdout, synthetic, SCHEMA)
    levels, curves = part["details"]["curves"]["levels"], part["details"]["curves"]
    for name, real in (("train", train), ("holdout", holdout)):
        nearest = np.sort(gower(synthetic, real), axis=1)[:, :2]
        assert curves["distance"][name] == pytest.approx(np.quantile(nearest[:, 0], levels), abs=1e-5)
        assert curves["ratio"][name] == pytest.approx(np.quantile(nearest[:, 0] / nearest[:, 1], levels), abs=1e-4)
        key = "value" if name == "train" else "reference"
        assert found(part, "distance")[key] == pytest.approx(np.sort(nearest[:, 0])[2], abs=1e-5)  # the 3rd of 41


def test_copies_show_in_distances_and_ratios():
    train, holdout = rows(400, 0), rows(400, 1)
    part = measure("closest-record", train, holdout, train, SCHEMA)
    for name in ("distance", "ratio"):
        assert found(part, name)["value"] == 0.0 < found(part, name)["reference"]


def test_equal_real_rows_cling_to_nobody():
    """Where two real rows are equally near, the ratio is one, even at distance 0."""
    train = rows(20, 0)
    twice = pd.concat([train, train], ignore_index=True)
    part = measure("closest-record", twice, twice, train, SCHEMA)
    assert found(part, "ratio")["value"] == 1.0


def test_the_interval_of_a_low_quantile_covers_it():
    # The quantile of a uniform draw is 0.05. Of 400 intervals of at least 95 %, 380 or more cover it; the standard
    # deviation is 4.4. A twin of half the width covers it two thirds of the time.
    rng = np.random.default_rng(0)
    covered = narrow = 0
    for _ in range(400):
        values = rng.random(300)
        low, high = _quantile_interval(values)
        covered += low <= 0.05 <= high
        middle = float(np.quantile(values, 0.05))
        narrow += (middle + low) / 2 <= 0.05 <= (middle + high) / 2
    assert covered >= 366
    assert narrow < 320


def test_one_real_row_has_no_second():
    part = measure("closest-record", rows(1, 0), rows(1, 1), rows(5, 2), SCHEMA)
    assert "second" in found(part, "ratio")["value"]["unavailable"]


def test_without_a_holdout_nothing_is_claimed():
    distance, copies = compare(rows(30, 0), None, rows(30, 1))
    assert "no real rows were set aside" in distance["unavailable"]
    assert set(copies["expected_from_holdout"]) == {"unavailable"}
    assert copies["synthetic_rows_equal_to_a_training_row"] == 0


def test_the_section_says_that_it_proves_nothing():
    distance, _ = compare(rows(30, 0), rows(30, 1), rows(30, 2))
    assert "proves nothing" in distance["caveat"]
