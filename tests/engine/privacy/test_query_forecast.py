"""The error of a chosen count or mean against ε, and the least ε for an error that is accepted."""

import json
import math
from dataclasses import replace
from itertools import pairwise

import pytest

from engine.answers.query import Condition, Measure, Query
from engine.data.schema import DomainSource, Field, FieldType, TableSchema
from engine.errors import InputError, PlanError
from engine.privacy.forecast import NoiseModel
from engine.privacy.price import price_plan
from engine.privacy.query_forecast import (
    CURVE_EPSILONS,
    LEAST_EPSILON,
    MOST_EPSILON,
    Case,
    CellQuery,
    cell_query,
    epsilon_for_error,
    error_curve,
    forecast_query,
)
from tests.tables import PUBLIC, SMALL_SCHEMA, small_plan

AGE, REGION, SMOKER, COST = SMALL_SCHEMA.fields
ONE = CellQuery((("region", 1),))
PAIR = CellQuery((("region", 2), ("smoker", 1)))


def plan(method="mst", **changes):
    """A plan of a stated size."""
    return small_plan(method, declared_rows=changes.pop("declared_rows", 10_000), **changes)


def test_cells_that_are_added_up_raise_the_error_by_the_root_of_their_number():
    single, several = (forecast_query(plan(), CellQuery((("region", cells),))) for cells in (1, 4))
    assert several.expected_error == pytest.approx(2 * single.expected_error)
    assert several.half_width - 0.5 == pytest.approx(2 * (single.half_width - 0.5))
    assert (single.cells, several.cells) == (1, 4)
    assert single.expected_error_share == pytest.approx(single.expected_error / 10_000)
    noise = NoiseModel.of(plan()).noise(1.0)
    assert single.expected_error == pytest.approx(noise.one_way * math.sqrt(2 / math.pi))
    pair = forecast_query(plan(), PAIR)
    assert pair.expected_error == pytest.approx(noise.joint.expected * math.sqrt(2 * 2 / math.pi))
    assert json.dumps(pair.to_json())


@pytest.mark.parametrize(
    ("method", "n_columns", "case"),
    [
        ("independent", 1, Case.MEASURED),
        ("independent", 2, Case.NOT_MEASURED),
        ("mst", 2, Case.IF_MEASURED),
        ("mst", 3, Case.NOT_MEASURED),
        ("aim", 3, Case.IF_MEASURED),
        ("aim", 4, Case.NOT_MEASURED),
        ("dp-tvae", 2, Case.IF_MEASURED),
    ],
)
def test_what_is_never_counted_together_has_no_forecast(method, n_columns, case):
    query = CellQuery(tuple((field.name, 1) for field in SMALL_SCHEMA.fields[:n_columns]))
    found = forecast_query(plan(method, epsilon=2.0), query)
    assert found.case is case
    assert (found.expected_error is None) == (case is Case.NOT_MEASURED)
    assert found.statement.endswith(".")
    if case is Case.NOT_MEASURED:
        with pytest.raises(PlanError, match="no forecast"):
            error_curve(plan(method, epsilon=2.0), query)
        with pytest.raises(PlanError, match="no forecast"):
            epsilon_for_error(plan(method, epsilon=2.0), query, 50)


@pytest.mark.parametrize("method", ["independent", "mst", "aim"])
@pytest.mark.parametrize("query", [ONE, PAIR, CellQuery((("region", 1),), "cost"), CellQuery((), "age")])
@pytest.mark.parametrize("rows", [200, 10_000])
def test_more_privacy_loss_never_means_a_larger_error(method, query, rows):
    if method == "independent" and len(query.columns) > 1:
        query = ONE
    points = error_curve(plan(method, declared_rows=rows), query)
    assert [point.epsilon for point in points] == list(CURVE_EPSILONS)
    for earlier, later in pairwise(points):
        assert later.expected_error <= earlier.expected_error * (1 + 1e-9)
        assert later.half_width <= earlier.half_width * (1 + 1e-9)


def test_the_curve_runs_through_the_forecast():
    (point,) = error_curve(plan(), PAIR, [1.0])
    found = forecast_query(plan(epsilon=1.0), PAIR)
    assert (point.expected_error, point.half_width) == (found.expected_error, found.half_width)


@pytest.mark.parametrize("method", ["mst", "aim"])
@pytest.mark.parametrize("accepted", [20, 50, 333.3])
def test_the_least_epsilon_suffices_and_less_does_not(method, accepted):
    epsilon = epsilon_for_error(plan(method), PAIR, accepted)
    assert forecast_query(plan(method, epsilon=epsilon), PAIR).half_width <= accepted
    assert forecast_query(plan(method, epsilon=0.99 * epsilon), PAIR).half_width > accepted


def test_the_inverse_ends_where_a_plan_ends():
    assert epsilon_for_error(plan(), ONE, 1e6) == LEAST_EPSILON
    with pytest.raises(PlanError, match=r"even ε = 100 leaves ± .* rows: accept more"):
        epsilon_for_error(plan(), PAIR, 0.6)
    assert forecast_query(plan(epsilon=MOST_EPSILON), PAIR).half_width > 0.6


@pytest.mark.parametrize("accepted", [0, -1, math.nan, math.inf, True, "50"])
def test_an_error_that_is_accepted_is_a_positive_number(accepted):
    with pytest.raises(PlanError, match="positive number"):
        epsilon_for_error(plan(), ONE, accepted)


def test_an_epsilon_that_is_too_small_for_the_method_is_refused(monkeypatch):
    deep = plan("dp-tvae", epsilon=2.0)
    assert price_plan(replace(deep, epsilon=epsilon_for_error(deep, ONE, 300))).epsilon > 0

    def refuse(plan):
        raise PlanError("it leaves nothing but noise")

    monkeypatch.setattr("engine.privacy.query_forecast.price_plan", refuse)
    with pytest.raises(PlanError, match="would be enough for this error, but it leaves nothing but noise"):
        epsilon_for_error(deep, ONE, 300)


@pytest.mark.parametrize(
    ("cells", "mean_of", "words"),
    [
        ((), None, "at least one column"),
        ((("region", 1), ("region", 2)), None, "named once"),
        ((("cost", 1),), "cost", "named once"),
        ((("region", 0),), None, "at least one value"),
        ((("region", True),), None, "at least one value"),
        ((("region", 1.5),), None, "at least one value"),
    ],
)
def test_queries_that_ask_nothing_sound(cells, mean_of, words):
    with pytest.raises(PlanError, match=words):
        CellQuery(cells, mean_of)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (CellQuery((("nothing", 1),)), "does not synthesize"),
        (CellQuery((("region", 5),)), "about 4 values"),
        (CellQuery((), "region"), "is not a number"),
    ],
)
def test_queries_that_the_plan_does_not_model(query, words):
    with pytest.raises(PlanError, match=words):
        forecast_query(plan(), query)


def test_the_mean_of_a_range_that_is_still_to_be_learned_has_no_forecast():
    schema = TableSchema((Field("paid", FieldType.NUMBER, source=DomainSource.MEASURED), REGION))
    with pytest.raises(PlanError, match="learned or stated"):
        forecast_query(plan(schema=schema), CellQuery((), "paid"))


def test_a_question_says_how_many_cells_it_adds_up():
    schema = TableSchema(
        (Field("year", FieldType.INTEGER, minimum=1, maximum=20, required=True, source=PUBLIC), REGION)
    )
    known = plan(schema=schema)
    year = schema.fields[0]
    count = Query(Measure.COUNT, where=(Condition(year, minimum=3, maximum=7), Condition(REGION, ("north", None))))
    assert cell_query(known, count) == CellQuery((("year", 5), ("region", 2)))
    mean = Query(Measure.MEAN, field=year, by=(REGION,))
    assert cell_query(known, mean) == CellQuery((("region", 1),), "year")
    grouped = Query(Measure.COUNT, where=(Condition(REGION, ("north", "south")),), by=(REGION,))
    assert cell_query(known, grouped) == CellQuery((("region", 1),))


def test_cells_of_a_line_that_a_run_refines_are_an_assumption():
    half = cell_query(plan(), Query(Measure.COUNT, where=(Condition(AGE, minimum=0, maximum=49),)))
    assert half.assumed
    sizes = NoiseModel.of(plan()).sizes()
    assert half.cells[0][1] == pytest.approx(sizes["age"] / 2, rel=0.1)


def test_values_of_a_column_whose_list_is_learned_count_one_by_one():
    city = Field("city", FieldType.STRING, source=DomainSource.MEASURED)
    learned = plan(schema=TableSchema((city, REGION)))
    query = cell_query(learned, Query(Measure.COUNT, where=(Condition(city, ("here", "there")),)))
    assert query == CellQuery((("city", 2),), assumed=True)
    assert forecast_query(learned, query).cells_assumed


def test_what_cannot_be_asked_of_a_forecast():
    with pytest.raises(PlanError, match="ask for a count"):
        cell_query(plan(), Query(Measure.SHARE, field=REGION))
    with pytest.raises(PlanError, match="without a condition"):
        cell_query(plan(), Query(Measure.MEAN, field=AGE, where=(Condition(AGE, minimum=20),)))
    with pytest.raises(InputError, match="no such value"):
        cell_query(plan(), Query(Measure.COUNT, where=(Condition(REGION, ("west",)),)))


def test_a_plan_without_a_number_of_rows_has_no_forecast():
    with pytest.raises(PlanError, match="about how many rows"):
        forecast_query(replace(plan(), declared_rows=None), ONE)
