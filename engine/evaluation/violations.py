"""Rows that break the schema or its rules. Every method keeps both, so one such row is a fault."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.data.encode import to_number, to_numbers
from engine.data.rules import Rule
from engine.data.schema import Field, FieldType, TableSchema
from engine.evaluation.binning import is_numeric
from engine.evaluation.context import Context
from engine.evaluation.results import Alarm, Finding, MetricResult, unavailable
from engine.evaluation.tables import MAXIMUM_ROWS
from engine.synthesizers.row_rules import breaks

NOTHING_ESTIMATED = "rows were counted, so nothing is estimated"

BoolArray = npt.NDArray[np.bool_]


def violations(context: Context) -> MetricResult:
    """Synthetic rows that break the schema or its rules; reads no real row.

    A table whose columns have another type than the schema says is refused before any metric is computed.

    Details:
        violations: per broken part of the schema `kind` (`missing`, `finite`, `minimum`, `maximum`, `values`,
            `decimals` or `rule`), `columns`, `rows`, and for a rule its `rule` in words.
        checks: how many parts of the schema were checked.
        rows: synthetic rows that were looked at.

    Privacy: reads synthetic rows only, so its numbers may be released.
    """
    table = context.tables.synthetic
    broken = np.zeros(len(table), dtype=bool)
    found, n_checks = [], 0
    for check, rows in check_rows(table, context.tables.fields, context.schema):
        n_checks += 1
        broken |= rows
        if rows.any():
            found.append({**check, "rows": int(rows.sum())})
    count = int(broken.sum())
    details = {"violations": found, "checks": n_checks, "rows": len(table)}
    finding = Finding("rows", float(count), unavailable(NOTHING_ESTIMATED), 0.0, _sentence(count, len(table), n_checks))
    return MetricResult((finding,), details, _alarms(count, found))


def check_rows(
    table: pd.DataFrame, fields: Sequence[Field], schema: TableSchema
) -> Iterator[tuple[dict[str, Any], BoolArray]]:
    """Every check that the schema asks for, and whether each row breaks it.

    Args:
        table: typed rows.
        fields: its columns.
        schema: states the rules; one about a column that is not there is passed over.
    """
    for field in fields:
        for kind, rows in _check_column(field, table[field.name]):
            yield {"kind": kind, "columns": [field.name]}, rows
    for rule in schema.rules:
        if set(rule.columns) <= {field.name for field in fields}:
            yield _rule_json(rule), breaks(table, [rule])


def _check_column(field: Field, column: pd.Series) -> Iterator[tuple[str, BoolArray]]:
    if field.required:
        yield "missing", column.isna().to_numpy(dtype=bool)
    if field.enum is not None:
        allowed = [*field.enum, *([] if field.other_value is None else [field.other_value])]
        yield "values", (column.notna() & ~column.isin(allowed)).to_numpy(dtype=bool)
    if not is_numeric(field):
        return
    numbers = to_numbers(column, field.type)
    minimum, maximum = to_number(field.minimum, field.type), to_number(field.maximum, field.type)
    if field.type is FieldType.NUMBER:
        yield "finite", np.isinf(numbers)
    if minimum is not None:
        yield "minimum", numbers < minimum
    if maximum is not None:
        yield "maximum", numbers > maximum
    if field.decimals is not None:
        yield "decimals", _has_more_decimals(numbers, field.decimals)


def _has_more_decimals(numbers: npt.NDArray[np.float64], decimals: int) -> BoolArray:
    finite = np.where(np.isfinite(numbers), numbers, 0.0)
    # A double next to a number with so many decimals stands for that number.
    return np.abs(np.round(finite, decimals) - finite) > 2 * np.spacing(np.abs(finite))


def _rule_json(rule: Rule) -> dict[str, Any]:
    return {"kind": "rule", "columns": list(rule.columns), "rule": rule.describe()}


def _sentence(count: int, n_rows: int, n_checks: int) -> str:
    if count:
        return f"{count:,} of {n_rows:,} synthetic rows break the schema or its rules; none should."
    seen = "synthetic rows that were looked at" if n_rows == MAXIMUM_ROWS else "synthetic rows"
    return f"All {n_rows:,} {seen} keep the schema and its rules ({n_checks} checks)."


def _alarms(count: int, found: Sequence[dict[str, Any]]) -> tuple[Alarm, ...]:
    """No chance is involved: every method draws rows that keep the schema, so an honest run never raises it."""
    if not count:
        return ()
    columns = list(dict.fromkeys(name for part in found for name in part["columns"]))
    shown = ", ".join(columns[:5]) + (f" and {len(columns) - 5} more" if len(columns) > 5 else "")
    sentence = (
        f"{count:,} synthetic rows break what the schema states of {shown}. Every method keeps the schema, so the rows "
        "were changed afterwards, belong to another schema, or come from a faulty method."
    )
    return (Alarm("schema_violations", "Synthetic rows break the schema", sentence),)
