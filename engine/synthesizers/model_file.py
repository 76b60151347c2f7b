"""A fitted model as one file, so that further rows can be drawn from it: arrays and JSON, no code, no private row.

All that it holds is the plan, which is public, and numbers that the run's mechanisms released, or what follows from
them. Reading it executes nothing.
"""

from __future__ import annotations

import json
import math
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.data.encode import ColumnDomain, TableDomain
from engine.data.schema import Field
from engine.errors import InputError, PlanError, SchemaError
from engine.privacy.plan import SynthesisPlan
from engine.synthesizers.base import Synthesizer
from engine.synthesizers.cells import CellGroups
from engine.synthesizers.graphical_model import GraphicalModel
from engine.synthesizers.junction_tree import JunctionTree
from engine.synthesizers.marginal_synthesizer import MarginalSynthesizer
from engine.synthesizers.marginals import modelled_fields
from engine.synthesizers.registry import synthesizer_class
from engine.synthesizers.tables import Table

KIND = "synthetic data studio model"
VERSION = 1

_NOT_A_MODEL = f"this is not a model file of version {VERSION}, or it is damaged"
_DAMAGES = (
    *(
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        RuntimeError,
        NotImplementedError,
        RecursionError,
        MemoryError,
    ),
    *(ValueError, LookupError, TypeError, AttributeError, SyntaxError, TokenError, PlanError, SchemaError),
)
"""What reading a damaged or foreign file can raise, in NumPy, in the libraries below it, and here."""

_SLACK = 1e-6  # of a table's sum; it is one but for rounding

FloatArray = npt.NDArray[np.float64]


def save_model(synthesizer: Synthesizer, path: Path) -> None:
    """Write a fitted synthesizer.

    Args:
        synthesizer: it must be fitted.
        path: the file; what was there is replaced.

    Raises:
        InputError: its method has no model of this kind.
    """
    if not isinstance(synthesizer, MarginalSynthesizer) or not isinstance(synthesizer.model_, GraphicalModel):
        raise InputError("the model of this method cannot be saved")
    model, columns = synthesizer.model_, synthesizer.domain_.columns
    identifiers = list(model.tree.neighbours)
    beliefs = [model.beliefs[identifier] for identifier in identifiers]
    described = {
        "kind": KIND,
        "version": VERSION,
        "plan": synthesizer.plan_.to_json(),
        "estimated_rows": synthesizer.estimated_rows_,
        "total": model.total,
        "columns": [_column_to_json(column) for column in columns],
        "cliques": [
            [identifier, list(belief.columns)] for identifier, belief in zip(identifiers, beliefs, strict=True)
        ],
        "edges": [
            [first, second]
            for first in identifiers
            for second in sorted(model.tree.neighbours[first])
            if first < second
        ],
    }
    arrays: dict[str, npt.NDArray[Any]] = {
        "text": np.frombuffer(json.dumps(described, ensure_ascii=False, allow_nan=False).encode(), dtype=np.uint8),
        "edges": _joined(column.edges for column in columns),
        "atoms": _joined(column.atoms for column in columns),
        "weights": _joined(groups.weights for groups in synthesizer.groups_),
        "group_of": np.concatenate([groups.group_of for groups in synthesizer.groups_]).astype(np.int32),
        "beliefs": _joined(belief.values.ravel() for belief in beliefs),
    }
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def load_model(path: Path) -> MarginalSynthesizer:
    """Read a fitted synthesizer; it draws the rows that the saved one would draw.

    Args:
        path: the file.

    Raises:
        InputError: it is no such file, of another version, or damaged.
        OSError: it cannot be opened.
    """
    with path.open("rb") as file:
        try:
            with np.load(file, allow_pickle=False) as arrays:
                return _restored(json.loads(arrays["text"].tobytes().decode()), _Arrays(dict(arrays)))
        except _DAMAGES:
            raise InputError(f"{path.name}: {_NOT_A_MODEL}") from None


@dataclass
class _Arrays:
    """Long arrays that are taken apart from the front."""

    left: dict[str, npt.NDArray[Any]]

    def take(self, name: str, count: int) -> FloatArray:
        """The next numbers of an array; raises ValueError where they are not all there, or not finite."""
        taken, self.left[name] = self.left[name][:count], self.left[name][count:]
        if taken.shape != (count,) or taken.dtype.kind not in "fi" or not np.isfinite(taken).all():
            raise ValueError(f"the array {name} is damaged")
        return taken.astype(np.float64)


def _restored(described: dict[str, Any], arrays: _Arrays) -> MarginalSynthesizer:
    if described["kind"] != KIND or described["version"] != VERSION:
        raise ValueError("another kind of file")
    plan = SynthesisPlan.from_json(described["plan"])
    method = synthesizer_class(plan.method)
    if not issubclass(method, MarginalSynthesizer):
        raise ValueError("another kind of method")
    fields = modelled_fields(plan)
    domain = TableDomain(
        tuple(
            _column_from_json(field, column, arrays) for field, column in zip(fields, described["columns"], strict=True)
        )
    )
    groups = tuple(_groups(column, arrays) for column in domain.columns)
    sizes = [group.size for group in groups]
    cliques = {int(identifier): tuple(map(int, columns)) for identifier, columns in described["cliques"]}
    edges = [(int(first), int(second)) for first, second in described["edges"]]
    tree = JunctionTree.of(sizes, {key: frozenset(columns) for key, columns in cliques.items()}, edges)
    beliefs = {key: _belief(columns, sizes, arrays) for key, columns in cliques.items()}
    model = GraphicalModel.of_beliefs(sizes, _positive(described["total"]), tree, beliefs)
    return method.restored(plan, domain, groups, model, _positive(described["estimated_rows"]))


def _column_to_json(column: ColumnDomain) -> dict[str, Any]:
    return {
        "edges": len(column.edges),
        "atoms": len(column.atoms),
        "categories": list(column.categories),
        "other_index": column.other_index,
        "nullable": column.nullable,
        "step": column.step,
    }


def _column_from_json(field: Field, value: dict[str, Any], arrays: _Arrays) -> ColumnDomain:
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


def _groups(column: ColumnDomain, arrays: _Arrays) -> CellGroups:
    group_of = arrays.take("group_of", column.size).astype(np.int32)
    weights = arrays.take("weights", column.size)
    if set(group_of.tolist()) != set(range(int(group_of.max()) + 1)) or (weights < 0).any():
        raise ValueError("the groups of a column are damaged")
    return CellGroups(group_of, weights)


def _belief(columns: Sequence[int], sizes: Sequence[int], arrays: _Arrays) -> Table:
    shape = [sizes[column] for column in columns]
    values = arrays.take("beliefs", math.prod(shape)).reshape(shape)
    if (values < 0).any() or abs(float(values.sum()) - 1.0) > _SLACK:
        raise ValueError("a table of the model is damaged")
    return Table(tuple(columns), values)


def _positive(value: Any) -> float:
    number = float(value)
    if not 0.0 < number < math.inf:
        raise ValueError("a number of rows is damaged")
    return number


def _joined(parts: Iterable[Sequence[float] | FloatArray]) -> FloatArray:
    return np.concatenate([np.zeros(0), *(np.asarray(part, dtype=np.float64) for part in parts)])
