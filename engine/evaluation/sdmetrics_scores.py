"""The quality and diagnostic scores of sdmetrics, with their own definitions."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd

from engine.data.schema import Field, FieldType
from engine.evaluation.binning import is_numeric
from engine.evaluation.context import Context
from engine.evaluation.results import Finding, MetricResult, NotComputableError, Score, score, unavailable
from engine.evaluation.tables import draw_rows

MOST_ROWS = 20_000
MOST_COLUMNS = 60

_TABLE = "table"
_NO_PAIRS = "no pair of real columns goes together strongly enough for sdmetrics to count it"


def sdmetrics_scores(context: Context) -> MetricResult:
    """The library's quality and diagnostic scores; at most MOST_ROWS random rows of each table go in."""
    tables = context.tables
    if len(tables.fields) > MOST_COLUMNS:
        raise NotComputableError(f"sdmetrics compares every pair of columns; it is left out above {MOST_COLUMNS}")
    real = draw_rows(tables.train, MOST_ROWS, context.rng)
    synthetic = draw_rows(tables.synthetic, MOST_ROWS, context.rng)
    metadata = {"tables": {_TABLE: {"columns": {field.name: _metadata(field) for field in tables.fields}}}}
    sections = _reports(_plain(real, tables.fields), _plain(synthetic, tables.fields), metadata)
    findings = tuple(_finding(name, sections[name].get("score", sections[name])) for name in ("quality", "diagnostic"))
    return MetricResult(findings, {**sections, "rows": {"real": len(real), "synthetic": len(synthetic)}})


def _finding(name: str, value: Score) -> Finding:
    sentence = "The library gave no score." if isinstance(value, dict) else f"The library gives {100 * value:.1f} %."
    return Finding(name, value, unavailable("the library gives no interval"), unavailable("not compared"), sentence)


def _reports(real: pd.DataFrame, synthetic: pd.DataFrame, metadata: dict[str, Any]) -> dict[str, Any]:
    # Loads torch and plotly, which take seconds.
    from sdmetrics.reports import DiagnosticReport, QualityReport

    quality = _generate(QualityReport(), real, synthetic, metadata)
    diagnostic = _generate(DiagnosticReport(), real, synthetic, metadata)
    return {
        "quality": _section(quality, {"column_shapes": "Column Shapes", "column_pair_trends": "Column Pair Trends"}),
        "diagnostic": _section(diagnostic, {"data_validity": "Data Validity", "data_structure": "Data Structure"}),
    }


def _generate(report: Any, real: pd.DataFrame, synthetic: pd.DataFrame, metadata: dict[str, Any]) -> Any:
    """The report's scores, or why there are none."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            # It warns of every constant column, quoting values; a missing score says as much.
            warnings.simplefilter("ignore")
            report.generate({_TABLE: real}, {_TABLE: synthetic}, metadata, verbose=False)
            return dict(zip(*report.get_properties()[["Property", "Score"]].to_numpy().T, strict=True)) | {
                "overall": report.get_score()
            }
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # Its message may quote a cell; the rest of the report does not depend on it.
        return unavailable(f"sdmetrics stopped with {type(error).__name__}")


def _section(scores: dict[str, Any], properties: dict[str, str]) -> dict[str, Any]:
    if "unavailable" in scores:
        return scores
    section = {"score": score(scores["overall"], "sdmetrics gave no score for this table")}
    return section | {
        key: score(
            float(scores[title]),
            _NO_PAIRS if key == "column_pair_trends" else "sdmetrics gave no score for this table",
        )
        for key, title in properties.items()
    }


def _metadata(field: Field) -> dict[str, str]:
    if not is_numeric(field):
        return {"sdtype": "boolean" if field.type is FieldType.BOOLEAN else "categorical"}
    is_moment = field.type in (FieldType.DATE, FieldType.DATETIME)
    return {"sdtype": "datetime" if is_moment else "numerical"}


def _plain(table: pd.DataFrame, fields: tuple[Field, ...]) -> pd.DataFrame:
    """The table in NumPy dtypes, which sdmetrics was written for."""
    return pd.DataFrame({field.name: _plain_column(table[field.name], field) for field in fields})


def _plain_column(column: pd.Series, field: Field) -> pd.Series:
    if field.type in (FieldType.DATE, FieldType.DATETIME):
        return column
    if is_numeric(field):
        return pd.Series(column.to_numpy(dtype=np.float64, na_value=np.nan), index=column.index)
    return column.astype(object).where(column.notna(), None)
