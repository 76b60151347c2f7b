"""The growing junction tree and the model on it, against brute force."""

import itertools

import numpy as np
import pytest

from engine.synthesizers.graphical_model import GraphicalModel, Measurement
from engine.synthesizers.junction_tree import JunctionTree

SIZES = (3, 2, 4, 2, 3)
PAIRS = list(itertools.combinations(range(len(SIZES)), 2))


def check_running_intersection(tree):
    """For every column, the cliques that hold it form one connected part of a forest."""
    edges = {frozenset((a, b)) for a, around in tree.neighbours.items() for b in around}
    assert len(edges) < len(tree.cliques)
    for column in range(len(tree._sizes)):
        holders = [identifier for identifier, clique in tree.cliques.items() if column in clique]
        inside = [edge for edge in edges if all(end in holders for end in edge)]
        assert holders
        assert len(inside) == len(holders) - 1


@pytest.mark.parametrize("seed", range(30))
def test_any_order_of_pairs_keeps_the_tree_a_junction_tree(seed):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 30, 9)
    tree = JunctionTree(sizes.tolist())
    pairs = list(itertools.combinations(range(9), 2))
    for position in rng.permutation(len(pairs))[:14]:
        pair = pairs[position]
        planned = tree.plan(*pair)
        tree.cover(*pair)
        check_running_intersection(tree)
        assert tree.covers(pair)
        assert tree.cells <= planned.cells
        assert tree.order()[0][1] is None
        assert len(tree.order()) == len(tree.cliques)


def test_a_plan_changes_nothing():
    tree = JunctionTree(SIZES)
    tree.cover(0, 1)
    before = dict(tree.cliques), {key: set(value) for key, value in tree.neighbours.items()}
    tree.plan(1, 4)
    assert before == (tree.cliques, tree.neighbours)


def random_model(seed, n_pairs):
    rng = np.random.default_rng(seed)
    model = GraphicalModel(SIZES, 1000.0)
    chosen = [PAIRS[position] for position in rng.permutation(len(PAIRS))[:n_pairs]]
    for clique in [*[(column,) for column in range(len(SIZES))], *chosen]:
        shape = [SIZES[column] for column in clique]
        model.add(Measurement(clique, rng.uniform(0, 100, shape), np.array(25.0)))
    model._potentials = {clique: rng.normal(0, 1.5, table.shape) for clique, table in model._potentials.items()}
    model._beliefs = model._propagate(model._potentials)
    return model


def brute_force(model):
    logs = np.zeros(SIZES)
    for clique, table in model._potentials.items():
        shape = [SIZES[column] if column in clique else 1 for column in range(len(SIZES))]
        logs = logs + table.reshape(shape)
    joint = np.exp(logs)
    return model.total * joint / joint.sum()


def marginal(joint, columns):
    return joint.sum(axis=tuple(axis for axis in range(joint.ndim) if axis not in columns))


@pytest.mark.parametrize("n_pairs", [0, 1, 3, 5, 8, 10])
@pytest.mark.parametrize("seed", range(4))
def test_all_pairs_equal_brute_force(seed, n_pairs):
    model = random_model(seed, n_pairs)
    joint = brute_force(model)
    found = model.pairs()
    assert set(found) == set(PAIRS)
    for pair, table in found.items():
        np.testing.assert_allclose(table, marginal(joint, pair), rtol=1e-9)
    for clique in model._potentials:
        np.testing.assert_allclose(model.marginal(clique), marginal(joint, clique), rtol=1e-9)


def test_fit_reaches_measurements_that_agree():
    rng = np.random.default_rng(2)
    joint = rng.dirichlet(np.ones(np.prod(SIZES))).reshape(SIZES) * 1000
    model = GraphicalModel(SIZES, 1000.0)
    for clique in [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (0, 4)]:
        model.add(Measurement(clique, marginal(joint, clique), np.array(4.0)))
    model.fit(4000, tolerance=0.0, stop_at_noise=False)
    for clique in model._potentials:
        assert np.abs(model.marginal(clique) - marginal(joint, clique)).max() < 1.0


def test_repeated_measurements_are_pooled_by_precision():
    model = GraphicalModel((2,), 100.0)
    model.add(Measurement((0,), np.array([60.0, 40.0]), np.array(1.0)))
    model.add(Measurement((0,), np.array([20.0, 80.0]), np.array(9.0)))
    model.fit(2000, tolerance=0.0, stop_at_noise=False)
    np.testing.assert_allclose(model.marginal((0,)), [56.0, 44.0], atol=0.05)


def test_a_fit_stops_where_only_noise_is_left():
    steps = []
    model = GraphicalModel((40,), 4000.0)
    model.add(Measurement((0,), np.full(40, 100.0) + np.tile([5.0, -5.0], 20), np.array(100.0)))
    model.fit(500, tolerance=0.0, stop_at_noise=True, on_iteration=steps.append)
    assert steps == []


@pytest.mark.parametrize("n_pairs", [0, 3, 8])
def test_samples_follow_the_model(n_pairs):
    """100,000 rows: a pair's cell has a standard error of at most √(p (1 - p) n) < 160 rows; six are allowed."""
    model = random_model(7, n_pairs)
    codes = model.sample(100_000, np.random.default_rng(1))
    joint = brute_force(model) * 100
    for pair in PAIRS:
        counts = np.zeros([SIZES[column] for column in pair])
        np.add.at(counts, tuple(codes[column] for column in pair), 1)
        assert np.abs(counts - marginal(joint, pair)).max() < 6 * 160


def test_children_of_one_parent_are_independent_given_it():
    """Both children follow the parent; within a parent's rows they must not follow each other.

    A sampler that hands out cells in row order fails this: it correlates them perfectly.
    """
    model = GraphicalModel((2, 2, 2), 100.0)
    for pair in ((0, 1), (0, 2)):
        model.add(Measurement(pair, np.array([[40.0, 10.0], [10.0, 40.0]]), np.array(1.0)))
    model.fit(500, tolerance=0.0, stop_at_noise=False)
    parent, first, second = model.sample(20_000, np.random.default_rng(6))
    inside = parent == 0
    assert abs(inside.mean() - 0.5) < 0.001
    assert abs(first[inside].mean() - 0.2) < 0.001
    correlation = np.corrcoef(first[inside], second[inside])[0, 1]
    assert abs(correlation) < 5 / np.sqrt(inside.sum())


def test_unconnected_columns_are_independent_in_samples():
    """χ² of a 3 × 2 table that the model says is independent; 99.9999 % quantile with 2 degrees is 27.6."""
    codes = GraphicalModel((3, 2), 100.0).sample(30_000, np.random.default_rng(5))
    counts = np.zeros((3, 2))
    np.add.at(counts, tuple(codes), 1)
    assert ((counts - 5000) ** 2 / 5000).sum() < 27.6


def test_a_start_is_where_it_is_told():
    model = GraphicalModel((3, 2), 100.0)
    for column, counts in enumerate(([60.0, 30.0, 10.0], [0.0, 0.0])):
        model.add(Measurement((column,), np.array(counts), np.array(1.0)))
    model.start_from([np.array([60.0, 30.0, 10.0]), np.zeros(2)])
    np.testing.assert_allclose(model.marginal((0,)), [60.0, 30.0, 10.0])
    np.testing.assert_allclose(model.marginal((1,)), [50.0, 50.0])
    np.testing.assert_allclose(model.pairs()[(0, 1)], np.outer([60.0, 30.0, 10.0], [0.5, 0.5]))


def test_zero_rows():
    assert [len(codes) for codes in GraphicalModel(SIZES, 10.0).sample(0, np.random.default_rng(0))] == [0] * 5
