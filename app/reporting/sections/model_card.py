"""The model card: what the synthetic table is for, how it was made, and how far it can be trusted.

Source: Mitchell et al., Model Cards for Model Reporting (2019), section 4.
"""

from __future__ import annotations

from app.reporting.document import Block, Bullets, Heading, Note, Paragraph, Section, Statement, Statements, Table
from app.reporting.evidence import Evidence
from app.reporting.frameworks.common import (
    CONTACT,
    DATA_COLLECTION,
    INTENDED_USE,
    NOT_FOR,
    POPULATION,
    PURPOSE,
    RECIPIENTS,
)
from app.reporting.printable import LONGEST_STATEMENT, NOT_PROVIDED, clean, number_text, provided
from app.reporting.sections.algorithm import software_statements
from app.reporting.sections.findings import METRICS, utility_facts, value_text
from app.reporting.sections.ledger import spent_statement
from app.reporting.sections.phrases import (
    Json,
    band_sentence,
    epsilon_sentence,
    items,
    number,
    records,
    treatment_text,
    unit_places,
    unit_text,
)
from app.reporting.sections.sources import columns_text, invariants
from app.reporting.sections.utility import subgroup_blocks

TITLE = "Model card"

Part = tuple[str, tuple[Block, ...]]

_SUBGROUPS = f"{METRICS}/subgroups"
_BY_COLUMN = f"{METRICS}/noisy-distances/details/columns"
_SOURCES = {
    "public": "public reference",
    "declared": "declared",
    "measured": "measured and charged",
    "unprotected": "taken from the rows, not protected",
}

_RULED_OUT = (
    "Decisions about single people: no synthetic row is anybody's.",
    "Figures about small groups, whose noise is large beside their counts.",
    "Conclusions that are acted on before they were checked on the private rows.",
    "Attempts to find out who was among the private rows.",
)
_RULED_OUT_UNPROTECTED = (
    "Any release: the table can repeat what the private rows hold.",
    "Any use outside the organisation that holds the private rows, and any figure or model that leaves it.",
    "Decisions about single people: no synthetic row is anybody's.",
)
_LIMITS = (
    "Relations that the method did not measure are not kept; columns look independent there, also where they are not.",
    "Errors are largest for rare values and small groups.",
    "What the private rows lack or have wrong, the synthetic rows lack or have wrong too.",
)


def build(evidence: Evidence, number_in_report: str) -> Section:
    """The card as a section of a report.

    Args:
        evidence: what to say.
        number_in_report: number of the section.
    """
    blocks: list[Block] = []
    for title, content in parts(evidence):
        blocks += [Heading(title), *content]
    return Section(number_in_report, TITLE, tuple(blocks))


def parts(evidence: Evidence) -> tuple[Part, ...]:
    """The card's parts in order, each with its title; without a guarantee no ε is among them."""
    return (
        ("Intended use", _intended_use(evidence)),
        ("Not for", _not_for(evidence)),
        ("Data", _data(evidence)),
        ("Method", (Statements(software_statements(evidence)),)),
        ("Privacy", _privacy(evidence)),
        ("Quality by subgroup", _quality(evidence)),
        ("Limits", _limits(evidence)),
    )


def _intended_use(evidence: Evidence) -> tuple[Block, ...]:
    questions = (PURPOSE, INTENDED_USE, RECIPIENTS, CONTACT) if evidence.is_protected else (PURPOSE,)
    return (Statements(tuple(question.statement(evidence) for question in questions)),)


def _not_for(evidence: Evidence) -> tuple[Block, ...]:
    general = Bullets(_RULED_OUT if evidence.is_protected else _RULED_OUT_UNPROTECTED)
    return (Statements((NOT_FOR.statement(evidence),)), general)


def _data(evidence: Evidence) -> tuple[Block, ...]:
    sizes = (
        invariants(evidence)[:2]
        if evidence.is_protected
        else (evidence.computed("Number of synthetic rows", "/certificate/rows/synthetic", text=number_text),)
    )
    return (
        Statements(
            (
                evidence.declared("Dataset", "/dataset/name"),
                evidence.computed("Columns", "/certificate/columns", text=columns_text),
                *sizes,
                POPULATION.statement(evidence),
                DATA_COLLECTION.statement(evidence),
            )
        ),
        _columns(evidence),
    )


def _columns(evidence: Evidence) -> Table:
    place = "/certificate/columns"
    return Table(
        "Columns of the synthetic table",
        ("Column", "Type", "Treatment", "Domain", "Domain known from"),
        tuple(map(_column, records(evidence.items(place)))) or ((NOT_PROVIDED,) * 5,),
        (2.0, 1.0, 1.3, 2.6, 1.8),
        place,
    )


def _column(column: Json) -> tuple[str, ...]:
    source = column.get("domain_source")
    return (
        provided(column, "name"),
        provided(column, "type"),
        treatment_text(column),
        provided(column, "domain"),
        "not read" if source is None else _SOURCES.get(str(source), clean(source)),
    )


def _privacy(evidence: Evidence) -> tuple[Block, ...]:
    privacy, unit = "/certificate/privacy", unit_places(evidence)
    if not evidence.is_protected:
        return (
            Note(clean(evidence.at(f"{privacy}/statement"), LONGEST_STATEMENT), is_warning=True),
            Statements((evidence.computed("Guarantee", "/certificate/guarantee"),)),
        )
    return (
        Statements(
            (
                evidence.declared("Who is protected", *unit, text=unit_text),
                evidence.computed(
                    "The guarantee", f"{privacy}/epsilon", f"{privacy}/delta", *unit, text=epsilon_sentence
                ),
                evidence.computed("How much ε says", f"{privacy}/epsilon", text=band_sentence),
                spent_statement(evidence),
            )
        ),
    )


def _quality(evidence: Evidence) -> tuple[Block, ...]:
    """Overall, by subgroup and by column, as far as it was charged; internal numbers in internal editions only."""
    internal = subgroup_blocks(evidence) if evidence.is_internal else ()
    if not evidence.is_protected:
        return internal or (
            Statements((evidence.computed("Quality by subgroup", "/evaluation/metrics/subgroups/unavailable"),)),
        )
    return (Statements((*utility_facts(evidence), *_subgroups(evidence))), *_by_column(evidence), *internal)


def _subgroups(evidence: Evidence) -> tuple[Statement, ...]:
    name = "Quality by subgroup, charged to the budget"
    found = evidence.items(f"{_SUBGROUPS}/findings")
    places = [f"{_SUBGROUPS}/findings/{index}/sentence" for index in range(len(found))]
    return tuple(evidence.computed(name, place) for place in places or [f"{_SUBGROUPS}/findings"])


def _by_column(evidence: Evidence) -> tuple[Block, ...]:
    rows = tuple(map(_column_quality, records(evidence.items(_BY_COLUMN))))
    if not rows:
        return ()
    table = Table(
        "Rows that would have to move in the pairs of each column, as a share; charged to the budget",
        ("Column", "Distance", "Interval"),
        rows,
        (2.4, 1.0, 1.8),
        _BY_COLUMN,
    )
    return (table,)


def _column_quality(column: Json) -> tuple[str, ...]:
    ends = [number(end) for end in items(column, "interval")]
    interval = " to ".join(value_text(end, "share") for end in ends)
    return (provided(column, "name"), value_text(column.get("value"), "share"), interval or NOT_PROVIDED)


def _limits(evidence: Evidence) -> tuple[Block, ...]:
    listed = tuple(clean(text, LONGEST_STATEMENT) for text in evidence.items("/certificate/not_covered"))
    return (Paragraph("What the table cannot show, and what the guarantee leaves out:"), Bullets(listed + _LIMITS))
