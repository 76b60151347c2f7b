import numpy as np
import pandas as pd
import pytest

from engine.data.schema import Field, FieldType, TableSchema
from engine.evaluation.binning import cut_columns
from engine.evaluation.fidelity import MOST_COLUMNS_IN_PAIRS, MOST_TRIPLES, compare_cells
from tests.metrics import found, measure
from tests.tables import typed

LETTERS = TableSchema(tuple(Field(name, FieldType.STRING, enum=("a", "b", "c")) for name in ("u", "v")))


def letters(n_rows, seed, dependent=True):
    """Rows of LETTERS in which `v` repeats `u`, or knows nothing of it."""
    rng = np.random.default_rng(seed)
    first = rng.choice(["a", "b", "c"], n_rows, p=[0.6, 0.3, 0.1])
    second = first if dependent else rng.permutation(first)
    return typed(pd.DataFrame({"u": first, "v": second}), LETTERS)


def compare(train, synthetic, holdout=None, schema=LETTERS, target=None, seed=0):
    tables = {"train": train, "synthetic": synthetic} | ({} if holdout is None else {"holdout": holdout})
    return compare_cells(cut_columns(schema.fields, tables), target, np.random.default_rng(seed))[1]


def test_shares_are_those_of_the_rows():
    train = typed(pd.DataFrame({"u": ["a", "a", "b", None], "v": ["a"] * 4}), LETTERS)
    synthetic = typed(pd.DataFrame({"u": ["a", "c"], "v": ["a"] * 2}), LETTERS)
    column = compare(train, synthetic)["columns"][0]
    assert column["labels"] == ["a", "b", "c"]
    assert column["real"] == [0.5, 0.25, 0.0]
    assert column["synthetic"] == [0.5, 0.0, 0.5]
    assert (column["missing_real"], column["missing_synthetic"]) == (0.25, 0.0)
    assert column["distance"] == 0.5


def test_identical_tables_have_distance_zero():
    train = letters(300, 0)
    report = compare(train, train)
    assert report["mean_distance_1way"] == 0.0
    assert report["mean_distance_2way"] == 0.0
    assert report["mean_distance_2way_interval"] == [0.0, 0.0]
    assert report["sample_share"]["2way"]["value"] == 1.0


def test_without_a_holdout_the_ceiling_says_why_it_is_missing():
    report = compare(letters(50, 0), letters(50, 1))
    for value in (report["ceiling_1way"], report["ceiling_2way"], report["ceiling_rows"]):
        assert set(value) == {"unavailable"}
    assert set(report["pairs"][0]["ceiling"]) == {"unavailable"}


def test_the_ceiling_is_compared_with_equally_many_synthetic_rows():
    # Fresh rows of the same population are, by construction, exactly as good as a holdout. Compared in unequal
    # numbers (5000 against 200) they would look better: 0.011 against 0.04. Each mean is over 60 tables and has
    # a standard error of about 0.002; the tolerance is four of them.
    distances, all_rows, ceilings = [], [], []
    for seed in range(60):
        report = compare(letters(5000, 3 * seed), letters(5000, 3 * seed + 1), letters(200, 3 * seed + 2), seed=seed)
        distances.append(report["mean_distance_1way"])
        all_rows.append(report["mean_distance_1way_all_rows"])
        ceilings.append(report["ceiling_1way"])
        assert report["ceiling_rows"] == 200
    assert np.mean(distances) == pytest.approx(np.mean(ceilings), abs=0.008)
    assert np.mean(all_rows) < 0.5 * np.mean(ceilings)


def test_independent_columns_are_seen_in_the_pairs_and_not_in_the_columns():
    train, holdout = letters(2000, 0), letters(2000, 1)
    broken = letters(2000, 2, dependent=False)
    report = compare(train, broken, holdout)
    pair = report["pairs"][0]
    # Independent: 1 - sum p² = 0.54 of the mass is off the diagonal, where the real table has none.
    assert pair["distance"] == pytest.approx(0.54, abs=0.05)
    assert pair["distance"] > 5 * pair["ceiling"]
    low, high = pair["interval"]
    assert low <= 0.54 <= high
    assert report["mean_distance_1way"] < 0.05


def test_many_columns_are_compared_by_the_pairs_of_a_random_choice_with_the_target():
    names = [f"c{i}" for i in range(MOST_COLUMNS_IN_PAIRS + 5)]
    schema = TableSchema(tuple(Field(name, FieldType.BOOLEAN) for name in names))
    rng = np.random.default_rng(0)
    table = typed(pd.DataFrame({name: rng.random(30) < 0.5 for name in names}), schema)
    for seed in range(5):
        report = compare(table, table, schema=schema, target="c44", seed=seed)
        assert "c44" in {name for pair in report["pairs"] for name in pair["columns"]}
        assert len(report["pairs"]) == MOST_COLUMNS_IN_PAIRS * (MOST_COLUMNS_IN_PAIRS - 1) // 2
        assert report["pairs_compared"] == "the 780 pairs of 40 columns drawn at random, of 990 pairs"
        assert report["triples_compared"] == f"{MOST_TRIPLES} triples drawn at random, of 14190 triples"
        assert len(report["columns"]) == len(names)


BITS = TableSchema(tuple(Field(name, FieldType.BOOLEAN) for name in ("u", "v", "w")))


def bits(n_rows, seed, parity=True):
    """Two fair bits and their parity, or a third fair bit: all columns and all pairs are distributed alike."""
    u, v, w = np.random.default_rng(seed).random((3, n_rows)) < 0.5
    return typed(pd.DataFrame({"u": u, "v": v, "w": u ^ v if parity else w}), BITS)


def test_what_only_three_columns_show_is_seen_in_the_triples_alone():
    part = measure("marginals", bits(4000, 0), bits(2000, 1), bits(4000, 2, parity=False), BITS)
    one, two, three = (found(part, name) for name in ("one-way", "two-way", "three-way"))
    # The real rows fill four of eight cells, the synthetic ones all: half of the rows would have to move.
    assert three["value"] == pytest.approx(0.5, abs=0.03)
    assert three["interval"][0] <= 0.5 <= three["interval"][1]
    assert three["reference"] < 0.05
    assert "Farthest off: u, v and w." in three["sentence"]
    for finding in (one, two):
        # Noise of 2,000 rows: a mean distance of about 0.009 and 0.014; the bound is three times that.
        assert finding["value"] < 0.04
    worst = part["details"]["worst_cells"]["3way"][0]
    assert worst["columns"] == ["u", "v", "w"]
    assert abs(worst["difference"]) == pytest.approx(0.125, abs=0.03)
    assert worst["interval"][0] * worst["interval"][1] > 0


def test_intact_triples_are_not_taken_for_broken():
    part = measure("marginals", bits(4000, 0), bits(2000, 1), bits(4000, 2), BITS)
    assert found(part, "three-way")["value"] < 0.05
    assert all(cell["interval"][0] <= 0 <= cell["interval"][1] for cell in part["details"]["worst_cells"]["3way"])


def test_a_random_sample_of_the_training_rows_reads_as_its_share():
    # The mean distance of six columns and fifteen pairs varies by some percent, and so does the share.
    rng = np.random.default_rng(5)
    schema = TableSchema(tuple(Field(f"c{i}", FieldType.INTEGER, minimum=0, maximum=9) for i in range(6)))
    level = rng.normal(0, 1, (20_000, 1))
    values = np.clip(np.round(5 + level + rng.normal(0, 1.5, (20_000, 6))), 0, 9).astype(int)
    train = typed(pd.DataFrame(values, columns=schema.names), schema)
    for share in (0.05, 0.3):
        sample = train.sample(frac=share, random_state=1)
        read = compare(train, sample, schema=schema)["sample_share"]["2way"]
        assert read["value"] == pytest.approx(share, rel=0.15)
        assert read["interval"][0] < share < read["interval"][1]


def test_fresh_rows_read_as_calculated():
    part = measure("marginals", letters(3000, 0), None, letters(3000, 1), LETTERS)
    assert found(part, "two-way-sample-share")["reference"] == pytest.approx(1 / 3)


def test_the_sentence_says_the_share_of_a_random_sample():
    part = measure("marginals", letters(3000, 0), letters(500, 1), letters(3000, 2, dependent=False), LETTERS)
    assert "sample of the training rows" in found(part, "two-way")["sentence"]
    assert "Farthest off: u and v." in found(part, "two-way")["sentence"]
    assert found(part, "two-way-sample-share")["value"] < 0.001
