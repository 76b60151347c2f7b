"""Every page file on its own: closed to visitors, empty, with a dataset, and with values no widget allows."""

import re
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from app.errors import InvalidPlanError
from app.ui import navigation
from engine.data.rules import AtMost, Combinations
from tests.pages.opening import ROOT, SECONDS, opened, texts
from workers.jobs import do_run

PAGES = sorted((ROOT / "pages").glob("*.py"))


def test_every_page_is_registered():
    assert {path.stem for path in PAGES} == {screen.name for screen in navigation.SCREENS}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_visitor_sees_nothing(studio, sample, path):
    page = opened(path, dataset=sample.id)
    assert not page.exception
    assert [title.value for title in page.title] == ["Sign in"]
    assert [button.label for button in page.button] == ["Sign in"]
    assert sample.name not in texts(page)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_file_alone_is_closed_too(studio, sample, path):
    page = AppTest.from_file(str(path), default_timeout=SECONDS)
    page.query_params["dataset"] = sample.id
    page.run()
    assert [info.value for info in page.info] == ["Sign in to continue."]
    assert not page.title
    assert not page.button


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_an_empty_account(secret, path):
    page = opened(path, secret)
    assert not page.exception
    assert texts(page)


@pytest.mark.parametrize("name", ["columns", "protect", "budget", "model", "review", "ledger"])
def test_a_ready_dataset(secret, sample, name):
    page = opened(ROOT / "pages" / f"{name}.py", secret, dataset=sample.id)
    assert not page.exception
    assert not page.error
    assert page.button


@pytest.mark.parametrize("name", ["columns", "protect", "budget", "model", "review", "ledger"])
def test_a_strangers_dataset_looks_like_none(studio, stranger, sample, name):
    page = opened(ROOT / "pages" / f"{name}.py", studio.accounts.open_session(stranger), dataset=sample.id)
    assert not page.exception
    assert "Choose one of your datasets first" in texts(page)
    assert sample.name not in texts(page)


@pytest.mark.parametrize("name", ["run", "report", "release"])
def test_a_run_that_waits(studio, secret, owner, sample, name):
    run = studio.runs.submit(owner, sample.id, studio.plans.draft_plan(owner, sample.id))
    page = opened(ROOT / "pages" / f"{name}.py", secret, run=run.id)
    assert not page.exception
    expected = "Reserved" if name == "run" else "not finished"
    assert expected in texts(page)
    studio.runs.cancel(owner, run.id)


def test_a_later_step_is_locked_until_the_earlier_is_done(studio, secret, owner):
    dataset = studio.datasets.register_sample(owner)
    page = opened(ROOT / "pages" / "budget.py", secret, dataset=dataset.id)
    assert "This step opens when the step “columns” is done." in texts(page)
    assert not page.button


def test_confirming_columns_in_the_page(studio, secret, owner):
    dataset = studio.datasets.register_sample(owner)
    page = opened(ROOT / "pages" / "columns.py", secret, dataset=dataset.id)
    page.button(key="columns_confirm_ready").click().run()
    assert not page.exception
    assert studio.datasets.get(owner, dataset.id).schema_confirmed


def test_what_matters_most_is_kept_and_reviewed(studio, secret, owner, sample):
    page = opened(ROOT / "pages" / "model.py", secret, dataset=sample.id)
    page.selectbox(key="model_target").select("readmitted")
    page.multiselect(key="model_important").select("age").select("severity")
    page.button(key="model_save").click().run()
    assert not page.exception
    plan = studio.plans.draft_plan(owner, sample.id)
    assert (plan.target, plan.important) == ("readmitted", ("age", "severity"))
    assert "those of age, severity" in texts(opened(ROOT / "pages" / "review.py", secret, dataset=sample.id))
    page = opened(ROOT / "pages" / "model.py", secret, dataset=sample.id)
    assert page.multiselect(key="model_important").value == ["age", "severity"]
    page.multiselect(key="model_important").set_value([])
    page.button(key="model_save").click().run()
    assert studio.plans.draft_plan(owner, sample.id).important == ()


def test_a_share_for_the_releasable_report_is_kept_and_reviewed(studio, secret, owner, sample):
    page = opened(ROOT / "pages" / "model.py", secret, dataset=sample.id)
    assert "says only what costs nothing" in texts(page)
    page.select_slider(key="model_evaluation_share").set_value(0.1).run()
    assert "10 % of the privacy loss measures" in texts(page)
    page.button(key="model_save").click().run()
    assert studio.plans.draft_plan(owner, sample.id).evaluation_share == 0.1
    assert "10 % of the privacy loss" in texts(opened(ROOT / "pages" / "review.py", secret, dataset=sample.id))


@pytest.mark.parametrize(
    "forged",
    [{"important": 7}, {"evaluation_share": "all"}, {"important": ["no column"]}, {"target": [1]}, {"method": "no"}],
)
def test_the_model_page_opens_over_forged_choices(studio, secret, owner, sample, forged):
    studio.datasets.save_draft(owner, sample.id, **forged)
    page = opened(ROOT / "pages" / "model.py", secret, dataset=sample.id)
    assert not page.exception
    assert not page.error
    page.button(key="model_save").click().run()
    assert not page.exception
    assert not page.error


def add_order(page, low, high):
    page.selectbox(key="rules_low_0").select(low).run()
    page.selectbox(key="rules_high_0").select(high).run()
    return page.button(key="rules_add_order").click().run()


def test_a_rule_is_added_reviewed_and_removed_in_the_pages(studio, secret, owner, sample):
    page = opened(ROOT / "pages" / "columns.py", secret, dataset=sample.id)
    numbers = page.selectbox(key="rules_low_0").options
    assert "age" in numbers and "total_cost" in numbers and "sex" not in numbers and "admitted_on" not in numbers
    page = add_order(page, "length_of_stay", "age")
    assert not page.exception
    assert not page.error
    rule = AtMost("length_of_stay", "age")
    assert studio.datasets.get(owner, sample.id).schema.rules == (rule,)
    assert studio.datasets.get(owner, sample.id).schema_confirmed
    assert "length_of_stay is at most age." in [text.value for text in page.text]
    review = opened(ROOT / "pages" / "review.py", secret, dataset=sample.id)
    assert not review.exception
    assert list(review.dataframe[-1].value["Rule"]) == ["length_of_stay is at most age"]
    page.button(key="rule_0_remove").click().run()
    assert studio.datasets.get(owner, sample.id).schema.rules == ()


def test_rules_that_go_round_are_refused_and_the_form_keeps_its_choices(studio, secret, owner, sample):
    rules = (AtMost("length_of_stay", "age"),)
    schema = replace(sample.schema, rules=rules)
    studio.datasets.save_schema(owner, sample.id, schema, set(schema.names))
    page = opened(ROOT / "pages" / "columns.py", secret, dataset=sample.id)
    page.selectbox(key="rules_low_1").select("age").run()
    page.selectbox(key="rules_high_1").select("length_of_stay").run()
    page.button(key="rules_add_order").click().run()
    assert "below itself" in page.error[0].value
    assert studio.datasets.get(owner, sample.id).schema.rules == rules
    assert page.selectbox(key="rules_low_1").value == "age"


def test_an_edit_that_breaks_a_rule_is_refused_in_the_page_and_keeps_what_was_typed(studio, secret, owner, sample):
    schema = replace(sample.schema, rules=(AtMost("length_of_stay", "age"),))
    studio.datasets.save_schema(owner, sample.id, schema, set(schema.names))
    page = opened(ROOT / "pages" / "columns.py", secret, dataset=sample.id)
    page.selectbox(key="columns_selected").select("age").run()
    page.selectbox(key="column_age_treatment").select("fake").run()
    page.button(key="column_age_confirm").click().run()
    assert not page.exception
    assert "length_of_stay is at most age" in page.error[0].value
    assert "Nothing was saved" in page.error[0].value
    assert page.selectbox(key="column_age_treatment").value == "fake"
    assert studio.datasets.get(owner, sample.id).schema == schema


def test_a_list_of_combinations_is_uploaded_in_the_page(studio, secret, owner, sample):
    page = opened(ROOT / "pages" / "columns.py", secret, dataset=sample.id)
    page.radio(key="rules_kind").set_value("Only listed combinations occur").run()
    page.multiselect(key="rules_columns_0").select("sex").select("region").run()
    page.radio(key="rules_way_0").set_value("Upload a small table").run()
    content = b"sex,region\nFemale,North\nMale,Mars\n"
    page.file_uploader(key="rules_file_0").upload("pairs.csv", content).run()
    page.button(key="rules_add_file").click().run()
    assert "Line 2 of the list holds a value that column 'region' does not list" in page.error[0].value
    page.file_uploader(key="rules_file_0").upload("pairs.csv", content.replace(b"Mars", b"South")).run()
    page.button(key="rules_add_file").click().run()
    assert not page.exception
    assert not page.error
    rule = Combinations(("sex", "region"), (("Female", "North"), ("Male", "South")))
    assert studio.datasets.get(owner, sample.id).schema.rules == (rule,)


def test_columns_wait_for_confirmation_before_a_rule_is_about_them(studio, secret, owner):
    dataset = studio.datasets.register_sample(owner)
    page = opened(ROOT / "pages" / "columns.py", secret, dataset=dataset.id)
    assert "Confirm two of them" in texts(page)
    assert not [box for box in page.selectbox if box.key.startswith("rules_")]


def test_the_forecast_of_aim_speaks_of_its_rounds(studio, secret, owner, sample):
    page = opened(ROOT / "pages" / "budget.py", secret, dataset=sample.id)
    assert "in rounds" not in texts(page)
    studio.datasets.save_draft(owner, sample.id, method="aim")
    page = opened(ROOT / "pages" / "budget.py", secret, dataset=sample.id)
    assert not page.exception
    assert "measurements of pairs and triples of columns, in rounds" in texts(page)


def test_the_last_steps_of_a_run_are_shown_newest_first(studio, secret, owner, sample):
    run = studio.runs.submit(owner, sample.id, studio.plans.draft_plan(owner, sample.id))
    studio.ledger.commit(run.id)
    for number in range(11):
        message = f"Round {number}: measured <b> × age"
        studio.queue.save_progress(run.id, stage="measuring", fraction=0.3, message=message)
    page = opened(ROOT / "pages" / "run.py", secret, run=run.id)
    assert not page.exception
    html = " ".join(str(element.proto.body) for element in page.get("html"))
    shown = re.findall(r"Round (\d+): measured &lt;b&gt;", html)
    assert shown == [str(number) for number in range(10, 2, -1)]
    assert len(page.dataframe[0].value) == 11


def test_the_review_says_how_long_a_run_takes_and_how_much_memory(secret, sample):
    page = opened(ROOT / "pages" / "review.py", secret, dataset=sample.id)
    html = " ".join(str(element.proto.body) for element in page.get("html"))
    assert re.search(r"Time, about</dt><dd>\d+ (seconds|minutes)<", html)
    assert re.search(r"Memory, about</dt><dd>[\d.]+ MiB<", html)
    page.checkbox(key="review_understood").check().run()
    assert not page.button(key="review_submit").disabled


def test_a_run_that_needs_too_much_memory_cannot_be_reserved(studio, secret, owner, sample, monkeypatch):
    monkeypatch.setattr("engine.resources.available_memory", lambda: 10 * 2**20)
    page = opened(ROOT / "pages" / "review.py", secret, dataset=sample.id)
    assert not page.exception
    assert "9 MiB can be used here now: drop columns" in texts(page)
    assert page.button(key="review_submit").disabled
    assert page.checkbox(key="review_understood").disabled
    with pytest.raises(InvalidPlanError, match="Nothing was spent"):
        studio.runs.submit(owner, sample.id, studio.plans.draft_plan(owner, sample.id))
    assert studio.ledger.summary(owner, sample.id).n_entries == 0


@pytest.fixture
def finished(studio, owner, sample):
    """A finished run of the sample table."""
    plan = studio.plans.draft_plan(owner, sample.id, method="independent", n_rows=200, evaluation_share=0.2)
    run = studio.runs.submit(owner, sample.id, plan)
    do_run(studio, run.id)
    return run


def test_further_rows_have_the_values_that_are_fixed(secret, finished):
    page = opened(ROOT / "pages" / "release.py", secret, run=finished.id)
    assert not page.exception
    assert "any number of further rows adds nothing to ε = 1" in texts(page)
    for shown in ("Quality, for whoever receives the rows", "as a charged measurement says?"):
        assert shown in texts(page)
    assert "set aside for it" not in texts(page)
    tables = len(page.dataframe)
    page.multiselect(key="further_columns").select("region").select("age").select("systolic_pressure").run()
    assert "Write a value for age and systolic_pressure" in texts(page)
    assert len(page.dataframe) == tables
    page.selectbox(key="further_value_region").select("South").run()
    page.text_input(key="further_value_age").set_value("44")
    page.checkbox(key="further_value_systolic_pressure_missing").check().run()
    assert not page.exception
    assert not page.error
    drawn = page.dataframe[-1].value
    assert (set(drawn["region"]), set(drawn["age"])) == ({"South"}, {44})
    assert drawn["systolic_pressure"].isna().all()


def test_a_value_that_no_row_has_is_refused_and_stays_written(secret, finished):
    page = opened(ROOT / "pages" / "release.py", secret, run=finished.id)
    page.multiselect(key="further_columns").select("age").run()
    page.text_input(key="further_value_age").set_value("400").run()
    assert not page.exception
    assert "no such value" in page.error[0].value
    assert page.text_input(key="further_value_age").value == "400"
    assert "What is not covered" in texts(page)


def test_a_forged_slider_value_is_refused_by_the_service(studio, secret, owner, sample):
    studio.datasets.save_draft(owner, sample.id, epsilon=9999.0)
    page = opened(ROOT / "pages" / "review.py", secret, dataset=sample.id)
    assert not page.exception
    assert "ε must be between" in texts(page)
    assert not [button for button in page.button if button.key == "review_submit"]


def test_a_run_over_the_cap_cannot_be_reserved(studio, secret, owner, sample):
    studio.datasets.save_draft(owner, sample.id, epsilon=10.0)
    page = opened(ROOT / "pages" / "review.py", secret, dataset=sample.id)
    assert "above its total" in texts(page)
    assert page.button(key="review_submit").disabled


def test_a_name_is_shown_as_text(studio, secret, owner, sample):
    studio.datasets.rename(owner, sample.id, "<img src=x onerror=alert(1)>")
    page = opened(ROOT / "pages" / "protect.py", secret, dataset=sample.id)
    assert not page.exception
    html = " ".join(str(element.proto.body) for element in page.get("html"))
    assert "<img" not in html
    assert "&lt;img" in html


def test_locked_out_after_failures(studio, owner):
    from app.errors import LockedOutError, WrongCredentialsError

    for _ in range(studio.settings.lockout_attempts):
        with pytest.raises(WrongCredentialsError):
            studio.accounts.authenticate("owner", "not the password")
    with pytest.raises(LockedOutError):
        studio.accounts.authenticate("owner", "not the password")
    page = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=SECONDS).run()
    page.text_input(key="sign_in_username").set_value("owner")
    page.text_input(key="sign_in_password").set_value("not the password")
    page.button[0].click().run()
    assert "Too many failed sign-ins" in page.error[0].value
