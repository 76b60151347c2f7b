import numpy as np
import pandas as pd
import pytest

from engine.data.schema import Field, FieldType, TableSchema
from engine.evaluation.context import Claim
from tests.metrics import found, measure
from tests.tables import typed

SCHEMA = TableSchema(
    (
        *(Field(f"x{i}", FieldType.NUMBER, minimum=0.0, maximum=1.0) for i in range(3)),
        Field("place", FieldType.STRING, enum=tuple("abcd")),
    )
)
CLAIM = Claim(epsilon=1.0, delta=1e-6, rows_per_unit=1)


def rows(n_rows, seed):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({f"x{i}": rng.random(n_rows) for i in range(3)})
    table["place"] = rng.choice(list("abcd"), n_rows)
    return typed(table, SCHEMA)


def jittered(table, size, seed):
    """Rows near the given ones."""
    rng = np.random.default_rng(seed)
    moved = {f"x{i}": (table[f"x{i}"] + rng.normal(0, size, len(table))).clip(0, 1) for i in range(3)}
    return typed(table.assign(**moved), SCHEMA)


def attack(synthetic, train, holdout, claim=CLAIM, **options):
    return measure("membership", train, holdout, synthetic, SCHEMA, claim=claim, **options)


def test_copies_of_training_rows_give_their_rows_away():
    train, holdout = rows(1000, 0), rows(800, 1)
    part = attack(train, train, holdout)
    assert found(part, "auc")["value"] > 0.99
    assert found(part, "true-positives-at-1-percent")["value"] == 1.0
    assert found(part, "advantage")["interval"][0] > 0.9
    assert found(part, "epsilon")["value"] > 2.0
    assert [alarm["code"] for alarm in part["alarms"]] == ["epsilon_exceeded"]


def test_rows_near_training_rows_give_them_away_too():
    train, holdout = rows(1000, 0), rows(800, 1)
    part = attack(jittered(train, 0.01, 2), train, holdout)
    assert found(part, "auc")["interval"][0] > 0.9
    assert [alarm["code"] for alarm in part["alarms"]] == ["epsilon_exceeded"]


def test_fresh_rows_give_nobody_away():
    # A report's interval of 95 % misses one half in 5 % of 30 cases: 1.5, and more than 6 with a chance of 0.002.
    missed = 0
    for seed in range(30):
        part = attack(rows(500, 3 * seed), rows(500, 3 * seed + 1), rows(400, 3 * seed + 2))
        low, high = found(part, "auc")["interval"]
        missed += not low <= 0.5 <= high
        assert found(part, "epsilon")["value"] <= 0.5
        assert part["alarms"] == []
    assert missed <= 6


def test_targets_are_equally_many_and_the_reference_is_disjoint():
    """With copies of the holdout as synthetic rows, both halves of it score high, and members score low."""
    holdout = rows(600, 1)
    part = attack(holdout, rows(2000, 0), holdout)
    assert part["details"]["targets_each"] == part["details"]["reference_rows"] == 300
    assert found(part, "auc")["value"] < 0.01
    assert part["alarms"] == []


def test_the_control_finds_nothing_where_the_attack_finds_all():
    train = rows(1000, 0)
    control = attack(train, train, rows(800, 1))["details"]["control"]
    assert control["auc_interval"][0] <= 0.5 <= control["auc_interval"][1]


def test_the_stated_epsilon_decides_on_the_alarm():
    train, holdout = rows(1000, 0), rows(800, 1)
    assert attack(train, train, holdout, Claim(10.0, 1e-6, 1))["alarms"] == []
    without = attack(train, train, holdout, None)
    assert without["alarms"] == []
    assert found(without, "epsilon")["value"] > 2.0
    assert "no ε" in found(without, "epsilon")["reference"]["unavailable"]


def test_rows_of_persons_prove_no_epsilon():
    train, holdout = rows(1000, 0), rows(800, 1)
    part = attack(train, train, holdout, Claim(1.0, 1e-6, 3))
    assert "together" in found(part, "epsilon")["value"]["unavailable"]
    assert part["alarms"] == []


@pytest.mark.parametrize(("n_holdout", "reason"), [(None, "set aside"), (39, "fewer than 40")])
def test_too_few_rows_set_aside_are_a_reason(n_holdout, reason):
    holdout = None if n_holdout is None else rows(n_holdout, 1)
    assert reason in attack(rows(50, 2), rows(50, 0), holdout)["unavailable"]


def test_a_rate_that_no_row_can_show_is_a_reason():
    part = attack(rows(300, 2), rows(300, 0), rows(160, 1))
    assert "too few" in found(part, "true-positives-at-1-percent")["value"]["unavailable"]


def test_it_says_that_it_proves_nothing():
    assert "proves nothing" in attack(rows(300, 2), rows(300, 0), rows(160, 1))["details"]["caveat"]
