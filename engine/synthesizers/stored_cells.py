"""Cells of a fitted model as arrays and JSON: what a model file and a checkpoint have in common."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.data.encode import ColumnDomain, TableDomain
from engine.data.schema import Field
from engine.synthesizers.cells import CellGroups

FloatArray = npt.NDArray[np.float64]
Arrays = dict[str, npt.NDArray[Any]]


@dataclass
class StoredArrays:
    """Long arrays that are taken apart from the front."""

    left: dict[str, npt.NDArray[Any]]

    def take(self, name: str, count: int) -> FloatArray:
        """The next numbers of an array; raises ValueError where they are not all there, or not finite."""
        taken, self.left[name] = self.left[name][:count], self.left[name][count:]
        if taken.shape != (count,) or taken.dtype.kind not in "fi" or not np.isfinite(taken).all():
            raise ValueError(f"the array {name} is damaged")
        return taken.astype(np.float64)


def cells_to_json(domain: TableDomain) -> list[dict[str, Any]]:
    """Each column's cells, but for the numbers that `cells_to_arrays` gives."""
    return [_column_to_json(column) for column in domain.columns]


def cells_to_arrays(domain: TableDomain, groups: Sequence[CellGroups]) -> Arrays:
    """Borders and atoms of all columns, and the groups of their cells."""
    return {
        "edges": joined(column.edges for column in domain.columns),
        "atoms": joined(column.atoms for column in domain.columns),
        "weights": joined(group.weights for group in groups),
        "group_of": np.concatenate([group.group_of for group in groups]).astype(np.int32),
    }


def cells_from_json(
    fields: Sequence[Field], described: Sequence[dict[str, Any]], arrays: StoredArrays
) -> tuple[TableDomain, tuple[CellGroups, ...]]:
    """The cells again; raises ValueError, LookupError or TypeError where they are damaged."""
    columns = (_column_from_json(field, column, arrays) for field, column in zip(fields, described, strict=True))
    domain = TableDomain(tuple(columns))
    return domain, tuple(_groups(column, arrays) for column in domain.columns)


def _column_to_json(column: ColumnDomain) -> dict[str, Any]:
    return {
        "edges": len(column.edges),
        "atoms": len(column.atoms),
        "categories": list(column.categories),
        "other_index": column.other_index,
        "nullable": column.nullable,
        "step": column.step,
    }


def _column_from_json(field: Field, value: dict[str, Any], arrays: StoredArrays) -> ColumnDomain:
    edges, atoms = (tuple(arrays.take(name, value[name]).tolist()) for name in ("edges", "atoms"))
    column = ColumnDomain(
        field=field,
        atoms=atoms,
        edges=edges,
        categories=tuple(value["categories"]),
        other_index=value["other_index"],
        nullable=value["nullable"],
        step=value["step"],
    )
    increasing = bool(np.all(np.diff(edges) > 0)) or len(edges) == 2
    if column.n_values < 1 or not increasing or (column.is_numeric and column.categories):
        raise ValueError("the cells of a column are damaged")
    return column


def _groups(column: ColumnDomain, arrays: StoredArrays) -> CellGroups:
    group_of = arrays.take("group_of", column.size).astype(np.int32)
    weights = arrays.take("weights", column.size)
    if set(group_of.tolist()) != set(range(int(group_of.max()) + 1)) or (weights < 0).any():
        raise ValueError("the groups of a column are damaged")
    return CellGroups(group_of, weights)


def positive(value: Any) -> float:
    """A number of rows; raises ValueError where it is none."""
    number = float(value)
    if not 0.0 < number < math.inf:
        raise ValueError("a number of rows is damaged")
    return number


def joined(parts: Iterable[Sequence[float] | FloatArray]) -> FloatArray:
    """Arrays end to end."""
    return np.concatenate([np.zeros(0), *(np.asarray(part, dtype=np.float64) for part in parts)])
