"""Two mechanisms of a releasable report: how far a unit moves them, what they charge, and what they refuse."""

import math
from itertools import combinations, combinations_with_replacement, product

import numpy as np
import pandas as pd
import pytest

from engine.data.encode import table_domain
from engine.data.schema import DomainSource, Field, FieldType, TableSchema
from engine.errors import BudgetExceededError
from engine.privacy.accounting import total_mu
from engine.privacy.budget import RunBudget
from engine.privacy.plan import UnitKind, UnitOfProtection
from engine.privacy.row_scores import RowScores
from tests.doors import RecordingTable, distance
from tests.noise_sources import SeededNoiseThatPassesAsSecure

TINY = TableSchema(
    (
        Field("a", FieldType.STRING, enum=("x", "y"), source=DomainSource.PUBLIC, required=True),
        Field("b", FieldType.BOOLEAN, source=DomainSource.PUBLIC, required=True),
        Field("c", FieldType.STRING, enum=("p", "q", "r"), source=DomainSource.PUBLIC, required=True),
    )
)
ROWS = list(product("xy", (False, True), "pqr"))
PAIRS = list(combinations(range(3), 2))
SCORES = RowScores((np.array([[3], [-2]]), np.array([[0], [5]]), np.zeros((3, 1), dtype=np.int64)), np.array([0, 2, 6]))


def table_of(rows, owner="one"):
    table = pd.DataFrame(rows, columns=["a", "b", "c"]).astype({"a": "string", "b": "boolean", "c": "string"})
    table["person"] = pd.Series([f"{owner} {row}" for row in range(len(rows))], dtype="string")
    return table


def door(table, k=1, budget=1e9):
    """An encoded table of persons with up to k rows each."""
    noise = SeededNoiseThatPassesAsSecure(1)
    unit = UnitOfProtection(UnitKind.PERSON, "person", k)
    private = RecordingTable(table, TINY.fields, unit, RunBudget(budget), noise)
    private.encode(table_domain(TINY.fields, {}))
    return private


def with_unit(table, rows):
    """The table and one further person."""
    return pd.concat([table, table_of(rows).assign(person=pd.Series(["new"] * len(rows), dtype="string"))])


def expected(columns):
    """Whole numbers that no table has, and that leave room on both sides."""
    sizes = [(2, 2, 3)[column] for column in columns]
    return (np.arange(math.prod(sizes)) % 3).reshape(sizes)


def exact_answers(private):
    queries = private.evaluation()
    queries.distance_sum(PAIRS, expected, 10.0, "test")
    queries.scored_histogram(SCORES, 2, 10.0, "test")
    return [(call, exact) for call, exact, _ in private.calls]


@pytest.mark.parametrize("k", [1, 2, 3])
def test_no_unit_moves_an_answer_by_more_than_is_stated(k):
    """Every unit of up to k rows is added to a table; some of them move the sum by all that is stated."""
    table = table_of(ROWS[::5])
    before = exact_answers(door(table, k))
    moved = [
        [
            distance(call.norm, exact, earlier) / call.sensitivity
            for (call, exact), (_, earlier) in zip(
                exact_answers(door(with_unit(table, list(unit)), k)), before, strict=True
            )
        ]
        for size in range(1, k + 1)
        for unit in combinations_with_replacement(ROWS if k == 1 else ROWS[::3], size)
    ]
    assert np.max(moved, axis=0) == pytest.approx([1.0, 1.0])


def test_a_sum_that_states_the_sensitivity_of_one_set_is_caught():
    """A broken twin: it forgets that a row is in all sets."""
    table = table_of(ROWS[::5])
    (call, exact), _ = exact_answers(door(table))
    moved = [distance("l2", exact_answers(door(with_unit(table, [row])))[0][1], exact) for row in ROWS]
    assert call.sensitivity == len(PAIRS)
    assert max(moved) > call.sensitivity / len(PAIRS)


def test_the_sum_is_that_of_all_distances():
    table = table_of([ROWS[place] for place in (0, 0, 1, 4, 7, 11)])
    private = door(table)
    (_, exact), (_, histogram) = exact_answers(private)
    by_hand = sum(np.abs(private._exact_counts(pair) - expected(pair)).sum() for pair in PAIRS)
    assert exact == by_hand
    cells = [sum(score >= border for border in (0, 2, 6)) for score in (3, 3, 3, 8, -2, 3)]
    assert histogram.sum() == 6
    assert histogram.sum(axis=1).tolist() == [cells.count(cell) for cell in range(4)]


@pytest.mark.parametrize("k", [1, 4])
def test_what_they_charge(k):
    private = door(table_of(ROWS), k)
    exact_answers(private)
    distances, histogram = private.budget.events()
    assert (distances["mechanism"], distances["sensitivity"], distances["sets"]) == ("noisy_distance", 3.0 * k, 3)
    assert (histogram["mechanism"], histogram["sensitivity"]) == ("scored_histogram", float(k))
    assert total_mu([distances["event"]]) == pytest.approx(3.0 * k / 10.0)
    assert total_mu([histogram["event"]]) == pytest.approx(k / 10.0)
    assert distances["reads"] == histogram["reads"] == ["a", "b", "c"]
    assert private.budget.used_mu_squared == pytest.approx((0.3 * k) ** 2 + (0.1 * k) ** 2)


def test_nothing_is_read_that_the_envelope_does_not_hold():
    private = door(table_of(ROWS), budget=1e-6)
    for ask in (
        lambda queries: queries.distance_sum(PAIRS, expected, 10.0, "test"),
        lambda queries: queries.scored_histogram(SCORES, 2, 10.0, "test"),
    ):
        with pytest.raises(BudgetExceededError):
            ask(private.evaluation())
    assert private.calls == []


def test_what_is_asked_wrongly():
    queries = door(table_of(ROWS)).evaluation()
    with pytest.raises(ValueError, match="needs sets"):
        queries.distance_sum([], expected, 1.0, "test")
    with pytest.raises(ValueError, match="whole numbers"):
        queries.distance_sum(PAIRS, lambda pair: expected(pair) + 0.5, 1.0, "test")
    with pytest.raises(ValueError, match="other sizes"):
        queries.scored_histogram(RowScores(SCORES.weights[:2], SCORES.borders), 1, 1.0, "test")


@pytest.mark.statistical
def test_the_noise_has_the_charged_size():
    """Of 400 draws: the mean is within 4.5 σ/√400 and the variance within 4.5 √(2/399) of the stated; 1e-5 each."""
    private = door(table_of(ROWS))
    queries = private.evaluation()
    draws = [queries.distance_sum(PAIRS, expected, 30.0, "test") for _ in range(400)]
    exact = private.calls[0][1]
    assert abs(np.mean(draws) - exact) < 4.5 * 30.0 / 20.0
    assert np.var(draws) / 900.0 == pytest.approx(1.0, abs=4.5 * math.sqrt(2.0 / 399.0))
