"""A fitted model as one file, so that further rows can be drawn from it: arrays and JSON, no code, no private row.

All that it holds is the plan, which is public, and numbers that the run's mechanisms released, or what follows from
them. Reading it executes nothing.
"""

from __future__ import annotations

import json
import math
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError

from engine.errors import InputError, PlanError, SchemaError
from engine.privacy.plan import SynthesisPlan
from engine.synthesizers.base import Synthesizer
from engine.synthesizers.deep import DeepSynthesizer
from engine.synthesizers.deep_state import pack, unpack
from engine.synthesizers.graphical_model import Columns, GraphicalModel
from engine.synthesizers.junction_tree import JunctionTree
from engine.synthesizers.marginal_synthesizer import MarginalSynthesizer, RowModel
from engine.synthesizers.marginals import modelled_fields
from engine.synthesizers.mixture_model import MixtureModel
from engine.synthesizers.registry import synthesizer_class
from engine.synthesizers.released import ReleasedCounts
from engine.synthesizers.rule_cells import BoolArray, allowed_cells
from engine.synthesizers.stored_cells import (
    Arrays,
    StoredArrays,
    cells_from_json,
    cells_to_arrays,
    cells_to_json,
    joined,
    positive,
)
from engine.synthesizers.tables import Table

KIND = "synthetic data studio model"
VERSION = 2
READABLE = (1, 2)
"""Versions that can be read; files of version 1 lack the noisy counts, so they give rows and no intervals."""

_ARCHIVE = b"PK"
"""How the archives begin that hold graphical models; mixtures lie in safetensors files."""

_WEIGHTS = ("generator.", "latents")
_NOT_A_MODEL = f"this is not a model file of version {READABLE[0]} to {VERSION}, or it is damaged"
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
    SafetensorError,
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
    model = synthesizer.model_ if isinstance(synthesizer, MarginalSynthesizer) else None
    if isinstance(synthesizer, DeepSynthesizer) and isinstance(model, MixtureModel):
        described, arrays = _mixture_to_json(model)
        path.write_bytes(pack(_head(synthesizer) | described, _cells(synthesizer) | arrays | synthesizer.weights_))
    elif isinstance(synthesizer, MarginalSynthesizer) and isinstance(model, GraphicalModel):
        described, arrays = _graph_to_json(model)
        text = json.dumps(_head(synthesizer) | described, ensure_ascii=False, allow_nan=False).encode()
        arrays |= _cells(synthesizer) | {"text": np.frombuffer(text, dtype=np.uint8)}
        with path.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
    else:
        raise InputError("the model of this method cannot be saved")


def load_model(path: Path) -> MarginalSynthesizer:
    """Read a fitted synthesizer; it draws the rows that the saved one would draw.

    Args:
        path: the file.

    Raises:
        InputError: it is no such file, of another version, or damaged.
        OSError: it cannot be opened.
    """
    with path.open("rb") as file:
        is_archive = file.read(len(_ARCHIVE)) == _ARCHIVE
        file.seek(0)
        try:
            if not is_archive:
                described, arrays = unpack(file.read())
                return _restored(described, StoredArrays(arrays))
            with np.load(file, allow_pickle=False) as stored:
                return _restored(json.loads(stored["text"].tobytes().decode()), StoredArrays(dict(stored)))
        except _DAMAGES:
            raise InputError(f"{path.name}: {_NOT_A_MODEL}") from None


def _head(synthesizer: MarginalSynthesizer) -> dict[str, Any]:
    return {
        "kind": KIND,
        "version": VERSION,
        "plan": synthesizer.plan_.to_json(),
        "estimated_rows": synthesizer.estimated_rows_,
        "total": synthesizer.model_.total,
        "columns": cells_to_json(synthesizer.domain_),
        "released": synthesizer.released_.to_json() if synthesizer.released_ is not None else None,
    }


def _cells(synthesizer: MarginalSynthesizer) -> Arrays:
    released = synthesizer.released_.to_arrays() if synthesizer.released_ is not None else {}
    return cells_to_arrays(synthesizer.domain_, synthesizer.groups_) | released


def _graph_to_json(model: GraphicalModel) -> tuple[dict[str, Any], Arrays]:
    identifiers = list(model.tree.neighbours)
    beliefs = [model.beliefs[identifier] for identifier in identifiers]
    described = {
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
    return described, {"beliefs": joined(belief.values.ravel() for belief in beliefs)}


def _mixture_to_json(model: MixtureModel) -> tuple[dict[str, Any], Arrays]:
    flat = np.concatenate(model.probabilities, axis=1)
    return {"points": len(flat)}, {"probabilities": flat.astype(np.float32).ravel(), "shares": joined(model.shares)}


def _restored(described: dict[str, Any], arrays: StoredArrays) -> MarginalSynthesizer:
    if described["kind"] != KIND or described["version"] not in READABLE:
        raise ValueError("another kind of file")
    plan = SynthesisPlan.from_json(described["plan"])
    method = synthesizer_class(plan.method)
    if not issubclass(method, MarginalSynthesizer):
        raise ValueError("another kind of method")
    domain, groups = cells_from_json(modelled_fields(plan), described["columns"], arrays)
    sizes = [group.size for group in groups]
    total = positive(described["total"])
    if issubclass(method, DeepSynthesizer):
        model: RowModel = _mixture(described["points"], sizes, total, allowed_cells(domain, plan.schema.rules), arrays)
    else:
        model = _graph(described, sizes, total, arrays)
    released = _released(described, domain.sizes, sizes, arrays)
    restored = method.restored(plan, domain, groups, model, positive(described["estimated_rows"]), released)
    if isinstance(restored, DeepSynthesizer):
        restored.weights_ = {name: array for name, array in arrays.left.items() if name.startswith(_WEIGHTS)}
    return restored


def _released(
    described: dict[str, Any], cells: Sequence[int], groups: Sequence[int], arrays: StoredArrays
) -> ReleasedCounts | None:
    """The noisy counts; none where the file is of version 1, or was made from one."""
    if described["version"] == 1 or described["released"] is None:
        return None
    return ReleasedCounts.from_json(described["released"], cells, groups, arrays)


def _graph(described: dict[str, Any], sizes: list[int], total: float, arrays: StoredArrays) -> GraphicalModel:
    cliques = {int(identifier): tuple(map(int, columns)) for identifier, columns in described["cliques"]}
    edges = [(int(first), int(second)) for first, second in described["edges"]]
    tree = JunctionTree.of(sizes, {key: frozenset(columns) for key, columns in cliques.items()}, edges)
    beliefs = {key: _belief(columns, sizes, arrays) for key, columns in cliques.items()}
    return GraphicalModel.of_beliefs(sizes, total, tree, beliefs)


def _mixture(
    points: int, sizes: list[int], total: float, rules: Mapping[Columns, BoolArray], arrays: StoredArrays
) -> MixtureModel:
    shares = [arrays.take("shares", size) for size in sizes]
    if any((share < 0).any() or abs(float(share.sum()) - 1.0) > _SLACK for share in shares):
        raise ValueError("the shares of a column are damaged")
    return MixtureModel(_probabilities(points, sizes, arrays), shares, total, rules)


def _probabilities(points: int, sizes: list[int], arrays: StoredArrays) -> list[FloatArray]:
    flat = arrays.take("probabilities", points * sum(sizes)).reshape(points, sum(sizes))
    parts = np.split(flat, np.cumsum(sizes)[:-1], axis=1)
    if points < 1 or any((part < 0).any() or (abs(part.sum(axis=1) - 1.0) > 1e-3).any() for part in parts):
        raise ValueError("the probabilities of the model are damaged")
    return parts


def _belief(columns: Sequence[int], sizes: Sequence[int], arrays: StoredArrays) -> Table:
    shape = [sizes[column] for column in columns]
    values = arrays.take("beliefs", math.prod(shape)).reshape(shape)
    if (values < 0).any() or abs(float(values.sum()) - 1.0) > _SLACK:
        raise ValueError("a table of the model is damaged")
    return Table(tuple(columns), values)
