"""The tree model against brute force on tables small enough to write out."""

import itertools

import numpy as np
import pytest

from engine.synthesizers.tree_model import Measurement, TreeModel

SIZES = (3, 2, 4, 2)
TREES = {
    "chain": [(0, 1), (1, 2), (2, 3)],
    "star": [(0, 1), (0, 2), (0, 3)],
    "reversed edges": [(1, 0), (3, 1), (2, 1)],
    "forest": [(0, 1), (2, 3)],
    "no edges": [],
    "single edge at the end": [(2, 3)],
}


def brute_force(model):
    """The full joint from the potentials."""
    joint = np.zeros(SIZES)
    for cell in itertools.product(*map(range, SIZES)):
        joint[cell] = np.exp(sum(table[tuple(cell[c] for c in clique)] for clique, table in model.potentials.items()))
    return model.total * joint / joint.sum()


def marginal(joint, clique):
    axes = tuple(axis for axis in range(joint.ndim) if axis not in clique)
    table = joint.sum(axis=axes)
    return table if list(clique) == sorted(clique) else table.T


@pytest.mark.parametrize("edges", TREES.values(), ids=TREES)
def test_marginals_equal_brute_force(edges):
    rng = np.random.default_rng(1)
    model = TreeModel(SIZES, edges, 100.0)
    model.potentials = {clique: rng.normal(0, 2, table.shape) for clique, table in model.potentials.items()}
    marginals = model._propagate(model.potentials)
    joint = brute_force(model)
    for clique, table in marginals.items():
        np.testing.assert_allclose(table, marginal(joint, clique), rtol=1e-10)


@pytest.mark.parametrize("edges", TREES.values(), ids=TREES)
def test_fit_reaches_measurements_that_agree(edges):
    """Marginals of one joint are consistent, so the best model meets every one of them."""
    rng = np.random.default_rng(2)
    joint = rng.dirichlet(np.ones(np.prod(SIZES))).reshape(SIZES) * 1000
    cliques = [*[(c,) for c in range(4)], *edges]
    measurements = [Measurement(clique, marginal(joint, clique), np.array(4.0)) for clique in cliques]
    model = TreeModel(SIZES, edges, 1000.0).fit(measurements, 4000)
    for item in measurements:
        assert np.abs(model.marginals_[item.clique] - item.counts).max() < 1.0


def test_fit_weighs_measurements_by_precision():
    """Two measurements of one column with variances 1 and 9 meet at the precision-weighted mean, by calculus."""
    precise = Measurement((0,), np.array([60.0, 40.0]), np.array(1.0))
    vague = Measurement((0,), np.array([20.0, 80.0]), np.array(9.0))
    model = TreeModel((2,), [], 100.0).fit([precise, vague], 2000)
    np.testing.assert_allclose(model.marginals_[(0,)], [56.0, 44.0], atol=0.05)


def test_fit_never_raises_the_loss():
    rng = np.random.default_rng(3)
    noisy = [Measurement((0, 1), rng.normal(50, 30, (3, 2)), np.array(900.0))]
    model = TreeModel(SIZES, [(0, 1)], 300.0)
    losses = []
    for _ in range(20):
        model.fit(noisy, 1)
        losses.append(float(((model.marginals_[(0, 1)] - noisy[0].counts) ** 2).sum()))
    assert losses == sorted(losses, reverse=True)
    assert np.all(model.marginals_[(0, 1)] >= 0)
    assert model.marginals_[(0, 1)].sum() == pytest.approx(300.0)


@pytest.mark.parametrize("edges", TREES.values(), ids=TREES)
def test_samples_follow_nodes_and_edges(edges):
    """Rounding is within one row per cell and parent; a pair's table is off by at most its cells plus parents."""
    rng = np.random.default_rng(4)
    model = TreeModel(SIZES, edges, 1000.0)
    model.potentials = {clique: rng.normal(0, 1, table.shape) for clique, table in model.potentials.items()}
    model.marginals_ = model._propagate(model.potentials)
    codes = model.sample(20_000, rng)
    for clique in edges:
        counts = np.zeros([SIZES[c] for c in clique])
        np.add.at(counts, tuple(codes[c] for c in clique), 1)
        # each hop from the root adds at most one row per cell of the parent, times its share
        assert np.abs(counts - model.marginals_[clique] * 20).max() <= 6.0


def test_unconnected_columns_are_independent_in_samples():
    """χ² of a 3 × 2 table that the model says is independent; 99.9999 % quantile with 2 degrees is 27.6."""
    rng = np.random.default_rng(5)
    codes = TreeModel((3, 2), [], 100.0).sample(30_000, rng)
    counts = np.zeros((3, 2))
    np.add.at(counts, tuple(codes), 1)
    assert ((counts - 5000) ** 2 / 5000).sum() < 27.6


def test_children_of_one_parent_are_independent_given_it():
    """Both children follow the parent; within a parent's rows they must not follow each other.

    A sampler that hands out cells in row order fails this: it correlates them perfectly.
    """
    rng = np.random.default_rng(6)
    model = TreeModel((2, 2, 2), [(0, 1), (0, 2)], 100.0)
    parent, first, second = model.sample(20_000, rng)
    inside = parent == 0
    correlation = np.corrcoef(first[inside], second[inside])[0, 1]
    assert abs(correlation) < 5 / np.sqrt(inside.sum())


@pytest.mark.parametrize("edges", [[(0, 1), (1, 2), (2, 0)], [(0, 0)], [(0, 9)]])
def test_what_is_not_a_forest_is_refused(edges):
    with pytest.raises(ValueError, match="edge"):
        TreeModel(SIZES, edges, 1.0)


def test_zero_rows():
    assert [len(codes) for codes in TreeModel(SIZES, TREES["chain"], 10.0).sample(0, np.random.default_rng(0))] == [
        0
    ] * 4
