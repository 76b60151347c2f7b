"""On every page a run without a privacy guarantee is called that, and no ε stands beside it."""

import re

import pytest

from tests.pages.opening import ROOT, at_work, opened, texts
from workers.jobs import do_run

A_NUMBER = re.compile(r"ε\W{0,4}(?:\d|inf|nan|unlimited|–)", re.IGNORECASE)


@pytest.fixture
def finished(studio, owner, sample):
    """A finished run of a method that protects nobody, and no other."""
    plan = studio.plans.draft_plan(owner, sample.id, method="gaussian-copula", n_rows=150)
    run = studio.runs.submit(owner, sample.id, plan)
    do_run(studio, run.id)
    return run


def everything(page):
    """All texts of a page, with tables, badges and what is drawn as HTML."""
    html = [str(element.proto.body) for element in page.get("html")]
    tables = [frame.value.to_string() for frame in page.dataframe]
    labels = [button.label for button in page.button] + [str(badge.value) for badge in page.get("badge")]
    return " ".join([texts(page), *html, *tables, *labels])


@pytest.mark.parametrize("name", ["run", "report", "release"])
def test_pages_of_a_run_say_it_and_print_no_epsilon(secret, finished, name):
    page = opened(ROOT / "pages" / f"{name}.py", secret, run=finished.id)
    assert not page.exception
    shown = everything(page)
    assert "Method gaussian-copula, no privacy guarantee" in shown
    assert "This method reads the private rows without protection" in shown
    assert not A_NUMBER.search(shown)
    assert "changes the odds" not in shown


@pytest.mark.parametrize("name", ["runs", "home"])
def test_lists_say_it_and_print_no_epsilon_beside_it(studio, secret, finished, name):
    page = opened(ROOT / "pages" / f"{name}.py", secret)
    assert not page.exception
    links = [str(link.proto.label) for link in page.get("page_link")]
    line = next(text for text in [*links, *(caption.value for caption in page.caption)] if "gaussian-copula" in text)
    assert "no privacy guarantee" in line
    assert "ε" not in line


def test_the_ledger_lists_it_outside_of_every_total(studio, secret, finished):
    page = opened(ROOT / "pages" / "ledger.py", secret, dataset=finished.dataset_id)
    assert not page.exception
    row = page.dataframe[0].value.iloc[0]
    assert (row["State"], row["ε of the run"], row["δ"]) == ("outside the budget", "no privacy guarantee", "")
    assert "1 run below had **no privacy guarantee**" in texts(page)
    assert "ε 0." in texts(page)  # the sum of all entries that have one


def test_the_files_are_called_internal_and_nothing_is_offered_for_release(studio, secret, finished):
    page = opened(ROOT / "pages" / "release.py", secret, run=finished.id)
    assert [title.value for title in page.title] == ["Files, for internal use"]
    assert "Nothing on this page may leave the organisation" in texts(page)
    assert "no further rows can be drawn from it" in texts(page)
    names = [button.proto.label for button in page.get("download_button")]
    assert len(names) == 3
    assert "Make the internal record" in [button.label for button in page.button]
    assert not any("odel" in name for name in names)


def test_they_stand_at_the_end_of_the_model_page_and_are_asked_for_first(studio, secret, owner, sample):
    page = opened(ROOT / "pages" / "model.py", secret, dataset=sample.id)
    headers = [header.value for header in page.header]
    assert headers[-1] == "For internal comparison only: no privacy guarantee"
    assert not {"ctgan", "tvae", "gaussian-copula"} & {str(name) for name in page.radio(key="model_method").options}
    assert [radio.key for radio in page.radio] == ["model_method"]
    page.checkbox(key="model_unprotected").check().run()
    assert len(page.radio(key="model_unprotected_method").options) == 3
    assert "protects nobody" in " ".join(page.checkbox(key="model_unprotected").label.split())
    page.radio(key="model_unprotected_method").set_value("tvae")
    page.button(key="model_save").click().run()
    assert not page.exception
    plan = studio.plans.draft_plan(owner, sample.id)
    assert (plan.method, plan.epsilon) == ("tvae", None)
    again = opened(ROOT / "pages" / "model.py", secret, dataset=sample.id)
    assert again.checkbox(key="model_unprotected").value
    again.checkbox(key="model_unprotected").uncheck().run()
    again.button(key="model_save").click().run()
    assert (studio.plans.draft_plan(owner, sample.id).method, studio.plans.draft_plan(owner, sample.id).epsilon) == (
        studio.plans.default_method(owner, sample.id),
        1.0,
    )


def test_the_budget_page_asks_no_epsilon_for_them(studio, secret, owner, sample):
    studio.datasets.save_draft(owner, sample.id, method="ctgan")
    page = opened(ROOT / "pages" / "budget.py", secret, dataset=sample.id)
    assert not page.exception
    assert not page.select_slider
    assert "has no ε, so there is nothing to choose here" in texts(page)
    assert page.button(key="budget_continue")


def test_the_review_asks_for_another_promise_and_prints_no_cost(studio, secret, owner, sample):
    studio.datasets.save_draft(owner, sample.id, method="gaussian-copula")
    page = opened(ROOT / "pages" / "review.py", secret, dataset=sample.id)
    assert not page.exception
    shown = everything(page)
    assert "nobody: no privacy guarantee" in shown
    assert "Start the run without a privacy guarantee" in shown
    assert not A_NUMBER.search(shown)
    assert page.button(key="review_submit").disabled
    page.checkbox(key="review_understood").check().run()
    page.button(key="review_submit").click().run()
    assert not page.exception
    assert [run.guarantee for run in studio.runs.list(owner)] == ["none"]


def test_an_owner_forbids_them_in_the_page(studio, secret, owner, sample):
    page = opened(ROOT / "pages" / "budget.py", secret, dataset=sample.id)
    page.toggle(key="budget_unprotected").set_value(False).run()
    assert not page.exception
    assert not studio.datasets.get(owner, sample.id).allows_unprotected
    page = opened(ROOT / "pages" / "model.py", secret, dataset=sample.id)
    assert "are forbidden on this dataset" in texts(page)
    assert not [box for box in page.checkbox if box.key == "model_unprotected"]
    studio.datasets.save_draft(owner, sample.id, method="ctgan")
    page = opened(ROOT / "pages" / "review.py", secret, dataset=sample.id)
    assert not page.exception
    assert "forbids runs without a privacy guarantee" in texts(page)
    assert not [button for button in page.button if button.key == "review_submit"]


def test_losses_of_a_training_are_called_what_they_are(studio, secret, owner, sample):
    studio.datasets.save_draft(owner, sample.id, method="ctgan")
    page = opened(ROOT / "pages" / "run.py", secret, run=at_work(studio, owner, sample, epsilon=None).id)
    assert not page.exception
    assert "Do not pass them on" in texts(page)
    assert "noised quantities" not in texts(page)
    assert "ε so far" not in everything(page)
