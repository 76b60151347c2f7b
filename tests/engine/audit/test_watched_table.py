"""What the watched table weighs: it changes nothing, and its evidence is the likelihood ratio that it says."""

import math

import numpy as np
import pytest
import torch
from scipy.special import softmax
from scipy.stats import norm

from engine.audit.neighbours import neighbours_named
from engine.audit.watched_table import (
    CERTAIN,
    CHOICES,
    EVERYTHING,
    GRADIENTS,
    HISTOGRAMS,
    SAMPLES,
    SETS,
    WatchedTable,
)
from engine.data.encode import table_domain
from engine.privacy.budget import RunBudget
from engine.privacy.clipped_gradients import clipped_gradient_sum
from engine.privacy.mechanisms import discovery_threshold
from engine.privacy.plan import SynthesisPlan
from engine.privacy.private_table import PrivateTable
from engine.privacy.sampled_gaussian import SampledGaussian
from engine.synthesizers.marginals import modelled_fields
from tests.audits import seeded_game
from tests.networks import networks_of
from tests.noise_sources import SeededNoiseThatPassesAsSecure


class Unwatched(PrivateTable):
    """The plain door behind the watched one's constructor."""

    def __init__(self, neighbours, present, plan, budget, noise):
        super().__init__(neighbours.table(present), modelled_fields(plan), plan.unit, budget, noise)


@pytest.mark.parametrize("method", ["aim", "mst", "independent", "dp-ctgan", "dp-tvae"])
@pytest.mark.parametrize("pair", ["far", "many rows"])
def test_watching_changes_nothing(method, pair):
    drawn = []
    for door in (WatchedTable, Unwatched):
        game = seeded_game(method, 2.0, pair, door=door)
        _, model = game.fit(True, 3)
        drawn.append(model.sample(50, np.random.default_rng(1)))
    assert drawn[0].equals(drawn[1])


def opened(name="unseen", present=True, encode=True, run=1):
    (pair,) = neighbours_named(name)
    plan = SynthesisPlan(schema=pair.schema, method="aim", epsilon=1.0, unit=pair.unit)
    table = WatchedTable(pair, present, plan, RunBudget(1e9, 1e-3), SeededNoiseThatPassesAsSecure(run))
    if encode:
        table.encode(table_domain(modelled_fields(plan), {}), keep_units=True)
    return table


@pytest.mark.parametrize(("name", "rows"), [("unseen", 1), ("many rows", 2)])
@pytest.mark.parametrize("columns", [(0,), (0, 2)])
def test_counts(name, rows, columns):
    table = opened(name)
    released = table.marginal(columns, 3.0, "test")
    cell = (3, 1)[: len(columns)]  # the category d, which nobody else holds
    expected = norm.logpdf(released[cell], rows, 3.0) - norm.logpdf(released[cell], 0, 3.0)
    assert table.evidence[EVERYTHING] == pytest.approx(expected)
    assert table.evidence[SETS] == pytest.approx(expected if len(columns) > 1 else 0.0)


def test_counts_of_merged_cells():
    table = opened()
    table.merge_cells(0, np.array([0, 1, 1, 1], dtype=np.int32))
    released = table.marginal((0,), 3.0, "test")
    known = int((table.neighbours.known["group"] != "a").sum())
    expected = norm.logpdf(released[1], known + 1, 3.0) - norm.logpdf(released[1], known, 3.0)
    assert table.evidence[EVERYTHING] == pytest.approx(expected)


@pytest.mark.parametrize(("borders", "seen"), [([0, 100, 2000], True), ([0, 30, 500], False)])
def test_histograms(borders, seen):
    table = opened("far", encode=False)
    released = table.histogram("amount", borders[:-1], borders[1:], 2.0, "test")
    expected = norm.logpdf(released[1], 1, 2.0) - norm.logpdf(released[1], 0, 2.0) if seen else 0.0
    assert table.evidence[HISTOGRAMS] == table.evidence[EVERYTHING] == pytest.approx(expected)


def test_a_list_of_categories():
    """The canary's own value is listed only where it is there; a list without it says next to nothing."""
    table = opened("unlisted", encode=False)
    assert "d" not in table.discover_categories("group", 2.0, 1e-4)
    chance = norm.sf(discovery_threshold(1, 2.0, 1e-4), 1, 2.0)
    assert table.evidence[EVERYTHING] == pytest.approx(math.log1p(-chance))
    listed = table.neighbours.canary["group"].iloc[0]
    table._note_discovery(("group", 2.0, 1e-4), {listed})
    assert table.evidence[EVERYTHING] == pytest.approx(CERTAIN, abs=0.01)


@pytest.mark.parametrize("present", [False, True])
@pytest.mark.parametrize("weights", [None, [1.0, 2.0, 1.0]])
def test_choices(present, weights):
    """Picks of the exponential mechanism among all pairs, each among those still eligible, from both tables' scores."""
    table = opened(present=present)
    pairs, epsilon = [(0, 1), (0, 2), (1, 2)], 3.0
    estimates = {pair: np.full([table.sizes[column] for column in pair], 3.0) for pair in pairs}
    picks = table.select_many(
        pairs, estimates.__getitem__, [1.0, 0.0, 2.0], epsilon, 2, "test", weights, lambda index, picked: index != 1
    )
    logs = []
    for with_canary in (True, False):
        rows = table.neighbours.table(with_canary)
        codes = table_domain(table._fields.values(), {}).encode(rows)
        scores = []
        for pair, penalty, weight in zip(pairs, [1.0, 0.0, 2.0], weights or [1.0] * 3, strict=True):
            counts = np.zeros(estimates[pair].shape)
            np.add.at(counts, tuple(codes[column] for column in pair), 1)
            scores.append(weight * (np.abs(counts - estimates[pair]).sum() - penalty))
        logits, log, left = np.array(scores) * epsilon / (2 * max(weights or [1.0])), 0.0, [0, 2]
        for pick in picks:
            log += math.log(softmax(logits[left])[left.index(pick)])
            left.remove(pick)
        logs.append(log)
    assert len(picks) == 2
    assert table.evidence[CHOICES] == table.evidence[EVERYTHING] == pytest.approx(logs[0] - logs[1])


@pytest.mark.parametrize("name", ["unseen", "many rows"])
@pytest.mark.parametrize("present", [False, True])
@pytest.mark.parametrize("run", range(4))
def test_gradients(name, present, run):
    """The mixture of both cases, canary sampled or not, over the case without it, by densities of all numbers."""
    table = opened(name, present, run=run)
    training = SampledGaussian(0.5, 1.3, 1)
    networks = networks_of("dp-tvae", table.sizes)
    sums = table.train(training, 1.0, 1e-4, "test")
    own = summed(networks, table, table.canary_codes, np.zeros(len(table.canary_codes), dtype=np.int64))
    released = sums.next(networks.private_loss, networks.private_layers)
    is_in = table.sampled_units(0.5, table.keys[0])
    known = summed(networks, table, table.known_codes[is_in[:40]], np.flatnonzero(is_in[:40]))
    densities = [norm.logpdf(flat(released), mean, 1.3 * 1.01).sum() for mean in (known, known + own)]
    expected = np.logaddexp(math.log(0.5), math.log(0.5) + densities[1] - densities[0])
    assert len(is_in) == 40 + present
    assert table.evidence[GRADIENTS] == pytest.approx(expected, abs=1e-3)
    assert table.evidence[SAMPLES] == -is_in[:40].sum()


def summed(networks, table, codes, units):
    """The clipped gradients of some rows."""
    rows, owners = torch.from_numpy(codes.astype(np.int64)), torch.from_numpy(units)
    return flat(clipped_gradient_sum(networks.private_loss, networks.private_layers, rows, 1.0, owners))


def flat(parts):
    return np.concatenate([part.flatten().numpy() for part in parts]).astype(float)


# Under the claimed noise the likelihood ratio has a mean of one without the canary, and its inverse has one with it.
# 300 runs at ε = 2, μ = 0.45: its standard deviation is √(e^0.2 - 1) = 0.48, so a mean lies within 4 × 0.028 of one.
@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize("pair", ["unseen", "far", "many rows"])
def test_evidence_is_a_likelihood_ratio(pair):
    game = seeded_game("mst", 2.0, pair)
    for present in (False, True):
        evidence = np.array([game.fit(present, run)[0].evidence[EVERYTHING] for run in range(300)])
        assert np.exp(-evidence if present else evidence).mean() == pytest.approx(1.0, abs=0.12)
