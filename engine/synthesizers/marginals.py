"""Steps that every marginal method shares: learn open domains, measure one-way marginals, count the rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt

from engine.data.encode import LearnedDomain, TableDomain, table_domain
from engine.data.schema import DomainSource, Field, FieldType
from engine.privacy.plan import SynthesisPlan
from engine.privacy.private_table import PrivateTable

FloatArray = npt.NDArray[np.float64]

LEARNING_SHARE = 0.08
"""Part of μ² that learning open domains costs, if any column has one."""

LEARNING_DELTA_SHARE = 0.05
"""Part of δ that thresholds of category discovery use, if any column needs it."""


@dataclass(frozen=True)
class OneWay:
    """A column's noisy counts, with the noise variance of one cell."""

    counts: FloatArray
    variance: float


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


def learning_share(plan: SynthesisPlan) -> float:
    """Part of μ² that learning takes in this plan."""
    return LEARNING_SHARE if open_columns(plan) else 0.0


def learning_delta(plan: SynthesisPlan) -> float:
    """δ that learning takes in this plan."""
    learns_text = any(field.type is FieldType.STRING for field in open_columns(plan))
    return LEARNING_DELTA_SHARE * plan.delta if learns_text else 0.0


def learn_domain(table: PrivateTable, plan: SynthesisPlan, mu_squared: float) -> TableDomain:
    """Learn every open domain with equal parts of `mu_squared` and encode the table.

    Raises:
        PlanError: a range does not rise above the noise.

    Privacy: charges `mu_squared` and `learning_delta(plan)` in all.
    """
    opened = open_columns(plan)
    texts = [field for field in opened if field.type is FieldType.STRING]
    learned: dict[str, LearnedDomain] = {}
    for field in opened:
        scale = table.rows_per_unit * math.sqrt(len(opened) / mu_squared)
        if field.type is FieldType.STRING:
            delta = learning_delta(plan) / len(texts)
            learned[field.name] = LearnedDomain(table.discover_categories(field.name, scale, delta))
        else:
            low, high = table.discover_range(field.name, public_grid(field.type), scale)
            last = high if field.type is FieldType.NUMBER else high - 1
            learned[field.name] = LearnedDomain(minimum=low, maximum=last)
    domain = table_domain(modelled_fields(plan), learned)
    table.encode(domain)
    return domain


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


def drop_spurious_missing(domain: TableDomain, one_ways: Sequence[OneWay]) -> list[OneWay]:
    """Set a missing cell to zero where its noisy count is within three standard deviations of none."""
    cleaned = []
    for column, one_way in zip(domain.columns, one_ways, strict=True):
        counts = one_way.counts.copy()
        if column.nullable and counts[-1] < 3.0 * math.sqrt(one_way.variance) and counts.size > 1:
            counts[-1] = 0.0
        cleaned.append(replace(one_way, counts=counts))
    return cleaned


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
