"""Paths in a forest: every tree gets a root, and a path climbs from both ends to where they meet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


class RootedForest:
    """Parents and depths of a forest's nodes.

    Args:
        neighbours: neighbours of each node; edges stand under both of their ends.
    """

    def __init__(self, neighbours: Mapping[int, Iterable[int]]) -> None:
        self.order: list[tuple[int, int | None]] = []
        self._parent: dict[int, int | None] = {}
        self._depth: dict[int, int] = {}
        for root in neighbours:
            stack: list[tuple[int, int | None, int]] = [] if root in self._depth else [(root, None, 0)]
            while stack:
                node, parent, depth = stack.pop()
                self._parent[node], self._depth[node] = parent, depth
                self.order.append((node, parent))
                stack.extend((child, node, depth + 1) for child in sorted(neighbours[node]) if child != parent)

    def top(self, nodes: Iterable[int]) -> int:
        """The node nearest to its root."""
        return min(nodes, key=lambda node: self._depth[node])

    def path(self, first: int, second: int) -> tuple[int, ...]:
        """Nodes from one to the other, both included; empty where they are in different trees."""
        near, far = [first], [second]
        while near[-1] != far[-1]:
            climbing = near if self._depth[near[-1]] >= self._depth[far[-1]] else far
            above = self._parent[climbing[-1]]
            if above is None:
                return ()
            climbing.append(above)
        return (*near, *reversed(far[:-1]))
