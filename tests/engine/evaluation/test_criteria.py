"""Acceptance criteria: what they may be about, which side of a limit is good, and what a report makes of them."""

import json
import math

import pytest

from engine.errors import InputError
from engine.evaluation.criteria import (
    MOST_CRITERIA,
    Criterion,
    State,
    catalogue_entry,
    criteria_catalogue,
    judge,
    judge_stored,
    read_criteria,
    required,
    written,
)
from engine.evaluation.metric import Goal, Measure, MetricInfo, Part, Unit
from engine.evaluation.registry import list_metrics
from engine.evaluation.results import unavailable

CLOSER = ("closest-record", "share-closer-to-training")
COPIES = ("copies", "exact")
FINDING = {"interval": unavailable("none"), "reference": 0.5, "sentence": "A sentence."}


def report(alarms=(), **values):
    """A report in which each metric gives one number, or the reason why there is none."""
    metrics = {}
    for metric, (measure, value) in values.items():
        metrics[metric.replace("_", "-")] = {"findings": [FINDING | {"measure": measure, "value": value}]}
    return {"alarms": [{"metric": "copies", "code": "x", "title": title, "sentence": "."} for title in alarms]} | {
        "metrics": metrics
    }


def states(verdict):
    return [(outcome.title, outcome.state.value) for outcome in verdict.outcomes]


def test_the_catalogue_holds_attacks_and_what_tells_nothing_unpaid():
    held = {(entry.metric.name, entry.measure.name) for entry in criteria_catalogue() if not entry.is_charged}
    assert held == {
        (info.name, measure.name)
        for info in list_metrics()
        for measure in info.measures
        if info.part is Part.PRIVACY or info.classification == "releasable"
    }
    assert CLOSER in held


@pytest.mark.parametrize("entry", criteria_catalogue(), ids=lambda entry: f"{entry.metric.name}-{entry.measure.name}")
def test_every_suggestion_is_a_criterion(entry):
    criterion = Criterion(entry.metric.name, entry.measure.name, entry.suggested_limit)
    assert criterion.is_met_by(criterion.limit)
    assert Criterion.from_json(json.loads(json.dumps(criterion.to_json()))) == criterion


def test_no_criterion_is_about_an_unpaid_comparison_with_real_rows():
    refused = [info for info in list_metrics() if info.part is not Part.PRIVACY and info.reads_real_rows]
    assert refused
    for info in refused:
        with pytest.raises(InputError, match="nothing paid for that"):
            Criterion(info.name, info.measures[0].name, 0.5)


@pytest.mark.parametrize(
    "value",
    [
        {"metric": "copies", "measure": "exact"},
        {"metric": "copies", "measure": "exact", "limit": 1, "goal": "high"},
        {"metric": "copies", "measure": "none", "limit": 1},
        {"metric": "none", "measure": "exact", "limit": 1},
        {"metric": ["copies"], "measure": "exact", "limit": 1},
        {"metric": "copies", "measure": "exact", "limit": -1},
        {"metric": "copies", "measure": "exact", "limit": math.inf},
        {"metric": "copies", "measure": "exact", "limit": math.nan},
        {"metric": "copies", "measure": "exact", "limit": "1"},
        {"metric": "copies", "measure": "exact", "limit": True},
        {"metric": CLOSER[0], "measure": CLOSER[1], "limit": 1.01},
        "copies",
        None,
    ],
)
def test_what_is_no_criterion_is_refused(value):
    with pytest.raises(InputError):
        Criterion.from_json(value)


def test_one_criterion_per_measure_and_not_too_many():
    stated = [Criterion(*CLOSER, 0.6).to_json(), Criterion(*COPIES, 3).to_json()]
    assert [criterion.to_json() for criterion in read_criteria(stated)] == stated
    with pytest.raises(InputError, match="more than one"):
        read_criteria([*stated, Criterion(*COPIES, 4).to_json()])
    with pytest.raises(InputError, match="at most"):
        read_criteria(stated * (MOST_CRITERIA // 2 + 1))
    with pytest.raises(InputError, match="list"):
        read_criteria({"metric": "copies"})


@pytest.mark.parametrize(
    ("goal", "value", "is_met"),
    [
        *(("low", 0.5, True), ("low", 0.500001, False), ("low", 0.1, True)),
        *(("high", 0.5, True), ("high", 0.499999, False), ("high", 0.9, True)),
    ],
)
def test_the_goal_says_which_side_is_good(monkeypatch, goal, value, is_met):
    measure = Measure("m", "M", Goal(goal), 0.0, 1.0, Unit.SHARE, "none")
    info = MetricInfo("made-up", "Made up", Part.PRIVACY, "?", (measure,), True, 1.0, "none:none")
    monkeypatch.setattr("engine.evaluation.criteria.list_metrics", lambda: (info,))
    criteria_catalogue.cache_clear()
    try:
        criterion = Criterion("made-up", "m", 0.5)
        verdict = judge([criterion], report(made_up=("m", value)), None)
        assert criterion.required == f"at {'most' if goal == 'low' else 'least'} 50 %"
        assert catalogue_entry("made-up", "m").suggested_limit == (0.1 if goal == "low" else 0.9)
    finally:
        criteria_catalogue.cache_clear()
    assert verdict.outcomes[0].state is (State.MET if is_met else State.NOT_MET)
    assert verdict.passed is is_met


def test_a_verdict_says_by_how_much():
    criteria = [Criterion(*CLOSER, 0.5), Criterion(*COPIES, 1000)]
    verdict = judge(criteria, report(closest_record=(CLOSER[1], 0.62), copies=(COPIES[1], 1234.0)), None)
    assert [outcome.sentence for outcome in verdict.outcomes] == [
        "Found 62 %, 12 percentage points above the limit of 50 %.",
        "Found 1,234, 234 above the limit of 1,000.",
        "The report has no alarm.",
    ]
    assert [outcome.value for outcome in verdict.outcomes] == [0.62, 1234.0, None]
    assert not verdict.passed
    assert json.loads(json.dumps(verdict.to_json()))["passed"] is False


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (None, "the evaluation was not made"),
        ({"metrics": {}}, "does not have it"),
        ({"metrics": {"copies": unavailable("no rows were set aside")}}, "no rows were set aside"),
        (report(copies=("exact", unavailable("no rows were set aside."))), "no rows were set aside"),
        (report(copies=("other", 0.0)), "does not have it"),
    ],
)
def test_what_could_not_be_computed_is_not_met_and_says_why(made, reason):
    verdict = judge([Criterion(*COPIES, 10)], made, None)
    first = verdict.outcomes[0]
    assert (first.state, first.value) == (State.NOT_COMPUTED, None)
    assert first.sentence.count(".") == 1
    assert reason in first.sentence
    assert not verdict.passed


def test_an_alarm_fails_a_run_without_criteria():
    assert judge([], report(), None).passed
    verdict = judge([], report(alarms=("Copied rows",)), None)
    assert states(verdict) == [("No alarm", "not met")]
    assert "Copied rows" in verdict.outcomes[0].sentence
    assert not judge([], report(), report(alarms=("Copied rows",))).passed


def test_without_a_report_and_without_criteria_there_is_nothing_to_fail():
    verdict = judge([], None, None)
    assert verdict.passed
    assert verdict.outcomes == ()


def test_a_stored_criterion_that_this_version_does_not_know_is_not_met():
    verdict = judge_stored([{"metric": "gone", "measure": "score", "limit": 1.0}], report(), None)
    assert states(verdict) == [("gone: score", "could not be computed"), ("No alarm", "met")]


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0.5, "share", "50 %"),
        (0.12345, "share", "12.35 %"),
        (1.2345, "score", "1.23"),
        (1234.0, "count", "1,234"),
        (0.25, "count", "0.2"),
        (1.5, "epsilon", "ε 1.5"),
    ],
)
def test_numbers_are_written_in_their_unit(value, unit, expected):
    assert written(value, unit) == expected
    measure = Measure("m", "M", Goal.HIGH, 0.0, math.inf, Unit(unit), "none")
    assert required(measure, value) == f"at least {expected}"
