"""Rows in the two directions in which the real ones vary most: a picture of the whole table at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.evaluation.binning import ColumnCells
from engine.evaluation.context import Context
from engine.evaluation.distances import Distances, distances_of, equal_rows
from engine.evaluation.features import FeaturePlan, plan_features
from engine.evaluation.results import Finding, MetricResult, NotComputableError
from engine.evaluation.tables import draw_rows

MOST_ROWS = 50_000
GRID = 24
TAIL = 0.005
"""Share of the training rows beyond each border of the picture; such rows count in the outermost cells."""

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def projection(context: Context) -> MetricResult:
    """How differently rows are spread in the plane of the real rows' first two principal components.

    Numbers are standardised and every category is a column of zeros and ones, so the plane follows the columns that
    vary together, whatever their units.

    Returns:
        Details: `explained` (share of the variance per direction), `edges` (borders per direction), and per table
        `real`, `synthetic` and `holdout` its share of rows per cell, shape (GRID, GRID).

    Source: Hotelling (1933), "Analysis of a complex of statistical variables into principal components".
    """
    tables = {name: draw_rows(table, MOST_ROWS, context.rng) for name, table in context.tables.by_name().items()}
    plan = plan_features(context.tables.fields, tables["train"])
    inputs = {name: _inputs(plan, table) for name, table in tables.items()}
    directions, explained = _principal_components(inputs["train"])
    context.advance(0.5)
    points = {name: values @ directions for name, values in inputs.items()}
    edges = [np.quantile(points["train"][:, axis], [TAIL, 1.0 - TAIL]) for axis in (0, 1)]
    borders = [np.linspace(low, max(high, low + 1e-9), GRID + 1) for low, high in edges]
    labels = tuple(map(str, range(GRID * GRID)))
    plane = ColumnCells("plane", "plane", labels, {name: _cells(values, borders) for name, values in points.items()})
    (drawn,), _ = equal_rows([plane], context.rng)
    found = distances_of({name: drawn.counts(name) for name in drawn.codes})
    details = {
        "explained": [round(float(share), 4) for share in explained],
        "edges": [[round(float(edge), 4) for edge in border] for border in borders],
        **{("real" if name == "train" else name): _shares(plane.counts(name)) for name in plane.codes},
    }
    return MetricResult((_finding(found),), details)


def _inputs(plan: FeaturePlan, table: Any) -> FloatArray:
    return plan.build(table).linear


def _principal_components(rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The two directions of the largest variance, shape (n_inputs, 2), and their shares of it."""
    covariance = np.atleast_2d(np.cov(rows, rowvar=False, bias=True))
    variances, directions = np.linalg.eigh(covariance)
    total = float(variances.clip(min=0.0).sum())
    if total <= 1e-12 or len(variances) < 2:
        raise NotComputableError("the real rows do not vary in two directions")
    largest = np.argsort(-variances, kind="stable")[:2]
    chosen = directions[:, largest]
    # The sign of an eigenvector is arbitrary; its largest part is positive here, so a report can be made again.
    signs = np.sign(chosen[np.abs(chosen).argmax(axis=0), [0, 1]])
    return chosen * signs, variances[largest].clip(min=0.0) / total


def _cells(points: FloatArray, borders: list[FloatArray]) -> IntArray:
    """Cell of each row; what lies beyond a border counts in the outermost cell, shape (n_rows,)."""
    across, up = (
        np.clip(np.searchsorted(border, points[:, axis], side="right") - 1, 0, GRID - 1)
        for axis, border in enumerate(borders)
    )
    return np.asarray(across * GRID + up, dtype=np.int64)


def _shares(counts: IntArray) -> list[list[float]]:
    """Shares of the cells, which leave out the one for missing values: no point of the plane is missing."""
    return [[round(float(share), 5) for share in row] for row in (counts[:-1] / counts.sum()).reshape(GRID, GRID)]


def _finding(found: Distances) -> Finding:
    """Distance of equally many synthetic and holdout rows from the training rows."""
    said = "rows that are spread alike have 0 %"
    if isinstance(found.ceiling, float):
        said = f"equally many real rows that were set aside have {100 * found.ceiling:.1f} %"
    sentence = f"{100 * found.distance:.1f} % of the rows would have to move to another cell of the picture; {said}."
    return Finding("spread", found.distance, found.interval, found.ceiling, sentence)
