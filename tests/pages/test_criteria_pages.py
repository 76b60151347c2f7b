"""Acceptance criteria in the pages: stated before the run, held against, and overridden with a reason."""

import pytest

from tests.pages.opening import ROOT, opened, texts
from workers.jobs import do_run

pytestmark = pytest.mark.usefixtures("few_metrics")

CLOSER = {"metric": "closest-record", "measure": "share-closer-to-training"}
TITLE = "Distance to the closest record: Closer to a training row"
REVEALS = "one bit about the real rows per criterion on an attack"


def choose(page, n_stated, title=TITLE):
    box = page.selectbox(key=f"criteria_measure_{n_stated}")
    return box.select(title).run()


def finished(studio, owner, sample, *criteria):
    studio.datasets.save_draft(owner, sample.id, criteria=list(criteria) or None)
    plan = studio.plans.draft_plan(owner, sample.id, method="independent", n_rows=200)
    run = studio.runs.submit(owner, sample.id, plan)
    do_run(studio, run.id)
    return studio.runs.get(owner, run.id)


def test_a_criterion_is_added_and_removed_on_the_review_page(studio, secret, owner, sample):
    page = opened(ROOT / "pages" / "review.py", secret, dataset=sample.id)
    assert "No criteria are stated" in texts(page)
    assert REVEALS in texts(page)
    page = choose(page, 0)
    limit = page.number_input(key="criteria_limit_closest-record_share-closer-to-training")
    assert (limit.label, limit.value) == ("At most (≤), in %", 55.0)
    limit.set_value(52.5)
    page.button(key="criteria_add").click().run()
    assert not page.exception
    assert not page.error
    assert studio.datasets.get(owner, sample.id).draft["criteria"] == [CLOSER | {"limit": 0.525}]
    assert f"{TITLE}: at most 52.5 %" in [text.value for text in page.text]
    assert TITLE not in page.selectbox(key="criteria_measure_1").options
    page.button(key="criterion_0_remove").click().run()
    assert "criteria" not in studio.datasets.get(owner, sample.id).draft


@pytest.mark.parametrize("forged", [7, [7], [CLOSER], [{"metric": "gone", "measure": "x", "limit": True}]])
def test_the_review_opens_over_forged_criteria_and_the_submission_refuses_them(studio, secret, owner, sample, forged):
    studio.datasets.save_draft(owner, sample.id, criteria=forged)
    page = opened(ROOT / "pages" / "review.py", secret, dataset=sample.id)
    assert not page.exception
    page.checkbox(key="review_understood").check().run()
    page.button(key="review_submit").click().run()
    assert not page.exception
    assert page.error
    assert studio.runs.list(owner) == []


def test_a_run_that_is_never_released_is_asked_for_no_criteria(studio, secret, owner, sample):
    studio.datasets.save_draft(owner, sample.id, method="gaussian-copula")
    page = opened(ROOT / "pages" / "review.py", secret, dataset=sample.id)
    assert "Acceptance criteria" not in [header.value for header in page.subheader]


def test_a_closed_release_shows_why_and_offers_no_file(studio, secret, owner, sample):
    run = finished(studio, owner, sample, CLOSER | {"limit": 0.0})
    page = opened(ROOT / "pages" / "release.py", secret, run=run.id)
    assert not page.exception
    assert "This release is closed.** One criterion is not met." in texts(page)
    assert f"**Not met** · {TITLE}, at most 0 %" in texts(page)
    assert any("above the limit of 0 %" in text.value for text in page.text)
    assert REVEALS in texts(page)
    assert not page.get("download_button")
    assert not page.dataframe
    assert "The release is closed" in texts(opened(ROOT / "pages" / "run.py", secret, run=run.id))
    asking = opened(ROOT / "pages" / "ask.py", secret, run=run.id)
    assert "The release is closed. One criterion is not met." in texts(asking)
    assert not asking.button


def test_a_release_is_opened_with_a_reason(studio, secret, owner, sample):
    run = finished(studio, owner, sample, CLOSER | {"limit": 0.0})
    page = opened(ROOT / "pages" / "release.py", secret, run=run.id)
    page.text_area(key="release_reason").set_value("Short").run()
    page.button[-1].click().run()
    assert "10 to 500 characters" in page.error[-1].value
    assert studio.runs.get(owner, run.id).release.state == "closed"
    page.text_area(key="release_reason").set_value("Signed off by the <b>board</b>.")
    page.button[-1].click().run()
    assert not page.exception
    assert studio.runs.get(owner, run.id).release.state == "overridden"
    assert "Released by override" in texts(page)
    assert "Reason: Signed off by the <b>board</b>." in [text.value for text in page.text]
    assert page.get("download_button")


def test_a_release_whose_criteria_are_met_says_so(studio, secret, owner, sample):
    run = finished(studio, owner, sample, CLOSER | {"limit": 1.0})
    page = opened(ROOT / "pages" / "release.py", secret, run=run.id)
    assert not page.exception
    assert f"**Met** · {TITLE}, at most 100 %" in texts(page)
    assert "This release is closed" not in texts(page)
    assert page.get("download_button")


def test_a_release_without_criteria_looks_as_before(studio, secret, owner, sample):
    run = finished(studio, owner, sample)
    page = opened(ROOT / "pages" / "release.py", secret, run=run.id)
    assert "Acceptance criteria" not in [header.value for header in page.subheader]
    assert REVEALS not in texts(page)


def test_another_user_sees_neither_verdict_nor_form(studio, owner, stranger, sample):
    run = finished(studio, owner, sample, CLOSER | {"limit": 0.0})
    page = opened(ROOT / "pages" / "release.py", studio.accounts.open_session(stranger), run=run.id)
    assert "Choose one of your runs first" in texts(page)
    assert not page.text_area


def test_a_criterion_that_nothing_pays_for_is_warned_of_before_the_charge(studio, secret, owner, sample):
    criterion = {"metric": "noisy-distances", "measure": "one-way", "limit": 0.1}
    studio.datasets.save_draft(owner, sample.id, criteria=[criterion])
    warned = "keeps no part of its privacy loss for the releasable report"
    assert warned in texts(opened(ROOT / "pages" / "review.py", secret, dataset=sample.id))
    studio.datasets.save_draft(owner, sample.id, evaluation_share=0.2)
    assert warned not in texts(opened(ROOT / "pages" / "review.py", secret, dataset=sample.id))
