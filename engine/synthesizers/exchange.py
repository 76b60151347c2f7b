"""Rows of one group trade their new cells, so that pairs of columns that no clique holds follow the model closer.

The columns of a clique are independent of all others given its separator. Independent draws leave that true on
average only; whole rows can do better. Trading cells within a separator's group changes no count of any clique.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.synthesizers.rounding import Codes, random_order
from engine.synthesizers.tables import Columns, FloatArray, Table

MOST_WORK = 2**26
"""Rows times squared columns up to which trades take seconds. Many rows need them least: what sampling adds falls with
the root of their number."""
_PASSES = 20
_FIRST_SHARE, _SHRINK = 0.1, 0.5


@dataclass
class Deviations:
    """How far pairs of a new and an earlier column are from what the groups of rows lead to expect.

    Args:
        codes: cells of each column, shape (n_rows,); trades change those of the new columns.
        sizes: number of cells per column.
        fresh: the new columns.
        others: the earlier columns.
        tables: per (other, new) column: count less expectation, flat over (other, new).
    """

    codes: list[Codes]
    sizes: Sequence[int]
    fresh: Columns
    others: Columns
    tables: dict[tuple[int, int], FloatArray]

    @classmethod
    def measure(
        cls, codes: list[Codes], sizes: Sequence[int], groups: Codes, weights: Table, known: Columns, others: Columns
    ) -> Deviations:
        """Compare what was drawn with P(new | group) in each row's group."""
        fresh = tuple(column for column in weights.columns if column not in known)
        n_groups = math.prod(sizes[column] for column in known)
        used, places = np.unique(groups, return_inverse=True)
        tables = {}
        for new in fresh:
            shares = weights.summed_to((*known, new)).arranged((*known, new)).values.reshape(n_groups, -1)[used]
            shares = shares / shares.sum(axis=1, keepdims=True)
            for other in others:
                rows = np.bincount(codes[other] * len(used) + places, minlength=sizes[other] * len(used))
                expected = rows.reshape(sizes[other], -1) @ shares
                pairs = codes[other] * sizes[new] + codes[new]
                tables[other, new] = np.bincount(pairs, minlength=expected.size) - expected.ravel()
        return cls(codes, sizes, fresh, others, tables)

    def squares(self) -> float:
        """Sum of squared deviations."""
        return float(sum(np.dot(table, table) for table in self.tables.values()))

    def that_differ(self, first: Codes, second: Codes) -> tuple[Codes, Codes]:
        """Pairs of rows whose new cells are not the same."""
        differ = np.zeros(len(first), dtype=np.bool_)
        for new in self.fresh:
            differ |= self.codes[new][first] != self.codes[new][second]
        return first[differ], second[differ]

    def change(self, first: Codes, second: Codes) -> FloatArray:
        """Half of how much each trade between two rows, alone, would change the sum of squared deviations."""
        change = np.zeros(len(first))
        for new in self.fresh:
            one, two = self.codes[new][first], self.codes[new][second]
            differ = one != two
            for other in self.others:
                table = self.tables[other, new]
                near, far = self.codes[other][first] * self.sizes[new], self.codes[other][second] * self.sizes[new]
                gain = table[near + two] - table[near + one] + table[far + one] - table[far + two] + 2.0
                change += gain * (differ & (near != far))
        return change

    def trade(self, first: Codes, second: Codes) -> None:
        """Let pairs of rows trade their new cells."""
        for new in self.fresh:
            one, two = self.codes[new][first], self.codes[new][second]
            for other in self.others:
                table = self.tables[other, new]
                near, far = self.codes[other][first] * self.sizes[new], self.codes[other][second] * self.sizes[new]
                for cells, sign in ((near + two, 1), (far + one, 1), (near + one, -1), (far + two, -1)):
                    table += sign * np.bincount(cells, minlength=len(table))
            self.codes[new][first], self.codes[new][second] = two, one


def is_worthwhile(n_rows: int, n_columns: int) -> bool:
    """Whether trades are worth their time in a draw of so many rows and columns."""
    return n_rows * n_columns**2 <= MOST_WORK


def exchange(deviations: Deviations, groups: Codes, rng: np.random.Generator) -> None:
    """Trade new cells between random rows of the same group where that lowers the deviations.

    Trades of one pass do not see each other, so only a share of the good ones is made; where even these do harm
    together, they are undone, and the share falls.

    Args:
        deviations: of what was drawn; its codes change.
        groups: group of each row, shape (n_rows,).
        rng: generator; the result reads released numbers only.
    """
    small = groups.max(initial=0) < 2**16
    keys: npt.NDArray[np.integer[Any]] = groups.astype(
        np.uint16 if small else np.int32
    )  # NumPy sorts numbers of 16 bits in linear time
    share = _FIRST_SHARE
    left = deviations.squares()
    for _ in range(_PASSES):
        order = random_order(len(groups), rng)
        order = order[np.argsort(keys[order], kind="stable")]
        first, second = deviations.that_differ(*_pairs(order, keys, rng))
        good = np.flatnonzero(deviations.change(first, second) < 0.0)
        if not len(good):
            break
        good = good[rng.random(len(good)) < max(share, 1.0 / len(good))]
        deviations.trade(first[good], second[good])
        squares = deviations.squares()
        if squares > left:
            deviations.trade(first[good], second[good])
            share *= _SHRINK
        else:
            left = squares


def _pairs(order: Codes, groups: npt.NDArray[np.integer[Any]], rng: np.random.Generator) -> tuple[Codes, Codes]:
    """Neighbours in the order that share a group, each row in one pair at most."""
    start = int(rng.integers(2))
    last = len(order) - (len(order) - start) % 2
    first, second = order[start:last:2], order[start + 1 : last : 2]
    same = groups[first] == groups[second]
    return first[same], second[same]
