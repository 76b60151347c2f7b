"""A number line in cells: a public grid of a column's values, and how its cells divide.

Values are in numeric units: dates count days, datetimes seconds. Where neighbouring values have a known distance,
as whole numbers, dates and numbers with stated decimals have, cells begin and end between values, so that the
narrowest cell is one exact value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from engine.data.schema import Field, FieldType

NUMERIC_BINS = 40
"""Cells of a numeric column with more values than this; a histogram of 5, 8, 10 or 20 bars meets their borders."""

_NARROWEST = 2.0**-40  # of a cell, relative to its place; narrower ones are not divided
_MOST_STEPS = 2.0**50  # values of a number with decimals, counted from zero, that doubles tell apart safely


@dataclass(frozen=True)
class Grid:
    """Public cells of a number line.

    Args:
        edges: borders in numeric units, increasing; the last value belongs to the last cell.
        atoms: exact numbers with a cell of their own.
        step: distance of neighbouring values, or None where any number can occur.
    """

    edges: tuple[float, ...]
    atoms: tuple[float, ...]
    step: float | None

    @property
    def can_be_refined(self) -> bool:
        """Whether any cell holds more than one value."""
        return any(self.values_between(low, high) > 1 for low, high in pairwise(self.edges))

    def values_between(self, lower: float, upper: float) -> float:
        """How many values a cell holds; infinitely many without a step, unless doubles cannot divide it."""
        if self.step is not None:
            return round((upper - lower) / self.step)
        return math.inf if upper - lower > _NARROWEST * max(abs(lower), abs(upper), 1.0) else 1

    def divide(self, lower: float, upper: float, parts: int) -> tuple[float, ...]:
        """Borders of about equal parts of a cell, between values where they have a step, its own ends included."""
        if self.step is None:
            return tuple(np.linspace(lower, upper, parts + 1).tolist())
        count = self.values_between(lower, upper)
        inner = np.round(np.linspace(0, count, int(min(parts, count)) + 1))[1:-1]
        return (lower, *(lower + inner * self.step).tolist(), upper)

    def without_atoms(self, lower: float, upper: float) -> list[tuple[float, float]]:
        """The parts of a cell that are left when the values with cells of their own are taken out."""
        parts: list[tuple[float, float]] = []
        for atom in sorted(atom for atom in self.atoms if lower <= atom < upper):
            below, above = cell_around(atom, self.step)
            if below > lower:
                parts.append((lower, below))
            lower = above
        if lower < upper:
            parts.append((lower, upper))
        return parts


def cell_around(value: float, step: float | None) -> tuple[float, float]:
    """The narrowest cell of a value, its left end inside."""
    if step is None:
        return value, math.nextafter(value, math.inf)
    return value - step / 2.0, value + step / 2.0


def public_grid(field: Field, low: float, high: float) -> Grid:
    """Equal cells between two public bounds, or one cell per value where there are no more than NUMERIC_BINS.

    Args:
        field: a column of numbers or dates.
        low: smallest value, in numeric units.
        high: largest value.
    """
    step = _step(field, low, high)
    if step is None:
        borders = np.linspace(low, high, NUMERIC_BINS + 1) if high > low else np.array([low, high])
        return Grid(tuple(borders.tolist()), _atoms(field, low, high, math.inf), None)
    first, last = _steps_within(low, high, step)
    whole = _equal_cells(first, last)
    below = 0.5 if field.type is FieldType.NUMBER else 0.0
    edges = tuple((edge - below) * step for edge in whole)
    return Grid(edges, _atoms(field, low, high, last - first + 1), step)


def _equal_cells(first: int, last: int) -> tuple[float, ...]:
    """Borders of at most NUMERIC_BINS cells of whole numbers, equal but for rounding."""
    count = last - first + 1
    edges = first + np.round(np.linspace(0, count, min(count, NUMERIC_BINS) + 1))
    return tuple(map(float, edges))


def _step(field: Field, low: float, high: float) -> float | None:
    """Distance of neighbouring values, where it is known and doubles keep them apart."""
    if field.type is not FieldType.NUMBER:
        return 1.0
    if field.decimals is None:
        return None
    step = 10.0**-field.decimals
    if max(abs(low), abs(high)) / step > _MOST_STEPS:
        return None
    first, last = _steps_within(low, high, step)
    return step if first <= last else None


def _steps_within(low: float, high: float, step: float) -> tuple[int, int]:
    """The first and the last multiple of the step within bounds, forgiving the rounding of a bound."""
    if step == 1.0:
        return math.ceil(low), math.floor(high)
    return math.ceil(low / step - 1e-6), math.floor(high / step + 1e-6)


def _atoms(field: Field, low: float, high: float, n_values: float) -> tuple[float, ...]:
    """Stated exact values, and 0 wherever a wide range holds it: zero-inflated columns are the rule."""
    if field.atoms:
        return tuple(float(atom) for atom in field.atoms)
    if field.type in (FieldType.DATE, FieldType.DATETIME):
        return ()
    return (0.0,) if low <= 0.0 <= high and n_values > NUMERIC_BINS else ()
