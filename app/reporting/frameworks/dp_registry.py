"""The entry for a public registry of deployments of differential privacy, as the package's YAML file has it."""

from __future__ import annotations

from typing import Any

from app.reporting.document import Block, Heading, Paragraph, Statement, Statements
from app.reporting.evidence import Evidence
from app.reporting.frameworks import facts
from app.reporting.frameworks.base import Framework
from app.reporting.frameworks.common import (
    CONTACT,
    EPSILON_REASON,
    INTENDED_USE,
    ORGANISATION,
    ORGANISATION_KIND,
    OTHER_RELEASES,
    PUBLICATION_DATE,
    PURPOSE,
    REGION,
    TUNING,
    UNIT_REASON,
)
from app.reporting.frameworks.parts import declared
from app.reporting.printable import clean
from app.reporting.sections.phrases import records
from engine.data.schema import DomainSource


def annex(evidence: Evidence) -> tuple[Block, ...]:
    """What the registry asks of a deployment."""
    return (
        Paragraph(
            "The registry of the OpenDP project and NIST lists deployments, so that others can learn from their "
            "parameters. The file dp_registry.yaml of the package holds this entry in the registry's form; whether it "
            "is submitted is for the organisation to decide."
        ),
        Heading("Intended use, and who is behind it"),
        declared(evidence, PURPOSE, INTENDED_USE, ORGANISATION, ORGANISATION_KIND, REGION, PUBLICATION_DATE, CONTACT),
        Heading("Unit, adjacency and parameters"),
        Statements(
            (
                facts.unit(evidence),
                facts.neighbours(evidence),
                facts.privacy_loss(evidence),
                facts.native_parameters(evidence),
            )
        ),
        Heading("Unprotected quantities"),
        Statements((_unprotected(evidence),)),
        Heading("Accounting"),
        Statements(
            (evidence.computed("Composition", "/certificate/privacy/accountant"), facts.composed_loss(evidence))
        ),
        declared(evidence, OTHER_RELEASES, TUNING),
        Paragraph("Post-processing: rows are drawn from the fitted model alone, which costs no further privacy loss."),
        Heading("Implementation"),
        Statements(
            (
                facts.method(evidence),
                evidence.computed("Source of the method", "/certificate/method/source"),
                evidence.computed("Noise", "/certificate/randomness/noise"),
                facts.recomputed(evidence),
            )
        ),
        Heading("Justification"),
        declared(evidence, EPSILON_REASON, UNIT_REASON),
    )


def _unprotected(evidence: Evidence) -> Statement:
    """What is told as it is, since nothing of it was measured with noise."""
    return evidence.computed("Told without noise", "/certificate/columns", text=_unprotected_text)


def _unprotected_text(found: Any) -> str:
    columns = records(found)
    stated = [
        clean(column.get("name"))
        for column in columns
        if column.get("domain_source") in (DomainSource.PUBLIC, DomainSource.DECLARED)
    ]
    domains = f"; the domains that were stated for {', '.join(stated[: facts.MOST_NAMES])}" if stated else ""
    more = f" and {len(stated) - facts.MOST_NAMES} more" if len(stated) > facts.MOST_NAMES else ""
    return f"names, types and order of the {len(columns)} columns{domains}{more}; stated rules between columns"


REGISTRY = Framework(
    id="dp-registry",
    title="Registry of deployments of differential privacy: entry",
    reference="OpenDP and NIST, Differential Privacy Deployments Registry, opendp/deployments-registry-data",
    can_say="The entry that the registry's form asks for, from the run's record and the declarations.",
    cannot_say="That the deployment is listed or was reviewed: the organisation submits it, the registry accepts it.",
    questions=(),
    annex=annex,
)
"""No choice of the user's: every run with a guarantee has it."""
