"""Section 9: attacks on the table, audits of the method, and criteria for the release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.reporting.document import Block, Heading, Note, Paragraph, Section, Statements, Table
from app.reporting.evidence import Evidence
from app.reporting.printable import LONGEST_STATEMENT, NOT_PROVIDED, clean, epsilon_text, number_text, percent_text
from app.reporting.sections import attacks
from app.reporting.sections.phrases import moment_text, number, records

NUMBER = "9"
AUDITS = "/method_audits/audits"

INTRODUCTION = (
    "European guidance on anonymisation (WP216, which the EDPB and the CNIL build on) asks three things of a table: "
    "whether a person can be singled out in it, whether records of one person can be linked, and whether something can "
    "be inferred about a person. Attacks try this on the table at hand. Their results help whoever decides, and decide "
    "nothing: an attack that finds nothing proves nothing, since a better one may find more. What one finds is real."
)
INTERNAL = (
    "Class: internal. The numbers of this section compare the table with private rows, and no budget paid for them. "
    "They must not leave the organisation that holds the rows."
)
RELEASABLE = (
    "Class: releasable. Numbers of attacks are left out: they compare the table with private rows, and no budget paid "
    "for them. They stand in the internal edition of this report, for those who may see the private rows."
)


def build(evidence: Evidence) -> Section:
    """Attacks with their numbers in the internal edition, and which were run in every other."""
    tried = attacks.build(evidence) if evidence.is_internal else _run(evidence)
    blocks: tuple[Block, ...] = (
        Paragraph(INTRODUCTION),
        Note(INTERNAL if evidence.is_internal else RELEASABLE, is_warning=evidence.is_internal),
        *tried,
    )
    if evidence.is_protected:
        blocks += (*_audits(evidence), *_criteria(evidence))
    return Section(NUMBER, "Empirical risk", blocks)


def _run(evidence: Evidence) -> tuple[Block, ...]:
    """The attacks that were run, without what they found."""
    names = evidence.items("/run/attacks")
    if not names:
        return (Statements((evidence.computed("Attacks that were run", "/run/attacks"),)),)
    from engine.evaluation.privacy_metrics import PRIVACY_METRICS

    known = {info.name: info for info in PRIVACY_METRICS}
    rows = [
        (clean(known[name].title), known[name].question, attacks.RISKS.get(name, attacks.SEARCH))
        if name in known
        else (clean(name), NOT_PROVIDED, NOT_PROVIDED)
        for name in names
    ]
    caption = "Attacks that were run on the table for the internal edition"
    return (Table(caption, ("Attack", "What it asks", "Risk"), tuple(rows), (3, 6, 4), "/run/attacks"),)


def _audits(evidence: Evidence) -> tuple[Block, ...]:
    """What audits of the method proved, on simulated tables; section 5 has each."""
    audits = records(evidence.at(AUDITS))
    warning = Note(
        "An audit proved more than was stated: the method or its implementation is at fault.", is_warning=True
    )
    return (
        Heading("Audits of the method, with a canary"),
        Paragraph(
            "An audit fits the method again and again to two simulated tables that differ by one unit, the canary, and "
            "proves a lower bound on ε from how well the two can be told apart. A bound above the stated ε is a fault "
            "of the program. A bound below it proves nothing good: the truth lies anywhere above the bound. Section 5 "
            "lists all audits, and whether the code has changed since."
        ),
        *([warning] if any(map(_proves_too_much, audits)) else []),
        Statements((evidence.computed("Largest bounds that audits proved", AUDITS, text=_bounds),)),
    )


def _bounds(found: Any) -> str:
    """Per audit, what was stated and the largest bound."""
    said = []
    for audit in records(found):
        confidence = number(audit.get("confidence"))
        held = NOT_PROVIDED if confidence is None else percent_text(confidence)
        largest = max(_proven(audit), default=None)
        said.append(
            f"where ε = {epsilon_text(audit.get('epsilon'))} was stated, at least {number_text(largest, 3)}, with a "
            f"confidence of {held}"
        )
    return "; ".join(said) if said else "none was recorded for this method"


def _proves_too_much(audit: Mapping[str, Any]) -> bool:
    """Whether a bound lies above what the method stated."""
    stated = number(audit.get("epsilon"))
    return stated is not None and any(bound > stated for bound in _proven(audit))


def _proven(audit: Mapping[str, Any]) -> list[float]:
    """All lower bounds on ε of an audit: by rates alone, and by the Gaussian that a run is charged as."""
    bounds = [number(proof.get(key)) for proof in records(audit.get("proofs")) for key in ("epsilon", "epsilon_of_mu")]
    return [bound for bound in bounds if bound is not None]


def _criteria(evidence: Evidence) -> tuple[Block, ...]:
    """What the plan demanded before the run, what became of it, and who decided otherwise."""
    from engine.evaluation.criteria import REVEALS

    blocks: list[Block] = [
        Heading("Criteria for the release"),
        Statements((evidence.computed("State of the release", "/run/release/state"),)),
    ]
    outcomes = records(evidence.at("/run/release/outcomes"))
    if outcomes:
        blocks += [_outcomes(outcomes), Note(REVEALS)]
    else:
        blocks.append(Paragraph("The plan stated no criterion before the run."))
    if evidence.at("/run/release/override") is not None:
        who = evidence.at("/run/release/override/username")
        blocks.append(
            Statements(
                (
                    evidence.declared("Opened all the same, because", "/run/release/override/reason", by=who),
                    evidence.declared("Opened on", "/run/release/override/at", text=moment_text, by=who),
                )
            )
        )
    return tuple(blocks)


def _outcomes(outcomes: Sequence[Mapping[str, Any]]) -> Table:
    """What the evidence says of each; a releasable edition's says no more than ε covers, or than the release tells."""
    header = ("Criterion", "Demanded before the run", "Outcome")
    rows = tuple(
        (
            clean(outcome.get("title")),
            clean(outcome.get("required")),
            f"{clean(outcome.get('state'))}: {clean(outcome.get('sentence'), LONGEST_STATEMENT)}",
        )
        for outcome in outcomes
    )
    return Table("Criteria that were stated before the run", header, rows, (5, 4, 5), "/run/release/outcomes")
