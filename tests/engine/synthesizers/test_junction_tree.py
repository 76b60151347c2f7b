"""The growing junction tree: running intersection, exact plans, and no clique within another."""

import itertools

import numpy as np
import pytest

from engine.synthesizers.junction_tree import JunctionTree


def check_running_intersection(tree):
    """For every column, the cliques that hold it form one connected part of a forest."""
    edges = {frozenset((a, b)) for a, around in tree.neighbours.items() for b in around}
    assert len(edges) < len(tree.cliques)
    for column in range(len(tree._sizes)):
        holders = [identifier for identifier, clique in tree.cliques.items() if column in clique]
        inside = [edge for edge in edges if all(end in holders for end in edge)]
        assert holders
        assert len(inside) == len(holders) - 1


def all_sets(n_columns):
    return [*itertools.combinations(range(n_columns), 2), *itertools.combinations(range(n_columns), 3)]


@pytest.mark.parametrize("seed", range(60))
def test_any_order_of_pairs_and_triples_keeps_the_tree_a_junction_tree(seed):
    """Plans are exact: a set is covered with as many cells as was said, redundant cliques removed."""
    rng = np.random.default_rng(seed)
    n_columns = int(rng.integers(3, 12))
    tree = JunctionTree(rng.integers(1, 12, n_columns).tolist())
    sets = all_sets(n_columns)
    for position in rng.permutation(len(sets))[:14]:
        planned = tree.plan(sets[position])
        tree.cover(sets[position])
        check_running_intersection(tree)
        assert tree.covers(sets[position])
        assert planned.cells == tree.cells == sum(tree.size(clique) for clique in tree.cliques.values())
        assert not [pair for pair in itertools.permutations(tree.cliques.values(), 2) if pair[0] <= pair[1]]
        assert tree.order()[0][1] is None
        assert len(tree.order()) == len(tree.cliques)
        assert tree.plan(sets[position]).steps == ()


@pytest.mark.parametrize("seed", range(10))
def test_paths_lead_from_the_last_holder_of_one_set_to_the_first_of_the_other(seed):
    rng = np.random.default_rng(seed)
    tree = JunctionTree([3] * 10)
    for _ in range(9):
        tree.cover(rng.choice(10, 2, replace=False).tolist())
    for first, second in itertools.permutations(range(10), 2):
        path = tree.path(frozenset([first]), frozenset([second]))
        assert all(near in tree.neighbours[far] for near, far in itertools.pairwise(path))
        holding = [[column in tree.cliques[identifier] for identifier in path] for column in (first, second)]
        assert holding == [
            [place == 0 for place in range(len(path))],
            [place == len(path) - 1 for place in range(len(path))],
        ] or (len(path) == 1 and tree.covers((first, second)))


def test_a_triple_costs_its_own_cells_where_nothing_is_known_yet():
    tree = JunctionTree((5, 6, 7, 8))
    assert tree.plan((0, 1, 2)).cells == 5 * 6 * 7 + 8


@pytest.mark.parametrize("columns", [(), (0, 1, 2, 3)])
def test_larger_and_empty_sets_are_refused(columns):
    with pytest.raises(ValueError, match="one to 3 columns"):
        JunctionTree((2, 2, 2, 2)).plan(columns)


def test_a_plan_changes_nothing():
    tree = JunctionTree((3, 2, 4, 2, 3))
    tree.cover((0, 1))
    before = dict(tree.cliques), {key: set(value) for key, value in tree.neighbours.items()}
    tree.plan((1, 4))
    tree.plan((2, 3, 4))
    tree.plan((0, 1, 3))
    assert before == (tree.cliques, tree.neighbours)
