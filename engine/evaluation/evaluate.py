"""The internal report: synthetic rows beside the real ones.

It reads real rows and nothing here is charged to a budget, so its numbers must not leave with the synthetic file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from engine.data.schema import TableSchema
from engine.errors import InputError
from engine.evaluation.binning import cut_columns
from engine.evaluation.closest_record import closest_records
from engine.evaluation.fidelity import fidelity
from engine.evaluation.sdmetrics_scores import sdmetrics_scores
from engine.evaluation.tables import EvaluationTables, prepare_tables
from engine.evaluation.utility import utility
from engine.progress import Progress, ProgressEvent, no_progress

REPORT_VERSION = 1
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
) -> dict[str, Any]:
    """Compare synthetic rows with the real rows they were learned from, and with real rows set aside.

    Args:
        train: typed real rows that the synthesizer was fitted to.
        holdout: typed real rows that it never saw; without them, what needs them is marked unavailable.
        synthetic: typed synthetic rows.
        schema: columns and treatments; dropped and faked columns are not compared.
        target: column that the utility check predicts.
        seed: of draws and models. The same rows in any order and the same seed give the same report.
        progress: called before each part, with the share of the evaluation that is done; it may raise to stop it.

    Returns:
        The report as JSON. A number that cannot be computed is `{"unavailable": reason}`.

    Raises:
        InputError: a table is empty or lacks a column, or the target is not a synthesized column.

    Privacy: reads real rows and charges nothing; the report is for the owner of the rows only.
    """
    draw, pairs, scores, models, records = (
        np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(5)
    )
    tables = prepare_tables(train, holdout, synthetic, schema, draw)
    if target is not None and target not in {field.name for field in tables.fields}:
        raise InputError(f"the target {target!r} is not among the synthesized columns")
    parts: dict[str, tuple[str, Callable[[], dict[str, Any]]]] = {
        "fidelity": (
            "Comparing distributions",
            lambda: fidelity(cut_columns(tables.fields, tables.by_name()), target, pairs),
        ),
        "sdmetrics": ("Computing sdmetrics scores", lambda: sdmetrics_scores(tables, scores)),
        "utility": ("Training models on synthetic rows", lambda: utility(tables, target, models, THREADS)),
        "privacy": ("Looking for copied rows", lambda: closest_records(tables, records)),
    }
    report = _header(tables, train, holdout, synthetic, seed)
    for position, (name, (message, compute)) in enumerate(parts.items()):
        progress(ProgressEvent("evaluating", position / len(parts), message))
        report[name] = compute()
    return report


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
        "reads_real_rows": True,
        "seed": seed,
        "tables": {
            "train_rows": len(train),
            "holdout_rows": 0 if holdout is None else len(holdout),
            "synthetic_rows": len(synthetic),
            "columns": len(tables.fields),
            "compared_rows": {name: len(table) for name, table in tables.by_name().items()},
        },
    }
