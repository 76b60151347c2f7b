"""Runs side by side in the browser, and a report of an earlier version."""

import pytest

from tests.app.test_comparison import rewrite
from tests.pages.opening import ROOT, opened, texts
from workers.jobs import do_run

pytestmark = pytest.mark.usefixtures("few_metrics")

PAGE = ROOT / "pages" / "compare.py"


@pytest.fixture
def runs(studio, owner, sample):
    made = []
    for n_rows in (150, 200):
        plan = studio.plans.draft_plan(owner, sample.id, method="independent", n_rows=n_rows)
        run = studio.runs.submit(owner, sample.id, plan)
        do_run(studio, run.id)
        made.append(studio.runs.get(owner, run.id))
    return made


def html(page):
    return " ".join(str(element.proto.body) for element in page.get("html"))


def test_two_runs_are_chosen_and_compared(secret, runs):
    page = opened(PAGE, secret, run=runs[0].id)
    assert not page.exception
    box = page.multiselect[0]
    assert len(box.value) == 1
    assert runs[0].id[:8] in box.value[0]
    assert "Choose at least 2 runs" in texts(page)
    page = box.set_value(list(box.options)).run()
    assert not page.exception
    shown = html(page)
    assert shown.count("<table>") >= 3
    assert '<th scope="col">Run A</th><th scope="col">Run B</th>' in shown
    assert "· best</span>" in shown
    assert "Closer to a training row" in shown
    assert "shows statistics of real rows" in texts(page)
    assert "ε does not cover" in texts(page)
    titles = page.selectbox(key="compare_measure").options
    page.selectbox(key="compare_measure").select(titles[-1]).run()
    assert not page.exception


def test_with_one_run_there_is_nothing_to_compare(studio, secret, owner, sample):
    page = opened(PAGE, secret)
    assert "Two finished runs of one dataset are needed" in texts(page)


def test_another_users_runs_are_not_offered(studio, stranger, runs):
    page = opened(PAGE, studio.accounts.open_session(stranger), run=runs[0].id)
    assert not page.exception
    assert "Two finished runs of one dataset are needed" in texts(page)


def test_a_report_of_an_earlier_version_is_refused_in_words(studio, secret, runs):
    rewrite(studio, runs[0], lambda report: {"report_version": 1, "classification": "internal"})
    page = opened(ROOT / "pages" / "report.py", secret, run=runs[0].id)
    assert not page.exception
    assert "An earlier version made this report" in texts(page)
    page = opened(PAGE, secret, run=runs[0].id)
    page.multiselect[0].set_value(list(page.multiselect[0].options)).run()
    assert not page.exception
    assert "An earlier version made this report" in texts(page)


def test_a_report_is_made_again_from_its_page(studio, secret, owner, runs):
    rewrite(studio, runs[0], lambda report: {"report_version": 1, "classification": "internal"})
    page = opened(ROOT / "pages" / "report.py", secret, run=runs[0].id)
    page.button(key="report_again").click().run()
    assert not page.exception
    asked = studio.runs.get(owner, runs[0].id)
    assert (asked.status, asked.task) == ("queued", "evaluation")
    waiting = opened(ROOT / "pages" / "run.py", secret, run=asked.id)
    assert "nothing is lost" in texts(waiting)
    do_run(studio, asked.id, asked.attempt)
    page = opened(ROOT / "pages" / "report.py", secret, run=asked.id)
    assert not page.exception
    assert not page.error
    assert page.button(key="report_again")


def test_a_run_without_a_table_has_no_report_to_make_again(studio, secret, owner, sample):
    run = studio.runs.submit(owner, sample.id, studio.plans.draft_plan(owner, sample.id))
    studio.runs.cancel(owner, run.id)
    page = opened(ROOT / "pages" / "report.py", secret, run=run.id)
    page.button(key="report_again").click().run()
    assert not page.exception
    assert "no synthetic table" in texts(page)
