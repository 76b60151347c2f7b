"""Public rules of a schema: what they can be about, lists of combinations, and what is checked before they are saved.

No private row is read here: whether the rows keep a rule would be an answer about them that nothing paid for.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from app.errors import InvalidDataError
from app.services.sources import sentence
from engine.data.rules import MOST_COMBINATIONS, AtMost, Combinations, Rule, listed_values
from engine.data.schema import DomainSource, Field, FieldType, TableSchema, Treatment
from engine.errors import EngineError, SchemaError

if TYPE_CHECKING:
    import pandas as pd

    from engine.data.rules import Scalar

LARGEST_LIST_MIB = 1
MOST_CELLS = 2_000_000
"""Most combinations that there could be of the columns of one rule; the engine keeps a mark for each."""


def rule_columns(schema: TableSchema, names: Iterable[str]) -> list[str]:
    """Those of the named columns that are synthesized, in the schema's order: only these can be under a rule."""
    wanted = set(names)
    return [field.name for field in schema.fields if field.name in wanted and field.treatment is Treatment.SYNTHESIZE]


def comparable(schema: TableSchema, name: str, others: Iterable[str]) -> list[str]:
    """Those of the other columns that a rule can compare with this one."""
    return [other for other in others if other != name and _is_possible(schema, AtMost(name, other))]


def _is_possible(schema: TableSchema, rule: AtMost) -> bool:
    try:
        rule.check({name: schema.field(name) for name in rule.columns})
    except SchemaError:
        return False
    return True


def choices(field: Field) -> tuple[Scalar, ...]:
    """The values of a column that can stand in a list of combinations; none where it does not list them."""
    from engine.data.encode import NUMERIC_BINS

    values = listed_values(field) or ()
    is_binned = field.enum is None and field.type is FieldType.INTEGER and len(values) > NUMERIC_BINS
    return () if is_binned else values


def combinations_of_lines(fields: Sequence[Field], lines: Sequence[Mapping[str, Scalar | None]]) -> Combinations:
    """A rule from typed values, one line per combination; lines without any value and repeated ones are left out.

    Raises:
        InvalidDataError: a line lacks a value or holds one that the column does not list; it names line and column.
        SchemaError: there are too few or too many.
    """
    listed = {field.name: frozenset(choices(field)) for field in fields}
    rows: dict[tuple[Scalar, ...], None] = {}
    for number, line in enumerate(lines, start=1):
        if any(line.get(name) is not None for name in listed):
            rows[tuple(_checked(name, line.get(name), values, number) for name, values in listed.items())] = None
    if not rows:
        raise InvalidDataError("Write at least one combination that occurs.")
    return Combinations(tuple(field.name for field in fields), tuple(rows))


def _checked(name: str, value: Scalar | None, listed: frozenset[Scalar], number: int) -> Scalar:
    if value is None:
        raise InvalidDataError(
            f"Line {number} of the list has no value of {name!r}. Fill it in or remove the line: where a value "
            "is missing, the rule says nothing anyway."
        )
    if value not in listed:
        raise InvalidDataError(
            f"Line {number} of the list holds a value that column {name!r} does not list. Correct it there, or "
            "add it to the column."
        )
    return value


def combinations_of_file(fields: Sequence[Field], content: bytes, filename: str) -> Combinations:
    """A rule from a small table that has the columns as header; other columns of it are left out.

    Args:
        fields: the columns.
        content: the file.
        filename: its name, whose ending tells the format.

    Raises:
        InvalidDataError: it cannot be read as such a table, or holds a value that a column does not list.
        SchemaError: there are too many combinations.
    """
    from engine.data.ingest import IngestLimits, read_table

    limits = IngestLimits(max_bytes=LARGEST_LIST_MIB * 1024**2, max_rows=MOST_COMBINATIONS)
    with tempfile.TemporaryDirectory(prefix="studio-") as folder:
        path = Path(folder) / "list"
        path.write_bytes(content)
        try:
            table = read_table(path, filename=filename, schema=TableSchema(tuple(fields)), limits=limits).table
        except EngineError as error:
            raise InvalidDataError(f"{PurePath(filename).name}: {sentence(error)}") from None
    return combinations_of_lines(fields, _lines(table))


def _lines(table: pd.DataFrame) -> list[dict[str, Scalar | None]]:
    columns = {
        str(name): [None if missing else value for value, missing in zip(column.tolist(), column.isna(), strict=True)]
        for name, column in table.items()
    }
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def with_field(schema: TableSchema, field: Field) -> TableSchema:
    """The schema with one column changed.

    Raises:
        InvalidDataError: a rule about the column could not hold any more; it names the rule and says what to do.
    """
    try:
        changed = schema.replace_field(field)
        check_rules_hold(changed)
    except (SchemaError, InvalidDataError) as error:
        about = [rule.describe() for rule in schema.rules if field.name in rule.columns]
        reason = sentence(error) if isinstance(error, SchemaError) else error.user_message
        if about:
            reason += (
                f" The column is under the rule that {'; and that '.join(about)}. Nothing was saved: remove the rule "
                "first, or keep the column as it is."
            )
        raise InvalidDataError(reason) from None
    return changed


def check_rules_hold(schema: TableSchema) -> None:
    """Refuse rules that no run could keep, before a run is charged for finding out; reads the schema alone.

    Raises:
        InvalidDataError: a column of a rule is faked, has cells too coarse for it, or no values are left.
    """
    for rule in schema.rules:
        for name in rule.columns:
            if schema.field(name).treatment is Treatment.FAKE:
                raise InvalidDataError(
                    f"Column {name!r} is faked, so the rule that {rule.describe()} cannot hold. Drop the column "
                    "instead, or remove the rule."
                )
    known = [field for field in _under_rules(schema) if field.has_domain and field.source is not DomainSource.MEASURED]
    if known:
        _check_cells(known, schema.rules)


def _check_cells(fields: Sequence[Field], rules: Sequence[Rule]) -> None:
    from engine.data.encode import table_domain
    from engine.synthesizers.rule_cells import allowed_cells

    try:
        domain = table_domain(fields, {})
        sizes = dict(zip(domain.names, domain.sizes, strict=True))
        for rule in rules:
            cells = math.prod(sizes.get(name, 1) for name in rule.columns)
            if cells > MOST_CELLS:
                raise InvalidDataError(
                    f"There could be {cells:,} combinations of {', '.join(rule.columns)}, more than the "
                    f"{MOST_CELLS:,} of one rule. State the rule for fewer columns."
                )
        allowed_cells(domain, rules)
    except EngineError as error:
        raise InvalidDataError(sentence(error)) from None


def _under_rules(schema: TableSchema) -> list[Field]:
    names = {name for rule in schema.rules for name in rule.columns}
    return [schema.field(name) for name in rule_columns(schema, names)]
