"""Facts of a run that several frameworks ask for, each made of the evidence alone."""

from __future__ import annotations

from typing import Any

from app.reporting.document import Statement
from app.reporting.evidence import Evidence
from app.reporting.printable import LONGEST_STATEMENT, clean, delta_text, epsilon_text, number_text
from app.reporting.sections.phrases import (
    TREATMENTS,
    items,
    part,
    records,
    treatment_text,
    unit_places,
    unit_text,
    upward_text,
)
from engine.data.schema import Treatment

MOST_NAMES = 60
"""Column names that one statement lists; section 3 has all of them."""


def privacy_loss(evidence: Evidence) -> Statement:
    """ε and δ of the release."""
    return evidence.computed(
        "Privacy loss of this release",
        "/certificate/privacy/epsilon",
        "/certificate/privacy/delta",
        text=lambda epsilon, delta: f"ε = {epsilon_text(epsilon)} at δ = {delta_text(delta)}",
    )


def composed_loss(evidence: Evidence) -> Statement:
    """What all releases of the dataset have cost together."""
    return evidence.computed(
        "Privacy loss of all releases of this dataset so far",
        "/ledger/epsilon_spent",
        "/ledger/epsilon_cap",
        "/ledger/delta",
        text=lambda spent, cap, delta: (
            f"ε = {epsilon_text(spent)} of {epsilon_text(cap)}, composed at δ = {delta_text(delta)}"
        ),
    )


def unit(evidence: Evidence) -> Statement:
    """Whom the guarantee protects."""
    return evidence.declared("Unit of protection", *unit_places(evidence), text=unit_text)


def neighbours(evidence: Evidence) -> Statement:
    """Which two tables the guarantee compares."""
    return evidence.computed("Neighbouring tables", "/certificate/neighbouring_relation")


def native_parameters(evidence: Evidence) -> Statement:
    """The parameter of the noise itself, from which ε at any δ follows."""
    return evidence.computed(
        "Native parameters",
        "/certificate/privacy/mu",
        "/certificate/privacy/rho_zcdp",
        text=lambda mu, rho: f"μ = {upward_text(mu)} in Gaussian differential privacy; ρ = {upward_text(rho)}",
    )


def method(evidence: Evidence) -> Statement:
    """What made the table."""
    return evidence.computed(
        "Method",
        "/certificate/method/title",
        "/certificate/generator/name",
        "/certificate/generator/version",
        text=lambda title, name, version: f"{clean(title)}, by {clean(name)} {clean(version)}",
    )


def recomputed(evidence: Evidence) -> Statement:
    """Whether ε follows from the recorded events."""
    return evidence.computed(
        "ε computed again from the recorded events",
        "/recomputed/epsilon",
        "/recomputed/agrees",
        text=lambda epsilon, agrees: f"ε = {epsilon_text(epsilon)}, which {_agrees(agrees)} what the run states",
    )


def sizes(evidence: Evidence) -> Statement:
    """Rows of the synthetic and, as far as noise tells, of the private table."""
    return evidence.computed(
        "Rows",
        "/certificate/rows/synthetic",
        "/certificate/rows/estimated_private",
        text=lambda synthetic, private: (
            f"{number_text(synthetic)} synthetic; the noise says about {number_text(_whole(private))} private"
        ),
    )


def treated(evidence: Evidence) -> tuple[Statement, ...]:
    """Which columns were synthesized, faked and dropped."""
    return tuple(
        evidence.computed(
            f"Columns {word}", "/certificate/columns", text=lambda columns, word=word: _named(columns, word)
        )
        for word in TREATMENTS.values()
    )


def domains(evidence: Evidence) -> Statement:
    """How the domains of the columns are known."""
    return evidence.computed("Where the columns' domains come from", "/certificate/columns", text=_sources)


def access(evidence: Evidence) -> tuple[Statement, ...]:
    """What the installation does for security."""
    return (
        evidence.computed("Where the private rows lie", "/access/storage"),
        evidence.computed("Who sees private rows in the studio", "/access/who_sees_rows"),
        evidence.computed(
            "Sign-in",
            "/access/lockout_attempts",
            "/access/lockout_minutes",
            "/access/session_days",
            text=lambda attempts, minutes, days: (
                f"locked for {number_text(minutes)} minutes after {number_text(attempts)} failed attempts; a session "
                f"ends after {number_text(days)} days"
            ),
        ),
        rows_kept(evidence),
    )


def rows_kept(evidence: Evidence) -> Statement:
    """Whether the uploaded rows are still there."""
    return evidence.computed(
        "Uploaded rows",
        "/access/raw_rows_kept",
        text=lambda kept: "kept until the dataset is deleted" if kept else "no longer kept",
    )


def audit_log(evidence: Evidence) -> Statement:
    """How long the audit log was, and what seals it."""
    return evidence.computed(
        "Audit log at the time of this report",
        "/audit_log/entries",
        "/audit_log/head",
        text=lambda entries, head: f"{number_text(entries)} entries; the hash over all of them is {clean(head)}",
    )


def commitment(evidence: Evidence) -> Statement:
    """What binds the private file."""
    return evidence.computed(
        "Commitment to the private file",
        "/private_file/commitment",
        "/private_file/algorithm",
        text=lambda digest, algorithm: (
            f"{clean(algorithm)} under a key that the data owner can hand out: {clean(digest)}"
        ),
    )


def files(evidence: Evidence) -> tuple[Statement, ...]:
    """Name and digest of each synthetic file."""
    return tuple(
        evidence.computed(
            f"SHA-256 of {clean(file.get('name'))}",
            f"/synthetic_files/{place}/sha256",
            f"/synthetic_files/{place}/size_bytes",
            text=lambda digest, size: f"{clean(digest)} ({number_text(size)} bytes)",
        )
        for place, file in enumerate(records(evidence.at("/synthetic_files")))
    )


def quality(evidence: Evidence, most: int = 4) -> tuple[Statement, ...]:
    """What the releasable report found first, of each of its metrics.

    Args:
        evidence: the evidence.
        most: how many metrics.
    """
    metrics = part(evidence.at("/released_report"), "metrics")
    found = [
        evidence.computed(
            clean(part(metrics, name).get("title")), f"/released_report/metrics/{name}/findings/0/sentence"
        )
        for name in metrics
        if items(part(metrics, name), "findings")
    ]
    return tuple(found[:most]) or (evidence.computed("Charged findings on quality", "/released_report/metrics"),)


def not_covered(evidence: Evidence) -> Statement:
    """What the guarantee leaves out."""
    return evidence.computed(
        "What the guarantee does not cover",
        "/certificate/not_covered",
        text=_sentences,
    )


def _sentences(sentences: Any) -> str:
    listed = sentences if isinstance(sentences, list) else [sentences]
    return " ".join(clean(sentence, LONGEST_STATEMENT) for sentence in listed)


def _agrees(agrees: Any) -> str:
    return "agrees with" if agrees is True else "does not agree with"


def _whole(value: Any) -> Any:
    return round(value) if isinstance(value, int | float) else value


def _named(columns: Any, word: str) -> str:
    names = [clean(column.get("name")) for column in records(columns) if treatment_text(column) == word]
    more = f", and {len(names) - MOST_NAMES} more, see section 3" if len(names) > MOST_NAMES else ""
    return f"{len(names)}: {', '.join(names[:MOST_NAMES])}{more}" if names else "none"


def _sources(columns: Any) -> str:
    counts: dict[str, int] = {}
    for column in records(columns):
        if treatment_text(column) == TREATMENTS[Treatment.SYNTHESIZE]:
            source = clean(column.get("domain_source"))
            counts[source] = counts.get(source, 0) + 1
    listed = ", ".join(f"{count} {source}" for source, count in counts.items())
    return f"Of the synthesized columns: {listed}; section 3 lists each" if listed else "No column was synthesized"
