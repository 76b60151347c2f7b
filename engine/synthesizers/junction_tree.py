"""A junction tree that grows: every measured pair of columns ends up inside one clique.

The tree is never rebuilt. A pair is covered by the cheapest of a few changes along the path between a clique that
holds one column and a clique that holds the other, so the cost of adding it is known before it is measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

Clique = frozenset[int]


@dataclass(frozen=True)
class Growth:
    """A way to cover a pair.

    Args:
        cells: cells of all cliques afterwards.
        path: identifiers of the cliques between the two columns; empty where they are in different trees.
        additions: column to add to each clique of a part of the path, where that is the way.
        chain: thin cliques to insert along the path, where that is the way.
    """

    cells: int
    path: tuple[int, ...] = ()
    additions: tuple[tuple[int, int], ...] = ()
    chain: tuple[Clique, ...] = ()


class JunctionTree:
    """Cliques of columns in a forest with the running intersection property.

    Args:
        sizes: number of cells per column.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        self._sizes = tuple(sizes)
        self.cliques: dict[int, Clique] = {column: frozenset([column]) for column in range(len(sizes))}
        self.neighbours: dict[int, set[int]] = {column: set() for column in range(len(sizes))}
        self._next_id = len(sizes)

    @property
    def cells(self) -> int:
        """Cells of all cliques together."""
        return sum(self.size(clique) for clique in self.cliques.values())

    def size(self, columns: Iterable[int]) -> int:
        """Cells of a set of columns."""
        return math.prod(self._sizes[column] for column in columns)

    def covers(self, columns: Iterable[int]) -> bool:
        """Whether one clique holds all these columns."""
        wanted = frozenset(columns)
        return any(wanted <= clique for clique in self.cliques.values())

    def separator(self, first: int, second: int) -> Clique:
        """Columns that two neighbouring cliques share."""
        return self.cliques[first] & self.cliques[second]

    def plan(self, first: int, second: int) -> Growth:
        """The cheapest known way to cover a pair of columns."""
        if self.covers((first, second)):
            return Growth(self.cells)
        path = self._shortest_path(first, second)
        if not path:
            return Growth(self.cells + self.size((first, second)))
        ways = [
            *(self._widen(column, part, path) for column, part in ((first, path[1:]), (second, path[:-1]))),
            self._thread(first, second, path),
            self._thread(second, first, path[::-1]),
        ]
        return min(ways, key=lambda way: way.cells)

    def cover(self, first: int, second: int) -> None:
        """Change the tree so that one clique holds both columns."""
        if self.covers((first, second)):
            return
        growth = self.plan(first, second)
        if not growth.path:
            self._link(first, second)
        elif growth.additions:
            for identifier, column in growth.additions:
                self.cliques[identifier] |= {column}
        else:
            self._insert(growth)
        self._absorb()

    def order(self) -> list[tuple[int, int | None]]:
        """(clique, parent) with every parent before its children."""
        found: list[tuple[int, int | None]] = []
        seen: set[int] = set()
        for root in self.cliques:
            stack: list[tuple[int, int | None]] = [] if root in seen else [(root, None)]
            while stack:
                identifier, parent = stack.pop()
                seen.add(identifier)
                found.append((identifier, parent))
                stack.extend((child, identifier) for child in sorted(self.neighbours[identifier]) if child != parent)
        return found

    def _shortest_path(self, first: int, second: int) -> tuple[int, ...]:
        """Cliques from one that holds `first` to the nearest that holds `second`; empty if there is no way."""
        came_from: dict[int, int | None] = {
            identifier: None for identifier, clique in self.cliques.items() if first in clique
        }
        queue = list(came_from)
        for identifier in queue:
            if second in self.cliques[identifier]:
                path = [identifier]
                while (previous := came_from[path[-1]]) is not None:
                    path.append(previous)
                return tuple(reversed(path))
            for neighbour in sorted(self.neighbours[identifier]):
                if neighbour not in came_from:
                    came_from[neighbour] = identifier
                    queue.append(neighbour)
        return ()

    def _widen(self, column: int, part: tuple[int, ...], path: tuple[int, ...]) -> Growth:
        """Add one column to each clique on its way to the other."""
        growth = sum(self.size(self.cliques[identifier]) * (self._sizes[column] - 1) for identifier in part)
        return Growth(self.cells + growth, path, tuple((identifier, column) for identifier in part))

    def _thread(self, carried: int, other: int, path: tuple[int, ...]) -> Growth:
        """Carry one column beside the path, through cliques that hold two neighbouring separators only."""
        separators = [self.separator(*pair) for pair in pairwise(path)]
        chain = [near | far | {carried} for near, far in pairwise(separators)]
        chain.append(separators[-1] | {carried, other})
        return Growth(self.cells + sum(self.size(clique) for clique in chain), path, (), tuple(chain))

    def _link(self, first: int, second: int) -> None:
        ends = [self._smallest_holder(column) for column in (first, second)]
        middle = self._add(frozenset((first, second)))
        for end in ends:
            self._join(middle, end)

    def _insert(self, growth: Growth) -> None:
        """Replace the path's edges by the chain; the path's inner cliques hang on it."""
        path = growth.path
        for near, far in pairwise(path):
            self.neighbours[near].discard(far)
            self.neighbours[far].discard(near)
        links = [self._add(clique) for clique in growth.chain]
        self._join(path[0], links[0])
        for near, far in pairwise(links):
            self._join(near, far)
        for position, identifier in enumerate(path[1:-1]):
            self._join(identifier, links[position])
        self._join(path[-1], links[-1])

    def _smallest_holder(self, column: int) -> int:
        holders = [identifier for identifier, clique in self.cliques.items() if column in clique]
        return min(holders, key=lambda identifier: self.size(self.cliques[identifier]))

    def _add(self, clique: Clique) -> int:
        identifier = self._next_id
        self._next_id += 1
        self.cliques[identifier] = clique
        self.neighbours[identifier] = set()
        return identifier

    def _join(self, first: int, second: int) -> None:
        self.neighbours[first].add(second)
        self.neighbours[second].add(first)

    def _absorb(self) -> None:
        """Remove cliques that lie within a neighbour."""
        while (found := self._inside_a_neighbour()) is not None:
            small, large = found
            for other in self.neighbours.pop(small):
                self.neighbours[other].discard(small)
                if other != large:
                    self._join(large, other)
            del self.cliques[small]

    def _inside_a_neighbour(self) -> tuple[int, int] | None:
        for small, around in self.neighbours.items():
            for large in around:
                if self.cliques[small] <= self.cliques[large]:
                    return small, large
        return None
