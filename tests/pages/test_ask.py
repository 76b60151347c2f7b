"""The page that asks the table: every kind of question, and what it shows of the answers."""

import pytest

from tests.pages.opening import ROOT, opened, texts
from workers.jobs import do_run

PAGE = ROOT / "pages" / "ask.py"


@pytest.fixture
def finished(studio, owner, sample):
    run = studio.runs.submit(owner, sample.id, studio.plans.draft_plan(owner, sample.id, n_rows=200))
    do_run(studio, run.id)
    return run


def html(page):
    return " ".join(str(element.proto.body) for element in page.get("html"))


def test_a_count_by_group_is_a_table_and_a_chart(secret, finished):
    page = opened(PAGE, secret, run=finished.id)
    assert not page.exception and not page.error
    assert "Rows" in html(page) and "95 % interval" in html(page)
    assert "adds nothing to ε 1" in texts(page)
    page.multiselect(key="ask_by").select("region").run()
    assert not page.exception and not page.error
    table = page.dataframe[0].value
    assert {"region", "Answer", "95 % interval", "In the model", "How it is known"} == set(table.columns)
    assert set(table["How it is known"]) == {"measured"}
    assert page.get("plotly_chart")
    assert "**Measured**" in texts(page)


def test_a_mean_under_conditions_asks_for_what_is_still_missing(secret, finished):
    page = opened(PAGE, secret, run=finished.id)
    page.segmented_control(key="ask_measure").select("mean").run()
    page.selectbox(key="ask_mean_column").select("age").run()
    page.multiselect(key="ask_where").select("age").run()
    assert "write at least one end" in texts(page)
    page.text_input(key="ask_where_age_low").set_value("40").run()
    assert not page.exception and not page.error
    assert "Mean of age" in html(page)
    page.text_input(key="ask_where_age_low").set_value("old").run()
    assert "not of type integer" in texts(page)
    assert page.text_input(key="ask_where_age_low").value == "old"


def test_a_share_of_some_values_with_other_terms(secret, finished):
    page = opened(PAGE, secret, run=finished.id)
    page.segmented_control(key="ask_measure").select("share").run()
    page.selectbox(key="ask_share_column").select("region").run()
    assert len(page.dataframe[0].value) > 2
    page.multiselect(key="ask_of_values").select("South").run()
    page.select_slider(key="ask_confidence").set_value(0.99)
    page.checkbox(key="ask_population").check().run()
    assert not page.exception and not page.error
    assert "99 % interval" in html(page)
    assert "are taken for a random sample" in texts(page)


def test_the_release_page_leads_there(secret, finished):
    page = opened(ROOT / "pages" / "release.py", secret, run=finished.id)
    assert any("Ask for a count" in str(link.proto.label) for link in page.get("page_link"))
    assert f"/ask?run={finished.id}" in html(page)


def test_a_run_without_a_guarantee_has_nothing_to_ask(studio, secret, owner, sample):
    plan = studio.plans.draft_plan(owner, sample.id, method="gaussian-copula", n_rows=150)
    run = studio.runs.submit(owner, sample.id, plan)
    do_run(studio, run.id)
    page = opened(PAGE, secret, run=run.id)
    assert not page.exception
    assert "keeps no model" in texts(page)
    assert not page.segmented_control
    assert "/ask?run=" not in html(opened(ROOT / "pages" / "release.py", secret, run=run.id))


def test_a_run_that_waits_says_so(studio, secret, owner, sample):
    run = studio.runs.submit(owner, sample.id, studio.plans.draft_plan(owner, sample.id))
    page = opened(PAGE, secret, run=run.id)
    assert "not finished" in texts(page)
    studio.runs.cancel(owner, run.id)
