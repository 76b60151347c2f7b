"""Section 3: where each thing that the run knew of the data came from."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from app.reporting.document import Bullets, Heading, Paragraph, Section, Statement, Statements, Table
from app.reporting.evidence import Evidence
from app.reporting.printable import NOT_PROVIDED, clean, number_text, provided
from app.reporting.sections.phrases import (
    DOMAIN_MECHANISMS,
    Json,
    counted,
    items,
    moment_text,
    number,
    part,
    records,
    treatment_text,
    upward_text,
)
from engine.data.schema import EXTENSION_KEY

NOTHING = "\N{EN DASH}"

_LEAD = (
    "A domain is the list of values, or the bounds, that a column may have. Taken from the private rows without noise "
    "it would be a release that no budget paid for, so each is taken from a public reference, declared by a person, or "
    "measured and charged."
)
_SOURCES = {
    "public": "public reference",
    "declared": "declared",
    "unprotected": "not protected",
}
_RULES = (
    "A number outside the bounds of its column is clipped to them before it is counted.",
    "A category that its column does not list is treated as the table says; it is never added to the list.",
    "Where the list of categories is measured, a category is listed only if its noisy count passes a threshold, so "
    "that a value of one unit stays off the list but for a part of δ.",
    "Missing values are a category of their own and are measured with the others, unless the column was declared to "
    "have none.",
    "Values of faked columns are made up without reading a row.",
)


def build(evidence: Evidence) -> Section:
    """What was public, what was declared, and what was measured."""
    rules = rule_statements(evidence)
    return Section(
        "3",
        "Where each thing learned from the data came from",
        (
            Paragraph(_LEAD),
            Statements(_summary(evidence)),
            columns_table(evidence),
            Heading("How values are treated"),
            Bullets(_RULES),
            *((Heading("Rules that the owner stated"), Statements(rules)) if rules else ()),
            Heading("What is used or released as it is"),
            Statements(invariants(evidence)),
        ),
    )


def _summary(evidence: Evidence) -> tuple[Statement, ...]:
    return (
        evidence.computed("Columns", "/certificate/columns", text=columns_text),
        evidence.declared("Domains and types", "/dataset/owner", "/dataset/schema_confirmed_at", text=_confirmed),
        evidence.computed("Taken on trust", "/certificate/columns", text=_trusted),
        evidence.computed("Measured for domains", "/certificate/events", text=_measured),
    )


def columns_text(columns: Any) -> str:
    """How many columns were synthesized, faked and dropped."""
    found = records(columns)
    counts = Counter(treatment_text(column) for column in found)
    return f"{len(found):,}: " + ", ".join(f"{count:,} {word}" for word, count in counts.items()) if found else "none"


def _confirmed(owner: Any, moment: Any) -> str:
    return f"confirmed by {clean(owner)} on {moment_text(moment)}"


def _trusted(columns: Any) -> str:
    found = records(columns)
    stated = sum(column.get("domain_source") in ("public", "declared") for column in found)
    return f"the values or bounds of {stated:,} of {counted(len(found), 'column')}, and the unit of protection"


def _measured(events: Any) -> str:
    charged = [event for event in records(events) if event.get("mechanism") in DOMAIN_MECHANISMS]
    rho = math.fsum(number(event.get("rho")) or 0.0 for event in charged)
    return f"{counted(len(charged), 'measurement')}, ρ = {upward_text(rho, 4)} in all" if charged else "nothing"


def columns_table(evidence: Evidence) -> Table:
    """One row per column: its domain, where that came from, and what it cost."""
    events = records(evidence.items("/certificate/events"))
    required = _required(evidence)
    rows = tuple(_column(column, events, required) for column in records(evidence.items("/certificate/columns")))
    return Table(
        "Each column, its domain, and where that came from",
        ("Column", "Type", "Domain", "Source", "ρ for it", "Outside of it", "Missing values"),
        rows or ((NOT_PROVIDED,) * 7,),
        (1.8, 1.7, 2.1, 1.5, 1.2, 1.4, 1.4),
        "/certificate",
    )


def _required(evidence: Evidence) -> dict[str, bool]:
    """Per column whether it was declared to have no missing values."""
    fields = records(evidence.items("/certificate/schema/fields"))
    return {str(field.get("name")): part(field, "constraints").get("required") is True for field in fields}


def _column(column: Json, events: list[Json], required: dict[str, bool]) -> tuple[str, ...]:
    name, source = column.get("name"), column.get("domain_source")
    is_read = source is not None
    missing = "declared to have none" if required.get(str(name)) else "a category of their own"
    return (
        provided(column, "name"),
        f"{provided(column, 'type')}, {treatment_text(column)}",
        provided(column, "domain"),
        _source(source),
        domain_cost(name, events),
        provided(column, "outside_rule") if is_read else NOTHING,
        missing if is_read else NOTHING,
    )


def _source(source: Any) -> str:
    if source is None:
        return "not read"
    return "measured and charged" if source == "measured" else _SOURCES.get(str(source), clean(source))


def domain_cost(name: Any, events: list[Json]) -> str:
    """ρ of the charged measurements that learned how the values of one column are spread."""
    costs = [
        number(event.get("rho")) or 0.0
        for event in events
        if event.get("mechanism") in DOMAIN_MECHANISMS and items(event, "reads") == [name]
    ]
    return upward_text(math.fsum(costs), 4) if costs else NOTHING


def rule_statements(evidence: Evidence) -> tuple[Statement, ...]:
    """Each public rule in words, and whether the run kept to it."""
    place = f"/certificate/schema/{EXTENSION_KEY}/rules"
    return tuple(
        evidence.declared(f"Rule {index + 1}", f"{place}/{index}", "/certificate/columns", text=_rule)
        for index in range(len(evidence.items(place)))
    )


def _rule(rule: Any, columns: Any) -> str:
    if not isinstance(rule, dict):
        return clean(rule)
    if rule.get("kind") == "at_most":
        names = [rule.get("low"), rule.get("high")]
        said = f"{clean(names[0])} is at most {clean(names[1])}"
    else:
        names = items(rule, "columns")
        listed = number_text(len(items(rule, "rows")))
        said = f"{' and '.join(map(clean, names))} occur in {listed} listed combinations only"
    modelled = [column.get("name") for column in records(columns) if column.get("treatment") == "synthesize"]
    kept = (
        "kept in every synthetic row"
        if all(name in modelled for name in names)
        else "passed over, since a column is not synthesized"
    )
    return f"{said}; {kept}"


def invariants(evidence: Evidence) -> tuple[Statement, ...]:
    """What enters the synthetic table without noise, and whether the number of rows does."""
    return (
        evidence.computed("Number of private rows", "/certificate/rows/estimated_private", text=_rows),
        evidence.computed("Number of synthetic rows", "/certificate/rows/synthetic", text=number_text),
        evidence.declared(
            "Names, types and order of the columns",
            "/certificate/schema_sha256",
            text=lambda digest: f"as declared in the schema, digest {clean(digest)}",
        ),
        evidence.declared("Cell texts that mean missing", "/certificate/schema/missingValues", text=_texts),
    )


def _rows(estimated: Any) -> str:
    exact = number(estimated)
    about = NOT_PROVIDED if exact is None else number_text(round(exact))
    return f"about {about}, estimated from charged measurements; the exact number was not released"


def _texts(texts: Any) -> str:
    return ", ".join(map(clean, texts)) if isinstance(texts, list) and texts else "none"
