"""What an owner sees of the table, and the schema that it suggests.

A profile is computed from private rows without noise. It is for the owner's eyes and says so; nothing of it may
be released. The proposed schema states bounds that were read from the rows: they become the analyst's own
statement when confirmed, or can be learned under differential privacy instead.
"""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
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
from engine.data.written_forms import NUMBER_PATTERN, SAMPLED_VALUES, form_findings, read_texts

CLASSIFICATION = "owner only"
PROPOSAL_NOTE = (
    "Bounds in a proposed schema were read from the private rows. Confirm or change them as your own statement, or "
    "have them learned under differential privacy."
)
HISTOGRAM_BINS = 20
TOP_VALUES = 100
MOST_CATEGORIES = 1_000
FREE_TEXT_LENGTH = 60
SMALLEST_STEP = 1e-12
_NUMPY = {FieldType.INTEGER: np.int64, FieldType.NUMBER: np.float64}


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
        date_format: how dates are written, where not as ISO.
        decimal_comma: whether numbers are written with a comma before their decimals.
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
    date_format: str | None = None
    decimal_comma: bool = False


@dataclass(frozen=True)
class TableProfile:
    """All columns, as their owner sees them."""

    n_rows: int
    columns: tuple[ColumnProfile, ...]

    def to_json(self) -> dict[str, Any]:
        """The profile as JSON, marked for its owner only."""
        return {
            "classification": CLASSIFICATION,
            "note": PROPOSAL_NOTE,
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


def without_proposed_bounds(schema: TableSchema) -> TableSchema:
    """The schema with every bound that was read from the rows left to be learned under differential privacy."""
    return replace(schema, fields=tuple(_to_be_learned(field) for field in schema.fields))


def _to_be_learned(field: Field) -> Field:
    if field.type is FieldType.BOOLEAN or field.minimum is None:
        return field
    return replace(field, minimum=None, maximum=None, decimals=None, source=DomainSource.MEASURED)


def _column_from_json(value: dict[str, Any]) -> ColumnProfile:
    findings = tuple(PiiFinding(**finding) for finding in value["findings"])
    kinds = {
        "inferred_type": FieldType(value["inferred_type"]),
        "suggested_treatment": Treatment(value["suggested_treatment"]),
    }
    return ColumnProfile(**(value | kinds | {"findings": findings}))


def _profile_column(column: pd.Series, name: str) -> ColumnProfile:
    known, form = read_texts(column.dropna())
    kind = _type_of(known)
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
        date_format=form.date_format,
        decimal_comma=form.decimal_comma,
    )


def _type_of(column: pd.Series) -> FieldType:
    if pd.api.types.is_bool_dtype(column.dtype):
        return FieldType.BOOLEAN
    if pd.api.types.is_integer_dtype(column.dtype):
        return FieldType.INTEGER
    if pd.api.types.is_float_dtype(column.dtype):
        return FieldType.NUMBER
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return FieldType.DATE if bool((column == column.dt.normalize()).all()) else FieldType.DATETIME
    return FieldType.STRING


def _findings(known: pd.Series, name: str, kind: FieldType, n_distinct: int) -> list[PiiFinding]:
    findings = find_by_header(name)
    if kind in (FieldType.STRING, FieldType.INTEGER):
        sample = known.drop_duplicates().head(SAMPLED_VALUES).astype(str).tolist()
        findings += [found for found in find_by_values(sample) if found.kind not in {f.kind for f in findings}]
    if not findings and kind in (FieldType.STRING, FieldType.INTEGER) and _looks_like_id(known, kind, n_distinct):
        provider = "uuid4" if kind is FieldType.STRING else "row_number"
        findings.append(PiiFinding("identifier", "nearly every row has a value of its own", provider))
    if kind is FieldType.STRING and len(known):
        typical = float(known.head(SAMPLED_VALUES).str.len().mean())
        if typical > FREE_TEXT_LENGTH:
            findings.append(PiiFinding("free text", f"values are long, {typical:.0f} characters on average", None))
        findings += list(form_findings(known))
    if _reads_as_value(name, known, kind):
        findings.append(PiiFinding("value as its header", "check that the file's first row names the columns", None))
    return findings


def _reads_as_value(name: str, known: pd.Series, kind: FieldType) -> bool:
    """Whether a column's name could be one of its values, as it is where a file has no header."""
    if kind is FieldType.STRING:
        return bool((known == name).any())
    if kind in (FieldType.INTEGER, FieldType.NUMBER):
        return re.fullmatch(NUMBER_PATTERN, name) is not None
    return re.fullmatch(r"\d{4}-\d{2}-\d{2}.*", name) is not None


def _looks_like_id(known: pd.Series, kind: FieldType, n_distinct: int) -> bool:
    if len(known) < 20 or n_distinct < 0.95 * len(known):
        return False
    if kind is FieldType.STRING:
        return True
    low, high = int(known.min()), int(known.max())
    return high - low < 2 * len(known) or low >= 10**8


def _suggest(findings: list[PiiFinding], kind: FieldType, n_distinct: int, n_known: int) -> tuple[Treatment, str]:
    for finding in findings:
        if finding.fake_provider is not None:
            return Treatment.FAKE, f"possible {finding.kind}: {finding.reason}"
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
    values = known.to_numpy(dtype="datetime64[s]").astype(np.int64) if dated else known.to_numpy(dtype=_NUMPY[kind])
    low, high = values.min().item(), values.max().item()
    edges, counts = _histogram(values, low, high)
    if dated:
        texts = [_iso(edge, FieldType.DATETIME) for edge in edges]
        return _iso(low, kind), _iso(high, kind), {"edges": texts, "counts": counts}
    return low, high, {"edges": edges, "counts": counts}


def _histogram(values: npt.NDArray[Any], low: float, high: float) -> tuple[list[float], list[int]]:
    """Equal bins from the smallest to the largest value, whatever their size; one bin if all are equal."""
    if values.dtype == np.int64:
        offsets = (values.view(np.uint64) - np.int64(low).view(np.uint64)).astype(np.float64)
        span = float(int(high) - int(low))
    else:
        offsets, span = values / 2 - low / 2, high / 2 - low / 2  # the difference of two doubles may be none
    if span == 0:
        return [low - 0.5, high + 0.5], [len(values)]
    bins = np.minimum((offsets / span * HISTOGRAM_BINS).astype(np.int64), HISTOGRAM_BINS - 1)
    shares = np.linspace(0, 1, HISTOGRAM_BINS + 1)
    edges = low * (1 - shares) + high * shares
    return edges.tolist(), np.bincount(bins, minlength=HISTOGRAM_BINS).tolist()


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
        date_format=column.date_format,
        decimal_comma=column.decimal_comma,
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
    if max(abs(column.minimum), abs(column.maximum)) > LARGEST_EXACT_INTEGER:
        return None, None
    low_number, high_number = round_outward(float(column.minimum), float(column.maximum))
    if column.inferred_type is FieldType.INTEGER:
        return max(math.floor(low_number), -LARGEST_EXACT_INTEGER), min(math.ceil(high_number), LARGEST_EXACT_INTEGER)
    return low_number, high_number


def round_outward(low: float, high: float) -> tuple[float, float]:
    """Generous round bounds: whole steps of a power of ten not above the range, from 0 where that is not far away.

    Args:
        low: smallest value; at most 2^53 from 0.
        high: largest value, at least `low`.
    """
    width = high - low
    from_nought = low >= 0.0 and (low <= max(width, 1.0) or width == 0.0)
    span = max(width, high) if from_nought else width or -low
    exponent = math.floor(math.log10(max(span, SMALLEST_STEP)))
    if span == 0.0 or 0.01 <= span < 1.0:
        exponent = 0
    step = 10.0**exponent
    lower = 0.0 if from_nought else round(math.floor(low / step + 1e-9) * step, max(0, -exponent))
    upper = round(math.ceil(high / step - 1e-9) * step, max(0, -exponent))
    return min(lower, low), max(upper, high, lower + step)
