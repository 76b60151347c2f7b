"""Section 5: the method, what it measured, where its randomness came from, and what audits of it found."""

from __future__ import annotations

import math
from typing import Any

from app.reporting.document import (
    Bars,
    Block,
    Bullets,
    Figure,
    Heading,
    Paragraph,
    Section,
    Statement,
    Statements,
    Table,
)
from app.reporting.evidence import Evidence
from app.reporting.frameworks.common import TUNING
from app.reporting.printable import (
    LONGEST_STATEMENT,
    NOT_PROVIDED,
    clean,
    epsilon_text,
    number_text,
    percent_text,
    provided,
    remainder_text,
)
from app.reporting.sections.phrases import (
    TRAINING,
    Json,
    items,
    mechanism_text,
    noise_text,
    number,
    part,
    records,
    words,
)

_AUDIT_LEAD = (
    "An audit runs the method many times on two tables that differ by one unit, and looks for whatever tells them "
    "apart. What it finds bounds ε from below: a bound above the claimed ε proves an error, while a bound below it "
    "proves nothing, since another attack might find more."
)
_ISSUES = (
    "Audits ran on small simulated tables, so an error that shows on larger ones only would escape them.",
    "Whoever can watch the machine sees how long a run takes and how much memory it needs.",
)
_SELECTION_ISSUE = (
    "A choice by the exponential mechanism computes its weights in double precision. It is charged for slightly more "
    "than its ε, which covers that rounding."
)
_TRAINING_ISSUE = (
    "Gradients are computed in single precision, where one row can move the last bits of a sum of others. The noise is "
    "made larger by a margin that covers what was measured; that it covers every case is not proved."
)


def build(evidence: Evidence) -> Section:
    """The method and why it can be believed to do what it claims."""
    return Section(
        "5",
        "Algorithm and correctness",
        (
            Statements((*software_statements(evidence), TUNING.statement(evidence))),
            settings_table(evidence),
            Heading("What was measured"),
            _measurements(evidence),
            *_shares(evidence),
            Heading("Accounting and randomness"),
            Statements(randomness(evidence)),
            Heading("Audits and tests"),
            Paragraph(_AUDIT_LEAD),
            Statements(_audit_facts(evidence)),
            _audits(evidence),
            Heading("Known issues"),
            Bullets(_issues(evidence)),
        ),
    )


def software_statements(evidence: Evidence) -> tuple[Statement, ...]:
    """The method, its paper, and the software that ran it."""
    generator = "/certificate/generator"
    return (
        evidence.computed("Method", "/certificate/method/title"),
        evidence.computed("Paper", "/certificate/method/source"),
        evidence.computed(
            "Software",
            f"{generator}/name",
            f"{generator}/version",
            text=lambda name, version: f"{clean(name)} {clean(version)}",
        ),
        evidence.computed("Code that decides about privacy, SHA-256", f"{generator}/code_sha256"),
        evidence.computed("Python", f"{generator}/python"),
        evidence.computed("Libraries", f"{generator}/libraries", text=_libraries),
    )


def _libraries(libraries: Any) -> str:
    if not isinstance(libraries, dict):
        return clean(libraries)
    return ", ".join(f"{clean(name)} {clean(version)}" for name, version in libraries.items()) or NOT_PROVIDED


def settings_table(evidence: Evidence) -> Table:
    """Every setting of the method."""
    rows = tuple(_settings(part(evidence.at("/certificate/method"), "parameters")))
    return Table(
        "Settings of the method",
        ("Setting", "Value"),
        rows or ((NOT_PROVIDED, NOT_PROVIDED),),
        (1.0, 1.0),
        "/certificate/method/parameters",
    )


def _settings(settings: Json, prefix: str = "") -> list[tuple[str, str]]:
    """A line per setting; settings within a setting follow it, under its name."""
    rows: list[tuple[str, str]] = []
    for name, value in settings.items():
        if isinstance(value, dict):
            rows += _settings(value, f"{prefix}{name} ")
        elif isinstance(value, list):
            rows.append((words(prefix + name), ", ".join(map(clean, value)) or "none"))
        else:
            is_number = number(value) is not None
            rows.append((words(prefix + name), number_text(value) if is_number else clean(value)))
    return rows


def _measurements(evidence: Evidence) -> Table:
    """Measurements of one kind in one line: purpose, mechanism, noise, how many, part of the run's privacy loss."""
    rows = tuple(
        (*kind, f"{len(rhos):,}", _share_text(math.fsum(rhos), _total_rho(evidence)))
        for kind, rhos in _kinds(evidence).items()
    )
    return Table(
        "Charged measurements by kind; every single one is listed in the appendix",
        ("Purpose", "Mechanism", "Noise of each", "Number", "Share of ρ"),
        rows or ((NOT_PROVIDED,) * 5,),
        (2.4, 2.0, 2.2, 0.9, 1.1),
        "/certificate/events",
    )


def _kinds(evidence: Evidence) -> dict[tuple[str, str, str], list[float]]:
    kinds: dict[tuple[str, str, str], list[float]] = {}
    for event in records(evidence.items("/certificate/events")):
        kind = (provided(event, "purpose"), mechanism_text(event), noise_text(event))
        kinds.setdefault(kind, []).append(_rho(event))
    return kinds


def _rho(event: Json) -> float:
    return number(event.get("rho")) or 0.0


def _total_rho(evidence: Evidence) -> float:
    return math.fsum(map(_rho, records(evidence.items("/certificate/events"))))


def _share_text(rho: float, total: float) -> str:
    return percent_text(rho / total) if total > 0.0 else NOT_PROVIDED


def _shares(evidence: Evidence) -> tuple[Block, ...]:
    """How the privacy loss was divided among purposes."""
    purposes: dict[str, float] = {}
    for (purpose, _, _), rhos in _kinds(evidence).items():
        purposes[purpose] = purposes.get(purpose, 0.0) + math.fsum(rhos)
    total = _total_rho(evidence)
    if total <= 0.0:
        return ()
    labels, values = tuple(purposes), tuple(100.0 * rho / total for rho in purposes.values())
    texts = tuple(percent_text(value / 100.0) for value in values)
    said = "; ".join(f"{label}: {text}" for label, text in zip(labels, texts, strict=True))
    return (
        Figure(
            name="shares-of-rho",
            caption="How the privacy loss of the run was divided among purposes",
            alt=f"Horizontal bars, shares of ρ. {said}.",
            chart=Bars(labels, values, texts, "Share of ρ, %"),
            source="/certificate/events",
        ),
    )


def randomness(evidence: Evidence) -> tuple[Statement, ...]:
    """The accountant, and where noise and samples came from."""
    return (
        evidence.computed("Accountant", "/certificate/privacy/accountant", text=_whole),
        evidence.computed(
            "Accountant's library",
            "/certificate/generator/libraries/dp-accounting",
            text=lambda version: f"dp-accounting {clean(version)}",
        ),
        evidence.computed("Noise, its source and its rounding", "/certificate/randomness/noise", text=_whole),
        evidence.computed(
            "Seeds", "/certificate/randomness/noise", "/certificate/randomness/sampling_seed", text=_seeds
        ),
    )


def _whole(text: Any) -> str:
    return clean(text, LONGEST_STATEMENT)


def _seeds(noise: Any, sampling_seed: Any) -> str:
    if sampling_seed is None:
        return "no seed of the sampling was kept, and the noise has none"
    return f"{clean(sampling_seed)} for the sampling of rows from the model, which is public; the noise has none"


def _audit_facts(evidence: Evidence) -> tuple[Statement, ...]:
    place = "/method_audits"
    return (
        evidence.computed(
            "Audited",
            f"{place}/version",
            f"{place}/recorded_on",
            text=lambda version, day: f"version {clean(version)}, on {clean(day)}",
        ),
        evidence.computed("Privacy code since then", f"{place}/code_changed", text=_code_changed),
        evidence.computed("Settings shortened for the audit", f"{place}/audits/0/shortened", text=_shortened),
        evidence.computed("Tests that this version passed", "/document/generator/tests"),
    )


def _code_changed(is_changed: Any) -> str:
    if is_changed is True:
        return "changed: the audits are of other code than made this run, and say nothing of the changes"
    return "unchanged: the audits are of the code that made this run" if is_changed is False else NOT_PROVIDED


def _shortened(settings: Any) -> str:
    if not isinstance(settings, dict) or not settings:
        return "none"
    listed = ", ".join(f"{clean(name).replace('_', ' ')} {number_text(value)}" for name, value in settings.items())
    return f"{listed}; fewer steps than in a run, since an audit runs many times"


def _audits(evidence: Evidence) -> Table:
    rows = tuple(
        _proof(audit, proof)
        for audit in records(evidence.items("/method_audits/audits"))
        for proof in records(items(audit, "proofs"))
    )
    return Table(
        "Audits of this method: the privacy loss that each could prove, which is a lower bound",
        ("Claimed", "Adversary", "Differs by", "Proved at least", "Confidence", "Runs", "Verdict"),
        rows or ((NOT_PROVIDED,) * 7,),
        (1.4, 1.3, 2.2, 1.4, 1.2, 1.0, 1.3),
        "/method_audits/audits",
    )


def _proof(audit: Json, proof: Json) -> tuple[str, ...]:
    neighbours = part(audit, "neighbours").get(str(proof.get("neighbours")), proof.get("neighbours"))
    confidence = number(audit.get("confidence"))
    return (
        f"ε = {epsilon_text(audit.get('epsilon'))}, μ = {number_text(audit.get('mu'))}",
        provided(proof, "adversary"),
        clean(neighbours),
        f"ε = {remainder_text(proof.get('epsilon'))}, μ = {remainder_text(proof.get('mu'))}",
        NOT_PROVIDED if confidence is None else percent_text(confidence, math.floor),
        number_text(proof.get("runs")),
        provided(audit, "verdict"),
    )


def _issues(evidence: Evidence) -> tuple[str, ...]:
    used = {event.get("mechanism") for event in records(evidence.items("/certificate/events"))}
    return (
        *((_SELECTION_ISSUE,) if "exponential_selection" in used else ()),
        *((_TRAINING_ISSUE,) if TRAINING in used else ()),
        *_ISSUES,
    )
