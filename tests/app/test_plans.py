"""Plans: made of saved choices, priced and forecast without a private row."""

from dataclasses import replace

import pytest

from app.errors import InvalidPlanError, NotReadyError
from engine.privacy.plan import UnitOfProtection
from tests.app.builders import SCHEMA, add_dataset, ready_dataset, submit


@pytest.fixture
def dataset_id(services, owner):
    return ready_dataset(services, owner, cap=1.0)


def test_a_plan_is_made_of_the_saved_choices(services, owner, dataset_id):
    services.datasets.save_draft(owner, dataset_id, n_rows=50, target="colour", important=["age", "colour"])
    plan = services.plans.draft_plan(owner, dataset_id)
    assert (plan.method, plan.epsilon, plan.delta) == ("independent", 0.1, 1e-6)
    assert (plan.n_rows, plan.target, plan.declared_rows) == (50, "colour", 300)
    assert plan.important == ("age", "colour")
    assert plan.schema == SCHEMA


def test_a_share_for_the_report_is_passed_over_without_a_guarantee(services, owner, dataset_id):
    services.datasets.save_draft(owner, dataset_id, evaluation_share=0.1)
    assert services.plans.draft_plan(owner, dataset_id).evaluation_share == 0.1
    assert services.plans.draft_plan(owner, dataset_id, method="ctgan").evaluation_share == 0.0
    for wrong in (0.6, -0.1, "much"):
        with pytest.raises(InvalidPlanError, match="releasable report"):
            services.plans.draft_plan(owner, dataset_id, evaluation_share=wrong)


def test_a_choice_can_be_tried_without_saving_it(services, owner, dataset_id):
    assert services.plans.draft_plan(owner, dataset_id, epsilon=0.7).epsilon == 0.7
    assert services.datasets.get(owner, dataset_id).draft["epsilon"] == 0.1


def test_missing_steps_are_named(services, owner):
    dataset_id = add_dataset(services, owner)
    datasets = services.datasets
    steps = [
        lambda: datasets.save_schema(owner, dataset_id, SCHEMA, set(SCHEMA.names)),
        lambda: datasets.save_unit(owner, dataset_id, UnitOfProtection(), 300),
        lambda: datasets.save_budget(owner, dataset_id, 1.0, 1e-6),
        lambda: datasets.save_draft(owner, dataset_id, epsilon=0.1),
    ]
    for step, expected in zip(steps, ("columns", "protect", "budget", "model"), strict=True):
        with pytest.raises(NotReadyError) as missing:
            services.plans.draft_plan(owner, dataset_id)
        assert missing.value.step == expected
        step()
    assert services.plans.draft_plan(owner, dataset_id).method == "aim"


@pytest.mark.parametrize(
    "choices",
    [
        {"epsilon": -1},
        {"epsilon": "1"},
        {"n_rows": 0},
        {"target": "size"},
        {"target": 7},
        {"important": ["size"]},
        {"important": "age"},
        {"important": [7]},
        {"important": {"age": 1}},
        {"epsilon": 1e9},
        {"epsilon": True},
    ],
)
def test_forged_choices_are_refused(services, owner, dataset_id, choices):
    services.datasets.save_draft(owner, dataset_id, **choices)
    with pytest.raises(InvalidPlanError):
        services.plans.draft_plan(owner, dataset_id)


@pytest.mark.parametrize("choices", [{"target": "colour"}, {"important": ["age", "colour"]}])
def test_a_choice_that_outlived_its_column_says_where_to_choose_again(services, owner, dataset_id, choices):
    services.datasets.save_draft(owner, dataset_id, **choices)
    dropped = SCHEMA.replace_field(replace(SCHEMA.fields[1], treatment="drop", enum=None))
    services.datasets.save_schema(owner, dataset_id, dropped, set(dropped.names))
    with pytest.raises(InvalidPlanError, match="Column 'colour' was chosen on the model step"):
        services.plans.draft_plan(owner, dataset_id)
    kept = dict.fromkeys(choices)
    assert services.plans.draft_plan(owner, dataset_id, **kept).synthesized_names() == ("age",)


def test_the_default_method_follows_the_number_of_columns(services, owner, dataset_id):
    assert services.plans.default_method(owner, dataset_id) == "aim"
    dropped = SCHEMA.replace_field(replace(SCHEMA.fields[1], treatment="drop", enum=None))
    services.datasets.save_schema(owner, dataset_id, dropped, set(dropped.names))
    assert services.plans.default_method(owner, dataset_id) == "mst"


@pytest.mark.parametrize("share", [-0.1, 0.9, "0.2", True])
def test_a_forged_holdout_share_is_refused(services, owner, dataset_id, share):
    services.datasets.save_draft(owner, dataset_id, holdout_share=share)
    with pytest.raises(InvalidPlanError, match="set aside"):
        submit(services, owner, dataset_id)
    assert services.ledger.summary(owner, dataset_id).n_entries == 0


def test_an_unknown_method_is_refused(services, owner, dataset_id):
    plan = services.plans.draft_plan(owner, dataset_id, method="magic")
    with pytest.raises(InvalidPlanError, match="magic"):
        services.runs.submit(owner, dataset_id, plan)


def test_a_plan_with_another_schema_or_unit_is_refused(services, owner, dataset_id):
    plan = services.plans.draft_plan(owner, dataset_id)
    wider = replace(SCHEMA.fields[0], maximum=120)
    with pytest.raises(InvalidPlanError, match="schema"):
        services.runs.submit(owner, dataset_id, replace(plan, schema=SCHEMA.replace_field(wider)))
    with pytest.raises(InvalidPlanError, match="protects"):
        services.runs.submit(owner, dataset_id, replace(plan, unit=UnitOfProtection("person", "age", 1)))
    assert services.ledger.summary(owner, dataset_id).n_entries == 0


def test_price_forecast_and_feasibility_agree(services, owner, dataset_id):
    plan = services.plans.draft_plan(owner, dataset_id, epsilon=0.6)
    price = services.plans.price(owner, dataset_id, plan)
    assert 0.59 < price.epsilon <= 0.6
    assert {column.name for column in services.plans.forecast(owner, dataset_id, plan).columns} == set(SCHEMA.names)
    before = services.plans.feasibility(owner, dataset_id, plan)
    assert (before.fits, before.left_epsilon, before.composed_after) == (True, 1.0, price.epsilon)
    services.runs.submit(owner, dataset_id, replace(plan, epsilon=0.9))
    after = services.plans.feasibility(owner, dataset_id, plan)
    assert not after.fits
    assert after.left_epsilon < 0.6
    assert after.composed_after > 1.0


def test_methods_are_offered(services):
    assert {"mst", "independent"} <= {method.name for method in services.plans.methods()}
