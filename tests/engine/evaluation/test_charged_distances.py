"""Noisy distances: the numbers, what chance makes of them, and how often the interval holds the truth."""

import math

import numpy as np
import pytest

from engine.data.encode import table_domain
from engine.evaluation import charged_cells
from engine.evaluation.charged_cells import compared_sets, report_cells
from engine.evaluation.charged_distances import chance_distance, distances_metric, measure_distances
from engine.evaluation.charged_metrics import NOISY_DISTANCES
from engine.privacy.budget import RunBudget
from engine.privacy.plan import UnitOfProtection
from engine.privacy.private_table import PrivateTable
from tests.noise_sources import SeededNoiseThatPassesAsSecure
from tests.tables import SMALL_SCHEMA, small_table

DOMAIN = table_domain(SMALL_SCHEMA.fields, {})


def cells_of(synthetic, n_private):
    return report_cells(DOMAIN, synthetic, n_private)


def queries_of(cells, table, seed=1):
    door = PrivateTable(
        table, SMALL_SCHEMA.fields, UnitOfProtection(), RunBudget(1e9), SeededNoiseThatPassesAsSecure(seed)
    )
    door.encode(DOMAIN)
    for column, groups in enumerate(cells.groups):
        door.merge_cells(column, groups)
    return door.evaluation()


def true_distance(cells, table, columns, shares_of=None):
    """Total variation distance of shares, from the rows."""
    codes = [group[code] for group, code in zip(cells.groups, DOMAIN.encode(table), strict=True)]
    sizes = [cells.sizes[column] for column in columns]
    flat = np.ravel_multi_index([codes[column] for column in columns], sizes)
    shares = np.bincount(flat, minlength=math.prod(sizes)).reshape(sizes) / len(table)
    return 0.5 * np.abs(shares - (shares_of or cells.shares)(columns)).sum()


def truths(cells, table):
    """All distances by name."""
    sets = {name: compared_sets(4, size) for name, size in (("one-way", 1), ("two-way", 2), ("three-way", 3))}
    by_name = {name: np.mean([true_distance(cells, table, each) for each in found]) for name, found in sets.items()}
    pairs = sets["two-way"]
    by_name["independent"] = np.mean([true_distance(cells, table, pair, cells.independent_shares) for pair in pairs])
    for column in range(4):
        by_name[f"column {column}"] = np.mean([true_distance(cells, table, pair) for pair in pairs if column in pair])
    return by_name


def test_without_noise_to_speak_of_a_distance_is_that_of_the_rows():
    table, synthetic = small_table(400, 0), small_table(300, 3)
    cells = cells_of(synthetic, 400)
    found = measure_distances(queries_of(cells, table), cells, 1e8)
    assert set(found) == set(truths(cells, table))
    for name, truth in truths(cells, table).items():
        assert abs(found[name].value - truth) <= found[name].rounding + 1e-9, name


def test_equal_tables_are_at_no_distance():
    table = small_table(400, 0)
    cells = cells_of(table, 400)
    found = measure_distances(queries_of(cells, table), cells, 1e8)
    assert [found[name].value for name in ("one-way", "two-way", "three-way")] == [0.0, 0.0, 0.0]
    assert found["independent"].value > 0.1


@pytest.mark.statistical
def test_intervals_hold_the_truth():
    """Of 8 intervals in 150 repetitions 95 % hold at least, in expectation.

    The 1,200 noises are independent; fewer than 93.2 % hold with a chance of 3e-3 (binomial, z = -2.8), and the width
    that rounding adds only raises the share.
    """
    table, synthetic = small_table(400, 0), small_table(400, 3)
    cells, known = cells_of(synthetic, 400), truths(cells_of(synthetic, 400), table)
    held = []
    for seed in range(150):
        found = measure_distances(queries_of(cells, table, seed), cells, 0.03)
        held += [found[name].interval[0] <= truth <= found[name].interval[1] for name, truth in known.items()]
    assert np.mean(held) > 0.932


@pytest.mark.statistical
def test_intervals_of_half_the_noise_do_not(monkeypatch):
    """The broken twin: an interval of half the width holds about 67 %."""
    monkeypatch.setattr("engine.evaluation.charged_distances.QUANTILE", 0.98)
    with pytest.raises(AssertionError):
        test_intervals_hold_the_truth()


@pytest.mark.parametrize(
    ("shares", "n_rows"), [([0.5, 0.5], 4), ([0.1, 0.2, 0.7], 5), ([1.0, 0.0], 7), ([0.03, 0.97], 20)]
)
def test_chance_is_a_mean_over_samples(shares, n_rows):
    """Against the binomial distribution, summed by hand."""
    expected = 0.0
    for p in shares:
        counts = np.arange(n_rows + 1)
        chances = [math.comb(n_rows, count) * p**count * (1.0 - p) ** (n_rows - count) for count in counts]
        expected += 0.5 * float(np.abs(counts - n_rows * p) @ chances) / n_rows
    assert chance_distance(np.array(shares), n_rows) == pytest.approx(expected, abs=1e-12)


def test_findings_match_their_entry():
    table, synthetic = small_table(400, 0), small_table(300, 3)
    cells = cells_of(synthetic, 400)
    result = distances_metric(cells, measure_distances(queries_of(cells, table), cells, 0.1))
    assert [finding.measure for finding in result.findings] == [measure.name for measure in NOISY_DISTANCES.measures]
    assert [column["name"] for column in result.details["columns"]] == list(SMALL_SCHEMA.names)
    assert all(finding.sentence.endswith(".") for finding in result.findings)
    assert result.details["sets"] == {"one-way": 4, "two-way": 6, "three-way": 4}


def test_many_columns_are_compared_in_part(monkeypatch):
    monkeypatch.setattr(charged_cells, "MOST_PAIRS", 10)
    assert len(compared_sets(6, 2)) == 10
    assert compared_sets(6, 2) == compared_sets(6, 2)
    assert compared_sets(3, 2) == [(0, 1), (0, 2), (1, 2)]
    assert compared_sets(1, 2) == []


def test_cells_are_few_and_hold_equally_many_rows():
    synthetic = small_table(2000, 1)
    cells = cells_of(synthetic, 2000)
    assert max(cells.sizes) <= charged_cells.MOST_CELLS + charged_cells.MOST_ATOMS + 1
    ages = np.bincount(cells.codes[0], minlength=cells.sizes[0])[:-1]
    assert ages.max() <= 4 * ages.mean()
    assert cells.sizes[1] == 4, "three regions and missing"
    missing = synthetic["cost"].isna().to_numpy()
    assert (cells.codes[3][missing] == cells.sizes[3] - 1).all()
    assert (cells.codes[3][~missing] < cells.sizes[3] - 1).all()
