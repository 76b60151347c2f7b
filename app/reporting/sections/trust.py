"""Section 6: who has to be trusted, who could see the private rows, and what could leak beside the table."""

from __future__ import annotations

from typing import Any

from app.reporting.document import Bullets, Heading, Paragraph, Section, Statement, Statements
from app.reporting.evidence import Evidence
from app.reporting.frameworks.common import (
    ACCESS_CONTROL,
    DATA_COLLECTION,
    DELETION_DATE,
    POPULATION,
    RECIPIENTS,
    RETENTION,
)
from app.reporting.printable import clean, number_text

_MODEL_LEAD = (
    "The guarantee holds against everybody who sees what is released. It does not hold against whoever operates the "
    "installation, since the private rows lie there."
)
_THREATS = (
    "Whoever receives the synthetic table may know everything about all units but one, may compute without limit, and "
    "may keep the table for ever.",
    "The table is released once. Nobody asks the private rows questions, so there are no answers to add up beyond the "
    "ledger's entries.",
    "Whoever operates the installation is trusted: they hold the private rows, and could change the software.",
    "Whoever owns the dataset is trusted with its private rows, and with what they declare.",
)
_CHANNELS = (
    "Time and memory: a run's duration and size depend on the private rows. Only the operator and the owner can see "
    "them; the guarantee does not cover them.",
    "Failed runs: a run that has read a row stays charged, whatever becomes of it.",
    "Messages and logs: they quote no cell, and say of private rows only what the owner may see.",
    "Order of rows: synthetic rows are drawn in random order, which carries nothing of the private order.",
    "Number of rows: δ is chosen without reading it, and the table's size comes from noisy counts.",
    "The private file: no digest of it is published, since a digest would confirm a guess of the file. It is bound by "
    "a keyed commitment, which can be checked by whoever is given the key.",
    "Random numbers: noise comes from the operating system's cryptographic generator, and no seed of it exists.",
)


def build(evidence: Evidence) -> Section:
    """Trust, access and side channels."""
    return Section(
        "6",
        "Trust and access",
        (
            Heading("Deployment and query model"),
            Paragraph(_MODEL_LEAD),
            Statements(_model(evidence)),
            Heading("Threat model"),
            Bullets(_THREATS),
            Heading("Security and access control"),
            Statements(access_statements(evidence)),
            Heading("Side channels that were considered"),
            Bullets(_CHANNELS),
            Statements((commitment_statement(evidence),)),
            Heading("How the data came to be"),
            Statements(
                (
                    DATA_COLLECTION.statement(evidence),
                    POPULATION.statement(evidence),
                )
            ),
        ),
    )


def _model(evidence: Evidence) -> tuple[Statement, ...]:
    name = "/document/generator/name"
    return (
        evidence.computed("Deployment model", name, text=_central),
        evidence.computed("Query model", name, text=_one_table),
        RECIPIENTS.statement(evidence),
    )


def _central(name: Any) -> str:
    return f"central: {clean(name)} reads the private rows on the operator's machine and adds the noise there"


def _one_table(name: Any) -> str:
    return f"one table, not interactive: {clean(name)} answers no questions to whoever receives it"


def access_statements(evidence: Evidence) -> tuple[Statement, ...]:
    """What the installation does for security, and what people declared."""
    return (
        evidence.computed("Who sees private rows in the application", "/access/who_sees_rows"),
        evidence.computed("Where files are kept", "/access/storage"),
        evidence.computed(
            "A session ends after", "/access/session_days", text=lambda days: f"{number_text(days)} days"
        ),
        evidence.computed(
            "Failed logins",
            "/access/lockout_attempts",
            "/access/lockout_minutes",
            text=lambda tries, minutes: (
                f"after {number_text(tries)}, the account is locked for {number_text(minutes)} minutes"
            ),
        ),
        evidence.computed("Encryption of stored files", "/access/encryption"),
        evidence.computed("Uploaded private rows", "/access/raw_rows_kept", text=_kept),
        ACCESS_CONTROL.statement(evidence),
        RETENTION.statement(evidence),
        DELETION_DATE.statement(evidence),
    )


def _kept(is_kept: Any) -> str:
    return "kept until the owner deletes the dataset" if is_kept is True else "not kept after the run"


def commitment_statement(evidence: Evidence) -> Statement:
    """What binds the report to the private file without telling anything about it."""
    return evidence.computed(
        "Keyed commitment to the private file",
        "/private_file/commitment",
        "/private_file/algorithm",
        text=lambda commitment, algorithm: f"{clean(commitment)}, by {clean(algorithm)}",
    )
