"""What a releasable report says is decided by what was released, whatever the method.

With every release frozen, a neighbour of either table and a stranger's tables give the same report. Each broken twin
reads something past the door, or states too little, and must be caught.
"""

import json
from dataclasses import replace

import numpy as np
import pytest

from engine.data.schema import Field, FieldType, TableSchema
from engine.evaluation.charged import measure, released_report
from engine.pipeline import synthesize
from engine.privacy.evaluation_queries import EvaluationQueries
from engine.privacy.plan import UnitKind, UnitOfProtection
from engine.privacy.price import price_plan
from engine.synthesizers.registry import list_methods, synthesizer_class
from tests.charged import Frozen
from tests.contracts.test_record_and_replay import MEASURED_SCHEMA, NEIGHBOURS
from tests.doors import with_row
from tests.tables import SMALL_SCHEMA, small_plan, small_table

METHODS = [info.name for info in list_methods() if info.private]
ORDINARY = NEIGHBOURS["ordinary"]


def plan_of(method="mst", **changes):
    return small_plan(method, epsilon=3.0, target="smoker", evaluation_share=0.1, **changes)


def tables():
    return small_table(), small_table(150, 5)


def said(run, plan):
    return json.dumps(released_report(plan, run.model, run.synthetic, run.released))


@pytest.mark.parametrize("schema", [SMALL_SCHEMA, MEASURED_SCHEMA], ids=["public", "measured"])
@pytest.mark.parametrize("method", METHODS)
def test_neighbours_and_strangers_change_nothing(method, schema):
    plan, (train, holdout) = plan_of(method, schema=schema), tables()
    first = Frozen(plan, train, holdout)
    assert first.released.utility is not None
    assert len(first.doors[1].calls) == 8, "three means, independent pairs, and one number per column"
    assert len(first.doors[2].calls) == 1
    report = said(first, plan)
    is_slow = synthesizer_class(method).training_steps(plan) > 0
    for neighbour in (ORDINARY, {}) if is_slow else NEIGHBOURS.values():
        for pair in ((with_row(train, **neighbour), holdout), (train, with_row(holdout, **neighbour))):
            assert said(Frozen(plan, *pair, recorded=first, check_sensitivity=True), plan) == report
    stranger = Frozen(plan, small_table(137, 99), small_table(61, 98), recorded=first)
    assert said(stranger, plan) == report


@pytest.mark.parametrize("method", METHODS)
def test_a_report_is_charged_what_its_price_says(method):
    plan = plan_of(method)
    price, run = price_plan(plan), Frozen(plan, *tables())
    shares = {part.name: part.share for part in price.split}
    assert shares["evaluation"] == 0.1
    assert sum(shares.values()) == pytest.approx(1.0)
    report = [event for event in run.budget.events() if event["purpose"].startswith("releasable report")]
    assert 2.0 * sum(event["rho"] for event in report) == pytest.approx(0.1 * price.mu_squared, rel=1e-6)
    assert run.budget.used_mu_squared <= price.mu_squared
    rest = 2.0 * sum(event["rho"] for event in run.budget.events() if event not in report)
    assert rest <= 0.9 * price.mu_squared * (1.0 + 1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_a_method_cannot_spend_what_is_held_back(method):
    plan = plan_of(method)
    with_share, whole = price_plan(plan).budget(), price_plan(replace(plan, evaluation_share=0.0)).budget()
    assert with_share.left_mu_squared == pytest.approx(0.9 * whole.left_mu_squared)
    assert with_share.take_held_back() == pytest.approx(0.1 * whole.left_mu_squared)
    assert with_share.left_mu_squared == pytest.approx(whole.left_mu_squared)
    assert with_share.take_held_back() == 0.0


@pytest.mark.parametrize("k", [1, 3])
def test_a_person_with_many_rows_moves_answers_by_at_most_k(k):
    train, holdout = (
        table.assign(person=[f"{len(table)} {row}" for row in range(len(table))]).astype({"person": "string"})
        for table in tables()
    )
    schema = TableSchema((*SMALL_SCHEMA.fields, Field("person", FieldType.STRING, enum=("x",))))
    plan = plan_of(schema=schema, unit=UnitOfProtection(UnitKind.PERSON, "person", k))
    first = Frozen(plan, train, holdout)
    for place in (0, 1):
        grown = [train, holdout]
        for _ in range(k + 4):
            grown[place] = with_row(grown[place], person="new", **ORDINARY)
        assert said(Frozen(plan, *grown, recorded=first, check_sensitivity=True), plan) == said(first, plan)


def states_the_sensitivity_of_one_set(monkeypatch):
    """Adds up many distances and states how far one of them moves."""
    honest = EvaluationQueries.distance_sum

    def distance_sum(self, column_sets, expected_of, noise_scale, purpose):
        stated, self.rows_per_unit = self.rows_per_unit, self.rows_per_unit / len(column_sets)
        total = honest(self, column_sets, expected_of, noise_scale, purpose)
        self.rows_per_unit = stated
        return total

    monkeypatch.setattr(EvaluationQueries, "distance_sum", distance_sum)


def test_a_sum_that_states_the_sensitivity_of_one_set_is_caught(monkeypatch):
    plan, (train, holdout) = plan_of(), tables()
    states_the_sensitivity_of_one_set(monkeypatch)
    first = Frozen(plan, train, holdout)
    with pytest.raises(AssertionError, match="moved by"):
        for neighbour in NEIGHBOURS.values():
            Frozen(plan, with_row(train, **neighbour), holdout, recorded=first, check_sensitivity=True)


def cells_from_private_rows(cells, target, train, holdout, mu_squared):
    """Cuts a column where the private rows are, past the door."""
    ages = next(train._held.values("age")).dropna()
    groups = list(cells.groups)
    groups[0] = (np.arange(len(groups[0])) > 1 + int(ages.sum()) % (len(groups[0]) - 2)).astype(np.int32)
    return measure(replace(cells, groups=tuple(groups)), target, train, holdout, mu_squared)


def test_cells_from_private_rows_are_caught():
    plan, (train, holdout) = plan_of(), tables()
    first = Frozen(plan, train, holdout, measured=cells_from_private_rows)
    with pytest.raises(AssertionError, match="depends on private rows"):
        Frozen(plan, small_table(137, 99), holdout, recorded=first, measured=cells_from_private_rows)


def exact_distance(cells, target, train, holdout, mu_squared):
    """Adds a number that nobody released."""
    released = measure(cells, target, train, holdout, mu_squared)
    exact = float(np.abs(train._exact_counts((0, 1)) - cells.expected(cells.shares)((0, 1))).sum())
    two_way = replace(released.distances["two-way"], value=exact / (2.0 * cells.n_private))
    return replace(released, distances=released.distances | {"two-way": two_way})


def test_an_exact_distance_is_caught():
    plan, (train, holdout) = plan_of(), tables()
    first = Frozen(plan, train, holdout, measured=exact_distance)
    again = Frozen(plan, small_table(137, 99), holdout, recorded=first, measured=exact_distance)
    assert said(again, plan) != said(first, plan)


def test_rows_that_were_learned_from_are_not_the_test():
    """The model is fitted to synthetic rows, and the rows counted are those of the second table only."""
    plan, (train, holdout) = plan_of(), tables()
    doors = Frozen(plan, train, holdout).doors
    mechanisms = [{call.mechanism for call, _, _ in door.calls} for door in doors]
    assert "scored_histogram" not in mechanisms[0] | mechanisms[1]
    assert mechanisms[2] == {"scored_histogram"}
    assert doors[2].calls[0][1].sum() == len(holdout)


def test_a_utility_on_rows_that_were_learned_from_is_caught():
    """A broken twin that hands the training rows over as those set aside counts as many as there are of them."""
    plan, (train, holdout) = plan_of(), tables()

    def on_train(cells, target, first, second, mu_squared):
        return measure(cells, target, second, first, mu_squared)

    doors = Frozen(plan, train, holdout, measured=on_train).doors
    assert doors[1].calls[0][1].sum() == len(train)
    assert {call.mechanism for call, _, _ in doors[1].calls} == {"scored_histogram"}


def test_nothing_of_a_report_is_read_that_nothing_paid_for():
    plan = small_plan(target="smoker")
    result = synthesize(small_table(), plan, holdout=small_table(150, 5))
    assert not [event for event in result.certificate["events"] if "report" in event["purpose"]]
    for name in ("noisy-distances", "noisy-utility"):
        assert "no share" in result.released_report["metrics"][name]["unavailable"]
    assert result.released_report["metrics"]["measured-error"]["findings"]
