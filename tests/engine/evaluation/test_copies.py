import numpy as np
import pandas as pd
import pytest

from engine.data.schema import Field, FieldType, TableSchema
from engine.evaluation.context import Claim
from tests.metrics import found, measure
from tests.tables import typed

SCHEMA = TableSchema(
    (
        *(Field(f"x{i}", FieldType.INTEGER, minimum=0, maximum=999) for i in range(3)),
        *(Field(f"g{i}", FieldType.STRING, enum=tuple("abc")) for i in range(2)),
    )
)
CLAIM = Claim(epsilon=1.0, delta=1e-6, rows_per_unit=1)
N_TRAIN, N_HOLDOUT = 800, 200


def rows(n_rows, seed, values=1000):
    """Independent rows; fewer values make more of them equal."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({f"x{i}": rng.integers(0, values, n_rows) for i in range(3)})
    for i in range(2):
        table[f"g{i}"] = rng.choice(list("abc"), n_rows)
    return typed(table, SCHEMA)


def with_copies(synthetic, train, n_copies, seed, changed=None):
    """The synthetic rows with copies of training rows in the place of the first, in one column changed if so asked."""
    copies = train.sample(n_copies, random_state=seed, replace=True).reset_index(drop=True)
    if changed is not None:
        copies[changed] = synthetic[changed].iloc[:n_copies].to_numpy()
        copies = typed(copies, SCHEMA)
    return pd.concat([copies, synthetic.iloc[n_copies:]], ignore_index=True)


def codes(part):
    return [alarm["code"] for alarm in part["alarms"]]


def differences(left, right):
    """In how many columns each row of one table differs from each of the other."""
    return (left.to_numpy(dtype=object)[:, None, :] != right.to_numpy(dtype=object)[None, :, :]).sum(axis=2)


def test_counts_are_those_of_brute_force():
    train, holdout, synthetic = rows(60, 0, 4), rows(60, 1, 4), rows(150, 2, 4)
    part = measure("copies", train, holdout, synthetic, SCHEMA)
    details = part["details"]
    far = [differences(synthetic, real) for real in (train, holdout)]
    exact, near = ([int((table <= most).any(axis=1).sum()) for table in far] for most in (0, 1))
    assert exact[0] > 0
    assert near[0] > exact[0]
    assert details["synthetic_rows_equal_to_a_training_row"] == found(part, "exact")["value"] == exact[0]
    assert details["expected_from_holdout"] == found(part, "exact")["reference"] == exact[1]
    assert (details["near_training"], details["near_holdout"]) == (near[0], near[1])


def test_rare_rows_are_those_that_no_other_real_row_equals():
    train, holdout, synthetic = rows(40, 0, 3), rows(30, 1, 3), rows(150, 2, 3)
    part = measure("copies", train, holdout, synthetic, SCHEMA)
    pool = pd.concat([train, holdout], ignore_index=True)
    once = (differences(pool, pool) == 0).sum(axis=1) == 1
    hit = (differences(pool, synthetic) == 0).any(axis=1)
    expected = {
        "training_hits": (once & hit)[:40].sum(),
        "training_rows": once[:40].sum(),
        "holdout_hits": (once & hit)[40:].sum(),
        "holdout_rows": once[40:].sum(),
    }
    assert part["details"]["rare"] == expected
    assert found(part, "rare")["value"] == pytest.approx(
        expected["training_hits"] / expected["training_rows"], abs=1e-6
    )


def test_copies_are_named():
    train, holdout, synthetic = rows(N_TRAIN, 0), rows(N_HOLDOUT, 1), rows(4000, 2)
    part = measure("copies", train, holdout, with_copies(synthetic, train, 250, 3), SCHEMA, claim=CLAIM)
    assert codes(part) == ["copied_rows"]
    assert measure("copies", train, holdout, synthetic, SCHEMA, claim=CLAIM)["alarms"] == []


def test_copies_with_a_column_changed_are_named():
    train, holdout, synthetic = rows(N_TRAIN, 0), rows(N_HOLDOUT, 1), rows(4000, 2)
    leaked = with_copies(synthetic, train, 250, 3, changed="x0")
    part = measure("copies", train, holdout, leaked, SCHEMA, claim=CLAIM)
    assert codes(part) == ["copied_rows"]
    assert part["details"]["tests"][0]["match"] == "near"
    assert found(part, "near")["value"] > 40
    assert found(part, "exact")["value"] < 5


def test_copies_of_the_holdout_are_no_alarm():
    train, holdout, synthetic = rows(N_HOLDOUT, 0), rows(N_TRAIN, 1), rows(4000, 2)
    leaked = with_copies(synthetic, holdout, 250, 3)
    assert measure("copies", train, holdout, leaked, SCHEMA, claim=CLAIM)["alarms"] == []


@pytest.mark.parametrize("values", [1, 2, 5, 12])
def test_tables_of_few_distinct_rows_raise_no_alarm(values):
    """Copies are unavoidable there, in training rows and rows set aside alike."""
    part = measure("copies", rows(800, 0, values), rows(200, 1, values), rows(2000, 2, values), SCHEMA, claim=CLAIM)
    assert found(part, "exact")["value"] > 0
    assert part["alarms"] == []


def test_chance_raises_no_alarm():
    """Synthetic rows that were drawn without the training rows, on tables where a third of the real rows is hit.

    Each of 4 tests has a p-value below 0.05 in at most 5 % of cases at odds of 1; at the odds of e that ε = 1 allows,
    in far fewer. Of 40 reports none has one below 0.05; the twin that allows no odds has at least one.
    """
    low = twin = 0
    for seed in range(40):
        train, holdout, synthetic = rows(400, 3 * seed, 9), rows(100, 3 * seed + 1, 9), rows(900, 3 * seed + 2, 9)
        for epsilon in (1.0, 1e-9):
            claim = Claim(epsilon, 1e-6, 1)
            tests = measure("copies", train, holdout, synthetic, SCHEMA, claim=claim)["details"]["tests"]
            is_low = min(test["p_value"] for test in tests) < 0.05
            low, twin = low + (is_low and epsilon == 1.0), twin + (is_low and epsilon < 1.0)
    assert low == 0
    assert twin > 0


def test_persons_with_many_rows_need_more_evidence():
    """Copies of one person's rows come together."""
    train, holdout, synthetic = rows(N_TRAIN, 0), rows(N_HOLDOUT, 1), rows(4000, 2)
    leaked = with_copies(synthetic, train, 250, 3)
    p_values = [
        measure("copies", train, holdout, leaked, SCHEMA, claim=Claim(1.0, 1e-6, k))["details"]["tests"][0]["p_value"]
        for k in (1, 2, 10)
    ]
    assert p_values == sorted(p_values)
    assert p_values[0] < 1e-6 < p_values[2]


def test_a_large_epsilon_excuses_copies_only_where_columns_are_measured_together():
    train, holdout, synthetic = rows(N_TRAIN, 0), rows(N_HOLDOUT, 1), rows(4000, 2)
    leaked = with_copies(synthetic, train, 250, 3)
    claim = Claim(30.0, 1e-6, 1)
    assert codes(measure("copies", train, holdout, leaked, SCHEMA, claim=claim)) == ["copied_rows"]
    narrow = TableSchema(SCHEMA.fields[:3])
    tables = [table[list(narrow.names)] for table in (train, holdout, leaked)]
    assert measure("copies", *tables, narrow, claim=claim)["alarms"] == []


def test_without_a_holdout_only_the_count_is_given():
    part = measure("copies", rows(30, 0), None, rows(30, 0), SCHEMA)
    assert found(part, "exact")["value"] == 30
    for name in ("near", "rare"):
        assert "set aside" in found(part, name)["value"]["unavailable"]


def test_a_single_column_has_no_near_copies():
    schema = TableSchema(SCHEMA.fields[:1])
    part = measure("copies", *(rows(n_rows, n_rows)[["x0"]] for n_rows in (50, 30, 40)), schema)
    assert "single column" in found(part, "near")["value"]["unavailable"]
    assert [test["match"] for test in part["details"]["tests"]] == ["exact"]
