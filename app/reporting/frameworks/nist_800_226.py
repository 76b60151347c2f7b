"""NIST SP 800-226: what a reader is to be told of a claim of differential privacy."""

from __future__ import annotations

from app.reporting.document import Block, Heading, Note, Paragraph, Statements
from app.reporting.evidence import Evidence
from app.reporting.frameworks import facts
from app.reporting.frameworks.base import ADMINISTRATOR, DATA_OWNER, PRIVACY_OFFICER, Framework, Kind, Question
from app.reporting.frameworks.common import (
    ACCESS_CONTROL,
    DATA_COLLECTION,
    EPSILON_REASON,
    INTENDED_USE,
    NOT_FOR,
    OTHER_RELEASES,
    POPULATION,
    RECIPIENTS,
    RECIPIENTS_MEANS,
    RETENTION,
    TUNING,
    UNIT_REASON,
)
from app.reporting.frameworks.parts import Item, checklist, declared

BIAS = Question(
    "nist-bias",
    "Groups that errors of the synthetic table could harm",
    "Small groups carry more noise. Which groups matter for the intended use, and what was looked at in section 8.",
    Kind.LONG,
    DATA_OWNER,
)
THREAT_MODEL = Question(
    "nist-threat-model",
    "Whom the release is to withstand",
    "Who could try to learn about a person, what they hold already, and whether they see more than this one table.",
    Kind.LONG,
    PRIVACY_OFFICER,
)
SIDE_CHANNELS = Question(
    "nist-side-channels",
    "Ways around the guarantee at the place of the computation",
    "Who can watch running times, memory, logs or failed runs of the machine, and what keeps others from it.",
    Kind.LONG,
    ADMINISTRATOR,
)
QUESTIONS = (BIAS, THREAT_MODEL, SIDE_CHANNELS)


ITEMS = (
    Item(
        "Privacy parameters, with native ones",
        "section 2",
        ("/certificate/privacy/epsilon", "/certificate/privacy/delta", "/certificate/privacy/mu"),
        (EPSILON_REASON,),
    ),
    Item("Unit of privacy", "section 2", ("/certificate/unit/kind",), (UNIT_REASON,)),
    Item("Loss over all releases", "section 4", ("/ledger/entries",), (OTHER_RELEASES,)),
    Item("Utility", "section 8", ("/released_report/metrics",), (INTENDED_USE, NOT_FOR)),
    Item(
        "Algorithm and its correctness",
        "sections 3 and 5",
        ("/certificate/method/name", "/certificate/events", "/recomputed/agrees", "/method_audits/audits"),
        (TUNING,),
    ),
    Item("Bias", "section 8", (), (BIAS,)),
    Item("Query model", "section 6", ("/certificate/method/name", "/certificate/rows/synthetic"), (RECIPIENTS,)),
    Item("Threat model", "sections 6 and 9", ("/certificate/neighbouring_relation",), (THREAT_MODEL, RECIPIENTS_MEANS)),
    Item("Side channels", "sections 6 and 7", ("/certificate/not_covered",), (SIDE_CHANNELS,)),
    Item("Security and access control", "section 6", ("/access/storage",), (ACCESS_CONTROL, RETENTION)),
    Item("Data collection", "section 6", (), (DATA_COLLECTION, POPULATION)),
)


def annex(evidence: Evidence) -> tuple[Block, ...]:
    """The checklist, with the section that answers each item and what is still open."""
    return (
        Paragraph(
            "The guide stacks what a claim rests on: the parameters and the unit on top, then utility, correctness and "
            "bias, then threat and query model, side channels, security and access, and the collection of the data "
            "below all. A gap further down weakens everything above it. The order here is that of its draft of "
            "December 2023; the final text may number it otherwise."
        ),
        checklist(evidence, "Checklist: where each item is told, and by whom", ITEMS),
        Heading("Parameters and unit"),
        Statements(
            (
                facts.privacy_loss(evidence),
                facts.native_parameters(evidence),
                facts.unit(evidence),
                facts.neighbours(evidence),
                facts.composed_loss(evidence),
                facts.recomputed(evidence),
            )
        ),
        declared(evidence, EPSILON_REASON, UNIT_REASON),
        Note(
            "A large ε may say little, and numbers under another unit or another δ cannot be compared with these. "
            "Other releases of the same rows without differential privacy void the picture."
        ),
        Heading("Declared for this checklist"),
        declared(evidence, *QUESTIONS, DATA_COLLECTION),
    )


FRAMEWORK = Framework(
    id="nist-800-226",
    title="NIST SP 800-226: checklist for a claim of differential privacy",
    reference="NIST SP 800-226, Guidelines for Evaluating Differential Privacy Guarantees (final, March 2025)",
    can_say="For each thing that the guide wants told: where it stands in this report, or that it is open.",
    cannot_say="That the guide is fulfilled: it is guidance, which nobody certifies, and a small ε is no verdict.",
    questions=QUESTIONS,
    annex=annex,
)
