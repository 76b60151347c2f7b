"""The stage of a run that makes its releasable report: what it charges, keeps, and does once."""

import json

import pandas as pd
import pytest

from engine import pipeline, released_report
from engine.certificate import recompute
from engine.checkpoints import FolderCheckpoints
from engine.errors import CancelledError, PlanError
from engine.evaluation.charged_metrics import CHARGED_METRICS
from engine.evaluation.registry import list_metrics
from engine.pipeline import fit, synthesize
from engine.privacy.plan import SynthesisPlan
from engine.privacy.price import price_plan
from engine.synthesizers.dp_tvae import DpTvaeSynthesizer
from engine.synthesizers.registry import list_methods, synthesizer_class
from tests.tables import MARKER, UNPROTECTED, small_plan, small_table

METHODS = [info.name for info in list_methods() if info.private]


def plan_of(method="mst", share=0.1, **changes):
    return small_plan(method, epsilon=3.0, target="smoker", evaluation_share=share, **changes)


def report_events(certificate):
    return [event for event in certificate["events"] if event["purpose"].startswith("releasable report")]


@pytest.mark.parametrize("method", METHODS)
def test_the_envelope_holds_the_report(method):
    plan = plan_of(method)
    result = synthesize(small_table(), plan, holdout=small_table(150, 5))
    certificate = json.loads(json.dumps(result.certificate))
    again = recompute(certificate)
    assert again["agrees"]
    assert again["epsilon"] <= plan.epsilon
    assert again["epsilon"] == pytest.approx(plan.epsilon, rel=1e-5)
    assert len(report_events(certificate)) == 9
    assert certificate["privacy"]["charged_epsilon"] == price_plan(plan).epsilon


def test_a_report_has_the_form_of_the_internal_one():
    result = synthesize(small_table(), plan_of(share=0.3), holdout=small_table(1000, 5))
    report = json.loads(json.dumps(result.released_report, allow_nan=False))
    assert (report["report_version"], report["classification"], report["evaluation_share"]) == (2, "releasable", 0.3)
    assert report["tables"]["synthetic_rows"] == len(result.synthetic)
    free = [info.name for info in list_metrics() if not info.reads_real_rows]
    assert list(report["metrics"]) == [*(info.name for info in CHARGED_METRICS), *free]
    for metric in report["metrics"].values():
        assert metric["class"] == "releasable"
        for finding in metric["findings"]:
            assert set(finding) == {"measure", "value", "interval", "reference", "sentence"}


def test_names_of_both_reports_do_not_clash():
    names = [info.name for info in (*CHARGED_METRICS, *list_metrics())]
    assert len(set(names)) == len(names)
    assert all(info.classification == "releasable" for info in CHARGED_METRICS)


def test_what_is_compared_is_what_is_handed_out(monkeypatch):
    """The first part is drawn for the report, and nothing is drawn twice."""
    monkeypatch.setattr(pipeline, "PIECE_ROWS", 100)
    seen = []
    monkeypatch.setattr(
        released_report, "_measured", lambda synthesizer, plan, first, rows, progress: seen.append(first) or _nothing()
    )
    run = fit(small_table(), plan_of(n_rows=250))
    pieces = list(run.pieces())
    assert sum(map(len, pieces)) == 250
    pd.testing.assert_frame_equal(pieces[0], seen[0])


def _nothing():
    from engine.evaluation.charged import Released

    return Released()


def test_without_rows_set_aside_all_of_it_pays_for_distances():
    with_holdout = synthesize(small_table(), plan_of(), holdout=small_table(150, 5))
    without = synthesize(small_table(), plan_of())
    assert "no rows were set aside" in without.released_report["metrics"]["noisy-utility"]["unavailable"]
    scales = [
        next(event["noise_scale"] for event in report_events(result.certificate)) for result in (with_holdout, without)
    ]
    assert scales[1] == pytest.approx(scales[0] / 2.0)


def test_without_a_column_to_predict():
    plan = small_plan("mst", epsilon=3.0, evaluation_share=0.2)
    report = synthesize(small_table(), plan, holdout=small_table(150, 5)).released_report
    assert "no column to predict" in report["metrics"]["noisy-utility"]["unavailable"]
    assert report["metrics"]["noisy-distances"]["findings"]


@pytest.mark.parametrize("n_rows", [0, 1, 3])
def test_tiny_tables(n_rows):
    report = synthesize(small_table()[:n_rows], plan_of(), holdout=small_table(150, 5)[:n_rows]).released_report
    assert "noise hides" in str(report["metrics"]["noisy-utility"]) or "single value" in str(report["metrics"])
    for finding in report["metrics"]["noisy-distances"]["findings"]:
        assert 0.0 <= finding["interval"][0] <= finding["interval"][1] <= 1.0


def test_one_column():
    schema = small_plan().schema.__class__((small_plan().schema.fields[1],))
    plan = small_plan("mst", epsilon=3.0, schema=schema, target="region", evaluation_share=0.1)
    report = synthesize(small_table()[["region"]], plan, holdout=small_table(50, 5)[["region"]]).released_report
    one, two, _ = report["metrics"]["noisy-distances"]["findings"]
    assert isinstance(one["value"], float)
    assert "single column" in two["value"]["unavailable"]
    assert "no other column" in report["metrics"]["noisy-utility"]["unavailable"]


def test_no_cell_of_a_text_column_is_quoted():
    table = small_table()
    table["region"] = table["region"].where(table.index > 3, MARKER)
    result = synthesize(table, plan_of(), holdout=table[:100])
    assert MARKER not in json.dumps(result.released_report)


@pytest.mark.parametrize("method", UNPROTECTED[:1])
def test_without_a_guarantee_there_is_no_report(method):
    assert synthesize(small_table(), small_plan(method)).released_report is None
    with pytest.raises(PlanError, match="no privacy loss to set aside"):
        small_plan(method, evaluation_share=0.1)


@pytest.mark.parametrize("share", [-0.1, 0.6, "0.1", True, float("nan"), None])
def test_impossible_shares(share):
    with pytest.raises(PlanError, match="share for the releasable report"):
        plan_of(share=share)


def test_a_plan_that_was_stored_before_sets_nothing_aside():
    stored = plan_of(share=0.25).to_json()
    assert SynthesisPlan.from_json(json.loads(json.dumps(stored))).evaluation_share == 0.25
    del stored["evaluation_share"]
    assert SynthesisPlan.from_json(stored).evaluation_share == 0.0


def test_the_holdout_has_the_schema_too():
    with pytest.raises(pipeline.InputError, match="'cost'"):
        synthesize(small_table(), plan_of(), holdout=small_table().drop(columns="cost"))


def test_a_method_that_trains_has_less_to_train_with():
    whole, part = (DpTvaeSynthesizer.training_of(plan_of("dp-tvae", share)) for share in (0.0, 0.3))
    assert part.noise_multiplier > whole.noise_multiplier


@pytest.mark.parametrize("method", ["mst", "dp-tvae"])
def test_a_report_is_measured_once(method, tmp_path):
    """An attempt that ends while it measures has spent what was set aside; the next one says so and charges it."""
    checkpoints, plan = FolderCheckpoints(tmp_path), plan_of(method)

    def stop(event):
        if "releasable report" in event.message:
            raise CancelledError("the process ended")

    with pytest.raises(CancelledError):
        synthesize(small_table(), plan, holdout=small_table(150, 5), checkpoints=checkpoints, progress=stop)
    assert checkpoints.begun() == synthesizer_class(method).training_steps(plan) + 1
    result = synthesize(small_table(), plan, holdout=small_table(150, 5), checkpoints=checkpoints)
    assert "counts as spent" in result.released_report["metrics"]["noisy-distances"]["unavailable"]
    assert [event["mechanism"] for event in report_events(result.certificate)] == ["reserved"]
    again = recompute(json.loads(json.dumps(result.certificate)))
    assert again["agrees"]
    assert again["epsilon"] == pytest.approx(plan.epsilon, rel=1e-5)
