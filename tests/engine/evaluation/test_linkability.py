import numpy as np
import pandas as pd
import pytest

from engine.data.schema import Field, FieldType, TableSchema
from engine.evaluation import linkability as module
from tests.engine.evaluation.populations import N_ROWS, PEOPLE, leaking, people, tables
from tests.metrics import found, measure
from tests.tables import typed

HALVES = TableSchema((Field("x", FieldType.INTEGER), Field("y", FieldType.INTEGER)))


def attacked(train, holdout, synthetic, seed=0, schema=PEOPLE):
    return measure("linkability", train, holdout, synthetic, schema, seed=seed)


def rows_of(part):
    return {row["neighbours"]: row for row in part["details"]["attacks"]}


def test_links_on_a_small_table_agree_with_brute_force(monkeypatch):
    monkeypatch.setattr(module, "NEIGHBOURS", (1, 3))
    rng = np.random.default_rng(0)

    def table(n_rows):
        # Of a million values hardly two are equally far from a third: ties would be a matter of order.
        values = {name: rng.integers(1_000_000, size=n_rows) for name in ("x", "y")}
        return typed(pd.DataFrame(values), HALVES)

    train, holdout, synthetic = table(30), table(30), table(30)
    rows = rows_of(attacked(train, holdout, synthetic, schema=HALVES))
    for name, targets in (("main", train), ("control", holdout)):
        for k in (1, 3):
            linked = 0
            for _, target in targets.iterrows():
                near = [set((synthetic[c].astype(float) - target[c]).abs().nsmallest(k).index) for c in ("x", "y")]
                linked += bool(near[0] & near[1])
            assert rows[k][name]["successes"] == linked


def test_guessed_links_are_as_frequent_as_shared_draws():
    # Two draws of 10 among 100 share one with chance 1 - C(90, 10) / C(100, 10) = 0.6695; of 1,500 draws the share
    # has a standard error of 0.0121, and four of them are 0.049.
    train, holdout = tables()
    rows = rows_of(attacked(train, holdout, people(100, 5)))
    assert rows[10]["baseline"]["rate"] == pytest.approx(0.6695, abs=0.049)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_table_that_copies_a_tenth_of_the_training_rows_has_a_risk(seed):
    train, holdout = tables(seed)
    finding = found(attacked(train, holdout, leaking(train, 0.1, 100 + seed), seed), "risk")
    assert finding["interval"][0] > 0.02


@pytest.mark.parametrize("seed", [0, 1])
def test_a_table_that_copies_rows_never_trained_on_has_none(seed):
    train, holdout = tables(seed)
    part = attacked(train, holdout, leaking(holdout, 0.1, 100 + seed), seed)
    assert found(part, "risk")["interval"][0] == 0.0
    assert part["alarms"] == []


def test_a_fresh_table_has_no_risk():
    # Of ten intervals each lies above 0 by chance in one of forty: 4 and more have a chance of 7e-5.
    above = 0
    for seed in range(10):
        train, holdout = tables(seed)
        part = attacked(train, holdout, people(N_ROWS, 200 + seed), seed)
        above += found(part, "risk")["interval"][0] > 0
        assert part["alarms"] == []
    assert above < 4


def test_a_table_of_training_rows_raises_the_alarm():
    train, holdout = tables()
    part = attacked(train, holdout, train)
    assert rows_of(part)[1]["main"]["rate"] > 0.99
    assert {alarm["code"] for alarm in part["alarms"]} == {"attack_beats_control"}


def test_columns_alternate_between_the_halves():
    train, holdout = tables()
    details = attacked(train, holdout, people(100, 2))["details"]
    assert details["halves"] == [["score0", "score2", "town"], ["score1", "score3", "member"]]


def test_what_cannot_be_linked_gives_a_reason():
    train, holdout = tables()
    single = TableSchema(PEOPLE.fields[:1])
    assert "two columns or more" in attacked(train, holdout, train, schema=single)["unavailable"]
    assert "no real rows were set aside" in attacked(train, None, train)["unavailable"]
