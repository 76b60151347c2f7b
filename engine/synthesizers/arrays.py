"""The few array operations that fitting needs, on NumPy or on torch, so that one code path runs on both.

Everything is float64. torch is imported only where it may be used: on a CUDA device. On one CPU thread it is nowhere
faster than NumPy: between cliques of 2¹² and 2²² cells, a pass takes it from 0.8 to 1.2 times as long.
"""

from __future__ import annotations

from functools import lru_cache
from types import ModuleType
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from engine.errors import PlanError

FloatArray = npt.NDArray[np.float64]
Array = Any  # a NumPy array or a torch tensor; both reshape, add, multiply and index alike

SMALLEST = 1e-300
CELLS_FOR_CUDA = 2**20
"""A pass over a tree starts some 25 kernels per clique, 10 µs each, and NumPy takes 3 ns per cell: a tree of ten
cliques has to hold about a million cells before a device can be worth its start-up."""
_SMALL_TAIL = 8


class Arrays(Protocol):
    """Operations on flat or shaped float64 arrays of one kind; those named `..._into` write to `out`."""

    def put(self, values: npt.ArrayLike) -> Array:
        """A copy on the device."""

    def take(self, values: Array) -> FloatArray:
        """A NumPy copy."""

    def copy(self, values: Array) -> Array:
        """A copy where it is."""

    def zeros(self, size: int) -> Array:
        """A flat array of zeros."""

    def copy_into(self, values: Array, out: Array) -> None:
        """Copy, broadcast to the shape of `out`."""

    def add_into(self, first: Array, second: Array, out: Array) -> None:
        """Add, broadcast to the shape of `out`."""

    def raise_into(self, values: Array, least: float) -> None:
        """Raise what lies below `least` to it, in place."""

    def sum_into(self, values: Array, out: Array) -> None:
        """Sum an array of shape (before, summed, after) over its middle axis to a flat `out`."""

    def exp_into(self, values: Array, out: Array) -> None:
        """Exponential."""

    def log_into(self, values: Array, out: Array) -> None:
        """Logarithm, of at least `SMALLEST`."""

    def divide_into(self, first: Array, second: Array, out: Array) -> None:
        """First by second, the second at least `SMALLEST`."""

    def dot(self, first: Array, second: Array) -> float:
        """Sum of products of two flat arrays."""


class NumpyArrays:
    """`Arrays` on NumPy."""

    def put(self, values: npt.ArrayLike) -> Array:
        """A copy."""
        return np.array(values, dtype=np.float64)

    def take(self, values: Array) -> FloatArray:
        """A copy."""
        return np.array(values, dtype=np.float64)

    def copy(self, values: Array) -> Array:
        """A copy where it is."""
        return values.copy()

    def zeros(self, size: int) -> Array:
        """A flat array of zeros."""
        return np.zeros(size)

    def copy_into(self, values: Array, out: Array) -> None:
        """Copy, broadcast to the shape of `out`."""
        np.copyto(out, values)

    def add_into(self, first: Array, second: Array, out: Array) -> None:
        """Add, broadcast to the shape of `out`."""
        np.add(first, second, out=out)

    def raise_into(self, values: Array, least: float) -> None:
        """Raise what lies below `least` to it, in place."""
        np.maximum(values, least, out=values)

    def sum_into(self, values: Array, out: Array) -> None:
        """Sum over the middle axis; matrix products are faster than NumPy's sums where an outer axis is short."""
        before, summed, after = values.shape
        if after == 1:
            np.matmul(values.reshape(before, summed), _selector(summed, 1)[:, 0], out=out)
        elif before == 1:
            np.matmul(_selector(summed, 1)[:, 0], values.reshape(summed, after), out=out)
        elif after <= _SMALL_TAIL:
            np.matmul(values.reshape(before, -1), _selector(summed, after), out=out.reshape(before, after))
        else:
            np.add.reduce(values, axis=1, out=out.reshape(before, after))

    def exp_into(self, values: Array, out: Array) -> None:
        """Exponential."""
        np.exp(values, out=out)

    def log_into(self, values: Array, out: Array) -> None:
        """Logarithm, of at least `SMALLEST`."""
        np.maximum(values, SMALLEST, out=out)
        np.log(out, out=out)

    def divide_into(self, first: Array, second: Array, out: Array) -> None:
        """First by second, the second at least `SMALLEST`."""
        np.divide(first, np.maximum(second, SMALLEST), out=out)

    def dot(self, first: Array, second: Array) -> float:
        """Sum of products of two flat arrays."""
        return float(np.dot(first, second))


class TorchArrays:
    """`Arrays` on torch.

    Args:
        device: `cpu` or `cuda`.
    """

    def __init__(self, device: str) -> None:
        self._torch = _torch()
        self._options = {"dtype": self._torch.float64, "device": device}

    def put(self, values: npt.ArrayLike) -> Array:
        """A copy on the device."""
        return self._torch.tensor(np.asarray(values), **self._options)

    def take(self, values: Array) -> FloatArray:
        """A NumPy copy."""
        return np.array(values.cpu().numpy(), dtype=np.float64)

    def copy(self, values: Array) -> Array:
        """A copy where it is."""
        return values.clone()

    def zeros(self, size: int) -> Array:
        """A flat array of zeros."""
        return self._torch.zeros(size, **self._options)

    def copy_into(self, values: Array, out: Array) -> None:
        """Copy, broadcast to the shape of `out`."""
        out.copy_(values)

    def add_into(self, first: Array, second: Array, out: Array) -> None:
        """Add, broadcast to the shape of `out`."""
        self._torch.add(first, second, out=out)

    def raise_into(self, values: Array, least: float) -> None:
        """Raise what lies below `least` to it, in place."""
        values.clamp_(min=least)

    def sum_into(self, values: Array, out: Array) -> None:
        """Sum over the middle axis."""
        before, _, after = values.shape
        self._torch.sum(values, dim=1, out=out.view(before, after))

    def exp_into(self, values: Array, out: Array) -> None:
        """Exponential."""
        self._torch.exp(values, out=out)

    def log_into(self, values: Array, out: Array) -> None:
        """Logarithm, of at least `SMALLEST`."""
        self._torch.log(self._torch.clamp(values, min=SMALLEST), out=out)

    def divide_into(self, first: Array, second: Array, out: Array) -> None:
        """First by second, the second at least `SMALLEST`."""
        self._torch.divide(first, self._torch.clamp(second, min=SMALLEST), out=out)

    def dot(self, first: Array, second: Array) -> float:
        """Sum of products of two flat arrays."""
        return float(self._torch.dot(first, second))


def check_device(device: str) -> None:
    """Refuse a device that cannot be used.

    Args:
        device: `cpu` for NumPy, `cuda` for torch on the device, `auto` for NumPy unless there is a device and a model
            has more cells than `CELLS_FOR_CUDA`.

    Raises:
        PlanError: `cuda` is asked for and there is none, or the device is unknown.
    """
    if device not in ("cpu", "cuda", "auto"):
        raise PlanError(f"there is no device {device!r}: choose auto, cpu or cuda")
    if device == "cuda" and not _torch().cuda.is_available():
        raise PlanError("this machine has no CUDA device: choose the device auto or cpu")


def arrays_for(device: str, cells: int) -> Arrays:
    """Where a model of so many cells computes.

    Args:
        device: as `check_device` takes it.
        cells: cells of all cliques.

    Raises:
        PlanError: the device cannot be used.
    """
    check_device(device)
    large = device == "auto" and cells > CELLS_FOR_CUDA and _torch().cuda.is_available()
    return TorchArrays("cuda") if large or device == "cuda" else NumpyArrays()


@lru_cache(maxsize=256)
def _selector(summed: int, after: int) -> FloatArray:
    """The matrix that sums (summed, after), flattened, over its first axis."""
    return np.tile(np.eye(after), (summed, 1))


def _torch() -> ModuleType:
    import torch

    return torch
