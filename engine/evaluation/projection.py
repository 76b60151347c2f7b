"""Rows in the two directions in which the real ones vary most: a picture of the whole table at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.evaluation.context import Context
from engine.evaluation.features import FeaturePlan, plan_features
from engine.evaluation.intervals import BOOTSTRAP_REPLICATES, percentile_interval
from engine.evaluation.results import Finding, MetricResult, NotComputableError, Score, unavailable
from engine.evaluation.tables import draw_rows

MOST_ROWS = 50_000
GRID = 24
TAIL = 0.005
"""Share of the training rows beyond each border of the picture; such rows count in the outermost cells."""

NO_HOLDOUT = "no real rows were set aside"

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
    counts = {name: _count(values, borders) for name, values in points.items()}
    finding = _finding(counts, context.rng)
    details = {
        "explained": [round(float(share), 4) for share in explained],
        "edges": [[round(float(edge), 4) for edge in border] for border in borders],
        **{("real" if name == "train" else name): _shares(cells) for name, cells in counts.items()},
    }
    return MetricResult((finding,), details)


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


def _count(points: FloatArray, borders: list[FloatArray]) -> IntArray:
    """Rows per cell; what lies beyond a border counts in the outermost cell, shape (GRID, GRID)."""
    across, up = (
        np.clip(np.searchsorted(border, points[:, axis], side="right") - 1, 0, GRID - 1)
        for axis, border in enumerate(borders)
    )
    return np.bincount(across * GRID + up, minlength=GRID * GRID).reshape(GRID, GRID)


def _shares(counts: IntArray) -> list[list[float]]:
    return [[round(float(share), 5) for share in row] for row in counts / counts.sum()]


def _finding(counts: dict[str, IntArray], rng: np.random.Generator) -> Finding:
    """Distance of equally many synthetic and holdout rows from the training rows."""
    flat = {name: cells.ravel() for name, cells in counts.items()}
    n_rows = min(int(cells.sum()) for name, cells in flat.items() if name != "train")
    synthetic = _distance(flat["train"], _draw(flat["synthetic"], n_rows, rng))
    ceiling: Score = unavailable(NO_HOLDOUT)
    said = "rows that are spread alike have 0 %"
    if "holdout" in flat:
        ceiling = _distance(flat["train"], _draw(flat["holdout"], n_rows, rng))
        said = f"equally many real rows that were set aside have {100 * ceiling:.1f} %"
    interval = _interval(flat["train"], _draw(flat["synthetic"], n_rows, rng), synthetic, rng)
    sentence = f"{100 * synthetic:.1f} % of the rows would have to move to another cell of the picture; {said}."
    return Finding("spread", synthetic, interval, ceiling, sentence)


def _draw(counts: IntArray, n_rows: int, rng: np.random.Generator) -> IntArray:
    if counts.sum() <= n_rows:
        return counts
    return rng.multivariate_hypergeometric(counts, n_rows, method="marginals")


def _distance(left: IntArray, right: IntArray) -> float:
    return float(0.5 * np.abs(left / left.sum() - right / right.sum()).sum())


def _interval(train: IntArray, synthetic: IntArray, value: float, rng: np.random.Generator) -> tuple[float, float]:
    """A basic bootstrap over rows: resampled distances are too large by the noise that resampling adds, so they are
    mirrored at the value.

    Source: Davison and Hinkley (1997), "Bootstrap Methods and their Application", §5.2.
    """
    n_train, n_synthetic = int(train.sum()), int(synthetic.sum())
    resampled = 0.5 * np.abs(
        rng.multinomial(n_train, train / n_train, BOOTSTRAP_REPLICATES) / n_train
        - rng.multinomial(n_synthetic, synthetic / n_synthetic, BOOTSTRAP_REPLICATES) / n_synthetic
    ).sum(axis=1)
    low, high = percentile_interval(resampled) or (value, value)
    return max(0.0, min(2.0 * value - high, value)), max(min(1.0, 2.0 * value - low), value)
