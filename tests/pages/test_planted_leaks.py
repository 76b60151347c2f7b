"""Synthesizers that leak on purpose, driven through the application: named in the report, and kept from release."""

import pytest

from app.errors import AppError
from tests.leaks import planted_leaks
from tests.pages.opening import ROOT, opened, texts
from workers.jobs import do_run

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("leak", "title"),
    [
        ("leak-copies", "Rows of the training table were copied"),
        ("leak-no-noise", "The noise that the certificate states was not drawn"),
    ],
)
def test_a_planted_leak_is_named_and_its_release_is_closed(studio, secret, owner, sample, leak, title):
    with planted_leaks():
        plan = studio.plans.draft_plan(owner, sample.id, method=leak)
        run = studio.runs.submit(owner, sample.id, plan)
        do_run(studio, run.id)
        report = opened(ROOT / "pages" / "report.py", secret, run=run.id)
        assert not report.exception
        assert [error.value.split(".")[0].strip("*") for error in report.error] == [title]
        release = opened(ROOT / "pages" / "release.py", secret, run=run.id)
        assert not release.exception
        assert title in texts(release)
        assert not release.get("download_button")
        with pytest.raises(AppError, match="closed"):
            studio.reports.open_artifact(owner, run.id, "synthetic.csv")


def test_an_honest_run_has_no_alarm_and_every_part_of_its_report_is_shown(studio, secret, owner, sample):
    run = studio.runs.submit(
        owner, sample.id, studio.plans.draft_plan(owner, sample.id, method="aim", target="readmitted")
    )
    do_run(studio, run.id)
    report = opened(ROOT / "pages" / "report.py", secret, run=run.id)
    assert not report.exception
    assert not report.error
    evaluation = studio.reports.evaluation(owner, run.id)
    labels = " ".join(block.label for block in report.expander)
    for metric in evaluation["metrics"].values():
        assert metric["title"] in labels
    assert "could not be computed" not in labels
