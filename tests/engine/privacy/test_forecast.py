"""What a plan's error will be follows from the mechanism and the stated number of rows; nothing is read."""

import json
import math
from dataclasses import replace

import pytest

from engine.data.rules import AtMost
from engine.data.schema import DomainSource, Field, FieldType, TableSchema
from engine.errors import PlanError
from engine.privacy.forecast import NoiseModel, forecast
from engine.privacy.plan import UnitKind, UnitOfProtection
from engine.privacy.price import price_plan
from tests.tables import PUBLIC, SMALL_SCHEMA, small_plan


def test_forecast_follows_from_noise_and_declared_rows():
    plan = small_plan("independent", declared_rows=10_000)
    expected = forecast(plan)
    price = price_plan(plan)
    one_way = next(part.share for part in price.split if part.name == "one_way")
    scale = math.sqrt(4 / (one_way * price.mu_squared))
    region = next(column for column in expected.columns if column.name == "region")
    assert region.cells == 4
    assert region.noise_scale == pytest.approx(scale)
    assert region.expected_error_rows == pytest.approx(scale * math.sqrt(2 / math.pi))
    assert region.expected_distance == pytest.approx(region.expected_error_rows * 4 / 2 / 10_000)
    assert expected.pair is None
    assert forecast(small_plan(declared_rows=10_000)).pair.expected_distance > 0
    assert json.dumps(expected.to_json())


@pytest.mark.parametrize("method", ["aim", "mst"])
def test_a_forecast_says_how_many_pairs_can_be_measured_with_its_noise(method):
    plan = small_plan(method, declared_rows=10_000)
    share = next(part for part in price_plan(plan).split if part.name == "pair")
    pair = forecast(plan).pair
    assert 1 <= pair.expected_measurements <= pair.measurements == share.n_queries
    spent = pair.measurements / pair.noise_scale**2  # one row per unit: μ² of a Gaussian of this scale is 1/σ²
    assert spent == pytest.approx(share.share * price_plan(plan).mu_squared)


def test_more_privacy_loss_means_less_error():
    errors = [forecast(small_plan(epsilon=e, declared_rows=5000)).columns[0].expected_error_rows for e in (0.1, 1, 10)]
    assert errors == sorted(errors, reverse=True)


def test_forecast_needs_a_declared_size():
    with pytest.raises(PlanError, match="about how many rows"):
        forecast(small_plan())


def test_more_rows_per_person_mean_more_noise():
    plan = small_plan(declared_rows=5000)
    several = small_plan(declared_rows=5000, unit=UnitOfProtection(UnitKind.PERSON, "age", 5))
    # the id column is not modelled, so compare a column that is
    assert forecast(several).columns[-1].noise_scale > 4 * forecast(plan).columns[-1].noise_scale


@pytest.mark.parametrize("method", ["independent", "mst", "aim", "dp-ctgan", "dp-tvae"])
def test_every_method_that_draws_noise_has_a_forecast(method):
    expected = forecast(small_plan(method, epsilon=2.0, declared_rows=5000))
    for part in [*expected.columns, *([expected.pair] if expected.pair else [])]:
        assert 0 < part.expected_error_rows < part.half_width_rows
        assert part.half_width_share == pytest.approx(part.half_width_rows / 5000)
    for column in expected.columns:
        assert column.half_width_rows == pytest.approx(1.96 * column.noise_scale + 0.5)
    assert (expected.pair is None) == (method == "independent")


@pytest.mark.parametrize("method", ["ctgan", "gaussian-copula"])
def test_a_method_without_noise_has_no_forecast(method):
    with pytest.raises(PlanError, match="draws no noise"):
        forecast(small_plan(method, declared_rows=5000))


def test_a_small_table_lets_aim_plan_for_fewer_sets_with_less_noise():
    small, large = (NoiseModel.of(small_plan("aim", declared_rows=rows)).noise(1.0) for rows in (300, 100_000))
    assert small.sets < large.sets == small.most_sets == large.most_sets
    assert small.joint.expected < small.joint.at_most
    assert large.joint.expected == pytest.approx(large.joint.at_most)
    assert large.joint.at_most <= small.joint.at_most


def test_columns_under_a_rule_keep_their_cells_in_sets():
    schema = TableSchema(
        (
            Field("low", FieldType.INTEGER, minimum=0, maximum=30, source=PUBLIC),
            Field("high", FieldType.INTEGER, minimum=0, maximum=30, source=PUBLIC),
        )
    )
    free = NoiseModel.of(small_plan("mst", schema=schema, declared_rows=500))
    ruled = NoiseModel.of(small_plan("mst", schema=replace(schema, rules=(AtMost("low", "high"),)), declared_rows=500))
    scale = free.noise(1.0).joint.expected
    assert free.set_sizes(scale)["low"] < 31
    assert ruled.set_sizes(scale)["low"] == ruled.sizes()["low"] == 32


def test_a_domain_that_is_learned_is_an_assumption():
    schema = TableSchema((Field("city", FieldType.STRING, source=DomainSource.MEASURED), *SMALL_SCHEMA.fields))
    city = forecast(small_plan(schema=schema, declared_rows=5000)).columns[0]
    assert (city.name, city.cells_assumed) == ("city", True)
    assert math.isfinite(city.expected_error_rows)
    region = forecast(small_plan(schema=schema, declared_rows=5000)).columns[2]
    assert (region.name, region.cells_assumed) == ("region", False)


def test_more_rows_per_person_mean_proportionally_more_noise():
    once, thrice = (
        NoiseModel.of(small_plan("mst", declared_rows=5000, unit=UnitOfProtection(UnitKind.PERSON, "age", k))).noise(
            1.0
        )
        for k in (1, 3)
    )
    assert thrice.one_way == pytest.approx(3 * once.one_way)
    assert thrice.joint.at_most == pytest.approx(3 * once.joint.at_most)
