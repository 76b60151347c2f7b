"""How strongly two columns go together, in the real and in the synthetic rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.evaluation.binning import ColumnCells, is_numeric
from engine.evaluation.context import Context
from engine.evaluation.correlation import correlations, numbers_of, ranks_of
from engine.evaluation.distances import NO_HOLDOUT, draw_cells, equal_rows
from engine.evaluation.grouping import choose_columns
from engine.evaluation.intervals import jackknife_variance, normal_interval
from engine.evaluation.results import Finding, Interval, MetricResult, Score, score, unavailable
from engine.evaluation.tables import EvaluationTables, draw_rows

MOST_ROWS = 100_000
"""Rows of a table whose associations are computed; a Cramér's V of as many rows is off by about 0.003."""

MOST_COLUMNS = 40
N_GROUPS = 20
"""Groups of rows that are left out in turn for an interval."""

NO_ASSOCIATION = "a column has a single value, or there are too few rows"
NO_PAIR = "no pair of columns has values enough to go together"

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
Advance = Callable[[float], None]


def cramers_v(counts: IntArray) -> FloatArray:
    """Cramér's V of tables of counts, corrected for the bias that few rows bring.

    Without the correction, independent columns with many cells look associated, and more so in the smaller
    table, so a holdout could not be compared with its training table.

    Args:
        counts: rows per pair of cells, shape (..., n_cells, n_cells); empty rows and columns do not count as cells.

    Returns:
        Numbers in [0, 1], shape (...,), NaN where a column has one value only or there are too few rows.

    Source: Bergsma (2013), "A bias-correction for Cramér's V and Tschuprow's T", J. Korean Stat. Soc. 42.
    """
    counts = np.asarray(counts, dtype=np.float64)
    n = counts.sum(axis=(-2, -1))
    rows, columns = counts.sum(axis=-1), counts.sum(axis=-2)
    n_rows, n_columns = (rows > 0).sum(axis=-1), (columns > 0).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = rows[..., :, None] * columns[..., None, :]
        phi_squared = np.where(expected > 0, counts**2 / expected, 0.0).sum(axis=(-2, -1)) - 1.0
        corrected = np.maximum(0.0, phi_squared - (n_rows - 1) * (n_columns - 1) / (n - 1))
        shrunk = np.minimum(n_rows - (n_rows - 1) ** 2 / (n - 1), n_columns - (n_columns - 1) ** 2 / (n - 1))
        values = np.minimum(1.0, np.sqrt(corrected / (shrunk - 1)))
    known = (n >= 2) & (np.minimum(n_rows, n_columns) >= 2) & (shrunk > 1)
    return np.where(known, values, math.nan)


def associations(context: Context) -> MetricResult:
    """Cramér's V of all pairs of columns and correlations of pairs of numeric ones: real, synthetic and difference.

    Details:
        columns: names of the columns.
        real, synthetic, difference: Cramér's V, square; an entry that cannot be computed says why.
        worst_pairs: pairs with the largest difference: `columns`, `real`, `synthetic`, `difference`, `holdout`.
        numeric: `columns`, and for `spearman` and `pearson` the squares `real`, `synthetic` and `difference`; or why
            there is none.
        rows: rows compared of `train`, `synthetic`, and of `drawn` and `holdout`, on which the findings rest.
    """
    columns = context.tables.cells
    chosen = [columns[place] for place in choose_columns(columns, MOST_COLUMNS, context.target, context.rng)]
    cells = draw_cells(chosen, MOST_ROWS, context.rng)
    cells, _ = equal_rows(cells, context.rng)
    sizes = {name: len(codes) for name, codes in cells[0].codes.items()}
    values, left_out = _all_pairs(cells, context.rng, lambda share: context.advance(0.7 * share))
    names = [column.name for column in cells]
    matrices = _matrices([column.counts("train") for column in cells], values)
    numeric, rank_finding = _numeric(context)
    details = {
        "columns": names,
        **matrices,
        "worst_pairs": _worst_pairs(names, values),
        "numeric": numeric,
        "rows": sizes,
    }
    finding = difference_finding("cramers-v", "Cramér's V of a pair of columns", values, left_out, 1.0, NO_PAIR)
    return MetricResult((finding, rank_finding), details)


def difference_finding(
    measure: str,
    what: str,
    values: Mapping[str, FloatArray],
    left_out: Mapping[str, FloatArray],
    highest: float,
    reason: str,
) -> Finding:
    """The mean absolute difference of an association from that of the training rows.

    Args:
        measure: name of the measure.
        what: what is compared, in words.
        values: per table the association of each pair, shape (n_pairs,).
        left_out: of `train` and `drawn` the same without each group of rows, shape (n_groups, n_pairs).
        highest: the largest difference that there can be.
        reason: why there is none, where no pair has an association in both tables.
    """
    value = mean_difference(values["train"], values["drawn"])
    if math.isnan(value):
        return Finding(
            measure, unavailable(reason), unavailable(reason), unavailable(reason), f"Not computed: {reason}."
        )
    reference: Score = unavailable(NO_HOLDOUT)
    sentence = f"On average {what} is {value:.3f} off that of the training rows"
    if "holdout" in values:
        reference = score(mean_difference(values["train"], values["holdout"]), reason)
        if isinstance(reference, float):
            sentence += f"; that of equally many real rows set aside is {reference:.3f} off"
    return Finding(measure, value, _interval(value, values, left_out, highest), reference, f"{sentence}.")


def mean_difference(left: FloatArray, right: FloatArray) -> float:
    """Mean absolute difference over the pairs that both have, NaN where there is none."""
    differences = np.abs(left - right)
    return float(np.nanmean(differences)) if np.isfinite(differences).any() else math.nan


def row_groups(n_rows: int, rng: np.random.Generator) -> IntArray:
    """A random group for each row, equally large, shape (n_rows,)."""
    return rng.permutation(np.arange(n_rows) % N_GROUPS)


def _interval(
    value: float, values: Mapping[str, FloatArray], left_out: Mapping[str, FloatArray], highest: float
) -> Interval:
    """By a jackknife over groups of rows, of the training table and of the synthetic one."""
    if any(len(groups) < N_GROUPS for groups in left_out.values()):
        return unavailable("there are too few rows for an interval")
    variance = 0.0
    for name, other in (("train", "drawn"), ("drawn", "train")):
        # Without a group a pair may have no association; it then counts as unmoved.
        moved = np.where(np.isfinite(left_out[name]), left_out[name], values[name])
        variance += jackknife_variance(np.array([mean_difference(row, values[other]) for row in moved]))
    return normal_interval(value, variance, 0.0, highest)


def _all_pairs(
    columns: Sequence[ColumnCells], rng: np.random.Generator, advance: Advance
) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
    """Cramér's V of each pair per table, and that of `train` and `drawn` without each group of rows."""
    tables = list(columns[0].codes)
    groups = {name: row_groups(len(columns[0].codes[name]), rng) for name in ("train", "drawn")}
    values: dict[str, list[float]] = {name: [] for name in tables}
    left_out: dict[str, list[FloatArray]] = {name: [] for name in groups}
    pairs = list(combinations(columns, 2))
    for number, (left, right) in enumerate(pairs):
        for name in tables:
            counts = _counts(left, right, name, groups.get(name))
            total = counts.sum(axis=0)
            values[name].append(float(cramers_v(total)))
            if name in groups:
                left_out[name].append(cramers_v(total - counts))
        advance((number + 1) / len(pairs))
    stacked = {name: np.stack(found, axis=-1) if found else np.zeros((N_GROUPS, 0)) for name, found in left_out.items()}
    enough = {name: found if len(groups[name]) >= N_GROUPS else found[:0] for name, found in stacked.items()}
    return {name: np.array(found) for name, found in values.items()}, enough


def _counts(left: ColumnCells, right: ColumnCells, table: str, groups: IntArray | None) -> IntArray:
    """Counts of a pair's cells per group of rows, shape (n_groups, n_left, n_right); one group where none is given."""
    flat = left.codes[table] * right.size + right.codes[table]
    shape = (left.size, right.size)
    if groups is None:
        return np.bincount(flat, minlength=left.size * right.size).reshape(1, *shape)
    n_cells = left.size * right.size
    return np.bincount(groups * n_cells + flat, minlength=N_GROUPS * n_cells).reshape(N_GROUPS, *shape)


def _matrices(counts: Sequence[IntArray], values: Mapping[str, FloatArray]) -> dict[str, list[list[Score]]]:
    """Square matrices of pairs, given in the order of `combinations`."""
    own = np.array([1.0 if (column > 0).sum() > 1 else math.nan for column in counts])
    squares = {name: _square(own, values[name]) for name in ("train", "synthetic")}
    return _triple(squares["train"], squares["synthetic"])


def _square(diagonal: FloatArray, pairs: FloatArray) -> FloatArray:
    square = np.diag(diagonal)
    upper = np.triu_indices(len(diagonal), 1)
    square[upper] = pairs
    square.T[upper] = pairs
    return square


def _triple(real: FloatArray, synthetic: FloatArray) -> dict[str, list[list[Score]]]:
    """Real, synthetic and difference as a report writes them."""
    squares = {"real": real, "synthetic": synthetic, "difference": synthetic - real}
    return {
        name: [[score(value, NO_ASSOCIATION) for value in row] for row in square] for name, square in squares.items()
    }


def _worst_pairs(names: Sequence[str], values: Mapping[str, FloatArray], most: int = 12) -> list[dict[str, Any]]:
    differences = values["synthetic"] - values["train"]
    known = np.flatnonzero(np.isfinite(differences))
    worst = known[np.argsort(-np.abs(differences[known]), kind="stable")][:most]
    pairs = list(combinations(names, 2))
    holdout = values.get("holdout")
    return [
        {
            "columns": list(pairs[place]),
            "real": score(values["train"][place], NO_ASSOCIATION),
            "synthetic": score(values["synthetic"][place], NO_ASSOCIATION),
            "difference": score(differences[place], NO_ASSOCIATION),
            "holdout": unavailable(NO_HOLDOUT) if holdout is None else score(holdout[place], NO_ASSOCIATION),
        }
        for place in worst
    ]


def _numeric(context: Context) -> tuple[dict[str, Any], Finding]:
    """Spearman's and Pearson's correlations of the numeric columns, and the finding of the former."""
    fields = [field for field in context.tables.fields if is_numeric(field)][:MOST_COLUMNS]
    if len(fields) < 2:
        reason = "there are fewer than two numeric columns"
        missing = unavailable(reason)
        return missing, Finding("rank-correlation", missing, missing, missing, f"Not computed: {reason}.")
    tables = _equal_tables(context.tables, context.rng)
    numbers = {name: numbers_of(table, fields) for name, table in tables.items()}
    groups = {name: row_groups(len(rows), context.rng) for name, rows in numbers.items()}
    ranks = {name: correlations(ranks_of(rows), groups[name], N_GROUPS) for name, rows in numbers.items()}
    plain = {name: correlations(rows, groups[name], N_GROUPS)[0] for name, rows in numbers.items()}
    details = {
        "columns": [field.name for field in fields],
        "spearman": _triple(ranks["train"][0], ranks["synthetic"][0]),
        "pearson": _triple(plain["train"], plain["synthetic"]),
    }
    upper = np.triu_indices(len(fields), 1)
    values = {name: whole[upper] for name, (whole, _) in ranks.items()}
    left_out = {
        name: ranks[name][1][:, *upper] if len(groups[name]) >= N_GROUPS else np.zeros((0, len(upper[0])))
        for name in ("train", "drawn")
    }
    what = "the rank correlation of a pair of numeric columns"
    return details, difference_finding(
        "rank-correlation", what, values, left_out, 2.0, "no numeric columns vary together"
    )


def _equal_tables(tables: EvaluationTables, rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    """At most MOST_ROWS rows of each table, and `drawn`, as many synthetic rows as are set aside."""
    train, synthetic = draw_rows(tables.train, MOST_ROWS, rng), draw_rows(tables.synthetic, MOST_ROWS, rng)
    if tables.holdout is None:
        return {"train": train, "synthetic": synthetic, "drawn": synthetic}
    n_rows = min(len(tables.holdout), len(synthetic))
    drawn, holdout = draw_rows(synthetic, n_rows, rng), draw_rows(tables.holdout, n_rows, rng)
    return {"train": train, "synthetic": synthetic, "drawn": drawn, "holdout": holdout}
