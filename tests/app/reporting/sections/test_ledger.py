import pytest

from app.reporting.sections.ledger import build
from tests.app.reporting.blocks import figure, statement, table
from tests.app.reporting.evidence_samples import evidence


def with_entries(*changes):
    """The evidence, with one more entry per set of changes."""
    found = evidence()
    (entry,) = found.json["ledger"]["entries"]
    more = [
        {**entry, "id": str(number) * 32, "run_id": f"run-{number}", **change} for number, change in enumerate(changes)
    ]
    found.json["ledger"]["entries"] = [entry, *more]
    return found


RELEASED = {"state": "released"}
TUNING = {"epsilon": 0.30001, "purpose": "a first try"}
OUTSIDE = {"state": "outside", "guarantee": "none", "epsilon": None, "event": {"type": "NonPrivateDpEvent"}}


def value(found, name):
    return statement(build(found).blocks, name).value


def test_every_entry_is_a_row_with_its_state_and_cost():
    found = with_entries(TUNING, RELEASED, OUTSIDE)
    listed = table(build(found).blocks, "Every entry")
    rows = [dict(zip(listed.header, row, strict=True)) for row in listed.rows]
    assert [row["State"] for row in rows] == ["committed", "committed", "released", "outside the budget"]
    assert rows[1]["ε, δ"] == "0.3001, 1e−6" and rows[1]["User and purpose"] == "ada: a first try"
    assert rows[3]["ε, δ"] == "no privacy guarantee" and rows[3]["ρ"] == "none"
    assert rows[0]["Time"] == "2026-11-02 09:00:00 UTC" and rows[0]["Entry and run"].startswith("1" * 32)


def test_what_an_entry_was_charged_as_is_its_envelope():
    found = evidence()
    (row,) = table(build(found).blocks, "Every entry").rows
    multiplier = found.at("/certificate/envelope/noise_multiplier")
    assert row[3].startswith("Gaussian, noise multiplier 2.23")
    assert float(row[4]) == pytest.approx(0.5 / multiplier**2, rel=1e-3)
    del found.json["ledger"]["entries"][0]["event"]
    assert table(build(found).blocks, "Every entry").rows[0][3:5] == ("not provided", "not provided")


def test_tuning_and_cancelled_runs_are_counted():
    found = with_entries(TUNING, TUNING, RELEASED)
    assert value(found, "Runs beside this one that were charged, tuning included") == "2, each with its own entry"
    assert value(found, "Cancelled before any row was read, and not charged") == "1"
    assert value(found, "Entries") == "4: 3 committed, 1 released"
    assert value(evidence(), "Runs beside this one that were charged, tuning included") == "none"


def test_runs_without_a_guarantee_stand_outside_the_budget():
    assert "1, outside the budget: no total above counts them" in value(
        with_entries(OUTSIDE), "Runs without a privacy guarantee"
    )
    assert value(evidence(), "Runs without a privacy guarantee") == "none"


def test_what_is_spent_is_rounded_up_and_what_is_left_down():
    found = evidence()
    found.json["ledger"] |= {"epsilon_spent": 1.99991, "epsilon_left": 3.00009}
    assert (value(found, "Spent, composed"), value(found, "Left")) == ("2", "3")


def test_the_evaluation_says_what_it_cost():
    charged = [event for event in evidence().at("/certificate/events") if event["purpose"].startswith("releasable")]
    said = value(evidence(), "Charged for the evaluation of this run")
    assert said.startswith(f"{len(charged)} measurements, ρ = ")
    assert float(said.split("ρ = ")[1].split(",")[0]) >= sum(event["rho"] for event in charged)
    assert value(evidence("dp-ctgan"), "Charged for the evaluation of this run").startswith("nothing")


def test_the_chart_holds_charged_runs_their_composition_and_the_cap():
    chart = figure(build(with_entries(TUNING, RELEASED, OUTSIDE)).blocks, "ledger-spend").chart
    assert chart.texts == ("2", "0.3001", "2") and chart.labels[-1] == "All of them, composed"
    assert chart.limit == 5.0 and chart.limit_label == "cap 5"


def test_the_audit_log_is_sealed_by_its_hash():
    assert value(evidence(), "Hash that seals the audit log then") == "fe" * 32
    assert value(evidence(), "Entries of the audit log then") == "41"
