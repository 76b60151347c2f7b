"""Subgroups: groups of rows that are larger, smaller or otherwise made up among the synthetic rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.evaluation.binning import ColumnCells
from engine.evaluation.context import Context
from engine.evaluation.distances import NO_HOLDOUT, MeanDistance, draw_cells, equal_rows
from engine.evaluation.grouping import choose_columns, grouping_columns
from engine.evaluation.intervals import CONFIDENCE, newcombe_interval
from engine.evaluation.results import DECIMALS, Finding, Interval, MetricResult, NotComputableError, Score, unavailable
from engine.evaluation.worst_cells import cell_labels

MOST_COLUMNS = 40
MOST_ROWS = 200_000
"""Rows of a table that subgroups are sought in."""

SMALLEST_SHARE = 0.01
FEWEST_ROWS = 50
"""A subgroup has at least so many training rows, and so many are expected among the rows compared."""

FEWEST_ROWS_INSIDE = 20
"""Rows of a table inside a subgroup below which nothing is said of their distributions."""

MOST_LISTED = 10

NO_SUBGROUP = f"no group of rows has {100 * SMALLEST_SHARE:.0f} % of the real rows and at least {FEWEST_ROWS} of them"
NO_OTHER_COLUMN = "there is no other column to compare inside a subgroup"
NO_ROWS = "too few of the synthetic rows that were compared are in the subgroup"

_MULTIPLICITY = "It is the worst of many, so its interval is made for all of them together."

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Subgroup:
    """Rows with the same cell of one or two columns.

    Args:
        places: positions of the columns among all.
        members: cells of the columns.
        cell: their joint cell, numbered in row-major order.
        rows: rows of each table that are in it.
        of: rows of each table.
        inside: per table compared, the mean distance of the other columns inside, from the training rows inside;
            missing where the table has too few rows inside.
    """

    places: tuple[int, ...]
    members: tuple[ColumnCells, ...]
    cell: int
    rows: Mapping[str, int]
    of: Mapping[str, int]
    inside: Mapping[str, float]

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return [column.name for column in self.members]

    def share(self, table: str) -> float:
        """Share of a table's rows that are in it."""
        return self.rows[table] / self.of[table]

    def size_error(self, table: str) -> float:
        """How much larger (above 0) or smaller it is than among the training rows, relative to its size there."""
        return self.share(table) / self.share("train") - 1

    def size_interval(self, table: str, confidence: float) -> tuple[float, float]:
        """Interval of `size_error`."""
        low, high = newcombe_interval(
            (self.rows["train"], self.of["train"]), (self.rows[table], self.of[table]), confidence
        )
        return low / self.share("train"), high / self.share("train")

    def inside_interval(self, cells: Sequence[ColumnCells], confidence: float) -> Interval:
        """Interval of the mean distance of the other columns inside, given the cells of all columns."""
        if "drawn" not in self.inside:
            return unavailable(NO_ROWS)
        chosen = {name: np.flatnonzero(joint_cells(self.members, name) == self.cell) for name in ("train", "drawn")}
        chosen["synthetic"] = chosen["drawn"]
        mean = MeanDistance({name: len(rows) for name, rows in chosen.items()})
        for place, column in enumerate(cells):
            if place not in self.places:
                codes = {"train": column.codes["train"], "drawn": column.codes["drawn"]}
                codes["synthetic"] = codes["drawn"]
                mean.add({name: codes[name][rows] for name, rows in chosen.items()}, column.size)
        return mean.interval(confidence=confidence)

    def to_json(self, cells: Sequence[ColumnCells], confidence: float) -> dict[str, Any]:
        """The subgroup for a table of the report, given the cells of all columns."""
        interval = self.inside_interval(cells, confidence)
        return {
            "columns": self.columns,
            "labels": cell_labels(self.members, self.cell),
            "rows_real": self.rows["train"],
            "rows_synthetic": self.rows["synthetic"],
            "real": round(self.share("train"), DECIMALS),
            "synthetic": round(self.share("synthetic"), DECIMALS),
            "size_error": round(self.size_error("synthetic"), DECIMALS),
            "size_interval": [round(end, DECIMALS) for end in self.size_interval("synthetic", confidence)],
            "size_error_compared": round(self.size_error("drawn"), DECIMALS),
            "size_error_holdout": (
                round(self.size_error("holdout"), DECIMALS) if "holdout" in self.rows else unavailable(NO_HOLDOUT)
            ),
            "distance": self._distance("drawn", NO_ROWS),
            "distance_interval": interval if isinstance(interval, dict) else [round(end, DECIMALS) for end in interval],
            "ceiling": self._distance("holdout", NO_HOLDOUT),
        }

    def _distance(self, table: str, reason: str) -> Score:
        return round(self.inside[table], DECIMALS) if table in self.inside else unavailable(reason)


def subgroups(context: Context) -> MetricResult:
    """Size of subgroups, and the distances of the other columns inside them.

    A subgroup is a cell of one column, or of two, that at least a hundredth of the training rows have.

    Details:
        by_size: the subgroups whose size is farthest off, by_distance: those inside which the other columns are. Each
            has `columns` and `labels` (of one or two cells), `rows_real` and `rows_synthetic`, shares `real` and
            `synthetic`, `size_error` ((synthetic - real) / real), `size_interval`, the same error
            `size_error_compared` of as many synthetic rows as were set aside and `size_error_holdout` of those, the
            mean `distance` of the other columns inside, its `distance_interval` and its `ceiling`. Distances are those
            of as many synthetic rows as were set aside.
        n_subgroups: how many were looked at; all intervals hold for all of them together.
        rows: rows of each table that subgroups were sought in.
    """
    places = choose_columns(context.tables.cells, MOST_COLUMNS, context.target, context.rng)
    chosen = [context.tables.cells[place] for place in places]
    cells, _ = equal_rows(draw_cells(chosen, MOST_ROWS, context.rng), context.rng)
    if len(cells) < 2:
        raise NotComputableError(NO_OTHER_COLUMN)
    fields = [context.tables.fields[place] for place in places]
    found = list(_all_subgroups(context, grouping_columns(fields, cells, context.target), cells))
    if not found:
        raise NotComputableError(NO_SUBGROUP)
    confidence = 1 - (1 - CONFIDENCE) / len(found)
    by_size = sorted(found, key=lambda group: -abs(group.size_error("drawn")))
    by_distance = sorted(
        (group for group in found if "drawn" in group.inside), key=lambda group: -group.inside["drawn"]
    )
    details = {
        "by_size": [group.to_json(cells, confidence) for group in by_size[:MOST_LISTED]],
        "by_distance": [group.to_json(cells, confidence) for group in by_distance[:MOST_LISTED]],
        "n_subgroups": len(found),
        "rows": {name: len(codes) for name, codes in cells[0].codes.items()},
    }
    return MetricResult((_size_finding(by_size, confidence), _inside_finding(by_distance, cells, confidence)), details)


def _all_subgroups(
    context: Context, grouping: Sequence[tuple[int, ColumnCells]], cells: Sequence[ColumnCells]
) -> Iterator[Subgroup]:
    groups = [(item,) for item in grouping] + list(combinations(grouping, 2))
    for number, group in enumerate(groups):
        places, members = zip(*group, strict=True)
        others = [column for place, column in enumerate(cells) if place not in places]
        if others:
            yield from _subgroups_of(places, members, others)
        context.advance((number + 1) / len(groups))


def _subgroups_of(
    places: tuple[int, ...], members: tuple[ColumnCells, ...], others: Sequence[ColumnCells]
) -> Iterator[Subgroup]:
    """The subgroups by some columns that are large enough."""
    codes = {name: joint_cells(members, name) for name in members[0].codes}
    n_groups = math.prod(column.size for column in members)
    rows = {name: np.bincount(groups, minlength=n_groups) for name, groups in codes.items()}
    of = {name: len(groups) for name, groups in codes.items()}
    large = np.flatnonzero(_is_large(rows["train"], of))
    inside = _inside(codes, n_groups, others, large) if large.size else {}
    for number, cell in enumerate(large):
        counts = {name: int(table[cell]) for name, table in rows.items()}
        means = {name: float(found[number]) for name, found in inside.items() if counts[name] >= FEWEST_ROWS_INSIDE}
        yield Subgroup(places, members, int(cell), counts, of, means)


def joint_cells(columns: Sequence[ColumnCells], table: str) -> IntArray:
    """Joint cell of each row of a table, numbered in row-major order, shape (n_rows,)."""
    cells = columns[0].codes[table]
    for column in columns[1:]:
        cells = cells * column.size + column.codes[table]
    return cells


def _is_large(rows: IntArray, of: Mapping[str, int]) -> npt.NDArray[np.bool_]:
    expected = rows * (of["drawn"] / of["train"])
    return np.asarray((rows >= SMALLEST_SHARE * of["train"]) & (rows >= FEWEST_ROWS) & (expected >= FEWEST_ROWS))


def _inside(
    codes: Mapping[str, IntArray], n_groups: int, others: Sequence[ColumnCells], large: IntArray
) -> dict[str, FloatArray]:
    """Mean distance of other columns inside each large group, per table compared, shape (n_large,)."""
    compared = [name for name in ("drawn", "holdout") if name in codes]
    sums = {name: np.zeros(len(large)) for name in compared}
    for column in others:
        shares = {}
        for name in ("train", *compared):
            flat = codes[name] * column.size + column.codes[name]
            counts = np.bincount(flat, minlength=n_groups * column.size).reshape(n_groups, column.size)[large]
            shares[name] = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        for name in compared:
            sums[name] += 0.5 * np.abs(shares[name] - shares["train"]).sum(axis=1)
    return {name: total / len(others) for name, total in sums.items()}


def _size_finding(groups: Sequence[Subgroup], confidence: float) -> Finding:
    worst = groups[0]
    error = worst.size_error("drawn")
    low, high = worst.size_interval("drawn", confidence)
    interval = (0.0 if low <= 0 <= high else min(abs(low), abs(high)), max(abs(low), abs(high)))
    sentence = (
        f"Of {len(groups):,} subgroups, one by {' and '.join(worst.columns)} is farthest from its real size: among the "
        f"synthetic rows compared it is {100 * abs(error):.0f} % too {'large' if error > 0 else 'small'}"
    )
    reference: Score = unavailable(NO_HOLDOUT)
    if "holdout" in worst.rows:
        reference = max(abs(group.size_error("holdout")) for group in groups)
        sentence += f"; the one farthest off among equally many real rows set aside is {100 * reference:.0f} % off"
    return Finding("size-error", abs(error), interval, reference, f"{sentence}. {_MULTIPLICITY}")


def _inside_finding(groups: Sequence[Subgroup], cells: Sequence[ColumnCells], confidence: float) -> Finding:
    if not groups:
        missing = unavailable(NO_ROWS)
        return Finding(
            "inside-distance", missing, missing, missing, "No synthetic row that was compared is in any subgroup."
        )
    worst = groups[0]
    value = worst.inside["drawn"]
    sentence = (
        f"The columns are farthest off inside a subgroup by {' and '.join(worst.columns)}: on average "
        f"{100 * value:.1f} % of its rows would have to move to another cell of a column"
    )
    reference: Score = unavailable(NO_HOLDOUT)
    holdout = [group.inside["holdout"] for group in groups if "holdout" in group.inside]
    if holdout:
        reference = max(holdout)
        sentence += f"; inside the worst subgroup of real rows set aside, {100 * reference:.1f} %"
    return Finding(
        "inside-distance", value, worst.inside_interval(cells, confidence), reference, f"{sentence}. {_MULTIPLICITY}"
    )
