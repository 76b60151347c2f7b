"""Public rules as cells that hold nothing: which combinations of cells may occur, and values that keep to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.data.encode import ColumnDomain, TableDomain, from_numbers, pandas_dtype, to_number, to_numbers
from engine.data.rules import Combinations, Rule, ordered
from engine.data.schema import FieldType
from engine.errors import PlanError

Columns = tuple[int, ...]
BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]


def allowed_cells(domain: TableDomain, rules: Sequence[Rule]) -> dict[Columns, BoolArray]:
    """For each set of columns under a rule, which of its cells may hold rows.

    Args:
        domain: the cells of all modelled columns.
        rules: public rules; one about a column that is not modelled is passed over.

    Returns:
        Masks of the shape of each set's marginal, keyed by increasing positions. A missing cell is always allowed.

    Raises:
        PlanError: a rule needs finer cells than a column has, or leaves nothing.
    """
    positions = {name: position for position, name in enumerate(domain.names)}
    masks: dict[Columns, BoolArray] = {}
    for rule in rules:
        if isinstance(rule, Combinations) and all(name in positions for name in rule.columns):
            _narrow(masks, [positions[name] for name in rule.columns], _combinations(domain, rule, positions))
    for low, high in ordered(rules):
        if low in positions and high in positions:
            pair = [positions[low], positions[high]]
            _narrow(masks, pair, _at_most(*(domain.columns[position] for position in pair)))
    for columns, mask in masks.items():
        if not mask[tuple(slice(domain.columns[column].n_values) for column in columns)].any():
            names = ", ".join(domain.names[column] for column in columns)
            raise PlanError(f"the rules about {names} leave no combination of values: correct them")
    return masks


@dataclass(frozen=True)
class Condition:
    """What a fixed value of some columns says about cells.

    Args:
        fixed: cell of each column that has a fixed value, by position.
        cells: allowed cells of those columns and of columns that a rule compares with them, shape (size,) each.
    """

    fixed: dict[int, int]
    cells: dict[int, BoolArray]


def condition_of(given: Mapping[str, Any], domain: TableDomain, rules: Sequence[Rule]) -> Condition:
    """The cells in which rows have given values.

    Args:
        given: value of some columns, None for missing.
        domain: the cells of all modelled columns.
        rules: public rules.

    Raises:
        PlanError: a column is not modelled or lacks the value.
    """
    positions = {name: position for position, name in enumerate(domain.names)}
    fixed: dict[int, int] = {}
    cells: dict[int, BoolArray] = {}
    for name, value in given.items():
        if name not in positions:
            raise PlanError(f"there is no synthesized column {name!r} to fix")
        column = domain.columns[positions[name]]
        fixed[positions[name]] = _cell_of(column, value)
        cells[positions[name]] = np.arange(column.size) == fixed[positions[name]]
    for low, high in ordered(rules):
        for name, other, side in ((low, high, 1), (high, low, 0)):
            if given.get(name) is not None and other in positions:
                value = _number(domain.columns[positions[name]], given[name])
                fitting = _on_one_side(domain.columns[positions[other]], side, value)
                cells[positions[other]] = cells.get(positions[other], fitting) & fitting
    return Condition(fixed, cells)


def _number(column: ColumnDomain, value: Any) -> float:
    return float(to_numbers(_typed(column, value), column.field.type)[0])


def _typed(column: ColumnDomain, value: Any) -> pd.Series:
    """One value as a typed column; raises PlanError where it is of another type."""
    try:
        return pd.Series([value], dtype=pandas_dtype(column.field.type))
    except (TypeError, ValueError):
        raise PlanError(f"the value given for column {column.name!r} is not a {column.field.type.value}") from None


def _cell_of(column: ColumnDomain, value: Any) -> int:
    """The cell of a fixed value; raises PlanError where the column has no such value."""
    if value is None and column.nullable:
        return column.n_values
    typed = _typed(column, value)
    known = value in column.categories
    if column.is_numeric and value is not None:
        smallest, largest = _ends(column)
        known = bool(smallest.min() <= to_numbers(typed, column.field.type)[0] <= largest.max())
    if not known:
        raise PlanError(f"column {column.name!r} has no such value: give one that its schema lists or bounds")
    return int(column.encode(typed)[0])


def _on_one_side(column: ColumnDomain, side: int, limit: float) -> BoolArray:
    """Cells with a value at least the limit (side 1) or at most it (side 0), and the missing cell."""
    ends = _ends(column)[side]
    fitting = np.ones(column.size, dtype=bool)
    fitting[: column.n_values] = ends >= limit if side else ends <= limit
    return fitting


def keep_order(
    table: pd.DataFrame,
    codes: Sequence[Codes],
    domain: TableDomain,
    rules: Sequence[Rule],
    rng: np.random.Generator,
    fixed: frozenset[str] = frozenset(),
) -> pd.DataFrame:
    """Draw values again, inside their cells, in rows where one column is above another that it must not exceed.

    Args:
        table: decoded rows, changed in place.
        codes: their cells, which keep to `allowed_cells`.
        domain: the cells of all columns.
        rules: public rules.
        rng: generator; it reads nothing private.
        fixed: columns whose values must stay as they are.

    Returns:
        The same table. A column is drawn after all that must not exceed it, between the largest of those and the
        smallest end of a cell above it; the masks of every implied pair make sure that this range is not empty.
    """
    pairs = [pair for pair in ordered(rules) if set(pair) <= set(domain.names)]
    names = sorted({name for pair in pairs for name in pair}, key=lambda name: sum(high == name for _, high in pairs))
    columns = {name: domain.columns[domain.names.index(name)] for name in names}
    values = {name: to_numbers(table[name], columns[name].field.type) for name in names}
    wrong = np.zeros(len(table), dtype=bool)
    for low, high in pairs:
        wrong |= values[low] > values[high]
    rows = np.flatnonzero(wrong)
    if not len(rows):
        return table
    ends = {
        name: (values[name][rows],) * 2
        if name in fixed
        else _ends_of_rows(columns[name], codes[domain.names.index(name)][rows])
        for name in names
    }
    drawn: dict[str, FloatArray] = {}
    for name in names:
        lowest = np.fmax.reduce([ends[name][0], *(drawn[low] for low, high in pairs if high == name)])
        highest = np.fmin.reduce([ends[name][1], *(ends[high][1] for low, high in pairs if low == name)])
        drawn[name] = np.where(np.isnan(ends[name][0]), np.nan, _draw(columns[name], lowest, highest, rng))
        values[name][rows] = drawn[name]
        table[name] = from_numbers(values[name], columns[name].field.type)
    return table


def _narrow(masks: dict[Columns, BoolArray], positions: list[int], mask: BoolArray) -> None:
    """Add a mask whose axes are in the order of `positions`."""
    order = np.argsort(positions)
    columns = tuple(positions[axis] for axis in order)
    turned = np.transpose(mask, order)
    masks[columns] = masks[columns] & turned if columns in masks else turned


def _combinations(domain: TableDomain, rule: Combinations, positions: dict[str, int]) -> BoolArray:
    columns = [domain.columns[positions[name]] for name in rule.columns]
    mask = np.ones([column.size for column in columns], dtype=bool)
    mask[tuple(slice(column.n_values) for column in columns)] = False
    cells = []
    for axis, column in enumerate(columns):
        if column.is_numeric and not _has_unit_cells(column):
            raise PlanError(
                f"column {column.name!r} has too many values for a list of combinations: state them as a list (enum)"
            )
        values = pd.Series([row[axis] for row in rule.rows], dtype=pandas_dtype(column.field.type))
        cells.append(column.encode(values))
    mask[tuple(cells)] = True
    return mask


def _has_unit_cells(column: ColumnDomain) -> bool:
    return column.field.type is FieldType.INTEGER and bool(np.all(np.diff(column.edges) <= 1.0))


def _at_most(low: ColumnDomain, high: ColumnDomain) -> BoolArray:
    mask = np.ones((low.size, high.size), dtype=bool)
    smallest, largest = _ends(low)[0], _ends(high)[1]
    mask[: low.n_values, : high.n_values] = smallest[:, None] <= largest[None, :]
    return mask


def _ends(column: ColumnDomain) -> tuple[FloatArray, FloatArray]:
    """Smallest and largest value of each cell that holds values, both of shape (n_values,)."""
    if not column.is_numeric:
        numbers = [to_number(value, column.field.type) for value in column.categories]
        exact = np.array(numbers, dtype=np.float64)
        return exact, exact
    atoms, edges = np.array(column.atoms, dtype=np.float64), np.array(column.edges)
    if column.field.type is not FieldType.NUMBER:
        first, last = edges[:-1], edges[1:] - 1.0
    elif column.step is not None:
        first, last = (np.round(borders, column.field.decimals or 0) for borders in _inside(edges, column.step))
    else:
        first, last = edges[:-1], edges[1:]
    return np.concatenate([atoms, first]), np.concatenate([atoms, last])


def _inside(edges: FloatArray, step: float) -> tuple[FloatArray, FloatArray]:
    """First and last value of bins that begin and end half a step beside their values."""
    return edges[:-1] + step / 2.0, edges[1:] - step / 2.0


def _ends_of_rows(column: ColumnDomain, cells: Codes) -> tuple[FloatArray, FloatArray]:
    """Smallest and largest value of each row's cell; not a number where it is missing."""
    smallest, largest = (np.append(ends, np.nan) for ends in _ends(column))
    index = np.minimum(cells, column.n_values)
    return smallest[index], largest[index]


def _draw(column: ColumnDomain, lowest: FloatArray, highest: FloatArray, rng: np.random.Generator) -> FloatArray:
    """A value between two others for each row, in the column's own steps where one lies between them."""
    decimals = column.field.decimals if column.field.type is FieldType.NUMBER else 0
    if decimals is None:
        return np.asarray(lowest + rng.random(len(lowest)) * (highest - lowest), dtype=np.float64)
    steps = 10.0**decimals
    first, last = np.ceil(np.round(lowest * steps, 6)), np.floor(np.round(highest * steps, 6))
    drawn = (first + np.floor(rng.random(len(lowest)) * (last - first + 1.0))) / steps
    return np.where(first <= last, np.clip(np.round(drawn, decimals), lowest, highest), lowest)
