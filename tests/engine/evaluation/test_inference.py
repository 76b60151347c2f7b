import numpy as np
import pandas as pd
import pytest

from engine.data.schema import Field, FieldType, TableSchema
from engine.evaluation import inference as module
from engine.evaluation.inference import is_right
from tests.engine.evaluation.populations import N_ROWS, PEOPLE, leaking, people, tables
from tests.metrics import found, measure
from tests.tables import typed


def attacked(train, holdout, synthetic, seed=0, schema=PEOPLE, target=None):
    return measure("attribute-inference", train, holdout, synthetic, schema, seed=seed, target=target)


def rows_of(part):
    return {row["name"]: row for row in part["details"]["attacks"]}


def judged(field_type, guesses, secrets, span=0.0):
    schema = TableSchema((Field("secret", field_type),))
    columns = [typed(pd.DataFrame({"secret": values}), schema)["secret"] for values in (guesses, secrets)]
    return is_right(schema.fields[0], *columns, span).tolist()


def test_a_number_is_right_within_five_per_cent_of_the_true_size_whatever_the_signs():
    secrets = [100.0, 100.0, 100.0, 5.0, -100.0, -100.0, -100.0, 0.0, 0.0, None, None, 3.0]
    guesses = [105.0, 95.0, 105.1, -100.0, -95.0, -94.0, 100.0, 0.0, 0.1, None, 3.0, None]
    right = [True, True, False, False, True, False, False, True, False, True, False, False]
    assert judged(FieldType.NUMBER, guesses, secrets) == right


def test_a_category_is_right_where_it_is_equal_and_a_missing_one_where_it_is_missing():
    guesses, secrets = ["a", "b", None, "a", None], ["a", "a", None, None, "a"]
    assert judged(FieldType.STRING, guesses, secrets) == [True, False, True, False, False]
    assert judged(FieldType.BOOLEAN, [True, None], [True, False]) == [True, False]


def test_a_date_is_right_within_a_hundredth_of_the_span():
    days = pd.to_datetime(["2020-01-11", "2020-01-12", None])
    secrets = pd.to_datetime(["2020-01-01", "2020-01-01", "2020-01-01"])
    assert judged(FieldType.DATE, days, secrets, span=1000.0) == [True, False, False]


def test_guesses_on_a_small_table_agree_with_brute_force():
    """The secret of the synthetic row whose other number is nearest, for either column."""
    schema = TableSchema((Field("x", FieldType.INTEGER), Field("y", FieldType.INTEGER)))
    rng = np.random.default_rng(1)

    def table():
        # Of a million values hardly two are equally far from a third: ties would be a matter of order.
        values = {name: rng.integers(-500_000, 500_000, size=200) for name in ("x", "y")}
        return typed(pd.DataFrame(values), schema)

    train, holdout, synthetic = table(), table(), table()
    rows = rows_of(attacked(train, holdout, synthetic, schema=schema))
    for secret, known in (("x", "y"), ("y", "x")):
        for name, targets in (("main", train), ("control", holdout)):
            right = 0
            for _, target in targets.iterrows():
                near = (synthetic[known].astype(float) - target[known]).abs().idxmin()
                right += abs(synthetic[secret][near] - target[secret]) <= 0.05 * abs(target[secret])
            assert rows[secret][name]["successes"] == right > 0


def test_a_guess_is_a_random_synthetic_value():
    # A category of half of the rows is guessed in half of the cases: 1,500 guesses have a standard error of 0.0129.
    train, holdout = tables()
    row = rows_of(attacked(train, holdout, people(N_ROWS, 2)))["member"]
    assert row["baseline"]["rate"] == pytest.approx(0.5, abs=0.052)
    assert row["main"]["rate"] > 0.6
    assert row["beats_guessing"]


@pytest.mark.parametrize("seed", [0, 1])
def test_a_table_that_copies_a_tenth_of_the_training_rows_has_a_risk(seed):
    train, holdout = tables(seed)
    part = attacked(train, holdout, leaking(train, 0.1, 100 + seed), seed)
    assert found(part, "all-columns")["interval"][0] > 0.02
    assert found(part, "clearest-column")["interval"][0] > 0.02
    assert part["details"]["clearest_column"].startswith("score")


@pytest.mark.parametrize("seed", [0, 1])
def test_a_table_that_copies_rows_never_trained_on_has_none(seed):
    train, holdout = tables(seed)
    part = attacked(train, holdout, leaking(holdout, 0.1, 100 + seed), seed)
    assert [finding["interval"][0] for finding in part["findings"]] == [0.0, 0.0]
    assert part["alarms"] == []


def test_a_fresh_table_has_no_risk():
    # Of twenty intervals each lies above 0 by chance in one of forty: 6 and more have a chance of 7e-6 if they were
    # independent; those of a column are chosen, and hold for all columns at once.
    above = 0
    for seed in range(10):
        train, holdout = tables(seed)
        part = attacked(train, holdout, people(N_ROWS, 200 + seed), seed)
        above += sum(finding["interval"][0] > 0 for finding in part["findings"])
        assert part["alarms"] == []
    assert above < 6


def test_a_table_of_training_rows_raises_the_alarm():
    train, holdout = tables()
    part = attacked(train, holdout, train)
    assert "attack_beats_control" in {alarm["code"] for alarm in part["alarms"]}


def test_guesses_about_one_person_count_as_fewer_than_about_as_many():
    """A copied row is guessed in all columns at once, so that all columns together tell less than their number."""
    train, holdout = tables()
    part = attacked(train, holdout, leaking(train, 0.5, 3))
    pooled = part["details"]["all_columns"]
    low, high = pooled["main"]["interval"]
    rate, n = pooled["main"]["rate"], pooled["n_attacks"]
    assert n == 6 * N_ROWS
    assert high - low > 1.3 * 2 * 1.96 * np.sqrt(rate * (1 - rate) / n)


def test_a_column_of_one_value_leaves_nothing_to_tell():
    train, holdout = tables()
    synthetic = people(N_ROWS, 2)
    schema = TableSchema((*PEOPLE.fields, Field("same", FieldType.STRING)))
    tables_with = [typed(table.assign(same="x"), schema) for table in (train, holdout, synthetic)]
    part = attacked(*tables_with, schema=schema)
    assert "nothing is left to gain" in rows_of(part)["same"]["risk"]["value"]["unavailable"]
    assert part["details"]["all_columns"]["n_attacks"] == 6 * N_ROWS


def test_of_a_wide_table_the_target_and_the_first_columns_are_attacked(monkeypatch):
    monkeypatch.setattr(module, "MOST_SECRETS", 3)
    train, holdout = tables()
    part = attacked(train, holdout, people(200, 2), target="member")
    assert list(rows_of(part)) == ["score0", "score1", "member"]
    assert part["details"]["columns_left_out"] == 3


def test_what_cannot_be_guessed_gives_a_reason():
    train, holdout = tables()
    single = TableSchema(PEOPLE.fields[:1])
    assert "two columns or more" in attacked(train, holdout, train, schema=single)["unavailable"]
    assert "no real rows were set aside" in attacked(train, None, train)["unavailable"]
