"""A junction tree that grows: every measured set of up to three columns ends up inside one clique.

The tree is never rebuilt. A set is covered by the cheapest of a few changes along the path between a clique that
holds one part of it and a clique that holds the other, so the cost of adding it is known before it is measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise

from engine.synthesizers.rooted_forest import RootedForest

Clique = frozenset[int]

LARGEST_SET = 3


@dataclass(frozen=True)
class Step:
    """One change of the tree.

    Args:
        path: identifiers of the cliques between the two parts of a set; where the parts lie in different trees, the
            two cliques to join.
        additions: columns to add to cliques of the path, where that is the way.
        chain: thin cliques to insert along the path, where that is the way.
    """

    path: tuple[int, ...]
    additions: tuple[tuple[int, Clique], ...] = ()
    chain: tuple[Clique, ...] = ()


@dataclass(frozen=True)
class Growth:
    """A way to cover a set of columns.

    Args:
        cells: exact number of cells of all cliques afterwards, redundant cliques removed.
        steps: changes of the tree, in order; none where a clique holds the set already.
    """

    cells: int
    steps: tuple[Step, ...] = field(default=())


class JunctionTree:
    """Cliques of columns in a forest with the running intersection property, none within another.

    Args:
        sizes: number of cells per column.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        self._sizes = tuple(sizes)
        self.cliques: dict[int, Clique] = {}
        self.neighbours: dict[int, set[int]] = {}
        self._holders: list[set[int]] = [set() for _ in sizes]
        self._next_id = 0
        self.cells = 0
        self._changed()
        for column in range(len(sizes)):
            self._add(frozenset([column]))

    @classmethod
    def of(cls, sizes: Sequence[int], cliques: Mapping[int, Clique], edges: Iterable[tuple[int, int]]) -> JunctionTree:
        """A tree that was made before, with the same order.

        Args:
            sizes: number of cells per column.
            cliques: columns of each clique, in the order that they had.
            edges: pairs of neighbouring cliques.

        Raises:
            ValueError: these are not the parts of a junction tree of all columns.
        """
        tree = cls(())
        tree._sizes, tree._holders = tuple(sizes), [set() for _ in sizes]
        for identifier, clique in cliques.items():
            if not clique or not clique <= set(range(len(sizes))):
                raise ValueError(f"clique {identifier} does not fit a tree of {len(sizes)} columns")
            tree.cliques[identifier], tree.neighbours[identifier] = frozenset(), set()
            tree.cells += 1
            tree._add_columns(identifier, clique)
        part_of = {identifier: {identifier} for identifier in cliques}
        links = [0] * len(sizes)
        for first, second in edges:
            if first not in part_of or second not in part_of or second in part_of[first]:
                raise ValueError(f"cliques {first} and {second} cannot be neighbours in a tree")
            tree._join(first, second)
            joined = part_of[first] | part_of[second]
            part_of |= dict.fromkeys(joined, joined)
            for column in tree.separator(first, second):
                links[column] += 1
        if any(len(holders) - links[column] != 1 for column, holders in enumerate(tree._holders)):
            raise ValueError("the cliques that hold a column are not connected")
        tree._next_id = max(cliques, default=-1) + 1
        return tree

    def size(self, columns: Iterable[int]) -> int:
        """Cells of a set of columns."""
        return math.prod([self._sizes[column] for column in columns])

    def holders(self, columns: Iterable[int]) -> set[int]:
        """Identifiers of the cliques that hold all these columns."""
        return set.intersection(*(self._holders[column] for column in columns))

    def smallest_holder(self, columns: Iterable[int]) -> int:
        """The clique of fewest cells that holds all these columns; there must be one."""
        return min(self.holders(columns), key=lambda identifier: (self.size(self.cliques[identifier]), identifier))

    def covers(self, columns: Iterable[int]) -> bool:
        """Whether one clique holds all these columns."""
        return bool(self.holders(columns))

    def separator(self, first: int, second: int) -> Clique:
        """Columns that two neighbouring cliques share."""
        return self.cliques[first] & self.cliques[second]

    def plan(self, columns: Iterable[int]) -> Growth:
        """The cheapest known way to cover a set of one to three columns.

        A triple is extended from a clique that holds one of its pairs; where there is none, its cheapest pair is
        covered first.
        """
        wanted = frozenset(columns)
        found = self._plans.get(wanted)
        if found is None:
            found = self._plans[wanted] = self._plan(wanted)
        return found

    def cover(self, columns: Iterable[int]) -> None:
        """Change the tree so that one clique holds all these columns."""
        for step in self.plan(columns).steps:
            self._apply(step)

    def order(self) -> list[tuple[int, int | None]]:
        """(clique, parent) with every parent before its children."""
        return self._forest().order

    def path(self, first: Clique, second: Clique) -> tuple[int, ...]:
        """Cliques from one that holds `first` to the nearest that holds `second`; empty where there is no way.

        Both sets must be covered.
        """
        forest = self._forest()
        whole = forest.path(*(forest.top(self.holders(part)) for part in (first, second)))
        if not whole:
            return ()
        start = max(place for place, identifier in enumerate(whole) if first <= self.cliques[identifier])
        end = min(place for place, identifier in enumerate(whole) if second <= self.cliques[identifier])
        return whole[start : end + 1]

    def between(self, first: int, second: int) -> tuple[int, ...]:
        """Cliques from one to another, both included; empty where they are in different trees."""
        return self._forest().path(first, second)

    def _plan(self, wanted: Clique) -> Growth:
        if not 1 <= len(wanted) <= LARGEST_SET:
            raise ValueError(f"a set of columns to cover holds one to {LARGEST_SET} columns, not {len(wanted)}")
        if self.covers(wanted):
            return Growth(self.cells)
        pairs = [frozenset(pair) for pair in combinations(sorted(wanted), len(wanted) - 1)]
        held = [part for part in pairs if self.covers(part)]
        if not held:
            return self._plan_in_two(wanted, pairs)
        starts = held if len(wanted) == LARGEST_SET else held[:1]  # a pair's ways are the same from both ends
        ways = [way for part in starts for way in self._ways(part, wanted - part)]
        return min(ways, key=lambda way: way.cells)

    def _plan_in_two(self, wanted: Clique, pairs: list[Clique]) -> Growth:
        first = min((self.plan(pair) for pair in pairs), key=lambda growth: growth.cells)
        changed = self._copy()
        for step in first.steps:
            changed._apply(step)
        rest = changed.plan(wanted)
        return Growth(rest.cells, first.steps + rest.steps)

    def _ways(self, first: Clique, second: Clique) -> list[Growth]:
        """Ways to bring together two sets that are covered each, but not by one clique."""
        path = self.path(first, second)
        if not path:
            return [self._link(first, second)]
        return [
            self._widen(first, path[1:], path),
            self._widen(second, path[:-1], path),
            self._thread(first, second, path),
            self._thread(second, first, path[::-1]),
        ]

    def _link(self, first: Clique, second: Clique) -> Growth:
        ends = (self.smallest_holder(first), self.smallest_holder(second))
        step = Step(ends, (), (first | second,))
        return self._growth(step, [*(self.cliques[end] for end in ends), first | second])

    def _widen(self, carried: Clique, part: tuple[int, ...], path: tuple[int, ...]) -> Growth:
        """Add one part of the set to each clique on its way to the other."""
        cliques = [self.cliques[identifier] | (carried if identifier in part else frozenset()) for identifier in path]
        return self._growth(Step(path, tuple((identifier, carried) for identifier in part)), cliques)

    def _thread(self, carried: Clique, other: Clique, path: tuple[int, ...]) -> Growth:
        """Carry one part beside the path, through cliques that hold two neighbouring separators only."""
        separators = [self.separator(*pair) for pair in pairwise(path)]
        chain = [near | far | carried for near, far in pairwise(separators)]
        chain.append(separators[-1] | carried | other)
        return self._growth(Step(path, (), tuple(chain)), [*(self.cliques[each] for each in path), *chain])

    def _growth(self, step: Step, cliques: list[Clique]) -> Growth:
        """Cells after a step: by running intersection, it makes no clique redundant but those given."""
        distinct = set(cliques)
        kept = [clique for clique in distinct if not any(clique < other for other in distinct)]
        before = sum(self.size(self.cliques[identifier]) for identifier in step.path)
        return Growth(self.cells - before + sum(self.size(clique) for clique in kept), (step,))

    def _apply(self, step: Step) -> None:
        for identifier, columns in step.additions:
            self._add_columns(identifier, columns)
        touched = [*step.path, *(self._add(clique) for clique in step.chain)]
        links = touched[len(step.path) :]
        if links:
            self._hang(step.path, links)
        self._absorb(touched)
        self._changed()

    def _hang(self, path: tuple[int, ...], links: list[int]) -> None:
        """Replace the path's edges by the chain; the path's cliques hang on it."""
        for near, far in pairwise(path):
            self.neighbours[near].discard(far)
            self.neighbours[far].discard(near)
        for near, far in pairwise(links):
            self._join(near, far)
        self._join(path[0], links[0])
        for identifier, link in zip(path[1:], links, strict=True):
            self._join(identifier, link)

    def _absorb(self, touched: list[int]) -> None:
        """Remove cliques that lie within a neighbour; only cliques of a step can."""
        waiting = list(touched)
        while waiting:
            identifier = waiting.pop()
            for other in self.neighbours.get(identifier, ()):
                pair = (identifier, other)
                small, large = pair if self.cliques[identifier] <= self.cliques[other] else pair[::-1]
                if self.cliques[small] <= self.cliques[large]:
                    self._merge(small, large)
                    waiting.append(large)
                    break

    def _merge(self, small: int, large: int) -> None:
        for other in self.neighbours.pop(small):
            self.neighbours[other].discard(small)
            if other != large:
                self._join(large, other)
        clique = self.cliques.pop(small)
        self.cells -= self.size(clique)
        for column in clique:
            self._holders[column].discard(small)

    def _add(self, clique: Clique) -> int:
        identifier = self._next_id
        self._next_id += 1
        self.cliques[identifier] = frozenset()
        self.neighbours[identifier] = set()
        self.cells += 1  # of a clique without columns
        self._add_columns(identifier, clique)
        return identifier

    def _add_columns(self, identifier: int, columns: Clique) -> None:
        before = self.cliques[identifier]
        after = before | columns
        self.cells += self.size(after) - self.size(before)
        self.cliques[identifier] = after
        for column in columns:
            self._holders[column].add(identifier)

    def _join(self, first: int, second: int) -> None:
        self.neighbours[first].add(second)
        self.neighbours[second].add(first)

    def _changed(self) -> None:
        self._plans: dict[Clique, Growth] = {}
        self._rooted: RootedForest | None = None

    def _forest(self) -> RootedForest:
        if self._rooted is None:
            self._rooted = RootedForest(self.neighbours)
        return self._rooted

    def _copy(self) -> JunctionTree:
        copy = JunctionTree(())
        copy._sizes, copy._next_id, copy.cells = self._sizes, self._next_id, self.cells
        copy.cliques = dict(self.cliques)
        copy.neighbours = {identifier: set(around) for identifier, around in self.neighbours.items()}
        copy._holders = [set(holders) for holders in self._holders]
        return copy
