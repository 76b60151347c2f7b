"""Columns as the inputs of a model; everything about their shape comes from the real training rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.data.encode import to_numbers
from engine.data.schema import Field
from engine.evaluation.binning import TOP_CATEGORIES, category_codes, category_values, is_numeric

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Features:
    """Inputs of models.

    Args:
        trees: numbers and category codes, missing as NaN, shape (n_rows, n_columns).
        linear: standardised numbers, one column per category and per missing value, shape (n_rows, n_inputs).
        categorical: which columns of `trees` are categories.
    """

    trees: FloatArray
    linear: FloatArray
    categorical: list[bool]


@dataclass(frozen=True)
class FeaturePlan:
    """How tables become inputs.

    Args:
        fields: columns to predict from.
        categories: per categorical column, the values with an input of their own.
        scales: per numeric column, mean and standard deviation.
    """

    fields: tuple[Field, ...]
    categories: dict[str, list[Any]]
    scales: dict[str, tuple[float, float]]

    @property
    def n_linear(self) -> int:
        """Number of inputs of a linear model."""
        return 2 * len(self.scales) + sum(len(values) + 1 for values in self.categories.values())

    def build(self, table: pd.DataFrame) -> Features:
        """Inputs of all rows."""
        trees, linear = [], []
        for field in self.fields:
            column = table[field.name]
            if is_numeric(field):
                numbers = to_numbers(column, field.type)
                trees.append(numbers)
                linear += self._linear_numbers(field, numbers)
            else:
                codes = category_codes(self.categories[field.name], column)
                trees.append(np.where(codes < 0, np.nan, codes))
                linear += [
                    (codes == code).astype(np.float64) for code in (*range(len(self.categories[field.name])), -2)
                ]
        categorical = [not is_numeric(field) for field in self.fields]
        return Features(np.column_stack(trees), np.column_stack(linear), categorical)

    def _linear_numbers(self, field: Field, numbers: FloatArray) -> list[FloatArray]:
        mean, deviation = self.scales[field.name]
        missing = np.isnan(numbers)
        standard = np.where(missing, 0.0, (numbers - mean) / deviation)
        # A synthetic value far outside the real ones must not decide a linear model alone.
        return [np.clip(standard, -10.0, 10.0), missing.astype(np.float64)]


def plan_features(fields: Sequence[Field], train: pd.DataFrame) -> FeaturePlan:
    """How to turn tables into inputs, from the real training rows.

    Args:
        fields: columns to predict from.
        train: typed real rows.
    """
    numeric = [field for field in fields if is_numeric(field)]
    return FeaturePlan(
        tuple(fields),
        {
            field.name: category_values(field, train[field.name], TOP_CATEGORIES)[0]
            for field in fields
            if not is_numeric(field)
        },
        {field.name: _mean_and_deviation(to_numbers(train[field.name], field.type)) for field in numeric},
    )


def _mean_and_deviation(numbers: FloatArray) -> tuple[float, float]:
    present = numbers[~np.isnan(numbers)]
    if present.size == 0:
        return 0.0, 1.0
    deviation = float(present.std())
    return float(present.mean()), deviation if deviation > 0 else 1.0
