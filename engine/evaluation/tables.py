"""The tables of an evaluation: the columns they share, in an order that the rows alone decide."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from engine.data.encode import pandas_dtype
from engine.data.schema import Field, TableSchema, Treatment
from engine.errors import InputError
from engine.evaluation.binning import ColumnCells, cut_columns

MAXIMUM_ROWS = 500_000
"""Rows of a table that are compared; a share estimated from as many is off by at most 0.002."""


@dataclass(frozen=True)
class EvaluationTables:
    """What is compared.

    Args:
        fields: synthesized columns that the synthetic table has, in schema order.
        train: real rows that the synthesizer was fitted to.
        holdout: real rows that it never saw, or None.
        synthetic: synthetic rows.
    """

    fields: tuple[Field, ...]
    train: pd.DataFrame
    holdout: pd.DataFrame | None
    synthetic: pd.DataFrame

    @cached_property
    def cells(self) -> tuple[ColumnCells, ...]:
        """All columns cut into cells that the tables share; cut once for all metrics."""
        return cut_columns(self.fields, self.by_name())

    def by_name(self) -> dict[str, pd.DataFrame]:
        """The tables there are, under the names `train`, `holdout` and `synthetic`."""
        tables = {"train": self.train, "synthetic": self.synthetic}
        return tables if self.holdout is None else tables | {"holdout": self.holdout}


def prepare_tables(
    train: pd.DataFrame,
    holdout: pd.DataFrame | None,
    synthetic: pd.DataFrame,
    schema: TableSchema,
    rng: np.random.Generator,
) -> EvaluationTables:
    """Take the columns to compare, and at most MAXIMUM_ROWS random rows of each table.

    Args:
        train: typed real rows of the training.
        holdout: typed real rows set aside; None or empty where there are none.
        synthetic: typed synthetic rows; a column that it lacks, such as a person's id, is not compared.
        schema: columns and treatments; dropped and faked columns are not compared.
        rng: decides the rows that are drawn.

    Raises:
        InputError: a table is empty or lacks a column, or none is left to compare.
    """
    fields = tuple(
        field for field in schema.fields if field.treatment is Treatment.SYNTHESIZE and field.name in synthetic.columns
    )
    if not fields:
        raise InputError("the synthetic table has none of the schema's synthesized columns")
    for title, table in (("training", train), ("synthetic", synthetic)):
        if table.empty:
            raise InputError(f"the {title} table has no rows to compare")
    has_holdout = holdout is not None and len(holdout) > 0
    return EvaluationTables(
        fields,
        _prepare(train, fields, "training", rng),
        _prepare(holdout, fields, "holdout", rng) if holdout is not None and has_holdout else None,
        _prepare(synthetic, fields, "synthetic", rng),
    )


def draw_rows(table: pd.DataFrame, n_rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """Random rows without replacement, in their order; the table itself where it has no more."""
    if len(table) <= n_rows:
        return table
    return table.iloc[np.sort(rng.choice(len(table), n_rows, replace=False))]


def row_hashes(table: pd.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """A 64-bit hash per row, equal for equal rows of one schema, shape (n_rows,)."""
    return np.asarray(pd.util.hash_pandas_object(table, index=False), dtype=np.uint64)


def _typed(table: pd.DataFrame, dtypes: dict[str, str], title: str) -> pd.DataFrame:
    columns = {}
    for name, dtype in dtypes.items():
        try:
            columns[name] = table[[name]].astype({name: dtype})[name]
        except (TypeError, ValueError):
            # The cause quotes a value.
            raise InputError(
                f"the {title} table's column {name!r} has values of another type than the schema"
            ) from None
    return pd.DataFrame(columns)


def _prepare(table: pd.DataFrame, fields: tuple[Field, ...], title: str, rng: np.random.Generator) -> pd.DataFrame:
    missing = [field.name for field in fields if field.name not in table.columns]
    if missing:
        raise InputError(f"the {title} table lacks the column {missing[0]!r} of the schema")
    dtypes = {field.name: pandas_dtype(field.type) for field in fields}
    typed = _typed(table, dtypes, title)
    # Sorted by content, so that a draw and a model do not depend on the order in which rows came.
    ordered = typed.iloc[np.argsort(row_hashes(typed), kind="stable")]
    return draw_rows(ordered, MAXIMUM_ROWS, rng).reset_index(drop=True)
