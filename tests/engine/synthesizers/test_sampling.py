"""Sampling's own error: counts of cliques, pairs that no clique holds, and what trades may not change."""

import itertools

import numpy as np
import pytest

from engine.synthesizers import exchange as exchange_module
from engine.synthesizers import sampling
from engine.synthesizers.exchange import Deviations, exchange, is_worthwhile
from engine.synthesizers.graphical_model import GraphicalModel, Measurement
from engine.synthesizers.tables import Table

SIZES = (6, 5, 7, 4, 5)
CHAIN = [(0, 1), (1, 2), (2, 3), (3, 4)]
N_ROWS = 20_000


def chain_model(seed):
    rng = np.random.default_rng(seed)
    model = GraphicalModel(SIZES, 1000.0)
    for pair in CHAIN:
        shape = [SIZES[column] for column in pair]
        model.add(Measurement(pair, rng.dirichlet(np.full(np.prod(shape), 0.7)).reshape(shape) * 1000, np.array(1.0)))
    model.fit(60, tolerance=0.0, stop_at_noise=False)
    return model


def counted(codes, columns):
    counts = np.zeros([SIZES[column] for column in columns])
    np.add.at(counts, tuple(codes[column] for column in columns), 1)
    return counts


def mean_distance(model, codes, pairs):
    """Mean total variation distance between the model's pairs and the rows'."""
    n_rows = len(codes[0])
    return np.mean([np.abs(counted(codes, pair) / n_rows - model.marginal(pair) / 1000).sum() / 2 for pair in pairs])


@pytest.mark.parametrize("n_rows", [1, 100, N_ROWS])
def test_each_clique_is_within_one_row_per_cell_of_its_conditional_distribution(n_rows):
    """Given the rows of each separator cell, a clique's counts are those of systematic draws."""
    model = chain_model(0)
    codes = model.sample(n_rows, np.random.default_rng(1))
    separators = [model.tree.separator(*edge) if edge[1] is not None else frozenset() for edge in model.tree.order()]
    for (identifier, _), separator in zip(model.tree.order(), separators, strict=True):
        columns = sorted(model.tree.cliques[identifier], key=lambda column: (column not in separator, column))
        counts = counted(codes, columns).reshape(int(np.prod([SIZES[column] for column in separator])), -1)
        expected = model.marginal(tuple(columns)).reshape(counts.shape)
        expected = expected / expected.sum(axis=1, keepdims=True) * counts.sum(axis=1, keepdims=True)
        assert np.abs(counts - expected).max() < 1 + 1e-9


def test_pairs_apart_are_closer_to_the_model_than_independent_draws(monkeypatch):
    """Trades halve what is left of the deviation, and the order that cells are dealt in saves a tenth before.

    The mean over six pairs and three samples varies by a few hundredths of itself. The twin that deals in random
    order and does not trade, as independent draws would, is more than three times as far.
    """
    model = chain_model(0)
    apart = [pair for pair in itertools.combinations(range(5), 2) if pair not in CHAIN]

    def distance():
        return np.mean([mean_distance(model, model.sample(N_ROWS, np.random.default_rng(s)), apart) for s in range(3)])

    ours = distance()
    monkeypatch.setattr(exchange_module, "_PASSES", 0)
    dealt_only = distance()
    monkeypatch.setattr(sampling.Sampler, "_key", lambda self, stage, drawn: [])
    at_random = distance()
    assert ours < 0.5 * dealt_only
    assert dealt_only < 0.9 * at_random
    assert ours < 0.3 * at_random


def drawn(seed, n_groups=3):
    """Rows in groups with an earlier column (4 cells) and a new one (5 cells) that do not depend on one another."""
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, n_groups, 4000).astype(np.int32)
    weights = rng.dirichlet(np.ones(5), n_groups)
    new = np.array([rng.choice(5, p=weights[group]) for group in groups], dtype=np.int32)
    codes = [groups, rng.integers(0, 4, 4000).astype(np.int32), new]
    return codes, (n_groups, 4, 5), Table((0, 2), weights)


def test_trades_lower_deviations_and_keep_groups():
    codes, sizes, weights = drawn(0)
    before = [column.copy() for column in codes]
    deviations = Deviations.measure(codes, sizes, codes[0], weights, (0,), (1,))
    start = (deviations.tables[1, 2] ** 2).sum()
    exchange(deviations, codes[0], np.random.default_rng(1))
    np.testing.assert_array_equal(codes[0], before[0])
    np.testing.assert_array_equal(codes[1], before[1])
    pairs = [np.bincount(each[0] * 5 + each[2]) for each in (codes, before)]
    np.testing.assert_array_equal(*pairs)
    again = Deviations.measure(codes, sizes, codes[0], weights, (0,), (1,))
    np.testing.assert_allclose(again.tables[1, 2], deviations.tables[1, 2], atol=1e-8)
    assert (again.tables[1, 2] ** 2).sum() < start / 3


def test_the_change_foretold_is_the_change_of_one_trade():
    codes, sizes, weights = drawn(1)
    rng = np.random.default_rng(0)
    for _ in range(50):
        deviations = Deviations.measure(codes, sizes, codes[0], weights, (0,), (1,))
        first, second = deviations.that_differ(*rng.integers(0, 4000, (2, 1)))
        foretold = deviations.change(first, second).sum()
        start = (deviations.tables[1, 2] ** 2).sum()
        deviations.trade(first, second)
        assert (deviations.tables[1, 2] ** 2).sum() - start == pytest.approx(2 * foretold, abs=1e-6)


def test_two_rows_at_a_time_follow_the_model():
    """1,000 samples of two rows: a cell of the pair apart has a standard error below √(1/4 · 1/1000); six allowed."""
    model = chain_model(2)
    rng = np.random.default_rng(3)
    counts = sum(counted(model.sample(2, rng), (0, 4)) for _ in range(1000)) / 2000
    assert np.abs(counts - model.marginal((0, 4)) / 1000).max() < 6 * np.sqrt(0.25 / 1000)


@pytest.mark.parametrize(("n_rows", "n_columns"), [(10_000_000, 15), (20_000, 1000)])
def test_large_samples_are_dealt_but_not_traded(n_rows, n_columns):
    assert not is_worthwhile(n_rows, n_columns)
    assert is_worthwhile(26_048, 15)


def test_what_is_not_worthwhile_is_left_out(monkeypatch):
    monkeypatch.setattr(exchange_module, "MOST_WORK", 24)
    monkeypatch.setattr(sampling, "exchange", lambda *arguments: pytest.fail("traded"))
    assert len(chain_model(0).sample(1, np.random.default_rng(0))[0]) == 1
