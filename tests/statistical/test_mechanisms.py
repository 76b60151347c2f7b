"""The mechanisms as they are called in production, each beside a twin without (enough) noise that must fail."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr

from engine.data.encode import table_domain
from engine.data.schema import DomainSource, Field, FieldType, TableSchema
from engine.privacy.budget import RunBudget
from engine.privacy.plan import SynthesisPlan, UnitOfProtection
from engine.privacy.private_table import PrivateTable, discovery_threshold
from engine.synthesizers.marginals import discover_range
from engine.synthesizers.registry import list_methods
from tests.doors import RecordingTable, run
from tests.noise_sources import SeededNoiseThatPassesAsSecure
from tests.tables import small_table, typed

pytestmark = pytest.mark.statistical

METHODS = [info.name for info in list_methods() if info.private]

FIELD = Field("group", FieldType.STRING, enum=("a", "b", "c"), required=True, source=DomainSource.PUBLIC)
SCHEMA = TableSchema((FIELD,))


class Silent:
    """A broken twin: words that make every Gaussian draw round to zero and every Gumbel draw equal."""

    secure = True

    def words(self, count):
        return np.full(count, 2**63 - 1, dtype=np.uint64)


def table_of(*counts):
    values = [category for category, count in zip("abc", counts, strict=True) for _ in range(count)]
    return typed(pd.DataFrame({"group": values}), SCHEMA)


def door(table, noise, schema=SCHEMA, budget=1e12, delta=1.0):
    private = PrivateTable(table, schema.fields, UnitOfProtection(), RunBudget(budget, delta), noise)
    if all(field.has_domain for field in schema.fields):
        private.encode(table_domain(schema.fields, {}))
    return private


def marginal_noise(noise, scale, repetitions):
    private = door(table_of(50, 30, 20), noise)
    released = np.array([private.marginal((0,), scale, "test") for _ in range(repetitions)])
    return released - np.array([50, 30, 20])


def marginal_noise_is_right(noise, scale):
    """21,000 draws: relative standard error of the variance √(2/n) = 0.98 %; five of them, false alarm 6e-7."""
    draws = marginal_noise(noise, scale, 7000).ravel()
    spread = abs(np.mean(draws**2.0) / (scale**2 + 1 / 12) - 1) <= 5 * math.sqrt(2 / draws.size)
    centre = abs(draws.mean()) <= 5 * scale / math.sqrt(draws.size)
    return spread and centre


def test_marginal():
    assert marginal_noise_is_right(SeededNoiseThatPassesAsSecure(1), 10.0)
    assert not marginal_noise_is_right(Silent(), 10.0)


def selection_is_right(noise):
    """χ² of 10,000 selections among three against softmax(ε score / 2), two degrees; 99.9999 % quantile 27.6."""
    private = door(table_of(6, 3, 1), noise)
    candidates = [(0,), (0,), (0,)]
    estimates = [np.array([6.0, 3.0, 1.0]), np.array([5.0, 3.0, 1.0]), np.array([4.0, 3.0, 1.0])]
    chosen = [private.select(candidates, estimates, [0.0] * 3, 1.0, "test") for _ in range(10_000)]
    expected = np.exp([0.0, 0.5, 1.0])
    expected *= len(chosen) / expected.sum()
    observed = np.bincount(chosen, minlength=3)
    return ((observed - expected) ** 2 / expected).sum() < 27.6


def test_selection():
    assert selection_is_right(SeededNoiseThatPassesAsSecure(2))
    assert not selection_is_right(Silent())


SCORES = (6.0, 4.0, 2.0, 0.0)


def picks_are_right(noise, one_noise_for_all=True):
    """χ² of 10,000 ordered pairs of picks against two exponential mechanisms in sequence, ε = 1.

    A pair of picks may not hold both of the first two candidates, so ten of the twelve orders are possible: nine
    degrees of freedom, 99.9999 % quantile 45.1. The twin draws the first pick and takes the next best score.
    """
    private = door(table_of(6, 0, 0), noise)
    candidates, penalties = [(0,)] * 4, [6.0 - score for score in SCORES]

    def eligible(index, picked):
        return not (index < 2 and any(pick < 2 for pick in picked))

    def pair():
        if one_noise_for_all:
            asked = (candidates, lambda _: np.zeros(3), penalties, 1.0)
            return tuple(private.select_many(*asked, 2, "test", eligible=eligible))
        first = private.select(candidates, [np.zeros(3)] * 4, penalties, 1.0, "test")
        return first, next(index for index in range(4) if index != first and eligible(index, (first,)))

    orders = [pair() for _ in range(10_000)]
    weights = np.exp(np.array(SCORES) / 2)
    statistic = 0.0
    for first in range(4):
        rest = [index for index in range(4) if index != first and eligible(index, (first,))]
        for second in rest:
            expected = len(orders) * weights[first] / weights.sum() * weights[second] / weights[rest].sum()
            statistic += (orders.count((first, second)) - expected) ** 2 / expected
    return statistic < 45.1


def test_picks_in_sequence():
    assert picks_are_right(SeededNoiseThatPassesAsSecure(9))
    assert not picks_are_right(SeededNoiseThatPassesAsSecure(9), one_noise_for_all=False)
    assert not picks_are_right(Silent())


NUMBERS = TableSchema((Field("group", FieldType.INTEGER, source=DomainSource.MEASURED),))


def histogram_noise_is_right(noise):
    """4 × 2,000 draws: relative standard error of the variance √(2/n) = 1.6 %; five of them, false alarm 6e-7."""
    table = typed(pd.DataFrame({"group": [-5, 0, 0, 1, 7, 8, 9, None, 10**6]}), NUMBERS)
    private = door(table, noise, NUMBERS)
    lower, upper = [-np.inf, 0.0, 7.0, 100.0], [-3.0, 1.0, 9.0, np.inf]
    released = np.array([private.histogram("group", lower, upper, 8.0, "test") for _ in range(2000)])
    draws = (released - np.array([1, 2, 2, 1])).ravel()
    spread = abs(np.mean(draws**2.0) / (64.0 + 1 / 12) - 1) <= 5 * math.sqrt(2 / draws.size)
    return spread and abs(draws.mean()) <= 5 * 8.0 / math.sqrt(draws.size)


def test_histogram():
    assert histogram_noise_is_right(SeededNoiseThatPassesAsSecure(10))
    assert not histogram_noise_is_right(Silent())


OPEN = TableSchema((Field("group", FieldType.STRING, source=DomainSource.MEASURED),))


def discovery_rate(noise, rows, scale, delta, repetitions):
    private = door(typed(pd.DataFrame({"group": ["x"] * rows}), OPEN), noise, OPEN, delta=1e9)
    found = [bool(private.discover_categories("group", scale, delta)) for _ in range(repetitions)]
    return sum(found)


def test_category_discovery():
    """A value of one row passes with chance δ = 0.01: of 4,000 tries at most 80 (six standard errors above 40)."""
    assert discovery_rate(SeededNoiseThatPassesAsSecure(3), 1, 5.0, 0.01, 4000) <= 80
    assert discovery_rate(SeededNoiseThatPassesAsSecure(3), 100, 5.0, 0.01, 100) == 100


@pytest.mark.parametrize("rows_per_unit", [1, 3])
@pytest.mark.parametrize("scale", [0.7, 5.0, 5.3, 26.1, 26.4])
@pytest.mark.parametrize("delta", [1e-2, 1e-6, 1e-9])
def test_a_units_own_values_pass_with_at_most_delta(rows_per_unit, scale, delta):
    """Exact: k values of count k pass when round(Z) is above the threshold less k, a tail of the Gaussian."""
    least = math.floor(discovery_threshold(rows_per_unit, scale, delta) - rows_per_unit) + 1
    passes = ndtr(-(least - 0.5) / scale)
    assert rows_per_unit * passes <= delta
    careless = math.floor(discovery_threshold(rows_per_unit, scale, delta) - rows_per_unit - 1.5) + 1
    assert rows_per_unit * ndtr(-(careless - 0.5) / scale) > delta * 0.99


def test_category_discovery_without_noise_tells_rows_apart():
    """The twin releases a value exactly when its count passes the threshold, whatever δ says."""
    threshold = math.ceil(discovery_threshold(1, 5.0, 0.01))
    assert discovery_rate(Silent(), threshold + 1, 5.0, 0.01, 50) == 50
    assert discovery_rate(Silent(), threshold - 2, 5.0, 0.01, 50) == 0


def test_range_discovery():
    schema = TableSchema((Field("group", FieldType.INTEGER, source=DomainSource.MEASURED),))
    values = typed(pd.DataFrame({"group": [5] * 400 + [100] * 400 + [10**6]}), schema)
    edges = np.array([0.0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 2**20, 2**21])
    private = door(values, SeededNoiseThatPassesAsSecure(4), schema)
    assert discover_range(private, "group", edges, 20.0) == (4.0, 128.0)
    leaky = door(values, Silent(), schema)
    assert discover_range(leaky, "group", edges, 1e-3) == (4.0, 2.0**20)


COUNTS, GRADIENTS = "gaussian_marginal", "noisy_gradient_sum"


def noise_scale(call):
    """Standard deviation of the noise that a call is charged for."""
    if call.mechanism == COUNTS:
        return call.key[-1]
    _, sampled, clipping_norm, _ = call.key
    return sampled.noise_multiplier * clipping_norm


def silent(mechanism):
    """A door that adds no noise to what one mechanism releases."""

    class SilentTable(RecordingTable):
        def _release(self, call, exact, draw):
            return super()._release(call, exact, (lambda: exact) if call.mechanism == mechanism else draw)

    return SilentTable


@pytest.mark.parametrize(
    ("method", "mechanism"),
    [(method, COUNTS) for method in METHODS] + [("dp-ctgan", GRADIENTS), ("dp-tvae", GRADIENTS)],
)
def test_a_whole_run_without_noise_is_noticed(method, mechanism):
    """What an honest run releases differs from the exact answers by about its scale; a silent run's does not.

    Counts are few, so their squares' mean may be off by a half. A training of the smallest networks releases 20 sums
    of 1,000 numbers or more: the mean of 20,000 squares has a relative standard error of 1 %; five of them.
    """

    def ratio(door):
        plan = SynthesisPlan(schema=two_columns(), method=method, epsilon=1.0)
        private, _ = run(plan, small_table(), door=door)
        squares = [
            np.mean((np.asarray(released) - np.asarray(exact)) ** 2.0) / noise_scale(call) ** 2
            for call, exact, released in private.calls
            if call.mechanism == mechanism
        ]
        return np.mean(squares)

    least, most = (0.5, 2.0) if mechanism == COUNTS else (0.95, 1.05)
    assert least < ratio(RecordingTable) < most
    assert ratio(silent(mechanism)) == 0.0


def two_columns():
    return TableSchema(
        (
            Field("age", FieldType.INTEGER, minimum=0, maximum=99, source=DomainSource.PUBLIC),
            Field("region", FieldType.STRING, enum=("north", "south", "east"), source=DomainSource.PUBLIC),
        )
    )
