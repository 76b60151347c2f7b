"""Fidelity: how far the distributions of one, two and three columns are from the real ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any

import numpy as np

from engine.evaluation.binning import ColumnCells
from engine.evaluation.context import Context
from engine.evaluation.distances import NO_HOLDOUT, Distances, IntArray, MeanDistance, equal_rows, mean_interval
from engine.evaluation.grouping import choose_columns
from engine.evaluation.results import DECIMALS, Finding, Interval, MetricResult, Score, is_unavailable, unavailable
from engine.evaluation.sample_share import CellSizes, fresh_share
from engine.evaluation.worst_cells import WorstCells

MOST_COLUMNS_IN_PAIRS = 40
MOST_TRIPLES = 500
WORST_CELLS = 12
WORST_TRIPLES = 30

Advance = Callable[[float], None]
Group = tuple[int, ...]

_WHAT = {1: "a column", 2: "a pair of columns", 3: "a triple of columns"}
_TOO_FEW = {
    1: "there are no columns",
    2: "there is a single column",
    3: "there are fewer than three columns",
}


@dataclass(frozen=True)
class Order:
    """What was found for all groups of as many columns.

    Args:
        n_columns: columns of a group.
        groups: the groups, as positions of columns.
        found: distances of each group.
        mean: their mean.
        cells: the worst cells.
        sizes: sizes of the cells of the training rows, or None where there is no group.
    """

    n_columns: int
    groups: Sequence[Group]
    found: Sequence[Distances]
    mean: MeanDistance
    cells: WorstCells
    sizes: CellSizes | None

    @property
    def reason(self) -> str:
        """Why there is nothing, where there is nothing."""
        return _TOO_FEW[self.n_columns]

    def share(self) -> Score:
        """The share of the training rows whose random sample is as far off as all synthetic rows."""
        if self.sizes is None:
            return unavailable(self.reason)
        return round(self.sizes.share(self.mean.all_rows()), DECIMALS)

    def share_interval(self) -> Interval:
        """The interval of `share`, which falls with the distance."""
        if self.sizes is None:
            return unavailable(self.reason)
        low, high = self.mean.interval(all_rows=True)
        return self.sizes.share(high), self.sizes.share(low)


def marginals(context: Context) -> MetricResult:
    """Distances of all columns, of pairs and of triples of columns, with the worst cells.

    Details:
        columns: per column `name`, `type`, `labels`, shares `real` and `synthetic` per label, `missing_real`,
            `missing_synthetic`, `distance`, `interval`, `distance_all_rows`, `ceiling`.
        pairs: per pair `columns` (two names), `distance`, `interval`, `distance_all_rows`, `ceiling`.
        triples: the same for the triples that are farthest off.
        pairs_compared, triples_compared: which groups were compared, in words.
        ceiling_rows: synthetic rows and rows set aside that were compared, or why there are none.
        mean_distance_kway, mean_distance_kway_interval, mean_distance_kway_all_rows, ceiling_kway: for k = 1, 2, 3.
        sample_share: per `1way`, `2way`, `3way` the `value`, its `interval`, and what as many `fresh` rows would give.
        worst_cells: per `1way`, `2way`, `3way` cells with `columns`, `labels`, shares `real` and `synthetic`, their
            `difference` and its `interval`; the intervals hold for all cells together.
        cells_compared: per `1way`, `2way`, `3way` how many cells the worst were chosen from.
    """
    orders, details = compare_cells(context.tables.cells, context.target, context.rng, context.advance)
    findings = [
        _distance_finding(name, order, context.tables.cells)
        for name, order in zip(("one-way", "two-way", "three-way"), orders, strict=True)
    ]
    return MetricResult((*findings, _share_finding(orders[1], details)), details)


def compare_cells(
    columns: Sequence[ColumnCells],
    target: str | None,
    rng: np.random.Generator,
    advance: Advance = lambda share: None,
) -> tuple[tuple[Order, ...], dict[str, Any]]:
    """Distances of cells.

    Args:
        columns: cells of the tables `train`, `synthetic` and, where there is one, `holdout`.
        target: a column that is always among those whose groups are compared.
        rng: decides the columns and triples compared, where there are many, and the rows of equal sizes.
        advance: called with the share of the work that is done.

    Returns:
        What was found for one, two and three columns, and the details that `marginals` describes.
    """
    columns, n_drawn = equal_rows(columns, rng)
    compared = choose_columns(columns, MOST_COLUMNS_IN_PAIRS, target, rng)
    pairs = list(combinations(compared, 2))
    triples = _triples(compared, rng)
    singles: list[Group] = [(position,) for position in range(len(columns))]
    orders = (
        _compare(columns, singles, 1, lambda share: advance(0.05 * share)),
        _compare(columns, pairs, 2, lambda share: advance(0.05 + 0.2 * share)),
        _compare(columns, triples, 3, lambda share: advance(0.25 + 0.7 * share)),
    )
    details: dict[str, Any] = {
        "columns": [
            _column_report(columns[group[0]], found) for group, found in zip(singles, orders[0].found, strict=True)
        ],
        "pairs": _groups_report(columns, orders[1]),
        "triples": sorted(_groups_report(columns, orders[2]), key=lambda group: -group["distance"])[:WORST_TRIPLES],
        "pairs_compared": _groups_compared("pairs", 2, len(columns), len(compared), len(pairs)),
        "triples_compared": _groups_compared("triples", 3, len(columns), len(compared), len(triples)),
        "ceiling_rows": n_drawn if n_drawn is not None else unavailable(NO_HOLDOUT),
    }
    for order in orders:
        details |= _means(order)
    n_fresh = len(columns[0].codes["synthetic"])
    details["sample_share"] = {_key(order): _share_report(order, n_fresh) for order in orders}
    details["worst_cells"] = {_key(order): order.cells.to_json() for order in orders}
    details["cells_compared"] = {_key(order): order.cells.n_cells for order in orders}
    return orders, details


def _compare(columns: Sequence[ColumnCells], groups: Sequence[Group], n_columns: int, advance: Advance) -> Order:
    mean = MeanDistance({name: len(codes) for name, codes in columns[0].codes.items()})
    cells, found, counts = WorstCells(WORST_CELLS), [], []
    prefix: tuple[Group, dict[str, IntArray]] = ((), {})
    for number, group in enumerate(groups):
        members = [columns[position] for position in group]
        if group[:-1] != prefix[0]:
            prefix = (group[:-1], _flat([columns[position] for position in group[:-1]]))
        flat = _flat(members[-1:]) if n_columns == 1 else _joined(prefix[1], members[-1])
        distances = mean.add(flat, int(np.prod([member.size for member in members])))
        cells.add(members, distances.counts)
        found.append(distances)
        counts.append(distances.counts["train"])
        advance((number + 1) / len(groups))
    return Order(n_columns, groups, found, mean, cells, CellSizes.of(counts) if counts else None)


def _flat(columns: Sequence[ColumnCells]) -> dict[str, IntArray]:
    """Per table, the joint cell of some columns, numbered in row-major order."""
    if not columns:
        return {}
    flat = dict(columns[0].codes)
    for column in columns[1:]:
        flat = _joined(flat, column)
    return flat


def _joined(flat: dict[str, IntArray], column: ColumnCells) -> dict[str, IntArray]:
    return {name: codes * column.size + column.codes[name] for name, codes in flat.items()}


def _triples(compared: Sequence[int], rng: np.random.Generator) -> list[Group]:
    """All triples, or a random choice of them, whose mean estimates that of all; in order."""
    triples: list[Group] = list(combinations(compared, 3))
    if len(triples) <= MOST_TRIPLES:
        return triples
    return [triples[position] for position in np.sort(rng.choice(len(triples), MOST_TRIPLES, replace=False))]


def _groups_compared(what: str, k: int, n_columns: int, n_chosen: int, n_compared: int) -> str:
    total = comb(n_columns, k)
    if total == n_compared:
        return f"all {total} {what}"
    if comb(n_chosen, k) == n_compared:
        return f"the {n_compared} {what} of {n_chosen} columns drawn at random, of {total} {what}"
    return f"{n_compared} {what} drawn at random, of {total} {what}"


def _key(order: Order) -> str:
    return f"{order.n_columns}way"


def _means(order: Order) -> dict[str, Any]:
    key, known = _key(order), bool(order.found)
    missing = unavailable(order.reason)
    interval = mean_interval(order.mean)
    return {
        f"mean_distance_{key}": round(order.mean.value(), DECIMALS) if known else missing,
        f"mean_distance_{key}_interval": (
            [round(end, DECIMALS) for end in interval] if isinstance(interval, tuple) else missing
        ),
        f"mean_distance_{key}_all_rows": round(order.mean.all_rows(), DECIMALS) if known else missing,
        f"ceiling_{key}": order.mean.ceiling() if known else missing,
    }


def _share_report(order: Order, n_fresh: int) -> dict[str, Any]:
    interval = order.share_interval()
    if order.sizes is None or isinstance(interval, dict):
        return unavailable(order.reason)
    return {
        "value": order.share(),
        "interval": [round(end, DECIMALS) for end in interval],
        "fresh": round(fresh_share(order.sizes.n_rows, n_fresh), DECIMALS),
    }


def _distance_finding(measure: str, order: Order, columns: Sequence[ColumnCells]) -> Finding:
    if not order.found:
        missing = unavailable(order.reason)
        return Finding(measure, missing, missing, missing, f"Could not be computed: {order.reason}.")
    value, ceiling, share = order.mean.value(), order.mean.ceiling(), order.share()
    sentence = (
        f"On average {100 * value:.1f} % of the rows would have to move to another cell of {_WHAT[order.n_columns]}"
    )
    if isinstance(ceiling, float):
        sentence += f"; equally many real rows that were set aside lie {100 * ceiling:.1f} % away"
    sentence += f". Farthest off: {_farthest(order, columns)}"
    if isinstance(share, float):
        sentence += (
            f". All synthetic rows together are as far off as a random {_percent(share)} sample of the training rows"
        )
    return Finding(measure, value, mean_interval(order.mean), ceiling, f"{sentence}.")


def _farthest(order: Order, columns: Sequence[ColumnCells]) -> str:
    """The group with the largest distance, by the names of its columns."""
    worst = max(range(len(order.groups)), key=lambda place: order.found[place].distance)
    names = [columns[position].name for position in order.groups[worst]]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _share_finding(pairs: Order, details: dict[str, Any]) -> Finding:
    share = details["sample_share"]["2way"]
    if is_unavailable(pairs.share()):
        missing = unavailable(pairs.reason)
        sentence = f"Could not be computed: {pairs.reason}."
        return Finding("two-way-sample-share", missing, missing, missing, sentence)
    sentence = (
        f"By their pairs of columns, the synthetic rows are like a random {_percent(share['value'])} sample of the "
        f"training rows; as many fresh real rows would be like one of {_percent(share['fresh'])}."
    )
    return Finding("two-way-sample-share", share["value"], tuple(share["interval"]), share["fresh"], sentence)


def _percent(share: float) -> str:
    """A share for reading, with two digits that count where it is small."""
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.2g} %"


def _column_report(column: ColumnCells, found: Distances) -> dict[str, Any]:
    real, artificial = _shares(found.counts["train"]), _shares(found.counts["synthetic"])
    return {
        "name": column.name,
        "type": column.type,
        **found.to_json(),
        "labels": list(column.labels),
        "real": real[:-1],
        "synthetic": artificial[:-1],
        "missing_real": real[-1],
        "missing_synthetic": artificial[-1],
    }


def _groups_report(columns: Sequence[ColumnCells], order: Order) -> list[dict[str, Any]]:
    return [
        {"columns": [columns[position].name for position in group], **found.to_json()}
        for group, found in zip(order.groups, order.found, strict=True)
    ]


def _shares(counts: IntArray) -> list[float]:
    return [round(float(share), DECIMALS) for share in counts / counts.sum()]
