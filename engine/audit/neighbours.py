"""Neighbouring tables on which a leak would show most: simulated, small, and public as a whole.

Neighbours differ by one unit, the canary. The adversary knows every other row, so what the table looks like is nothing
it has to find out; what matters is that the canary lies where it can be told best from all that is known.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.data.encode import TableDomain, pandas_dtype
from engine.data.schema import DomainSource, Field, FieldType, TableSchema
from engine.privacy.plan import UnitKind, UnitOfProtection

IntArray = npt.NDArray[np.int32]

KNOWN_ROWS = 40
MOST_ROWS_OF_A_PERSON = 2

_SEED = 5
_GROUPS = ("a", "b", "c", "d")
_SIZES = ("small", "medium", "large")


@dataclass(frozen=True, eq=False)
class Neighbours:
    """A table, and the same with one more unit.

    Args:
        name: stable name.
        title: what the further unit is, as a phrase.
        schema: columns of both tables.
        known: typed rows of the smaller table; all of them count.
        canary: typed rows of the further unit, all alike.
        unit: whom the guarantee protects.

    Raises:
        ValueError: the canary's rows differ, or there is none.
    """

    name: str
    title: str
    schema: TableSchema
    known: pd.DataFrame
    canary: pd.DataFrame
    unit: UnitOfProtection = field(default_factory=UnitOfProtection)

    def __post_init__(self) -> None:
        if len(self.canary.drop_duplicates()) != 1:
            raise ValueError("all rows of a canary are alike, and there is at least one")

    @property
    def counted_rows(self) -> int:
        """Rows of the canary that an honest run counts."""
        return min(len(self.canary), self.unit.max_rows_per_unit)

    @cached_property
    def both(self) -> pd.DataFrame:
        """The larger table; the canary's rows are its last."""
        return pd.concat([self.known, self.canary], ignore_index=True)

    def codes(self, domain: TableDomain) -> tuple[IntArray, IntArray]:
        """Cells of the known rows and of the canary's rows that count, shape (number of rows, number of columns)."""
        known, canary = _codes(self, domain)
        return known.copy(), canary.copy()

    def table(self, present: bool) -> pd.DataFrame:
        """The larger table where the canary is present, else the smaller one."""
        return self.both if present else self.known


@cache
def all_neighbours() -> tuple[Neighbours, ...]:
    """Every pair of tables that an audit plays on, always the same ones."""
    return (_unseen(), _unlisted(), _far(), _missing(), _alike(), _many_rows())


def neighbours_named(*names: str) -> tuple[Neighbours, ...]:
    """Some of the pairs, in their order; raises ValueError where there is none of a name."""
    unknown = set(names) - {pair.name for pair in all_neighbours()}
    if unknown:
        raise ValueError(f"there are no neighbours named {', '.join(sorted(unknown))}")
    return tuple(pair for pair in all_neighbours() if pair.name in names)


@lru_cache(maxsize=64)
def _codes(pair: Neighbours, domain: TableDomain) -> tuple[IntArray, IntArray]:
    codes = np.stack(domain.encode(pair.both), axis=1)
    n_known = len(pair.known)
    return codes[:n_known], codes[n_known : n_known + pair.counted_rows]


def _unseen() -> Neighbours:
    canary = _rows({"group": "d", "size": "small", "smoker": True}, _CATEGORIES)
    return Neighbours("unseen", "a row of a listed category that no other row holds", _CATEGORIES, _known(), canary)


def _unlisted() -> Neighbours:
    columns = (Field("group", FieldType.STRING, source=DomainSource.MEASURED), *_CATEGORIES.fields[1:])
    schema = TableSchema(columns)
    canary = _rows({"group": "d", "size": "small", "smoker": True}, schema)
    return Neighbours("unlisted", "a row of its own category, where the run learns the list", schema, _known(), canary)


def _far() -> Neighbours:
    amount = Field("amount", FieldType.INTEGER, minimum=0, maximum=1000, required=True, source=DomainSource.PUBLIC)
    schema = TableSchema((amount, *_CATEGORIES.fields[:1]))
    near = np.random.default_rng(_SEED).integers(0, 60, KNOWN_ROWS)
    known = _typed(pd.DataFrame({"amount": near, "group": _known()["group"]}), schema)
    canary = _rows({"amount": 1000, "group": "d"}, schema)
    return Neighbours("far", "a row whose number lies far from all others", schema, known, canary)


def _missing() -> Neighbours:
    columns = tuple(
        Field(column.name, column.type, enum=column.enum, source=column.source) for column in _CATEGORIES.fields
    )
    schema = TableSchema(columns)
    canary = _rows(dict.fromkeys(schema.names, pd.NA), schema)
    return Neighbours("missing", "a row without any value, where no other row lacks one", schema, _known(), canary)


def _alike() -> Neighbours:
    row = {"group": "a", "size": "medium", "smoker": False}
    return Neighbours(
        "alike",
        "one more row among equal ones",
        _CATEGORIES,
        _rows(row, _CATEGORIES, KNOWN_ROWS),
        _rows(row, _CATEGORIES),
    )


def _many_rows() -> Neighbours:
    schema = TableSchema((Field("person", FieldType.STRING), *_CATEGORIES.fields))
    known = _known().assign(person=pd.Series([f"p{number}" for number in range(KNOWN_ROWS)], dtype="string"))
    values = {"person": "canary", "group": "d", "size": "small", "smoker": True}
    return Neighbours(
        "many rows",
        f"a person with 12 rows, where {MOST_ROWS_OF_A_PERSON} may count",
        schema,
        _typed(known, schema),
        _rows(values, schema, 12),
        UnitOfProtection(UnitKind.PERSON, "person", MOST_ROWS_OF_A_PERSON),
    )


_CATEGORIES = TableSchema(
    (
        Field("group", FieldType.STRING, enum=_GROUPS, required=True, source=DomainSource.PUBLIC),
        Field("size", FieldType.STRING, enum=_SIZES, required=True, source=DomainSource.PUBLIC),
        Field("smoker", FieldType.BOOLEAN, required=True, source=DomainSource.PUBLIC),
    )
)


@cache
def _known() -> pd.DataFrame:
    """Rows of every category but the last."""
    rng = np.random.default_rng(_SEED)
    groups, sizes = rng.choice(_GROUPS[:-1], KNOWN_ROWS), rng.choice(_SIZES[:-1], KNOWN_ROWS)
    return _typed(pd.DataFrame({"group": groups, "size": sizes, "smoker": rng.random(KNOWN_ROWS) < 0.4}), _CATEGORIES)


def _rows(values: dict[str, object], schema: TableSchema, n_rows: int = 1) -> pd.DataFrame:
    return _typed(pd.DataFrame({name: [value] * n_rows for name, value in values.items()}), schema)


def _typed(table: pd.DataFrame, schema: TableSchema) -> pd.DataFrame:
    dtypes: dict[str, Any] = {column.name: pandas_dtype(column.type) for column in schema.fields}
    return table[list(dtypes)].astype(dtypes)
