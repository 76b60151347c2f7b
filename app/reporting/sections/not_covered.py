"""Section 7: what the guarantee does not cover."""

from __future__ import annotations

from typing import Any

from app.reporting.document import Bullets, Heading, Paragraph, Section, Statement, Statements
from app.reporting.evidence import Evidence
from app.reporting.frameworks.common import NOT_FOR, OTHER_RELEASES
from app.reporting.printable import LONGEST_STATEMENT, NOT_PROVIDED, clean, delta_text, number_text
from app.reporting.sections.phrases import number, unit_places, unit_text

_LEAD = "A guarantee is as good as its limits are known. What follows holds whatever the size of ε."

IN_SHORT = (
    "Facts about the population: what the rows of others show can be concluded about anybody.",
    "People who are linked through rows of others, and people with more rows than the unit counts.",
    "Other releases of the same or overlapping data that are not in this ledger.",
    "Names and types of columns, rules, and every domain that was public or declared.",
    "An event of probability about δ, and whoever can watch the machine.",
)
"""The limits in a few lines, for the summary."""

_FURTHER = (
    "People who are linked through the rows of others, such as relatives: what those rows say of them is not limited "
    "by their own unit.",
    "Free text, and names of columns or categories that were declared: they are taken as public.",
    "Misuse of the table or of a model made from it: it may be wrong for a purpose that it was not made for, and wrong "
    "about small groups most of all.",
    "Joining the table with other data later does not weaken the guarantee, but a conclusion about a group can harm "
    "its members whether or not they were in the data.",
    "A wrong declaration: where a person has more rows than declared, or the column that tells persons apart does not, "
    "the guarantee holds for a smaller unit than was meant.",
)


def build(evidence: Evidence) -> Section:
    """The limits of the guarantee, with what people declared about them."""
    listed = tuple(clean(text, LONGEST_STATEMENT) for text in evidence.items("/certificate/not_covered"))
    return Section(
        "7",
        "What is not covered",
        (
            Paragraph(_LEAD),
            Bullets(listed or (NOT_PROVIDED,)),
            Heading("Beyond the certificate"),
            Bullets(_FURTHER),
            Statements(_facts(evidence)),
        ),
    )


def _facts(evidence: Evidence) -> tuple[Statement, ...]:
    return (
        evidence.computed("Failure event", "/certificate/privacy/delta", text=_failure),
        evidence.declared(
            "Unit that the guarantee stands and falls with",
            *unit_places(evidence),
            text=unit_text,
        ),
        evidence.computed(
            "Exact facts about the private rows that were released",
            "/certificate/rows/estimated_private",
            text=_invariants,
        ),
        OTHER_RELEASES.statement(evidence),
        NOT_FOR.statement(evidence),
    )


def _failure(delta: Any) -> str:
    return f"with a probability of about δ = {delta_text(delta)} the bound by ε need not hold at all"


def _invariants(estimated: Any) -> str:
    exact = number(estimated)
    about = NOT_PROVIDED if exact is None else number_text(round(exact))
    return f"none: the number of private rows is known to be about {about} only, from noisy counts"
