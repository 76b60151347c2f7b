"""The budget page: the error of a chosen count against ε, and the ε that an accepted error takes."""

import re

import pytest

from engine.privacy.query_forecast import CellQuery
from tests.pages.opening import ROOT, opened, texts

BUDGET = ROOT / "pages" / "budget.py"


def test_the_error_of_a_count_is_drawn_against_epsilon(secret, sample):
    page = opened(BUDGET, secret, dataset=sample.id)
    assert not page.exception
    assert "Which ε for which error?" in texts(page)
    assert "Every run counts each column" in texts(page)
    html = " ".join(str(element.proto.body) for element in page.get("html"))
    assert "95 of 100 counts are off by at most" in html


def test_an_accepted_error_sets_the_slider(studio, secret, owner, sample):
    page = opened(BUDGET, secret, dataset=sample.id)
    page.selectbox(key="budget_count_first").select("sex").run()
    page.selectbox(key="budget_count_second").select("region").run()
    page.number_input(key="budget_accepted_sex_region").set_value(60.0).run()
    assert not page.exception
    plan = studio.plans.draft_plan(owner, sample.id)
    query = CellQuery((("sex", 1), ("region", 1)))
    epsilon = studio.plans.epsilon_for_error(owner, sample.id, plan, query, 60.0)
    assert epsilon != 1.0
    assert f"**ε = {epsilon:.3g}** is enough" in texts(page)
    page.button(key="budget_use_epsilon").click().run()
    assert not page.exception
    assert studio.datasets.get(owner, sample.id).draft["epsilon"] == pytest.approx(epsilon)
    assert page.select_slider(key="budget_epsilon").value == pytest.approx(epsilon)
    assert page.button(key="budget_use_epsilon").disabled
    found, _ = studio.plans.query_forecast(owner, sample.id, studio.plans.draft_plan(owner, sample.id), query)
    assert found.half_width <= 60.0


def test_more_values_take_more_epsilon(secret, sample):
    page = opened(BUDGET, secret, dataset=sample.id)
    page.selectbox(key="budget_count_first").select("region").run()
    page.number_input(key="budget_accepted_region").set_value(60.0).run()
    one = enough(page)
    page.number_input(key="budget_count_values_region").set_value(3).run()
    assert not page.exception
    assert "adds up 3 noisy counts" in texts(page)
    assert enough(page) > 1.5 * one


def enough(page):
    """The ε that the page calls enough."""
    return float(re.search(r"\*\*ε = ([0-9.]+)\*\* is enough", texts(page)).group(1))


def test_what_is_never_counted_together_has_bounds_only(studio, secret, owner, sample):
    studio.datasets.save_draft(owner, sample.id, method="independent")
    page = opened(BUDGET, secret, dataset=sample.id)
    page.selectbox(key="budget_count_second").select("region").run()
    assert not page.exception
    assert "never counts these columns together" in texts(page)
    assert not [button for button in page.button if button.key == "budget_use_epsilon"]


def test_an_error_that_no_epsilon_reaches_says_what_to_change(secret, sample):
    page = opened(BUDGET, secret, dataset=sample.id)
    page.selectbox(key="budget_count_first").select("age").run()
    page.number_input(key="budget_count_values_age").set_value(40).run()
    page.number_input(key="budget_accepted_age").set_value(1.0).run()
    assert not page.exception
    assert "Even ε = 100 leaves" in page.error[0].value
