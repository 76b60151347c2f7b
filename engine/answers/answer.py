"""Answers to questions about the private table, each with an interval that follows from the noise alone.

An interval is printed for what was measured, or as honest bounds; for anything else the model's value stands without
one. Nothing here reads a row: all of it follows from numbers that the fit released, so any number of questions is free.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from scipy.special import ndtri

from engine.answers import wording
from engine.answers.bounds import Ends, count_ends, share_ends
from engine.answers.groups import Group, groups_of
from engine.answers.intervals import Cells
from engine.answers.joint import Asked, Parts, model_counts
from engine.answers.measured import NoisyTable, NoisyTables
from engine.answers.query import Measure, Query, Terms
from engine.synthesizers.graphical_model import Columns
from engine.synthesizers.marginal_synthesizer import MarginalSynthesizer

WHOLE = 1e-9


class Kind(StrEnum):
    """Where an answer's interval comes from."""

    MEASURED = "measured"
    BOUNDED = "bounded"
    REFUSED = "refused"


@dataclass(frozen=True)
class Answer:
    """The answer for one group.

    Args:
        group: the values of the grouping columns, and of the column whose share it is; empty for all rows.
        value: noisy estimate within the interval where it was measured, else the model's value; None where there is
            none.
        low: lower end of the interval; None where none can be given.
        high: its upper end.
        modelled: the value in the fitted model, which synthetic rows follow; it has no interval of its own.
        kind: where the interval comes from.
        statement: what the interval means, or why there is none.
    """

    group: dict[str, Any]
    value: float | None
    low: float | None
    high: float | None
    modelled: float | None
    kind: Kind
    statement: str


@dataclass(frozen=True)
class Answers:
    """The answers to a question.

    Args:
        query: the question.
        terms: how sure the intervals are, and of what.
        about: which rows the answers are about, in words.
        notes: what would make the intervals narrower, in words.
        rows: one answer per group.
    """

    query: Query
    terms: Terms
    about: str
    notes: tuple[str, ...]
    rows: tuple[Answer, ...]

    def to_json(self) -> dict[str, Any]:
        """The answers as JSON."""
        return {
            "query": self.query.to_json(),
            **asdict(self.terms),
            "about": self.about,
            "notes": list(self.notes),
            "rows": [asdict(row) | {"kind": row.kind.value} for row in self.rows],
        }


def answer(synthesizer: MarginalSynthesizer, query: Query, terms: Terms | None = None) -> Answers:
    """Answer a question from the noisy counts of a fitted model.

    Args:
        synthesizer: it must be fitted, here or before it was kept.
        query: the question; its columns are modelled ones.
        terms: how sure an interval has to be, and of what.

    Raises:
        InputError: the model was kept without its noisy counts, a value has no cell, or there are too many groups.

    Privacy: reads released numbers only, so it costs nothing.
    """
    terms = terms or Terms()
    question = _Question(synthesizer, query, terms)
    groups = groups_of(synthesizer.domain_, query)
    chance = (1.0 - terms.confidence) / (len(groups) if terms.simultaneous else 1)
    rows = tuple(question.answer(group, chance) for group in groups)
    return Answers(query, terms, wording.about(synthesizer, terms), question.notes(groups[0].parts), rows)


class _Question:
    """One question with the tables that answer it."""

    def __init__(self, synthesizer: MarginalSynthesizer, query: Query, terms: Terms) -> None:
        self._domain, self._query, self._terms = synthesizer.domain_, query, terms
        unit = synthesizer.plan_.unit
        self._asked = Asked(NoisyTables.of(synthesizer), unit.max_rows_per_unit, terms.population)
        self._columns: Columns = tuple(sorted(self._domain.names.index(name) for name in query.columns))
        counts = np.asarray(model_counts(synthesizer.model_, self._columns), dtype=np.float64)
        self._model = NoisyTable(self._columns, counts, np.zeros(counts.shape), grouped=True, sources=())

    def answer(self, group: Group, chance: float) -> Answer:
        """The answer for one group, with an interval that misses with at most the given chance."""
        modelled = self._value(self._asked.on(self._model, group.parts))
        if self._asked.tables.is_measured(self._columns):
            return self._measured(group, chance, modelled)
        ends = self._ends(group, chance)
        names = [self._domain.names[column] for column in self._columns]
        if ends is None or modelled is None:
            said = wording.refused_sentence(names)
            return Answer(group.values, modelled, None, None, modelled, Kind.REFUSED, said)
        low, high = self._whole(ends)
        value = min(max(modelled, low), high)
        return Answer(
            group.values, value, low, high, modelled, Kind.BOUNDED, wording.bounded_sentence(names, self._terms)
        )

    def notes(self, parts: Parts) -> tuple[str, ...]:
        """What could be asked with narrower intervals: ranges of whole cells, or what was measured together."""
        if not self._asked.tables.is_measured(self._columns):
            return tuple(self._partners(column) for column in self._columns)
        grouped = self._asked.table(parts).grouped
        asked = {self._domain.names.index(condition.field.name) for condition in self._query.where}
        if self._query.of is not None:
            asked.add(self._domain.names.index(self._query.of.field.name))
        found = [self._note(column, parts, grouped) for column in sorted(asked)]
        return tuple(note for note in found if note is not None)

    def _partners(self, column: int) -> str:
        names = self._domain.names
        return wording.partners_note(names[column], [names[at] for at in self._asked.tables.partners(column)])

    def _note(self, column: int, parts: Parts, grouped: bool) -> str | None:
        part, groups = parts[column], self._asked.tables.groups[column]
        inside = part.possibly & (part.high > 0.0) if self._query.of is not None else part.possibly
        surely = part.surely & (part.low > 0.0) if self._query.of is not None else part.surely
        if grouped:
            touched = np.bincount(groups.group_of, weights=inside) > 0.0
            inside, surely = touched[groups.group_of], surely & inside
        is_cut = bool((inside & ~surely).any())
        return wording.cut_note(self._domain.columns[column], inside) if is_cut else None

    def _measured(self, group: Group, chance: float, modelled: float | None) -> Answer:
        cells = self._asked.cells(group.parts)
        quantile = float(-ndtri(chance / 2.0))
        if self._query.measure is Measure.COUNT:
            low, high = self._whole(cells.count_ends(quantile))
        else:
            low, high = cells.mean_ends(quantile)
        value = self._value(cells)
        if value is not None:
            value = min(max(value, low), high)
        said = wording.measured_sentence(self._query, self._terms, cells)
        return Answer(group.values, value, low, high, modelled, Kind.MEASURED, said)

    def _value(self, cells: Cells) -> float | None:
        if self._query.measure is not Measure.COUNT:
            return cells.mean()
        return cells.count() if self._terms.population else float(round(cells.count()))

    def _ends(self, group: Group, chance: float) -> Ends | None:
        """Bounds where the columns were not measured together; None where there are none."""
        if self._query.measure is Measure.COUNT:
            return count_ends(self._asked, group.parts, chance)
        if self._query.measure is Measure.SHARE:
            return share_ends(self._asked, group.meant(), group.base(), chance)
        return None

    def _whole(self, ends: Ends) -> Ends:
        """Whole rows within an interval of a count of the table; it keeps all whole numbers that it had."""
        if self._query.measure is not Measure.COUNT or self._terms.population:
            return ends
        low, high = math.ceil(ends[0] - WHOLE), math.floor(ends[1] + WHOLE)
        return (float(low), float(high)) if low <= high else (math.floor(ends[0]), math.ceil(ends[1]))
