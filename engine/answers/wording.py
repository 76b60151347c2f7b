"""What an answer says in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.answers.cells import cell_values
from engine.answers.intervals import Cells
from engine.answers.query import Measure, Query, Terms
from engine.data.encode import ColumnDomain, from_numbers
from engine.data.schema import FieldType
from engine.privacy.plan import UnitKind
from engine.synthesizers.marginal_synthesizer import MarginalSynthesizer


def about(synthesizer: MarginalSynthesizer, terms: Terms) -> str:
    """Which rows the answers are about."""
    unit = synthesizer.plan_.unit
    kept = f", at most {unit.max_rows_per_unit} of each person" if unit.kind is UnitKind.PERSON else ""
    rows = (
        f"the private rows that the model was fitted to{kept}, about {synthesizer.estimated_rows_:,.0f} of them, "
        "with values outside a column's stated domain moved into it"
    )
    if terms.population:
        return f"The answers are about the population of which {rows}, are a random sample."
    return f"The answers are about {rows}. They say nothing yet about a population from which these may be a sample."


def measured_sentence(query: Query, terms: Terms, cells: Cells) -> str:
    """What the interval of a measured answer means."""
    reason = f"the noise on the rows that it is about has a standard deviation of {cells.noise_deviation:,.1f}"
    if terms.population:
        reason = f"{reason}, and the rows are taken for a random sample"
    said = [f"{_hold(terms)}: {reason}."]
    if query.measure is Measure.MEAN:
        said.append("A row's value is known only to lie in its cell, so the interval reaches to the cells' ends.")
    if query.measure is not Measure.COUNT and cells.count_at_least(cells.surely, 2.0) <= 0.0:
        said.append("Noise leaves open whether there are such rows at all, so the interval is wide.")
    if cells.open_rows > 0.0:
        said.append(
            f"Cells that are counted whole are meant in part: they hold about {cells.open_rows:,.0f} rows, "
            "of which the interval allows for none and for all."
        )
    return " ".join(said)


def bounded_sentence(columns: Sequence[str], terms: Terms) -> str:
    """What bounds mean where columns were not measured together."""
    return (
        f"The columns {_listed(columns)} were not measured together. {_hold(terms)}: it is all that the counts of "
        "fewer columns allow, which is much wider than noise. The value is the model's."
    )


def refused_sentence(columns: Sequence[str]) -> str:
    """Why there is no interval."""
    return (
        f"The columns {_listed(columns)} were not measured together, so an interval cannot be given: "
        "the value is the model's guess."
    )


def partners_note(column: str, partners: Sequence[str]) -> str:
    """With which others a column was measured, for a question that it cannot be measured for."""
    if not partners:
        return f"Column {column!r} was measured together with no other column."
    return f"Column {column!r} was measured together with {_listed(partners)}."


def cut_note(column: ColumnDomain, possibly: Any) -> str | None:
    """Which range would take in whole cells, where a condition on numbers cuts some.

    Args:
        column: a column of numbers or dates.
        possibly: whether any rows of each cell can be meant, on cells that are counted together.
    """
    first, last = cell_values(column)
    held = possibly[: first.size]
    if not held.any():
        return None
    low, high = (number_text(column, at) for at in (first[held].min(), last[held].max()))
    return f"Column {column.name!r} is counted in cells that a condition cuts: {low} to {high} takes in whole ones."


def group_values(column: ColumnDomain) -> list[Any]:
    """Each cell of a column as JSON: its category, its range in words, or None for missing."""
    if not column.is_numeric:
        values = list(column.categories)
    else:
        pairs = zip(*cell_values(column), strict=True)
        values = [_range_text(number_text(column, low), number_text(column, high)) for low, high in pairs]
    plain = [value.isoformat() if hasattr(value, "isoformat") else value for value in values]
    return plain + ([None] if column.nullable else [])


def number_text(column: ColumnDomain, number: float) -> str:
    """A number of a number line as people write it."""
    if column.field.type in (FieldType.DATE, FieldType.DATETIME):
        moment = from_numbers(np.array([number]), column.field.type)[0]
        return str(moment.date() if column.field.type is FieldType.DATE else moment)
    return f"{number:.10g}" if column.field.type is FieldType.NUMBER else f"{round(number)}"


def _range_text(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"


def _hold(terms: Terms) -> str:
    chance = f"with a chance of at least {100.0 * terms.confidence:.4g} %"
    if terms.simultaneous:
        return f"All intervals of this answer hold at once {chance}"
    return f"The interval holds the true value {chance}"


def _listed(columns: Sequence[str]) -> str:
    quoted = [repr(name) for name in columns]
    return " and ".join(quoted) if len(quoted) < 3 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
