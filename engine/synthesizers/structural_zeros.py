"""Combinations of cells that are impossible by public rules, carried to every clique they rule out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from engine.errors import PlanError
from engine.synthesizers.junction_tree import LARGEST_SET, JunctionTree
from engine.synthesizers.tables import Columns, Table, canonical

BoolArray = npt.NDArray[np.bool_]


def check_masks(allowed: Mapping[Columns, BoolArray], sizes: Sequence[int]) -> None:
    """Raise ValueError where a mask is not one of increasing, known columns and their sizes."""
    for columns, mask in allowed.items():
        if not 1 <= len(columns) <= LARGEST_SET or list(columns) != sorted(set(columns)):
            raise ValueError(f"a mask needs one to {LARGEST_SET} columns in increasing order, not {columns}")
        if not 0 <= columns[0] <= columns[-1] < len(sizes):
            raise ValueError(f"a mask of the columns {columns} does not fit a model of {len(sizes)} columns")
        shape = tuple(sizes[column] for column in columns)
        if mask.dtype != np.bool_ or mask.shape != shape:
            raise ValueError(f"a mask of the columns {columns} must be boolean of shape {shape}, not {mask.shape}")


def supports(tree: JunctionTree, sizes: Sequence[int], allowed: Mapping[Columns, BoolArray]) -> dict[int, Table]:
    """Per clique, the cells that some allowed row has; cliques that the masks leave whole are left out.

    Args:
        tree: a junction tree that covers every mask's columns.
        sizes: number of cells per column.
        allowed: masks, true where a combination may occur.

    Raises:
        PlanError: the masks leave no row at all.
    """
    found: dict[int, Table] = {}
    for columns, mask in allowed.items():
        _narrow(found, tree, sizes, tree.smallest_holder(columns), Table(columns, mask))
    order = [(child, parent) for child, parent in tree.order() if parent is not None]
    steps = [*reversed(order), *((parent, child) for child, parent in order)]
    for origin, target in steps:
        if origin in found:
            _narrow(found, tree, sizes, target, found[origin].summed_to(tree.separator(origin, target)))
    if not all(table.values.any() for table in found.values()):
        raise PlanError("the rules on combinations of columns contradict one another: no row can satisfy them all")
    return {identifier: table for identifier, table in found.items() if not table.values.all()}


def _narrow(found: dict[int, Table], tree: JunctionTree, sizes: Sequence[int], identifier: int, mask: Table) -> None:
    """Take from a clique the cells that a mask on some of its columns forbids."""
    if mask.values.all():
        return
    columns = canonical(tree.cliques[identifier], sizes)
    shape = tuple(sizes[column] for column in columns)
    before = found[identifier].values if identifier in found else np.ones(shape, dtype=np.bool_)
    found[identifier] = Table(columns, before & mask.matched_to(columns))


def check_evidence(given: Mapping[int, BoolArray], sizes: Sequence[int]) -> None:
    """Raise ValueError where allowed cells are not of a known column and its size."""
    for column, cells in given.items():
        if not 0 <= column < len(sizes):
            raise ValueError(f"there is no column {column} in a model of {len(sizes)} columns")
        if cells.dtype != np.bool_ or cells.shape != (sizes[column],):
            raise ValueError(f"what is given of column {column} must be boolean of shape ({sizes[column]},)")
