"""Mixtures of products against brute force over their components: joint, conditional and under public rules.

Shares of cells in n rows: each row adds variance p(1 - p)/n, and a pool of latent draws worth at least n equally
weighted ones adds at most as much again, so that 6·√(2p(1 - p)/n) is six standard errors or more: a false alarm in
10⁹ cells. Beside a share so small that the normal law does not hold for it, six rows are allowed.
"""

import itertools

import numpy as np
import pytest

from engine.errors import PlanError
from engine.synthesizers import product_mixture
from engine.synthesizers.product_mixture import ProductMixture

SIZES = (3, 4, 2, 5)
N_ROWS = 40_000
ORDER = np.triu(np.ones((3, 4), dtype=bool))
PARITY = np.add.outer(np.arange(4), np.arange(5)) % 2 == 0
TRIPLE = np.add.outer(np.add.outer(np.arange(3), np.arange(2)), np.arange(5)) <= 4
RULES = {
    "none": {},
    "one column": {(3,): np.array([True, True, False, True, False])},
    "a pair": {(0, 1): ORDER},
    "apart": {(0, 1): ORDER, (2, 3): PARITY[:2]},
    "a triple": {(0, 2, 3): TRIPLE},
    "sharing columns": {(0, 1): ORDER, (1, 3): PARITY, (0, 2, 3): TRIPLE},
}
CONDITIONS = {
    "none": {},
    "one cell": {3: np.arange(5) == 1},
    "some cells of two": {0: np.array([True, False, True]), 1: np.array([True, True, True, False])},
}


class Components:
    """A generator whose latent draw is one of a few components."""

    def __init__(self, seed=0, n_components=4, concentration=0.5, sizes=SIZES):
        rng = np.random.default_rng(seed)
        self.shares = rng.dirichlet(np.full(n_components, 3.0))
        self.tables = [rng.dirichlet(np.full(size, concentration), n_components) for size in sizes]
        self.sizes = sizes
        self.largest = 0

    def __call__(self, n_draws, rng):
        self.largest = max(self.largest, n_draws)
        drawn = rng.choice(len(self.shares), n_draws, p=self.shares)
        return [table[drawn] for table in self.tables]

    def joint(self, allowed=None, given=None):
        """The distribution of rows, by brute force over components and cells."""
        letters = "abcdefgh"[: len(self.sizes)]
        joint = np.einsum(
            ",".join(["z", *(f"z{letter}" for letter in letters)]) + f"->{letters}", self.shares, *self.tables
        )
        for cells in itertools.product(*(range(size) for size in self.sizes)):
            rules = all(mask[tuple(cells[column] for column in columns)] for columns, mask in (allowed or {}).items())
            condition = all(mask[cells[column]] for column, mask in (given or {}).items())
            joint[cells] *= rules and condition
        return joint / joint.sum()


def shares(codes, sizes=SIZES):
    counts = np.zeros(sizes)
    np.add.at(counts, tuple(codes), 1)
    return counts / len(codes[0])


def excess(found, expected, n_rows=N_ROWS):
    """The largest deviation in units of what is allowed: at most 1 in a sound sample."""
    allowed = 6.0 * np.sqrt(2.0 * expected * (1.0 - expected) / n_rows) + 6.0 / n_rows
    return float((np.abs(found - expected) / allowed).max())


@pytest.fixture(params=["joined", "rejected"])
def largest_block(request, monkeypatch):
    """Rules that share columns are joined to one block, or left to rejection where that block would be large."""
    if request.param == "rejected":
        monkeypatch.setattr(product_mixture, "_LARGEST_BLOCK", 1)
    return request.param


@pytest.mark.statistical
@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("rules", RULES)
def test_rows_follow_the_mixture_under_conditions_and_rules(rules, condition, largest_block):
    components = Components()
    allowed, given = RULES[rules], CONDITIONS[condition]
    codes = ProductMixture(components, SIZES, allowed).sample(N_ROWS, np.random.default_rng(1), given)
    assert all(column.dtype == np.int32 and column.shape == (N_ROWS,) for column in codes)
    expected = components.joint(allowed, given)
    found = shares(codes)
    assert (found[expected == 0.0] == 0.0).all(), "a row breaks a rule or a condition"
    assert excess(found, expected) <= 1.0


@pytest.mark.statistical
def test_the_tolerance_refuses_wrong_mixtures():
    """Twins: columns drawn from different components, and rows without the condition or the rules."""
    components = Components()
    rng = np.random.default_rng(2)
    codes = ProductMixture(components, SIZES, {}).sample(N_ROWS, rng)
    assert excess(shares([rng.permutation(column) for column in codes]), components.joint()) > 2.0
    for name in ("one cell", "some cells of two"):
        assert excess(shares(codes), components.joint(given=CONDITIONS[name])) > 2.0
    for name in set(RULES) - {"none"}:
        assert excess(shares(codes), components.joint(RULES[name])) > 2.0


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("rules", "condition"),
    [("none", "one cell"), ("a pair", "none"), ("sharing columns", "none"), ("a triple", "none")],
)
def test_latent_draws_that_are_not_weighed_fail(rules, condition, monkeypatch):
    """The twin restricts the products but takes every latent draw alike, as if it had the same mass."""
    components = Components()

    def unweighed(self, probabilities, given):
        return np.zeros(len(probabilities[0]))

    monkeypatch.setattr(ProductMixture, "_log_masses", unweighed)
    allowed, given = RULES[rules], CONDITIONS[condition]
    codes = ProductMixture(components, SIZES, allowed).sample(N_ROWS, np.random.default_rng(1), given)
    assert excess(shares(codes), components.joint(allowed, given)) > 2.0


@pytest.mark.statistical
def test_rules_that_are_only_drawn_set_by_set_fail(monkeypatch):
    """The twin keeps what breaks the rules that share columns with a block."""
    monkeypatch.setattr(product_mixture, "_LARGEST_BLOCK", 1)
    monkeypatch.setattr(ProductMixture, "_obeys", lambda self, codes: np.ones(codes.shape[1], dtype=bool))
    components, allowed = Components(), RULES["sharing columns"]
    codes = ProductMixture(components, SIZES, allowed).sample(N_ROWS, np.random.default_rng(1))
    assert excess(shares(codes), components.joint(allowed)) > 2.0


@pytest.mark.statistical
def test_a_condition_that_few_latent_draws_meet():
    """One component in a thousand holds nearly all of the mass: rows come from it, not from the others."""
    components = Components(n_components=2)
    components.shares = np.array([0.999, 0.001])
    components.tables[0] = np.array([[1.0 - 2e-9, 1e-9, 1e-9], [0.2, 0.3, 0.5]])
    given = {0: np.array([False, True, True])}
    n_rows = 5_000
    codes = ProductMixture(components, SIZES, {}).sample(n_rows, np.random.default_rng(3), given)
    assert excess(shares(codes), components.joint(given=given), n_rows) <= 1.0


@pytest.mark.statistical
@pytest.mark.parametrize("rules", ["none", "a pair", "sharing columns"])
def test_few_rows_at_a_time_follow_the_mixture(rules):
    """500 samples of two rows: their shares are right on average, however few rows are asked for."""
    components, allowed = Components(), RULES[rules]
    mixture, rng = ProductMixture(components, SIZES, allowed), np.random.default_rng(4)
    found = np.mean([shares(mixture.sample(2, rng)) for _ in range(500)], axis=0)
    assert excess(found, components.joint(allowed), 1_000) <= 1.0


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("n_rows", [0, 1])
def test_no_row_and_one_row(rules, n_rows, largest_block):
    codes = ProductMixture(Components(), SIZES, RULES[rules]).sample(
        n_rows, np.random.default_rng(5), CONDITIONS["one cell"]
    )
    assert [column.shape for column in codes] == [(n_rows,)] * len(SIZES)


@pytest.mark.statistical
@pytest.mark.parametrize("condition", ["none", "one cell"])
def test_latent_draws_come_in_chunks_that_fit_in_memory(condition, monkeypatch):
    monkeypatch.setattr(product_mixture, "_CELLS_AT_ONCE", 17 * 100)
    components, allowed = Components(), RULES["a pair"]
    mixture = ProductMixture(components, SIZES, allowed)
    codes = mixture.sample(3_000, np.random.default_rng(6), CONDITIONS[condition])
    assert components.largest <= 100
    assert excess(shares(codes), components.joint(allowed, CONDITIONS[condition]), 3_000) <= 1.0


def test_free_rows_have_a_latent_draw_each():
    """A latent draw says all there is to say here, so rows that share one would be alike."""

    def unique(n_draws, rng):
        cells = rng.permutation(100_000)[:n_draws]
        return [np.eye(10)[cells // 10**digit % 10] for digit in range(5)]

    codes = ProductMixture(unique, (10,) * 5, {}).sample(5_000, np.random.default_rng(7))
    assert len(np.unique(np.array(codes), axis=1).T) == 5_000


@pytest.mark.parametrize("condition", ["none", "one cell"])
def test_rows_are_in_random_order(condition):
    """Neighbours are alike no more often than any two rows: 40,000 pairs have a standard error below 0.0025."""
    codes = ProductMixture(Components(), SIZES, RULES["a pair"]).sample(
        N_ROWS, np.random.default_rng(8), CONDITIONS[condition]
    )
    alike = (shares(codes, SIZES).sum(axis=(0, 2, 3)) ** 2).sum()
    assert abs((codes[1][1:] == codes[1][:-1]).mean() - alike) < 6 * 0.0025


@pytest.mark.parametrize("rules", ["none", "sharing columns"])
def test_the_same_generator_state_gives_the_same_rows(rules):
    mixture = ProductMixture(Components(), SIZES, RULES[rules])
    first, again, other = (mixture.sample(100, np.random.default_rng(seed)) for seed in (9, 9, 10))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_conditions_against_the_rules_are_refused():
    given = {0: np.arange(3) == 2, 1: np.arange(4) == 0}
    with pytest.raises(PlanError, match="no row of the model meets the conditions: widen them"):
        ProductMixture(Components(), SIZES, RULES["a pair"]).sample(10, np.random.default_rng(0), given)


def test_rules_that_leave_nothing_are_refused(largest_block):
    """Each pair of rules can be met, the three cannot."""
    differ = ~np.eye(2, dtype=bool)
    allowed = {(0, 1): differ, (0, 2): differ, (1, 2): differ}
    mixture = ProductMixture(Components(sizes=(2, 2, 2)), (2, 2, 2), allowed)
    with pytest.raises(PlanError, match="no row of the model meets the conditions: widen them"):
        mixture.sample(10, np.random.default_rng(0))


def test_rows_are_repeated_where_almost_none_keep_the_rules(monkeypatch):
    """Effort is bounded: what was found is repeated, and all of it keeps the rules."""
    monkeypatch.setattr(product_mixture, "_LARGEST_BLOCK", 1)
    monkeypatch.setattr(product_mixture, "_LEAST_TRIES", 2_000)
    monkeypatch.setattr(product_mixture, "_TRIES_PER_ROW", 1)
    rare = np.array([[0.9, 0.1]])
    allowed = {(0, 1): np.ones((2, 2), dtype=bool), (1, 2): np.array([[False, False], [False, True]])}
    mixture = ProductMixture(lambda n_draws, rng: [np.repeat(rare, n_draws, axis=0)] * 3, (2, 2, 2), allowed)
    codes = mixture.sample(1_000, np.random.default_rng(1))
    assert len(codes[0]) == 1_000
    assert (codes[1] == 1).all() and (codes[2] == 1).all()


def test_a_cell_without_weight_is_never_drawn():
    class Ends:
        """The smallest and the largest number that a generator may give."""

        def random(self, size):
            return np.resize([0.0, 1.0 - 2.0**-53], size)

    weights = np.tile([0.0, 0.3, 0.0, 0.1, 0.0], (2, 1))
    np.testing.assert_array_equal(product_mixture._draw(weights, Ends()), [1, 3])


@pytest.mark.statistical
@pytest.mark.parametrize("columns", [(1,), (0, 1), (1, 0), (3, 0, 2)])
@pytest.mark.parametrize("rules", ["none", "a pair", "sharing columns"])
def test_marginals_are_means_over_latent_draws_under_their_own_rules(columns, rules):
    components = Components()
    own = {ruled: mask for ruled, mask in RULES[rules].items() if set(ruled) <= set(columns)}
    joint = components.joint(own)
    expected = np.einsum(joint, range(4), columns)
    found = ProductMixture(components, SIZES, RULES[rules]).marginal(columns, np.random.default_rng(11), N_ROWS)
    assert found.sum() == pytest.approx(1.0)
    assert excess(found, expected) <= 1.0
    if own:
        assert excess(found, np.einsum(components.joint(), range(4), columns)) > 2.0, "the twin that ignores rules"


def test_a_marginal_of_many_draws_fits_in_memory(monkeypatch):
    monkeypatch.setattr(product_mixture, "_CELLS_AT_ONCE", 1_000)
    components = Components()
    ProductMixture(components, SIZES, {}).marginal((0, 1, 3), np.random.default_rng(12), 500)
    assert components.largest <= 1_000 // (sum(SIZES) + 12)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="do not have the shapes"):
        ProductMixture(Components(sizes=(3, 4)), (3, 5), {}).sample(1, np.random.default_rng(0))
    with pytest.raises(ValueError, match="must be boolean of shape"):
        ProductMixture(Components(), SIZES, {(0, 1): PARITY})
    with pytest.raises(ValueError, match="must be boolean of shape"):
        ProductMixture(Components(), SIZES, {}).sample(1, np.random.default_rng(0), {0: np.ones(7, dtype=bool)})
    impossible = {(3,): np.zeros(5, dtype=bool)}
    with pytest.raises(PlanError, match="no row of the model"):
        ProductMixture(Components(), SIZES, impossible).marginal((0, 3), np.random.default_rng(0), 10)
