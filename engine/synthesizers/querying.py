"""Exact counts of any sets of up to three columns, carried along a calibrated junction tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.synthesizers.junction_tree import LARGEST_SET, JunctionTree
from engine.synthesizers.tables import Columns, FloatArray, Table, conditional, contract

_CELLS_TO_REMEMBER = 2**24


class Joints:
    """Joint distributions in one calibrated tree; what is carried for one set serves the next.

    Args:
        tree: the junction tree.
        beliefs: calibrated table of each clique, summing to one.
    """

    def __init__(self, tree: JunctionTree, beliefs: Mapping[int, Table]) -> None:
        self._tree = tree
        self._beliefs = beliefs
        self._carried: dict[tuple[int, int, int], Table] = {}
        self._steps: dict[tuple[int, int, int], Table] = {}
        self._sums: dict[tuple[int, frozenset[int]], Table] = {}
        self._homes: dict[int, int] = {}
        self._remembered = 0

    def of(self, columns: Columns) -> FloatArray:
        """Probabilities of a set of one to three columns, axes in the order given."""
        if not 1 <= len(set(columns)) == len(columns) <= LARGEST_SET:
            raise ValueError(f"counts are of one to {LARGEST_SET} different columns, not {columns}")
        self._make_room()
        table = self._joint(frozenset(columns))
        values: FloatArray = table.arranged(columns).values
        return values

    def _make_room(self) -> None:
        """Forget what was carried where it takes more memory than it is worth."""
        if self._remembered > _CELLS_TO_REMEMBER:
            for memory in (self._carried, self._steps, self._sums):
                memory.clear()
            self._remembered = 0

    def _remember(self, table: Table) -> Table:
        self._remembered += table.values.size
        return table

    def _joint(self, columns: frozenset[int]) -> Table:
        """P(columns): read from one clique, or gathered where the ways to the columns meet."""
        holders = self._tree.holders(columns)
        if holders:
            return self._read(self._tree.smallest_holder(columns), columns)
        column, *others = sorted(columns)
        home = self._home(column)
        connected = [other for other in others if self._tree.between(home, self._home(other))]
        apart = [other for other in others if other not in connected]
        if apart:
            return contract(self._joint(frozenset((column, *connected))), self._joint(frozenset(apart)), columns)
        return self._gather(self._meeting(column, others), columns)

    def _meeting(self, column: int, others: Sequence[int]) -> int:
        """A clique from which the columns that it lacks lie in different directions."""
        ways = [self._tree.between(self._home(column), self._home(other)) for other in others]
        if len(ways) == 1:
            holding = [identifier for identifier in ways[0] if column in self._tree.cliques[identifier]]
            return holding[-1]
        shared = [first for first, second in zip(ways[0], ways[1], strict=False) if first == second]
        return shared[-1]

    def _gather(self, meeting: int, columns: frozenset[int]) -> Table:
        """Multiply what is carried to a clique into its own table."""
        own = self._tree.cliques[meeting]
        ways = {
            column: self._tree.between(meeting, self._home(column)) for column in sorted(columns) if column not in own
        }
        separators = {column: self._tree.separator(meeting, way[1]) for column, way in ways.items()}
        table = self._read(meeting, columns.union(*separators.values()) & own)
        for column, way in ways.items():
            del separators[column]
            table = contract(table, self._carry(column, way), columns.union(*separators.values()))
        return table

    def _carry(self, column: int, way: Sequence[int]) -> Table:
        """P(column | separator of the first two cliques of a way that leads to the column)."""
        end = next(place for place, identifier in enumerate(way) if column in self._tree.cliques[identifier])
        for place in range(end, 0, -1):
            key = (way[place], way[place - 1], column)
            if key not in self._carried:
                separator = self._tree.separator(way[place], way[place - 1])
                if place == end:
                    joint = self._read(way[place], separator | {column})
                    self._carried[key] = self._remember(conditional(joint, separator))
                else:
                    further = self._carried[(way[place + 1], way[place], column)]
                    step = self._step(way[place - 1], way[place], way[place + 1])
                    self._carried[key] = self._remember(contract(step, further, separator | {column}))
        return self._carried[(way[1], way[0], column)]

    def _step(self, near: int, middle: int, far: int) -> Table:
        """P(far separator | near separator) of a clique between two others."""
        key = (near, middle, far)
        if key not in self._steps:
            given = self._tree.separator(near, middle)
            joint = self._read(middle, given | self._tree.separator(middle, far))
            self._steps[key] = self._remember(conditional(joint, given))
        return self._steps[key]

    def _read(self, identifier: int, columns: frozenset[int]) -> Table:
        key = (identifier, columns)
        if key not in self._sums:
            self._sums[key] = self._remember(self._beliefs[identifier].summed_to(columns))
        return self._sums[key]

    def _home(self, column: int) -> int:
        if column not in self._homes:
            self._homes[column] = self._tree.smallest_holder((column,))
        return self._homes[column]
