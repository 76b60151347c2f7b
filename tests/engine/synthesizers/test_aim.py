"""What AIM adds to the contract: its envelope is used up, its model stays within its cells, and it finds relations."""

import itertools

import numpy as np
import pandas as pd
import pytest

from engine.data.schema import Field, FieldType, TableSchema
from engine.pipeline import synthesize
from engine.privacy.accounting import compose_epsilon
from engine.synthesizers import aim
from tests.tables import small_plan, typed

N_COLUMNS = 9
SCHEMA = TableSchema(
    tuple(Field(f"c{number}", FieldType.INTEGER, minimum=0, maximum=11) for number in range(N_COLUMNS))
)


def chained(n_rows=4000, seed=0):
    """Columns in three groups; within a group each follows the first, and groups do not know of each other."""
    rng = np.random.default_rng(seed)
    bases = rng.integers(0, 12, (3, n_rows))
    columns = {
        f"c{number}": np.clip(bases[number % 3] + rng.integers(-1, 2, n_rows), 0, 11) for number in range(N_COLUMNS)
    }
    return typed(pd.DataFrame(columns), SCHEMA)


def distance(first, second, pair):
    """Total variation distance of a pair."""
    shares = [pd.crosstab(t[pair[0]], t[pair[1]], normalize=True) for t in (first, second)]
    left, right = shares[0].align(shares[1], fill_value=0)
    return float(np.abs(left.fillna(0) - right.fillna(0)).to_numpy().sum() / 2)


@pytest.fixture(scope="module")
def result():
    return synthesize(chained(), small_plan("aim", epsilon=3.0, schema=SCHEMA), sample_seed=1)


def test_the_envelope_is_used_up(result):
    events = [charge["event"] for charge in result.certificate["events"]]
    assert 3.0 * (1 - 1e-6) <= compose_epsilon(events, 1e-6) <= 3.0


def test_the_model_stays_within_its_cells(monkeypatch):
    monkeypatch.setattr(aim, "MAXIMUM_CELLS", 2500)
    made = synthesize(chained(), small_plan("aim", epsilon=10.0, schema=SCHEMA))
    assert made.synthesizer.model_.tree.cells <= 2500


def test_relations_are_found_and_none_are_invented(result):
    """Twice the distance of two samples of real rows would be no surprise; independent columns are at 0.4."""
    table = chained()
    for first, second in itertools.combinations(range(N_COLUMNS), 2):
        pair = (f"c{first}", f"c{second}")
        floor = distance(table, chained(seed=9), pair)
        limit = floor + 0.08
        assert distance(table, result.synthetic, pair) < limit, pair
    independent = synthesize(table, small_plan("independent", epsilon=3.0, schema=SCHEMA)).synthetic
    assert distance(table, independent, ("c0", "c3")) > 0.4


def test_noise_gets_finer_where_it_told_nothing(result):
    scales = [event["noise_scale"] for event in result.certificate["events"] if event["purpose"] == "two-way marginal"]
    assert scales[-1] <= scales[0]
