"""Bounds that cost nothing hold against the truth, which only a test may compute."""

from itertools import combinations

import numpy as np
import pytest

from engine.evaluation.charged_metrics import MEASURED_ERROR
from engine.evaluation.measured_error import measured_error
from engine.evaluation.results import NotComputableError
from engine.pipeline import synthesize
from engine.synthesizers.registry import synthesizer_class
from engine.synthesizers.uncertainty import NOISE_MEAN, MeasuredError, mean_bounds
from tests.doors import fit
from tests.tables import UNPROTECTED, small_plan, small_table


def true_distances(door, model, sets):
    """Mean distance of the model's counts from the private ones, on merged cells, as a share of the noisy rows."""
    total = model.model_.total
    return np.mean(
        [np.abs(door._exact_counts(each) - model.model_.marginal(each)).sum() / (2 * total) for each in sets]
    )


@pytest.mark.statistical
@pytest.mark.parametrize("method", ["aim", "mst", "independent"])
def test_bounds_hold_the_truth(method):
    """20 runs, each with 95 %; concentration is far from tight, so a single miss would be a sign of a wrong bound."""
    plan, table = small_plan(method, epsilon=3.0), small_table(2000)
    for seed in range(20):
        door, model, _ = fit(plan, table, seed=seed)
        measured = [item.columns for item in model.model_.measurements]
        truths = {
            "one-way": true_distances(door, model, [each for each in measured if len(each) == 1]),
            "measured-sets": true_distances(door, model, [each for each in measured if len(each) > 1])
            if method != "independent"
            else None,
            "all-pairs": true_distances(door, model, list(combinations(range(4), 2))),
        }
        findings = {finding.measure: finding for finding in measured_error(model).findings}
        assert not isinstance(findings["one-way"].value, dict)
        for name, finding in findings.items():
            if not isinstance(finding.value, dict):
                assert finding.interval[0] <= truths[name] <= finding.interval[1] == finding.value


@pytest.mark.statistical
def test_the_distance_without_what_noise_adds_is_no_bound():
    """The broken twin: the model follows its noisy counts, so their distance is far below the truth."""
    door, model, _ = fit(small_plan("independent", epsilon=3.0), small_table(20_000), seed=1)
    singles = [error for error in model.measured_errors() if len(error.columns) == 1]
    naive = np.mean([error.distance for error in singles]) / (2 * model.model_.total)
    assert naive < true_distances(door, model, [error.columns for error in singles])


def test_a_mean_is_bounded_more_closely_than_its_parts():
    errors = [MeasuredError((column,), 50.0, 300.0, 3000.0, 30.0) for column in range(16)]
    low, high = mean_bounds(errors)
    _, alone = mean_bounds(errors[:1])
    assert low == 0.0
    assert 50.0 + NOISE_MEAN * 300.0 < high < alone
    far = [MeasuredError((column,), 9000.0, 300.0, 3000.0, 30.0) for column in range(16)]
    assert 8000.0 < mean_bounds(far)[0] < 9000.0


def test_findings_match_their_entry_and_say_what_is_missing():
    _, model, _ = fit(small_plan("independent", epsilon=3.0), small_table())
    findings = measured_error(model).findings
    assert [finding.measure for finding in findings] == [measure.name for measure in MEASURED_ERROR.measures]
    assert "no set of several columns" in findings[1].value["unavailable"]
    assert "chose among no pairs" in findings[2].value["unavailable"]


def test_a_pair_that_was_no_candidate_counts_as_wholly_different():
    _, model, _ = fit(small_plan("aim", epsilon=3.0), small_table(2000))
    rows = 2.0 * model.model_.total
    model.pair_bounds = lambda: {(0, 1): 0.1 * rows, (0, 2): 0.3 * rows, (1, 2): 5.0 * rows}
    result = measured_error(model)
    assert result.findings[2].value == pytest.approx((0.1 + 0.3 + 1.0 + 3 * 1.0) / 6, abs=2e-6)
    assert result.details["bounded_pairs"] == 3


def test_noise_that_bounds_nothing_says_so():
    _, model, _ = fit(small_plan("independent", epsilon=0.01), small_table(50))
    assert "bounds nothing" in measured_error(model).findings[0].value["unavailable"]


def test_a_method_without_measurements_has_no_bound():
    with pytest.raises(NotComputableError, match="measures no counts"):
        measured_error(synthesizer_class(UNPROTECTED[0])())


def test_it_is_in_every_report():
    report = synthesize(small_table(), small_plan("aim", epsilon=3.0)).released_report
    assert report["metrics"]["measured-error"]["class"] == "releasable"
    assert [finding["measure"] for finding in report["metrics"]["measured-error"]["findings"]]
