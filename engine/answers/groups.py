"""The groups of a question, each with the part that every column has in it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from engine.answers.cells import ColumnCells, cells_where, indicator, numbers_of, one_cell
from engine.answers.joint import Parts
from engine.answers.query import Condition, Measure, Query
from engine.answers.wording import group_values
from engine.data.encode import ColumnDomain, TableDomain
from engine.errors import InputError

MOST_GROUPS = 1000

Choice = tuple[dict[str, Any], dict[int, ColumnCells]]


@dataclass(frozen=True)
class Group:
    """One group.

    Args:
        values: the values that make it, as JSON.
        parts: what is meant of each column.
        carrier: for a share, the column whose values it is of, by position.
    """

    values: dict[str, Any]
    parts: Parts
    carrier: int | None = None

    def meant(self) -> Parts:
        """For a share, the rows that it counts, without the others of the group."""
        if self.carrier is None:
            raise ValueError("only a share has a part of its rows that counts")
        own = self.parts[self.carrier]
        chosen = replace(
            own,
            surely=own.surely & (own.low > 0.0),
            possibly=own.possibly & (own.high > 0.0),
            share=own.share * own.middle,
        )
        return {**self.parts, self.carrier: chosen}

    def base(self) -> Parts:
        """The columns and conditions of all rows of the group."""
        return {at: part for at, part in self.parts.items() if at != self.carrier or not part.surely.all()}


def groups_of(domain: TableDomain, query: Query) -> list[Group]:
    """All groups of a question.

    Args:
        domain: the modelled columns.
        query: the question.

    Raises:
        InputError: a value has no cell, no group is left, or there are too many.
    """
    places = {name: domain.names.index(name) for name in query.columns}
    conditions = {condition.field.name: condition for condition in query.where}
    split = [field.name for field in query.by]
    base = {
        at: _part(domain.columns[at], query, conditions.get(name)) for name, at in places.items() if name not in split
    }
    choices = [list(_by(domain.columns[places[name]], places[name], conditions.get(name))) for name in split]
    carrier = places[query.field.name] if query.measure is Measure.SHARE and query.field is not None else None
    if carrier is not None:
        choices.append(list(_shares(domain.columns[carrier], carrier, base[carrier], query)))
    n_groups = math.prod(len(each) for each in choices)
    if n_groups > MOST_GROUPS:
        raise InputError(f"the question has more than {MOST_GROUPS:,} groups: put conditions on their columns")
    if not n_groups:
        raise InputError("the conditions leave no value to group by")
    return [_group(chosen, base, carrier) for chosen in product(*choices)]


def _group(chosen: Sequence[Choice], base: Parts, carrier: int | None) -> Group:
    values: dict[str, Any] = {}
    parts = dict(base)
    for own_values, own_parts in chosen:
        values |= own_values
        parts |= own_parts
    return Group(values, parts, carrier)


def _part(column: ColumnDomain, query: Query, condition: Condition | None) -> ColumnCells:
    if query.measure is Measure.MEAN and query.field == column.field:
        return numbers_of(column, condition)
    return ColumnCells.every(column) if condition is None else cells_where(column, condition)


def _by(column: ColumnDomain, at: int, condition: Condition | None) -> Iterator[Choice]:
    """Each cell of a grouping column that a condition lets in."""
    allowed = ColumnCells.every(column) if condition is None else cells_where(column, condition)
    values = group_values(column)
    for cell in np.flatnonzero(allowed.possibly).tolist():
        yield {column.name: values[cell]}, {at: one_cell(column, cell).within(allowed)}


def _shares(column: ColumnDomain, at: int, base: ColumnCells, query: Query) -> Iterator[Choice]:
    """The values whose share is asked for: stated ones together, or else each on its own."""
    if query.of is not None:
        yield {}, {at: indicator(column, cells_where(column, query.of)).within(base)}
        return
    if column.is_numeric:
        raise InputError(f"say which values or which range of column {column.name!r} the share is of")
    values = group_values(column)
    for cell in np.flatnonzero(base.possibly).tolist():
        yield {column.name: values[cell]}, {at: indicator(column, one_cell(column, cell)).within(base)}
