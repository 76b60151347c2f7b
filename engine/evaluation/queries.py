"""The same random queries put to the synthetic and the real rows: counts, means and group-bys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.data.encode import from_numbers, to_numbers
from engine.data.schema import Field, FieldType
from engine.evaluation.binning import ColumnCells, cut_columns, is_numeric
from engine.evaluation.context import Context
from engine.evaluation.distances import NO_HOLDOUT
from engine.evaluation.intervals import percentile_interval
from engine.evaluation.query_answers import (
    Answer,
    QueriedTable,
    absolute_error,
    scaled_error,
    worst_group,
)
from engine.evaluation.query_workload import MISSING_LABEL, Query, QueryKind, QuerySource
from engine.evaluation.results import (
    DECIMALS,
    Finding,
    Interval,
    MetricResult,
    NotComputableError,
    Score,
    unavailable,
)
from engine.evaluation.tables import draw_rows

MOST_ROWS = 200_000
WORKLOAD = {
    QueryKind.COUNT: 300,
    QueryKind.MEAN: 150,
    QueryKind.GROUPED_COUNT: 75,
    QueryKind.GROUPED_MEAN: 75,
}
LEVELS = tuple(round(0.025 * step, 3) for step in range(41))
REPLICATES = 500
N_WORST = 5

NO_QUERIES = "every column has a single value, so there is nothing to ask"

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Family:
    """Kinds of queries whose errors are read together."""

    name: str
    title: str
    kinds: tuple[QueryKind, ...]
    unit: str
    without: str


FAMILIES = (
    _Family("counts", "Counts", (QueryKind.COUNT,), "of the true count", NO_QUERIES),
    _Family(
        "means",
        "Means",
        (QueryKind.MEAN,),
        "of the column's standard deviation",
        "no column holds numbers that vary, so no mean can be asked for",
    ),
    _Family(
        "groups",
        "Group-bys",
        (QueryKind.GROUPED_COUNT, QueryKind.GROUPED_MEAN),
        "of the true counts, or of the column's standard deviation",
        NO_QUERIES,
    ),
)


@dataclass(frozen=True)
class _Asked:
    """A query and what each table answers."""

    query: Query
    real: Answer
    equal: Answer
    all_rows: Answer
    holdout: Answer | None


def queries(context: Context) -> MetricResult:
    """Errors of the synthetic rows' answers against the training rows', beside those of real rows set aside.

    Errors of counts are shares of the true count, but at least of a thousandth of the rows; errors of means are shares
    of the column's standard deviation; of a group-by, the groups' errors are added up by their real size. The findings
    compare as many synthetic rows as were set aside, so that the two sides have the same sampling error.

    Returns:
        `details` has `rows` (`train`, `synthetic`, `holdout`, and `equal`, the number that is compared) and `families`
        (counts, means, groups), each with `name`, `title`, `unit` and either `unavailable` or `n` (queries),
        `quantiles` (`levels`, and errors at them: `synthetic` for equally many rows, `synthetic_all_rows`, `holdout`;
        swapped, these are the ECDF), `absolute` (median and 95 % quantile of the errors of counts as shares of all
        rows, `synthetic`, `synthetic_all_rows` and `holdout`; only for counts), and `worst`: per query with the
        largest errors of all synthetic rows `query` (words), `group` (label or None), `real`, `synthetic`, `holdout`
        (shares of the rows or means in the column's own unit), `error` and `holdout_error`.

    Raises:
        NotComputableError: there is nothing to ask.
    """
    rng = context.rng
    tables = {"train": draw_rows(context.tables.train, MOST_ROWS, rng)}
    fields = context.tables.fields
    scales = {
        position: scale
        for position, field in enumerate(fields)
        if (scale := _scale(field, tables["train"])) is not None
    }
    chosen_rng = np.random.default_rng(rng.integers(2**63))
    others = {name: table for name, table in context.tables.by_name().items() if name != "train"}
    tables |= {name: draw_rows(table, MOST_ROWS, rng) for name, table in sorted(others.items())}
    columns = cut_columns(fields, tables)
    workload = QuerySource(fields, columns, tuple(scales)).draw(WORKLOAD, chosen_rng)
    if not workload:
        raise NotComputableError(NO_QUERIES)
    context.advance(0.3)
    asked, rows = _ask(workload, columns, _queried(fields, columns, tables, scales), context)
    families = [_family_details(family, asked, columns, fields, scales) for family in FAMILIES]
    findings = [finding for family in FAMILIES for finding in _findings(family, asked, rng)]
    return MetricResult(tuple(findings), {"rows": rows, "families": families})


def _scale(field: Field, train: pd.DataFrame) -> tuple[float, float] | None:
    """Mean and standard deviation of a column of numbers; None where it is none or does not vary."""
    if not is_numeric(field):
        return None
    numbers = to_numbers(train[field.name], field.type)
    present = numbers[~np.isnan(numbers)]
    if present.size == 0 or not float(present.std()) > 0:
        return None
    return float(present.mean()), float(present.std())


def _queried(
    fields: Sequence[Field],
    columns: Sequence[ColumnCells],
    tables: Mapping[str, pd.DataFrame],
    scales: Mapping[int, tuple[float, float]],
) -> dict[str, QueriedTable]:
    return {
        name: QueriedTable(
            [column.codes[name] for column in columns],
            {
                position: (to_numbers(table[fields[position].name], fields[position].type) - mean) / deviation
                for position, (mean, deviation) in scales.items()
            },
        )
        for name, table in tables.items()
    }


def _ask(
    workload: Sequence[Query], columns: Sequence[ColumnCells], tables: Mapping[str, QueriedTable], context: Context
) -> tuple[list[_Asked], dict[str, int]]:
    """All answers, and the number of rows that they come from."""
    synthetic, holdout = tables["synthetic"], tables.get("holdout")
    n_equal = synthetic.n_rows if holdout is None else min(synthetic.n_rows, holdout.n_rows)
    equal = _part(synthetic, n_equal, context.rng)
    control = None if holdout is None else _part(holdout, n_equal, context.rng)
    asked = []
    for number, query in enumerate(workload):
        if number % 20 == 0:
            context.advance(0.3 + 0.65 * number / len(workload))
        n_cells = 1 if query.group is None else columns[query.group].size
        asked.append(
            _Asked(
                query,
                tables["train"].answer(query, n_cells),
                equal.answer(query, n_cells),
                synthetic.answer(query, n_cells),
                None if control is None else control.answer(query, n_cells),
            )
        )
    return asked, {name: table.n_rows for name, table in tables.items()} | {"equal": n_equal}


def _part(table: QueriedTable, n_rows: int, rng: np.random.Generator) -> QueriedTable:
    if table.n_rows <= n_rows:
        return table
    return table.take(np.sort(rng.choice(table.n_rows, n_rows, replace=False)))


def _of(family: _Family, asked: Sequence[_Asked]) -> list[_Asked]:
    return [each for each in asked if each.query.kind in family.kinds]


def _errors(asked: Sequence[_Asked]) -> dict[str, FloatArray]:
    errors = {
        "synthetic": np.array([scaled_error(each.real, each.equal) for each in asked]),
        "synthetic_all_rows": np.array([scaled_error(each.real, each.all_rows) for each in asked]),
    }
    control = [scaled_error(each.real, each.holdout) for each in asked if each.holdout is not None]
    return errors | ({"holdout": np.array(control)} if control else {})


def _findings(family: _Family, asked: Sequence[_Asked], rng: np.random.Generator) -> list[Finding]:
    chosen = _of(family, asked)
    levels = {f"{family.name}-median": 0.5, f"{family.name}-95": 0.95}
    if not chosen:
        reason = unavailable(family.without)
        return [Finding(name, reason, reason, reason, f"{family.title} could not be compared.") for name in levels]
    errors = _errors(chosen)
    return [_finding(family, name, level, errors, rng) for name, level in levels.items()]


def _finding(
    family: _Family, name: str, level: float, errors: Mapping[str, FloatArray], rng: np.random.Generator
) -> Finding:
    """One quantile of a family's errors, with an interval over other queries of the same kind."""
    values = errors["synthetic"]
    value = float(np.quantile(values, level))
    resamples = values[rng.integers(len(values), size=(REPLICATES, len(values)))]
    interval: Interval = percentile_interval(np.quantile(resamples, level, axis=1)) or unavailable(NO_QUERIES)
    how_many = "Half" if level == 0.5 else "95 %"
    sentence = f"{how_many} of the {family.title.lower()} are off by at most {100 * value:.1f} % {family.unit}"
    reference: Score = unavailable(NO_HOLDOUT)
    if "holdout" in errors:
        reference = float(np.quantile(errors["holdout"], level))
        sentence += f"; from equally many real rows set aside, by {100 * reference:.1f} %"
    return Finding(name, value, interval, reference, f"{sentence}.")


def _family_details(
    family: _Family,
    asked: Sequence[_Asked],
    columns: Sequence[ColumnCells],
    fields: Sequence[Field],
    scales: Mapping[int, tuple[float, float]],
) -> dict[str, Any]:
    chosen = _of(family, asked)
    head = {"name": family.name, "title": family.title, "unit": family.unit}
    if not chosen:
        return head | unavailable(family.without)
    errors = _errors(chosen)
    quantiles = {name: _rounded(np.quantile(values, LEVELS)) for name, values in errors.items()}
    worst = np.argsort(-errors["synthetic_all_rows"], kind="stable")[:N_WORST].tolist()
    details = head | {
        "n": len(chosen),
        "quantiles": {"levels": list(LEVELS), **quantiles},
        "worst": [_worst_entry(chosen[number], columns, fields, scales) for number in worst],
    }
    return details | ({"absolute": _absolute(chosen)} if family.name == "counts" else {})


def _absolute(asked: Sequence[_Asked]) -> dict[str, dict[str, float]]:
    """Errors of counts as shares of all rows."""
    answers = {
        "synthetic": [(each.real, each.equal) for each in asked],
        "synthetic_all_rows": [(each.real, each.all_rows) for each in asked],
        "holdout": [(each.real, each.holdout) for each in asked if each.holdout is not None],
    }
    found = {}
    for name, pairs in answers.items():
        if pairs:
            median, high = np.quantile([absolute_error(*pair) for pair in pairs], [0.5, 0.95])
            found[name] = {"median": round(float(median), DECIMALS), "quantile_95": round(float(high), DECIMALS)}
    return found


def _worst_entry(
    asked: _Asked,
    columns: Sequence[ColumnCells],
    fields: Sequence[Field],
    scales: Mapping[int, tuple[float, float]],
) -> dict[str, Any]:
    query = asked.query
    group = worst_group(asked.real, asked.all_rows)
    label = None if query.group is None else [*columns[query.group].labels, MISSING_LABEL][group]
    measured = query.measured
    scale = None if measured is None else (fields[measured], *scales[measured])
    missing = unavailable(NO_HOLDOUT)
    return {
        "query": query.describe(columns),
        "group": label,
        "real": _value(asked.real, group, scale),
        "synthetic": _value(asked.all_rows, group, scale),
        "holdout": missing if asked.holdout is None else _value(asked.holdout, group, scale),
        "error": round(scaled_error(asked.real, asked.all_rows), DECIMALS),
        "holdout_error": (
            missing if asked.holdout is None else round(scaled_error(asked.real, asked.holdout), DECIMALS)
        ),
    }


def _value(answer: Answer, group: int, scale: tuple[Field, float, float] | None) -> float | str:
    """A share of the rows, or a mean in the column's own unit; of dates, as text."""
    if answer.means is None or scale is None:
        return round(float(answer.shares[group]), DECIMALS)
    field, mean, deviation = scale
    number = float(mean + deviation * answer.means[group])
    if field.type in (FieldType.DATE, FieldType.DATETIME):
        moment = from_numbers(np.array([round(number)], dtype=np.float64), field.type)[0]
        return str(moment.date() if field.type is FieldType.DATE else moment)
    return number


def _rounded(values: FloatArray) -> list[float]:
    return [round(float(value), DECIMALS) for value in values]
