"""The scorer against counting by hand, and the simulated tables against the structure that they promise."""

import itertools
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from engine.data.encode import table_domain
from tests.bench.score import auc, distances, floors, mean_kolmogorov, score
from tests.bench.tables import TABLES, simulate
from tests.tables import SMALL_SCHEMA, small_table


def written_cells(table):
    """Each row as texts: the bin of a number by plain arithmetic, the value itself otherwise."""
    rows = []
    for row in table.itertuples(index=False):
        age = min(int((row.age - 0) / (99 / 20)), 19)
        cost = "missing" if pd.isna(row.cost) else min(int(row.cost / 50), 19)
        rows.append((age, row.region, row.smoker, cost))
    return rows


def distance_by_hand(first, second, columns):
    counts = [Counter(tuple(row[column] for column in columns) for row in rows) for rows in (first, second)]
    shares = [{key: count / sum(found.values()) for key, count in found.items()} for found in counts]
    return sum(abs(shares[0].get(key, 0) - shares[1].get(key, 0)) for key in {*shares[0], *shares[1]}) / 2


@pytest.mark.parametrize("order", [1, 2, 3])
def test_distances_equal_counting_by_hand(order):
    first, second = small_table(seed=1), small_table(n_rows=300, seed=2)
    rows = written_cells(first), written_cells(second)
    by_hand = [distance_by_hand(*rows, columns) for columns in itertools.combinations(range(4), order)]
    assert distances(first, second, SMALL_SCHEMA)[order] == pytest.approx(np.mean(by_hand), abs=1e-12)


def test_a_table_is_at_no_distance_from_itself_and_its_rows_have_no_order():
    table = small_table()
    shuffled = table.sample(frac=1.0, random_state=0).reset_index(drop=True)
    assert distances(table, shuffled, SMALL_SCHEMA) == {1: 0.0, 2: 0.0, 3: 0.0}
    assert mean_kolmogorov(table, shuffled, SMALL_SCHEMA) == 0.0


def test_kolmogorov_sees_what_one_bin_hides():
    """Ages 1 and 2 share a bin. Costs are equal, so the mean of the gaps 1 and 0 is one half."""
    first, second = (small_table(n_rows=50).assign(age=pd.Series([age] * 50, dtype="Int64")) for age in (1, 2))
    assert distances(first, second, SMALL_SCHEMA)[1] == 0.0
    assert mean_kolmogorov(first, second, SMALL_SCHEMA) == 0.5


def test_auc():
    table = small_table()
    told = table.assign(smoker=(table["age"] > 50).astype("boolean"))
    assert auc(told, told, SMALL_SCHEMA, "smoker", "true") > 0.999
    assert auc(told, told.assign(smoker=~told["smoker"]), SMALL_SCHEMA, "smoker", "true") < 0.001
    assert auc(told.assign(smoker=True), told, SMALL_SCHEMA, "smoker", "true") == 0.5


def test_floors_are_the_score_of_real_rows():
    train, holdout = small_table(seed=1), small_table(seed=2)
    found = floors(train, holdout, SMALL_SCHEMA, "smoker", "true")
    as_synthetic = score(train, holdout, holdout, SMALL_SCHEMA)
    assert found["floor2"] == as_synthetic["tvd2"]
    assert found["auc_real"] == auc(train, holdout, SMALL_SCHEMA, "smoker", "true")


@pytest.mark.parametrize("name", TABLES)
def test_simulated_tables_hold_what_their_schema_says(name):
    made = simulate(name)
    assert len(made.train) == TABLES[name].n_rows
    assert all(field.has_domain for field in made.schema.fields)
    decoded = table_domain(made.schema.fields, {})
    for column in decoded.columns:
        assert column.nullable or not made.train[column.name].isna().any()
    pd.testing.assert_frame_equal(made.train, simulate(name).train)


def test_what_is_rare_and_what_depends():
    """Three in a hundred of 15,000: standard deviation 21 rows, five of them either way."""
    assert abs(simulate("skewed").train["fraud"].sum() - 450) < 105
    hierarchy = simulate("hierarchy").train
    assert (hierarchy.groupby("product")["line"].nunique() == 1).all()
    assert (hierarchy.groupby("town")["region_code"].nunique() == 1).all()


def test_exclusive_ors_show_in_triples_only():
    """q01, q02 and q09: no pair is correlated (10,000 rows, five standard deviations of 0.01), all three are."""
    answers = simulate("binary").train[["q01", "q02", "q09"]].to_numpy(dtype=float) * 2 - 1
    pairs = [abs((answers[:, i] * answers[:, j]).mean()) for i, j in itertools.combinations(range(3), 2)]
    assert max(pairs) < 0.05
    assert abs(answers.prod(axis=1).mean()) > 0.8
