"""Beliefs of a junction tree's cliques, and the measured marginals, from potentials: one pass up, one pass down.

A clique's table is made by adding small tables (potentials and logarithms of messages) into larger ones along the
clique's reduction tree, and summed down along the same tree. All buffers and views are laid out once per tree.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.synthesizers.arrays import Array, Arrays
from engine.synthesizers.junction_tree import JunctionTree
from engine.synthesizers.reduction import Node, reduction_tree
from engine.synthesizers.tables import Columns, Table, canonical

LARGEST_SPREAD = 60.0
"""Largest difference of the potentials of one set; e to the minus this is below any share that a table can show."""

Sum = tuple[Array, Array]
Addition = tuple[Array, Array | None, Array]


@dataclass
class _Clique:
    """Buffers of one clique and what to do with them, in order."""

    columns: Columns
    nodes: tuple[Node, ...]
    tables: list[Array]
    additions: list[Addition] = field(default_factory=list)
    sums_up: list[Sum] = field(default_factory=list)
    sums: list[Sum] = field(default_factory=list)
    up: Array | None = None
    log_up: Array | None = None
    ratio: Array | None = None
    scaled: tuple[Array, Array] | None = None
    from_parent: Array | None = None
    to_parent: Array | None = None


class Propagation:
    """Sum-product on one junction tree, for potentials on some sets of columns.

    Args:
        tree: covers every measured set; it must not change while this is in use.
        sizes: number of cells per column.
        measured: sets of columns with potentials, each in canonical order.
        supports: per clique, the cells that may have mass; cliques left out may have it everywhere.
        arrays: where to compute.
    """

    def __init__(
        self,
        tree: JunctionTree,
        sizes: Sequence[int],
        measured: Sequence[Columns],
        supports: Mapping[int, Table],
        arrays: Arrays,
    ) -> None:
        self._arrays = arrays
        self._sizes = tuple(sizes)
        self._order = tree.order()
        self.places = _places(measured, sizes)
        n_values = sum(math.prod(sizes[column] for column in columns) for columns in measured)
        self.potentials = arrays.zeros(n_values)
        self.marginals = arrays.zeros(n_values)
        homes: dict[int, list[Columns]] = {identifier: [] for identifier in tree.cliques}
        for columns in measured:
            homes[tree.smallest_holder(columns)].append(columns)
        separators = {
            identifier: canonical(tree.separator(identifier, parent), sizes)
            for identifier, parent in self._order
            if parent is not None
        }
        children: dict[int, list[int]] = {identifier: [] for identifier in tree.cliques}
        for identifier, parent in self._order:
            if parent is not None:
                children[parent].append(identifier)
        self._cliques: dict[int, _Clique] = {}
        for identifier, _ in reversed(self._order):
            mask = supports.get(identifier)
            self._cliques[identifier] = self._lay_out(
                canonical(tree.cliques[identifier], sizes),
                homes[identifier],
                separators.get(identifier),
                [(separators[child], self._cliques[child]) for child in children[identifier]],
                mask,
            )

    def limit(self) -> None:
        """Raise potentials far below the largest of their set: so small a share is none, but products of it vanish."""
        if float(self.potentials.max()) - float(self.potentials.min()) <= LARGEST_SPREAD:
            return
        for place in self.places.values():
            values = self.potentials[place]
            self._arrays.raise_into(values, float(values.max()) - LARGEST_SPREAD)

    def run(self) -> Array:
        """Marginals of the measured sets, flat, as probabilities, of what `potentials` holds; a buffer to copy."""
        for identifier, parent in reversed(self._order):
            self._up(self._cliques[identifier], parent is None)
        for identifier, parent in self._order:
            self._down(self._cliques[identifier], parent is None)
        return self.marginals

    def beliefs(self) -> dict[int, Table]:
        """Each clique's table after the last run, summing to one, copied to NumPy."""
        return {
            identifier: Table(clique.columns, self._arrays.take(clique.tables[0]).reshape(self._shape(clique.columns)))
            for identifier, clique in self._cliques.items()
        }

    def _up(self, clique: _Clique, is_root: bool) -> None:
        arrays = self._arrays
        for first, second, out in clique.additions:
            if second is None:
                arrays.copy_into(first, out)
            else:
                arrays.add_into(first, second, out)
        table = clique.tables[0]
        if clique.additions:
            table -= table.max()
            arrays.exp_into(table, table)
        else:
            table[:] = 1.0
        if is_root:
            return
        for values, out in clique.sums_up:
            arrays.sum_into(values, out)
        arrays.copy_into(clique.to_parent, clique.up)
        arrays.log_into(clique.up, clique.log_up)

    def _down(self, clique: _Clique, is_root: bool) -> None:
        table = clique.tables[0]
        if is_root:
            table /= table.sum()
        else:
            self._arrays.divide_into(clique.from_parent, clique.up, clique.ratio)
            assert clique.scaled is not None
            values, ratio = clique.scaled
            values *= ratio
        for values, out in clique.sums:
            self._arrays.sum_into(values, out)

    def _lay_out(
        self,
        columns: Columns,
        measured: Sequence[Columns],
        separator: Columns | None,
        children: Sequence[tuple[Columns, _Clique]],
        mask: Table | None,
    ) -> _Clique:
        targets = {*measured, *(child for child, _ in children), *([separator] if separator is not None else [])}
        nodes = reduction_tree(columns, self._shape(columns), frozenset(targets))
        place = {node.columns: number for number, node in enumerate(nodes)}
        clique = _Clique(columns, nodes, [self._buffer(node, measured) for node in nodes])
        clique.sums = [
            (clique.tables[node.source].reshape(node.split), clique.tables[number])
            for number, node in enumerate(nodes)
            if node.source is not None
        ]
        contributions: list[list[tuple[Columns, Array]]] = [[] for _ in nodes]
        for each in measured:
            contributions[place[each]].append((each, self.potentials[self.places[each]]))
        for child_separator, child in children:
            contributions[place[child_separator]].append((child_separator, child.log_up))
            child.from_parent = clique.tables[place[child_separator]]
        if mask is not None:
            with np.errstate(divide="ignore"):
                logs = np.log(mask.values.ravel().astype(np.float64))
            contributions[0].append((columns, self._arrays.put(logs)))
        self._plan_additions(clique, contributions)
        if separator is not None:
            self._plan_messages(clique, place[separator])
        return clique

    def _buffer(self, node: Node, measured: Sequence[Columns]) -> Array:
        if node.columns in measured:
            return self.marginals[self.places[node.columns]]
        return self._arrays.zeros(math.prod(self._shape(node.columns)))

    def _plan_additions(self, clique: _Clique, contributions: list[list[tuple[Columns, Array]]]) -> None:
        """Add small tables into larger ones, from the ends of the reduction tree to the clique."""
        for number in range(len(clique.nodes) - 1, -1, -1):
            node, parts = clique.nodes[number], contributions[number]
            is_clique = node.source is None
            if not parts or (len(parts) == 1 and not is_clique):
                if node.source is not None:
                    contributions[node.source].extend(parts)
                continue
            out = clique.tables[number].reshape(self._shape(node.columns))
            views = [self._broadcast(part, values, node.columns) for part, values in parts]
            clique.additions.append((views[0], views[1] if len(views) > 1 else None, out))
            clique.additions.extend((out, view, out) for view in views[2:])
            if node.source is not None:
                contributions[node.source].append((node.columns, clique.tables[number]))

    def _plan_messages(self, clique: _Clique, number: int) -> None:
        clique.to_parent = clique.tables[number]
        size = math.prod(self._shape(clique.nodes[number].columns))
        clique.up, clique.log_up, clique.ratio = (self._arrays.zeros(size) for _ in range(3))
        whole = clique.tables[0].reshape(self._shape(clique.columns))
        clique.scaled = (whole, self._broadcast(clique.nodes[number].columns, clique.ratio, clique.columns))
        step: int | None = number
        while step is not None and (source := clique.nodes[step].source) is not None:
            clique.sums_up.append((clique.tables[source].reshape(clique.nodes[step].split), clique.tables[step]))
            step = source
        clique.sums_up.reverse()

    def _broadcast(self, columns: Columns, values: Array, into: Columns) -> Array:
        return values.reshape([self._sizes[column] if column in columns else 1 for column in into])

    def _shape(self, columns: Columns) -> tuple[int, ...]:
        return tuple(self._sizes[column] for column in columns)


def _places(measured: Sequence[Columns], sizes: Sequence[int]) -> dict[Columns, slice]:
    places: dict[Columns, slice] = {}
    start = 0
    for columns in measured:
        end = start + math.prod(sizes[column] for column in columns)
        places[columns] = slice(start, end)
        start = end
    return places
