"""The estimate of memory against what Python and NumPy really take."""

import itertools
import tracemalloc

import numpy as np
import pytest

from engine.synthesizers.graphical_model import GraphicalModel, Measurement
from engine.synthesizers.memory import memory_bytes

CASES = {
    "a few large cliques": ([30, 40, 50, 20, 20, 10], [(0, 1), (1, 2), (0, 2), (2, 3, 4), (4, 5)], 1000),
    "many binary columns": ([2] * 16, [*itertools.combinations(range(15), 2), (0, 15)], 1000),
    "a triple as a clique": ([40, 50, 30, 8], [(0, 1, 2), (2, 3)], 1000),
    "many rows": ([5, 6, 7, 8], [(0, 1), (1, 2), (2, 3)], 400_000),
    "rows that trade cells": ([5, 6, 7, 8, 9, 4], [(0, 1), (1, 2), (2, 3), (3, 4), (3, 5)], 250_000),
}


@pytest.mark.parametrize("name", CASES)
def test_the_estimate_is_an_upper_bound_within_a_factor_of_four(name):
    """Python's own objects, some 200 kB for such models, are not in the estimate of arrays."""
    sizes, sets, n_rows = CASES[name]
    rng = np.random.default_rng(0)
    tracemalloc.start()
    model = GraphicalModel(sizes, 1000.0)
    for columns in [*((column,) for column in range(len(sizes))), *sets]:
        shape = [sizes[column] for column in columns]
        model.add(Measurement(columns, rng.uniform(0, 50, shape), np.array(25.0)))
    model.fit(8, tolerance=0.0, stop_at_noise=False)
    model.pairs()
    model.sample(n_rows, rng)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    estimate = memory_bytes(sizes, model.tree.cliques.values(), n_rows)
    assert peak < estimate + 400_000
    assert estimate < 4 * peak


def test_measured_sets_can_be_named():
    cliques = [(0, 1, 2)]
    narrow = memory_bytes([10, 20, 30], cliques, measured=[(0,), (1,), (2,), (0, 1)])
    assert narrow < memory_bytes([10, 20, 30], cliques)
    assert memory_bytes([10, 20, 30], cliques, 10_000) > memory_bytes([10, 20, 30], cliques)
