"""Bounds on a model's error hold as often as they say, and a twin that forgets the noise does not."""

import numpy as np
import pandas as pd
import pytest

from engine.data.schema import DomainSource, Field, FieldType, TableSchema
from engine.synthesizers.uncertainty import (
    NOISE_MEAN,
    SelectionRecord,
    candidate_bounds,
    error_entry,
    measured_bound,
)
from tests.doors import fit
from tests.tables import small_plan, typed

pytestmark = pytest.mark.statistical
REPETITIONS = 400
ALLOWED_MISSES = 42
"""Of 400 with chance 0.05 each: 20 expected, and five standard errors of 4.4 above them; false alarm 3e-7."""


def test_a_measured_marginal_lies_within_its_bound():
    """The model here is the noisy marginal cut at zero, so that it follows the noise, as a fitted one does."""
    rng = np.random.default_rng(1)
    exact = rng.poisson(30.0, 60).astype(float)
    misses = careless = 0
    for _ in range(REPETITIONS):
        noisy = exact + np.rint(rng.normal(0.0, 20.0, exact.size))
        modelled = np.maximum(noisy, 0.0)
        error = np.abs(exact - modelled).sum()
        misses += error > measured_bound(noisy, modelled, np.array(400.0))
        careless += error > np.abs(noisy - modelled).sum()
    assert misses <= ALLOWED_MISSES
    assert careless > REPETITIONS // 2


def selection(rng, exact, expected, scale, epsilon):
    """One round by hand: choose by the exponential mechanism, then measure."""
    candidates = [(0, 1), (0, 2), (1, 2)]
    penalties = [NOISE_MEAN * scale * table.size for table in expected]
    scores = [
        np.abs(own - guess).sum() - penalty for own, guess, penalty in zip(exact, expected, penalties, strict=True)
    ]
    chosen = int(np.argmax(epsilon / 2.0 * np.array(scores) + rng.gumbel(size=3)))
    counts = exact[chosen] + np.rint(rng.normal(0.0, scale, exact[chosen].shape))
    keyed = dict(zip(candidates, expected, strict=True))
    return SelectionRecord(candidates, penalties, [1.0] * 3, 1.0, epsilon, chosen, counts, scale, keyed)


def test_every_candidate_lies_within_its_bound():
    """The twin takes the chosen set's observed distance for everybody's, without the mechanism's slack or noise."""
    rng = np.random.default_rng(2)
    exact = [rng.poisson(200.0, shape).astype(float) for shape in ((3, 4), (3, 5), (4, 5))]
    expected = [np.full(table.shape, table.mean()) for table in exact]
    misses = careless = 0
    for _ in range(REPETITIONS):
        record = selection(rng, exact, expected, scale=2.0, epsilon=0.02)
        bounds = candidate_bounds(record, lambda columns, record=record: record.expected[columns])
        errors = [np.abs(own - guess).sum() for own, guess in zip(exact, expected, strict=True)]
        chosen = record.candidates[record.chosen]
        observed = np.abs(record.counts - record.expected[chosen]).sum()
        misses += any(error > bounds[columns] for error, columns in zip(errors, record.candidates, strict=True))
        careless += max(errors) > observed
    assert misses <= ALLOWED_MISSES
    assert careless > 2 * ALLOWED_MISSES


def test_a_bound_that_says_nothing_is_left_out():
    assert error_entry(["a", "b"], 50.0, 100.0, measured=True) == {
        "columns": ["a", "b"],
        "distance_at_most": 0.25,
        "measured": True,
    }
    assert error_entry(["a"], 250.0, 100.0)["distance_at_most"] is None


def correlated(n_rows, seed):
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 4, n_rows)
    second = np.where(rng.random(n_rows) < 0.7, first, rng.integers(0, 4, n_rows))
    table = pd.DataFrame({"a": first, "b": second, "c": (first + second) % 3, "d": rng.integers(0, 2, n_rows)})
    return typed(table, FOUR)


FOUR = TableSchema(
    tuple(
        Field(name, FieldType.INTEGER, minimum=0, maximum=high, required=True, source=DomainSource.PUBLIC)
        for name, high in (("a", 3), ("b", 3), ("c", 2), ("d", 1))
    )
)


@pytest.mark.parametrize("method", ["aim", "mst", "independent"])
def test_a_fitted_model_keeps_its_own_bounds(method):
    """20 fits of up to 10 sets each; misses of one fit go together, so 20 % of all entries is far outside chance."""
    entries = misses = careless = 0
    for seed in range(20):
        table = correlated(2000, seed)
        plan = small_plan(method, epsilon=1.0, schema=FOUR)
        synthesizer = fit(plan, table, seed=seed)[1]
        names = FOUR.names
        for entry in synthesizer.uncertainty_report():
            sizes = [4, 4, 3, 2]
            columns = tuple(names.index(name) for name in entry["columns"])
            shape = [sizes[column] for column in columns]
            flat = np.ravel_multi_index([table[names[column]].to_numpy(dtype=int) for column in columns], shape)
            exact = np.bincount(flat, minlength=np.prod(shape)).reshape(shape)
            distance = np.abs(exact - synthesizer.model_.marginal(columns)).sum() / (2 * synthesizer.model_.total)
            entries += 1
            misses += entry["distance_at_most"] is not None and distance > entry["distance_at_most"]
            careless += distance > 0.0
    assert entries >= 80
    assert misses <= 0.2 * entries
    assert careless == entries
