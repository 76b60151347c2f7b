"""Correlations of numeric columns, whole and with groups of rows left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.data.encode import to_numbers
from engine.data.schema import Field

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


def numbers_of(table: pd.DataFrame, fields: Sequence[Field]) -> FloatArray:
    """Numeric columns, missing as NaN, shape (n_rows, n_fields)."""
    return np.column_stack([to_numbers(table[field.name], field.type) for field in fields])


def ranks_of(numbers: FloatArray) -> FloatArray:
    """Ranks of each column among its values, ties at their mean, missing as NaN, shape (n_rows, n_fields)."""
    return pd.DataFrame(numbers).rank().to_numpy(dtype=np.float64)


def correlations(numbers: FloatArray, groups: IntArray, n_groups: int) -> tuple[FloatArray, FloatArray]:
    """Pearson's correlation of each pair of columns, over the rows in which both have a value.

    Args:
        numbers: shape (n_rows, n_columns), missing as NaN; ranks give Spearman's correlation.
        groups: group of each row, shape (n_rows,).
        n_groups: number of groups.

    Returns:
        The correlations of all rows, shape (n_columns, n_columns), and without each group in turn, shape (n_groups,
        n_columns, n_columns); NaN where a column does not vary.
    """
    moments = np.stack(
        [_moments(standard[groups == group]) for standard in (_standard(numbers),) for group in range(n_groups)]
    )
    total = moments.sum(axis=0)
    return _correlation(total), _correlation(total - moments)


def _standard(numbers: FloatArray) -> FloatArray:
    """Columns of mean 0 and deviation 1, so that sums of large numbers, such as dates, do not cancel."""
    present = ~np.isnan(numbers)
    n = np.maximum(present.sum(axis=0), 1)
    centred = numbers - np.where(present, numbers, 0.0).sum(axis=0) / n
    deviation = np.sqrt(np.where(present, centred**2, 0.0).sum(axis=0) / n)
    standard: FloatArray = centred / np.where(deviation > 0, deviation, 1.0)
    return standard


def _moments(numbers: FloatArray) -> FloatArray:
    """Numbers of rows and sums of x, x² and xy over the rows in which both columns have a value, shape (4, d, d)."""
    present = (~np.isnan(numbers)).astype(np.float64)
    values = np.nan_to_num(numbers, nan=0.0)
    return np.stack([present.T @ present, values.T @ present, (values**2).T @ present, values.T @ values])


def _correlation(moments: FloatArray) -> FloatArray:
    n, sums, squares, products = (moments[..., place, :, :] for place in range(4))
    turned_sums, turned_squares = np.swapaxes(sums, -1, -2), np.swapaxes(squares, -1, -2)
    spread = n * squares - sums**2
    turned = n * turned_squares - turned_sums**2
    varies = (n >= 2) & (spread > 1e-9 * n**2) & (turned > 1e-9 * n**2)
    scale = np.sqrt(np.where(varies, spread * turned, 1.0))
    return np.where(varies, np.clip((n * products - sums * turned_sums) / scale, -1.0, 1.0), np.nan)
