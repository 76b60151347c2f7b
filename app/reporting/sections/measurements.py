"""Appendix A: every charged measurement in order, which is all that a run learned from the private rows."""

from __future__ import annotations

from app.reporting.document import Paragraph, Section, Table
from app.reporting.evidence import Evidence
from app.reporting.printable import NOT_PROVIDED, number_text, provided
from app.reporting.sections.phrases import Json, mechanism_text, noise_text, reads_text, records, upward_text

_LEAD = (
    "Nothing else in the synthetic table comes from the private rows. The same events, from which ε is computed again, "
    "are in the attached evidence."
)
_MOST_NAMES = 3


def build(evidence: Evidence) -> Section:
    """One row per charged measurement."""
    rows = tuple(map(_event, records(evidence.items("/certificate/events"))))
    table = Table(
        "Every charged measurement",
        ("No.", "Purpose", "Mechanism", "Columns read", "Sensitivity", "Noise", "ρ"),
        rows or ((NOT_PROVIDED,) * 7,),
        (0.6, 2.2, 1.8, 1.9, 1.1, 2.0, 1.1),
        "/certificate/events",
    )
    return Section("A", "Every charged measurement", (Paragraph(_LEAD), table))


def _event(event: Json) -> tuple[str, ...]:
    return (
        provided(event, "sequence"),
        provided(event, "purpose"),
        mechanism_text(event),
        reads_text(event, _MOST_NAMES),
        number_text(event.get("sensitivity")),
        noise_text(event),
        upward_text(event.get("rho"), 4),
    )
