"""Steps that every marginal method shares: learn open domains, measure one-way marginals, count the rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from engine.data.encode import NUMERIC_TYPES, ColumnDomain, LearnedDomain, TableDomain, numeric_grid, table_domain
from engine.data.schema import DomainSource, Field, FieldType
from engine.errors import PlanError
from engine.privacy.plan import SynthesisPlan
from engine.privacy.private_table import PrivateTable
from engine.synthesizers.numeric_tree import refined_edges

FloatArray = npt.NDArray[np.float64]

LEARNING_SHARE = 0.08
"""Part of μ² that learning costs where any domain is open, and the most that it ever costs."""

TREE_SHARE = 0.02
"""Part of μ² that the tree of a column with stated bounds costs, where they do not cost LEARNING_SHARE together."""

OPEN_PARTS = 3
"""Parts of the learning share that a list of categories or a range takes where a tree takes one."""

LEARNING_DELTA_SHARE = 0.05
"""Part of δ that thresholds of category discovery use, if any column needs it."""


SPURIOUS_MISSING_DEVIATIONS = 3.0
SPURIOUS_DEVIATIONS = 2.0
"""Standard deviations of noise below which a missing cell, or a stretch of a number line, counts as empty."""


@dataclass(frozen=True)
class OneWay:
    """A column's noisy counts, with the noise variance of one cell."""

    counts: FloatArray
    variance: float

    def pooled(self, other: OneWay) -> OneWay:
        """Both measurements in one, weighed by their precision."""
        variance = 1.0 / (1.0 / self.variance + 1.0 / other.variance)
        return OneWay(variance * (self.counts / self.variance + other.counts / other.variance), variance)


def modelled_fields(plan: SynthesisPlan) -> tuple[Field, ...]:
    """Fields to model; a domain to be learned forgets whatever the schema says of it."""
    names = set(plan.synthesized_names())
    return tuple(_open(field) for field in plan.schema.fields if field.name in names)


def _open(field: Field) -> Field:
    if not needs_learning(field):
        return field
    return replace(field, minimum=None, maximum=None, enum=None, atoms=(), decimals=None)


def open_columns(plan: SynthesisPlan) -> tuple[Field, ...]:
    """Fields whose domain is learned under differential privacy."""
    return tuple(field for field in modelled_fields(plan) if needs_learning(field))


def needs_learning(field: Field) -> bool:
    """Whether a field's domain has to be learned; a boolean's never has."""
    return field.source is DomainSource.MEASURED and field.type is not FieldType.BOOLEAN


def tree_columns(plan: SynthesisPlan) -> tuple[Field, ...]:
    """Fields whose cells are refined where their rows are: numbers and dates of more values than a grid has cells."""
    return tuple(field for field in modelled_fields(plan) if _has_tree(field))


def _has_tree(field: Field) -> bool:
    if field.type not in NUMERIC_TYPES or field.enum is not None:
        return False
    return needs_learning(field) or numeric_grid(field).can_be_refined


def learning_share(plan: SynthesisPlan) -> float:
    """Part of μ² that learning may take in this plan."""
    if open_columns(plan):
        return LEARNING_SHARE
    return min(LEARNING_SHARE, TREE_SHARE * len(tree_columns(plan)))


def learning_queries(plan: SynthesisPlan) -> int:
    """Parts into which learning divides what it may spend: one per tree, more per list and range.

    A range that misses its ends, or a list that misses values, harms a column more than equal cells do.
    """
    return OPEN_PARTS * len(open_columns(plan)) + len(tree_columns(plan))


def learning_delta(plan: SynthesisPlan) -> float:
    """δ that learning takes in this plan."""
    learns_text = any(field.type is FieldType.STRING for field in open_columns(plan))
    return LEARNING_DELTA_SHARE * plan.promised()[1] if learns_text else 0.0


def learn_domain(
    table: PrivateTable, plan: SynthesisPlan, mu_squared: float, *, keep_units: bool = False
) -> TableDomain:
    """Learn every open domain, refine the cells of numbers, and encode the table.

    Args:
        table: the private rows.
        plan: what to do.
        mu_squared: what learning may cost.
        keep_units: whether samples of whole units are drawn later.

    Raises:
        PlanError: a range does not rise above the noise.

    Privacy: charges at most `mu_squared`, in parts as `learning_queries` says, and `learning_delta(plan)`.
    """
    part = mu_squared / max(learning_queries(plan), 1)
    learned = _learn_open(table, plan, OPEN_PARTS * part)
    for field in tree_columns(plan):
        found = learned.get(field.name, LearnedDomain())
        grid = numeric_grid(field, found)
        if grid.can_be_refined:
            learned[field.name] = replace(found, edges=refined_edges(table, field.name, grid, part))
    domain = table_domain(modelled_fields(plan), learned)
    table.encode(domain, keep_units=keep_units)
    return domain


def _learn_open(table: PrivateTable, plan: SynthesisPlan, part: float) -> dict[str, LearnedDomain]:
    """Categories and ranges that the schema does not state; each costs `part` of μ²."""
    opened = open_columns(plan)
    texts = [field for field in opened if field.type is FieldType.STRING]
    learned: dict[str, LearnedDomain] = {}
    for field in opened:
        scale = table.rows_per_unit / math.sqrt(part)
        if field.type is FieldType.STRING:
            delta = learning_delta(plan) / len(texts)
            learned[field.name] = LearnedDomain(table.discover_categories(field.name, scale, delta))
        else:
            low, high = discover_range(table, field.name, public_grid(field.type), scale)
            last = high if field.type is FieldType.NUMBER else high - 1
            learned[field.name] = LearnedDomain(minimum=low, maximum=last)
    return learned


def discover_range(table: PrivateTable, name: str, edges: FloatArray, noise_scale: float) -> tuple[float, float]:
    """Outer borders of the bins of a public grid that hold more than noise: read off one histogram.

    Args:
        table: the private rows, not encoded yet.
        name: a numeric or date column.
        edges: a public grid in numeric units, increasing; values outside fall into the outer bins.
        noise_scale: standard deviation of the noise per bin, in rows.

    Raises:
        BudgetExceededError: the envelope does not hold the charge.
        PlanError: no bin rises above the noise, so no range can be stated.

    Privacy: that of `PrivateTable.histogram`.
    """
    lower = np.concatenate([[-np.inf], edges[1:-1]])
    upper = np.concatenate([edges[1:-1], [np.inf]])
    noisy = table.histogram(name, lower, upper, noise_scale, "learn the range")
    held = np.flatnonzero(noisy > noise_scale * float(-ndtri(0.05 / len(noisy))))
    if not len(held):
        raise PlanError(
            f"the range of column {name!r} cannot be learned with so little privacy loss: "
            "state its minimum and maximum, or spend more"
        )
    return float(edges[held[0]]), float(edges[held[-1] + 1])


def measure_one_ways(table: PrivateTable, mu_squared: float) -> list[OneWay]:
    """Noisy counts of every column, each with an equal part of `mu_squared`.

    Privacy: charges `mu_squared` in all.
    """
    scale = table.rows_per_unit * math.sqrt(len(table.sizes) / mu_squared)
    return [
        OneWay(table.marginal((column,), scale, "one-way marginal").astype(np.float64), scale * scale)
        for column in range(len(table.sizes))
    ]


def estimate_total(one_ways: Sequence[OneWay]) -> float:
    """The number of rows with the least variance that the noisy one-way marginals allow, at least one."""
    totals = np.array([one_way.counts.sum() for one_way in one_ways])
    precisions = np.array([1.0 / (one_way.variance * one_way.counts.size) for one_way in one_ways])
    return max(1.0, float(totals @ precisions / precisions.sum()))


def drop_spurious(domain: TableDomain, one_ways: Sequence[OneWay]) -> list[OneWay]:
    """Set cells to zero that hold no more than noise would: a missing cell, and stretches of a number line.

    A stretch of m cells is judged by its sum, whose noise has standard deviation √m times that of a cell; where it
    stands out, its halves are judged, and where neither does, both are kept. Without this, a few rows of noise in
    the empty far cells of a wide range would move its mean by more than all that is true in it.
    """
    return [_without_spurious(column, one_way) for column, one_way in zip(domain.columns, one_ways, strict=True)]


def _without_spurious(column: ColumnDomain, one_way: OneWay) -> OneWay:
    counts = one_way.counts.copy()
    deviation = math.sqrt(one_way.variance)
    if column.nullable and counts[-1] < SPURIOUS_MISSING_DEVIATIONS * deviation and counts.size > 1:
        counts[-1] = 0.0
    if column.is_numeric:
        atoms, bins = counts[: len(column.atoms)], counts[len(column.atoms) : column.n_values]
        atoms[atoms < SPURIOUS_DEVIATIONS * deviation] = 0.0
        _clear_empty(bins, SPURIOUS_DEVIATIONS * deviation)
    return replace(one_way, counts=counts)


def _clear_empty(counts: FloatArray, limit: float) -> None:
    """Set to zero, in place, each half of a stretch that is within noise while the other one clearly holds more."""
    if counts.size < 2:
        return
    halves = [counts[: counts.size // 2], counts[counts.size // 2 :]]
    low, high = sorted(halves, key=np.sum)
    stands_out = [half.sum() >= limit * math.sqrt(half.size) for half in (low, high)]
    if not stands_out[0] and high.sum() - low.sum() >= limit * math.sqrt(counts.size):
        low[:] = 0.0
    for half, held in zip((low, high), stands_out, strict=True):
        if held:
            _clear_empty(half, limit)


def public_grid(field_type: FieldType) -> FloatArray:
    """Borders among which a range is learned: powers of two with both signs, or years for dates."""
    if field_type in (FieldType.DATE, FieldType.DATETIME):
        unit = 86_400 if field_type is FieldType.DATETIME else 1
        days = [(date(year, 1, 1) - date(1970, 1, 1)).days for year in range(1800, 2202)]
        return np.array(days, dtype=np.float64) * unit
    powers = np.arange(0 if field_type is FieldType.INTEGER else -10, 48)
    magnitudes = np.exp2(powers.astype(np.float64))
    return np.concatenate([-magnitudes[::-1], [0.0], magnitudes])


def project_to_simplex(values: FloatArray, total: float) -> FloatArray:
    """The closest non-negative vector with the given sum.

    Source: Duchi, Shalev-Shwartz, Singer, Chandra, "Efficient Projections onto the L1-Ball" (2008), Figure 1.
    """
    descending = np.sort(values)[::-1]
    excess = np.cumsum(descending) - total
    positive = descending - excess / np.arange(1, len(values) + 1) > 0
    last = int(np.flatnonzero(positive)[-1])
    return np.asarray(np.maximum(values - excess[last] / (last + 1), 0.0), dtype=np.float64)
