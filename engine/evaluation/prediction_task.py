"""What a model predicts: a class or a quantity, and which column where nobody chose one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.data.encode import to_numbers
from engine.data.schema import Field, FieldType
from engine.evaluation.binning import category_codes, category_values, is_numeric
from engine.evaluation.results import NotComputableError

MOST_CLASSES = 20
MOST_VALUES_OF_A_CLASS_NUMBER = 10
"""A whole-number target with up to this many values is a class, not a quantity."""

MOST_DEFAULT_TARGETS = 3
MOST_DEFAULT_CLASSES = 10
NO_TARGET = (
    f"no target column was chosen, and no column has 2 to {MOST_DEFAULT_CLASSES} values to predict; "
    "choose a column to predict"
)

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Task:
    """What is predicted.

    Args:
        field: the target's schema.
        classes: its values, for a classification; None for a regression.
        positive: position in `classes` of the rarer of two classes, which ranking and F1 are about; None otherwise.
    """

    field: Field
    classes: tuple[Any, ...] | None
    positive: int | None = None

    @property
    def metric(self) -> str:
        """Name of the headline score: `auc` or `r2`."""
        return "auc" if self.classes is not None else "r2"

    @property
    def n_outputs(self) -> int:
        """Numbers that a model gives for a row: one, or one per class where there are more than two."""
        return len(self.classes) if self.classes is not None and self.positive is None else 1

    def answers(self, table: pd.DataFrame) -> FloatArray:
        """The target as numbers or class positions; NaN where it is missing or no class; shape (n_rows,)."""
        column = table[self.field.name]
        if self.classes is None:
            return to_numbers(column, self.field.type)
        codes = category_codes(list(self.classes), column).astype(np.float64)
        return np.where(codes < 0, np.nan, codes)


def task_of(field: Field, train: pd.DataFrame) -> Task:
    """What there is to predict of a column.

    Args:
        field: the target's schema.
        train: typed real training rows, whose values are the classes.

    Raises:
        NotComputableError: the column has a single value, or too many categories.
    """
    column = train[field.name].dropna()
    n_values = int(column.nunique())
    if n_values < 2:
        raise NotComputableError("the target has a single value in the training rows")
    is_class = not is_numeric(field) or (field.type is FieldType.INTEGER and n_values <= MOST_VALUES_OF_A_CLASS_NUMBER)
    if not is_class:
        return Task(field, None)
    if n_values > MOST_CLASSES:
        raise NotComputableError(f"the target has {n_values} categories; choose a column with at most {MOST_CLASSES}")
    return _classification(field, column)


def tasks_for(fields: Sequence[Field], target: str | None, train: pd.DataFrame) -> list[Task]:
    """The chosen target; else up to MOST_DEFAULT_TARGETS columns with few classes, those most evenly filled first.

    Args:
        fields: columns of the tables.
        target: the chosen column, or None.
        train: typed real training rows. The synthetic ones have no say in what is predicted.

    Raises:
        NotComputableError: the target cannot be predicted, or none was chosen and no column is fit for it.
    """
    if target is not None:
        return [task_of(next(field for field in fields if field.name == target), train)]
    tasks = []
    for field in fields:
        if train[field.name].nunique() <= MOST_DEFAULT_CLASSES:
            try:
                task = task_of(field, train)
            except NotComputableError:
                continue
            if task.classes is not None:
                tasks.append(task)
    if not tasks:
        raise NotComputableError(NO_TARGET)
    return sorted(tasks, key=lambda task: -_evenness(task, train))[:MOST_DEFAULT_TARGETS]


def _classification(field: Field, column: pd.Series) -> Task:
    present = set(column.unique())
    if is_numeric(field):
        classes = tuple(sorted(present))
    else:
        values, _ = category_values(field, column, MOST_CLASSES)
        classes = tuple(value for value in values if value in present)
    if len(classes) < 2:
        raise NotComputableError("the target has a single value of its list")
    if len(classes) > 2:
        return Task(field, classes)
    counts = np.bincount(category_codes(list(classes), column) + 2, minlength=4)[2:]
    return Task(field, classes, positive=0 if counts[0] < counts[1] else 1)


def _evenness(task: Task, train: pd.DataFrame) -> float:
    """Entropy of the classes as a share of the most that so many classes can have."""
    answers = task.answers(train)
    counts = np.bincount(answers[~np.isnan(answers)].astype(np.int64))
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum() / np.log(max(len(task.classes or ()), 2)))
