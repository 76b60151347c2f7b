"""The quality and diagnostic scores of sdmetrics, with their own definitions."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from engine.data.schema import Field, FieldType
from engine.evaluation.binning import is_numeric
from engine.evaluation.context import Context
from engine.evaluation.distances import NO_HOLDOUT
from engine.evaluation.intervals import CONFIDENCE
from engine.evaluation.results import Finding, Interval, MetricResult, NotComputableError, Score, score, unavailable
from engine.evaluation.tables import draw_rows

MOST_ROWS = 20_000
MOST_COLUMNS = 60
N_PARTS = 8
"""Disjoint parts of the rows, whose scores tell how much a score varies."""

FEWEST_ROWS_OF_A_PART = 50

_TABLE = "table"
_NO_PAIRS = "no pair of real columns goes together strongly enough for sdmetrics to count it"


def sdmetrics_scores(context: Context) -> MetricResult:
    """The library's quality and diagnostic scores, beside those of as many real rows set aside.

    Details:
        quality: `score`, `column_shapes` and `column_pair_trends`; diagnostic: `score`, `data_validity` and
            `data_structure`; a score that is missing says why.
        holdout: the same two sections for rows set aside, or why there is none.
        rows: rows that were compared of `real`, `synthetic` and, where there is one, `holdout`.
    """
    tables, rng = context.tables, context.rng
    if len(tables.fields) > MOST_COLUMNS:
        raise NotComputableError(f"sdmetrics compares every pair of columns; it is left out above {MOST_COLUMNS}")
    most = min(MOST_ROWS, *(len(table) for name, table in tables.by_name().items() if name != "train"))
    rows = {"train": draw_rows(tables.train, MOST_ROWS, rng)}
    rows |= {name: draw_rows(table, most, rng) for name, table in tables.by_name().items() if name != "train"}
    plain = {name: plain_table(table, tables.fields) for name, table in rows.items()}
    metadata = metadata_of(tables.fields)
    sections = _reports(plain["train"], plain["synthetic"], metadata)
    context.advance(0.3)
    holdout: dict[str, Any] = unavailable(NO_HOLDOUT)
    if "holdout" in plain:
        holdout = _reports(plain["train"], plain["holdout"], metadata)
    context.advance(0.5)
    parts = list(_parts(plain["train"], plain["synthetic"], metadata, context))
    findings = tuple(_finding(name, sections[name], holdout, parts) for name in ("quality", "diagnostic"))
    sizes = {"real": len(rows["train"])} | {name: len(table) for name, table in rows.items() if name != "train"}
    return MetricResult(findings, {**sections, "holdout": holdout, "rows": sizes})


def _finding(name: str, section: dict[str, Any], holdout: dict[str, Any], parts: list[dict[str, Any]]) -> Finding:
    value: Score = section.get("score", section)
    reference: Score = holdout[name].get("score", holdout[name]) if name in holdout else unavailable(NO_HOLDOUT)
    if isinstance(value, dict):
        return Finding(name, value, value, reference, "The library gave no score.")
    sentence = f"The library gives {100 * value:.1f} %"
    if isinstance(reference, float):
        sentence += f"; to equally many real rows set aside it gives {100 * reference:.1f} %"
    return Finding(
        name, value, _interval(value, [part[name].get("score") for part in parts]), reference, f"{sentence}."
    )


def _parts(
    real: pd.DataFrame, synthetic: pd.DataFrame, metadata: dict[str, Any], context: Context
) -> Iterator[dict[str, Any]]:
    """Scores of disjoint random parts of both tables; none where they would be too small."""
    if min(len(real), len(synthetic)) < N_PARTS * FEWEST_ROWS_OF_A_PART:
        return
    groups = [np.array_split(context.rng.permutation(len(table)), N_PARTS) for table in (real, synthetic)]
    for number, (left, right) in enumerate(zip(*groups, strict=True)):
        yield _reports(real.iloc[np.sort(left)], synthetic.iloc[np.sort(right)], metadata)
        context.advance(0.5 + 0.5 * (number + 1) / N_PARTS)


def _interval(value: float, scores: list[Any]) -> Interval:
    """By the variance of the scores of parts, which have N_PARTS times the variance of that of all rows.

    Source: Politis, Romano and Wolf (1999), "Subsampling", chapter 2.
    """
    known = [score for score in scores if isinstance(score, float)]
    if len(known) < N_PARTS:
        return unavailable("there are too few rows for an interval")
    from scipy.stats import t

    half = float(t.ppf(0.5 + CONFIDENCE / 2, N_PARTS - 1)) * float(np.std(known, ddof=1)) / math.sqrt(N_PARTS)
    return max(0.0, value - half), min(1.0, value + half)


def _reports(real: pd.DataFrame, synthetic: pd.DataFrame, metadata: dict[str, Any]) -> dict[str, Any]:
    # Loads torch and plotly, which take seconds.
    from sdmetrics.reports import DiagnosticReport, QualityReport

    quality = generated(QualityReport(), real, synthetic, metadata)
    diagnostic = generated(DiagnosticReport(), real, synthetic, metadata)
    return {
        "quality": _section(quality, {"column_shapes": "Column Shapes", "column_pair_trends": "Column Pair Trends"}),
        "diagnostic": _section(diagnostic, {"data_validity": "Data Validity", "data_structure": "Data Structure"}),
    }


def generated(report: Any, real: pd.DataFrame, synthetic: pd.DataFrame, metadata: dict[str, Any]) -> Any:
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


def metadata_of(fields: Sequence[Field]) -> dict[str, Any]:
    """What the library has to know of the columns."""
    return {"tables": {_TABLE: {"columns": {field.name: _metadata(field) for field in fields}}}}


def _metadata(field: Field) -> dict[str, str]:
    if not is_numeric(field):
        return {"sdtype": "boolean" if field.type is FieldType.BOOLEAN else "categorical"}
    is_moment = field.type in (FieldType.DATE, FieldType.DATETIME)
    return {"sdtype": "datetime" if is_moment else "numerical"}


def plain_table(table: pd.DataFrame, fields: Sequence[Field]) -> pd.DataFrame:
    """The table in NumPy dtypes, which sdmetrics was written for."""
    return pd.DataFrame({field.name: _plain_column(table[field.name], field) for field in fields})


def _plain_column(column: pd.Series, field: Field) -> pd.Series:
    if field.type in (FieldType.DATE, FieldType.DATETIME):
        return column
    if is_numeric(field):
        return pd.Series(column.to_numpy(dtype=np.float64, na_value=np.nan), index=column.index)
    return column.astype(object).where(column.notna(), None)
