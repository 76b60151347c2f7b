"""Synthetic rows that equal real ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.evaluation.closest_record import NO_HOLDOUT
from engine.evaluation.context import Context
from engine.evaluation.results import Finding, MetricResult, unavailable
from engine.evaluation.tables import EvaluationTables, draw_rows, row_hashes


def copied_rows(context: Context) -> MetricResult:
    """How many synthetic rows equal a training row, beside how many equal one of as many rows set aside."""
    details = _copies(context.tables, context.rng)
    count = details["synthetic_rows_equal_to_a_training_row"]
    finding = Finding(
        "exact",
        float(count),
        unavailable("a count of what is there has no interval"),
        details["expected_from_holdout"],
        f"{count:,} synthetic rows equal one of {details['real_rows_each']:,} training rows.",
    )
    return MetricResult((finding,), details)


def _copies(tables: EvaluationTables, rng: np.random.Generator) -> dict[str, Any]:
    """Synthetic rows that equal a real one; training rows and holdout are compared in equal numbers."""
    synthetic, train = row_hashes(tables.synthetic), row_hashes(tables.train)
    all_rows = int(np.isin(synthetic, train).sum())
    if tables.holdout is None:
        return {
            "synthetic_rows_equal_to_a_training_row": all_rows,
            "synthetic_rows_equal_to_any_training_row": all_rows,
            "training_rows": len(train),
            "expected_from_holdout": unavailable(NO_HOLDOUT),
            "real_rows_each": len(train),
            "synthetic_rows": len(synthetic),
        }
    n_real = min(len(train), len(tables.holdout))
    holdout = row_hashes(draw_rows(tables.holdout, n_real, rng))
    equal_train = rng.choice(train, n_real, replace=False)
    return {
        "synthetic_rows_equal_to_a_training_row": int(np.isin(synthetic, equal_train).sum()),
        "synthetic_rows_equal_to_any_training_row": all_rows,
        "training_rows": len(train),
        "expected_from_holdout": int(np.isin(synthetic, holdout).sum()),
        "real_rows_each": n_real,
        "synthetic_rows": len(synthetic),
    }
