"""Predicates over the columns of a table, and the rows that they single out.

Every value is a code whose order is that of the column's values, so that every term is a stretch of codes: equal,
at most, at least, or missing. Rows sorted by a column hold a term's matches side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.data.encode import to_numbers
from engine.data.schema import Field
from engine.evaluation.binning import is_numeric

MISSING = -1
LAST = int(np.iinfo(np.int32).max)

IntArray = npt.NDArray[np.int64]
CodeArray = npt.NDArray[np.int32]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Predicates:
    """Conjunctions of terms, one term per column that a predicate speaks of.

    Args:
        columns: position of each term's column, shape (n_predicates, n_terms).
        low: least code that satisfies it, same shape.
        high: greatest code that satisfies it, same shape.
        negated: whether all other codes satisfy it instead, same shape.

    Raises:
        ValueError: shapes differ.
    """

    columns: IntArray
    low: IntArray
    high: IntArray
    negated: BoolArray

    def __post_init__(self) -> None:
        if len({array.shape for array in (self.columns, self.low, self.high, self.negated)}) != 1:
            raise ValueError("the parts of predicates differ in shape")

    def __len__(self) -> int:
        return len(self.columns)

    def take(self, chosen: IntArray | BoolArray) -> Predicates:
        """Some of the predicates, by position or by mask."""
        return Predicates(self.columns[chosen], self.low[chosen], self.high[chosen], self.negated[chosen])

    def join(self, other: Predicates) -> Predicates:
        """These predicates and then the other ones."""
        pairs = (
            (self.columns, other.columns),
            (self.low, other.low),
            (self.high, other.high),
            (self.negated, other.negated),
        )
        return Predicates(*(np.concatenate(pair) for pair in pairs))  # type: ignore[arg-type]

    def distinct(self) -> Predicates:
        """Each predicate once, where it is first."""
        order = np.argsort(self.columns, axis=1)
        parts = [np.take_along_axis(part, order, axis=1) for part in (self.columns, self.low, self.high, self.negated)]
        _, first = np.unique(np.hstack(parts), axis=0, return_index=True)
        return self.take(np.sort(first))


def code_columns(fields: Sequence[Field], tables: Mapping[str, pd.DataFrame]) -> dict[str, list[CodeArray]]:
    """Codes per table and column, alike in all tables, in the order of the values; MISSING for missing cells."""
    coded: dict[str, list[CodeArray]] = {name: [] for name in tables}
    ends = np.cumsum([len(table) for table in tables.values()])[:-1]
    for field in fields:
        parts = [table[field.name] for table in tables.values()]
        values = np.concatenate([to_numbers(part, field.type) for part in parts]) if is_numeric(field) else None
        column = pd.concat(parts, ignore_index=True) if values is None else values
        codes, _ = pd.factorize(column, sort=is_numeric(field), use_na_sentinel=True)
        for name, part in zip(tables, np.split(codes.astype(np.int32), ends), strict=True):
            coded[name].append(part)
    return coded


class SortedRows:
    """Rows of a table, sorted by each column.

    Args:
        codes: per column, codes of all rows, shape (n_rows,).
    """

    def __init__(self, codes: Sequence[CodeArray]) -> None:
        self._codes = codes
        self._order = [np.argsort(column, kind="stable") for column in codes]
        self._sorted = [column[order] for column, order in zip(codes, self._order, strict=True)]

    def __len__(self) -> int:
        return len(self._codes[0])

    def only_matches(self, predicates: Predicates) -> IntArray:
        """The row that each predicate singles out, shape (n_predicates,); -1 where none or several match."""
        start, stop = self._stretches(predicates)
        counts = np.where(predicates.negated, len(self) - (stop - start), stop - start)
        found = np.full(len(predicates), -1, dtype=np.int64)
        possible = np.flatnonzero(counts.min(axis=1, initial=len(self)) > 0)
        # The rarest term first: its matches are few, and only they are looked at.
        ranks = np.argsort(counts[possible], axis=1, kind="stable")
        parts = (predicates.columns, start, stop, predicates.low, predicates.high, predicates.negated)
        # Python's own numbers: taking them out of arrays one by one would cost more than the search.
        terms = (np.take_along_axis(part[possible], ranks, axis=1).tolist() for part in parts)
        for place, *found_terms in zip(possible.tolist(), *terms, strict=True):
            rows = self._matches(list(zip(*found_terms, strict=True)))
            if len(rows) == 1:
                found[place] = rows[0]
        return found

    def _stretches(self, predicates: Predicates) -> tuple[IntArray, IntArray]:
        """Where each term's stretch of codes begins and ends among the sorted rows."""
        start, stop = np.zeros((2, *predicates.columns.shape), dtype=np.int64)
        for column, values in enumerate(self._sorted):
            terms = predicates.columns == column
            start[terms] = np.searchsorted(values, predicates.low[terms].astype(np.int32), side="left")
            stop[terms] = np.searchsorted(values, predicates.high[terms].astype(np.int32), side="right")
        return start, stop

    def _matches(self, terms: list[tuple[int, int, int, int, int, bool]]) -> IntArray:
        """Rows that satisfy all terms of one predicate: column, begin and end of its stretch, low, high, negated."""
        column, start, stop, _, _, negated = terms[0]
        order = self._order[column]
        rows = np.concatenate([order[:start], order[stop:]]) if negated else order[start:stop]
        for column, _, _, low, high, negated in terms[1:]:
            values = self._codes[column][rows]
            if high == low:
                holds = values == low
            elif high == LAST:
                holds = values >= low
            else:
                holds = (values >= low) & (values <= high)
            rows = rows[~holds if negated else holds]
            if len(rows) == 0:
                break
        return rows
