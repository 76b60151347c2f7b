"""What leaves a synthesizer is decided by what its mechanisms released, and by nothing else in the rows.

With every release frozen, a neighbouring table and a stranger's table must give the same bytes. Each broken twin
reads something past the door, and must be caught.
"""

import math

import numpy as np
import pandas as pd
import pytest

from engine.data.schema import DomainSource, Field, FieldType, TableSchema
from engine.errors import UnsupportedEventError
from engine.privacy.accounting import compose_epsilon, gaussian_event, total_mu
from engine.privacy.budget import Charge, RunBudget
from engine.privacy.plan import UnitKind, UnitOfProtection
from engine.privacy.private_table import PrivateTable
from engine.synthesizers import marginals
from engine.synthesizers.mst import SpanningTreeSynthesizer
from engine.synthesizers.registry import list_methods
from tests.doors import RecordingTable, replay, run, with_row
from tests.noise_sources import SeededNoise
from tests.tables import SMALL_SCHEMA, small_plan, small_table, typed

METHODS = [info.name for info in list_methods() if info.private]
MEASURED_SCHEMA = TableSchema(
    (
        Field("age", FieldType.INTEGER, source=DomainSource.MEASURED),
        Field("region", FieldType.STRING, source=DomainSource.MEASURED),
        *SMALL_SCHEMA.fields[2:],
    )
)
NEIGHBOURS = {
    "ordinary": {"age": 50, "region": "south", "smoker": True, "cost": 10.0},
    "extreme": {"age": 10_000, "region": "south", "smoker": False, "cost": -5.0},
    "unseen category": {"age": 1, "region": "atlantis", "smoker": False, "cost": 1.0},
    "all missing": {},
}


@pytest.mark.parametrize("schema", [SMALL_SCHEMA, MEASURED_SCHEMA], ids=["public", "measured"])
@pytest.mark.parametrize("neighbour", NEIGHBOURS)
@pytest.mark.parametrize("method", METHODS)
def test_a_neighbour_changes_nothing(method, neighbour, schema):
    plan = small_plan(method, epsilon=3.0, schema=schema)
    table = small_table()
    recorded, synthetic = run(plan, table)
    _, again = replay(plan, with_row(table, **NEIGHBOURS[neighbour]), recorded, check_sensitivity=True)
    pd.testing.assert_frame_equal(synthetic, again)
    assert recorded.calls


@pytest.mark.parametrize("schema", [SMALL_SCHEMA, MEASURED_SCHEMA], ids=["public", "measured"])
@pytest.mark.parametrize("method", METHODS)
def test_a_strangers_table_changes_nothing(method, schema):
    plan = small_plan(method, epsilon=3.0, schema=schema)
    recorded, synthetic = run(plan, small_table())
    _, again = replay(plan, small_table(n_rows=137, seed=99), recorded, check_sensitivity=False)
    pd.testing.assert_frame_equal(synthetic, again)


@pytest.mark.parametrize("method", METHODS)
def test_a_person_with_many_rows_moves_answers_by_at_most_k(method):
    k = 3
    schema = TableSchema(
        (Field("person", FieldType.STRING, source=DomainSource.PUBLIC, enum=("x",)), *SMALL_SCHEMA.fields)
    )
    plan = small_plan(method, schema=schema, unit=UnitOfProtection(UnitKind.PERSON, "person", k))
    table = small_table(n_rows=300)
    table.insert(0, "person", pd.Series([str(i) for i in range(300)], dtype="string"))
    recorded, synthetic = run(plan, table)
    grown = table
    for _ in range(10):
        grown = with_row(grown, person="new", age=33, region="east", smoker=True, cost=2.0)
    _, again = replay(plan, grown, recorded, check_sensitivity=True)
    pd.testing.assert_frame_equal(synthetic, again)


class ExactTotal(SpanningTreeSynthesizer):
    """Takes the exact number of rows."""

    def _fit_model(self, table, one_ways, spend, progress):
        self.estimated_rows_ = float(len(table._codes[0]))
        super()._fit_model(table, one_ways, spend, progress)


class ArgmaxOfRawScores(SpanningTreeSynthesizer):
    """Chooses the pairs from the rows and only pretends to pay."""

    def _choose_edges(self, table, weights, spend, progress):
        pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
        independent = [np.outer(weights[i], weights[j]) / self.estimated_rows_ for i, j in pairs]
        scores = [
            np.abs(table._exact_counts(pair) - estimate).sum()
            for pair, estimate in zip(pairs, independent, strict=True)
        ]
        mu = math.sqrt(spend["selection"])
        table.budget.spend(Charge("pretended", "choose", (), 1.0, None, mu * mu, mu * mu / 2, gaussian_event(mu)))
        best, *others = [pairs[index] for index in np.argsort(scores)[::-1]]
        return [best, *[pair for pair in others if len(set(pair) & set(best)) == 1][:1]]


class CategoriesFromData(SpanningTreeSynthesizer):
    """Measures only the cells that occur."""

    def _fit_model(self, table, one_ways, spend, progress):
        occurs = np.bincount(table._codes[1], minlength=one_ways[1].counts.size) > 0
        one_ways[1].counts[~occurs] = 0.0
        super()._fit_model(table, one_ways, spend, progress)


class RawPair(SpanningTreeSynthesizer):
    """Adds an exact pair to the noisy ones."""

    def _fit_model(self, table, one_ways, spend, progress):
        exact = table._exact_counts((1, 2)).sum(axis=1).astype(float)
        one_ways[1].counts[:] = exact
        super()._fit_model(table, one_ways, spend, progress)


class EligibleByRows(SpanningTreeSynthesizer):
    """Lets the rows decide which pairs may be picked."""

    def _choose_edges(self, table, weights, spend, progress):
        exact = table._exact_counts((1,))
        honest = table.select_many

        def select_many(pairs, *arguments, eligible):
            rows_say = [exact.argmax() in (0, 1, 2)[: 1 + sum(pair)] for pair in pairs]
            return honest(pairs, *arguments, eligible=lambda index, picked: rows_say[index] and eligible(index, picked))

        table.select_many = select_many
        return super()._choose_edges(table, weights, spend, progress)


@pytest.mark.parametrize("twin", [ExactTotal, ArgmaxOfRawScores, CategoriesFromData, RawPair, EligibleByRows])
def test_broken_twins_are_caught(twin):
    plan = small_plan("mst", epsilon=3.0)
    recorded, synthetic = run(plan, small_table(), synthesizer=twin)
    with pytest.raises(AssertionError):
        _, again = replay(
            plan, small_table(n_rows=137, seed=99).assign(region=only_east), recorded, False, synthesizer=twin
        )
        pd.testing.assert_frame_equal(synthetic, again)


def quantile_borders(table):
    """A broken twin of `refined_edges`: borders at exact quantiles of the rows, which nobody charged."""

    def edges(door, name, grid, mu_squared):
        quantiles = np.quantile(table[name].dropna().astype(float), np.linspace(0.1, 0.9, 9))
        return tuple(sorted({*grid.edges, *np.round(quantiles).tolist()}))

    return edges


@pytest.mark.parametrize("schema", [SMALL_SCHEMA, MEASURED_SCHEMA], ids=["public", "measured"])
@pytest.mark.parametrize("method", METHODS)
def test_borders_from_quantiles_are_caught(method, schema, monkeypatch):
    plan = small_plan(method, epsilon=3.0, schema=schema)
    table, stranger = small_table(), small_table(n_rows=137, seed=99)
    monkeypatch.setattr(marginals, "refined_edges", quantile_borders(table))
    recorded, synthetic = run(plan, table)
    monkeypatch.setattr(marginals, "refined_edges", quantile_borders(stranger))
    with pytest.raises(AssertionError):
        _, again = replay(plan, stranger, recorded, check_sensitivity=False)
        pd.testing.assert_frame_equal(synthetic, again)


@pytest.mark.parametrize("schema", [SMALL_SCHEMA, MEASURED_SCHEMA], ids=["public", "measured"])
@pytest.mark.parametrize("method", METHODS)
def test_a_spike_is_refined_to_one_value_and_replays_like_the_rest(method, schema):
    """Half of 2,000 ages are 50: the tree measures more than one level, and all of it comes from releases."""
    plan = small_plan(method, epsilon=8.0, schema=schema)
    table = small_table(n_rows=2000)
    table.loc[:999, "age"] = 50
    recorded, synthetic = run(plan, table)
    levels = [call.key[0] for call, _, _ in recorded.calls if call.mechanism == "numeric_histogram"]
    assert levels.count("age") >= 2
    assert abs((synthetic["age"] == 50).mean() - 0.5) < 0.1
    neighbour = with_row(table, age=50, region="south", smoker=True, cost=10.0)
    _, again = replay(plan, neighbour, recorded, check_sensitivity=True)
    pd.testing.assert_frame_equal(synthetic, again)
    _, again = replay(plan, small_table(n_rows=137, seed=99), recorded, check_sensitivity=False)
    pd.testing.assert_frame_equal(synthetic, again)


def only_east(table):
    return pd.Series(["east"] * len(table), dtype="string")


def test_two_extra_rows_are_more_than_one_unit():
    plan = small_plan("mst")
    table = small_table()
    recorded, _ = run(plan, table)
    row = {"age": 50, "region": "south", "smoker": True, "cost": 10.0}
    with pytest.raises(AssertionError, match="moved by"):
        replay(plan, with_row(with_row(table, **row), **row), recorded, check_sensitivity=True)


def test_noise_that_can_be_replayed_has_no_epsilon():
    budget = RunBudget(1.0)
    PrivateTable(small_table(), SMALL_SCHEMA.fields, UnitOfProtection(), budget, SeededNoise(1))
    events = [charge["event"] for charge in budget.events()]
    assert compose_epsilon(events, 1e-6) == math.inf
    with pytest.raises(UnsupportedEventError):
        total_mu(events)


def test_recording_does_not_change_a_run():
    plan = small_plan("mst")
    _, first = run(plan, small_table(), door=RecordingTable)
    _, second = run(plan, typed(small_table(), SMALL_SCHEMA), door=RecordingTable)
    pd.testing.assert_frame_equal(first, second)
