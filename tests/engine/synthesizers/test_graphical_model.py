"""The graphical model against brute force: the whole joint distribution of a few small columns."""

import itertools
import pickle

import numpy as np
import pytest

from engine.errors import PlanError
from engine.synthesizers.graphical_model import GraphicalModel, Measurement

SIZES = (3, 2, 4, 2, 3)
SINGLES = [(column,) for column in range(len(SIZES))]
PAIRS = list(itertools.combinations(range(len(SIZES)), 2))
TRIPLES = list(itertools.combinations(range(len(SIZES)), 3))


def random_model(seed, n_pairs, n_triples=0, allowed=None):
    """A model of random potentials on every column, some pairs and some triples."""
    rng = np.random.default_rng(seed)
    model = GraphicalModel(SIZES, 1000.0, allowed)
    chosen = [PAIRS[position] for position in rng.permutation(len(PAIRS))[:n_pairs]]
    chosen += [TRIPLES[position] for position in rng.permutation(len(TRIPLES))[:n_triples]]
    for clique in [*SINGLES, *chosen]:
        shape = [SIZES[column] for column in clique]
        model.add(Measurement(clique, rng.uniform(0, 100, shape), np.array(25.0)))
    model._potentials = {clique: rng.normal(0, 1.5, table.shape) for clique, table in model._potentials.items()}
    model._forget()
    return model


def spread_over_all(table, columns):
    return table.reshape([SIZES[column] if column in columns else 1 for column in range(len(SIZES))])


def brute_force(model, allowed=None):
    logs = np.zeros(SIZES)
    for clique, table in model._potentials.items():
        logs = logs + spread_over_all(table, clique)
    joint = np.exp(logs)
    for columns, mask in (allowed or {}).items():
        joint = joint * spread_over_all(mask, columns)
    return model.total * joint / joint.sum()


def marginal(joint, columns):
    return joint.sum(axis=tuple(axis for axis in range(joint.ndim) if axis not in columns))


@pytest.mark.parametrize(("n_pairs", "n_triples"), [(0, 0), (1, 0), (3, 0), (5, 0), (10, 0), (0, 1), (1, 1), (2, 3)])
@pytest.mark.parametrize("seed", range(4))
def test_counts_of_all_sets_equal_brute_force(seed, n_pairs, n_triples):
    model = random_model(seed, n_pairs, n_triples)
    joint = brute_force(model)
    sets = [*SINGLES, *PAIRS, *TRIPLES]
    found = model.counts(sets)
    assert set(found) == set(sets)
    for columns, table in found.items():
        np.testing.assert_allclose(table, marginal(joint, columns), rtol=1e-9)
        np.testing.assert_allclose(model.marginal(columns), table)
    pairs = model.pairs()
    assert set(pairs) == set(PAIRS)
    for pair in PAIRS:
        np.testing.assert_allclose(pairs[pair], found[pair])


def test_counts_are_asked_of_one_to_three_columns_in_any_order():
    model = random_model(1, 4)
    np.testing.assert_allclose(model.counts([(3, 0)])[(0, 3)], model.marginal((0, 3)))
    np.testing.assert_allclose(model.marginal((3, 0)), model.marginal((0, 3)).T)
    for columns in [(), (0, 1, 2, 3), (1, 1)]:
        with pytest.raises(ValueError, match="one to 3 different columns"):
            model.counts([columns])


def test_measurements_must_fit_their_columns():
    for columns, shape in [((1, 0), (2, 3)), ((0, 0), (3, 3)), ((), ()), ((0, 1, 2, 3), (3, 2, 4, 2)), ((0, 1), (3,))]:
        with pytest.raises(ValueError, match=r"column"):
            Measurement(columns, np.ones(shape), np.array(1.0))
    with pytest.raises(ValueError, match="need shape"):
        GraphicalModel(SIZES, 10.0).add(Measurement((0, 1), np.ones((2, 3)), np.array(1.0)))


def test_fit_reaches_measurements_that_agree():
    rng = np.random.default_rng(2)
    joint = rng.dirichlet(np.ones(np.prod(SIZES))).reshape(SIZES) * 1000
    model = GraphicalModel(SIZES, 1000.0)
    for clique in [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (0, 4), (1, 3, 4)]:
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


def random_masks(seed):
    """Masks on sets of one to three columns that leave some row, and those that a chain of equalities needs."""
    rng = np.random.default_rng(seed)
    sets = [*SINGLES, *PAIRS, *TRIPLES]
    masks = {}
    for position in rng.permutation(len(sets))[: rng.integers(1, 5)]:
        shape = [SIZES[column] for column in sets[position]]
        mask = rng.random(shape) < 0.6
        joint = np.ones(SIZES)
        for columns, kept in {**masks, sets[position]: mask}.items():
            joint = joint * spread_over_all(kept, columns)
        if joint.any():
            masks[sets[position]] = mask
    return masks


def violations(codes, masks):
    return sum(int((~mask[tuple(codes[column] for column in columns)]).sum()) for columns, mask in masks.items())


@pytest.mark.parametrize("seed", range(25))
def test_forbidden_combinations_have_no_mass_and_are_never_drawn(seed):
    masks = random_masks(seed)
    model = random_model(seed, 3, 1, masks)
    joint = brute_force(model, masks)
    for columns in [*SINGLES, *PAIRS, *TRIPLES]:
        expected = marginal(joint, columns)
        found = model.marginal(columns)
        np.testing.assert_allclose(found, expected, rtol=1e-9)
        np.testing.assert_array_equal(found == 0.0, expected == 0.0)
    assert violations(model.sample(3000, np.random.default_rng(seed)), masks) == 0


def test_a_model_that_is_not_told_of_the_masks_draws_forbidden_combinations():
    """The broken twin: the same potentials without the masks."""
    masks = random_masks(3)
    assert not all(mask.all() for mask in masks.values())
    assert violations(random_model(3, 3, 1).sample(3000, np.random.default_rng(3)), masks) > 0


@pytest.mark.parametrize("seed", range(5))
def test_masks_hold_after_a_fit_to_counts_that_contradict_them(seed):
    """The counts put most rows on forbidden cells: potentials there grow large, and still nothing is drawn."""
    masks = random_masks(seed)
    model = GraphicalModel(SIZES, 1000.0, masks)
    for columns, mask in masks.items():
        model.add(Measurement(columns, np.where(mask, 0.0, 1000.0), np.array(1e-4)))
    model.add(Measurement((0, 4), np.eye(3) * 333.0, np.array(1.0)))
    model.fit(200, tolerance=0.0, stop_at_noise=False)
    for columns, mask in masks.items():
        assert (model.marginal(columns)[~mask] == 0.0).all()
    assert violations(model.sample(3000, np.random.default_rng(seed)), masks) == 0


@pytest.mark.parametrize("height", [400.0, 2000.0])
def test_masks_hold_where_potentials_leave_the_range_of_floats(height):
    """All mass lies where the mask forbids it, e^height above the rest."""
    masks = {(0, 1): np.array([[True, False], [False, True], [True, False]])}
    model = random_model(2, 4, 1, masks)
    model._potentials[(0,)] = np.array([0.0, height, -height])
    model._potentials[(1,)] = np.array([height, -height])
    model._forget()
    assert (model.marginal((0, 1))[~masks[(0, 1)]] == 0.0).all()
    assert model.marginal((0, 1)).sum() == pytest.approx(1000.0)
    assert violations(model.sample(2000, np.random.default_rng(0)), masks) == 0


def test_a_functional_dependency_is_kept_through_columns_between():
    """Column 0 decides 2 and 2 decides 4: no clique holds 0 and 4, and yet only what follows is drawn."""
    first = np.eye(3, 4, dtype=bool)
    second = np.eye(4, 3, dtype=bool)
    second[3, 0] = True
    model = GraphicalModel(SIZES, 300.0, {(0, 2): first, (2, 4): second})
    codes = model.sample(3000, np.random.default_rng(0))
    assert (codes[0] == codes[4]).all()
    np.testing.assert_allclose(model.marginal((0, 4)), np.eye(3) * 100.0)


def test_rules_that_leave_no_row_are_refused():
    pairs = ((0, 2), (2, 4), (0, 4))
    masks = {(0, 2): np.eye(3, 4, dtype=bool), (2, 4): np.eye(4, 3, dtype=bool), (0, 4): ~np.eye(3, dtype=bool)}
    assert set(masks) == set(pairs)
    with pytest.raises(PlanError, match="contradict one another"):
        GraphicalModel(SIZES, 10.0, masks)
    with pytest.raises(PlanError, match="contradict one another"):
        GraphicalModel(SIZES, 10.0, {(1,): np.zeros(2, dtype=bool)})


def test_masks_must_fit_their_columns():
    for columns, mask in [
        ((1, 0), np.ones((2, 3), dtype=bool)),
        ((0, 1), np.ones((2, 3), dtype=bool)),
        ((0, 1), np.ones((3, 2))),
        ((0, 5), np.ones((3, 2), dtype=bool)),
        ((0, 1, 2, 3), np.ones((3, 2, 4, 2), dtype=bool)),
    ]:
        with pytest.raises(ValueError, match=r"mask"):
            GraphicalModel(SIZES, 10.0, {columns: mask})


GIVEN = {0: np.array([True, False, True]), 2: np.array([False, True, True, False])}


def conditioned(joint, given):
    for column, cells in given.items():
        joint = joint * spread_over_all(cells, (column,))
    return joint


def largest_deviation(codes, joint, n_rows):
    """The largest deviation of a pair's count, in standard errors of independent draws and at least one row."""
    expected = joint * n_rows / joint.sum()
    worst = 0.0
    for pair in PAIRS:
        counts = np.zeros([SIZES[column] for column in pair])
        np.add.at(counts, tuple(codes[column] for column in pair), 1)
        share = marginal(expected, pair) / n_rows
        errors = np.maximum(np.sqrt(n_rows * share * (1 - share)), 1.0)
        worst = max(worst, float((np.abs(counts - share * n_rows) / errors).max()))
    return worst


@pytest.mark.parametrize("n_pairs", [0, 3, 8])
@pytest.mark.parametrize("seed", range(4))
def test_rows_under_conditions_follow_the_conditional_distribution(seed, n_pairs):
    """Six standard errors of independent draws, which spread wider: 2e-9 per cell, 1e-6 over 12 × 95 cells."""
    model = random_model(seed, n_pairs)
    joint = conditioned(brute_force(model), GIVEN)
    codes = model.sample(20_000, np.random.default_rng(seed), GIVEN)
    assert all(cells[codes[column]].all() for column, cells in GIVEN.items())
    assert largest_deviation(codes, joint, 20_000) < 6.0
    assert model.probability(GIVEN) == pytest.approx(joint.sum() / 1000.0, rel=1e-9)


def test_forcing_the_given_cells_without_propagating_them_fails():
    """The broken twin: unconditioned rows whose given columns are drawn anew; the others do not follow."""
    model = random_model(1, 8)
    joint = conditioned(brute_force(model), GIVEN)
    codes = model.sample(20_000, np.random.default_rng(1))
    conditional = model.sample(20_000, np.random.default_rng(2), GIVEN)
    for column in GIVEN:
        codes[column] = conditional[column]
    assert largest_deviation(codes, joint, 20_000) > 6.0


def test_conditions_and_masks_hold_together():
    masks = {(0, 2): np.array([[True, False, True, False], [True] * 4, [False, True, False, True]])}
    model = random_model(5, 4, 1, masks)
    joint = conditioned(brute_force(model, masks), GIVEN)
    codes = model.sample(5000, np.random.default_rng(1), GIVEN)
    assert violations(codes, masks) == 0
    assert largest_deviation(codes, joint, 5000) < 6.0
    assert model.probability(GIVEN) == pytest.approx(joint.sum() / 1000.0, rel=1e-9)


def test_conditions_that_no_row_meets_are_refused():
    model = random_model(5, 4, 1, {(0, 1): np.array([[True, False], [True, True], [True, True]])})
    impossible = {0: np.array([True, False, False]), 1: np.array([False, True])}
    assert model.probability(impossible) == 0.0
    assert model.probability({}) == pytest.approx(1.0)
    with pytest.raises(PlanError, match="no row of the model meets the conditions"):
        model.sample(10, np.random.default_rng(0), impossible)
    for given in ({0: np.array([True, False])}, {7: np.array([True])}, {0: np.ones(3)}):
        with pytest.raises(ValueError, match="column"):
            model.probability(given)


def test_a_stored_model_goes_on_where_it_was():
    model = random_model(4, 4)
    copy = pickle.loads(pickle.dumps(model))
    for each in (model, copy):
        each.fit(20, tolerance=0.0, stop_at_noise=False)
    np.testing.assert_allclose(copy.marginal((0, 4)), model.marginal((0, 4)), rtol=1e-12)
    drawn = [each.sample(50, np.random.default_rng(1)) for each in (model, copy)]
    np.testing.assert_array_equal(*drawn)


def test_many_measurements_are_as_good_as_one_by_one():
    rng = np.random.default_rng(0)
    items = [Measurement(pair, rng.uniform(0, 99, [SIZES[column] for column in pair]), np.array(9.0)) for pair in PAIRS]
    one, many = GraphicalModel(SIZES, 500.0), GraphicalModel(SIZES, 500.0)
    for item in items:
        one.add(item)
    many.add_many(items)
    for model in (one, many):
        model.fit(50, tolerance=0.0, stop_at_noise=False)
    np.testing.assert_array_equal(one.marginal((1, 3)), many.marginal((1, 3)))
