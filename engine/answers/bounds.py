"""Bounds on counts of columns that were not measured together, from the subsets of them that were.

Rows that meet conditions on several columns are at most those that meet the conditions on some of them; and at least
those that meet the first ones less those that fail any of the others. Each side uses as many noisy counts as there are
subsets, and each count may miss with an equal part of the side's chance.

Source: Fréchet (1940), for the bounds on a joint distribution from its marginals; Bonferroni for the noise.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from engine.answers.cells import ColumnCells
from engine.answers.intervals import BoolArray, Cells
from engine.answers.joint import Asked, Parts

Ends = tuple[float, float]


def count_ends(asked: Asked, parts: Parts, chance: float) -> Ends:
    """Ends of an interval of a count, measured or not.

    Args:
        asked: the noisy counts.
        parts: what is meant of each column.
        chance: with which the interval may miss.
    """
    if asked.tables.is_measured(tuple(parts)):
        return asked.cells(parts).count_ends(float(-ndtri(chance / 2.0)))
    subsets = asked.tables.measured_within(tuple(sorted(parts)))
    quantile = float(-ndtri(chance / (2.0 * len(subsets))))
    low, high, covered = 0.0, np.inf, set[int]()
    for columns in subsets:
        own = {column: parts[column] for column in columns}
        table = asked.table(own)
        cells = asked.on(table, own)
        high = min(high, cells.count_at_most(cells.possibly, quantile))
        if not covered:
            low = cells.count_at_least(cells.surely, quantile)
        else:
            met = asked.on(table, {at: part if at in covered else _all(part) for at, part in own.items()})
            low -= cells.count_at_most(_failing(met, cells), quantile)
        covered |= set(columns)
    return min(max(low, 0.0), high), high


def share_ends(asked: Asked, parts: Parts, base: Parts, chance: float) -> Ends:
    """Ends of an interval of the share of rows that are meant among those of a base, none of it measured together.

    Args:
        asked: the noisy counts.
        parts: the rows that are meant, all of them in the base.
        base: the rows of which the share is asked.
        chance: with which the interval may miss.
    """
    meant, whole = count_ends(asked, parts, chance / 2.0), count_ends(asked, base, chance / 2.0)
    low = meant[0] / whole[1] if whole[1] > 0.0 else 0.0
    high = meant[1] / whole[0] if whole[0] > 0.0 else 1.0
    return min(low, 1.0), min(high, 1.0)


def _all(part: ColumnCells) -> ColumnCells:
    """The same column without what is asked of it."""
    whole = np.ones(part.surely.shape, dtype=bool)
    one = np.ones(part.surely.shape)
    return ColumnCells(whole, whole, one, one, one, one)


def _failing(met: Cells, cells: Cells) -> BoolArray:
    """Cells whose rows can meet the conditions so far and may fail the further ones."""
    failing: BoolArray = met.possibly & ~cells.surely
    return failing
