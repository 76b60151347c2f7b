"""Answers of fitted models: what they are computed from, what is bounded, what is refused, and what is said."""

import dataclasses
import json
from datetime import date

import numpy as np
import pandas as pd
import pytest

from engine.answers.answer import Kind, answer
from engine.answers.bounds import _through, count_ends
from engine.answers.cells import ColumnCells
from engine.answers.joint import Asked
from engine.answers.measured import NoisyTables
from engine.data.schema import Field, FieldType, TableSchema
from engine.errors import InputError
from engine.privacy.plan import UnitKind, UnitOfProtection
from engine.synthesizers.cells import CellGroups
from engine.synthesizers.graphical_model import Measurement
from engine.synthesizers.marginals import OneWay
from engine.synthesizers.model_file import load_model, save_model
from engine.synthesizers.released import ReleasedCounts
from tests.engine.answers.asking import asked, fitted, query
from tests.tables import PUBLIC, SMALL_SCHEMA, small_table, typed

TABLE = small_table(1200)


def tables(joint=(), groups=((0, 1), (0, 1), (0, 1))):
    """Three columns of two cells; counts of single columns have variance 4 - 1/12, so that cells have 4."""
    one_ways = tuple(OneWay(np.array([60.0, 40.0 + column]), 4.0 - 1 / 12) for column in range(3))
    kept = tuple(CellGroups(np.array(each, dtype=np.int32), np.ones(2)) for each in groups)
    return NoisyTables(ReleasedCounts(one_ways, tuple(joint)), kept)


def pair(columns, counts, variance=1.0):
    return Measurement(columns, np.asarray(counts, dtype=float), np.array(variance - 1 / 12))


def test_marginals_that_hold_a_column_are_pooled_by_precision():
    found = tables([pair((0, 1), [[50, 8], [20, 22]])]).groups_of((0,))
    assert found.counts.tolist() == pytest.approx([(60 / 4 + 58 / 2) / (1 / 4 + 1 / 2), (40 / 4 + 42 / 2) / 0.75])
    assert found.variance.tolist() == pytest.approx([4 / 3, 4 / 3])
    assert set(found.sources) == {(0,), (0, 1)}


def test_a_triple_is_summed_down_to_its_pairs():
    counts = np.arange(8.0).reshape(2, 2, 2)
    found = tables([pair((0, 1, 2), counts)]).groups_of((0, 2))
    assert found.counts.tolist() == counts.sum(axis=1).tolist()
    assert found.variance == pytest.approx(np.full((2, 2), 2.0))


def test_all_rows_are_counted_by_every_marginal():
    found = tables([pair((0, 1), [[50, 8], [20, 22]])]).groups_of(())
    precision = 3 / 8 + 1 / 4
    assert float(found.variance) == pytest.approx(1 / precision)
    assert float(found.counts) == pytest.approx((100 / 8 + 101 / 8 + 102 / 8 + 100 / 4) / precision)


def test_merged_cells_have_the_noise_of_all_of_them():
    found = tables(groups=((0, 0), (0, 1), (0, 1))).groups_of((0,))
    assert (found.counts.tolist(), found.variance.tolist()) == ([100.0], [8.0])


def test_what_was_measured_together():
    found = tables([pair((0, 1), np.ones((2, 2)))])
    assert found.is_measured((1, 0)) and not found.is_measured((0, 2))
    assert found.measured_within((0, 1, 2)) == ((0, 1), (2,))
    assert (found.partners(0), found.partners(2)) == ((1,), ())
    with pytest.raises(ValueError, match="not measured together"):
        found.groups_of((0, 2))


@pytest.mark.parametrize("method", ["aim", "dp-tvae"])
def test_a_kept_model_gives_the_same_answers(method, tmp_path):
    model = fitted(method, TABLE)
    save_model(model, tmp_path / "model.npz")
    loaded = load_model(tmp_path / "model.npz")
    for question in (
        query(model, "count", by=["region", "smoker"]),
        query(model, "share", "smoker", by=["region"]),
        query(model, "mean", "cost", where=["age=30..50"]),
    ):
        first, second = (answer(each, question).to_json() for each in (model, loaded))
        modelled = [[row.pop("modelled") for row in each["rows"]] for each in (first, second)]
        assert modelled[0] == pytest.approx(modelled[1], rel=1e-4, abs=1e-4)  # a mixture is kept in half the digits
        for row, other in zip(first["rows"], second["rows"], strict=True):
            if row["kind"] == "measured":
                assert row == other
            assert (row["kind"], row["group"]) == (other["kind"], other["group"])
        json.dumps(first, allow_nan=False)


def test_answers_are_whole_rows_inside_their_interval():
    for row in asked(fitted("mst", TABLE), "count", by=["age"]):
        assert row.kind is Kind.MEASURED
        assert 0 <= row.low <= row.value <= row.high
        assert all(end == int(end) for end in (row.low, row.value, row.high))


def test_unmeasured_counts_and_shares_are_bounded_and_means_are_refused():
    model = fitted("independent", TABLE, epsilon=20.0)
    count = asked(model, "count", where=["region=north", "smoker=true"])[0]
    true = int(((TABLE["region"] == "north") & TABLE["smoker"].fillna(False)).sum())
    smokers = int(TABLE["smoker"].sum())
    assert count.kind is Kind.BOUNDED
    assert count.low <= true <= count.high <= smokers + 20
    assert "were not measured together" in count.statement
    share = asked(model, "share", "smoker", of="smoker=true", by=["region"])[0]
    assert (share.kind, share.group) == (Kind.BOUNDED, {"region": "north"})
    mean = asked(model, "mean", "cost", by=["smoker"])[0]
    assert (mean.kind, mean.low, mean.high) == (Kind.REFUSED, None, None)
    assert mean.value == mean.modelled == pytest.approx(float(TABLE["cost"].dropna().mean()), rel=0.1)
    notes = answer(model, query(model, "mean", "cost", by=["smoker"])).notes
    assert notes[0] == "Column 'smoker' was measured together with no other column."


def test_bounds_of_two_conditions_are_frechets():
    """Nearly all rows meet either condition, so most meet both."""
    model = fitted("independent", TABLE, epsilon=50.0)
    found = asked(model, "count", where=["age=18..85", "smoker=false"])[0]
    old, smoking = int((TABLE["age"] > 85).sum()), int(TABLE["smoker"].sum())
    assert found.low == pytest.approx(len(TABLE) - old - smoking, abs=40)
    assert found.high == pytest.approx(len(TABLE) - smoking, abs=20)


def linked_tables(first, second, variance=1e-6):
    """Columns 0 and 1 were each measured with column 2."""
    kept = tuple(CellGroups(np.arange(size, dtype=np.int32), np.ones(size)) for size in (2, 2, first.shape[1]))
    one_ways = [OneWay(each.astype(float), 1e-6) for each in (first.sum(1), second.sum(1), first.sum(0))]
    joint = [Measurement((at, 2), each.astype(float), np.array(variance)) for at, each in enumerate((first, second))]
    return NoisyTables(ReleasedCounts(tuple(one_ways), tuple(joint)), kept)


def extreme_joint_counts(first, second):
    """Fewest and most rows with both conditions, over all tables with these marginals: cell by cell of the third."""
    total = first.sum(0)
    return np.maximum(first[0] + second[0] - total, 0).sum(), np.minimum(first[0], second[0]).sum()


@pytest.mark.parametrize("seed", range(5))
def test_a_third_column_bounds_a_count_as_far_as_tables_allow(seed, monkeypatch):
    for module in ("bounds", "intervals"):
        monkeypatch.setattr(f"engine.answers.{module}.HALF_A_ROW", 0.0)
    monkeypatch.setattr("engine.answers.measured.ROUNDING_VARIANCE", 0.0)
    rng = np.random.default_rng(seed)
    total = rng.integers(50, 100, 4)
    first, second = (np.stack([inside, total - inside]) for inside in (rng.integers(0, total + 1) for _ in range(2)))
    inside = np.array([True, False])
    part = ColumnCells(inside, inside, inside.astype(float), *[np.ones(2)] * 3)
    low, high = count_ends(Asked(linked_tables(first, second), 1, population=False), {0: part, 1: part}, 0.05)
    assert (low, high) == pytest.approx(extreme_joint_counts(first, second), abs=0.1)


@pytest.mark.statistical
def test_noise_does_not_carry_a_count_past_its_bounds():
    """Both columns are the third one's, so the bound is the count; the twin takes the least counts for given."""
    rng = np.random.default_rng(6)
    counts = np.array([[30, 30, 30, 30, 0, 0, 0, 0], [0, 0, 0, 0, 30, 30, 30, 30]])
    inside, wrong, careless = np.array([True, False]), 0, 0
    part = ColumnCells(inside, inside, inside.astype(float), *[np.ones(2)] * 3)
    for _ in range(400):
        noisy = [counts + np.rint(rng.normal(0, 10, counts.shape)) for _ in range(2)]
        question = Asked(linked_tables(*noisy, variance=100.0), 1, population=False)
        low, high = _through(question, {0: part, 1: part}, 2, 0.025)
        wrong += not low <= 120 <= high
        careless += np.minimum(noisy[0][0], noisy[1][0]).sum() + 1.96 * 10 * np.sqrt(4) < 120
    assert wrong <= 40 < careless  # 400 with a chance of 0.05: 20 expected, and 4.5 standard deviations of 4.4


def test_a_cut_range_says_which_one_is_whole():
    model = fitted("independent", TABLE)
    notes = answer(model, query(model, "count", where=["age=31..44"])).notes
    assert len(notes) == 1
    low, high = notes[0].split(": ")[1].split(" takes")[0].split(" to ")
    whole = query(model, "count", where=[f"age={low}..{high}"])
    assert answer(model, whole).notes == ()
    assert int(low) <= 31 and int(high) >= 44


def test_a_model_without_counts_is_refused():
    model = fitted("independent", TABLE)
    model.released_ = None
    with pytest.raises(InputError, match="fit it again"):
        asked(model, "count")


def test_too_many_groups_are_refused():
    with pytest.raises(InputError, match="more than 1,000 groups"):
        asked(fitted("independent", TABLE), "count", by=["age", "cost"])


def test_a_share_of_numbers_needs_values():
    with pytest.raises(InputError, match="say which values"):
        asked(fitted("independent", TABLE), "share", "cost")


def test_what_answers_are_about_names_persons():
    schema = TableSchema((Field("person", FieldType.STRING), *SMALL_SCHEMA.fields))
    table = typed(TABLE.assign(person=[f"p{row // 3}" for row in range(len(TABLE))]), schema)
    unit = UnitOfProtection(UnitKind.PERSON, "person", 2)
    model = fitted("independent", table, schema=schema, unit=unit)
    found = answer(model, query(model, "count"))
    assert "at most 2 of each person" in found.about
    assert found.rows[0].value == pytest.approx(800, abs=150)


def test_a_required_column_has_no_missing_group():
    fields = tuple(dataclasses.replace(field, required=field.name == "region") for field in SMALL_SCHEMA.fields)
    model = fitted("independent", TABLE, schema=TableSchema(fields))
    assert [row.group["region"] for row in asked(model, "count", by=["region"])] == ["north", "south", "east"]


def test_days_are_asked_by_their_text():
    day = Field("day", FieldType.DATE, minimum=date(2024, 1, 1), maximum=date(2024, 2, 5), source=PUBLIC)
    schema = TableSchema((day,))
    table = typed(pd.DataFrame({"day": pd.date_range("2024-01-01", periods=36).repeat(20)}), schema)
    model = fitted("independent", table, epsilon=20.0, schema=schema)
    rows = asked(model, "count", by=["day"], where=["day=2024-01-30..2024-02-02"])
    assert [row.group["day"] for row in rows] == ["2024-01-30", "2024-01-31", "2024-02-01", "2024-02-02"]
    assert all(abs(row.value - 20) < 6 for row in rows)
