"""The internal report: synthetic rows beside the real ones, measured, used and attacked.

It reads real rows and nothing here is charged to a budget, so its numbers must not leave with the synthetic file.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from engine.data.schema import TableSchema
from engine.errors import InputError
from engine.evaluation.context import Claim, Context
from engine.evaluation.metric import REPORT_VERSION, MetricInfo
from engine.evaluation.registry import list_metrics, metric_info
from engine.evaluation.tables import EvaluationTables, prepare_tables
from engine.progress import Progress, ProgressEvent, no_progress

if TYPE_CHECKING:
    from engine.synthesizers.base import Synthesizer

THREADS = 1
"""Threads of the models. With one, sums come in one order on every machine, so a report can be made again."""


def evaluate(
    train: pd.DataFrame,
    holdout: pd.DataFrame | None,
    synthetic: pd.DataFrame,
    schema: TableSchema,
    *,
    target: str | None = None,
    seed: int = 0,
    progress: Progress = no_progress,
    claim: Claim | None = None,
    synthesizer: Synthesizer | None = None,
    only: Collection[str] = (),
) -> dict[str, Any]:
    """Compare synthetic rows with the real rows they were learned from, and with real rows set aside.

    Args:
        train: typed real rows that the synthesizer was fitted to.
        holdout: typed real rows that it never saw; without them, what needs them is marked unavailable.
        synthetic: typed synthetic rows.
        schema: columns and treatments; dropped and faked columns are not compared.
        target: column that the utility check predicts.
        seed: of draws and models. The same rows in any order and the same seed give the same report.
        progress: called as work proceeds, with the share of the evaluation that is done; it may raise to stop it.
        claim: the guarantee that the run states, which attacks are held against; None where there is none.
        synthesizer: the fitted method; None where only its rows are known.
        only: names of the metrics to compute; all where empty.

    Returns:
        The report as JSON: per metric its registry entry, findings, details and alarms, and all alarms together. What
        cannot be computed is `{"unavailable": reason}`.

    Raises:
        InputError: a table is empty or lacks a column, the target is not a synthesized column, or a metric is unknown.

    Privacy: reads real rows and charges nothing; the report is for the owner of the rows only.
    """
    metrics = [metric_info(name) for name in only] or list(list_metrics())
    tables = prepare_tables(train, holdout, synthetic, schema, _generator(seed, "rows"))
    if target is not None and target not in {field.name for field in tables.fields}:
        raise InputError(f"the target {target!r} is not among the synthesized columns")
    total, done = sum(info.cost for info in metrics), 0.0
    results = {}
    for info in metrics:
        context = Context(
            tables=tables,
            schema=schema,
            target=target,
            rng=_generator(seed, info.name),
            threads=THREADS,
            advance=_advance(progress, info, done / total, info.cost / total),
            claim=claim,
            synthesizer=synthesizer,
        )
        context.advance(0.0)
        results[info.name] = info.result(context)
        done += info.cost
    alarms = [{"metric": name, **alarm} for name, result in results.items() for alarm in result.get("alarms", ())]
    return _header(tables, train, holdout, synthetic, seed) | {"alarms": alarms, "metrics": results}


def _generator(seed: int, purpose: str) -> np.random.Generator:
    """A stream of its own for every purpose, so that a further metric changes no other number."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode())])


def _advance(progress: Progress, info: MetricInfo, start: float, width: float) -> Callable[[float], None]:
    def advance(share: float) -> None:
        progress(ProgressEvent("evaluating", min(start + width * share, 1.0), info.title))

    return advance


def _header(
    tables: EvaluationTables,
    train: pd.DataFrame,
    holdout: pd.DataFrame | None,
    synthetic: pd.DataFrame,
    seed: int,
) -> dict[str, Any]:
    return {
        "report_version": REPORT_VERSION,
        "classification": "internal",
        "seed": seed,
        "confidence": 0.95,
        "tables": {
            "train_rows": len(train),
            "holdout_rows": 0 if holdout is None else len(holdout),
            "synthetic_rows": len(synthetic),
            "columns": [field.name for field in tables.fields],
            "compared_rows": {name: len(table) for name, table in tables.by_name().items()},
        },
    }
