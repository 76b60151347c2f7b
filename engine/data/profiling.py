"""What an owner sees of the table, and the schema that it suggests.

A profile is computed from private rows without noise. It is for the owner's eyes and says so; nothing of it may
be released. The proposed schema states bounds that were read from the rows: they become the analyst's own
statement when confirmed, or can be learned under differential privacy instead.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd

from engine.data.ingest import DEFAULT_MISSING_VALUES
from engine.data.pii import PiiFinding, find_by_header, find_by_values
from engine.data.schema import (
    LARGEST_EXACT_INTEGER,
    Bound,
    DomainSource,
    Field,
    FieldType,
    TableSchema,
    Treatment,
)

CLASSIFICATION = "owner only"
HISTOGRAM_BINS = 20
TOP_VALUES = 100
MOST_CATEGORIES = 1_000
SAMPLED_VALUES = 1_000
FREE_TEXT_LENGTH = 60


@dataclass(frozen=True)
class ColumnProfile:
    """One column, as its owner sees it.

    Args:
        name: the column.
        inferred_type: type that its values suggest.
        n_rows: rows.
        n_missing: missing cells.
        n_distinct: distinct values.
        minimum: smallest value of a number or date (ISO), or None.
        maximum: largest value.
        histogram: `edges` (in numbers, or ISO dates) and `counts` of a number or date, or None.
        top_values: `value` and `count` of the most frequent texts or booleans, or None.
        findings: reasons to look at the column.
        suggested_treatment: synthesize, drop or fake.
        suggestion_reason: why.
        decimals: most digits after the point, of a number.
    """

    name: str
    inferred_type: FieldType
    n_rows: int
    n_missing: int
    n_distinct: int
    minimum: int | float | str | None
    maximum: int | float | str | None
    histogram: dict[str, list[Any]] | None
    top_values: list[dict[str, Any]] | None
    findings: tuple[PiiFinding, ...]
    suggested_treatment: Treatment
    suggestion_reason: str
    decimals: int | None = None


@dataclass(frozen=True)
class TableProfile:
    """All columns, as their owner sees them."""

    n_rows: int
    columns: tuple[ColumnProfile, ...]

    def to_json(self) -> dict[str, Any]:
        """The profile as JSON, marked for its owner only."""
        return {
            "classification": CLASSIFICATION,
            "n_rows": self.n_rows,
            "n_columns": len(self.columns),
            "columns": [asdict(column) for column in self.columns],
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> TableProfile:
        """Read a profile back."""
        return cls(value["n_rows"], tuple(_column_from_json(column) for column in value["columns"]))


def profile_table(table: pd.DataFrame) -> TableProfile:
    """Describe a typed table without noise.

    Privacy: reads all rows and charges nothing, so the result is for the owner only.
    """
    return TableProfile(len(table), tuple(_profile_column(table[name], str(name)) for name in table.columns))


def propose_schema(profile: TableProfile) -> TableSchema:
    """A schema for the analyst to confirm column by column.

    Numbers and dates get generous round bounds; texts get a domain that will be learned under DP. No list of
    observed categories is taken over.
    """
    return TableSchema(tuple(_propose_field(column) for column in profile.columns), DEFAULT_MISSING_VALUES)


def _column_from_json(value: dict[str, Any]) -> ColumnProfile:
    findings = tuple(PiiFinding(**finding) for finding in value["findings"])
    kinds = {
        "inferred_type": FieldType(value["inferred_type"]),
        "suggested_treatment": Treatment(value["suggested_treatment"]),
    }
    return ColumnProfile(**(value | kinds | {"findings": findings}))


def _profile_column(column: pd.Series, name: str) -> ColumnProfile:
    kind = _type_of(column)
    known = column.dropna()
    n_distinct = int(known.nunique())
    findings = _findings(known, name, kind, n_distinct)
    treatment, reason = _suggest(findings, kind, n_distinct, len(known))
    low, high, histogram = _range(known, kind)
    return ColumnProfile(
        name=name,
        inferred_type=kind,
        n_rows=len(column),
        n_missing=len(column) - len(known),
        n_distinct=n_distinct,
        minimum=low,
        maximum=high,
        histogram=histogram,
        top_values=_top_values(known, kind),
        findings=tuple(findings),
        suggested_treatment=treatment,
        suggestion_reason=reason,
        decimals=_decimals(known) if kind is FieldType.NUMBER else None,
    )


def _type_of(column: pd.Series) -> FieldType:
    if pd.api.types.is_bool_dtype(column.dtype):
        return FieldType.BOOLEAN
    if pd.api.types.is_integer_dtype(column.dtype):
        return FieldType.INTEGER
    if pd.api.types.is_float_dtype(column.dtype):
        return FieldType.NUMBER
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        known = column.dropna()
        return FieldType.DATE if bool((known == known.dt.normalize()).all()) else FieldType.DATETIME
    return FieldType.STRING


def _findings(known: pd.Series, name: str, kind: FieldType, n_distinct: int) -> list[PiiFinding]:
    findings = find_by_header(name)
    if kind in (FieldType.STRING, FieldType.INTEGER):
        sample = known.drop_duplicates().head(SAMPLED_VALUES).astype(str).tolist()
        findings += [found for found in find_by_values(sample) if found.kind not in {f.kind for f in findings}]
    if not findings and kind in (FieldType.STRING, FieldType.INTEGER) and _looks_like_id(known, kind, n_distinct):
        findings.append(PiiFinding("identifier", "nearly every row has a value of its own", "uuid4"))
    if kind is FieldType.STRING and len(known):
        typical = float(known.head(SAMPLED_VALUES).str.len().mean())
        if typical > FREE_TEXT_LENGTH:
            findings.append(PiiFinding("free text", f"values are long, {typical:.0f} characters on average", None))
        findings += list(_mixed_numbers(known))
    return findings


def _looks_like_id(known: pd.Series, kind: FieldType, n_distinct: int) -> bool:
    if len(known) < 20 or n_distinct < 0.95 * len(known):
        return False
    if kind is FieldType.STRING:
        return True
    values = known.to_numpy(dtype=np.int64)
    return bool(values.max() - values.min() < 2 * len(values)) or bool(values.min() >= 10**8)


def _mixed_numbers(known: pd.Series) -> Iterator[PiiFinding]:
    sample = known.head(SAMPLED_VALUES)
    share = float(pd.to_numeric(sample, errors="coerce").notna().mean())
    if 0.5 <= share < 1.0:
        yield PiiFinding("mixed types", f"{100 * share:.0f} % of sampled values read as numbers, the rest do not", None)


def _suggest(findings: list[PiiFinding], kind: FieldType, n_distinct: int, n_known: int) -> tuple[Treatment, str]:
    for finding in findings:
        if finding.fake_provider is not None:
            return Treatment.FAKE, f"may hold a {finding.kind}: {finding.reason}"
        if finding.kind == "free text":
            return Treatment.DROP, f"free text cannot be synthesized: {finding.reason}"
    if n_known == 0:
        return Treatment.DROP, "the column is empty"
    if kind is FieldType.STRING and n_distinct > MOST_CATEGORIES:
        return Treatment.DROP, f"more than {MOST_CATEGORIES:,} distinct texts are too many categories"
    return Treatment.SYNTHESIZE, "an ordinary column"


def _range(known: pd.Series, kind: FieldType) -> tuple[Any, Any, dict[str, list[Any]] | None]:
    if kind not in (FieldType.INTEGER, FieldType.NUMBER, FieldType.DATE, FieldType.DATETIME) or not len(known):
        return None, None, None
    dated = kind in (FieldType.DATE, FieldType.DATETIME)
    numbers = known.to_numpy(dtype="datetime64[s]").astype(np.int64) if dated else known.to_numpy(dtype=np.float64)
    counts, edges = np.histogram(numbers, bins=HISTOGRAM_BINS)
    if dated:
        texts = [_iso(edge, FieldType.DATETIME) for edge in edges]
        histogram = {"edges": texts, "counts": counts.tolist()}
        return _iso(numbers.min(), kind), _iso(numbers.max(), kind), histogram
    convert = int if kind is FieldType.INTEGER else float
    return convert(known.min()), convert(known.max()), {"edges": edges.tolist(), "counts": counts.tolist()}


def _iso(seconds: float, kind: FieldType) -> str:
    moment = np.datetime64(int(seconds), "s").astype(datetime)
    return str(moment.date().isoformat() if kind is FieldType.DATE else moment.isoformat())


def _top_values(known: pd.Series, kind: FieldType) -> list[dict[str, Any]] | None:
    if kind not in (FieldType.STRING, FieldType.BOOLEAN):
        return None
    counts = known.value_counts().head(TOP_VALUES)
    values = [bool(value) if kind is FieldType.BOOLEAN else str(value) for value in counts.index]
    return [{"value": value, "count": int(count)} for value, count in zip(values, counts, strict=True)]


def _decimals(known: pd.Series) -> int:
    sample = known.head(SAMPLED_VALUES).to_numpy(dtype=np.float64)
    for digits in range(9):
        if np.allclose(sample, np.round(sample, digits), rtol=0, atol=1e-9):
            return digits
    return 9


def _propose_field(column: ColumnProfile) -> Field:
    kind, treatment = column.inferred_type, column.suggested_treatment
    provider = next((found.fake_provider for found in column.findings if found.fake_provider), None)
    low, high = _proposed_bounds(column)
    bounded = low is not None or kind is FieldType.BOOLEAN
    return Field(
        name=column.name,
        type=kind,
        minimum=low,
        maximum=high,
        source=DomainSource.DECLARED if bounded else DomainSource.MEASURED,
        treatment=treatment,
        fake_provider=provider if treatment is Treatment.FAKE else None,
        decimals=column.decimals,
    )


def _proposed_bounds(column: ColumnProfile) -> tuple[Bound | None, Bound | None]:
    if column.minimum is None or column.maximum is None:
        return None, None
    if isinstance(column.minimum, str) or isinstance(column.maximum, str):
        first, last = (datetime.fromisoformat(str(bound)) for bound in (column.minimum, column.maximum))
        low, high = date(first.year, 1, 1), date(last.year, 12, 31)
        if column.inferred_type is FieldType.DATE:
            return low, high
        return datetime(low.year, 1, 1), datetime(high.year, 12, 31, 23, 59, 59)
    low_number, high_number = round_outward(float(column.minimum), float(column.maximum))
    if column.inferred_type is FieldType.INTEGER:
        if max(abs(low_number), abs(high_number)) > LARGEST_EXACT_INTEGER:
            return None, None
        return int(low_number), int(high_number)
    return low_number, high_number


def round_outward(low: float, high: float) -> tuple[float, float]:
    """Generous round bounds: whole steps of a tenth of the range's power of ten, and 0 for what is never negative."""
    span = max(high - low, abs(high), 1.0)
    step = 10.0 ** math.floor(math.log10(span))
    lower = 0.0 if 0.0 <= low <= span else math.floor(low / step) * step
    return lower, math.ceil(high / step + 1e-9) * step
