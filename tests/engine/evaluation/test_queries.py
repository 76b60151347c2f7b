"""Queries are answered as a plain loop over the rows answers them, and what breaks a table is seen in their errors."""

import math

import numpy as np
import pandas as pd
import pytest

from engine.data.encode import to_numbers
from engine.data.schema import Field, FieldType, TableSchema
from engine.evaluation.binning import cut_columns
from engine.evaluation.queries import WORKLOAD
from engine.evaluation.query_answers import SANITY_BOUND, Answer, QueriedTable, scaled_error, worst_group
from engine.evaluation.query_workload import Condition, Query, QueryKind, QuerySource
from tests.metrics import found, measure
from tests.tables import SMALL_SCHEMA, small_table, typed

FIELDS = SMALL_SCHEMA.fields
AGE, REGION, SMOKER, COST = range(4)
MEASURABLE = (AGE, COST)


def cells_of(**tables):
    """Cells of small tables; the one named `train` decides them."""
    return cut_columns(FIELDS, tables)


def queried(columns, table, name):
    """The table, ready to be asked; its numbers are not scaled."""
    numbers = {place: to_numbers(table[FIELDS[place].name], FIELDS[place].type) for place in MEASURABLE}
    return QueriedTable([column.codes[name] for column in columns], numbers)


def draw(columns, seed=0, sizes=None):
    """A workload from the cells of `train`."""
    return QuerySource(FIELDS, columns, MEASURABLE).draw(sizes or dict.fromkeys(QueryKind, 25), rng(seed))


def rng(seed):
    """A generator."""
    return np.random.default_rng(seed)


def brute_force(query, columns, table, name):
    """Rows and sums of numbers per group, row by row."""
    n_groups = 1 if query.group is None else columns[query.group].size
    counts, sums = [0] * n_groups, [0.0] * n_groups
    for row in range(len(table)):
        if not all(each.cells[columns[each.column].codes[name][row]] for each in query.conditions):
            continue
        group = 0 if query.group is None else int(columns[query.group].codes[name][row])
        if query.measured is not None:
            value = table[FIELDS[query.measured].name].iloc[row]
            if pd.isna(value):
                continue
            sums[group] += float(value)
        counts[group] += 1
    return counts, sums


def test_answers_agree_with_a_loop_over_the_rows():
    table = small_table(150, 3)
    columns = cells_of(train=small_table(200, 0), other=table)
    asked = queried(columns, table, "other")
    workload = draw(columns)
    assert {query.kind for query in workload} == set(QueryKind)
    for query in workload:
        counts, sums = brute_force(query, columns, table, "other")
        answer = asked.answer(query, len(counts))
        assert answer.shares == pytest.approx(np.array(counts) / 150)
        if answer.means is not None:
            overall = float(np.nanmean(asked.standard[query.measured]))
            expected = [total / count if count else overall for count, total in zip(counts, sums, strict=True)]
            assert answer.means == pytest.approx(expected)


def test_errors_by_hand():
    truth, other = Answer(np.array([0.2, 0.1]), None), Answer(np.array([0.26, 0.07]), None)
    assert scaled_error(truth, other) == pytest.approx(0.09 / 0.3)
    assert worst_group(truth, other) == 0
    rare, common = Answer(np.array([0.0001]), None), Answer(np.array([0.0003]), None)
    assert scaled_error(rare, common) == pytest.approx(0.0002 / SANITY_BOUND)
    means, off = Answer(np.array([0.2, 0.6]), np.array([0.0, 1.0])), Answer(np.array([0.5, 0.5]), np.array([0.4, 0.8]))
    assert scaled_error(means, off) == pytest.approx((0.2 * 0.4 + 0.6 * 0.2) / 0.8)
    assert worst_group(means, off) == 1


def test_a_query_that_no_row_meets_gets_the_mean_of_all_rows():
    table = small_table(80, 1)
    columns = cells_of(train=table)
    nobody = Condition(REGION, np.zeros(columns[REGION].size, dtype=bool))
    answer = queried(columns, table, "train").answer(Query(QueryKind.MEAN, (nobody,), AGE), 1)
    assert answer.shares[0] == 0
    assert answer.means[0] == pytest.approx(table["age"].astype(float).mean())


def test_every_query_has_a_real_row_to_count():
    train = small_table(200, 0)
    columns = cells_of(train=train)
    asked = queried(columns, train, "train")
    counts = [query for query in draw(columns, 1) if query.kind is QueryKind.COUNT]
    assert all(asked.answer(query, 1).shares[0] > 0 for query in counts)
    assert {len(query.conditions) for query in counts} == {1, 2, 3}
    assert len({query.describe(columns) for query in counts}) > 15


def test_synthetic_rows_have_no_say_in_what_is_asked():
    train, holdout = small_table(300, 0), small_table(100, 1)
    schema = TableSchema(tuple(Field(f.name, f.type, source=f.source) for f in FIELDS))  # cells may follow the rows
    wide = small_table(300, 2).assign(age=lambda t: t["age"] + 500, region="elsewhere")
    texts = []
    for synthetic in (small_table(250, 2), typed(wide, schema)):
        part = measure("queries", typed(train, schema), typed(holdout, schema), synthetic, schema, seed=5)
        texts.append(part["details"]["families"][0])
    reference = [f["quantiles"]["holdout"] for f in texts]
    assert reference[0] == reference[1]


def test_words_of_a_query_name_columns_and_cells():
    columns = cells_of(train=small_table(300, 0))
    cells = np.zeros(columns[REGION].size, dtype=bool)
    cells[[0, 1, 3]] = True
    query = Query(QueryKind.GROUPED_MEAN, (Condition(REGION, cells),), COST, SMOKER)
    assert query.describe(columns) == "mean of cost by smoker where region in {north, south, missing}"
    every = np.ones(columns[AGE].size, dtype=bool)
    text = Query(QueryKind.COUNT, (Condition(AGE, every),)).describe(columns)
    assert text.startswith("count of rows where age in {") and text.endswith("more}")


def test_fresh_rows_answer_as_rows_set_aside_do():
    part = measure("queries", small_table(3000, 0), small_table(1500, 1), small_table(3000, 2), SMALL_SCHEMA)
    for finding in part["findings"]:
        low, high = finding["interval"]
        assert low <= finding["value"] <= high
        # Both sides are draws of one population and 75 queries or more; quantiles of their errors may differ by half.
        assert 0.5 < finding["value"] / finding["reference"] < 2.0, finding
    assert part["details"]["rows"] == {"train": 3000, "synthetic": 3000, "holdout": 1500, "equal": 1500}


@pytest.mark.parametrize("column", ["region", "smoker", "cost"])
def test_a_column_torn_from_the_others_is_seen(column):
    train, holdout = small_table(3000, 0), small_table(3000, 1)
    torn = small_table(3000, 2)
    torn[column] = rng(9).permutation(torn[column])
    fresh, broken = (
        measure("queries", train, holdout, table, SMALL_SCHEMA)
        for table in (small_table(3000, 2), typed(torn, SMALL_SCHEMA))
    )
    assert found(broken, "groups-95")["value"] > 2 * found(fresh, "groups-95")["value"]


def test_a_shifted_number_is_seen_in_the_means():
    train, holdout, shifted = small_table(3000, 0), small_table(3000, 1), small_table(3000, 2)
    shifted["age"] = (shifted["age"] + 9).clip(upper=99)
    part = measure("queries", train, holdout, shifted, SMALL_SCHEMA)
    assert found(part, "means-95")["value"] > 2.5 * found(part, "means-95")["reference"]


def test_details_name_the_worst_queries_and_give_quantiles():
    part = measure("queries", small_table(900, 0), small_table(300, 1), small_table(900, 2), SMALL_SCHEMA)
    counts, means, groups = part["details"]["families"]
    assert [counts["n"], means["n"]] == [WORKLOAD[QueryKind.COUNT], WORKLOAD[QueryKind.MEAN]]
    assert groups["n"] == WORKLOAD[QueryKind.GROUPED_COUNT] + WORKLOAD[QueryKind.GROUPED_MEAN]
    for family in (counts, means, groups):
        levels = family["quantiles"]["levels"]
        for side in ("synthetic", "synthetic_all_rows", "holdout"):
            values = family["quantiles"][side]
            assert len(values) == len(levels) and values == sorted(values)
        errors = [entry["error"] for entry in family["worst"]]
        assert len(errors) == 5 and errors == sorted(errors, reverse=True)
        assert errors[0] == pytest.approx(family["quantiles"]["synthetic_all_rows"][-1])
    median = found(part, "counts-median")["value"]
    assert median == pytest.approx(counts["quantiles"]["synthetic"][levels.index(0.5)])
    worst = counts["worst"][0]
    assert worst["error"] == pytest.approx(
        abs(worst["real"] - worst["synthetic"]) / max(worst["real"], SANITY_BOUND), abs=1e-3
    )
    assert set(counts["absolute"]) == {"synthetic", "synthetic_all_rows", "holdout"}
    assert all(entry["group"] is not None for entry in groups["worst"])


def test_means_of_dates_are_told_as_dates():
    schema = TableSchema((Field("day", FieldType.DATE), Field("label", FieldType.STRING, enum=("a", "b"))))
    days = pd.to_datetime("2020-01-01") + pd.to_timedelta(np.arange(200) % 90, unit="D")
    table = typed(pd.DataFrame({"day": days, "label": np.where(np.arange(200) % 3, "a", "b")}), schema)
    part = measure("queries", table, None, table, schema)
    worst = part["details"]["families"][1]["worst"][0]
    assert worst["real"].startswith("2020-0")
    assert "unavailable" in worst["holdout"]


def test_identical_tables_have_no_error():
    table = small_table(300, 0)
    part = measure("queries", table, None, table, SMALL_SCHEMA)
    assert all(finding["value"] == 0.0 for finding in part["findings"])
    assert all("unavailable" in finding["reference"] for finding in part["findings"])


def test_what_cannot_be_asked_says_why():
    words = TableSchema((Field("label", FieldType.STRING, enum=("a", "b")),))
    table = typed(pd.DataFrame({"label": ["a", "b"] * 30}), words)
    part = measure("queries", table, table, table, words)
    assert "no column holds numbers" in found(part, "means-median")["value"]["unavailable"]
    assert math.isfinite(found(part, "counts-median")["value"])
    constant = typed(pd.DataFrame({"label": ["a"] * 30}), words)
    assert "single value" in measure("queries", constant, None, constant, words)["unavailable"]
