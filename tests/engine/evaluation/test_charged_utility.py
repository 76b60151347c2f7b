"""Noisy utility: scores against a library, tasks from synthetic rows alone, and how often the interval holds."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

from engine.data.encode import table_domain
from engine.data.schema import DomainSource, Field, FieldType, TableSchema
from engine.evaluation import charged_utility
from engine.evaluation.charged_cells import report_cells
from engine.evaluation.charged_utility import NoisyUtility, accuracy, area, measure_utility, plan_task, utility_metric
from engine.evaluation.results import NotComputableError
from engine.privacy.budget import RunBudget
from engine.privacy.plan import UnitOfProtection
from engine.privacy.private_table import PrivateTable
from tests.noise_sources import SeededNoiseThatPassesAsSecure
from tests.tables import SMALL_SCHEMA, small_table, typed

DOMAIN = table_domain(SMALL_SCHEMA.fields, {})
RNG = np.random.default_rng(3)


def task_of(target, synthetic=None):
    cells = report_cells(DOMAIN, small_table(1500, 3) if synthetic is None else synthetic, 1500)
    return cells, plan_task(cells, target, np.random.default_rng(0))


def queries_of(cells, task, table, seed=1):
    noise = SeededNoiseThatPassesAsSecure(seed)
    door = PrivateTable(table, SMALL_SCHEMA.fields, UnitOfProtection(), RunBudget(1e9), noise)
    door.encode(DOMAIN)
    for column, groups in enumerate(task.groups(cells)):
        door.merge_cells(column, groups)
    return door.evaluation()


def scored_by_hand(cells, task, table):
    """Class and score cell of each row with a class."""
    block = [groups[codes] for groups, codes in zip(task.groups(cells), DOMAIN.encode(table), strict=True)]
    known = block[task.target] < task.n_classes
    return block[task.target][known], task.scores.cells(block)[known]


@pytest.mark.parametrize("target", ["smoker", "cost", "age", "region"])
def test_without_noise_to_speak_of_scores_are_those_of_the_library(target):
    cells, task = task_of(target)
    table = small_table(800, 9)
    found = measure_utility(queries_of(cells, task, table), task, 1e8)
    answers, places = scored_by_hand(cells, task, table)
    predictions = task.predicted[places]
    result = utility_metric(cells, found, RNG)
    values = {finding.measure: finding.value for finding in result.findings}
    assert values["accuracy"] == pytest.approx(accuracy_score(answers, predictions), abs=1e-6)
    if task.n_classes == 2:
        assert values["auc"] == pytest.approx(roc_auc_score(answers, places), abs=1e-6)
        assert values["f1"] == pytest.approx(f1_score(answers, predictions), abs=1e-6)
    else:
        assert "two classes" in values["auc"]["unavailable"]
        assert values["f1"] == pytest.approx(f1_score(answers, predictions, average="macro", zero_division=0), abs=1e-6)
    assert values["accuracy"] >= np.bincount(answers).max() / len(answers) - 0.1


def test_the_columns_tell_classes_apart():
    """Smokers cost 300 more, so a model that saw other rows of that kind finds them."""
    cells, task = task_of("smoker")
    found = measure_utility(queries_of(cells, task, small_table(800, 9)), task, 1e8)
    result = utility_metric(cells, found, RNG)
    assert result.findings[0].value > 0.9
    assert result.findings[1].reference < 0.75
    assert result.details["rows"] == 800


def test_a_number_is_cut_where_the_synthetic_rows_are():
    cells, task = task_of("age")
    assert task.is_split
    answers = task.outcome_of[cells.fine[0]]
    assert 0.4 < np.mean(answers == 1) < 0.6
    ages = small_table(1500, 3)["age"].to_numpy(dtype=float)
    assert ages[answers == 0].max() <= ages[answers == 1].min()


@pytest.mark.statistical
@pytest.mark.parametrize("share_of_noise", [1.0, 0.3])
def test_intervals_hold_the_truth_unless_the_noise_is_understated(share_of_noise):
    """200 repetitions with new rows and new noise; the truth is the score on 200,000 rows.

    With 95 % in expectation, fewer than 91 % hold with a chance of 0.5 % per score (binomial, z = -2.6). Noise is
    chosen so that it counts for more than the choice of the rows, so an interval that takes 30 % of it for all holds
    far less often.
    """
    cells, task = task_of("smoker")
    answers, places = scored_by_hand(cells, task, small_table(200_000, 77))
    counts = np.zeros((1, task.scores.n_cells, 2))
    np.add.at(counts[0], (places, answers), 1.0)
    known = {"auc": area(counts)[0], "accuracy": accuracy(counts, task.predicted)[0]}
    held = {name: [] for name in known}
    for seed in range(200):
        queries = queries_of(cells, task, small_table(1000, 1000 + seed), seed)
        found = measure_utility(queries, task, 0.01)
        result = utility_metric(cells, replace(found, noise_scale=share_of_noise * found.noise_scale), RNG)
        for finding in result.findings[:2]:
            held[finding.measure].append(finding.interval[0] <= known[finding.measure] <= finding.interval[1])
    rates = {name: np.mean(each) for name, each in held.items()}
    if share_of_noise == 1.0:
        assert min(rates.values()) > 0.91, rates
    else:
        assert min(rates.values()) < 0.85, rates


def test_noise_that_hides_the_classes_gives_a_reason():
    cells, task = task_of("smoker")
    found = measure_utility(queries_of(cells, task, small_table(800, 9)), task, 1e-5)
    with pytest.raises(NotComputableError, match="noise hides"):
        utility_metric(cells, found, RNG)


def test_what_cannot_be_predicted():
    with pytest.raises(NotComputableError, match="no column to predict"):
        task_of(None)
    constant = small_table(50, 1).assign(
        smoker=pd.Series([True] * 50, dtype="boolean"), age=pd.Series([30] * 50, dtype="Int64")
    )
    for target in ("smoker", "age"):
        with pytest.raises(NotComputableError, match="single value"):
            task_of(target, constant)
    alone = TableSchema((SMALL_SCHEMA.fields[2],))
    cells = report_cells(table_domain(alone.fields, {}), small_table(50, 1)[["smoker"]], 50)
    with pytest.raises(NotComputableError, match="no other column"):
        plan_task(cells, "smoker", RNG)


def test_a_column_of_many_values_cannot_be_predicted():
    names = tuple(f"v{number}" for number in range(30))
    schema = TableSchema(
        (Field("many", FieldType.STRING, enum=names, source=DomainSource.PUBLIC), SMALL_SCHEMA.fields[2])
    )
    table = typed(pd.DataFrame({"many": list(names) * 4, "smoker": [True, False] * 60}), schema)
    cells = report_cells(table_domain(schema.fields, {}), table, 120)
    assert cells.sizes[0] == charged_utility.MOST_CLASSES + 1
    with pytest.raises(NotComputableError, match="more than 20"):
        plan_task(cells, "many", RNG)


@pytest.mark.statistical
def test_noise_alone_is_covered_also_where_cells_are_nearly_empty():
    """300 draws of noise on fixed counts with small cells; fewer than 91.2 % hold with a chance of 1e-3 per score."""
    _, task = task_of("smoker")
    shape = (task.scores.n_cells, 2)
    exact = np.stack([np.geomspace(800, 20, shape[0]), np.geomspace(1, 450, shape[0])], axis=1).round()
    truths = (area(exact[None])[0], accuracy(exact[None], task.predicted)[0])
    rng, cells, held = np.random.default_rng(5), task_of("smoker")[0], []
    for _ in range(300):
        noisy = exact + np.rint(22.0 * rng.standard_normal(shape))
        findings = utility_metric(cells, NoisyUtility(task, noisy, 22.0), rng).findings
        held.append(
            [
                low <= truth <= high
                for truth, (low, high) in zip(truths, [each.interval for each in findings[:2]], strict=True)
            ]
        )
    assert np.mean(held, axis=0).min() > 0.912
