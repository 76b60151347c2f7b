"""Section 10: one annex per chosen framework, and the entry for the registry of deployments."""

from __future__ import annotations

from app.reporting.document import Block, Note, Paragraph, Section
from app.reporting.evidence import Evidence
from app.reporting.frameworks.base import Framework
from app.reporting.frameworks.catalogue import find_framework
from app.reporting.frameworks.dp_registry import REGISTRY

NUMBER = "10"


def build(evidence: Evidence) -> tuple[Section, ...]:
    """The annexes, numbered 10.1 and on; none where the run has no guarantee.

    Raises:
        InvalidInputError: a chosen framework is unknown.
    """
    if not evidence.is_protected:
        return ()
    chosen = [*map(find_framework, dict.fromkeys(evidence.items("/document/frameworks"))), REGISTRY]
    return tuple(
        Section(f"{NUMBER}.{place}", framework.title, (*_limits(framework), *framework.annex(evidence)))
        for place, framework in enumerate(chosen, start=1)
    )


def _limits(framework: Framework) -> tuple[Block, ...]:
    """What the annex can and cannot say, before it says anything."""
    return (
        Note(f"What this annex can say. {framework.can_say} What it cannot say. {framework.cannot_say}"),
        Paragraph(f"Reference: {framework.reference}."),
    )
