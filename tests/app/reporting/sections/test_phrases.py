import math

import pytest

from app.reporting.sections.phrases import (
    band_sentence,
    epsilon_sentence,
    factor_text,
    moment_text,
    noise_text,
    number,
    reads_text,
    records,
    unit_text,
    upward_text,
)


@pytest.mark.parametrize(("epsilon", "factor"), [(0.0, "1.00"), (1.0, "2.72"), (5.0, "148.42"), (8.0, "2,981")])
def test_the_odds_factor_is_never_below_the_exact_one(epsilon, factor):
    assert f"e^ε = {factor}," in epsilon_sentence(epsilon, 1e-6, "row")
    assert float(factor.replace(",", "")) >= math.exp(epsilon)


def test_a_factor_past_a_million_is_not_written_out():
    assert factor_text(15.0) == "more than 1,000,000"
    assert factor_text("15") == factor_text(None) == factor_text(math.inf) == "not provided"


@pytest.mark.parametrize("value", [0.44833474017, 1.0, 0.1 + 0.2, 123.456, 5e-9, 0.999999999999, 2.0**-30])
def test_a_parameter_of_the_loss_is_rounded_up_and_by_little(value):
    printed = float(upward_text(value))
    assert value * (1 - 1e-12) <= printed <= value * (1 + 1e-5)
    assert upward_text(0.0) == "0"
    assert upward_text(None) == upward_text(math.nan) == upward_text(True) == "not provided"


@pytest.mark.parametrize(
    ("epsilon", "begins"),
    [(0.3, "At most 1."), (1, "At most 1."), (1.01, "Between 1 and 10."), (10.0, "Between"), (10.5, "Above 10.")],
)
def test_how_much_a_value_says_depends_on_its_size(epsilon, begins):
    assert band_sentence(epsilon).startswith(begins)


def test_every_band_says_what_it_does_not_mean():
    assert all("does not say" in band_sentence(epsilon) for epsilon in (0.5, 5.0))
    assert "says little" in band_sentence(50.0)
    assert band_sentence("many") == "not provided"


def test_a_unit_is_a_row_or_a_person_with_so_many_rows():
    assert unit_text("row") == "one row of the table"
    assert unit_text("person", 1) == "one person with at most 1 row"
    assert unit_text("person", 3) == "one person with at most 3 rows"
    assert unit_text("household", 3) == "not provided"


def test_noise_is_told_in_its_own_measure():
    training = {"noise_multiplier": 2.5, "noise_scale": 9.0, "steps": 30, "sampling_rate": 0.25}
    assert noise_text(training) == "σ = 2.5 × largest contribution, in each of 30 samples of 0.25 of the units"
    assert noise_text({"noise_scale": 9.0}) == "σ = 9 rows"
    assert noise_text({"noise_scale": None, "selection_epsilon": 0.11501, "candidates": 6}) == (
        "ε = 0.1151 per choice, among 6"
    )
    assert noise_text({}) == "not provided"


def test_many_columns_are_counted_and_few_are_named():
    assert reads_text({"reads": ["a", "b"]}, 3) == "a, b"
    assert reads_text({"reads": ["a", "b", "c", "d"]}, 3) == "4 columns"


def test_times_are_printed_in_universal_time():
    assert moment_text("2026-01-02T03:04:05.678+05:00") == "2026-01-01 22:04:05 UTC"
    assert moment_text("2026-01-02T03:04:05") == "2026-01-02T03:04:05"
    assert moment_text(None) == "not provided"


def test_what_is_no_number_and_no_record_is_left_out():
    assert number(True) is None and number("1") is None and number(math.inf) is None
    assert records([1, {"a": 2}, None]) == [{"a": 2}] and records("text") == []
