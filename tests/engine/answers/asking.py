"""Questions to fitted models, and the same questions to the table itself."""

import numpy as np

from engine.answers.answer import answer
from engine.answers.query import Condition, Query, Terms
from engine.privacy.private_table import PrivateTable
from tests.doors import fit
from tests.tables import small_plan


def fitted(method, table, epsilon=1.0, seed=7, **changes):
    """A model of a table; its noise follows the seed."""
    return fit(small_plan(method, epsilon=epsilon, **changes), table, door=PrivateTable, seed=seed)[1]


def fields_of(model):
    return [column.field for column in model.domain_.columns]


def asked(model, measure, column=None, *, of=None, where=(), by=(), **terms):
    """The answers' rows; `of` and `where` are written as on a command line."""
    return answer(model, query(model, measure, column, of=of, where=where, by=by), Terms(**terms)).rows


def query(model, measure, column=None, *, of=None, where=(), by=()):
    fields = fields_of(model)
    return Query.from_json(
        {
            "measure": measure,
            "column": column,
            "of": None if of is None else Condition.from_text(of, fields).to_json(),
            "where": [Condition.from_text(text, fields).to_json() for text in where],
            "by": list(by),
        },
        fields,
    )


def truth(table, query, group):
    """What the table itself answers for a group; None for the mean or the share of no rows."""
    rows = table
    for condition in query.where:
        rows = rows[_meets(rows, condition)]
    for field in query.by:
        rows = rows[_is(rows[field.name], group[field.name])]
    if query.measure == "count":
        return len(rows)
    if query.measure == "mean":
        numbers = rows[query.field.name].dropna()
        return float(numbers.mean()) if len(numbers) else None
    inside = _is(rows[query.field.name], group[query.field.name]) if query.of is None else _meets(rows, query.of)
    return float(inside.mean()) if len(rows) else None


def _meets(rows, condition):
    column = rows[condition.field.name]
    if condition.values is not None:
        return np.any([_is(column, value) for value in condition.values], axis=0)
    inside = column.notna().to_numpy(dtype=bool)
    if condition.minimum is not None:
        inside &= (column >= condition.minimum).fillna(False).to_numpy(dtype=bool)
    if condition.maximum is not None:
        inside &= (column <= condition.maximum).fillna(False).to_numpy(dtype=bool)
    return inside


def _is(column, value):
    return (column.isna() if value is None else (column == value).fillna(False)).to_numpy(dtype=bool)
