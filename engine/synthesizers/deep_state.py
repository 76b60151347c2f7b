"""A training as bytes: what was measured, what was charged for it, and the networks as they stand.

The bytes are a safetensors file with a checksum: arrays and JSON, which execute nothing when they are read. They hold
released numbers and what follows from them, and no private row.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save

from engine.data.encode import TableDomain
from engine.errors import EngineError, PlanError
from engine.privacy.plan import SynthesisPlan
from engine.synthesizers.cells import CellGroups
from engine.synthesizers.graphical_model import Measurement
from engine.synthesizers.marginals import OneWay, modelled_fields
from engine.synthesizers.stored_cells import (
    Arrays,
    StoredArrays,
    cells_from_json,
    cells_to_arrays,
    cells_to_json,
    joined,
)

VERSION = 1
REFUSED = "the checkpoint is damaged or belongs to another plan: start a new run"
_NETWORKS = "networks."


@dataclass(frozen=True)
class DeepState:
    """Where a training stands.

    Args:
        plan: the plan as JSON.
        domain: cells of all columns.
        groups: the same cells in groups.
        one_ways: noisy counts of every column.
        estimated_rows: noisy number of private rows.
        measured: noisy counts of pairs and triples of columns, on groups.
        charges: what was charged before the training, as JSON.
        networks: weights and optimizers by name; empty before the training.
    """

    plan: dict[str, Any]
    domain: TableDomain
    groups: tuple[CellGroups, ...]
    one_ways: list[OneWay]
    estimated_rows: float
    measured: Sequence[Measurement]
    charges: list[dict[str, Any]]
    networks: Arrays

    def to_bytes(self) -> bytes:
        """The state as a safetensors file."""
        described = {
            "version": VERSION,
            "plan": self.plan,
            "columns": cells_to_json(self.domain),
            "variances": [one_way.variance for one_way in self.one_ways],
            "estimated_rows": self.estimated_rows,
            "measured": [
                {"columns": list(item.columns), "shape": list(item.counts.shape), "variance": float(item.variance)}
                for item in self.measured
            ],
            "charges": self.charges,
        }
        arrays = {
            **cells_to_arrays(self.domain, self.groups),
            "one_ways": joined(one_way.counts for one_way in self.one_ways),
            "measured": joined(item.counts.ravel() for item in self.measured),
            **{_NETWORKS + name: array for name, array in self.networks.items()},
        }
        return pack(described, arrays)

    @classmethod
    def from_bytes(cls, content: bytes, plan: SynthesisPlan) -> DeepState:
        """Read a state back.

        Raises:
            PlanError: it is damaged, of another version, or of another plan.
        """
        try:
            described, arrays = unpack(content)
            if described["version"] != VERSION or SynthesisPlan.from_json(described["plan"]) != plan:
                raise ValueError("another plan")
            return _state(described, arrays, plan)
        except (EngineError, SafetensorError, ValueError, LookupError, TypeError, AttributeError):
            raise PlanError(REFUSED) from None


def _state(described: dict[str, Any], arrays: Arrays, plan: SynthesisPlan) -> DeepState:
    networks = {name.removeprefix(_NETWORKS): array for name, array in arrays.items() if name.startswith(_NETWORKS)}
    stored = StoredArrays({name: array for name, array in arrays.items() if not name.startswith(_NETWORKS)})
    domain, groups = cells_from_json(modelled_fields(plan), described["columns"], stored)
    one_ways = [
        OneWay(stored.take("one_ways", column.size), float(variance))
        for column, variance in zip(domain.columns, described["variances"], strict=True)
    ]
    measured = [
        Measurement(
            tuple(item["columns"]),
            stored.take("measured", int(np.prod(item["shape"]))).reshape(item["shape"]),
            np.array(float(item["variance"])),
        )
        for item in described["measured"]
    ]
    return DeepState(
        plan=described["plan"],
        domain=domain,
        groups=groups,
        one_ways=one_ways,
        estimated_rows=float(described["estimated_rows"]),
        measured=measured,
        charges=described["charges"],
        networks=networks,
    )


def pack(described: dict[str, Any], arrays: Arrays) -> bytes:
    """Arrays and JSON as a safetensors file, with a checksum of both."""
    contiguous = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    signed = described | {"sha256": _checksum(described, contiguous)}
    content: bytes = save(contiguous, {"text": _text(signed)})
    return content


def _text(described: dict[str, Any]) -> str:
    return json.dumps(described, ensure_ascii=False, allow_nan=False)


def _checksum(described: dict[str, Any], arrays: Arrays) -> str:
    """Of all that a file says: a changed bit would otherwise make another model of it."""
    found = sha256(_text(described).encode())
    for name in sorted(arrays):
        found.update(f"{name}{arrays[name].dtype}{arrays[name].shape}".encode())
        found.update(arrays[name].tobytes())
    return found.hexdigest()


def unpack(content: bytes) -> tuple[dict[str, Any], Arrays]:
    """The JSON and the arrays of a safetensors file.

    Raises:
        SafetensorError: it is none.
        ValueError: it has no JSON, an array of an unknown type, or another checksum.
    """
    arrays = {name: _array(part) for name, part in deserialize(content)}  # type: ignore[no-untyped-call]
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    described: dict[str, Any] = json.loads(header["__metadata__"]["text"])
    if described.pop("sha256") != _checksum(described, arrays):
        raise ValueError("another checksum")
    return described, arrays


_TYPES = {"F64": np.float64, "F32": np.float32, "I64": np.int64, "I32": np.int32}


def _array(part: dict[str, Any]) -> Any:
    if part["dtype"] not in _TYPES:
        raise ValueError("an array of an unknown type")
    return np.frombuffer(part["data"], dtype=_TYPES[part["dtype"]]).reshape(part["shape"]).copy()
