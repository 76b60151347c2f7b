"""NIST SP 800-226: what a reader is to be told of a claim of differential privacy."""

from __future__ import annotations

from app.reporting.document import Block
from app.reporting.evidence import Evidence
from app.reporting.frameworks.base import ADMINISTRATOR, DATA_OWNER, PRIVACY_OFFICER, Framework, Kind, Question
from app.reporting.frameworks.parts import declared

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


def annex(evidence: Evidence) -> tuple[Block, ...]:
    """The checklist, with the section that answers each item and what is still open."""
    return (declared(evidence, *QUESTIONS),)


FRAMEWORK = Framework(
    id="nist-800-226",
    title="NIST SP 800-226: checklist for a claim of differential privacy",
    reference="NIST SP 800-226, Guidelines for Evaluating Differential Privacy Guarantees (final, March 2025)",
    can_say="For each thing that the guide wants a reader to be told: where it stands in this report, or that it is open.",
    cannot_say="That the guide is fulfilled: it is guidance, which nobody certifies, and a small ε is no verdict.",
    questions=QUESTIONS,
    annex=annex,
)
