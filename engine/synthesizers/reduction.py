"""How to sum one clique's table down to many smaller ones, step by step, each step dropping one column."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from engine.synthesizers.tables import Columns


@dataclass(frozen=True)
class Node:
    """A table on the way.

    Args:
        columns: its columns, in the clique's order.
        source: position of the node that it is summed from; None for the clique itself.
        split: sizes of the source's axes before, at and after the dropped column.
    """

    columns: Columns
    source: int | None = None
    split: tuple[int, int, int] = (1, 1, 1)


@lru_cache(maxsize=4096)
def reduction_tree(columns: Columns, sizes: tuple[int, ...], targets: frozenset[Columns]) -> tuple[Node, ...]:
    """Nodes from the clique to every target, sources before what is summed from them.

    Intermediate tables serve as many targets as possible, so the clique's own table is read a few times only,
    however many targets there are.

    Args:
        columns: the clique's columns, in the order of its axes.
        sizes: the size of each.
        targets: sets of columns within it, each in that same order.
    """
    nodes = [Node(columns)]
    places = {columns: 0}
    size_of = dict(zip(columns, sizes, strict=True))
    waiting = [(columns, [target for target in sorted(targets) if target != columns])]
    while waiting:
        source, wanted = waiting.pop()
        while wanted:
            dropped = _best_to_drop(source, wanted, size_of)
            table = tuple(column for column in source if column != dropped)
            served = [target for target in wanted if dropped not in target]
            wanted = [target for target in wanted if dropped in target]
            if table not in places:
                places[table] = len(nodes)
                nodes.append(Node(table, places[source], _split(source, dropped, size_of)))
            waiting.append((table, [target for target in served if target != table]))
    return tuple(nodes)


def _best_to_drop(source: Columns, wanted: Sequence[Columns], size_of: dict[int, int]) -> int:
    """The column whose loss serves most targets with the smallest table."""

    def saving(column: int) -> float:
        return sum(column not in target for target in wanted) * (1.0 - 0.5 / size_of[column])

    return max(source, key=saving)


def _split(source: Columns, dropped: int, size_of: dict[int, int]) -> tuple[int, int, int]:
    place = source.index(dropped)
    return _cells(source[:place], size_of), size_of[dropped], _cells(source[place + 1 :], size_of)


def _cells(columns: Iterable[int], size_of: dict[int, int]) -> int:
    return math.prod(size_of[column] for column in columns)
