"""Rules that every row keeps, for methods whose model knows nothing of them: draw again, then put right the rest."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.data.encode import from_numbers, to_number, to_numbers
from engine.data.rules import AtMost, Combinations, Rule, ordered
from engine.data.schema import Field, FieldType, TableSchema
from engine.errors import PlanError

DRAWS = 10
"""How often rows that break a rule are drawn anew before they are put right."""

BoolArray = npt.NDArray[np.bool_]


def keep_rules(
    draw: Callable[[int], pd.DataFrame], n_rows: int, schema: TableSchema, rng: np.random.Generator
) -> pd.DataFrame:
    """Rows of which every one keeps every rule; a rule about a column that is not there is passed over.

    Args:
        draw: makes that many typed rows.
        n_rows: how many rows are wanted.
        schema: states the rules, and bounds that rows keep too.
        rng: chooses among listed combinations that are equally near.

    Raises:
        PlanError: no drawn row could be made to keep the rules.
    """
    table = draw(n_rows)
    rules = [rule for rule in schema.rules if set(rule.columns) <= set(table)]
    if not rules or not n_rows:
        return table
    for _ in range(DRAWS):
        broken = breaks(table, rules)
        if not broken.any():
            return table
        _replace(table, broken, draw(int(broken.sum())))
    broken = breaks(table, rules)
    _replace(table, broken, _put_right(table[broken].reset_index(drop=True), rules, schema, rng))
    broken = breaks(table, rules)
    if broken.all():
        raise PlanError("the model draws no row that keeps the rules of the schema: choose another method")
    _replace(table, broken, table[~broken].sample(int(broken.sum()), replace=True, random_state=rng))
    return table


def breaks(table: pd.DataFrame, rules: Sequence[Rule]) -> BoolArray:
    """Whether each row breaks a rule, shape (n_rows,); a rule says nothing of a row in which a value is missing."""
    broken = np.zeros(len(table), dtype=bool)
    for low, high in ordered(rules):
        broken |= (table[low] > table[high]).fillna(False).to_numpy(dtype=bool)
    for rule in rules:
        if isinstance(rule, Combinations):
            broken |= ~_is_listed(table, rule)
    return broken


def _is_listed(table: pd.DataFrame, rule: Combinations) -> BoolArray:
    columns = [table[name].astype(object) for name in rule.columns]
    known = ~np.logical_or.reduce([column.isna().to_numpy(dtype=bool) for column in columns])
    listed = set(rule.rows)
    found = np.array([row in listed for row in zip(*columns, strict=True)], dtype=bool)
    return np.asarray(found | ~known)


def _replace(table: pd.DataFrame, where: BoolArray, rows: pd.DataFrame) -> None:
    places = np.flatnonzero(where)
    for name in table:
        values = table[name].array.copy()
        values[places] = rows[name].array
        table[name] = values


def _put_right(
    table: pd.DataFrame, rules: Sequence[Rule], schema: TableSchema, rng: np.random.Generator
) -> pd.DataFrame:
    """Replace combinations by near ones that are listed, then move the columns of ordered pairs apart."""
    for rule in rules:
        if isinstance(rule, Combinations):
            _put_near(table, rule, rng)
    pairs = ordered(rules)
    names = dict.fromkeys(name for rule in rules if isinstance(rule, AtMost) for name in rule.columns)
    fields = {name: schema.field(name) for name in names}
    numbers = {name: to_numbers(table[name], field.type) for name, field in fields.items()}
    for _ in pairs:  # each pass settles at least one more link of a chain
        for low, high in pairs:
            over = numbers[low] > numbers[high]
            numbers[high][over] = _stepped(np.ceil, numbers[low][over], fields[high])
            over = numbers[low] > numbers[high]
            numbers[low][over] = _stepped(np.floor, numbers[high][over], fields[low])
    return table.assign(**{name: from_numbers(numbers[name], field.type) for name, field in fields.items()})


def _stepped(direction: np.ufunc, numbers: npt.NDArray[np.float64], field: Field) -> npt.NDArray[np.float64]:
    """The next values, in a direction, that a column can hold, inside its stated bounds."""
    low, high = to_number(field.minimum, field.type), to_number(field.maximum, field.type)
    if field.type is not FieldType.NUMBER or field.decimals is not None:
        decimals = field.decimals or 0
        scaled = np.round(numbers * 10.0**decimals, 6)
        numbers = np.round(direction(scaled) / 10.0**decimals, decimals)
    return np.clip(numbers, -math.inf if low is None else low, math.inf if high is None else high)


def _put_near(table: pd.DataFrame, rule: Combinations, rng: np.random.Generator) -> None:
    """Give each row that is not listed one of the listed rows with which it has the most values in common."""
    wrong = ~_is_listed(table, rule)
    names = list(rule.columns)
    listed = pd.DataFrame(list(rule.rows), columns=names).astype({name: table[name].dtype for name in names})
    chosen = np.zeros(int(wrong.sum()), dtype=np.int64)
    groups: dict[Any, Any] = table.loc[wrong, names].reset_index(drop=True).groupby(names).indices
    for values, places in groups.items():
        alike = np.sum([listed[name] == value for name, value in zip(names, list(values), strict=True)], axis=0)
        chosen[places] = rng.choice(np.flatnonzero(alike == alike.max()), len(places))
    near = listed.iloc[chosen]
    for name in names:
        changed = table[name].array.copy()
        changed[wrong] = near[name].array
        table[name] = changed
