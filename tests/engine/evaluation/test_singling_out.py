import numpy as np
import pandas as pd
import pytest

from engine.data.schema import Field, FieldType, TableSchema
from engine.evaluation import singling_out
from engine.evaluation.predicates import LAST, MISSING, SortedRows
from engine.evaluation.singling_out import Attacker, Game, condition_sizes
from tests.engine.evaluation.populations import N_ROWS, PEOPLE, leaking, people, tables
from tests.metrics import found, measure
from tests.tables import typed


@pytest.fixture(autouse=True)
def few_conditions(monkeypatch):
    monkeypatch.setattr(singling_out, "MOST_CONDITIONS", 1_000)


def attacked(train, holdout, synthetic, seed=0, schema=PEOPLE):
    return measure("singling-out", train, holdout, synthetic, schema, seed=seed)


def rows_of(part):
    return {row["name"]: row for row in part["details"]["attacks"]}


def attacker(*columns, numeric):
    return Attacker([np.array(column, dtype=np.int32) for column in columns], numeric, np.random.default_rng(0))


def terms(predicates):
    parts = (predicates.columns, predicates.low, predicates.high)
    return sorted(zip(*(part[:, 0].tolist() for part in parts), strict=True))


def test_conditions_on_one_column_are_rare_values_and_ends_of_numbers():
    made = attacker([0, 0, 1, 3, 3, MISSING], [2, 2, 2, 0, 1, 1], numeric=[True, False]).rare_values()
    assert terms(made) == [(0, MISSING, MISSING), (0, 0, 0), (0, 1, 1), (0, 3, LAST), (1, 0, 0)]


def test_conditions_on_several_columns_hold_for_the_row_that_they_are_made_of():
    codes = [np.array([4], dtype=np.int32), np.array([MISSING], dtype=np.int32), np.array([2], dtype=np.int32)]
    made = Attacker(codes, [True, True, False], np.random.default_rng(0)).rows(50, 2)
    assert (SortedRows(codes).only_matches(made) == 0).all()


def test_numbers_are_compared_away_from_the_median():
    made = attacker([0, 1, 2, 3, 4], [0, 0, 0, 0, 0], numeric=[True, False]).rows(300, 1)
    numbers = made.take(made.columns[:, 0] == 0)
    assert terms(numbers.distinct()) == [(0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 3, LAST), (0, 4, LAST)]


def test_guesses_use_all_six_comparisons_of_numbers_and_two_of_categories():
    made = attacker([1, 1], [1, 1], numeric=[True, False]).guesses(500, 1)
    for column, expected in (
        (0, {(1, 1, False), (1, 1, True), (0, 0, False), (2, LAST, False), (0, 1, False), (1, LAST, False)}),
        (1, {(1, 1, False), (1, 1, True)}),
    ):
        chosen = made.take(made.columns[:, 0] == column)
        parts = (chosen.low, chosen.high, chosen.negated)
        assert set(zip(*(part[:, 0].tolist() for part in parts), strict=True)) == expected


def test_rates_on_tiny_tables_agree_with_counting_by_hand():
    """Of 50 values of one synthetic row each, one training row has 30 and two have 10; one control row has 20."""
    schema = TableSchema((Field("code", FieldType.STRING),))

    def table(values):
        return typed(pd.DataFrame({"code": values}), schema)

    letters = [f"v{i}" for i in range(50)]
    train = table(letters[:30] + 2 * letters[30:40])
    control = table(letters[:20] + ["y"] * 30)
    game = Game(schema.fields, table(letters), train, control, np.random.default_rng(0))
    attack = game.attack(1, 100)
    assert (attack.main.successes, attack.control.successes, attack.main.n) == (30, 20, 50)
    assert attack.risk == pytest.approx((0.6 - 0.4) / (1 - 0.4))
    assert attack.main.design_effect == 1.0


def test_conditions_that_single_out_the_same_row_count_as_one_look():
    """Both ends of a number and its two rare values meet the same two rows."""
    schema = TableSchema(tuple(Field(f"n{i}", FieldType.INTEGER) for i in range(10)))
    table = typed(pd.DataFrame({f"n{i}": [0, 5, 5, 9] for i in range(10)}), schema)
    attack = Game(schema.fields, table, table, table, np.random.default_rng(0)).attack(1, 100)
    assert (attack.main.successes, attack.main.design_effect) == (40, 20.0)


def test_a_repeated_synthetic_row_is_looked_at_once():
    train, holdout = tables()
    once, twice = (attacked(train, holdout, pd.concat([train] * times)) for times in (1, 2))
    assert once["details"]["synthetic_rows"] == twice["details"]["synthetic_rows"] == N_ROWS
    assert rows_of(once)["univariate"]["main"] == rows_of(twice)["univariate"]["main"]


@pytest.mark.parametrize("seed", [0, 1])
def test_a_table_that_copies_a_tenth_of_the_training_rows_has_a_risk(seed):
    train, holdout = tables(seed)
    part = attacked(train, holdout, leaking(train, 0.1, 100 + seed), seed)
    assert found(part, "univariate")["interval"][0] > 0.01
    assert found(part, "univariate")["reference"] == 0.0


@pytest.mark.parametrize("seed", [0, 1])
def test_conditions_on_several_columns_show_a_larger_leak(seed):
    """They often meet several rows, so that a small leak in a small table does not show."""
    train, holdout = tables(seed)
    leaked, moved = (attacked(train, holdout, leaking(table, 0.4, 100 + seed), seed) for table in (train, holdout))
    assert rows_of(leaked)["multivariate-6"]["risk"]["interval"][0] > 0.05
    assert rows_of(moved)["multivariate-6"]["risk"]["interval"][0] == 0.0


@pytest.mark.parametrize("seed", [0, 1])
def test_a_table_that_copies_rows_never_trained_on_has_none(seed):
    train, holdout = tables(seed)
    part = attacked(train, holdout, leaking(holdout, 0.1, 100 + seed), seed)
    assert [finding["interval"][0] for finding in part["findings"]] == [0.0, 0.0]
    assert part["alarms"] == []


def test_a_fresh_table_has_no_risk():
    # Each interval lies above 0 by chance in one of forty: 4 of 12 and more have a chance of 2e-4 if they were
    # independent. The intervals on copies in the test above lie above 0.
    above = 0
    for seed in range(4):
        train, holdout = tables(seed)
        part = attacked(train, holdout, people(N_ROWS, 200 + seed), seed)
        above += sum(row["risk"]["interval"][0] > 0 for row in part["details"]["attacks"])
        assert part["alarms"] == []
    assert above < 4


def test_a_table_of_training_rows_raises_the_alarm():
    train, holdout = tables()
    part = attacked(train, holdout, leaking(train, 0.5, 7))
    assert {alarm["code"] for alarm in part["alarms"]} == {"attack_beats_control"}


def test_a_larger_training_table_is_cut_to_the_size_of_the_control():
    """A fresh table has no risk, though a condition isolates one of 6,000 rows more or less easily than of 1,500."""
    part = attacked(people(4 * N_ROWS, 0), people(N_ROWS, 1), people(N_ROWS, 2))
    assert part["details"]["real_rows_each"] == N_ROWS
    assert all(row["risk"]["interval"][0] == 0.0 for row in part["details"]["attacks"])


def test_conditions_speak_of_one_a_few_half_and_all_columns():
    assert condition_sizes(15) == [1, 3, 8, 15]
    assert condition_sizes(2) == [1, 2]
    assert condition_sizes(1) == [1]
    train, holdout = tables()
    rows = rows_of(attacked(train, holdout, people(N_ROWS, 2)))
    assert list(rows) == ["univariate", "multivariate-3", "multivariate-6"]
    assert rows["multivariate-3"]["columns"] == 3


def test_a_table_without_rare_values_gives_a_reason():
    schema = TableSchema((Field("a", FieldType.BOOLEAN), Field("b", FieldType.BOOLEAN)))
    table = typed(pd.DataFrame({"a": [True, False] * 30, "b": [True, True, False] * 20}), schema)
    part = attacked(table, table, table, schema=schema)
    for finding in part["findings"]:
        assert "fewer than 20 such conditions" in finding["value"]["unavailable"]


def test_without_a_holdout_there_is_no_control():
    train, _ = tables()
    assert "no real rows were set aside" in attacked(train, None, train)["unavailable"]
