"""Section 4: everything that was charged to the dataset, and what stands outside of its budget."""

from __future__ import annotations

from collections import Counter
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
from app.reporting.printable import (
    NOT_PROVIDED,
    clean,
    delta_text,
    epsilon_text,
    number_text,
    provided,
    remainder_text,
)
from app.reporting.sections.phrases import Json, counted, moment_text, number, part, records, upward_text
from engine.privacy.guarantee import NOT_GUARANTEED

_LEAD = (
    "All runs on a dataset share one budget. A run reserves its privacy loss before it may read a row; once it has "
    "read one, the loss stays charged, whether the run then succeeds, fails or is cancelled."
)
_STATES = (
    "reserved: a run in progress, counted against the cap",
    "committed: the run read the private rows, so it stays charged, even where it failed or was cancelled later; which "
    "runs failed is not told, since that can depend on the private rows",
    "released: the run ended before it read a row, so its reservation was given back and nothing is charged",
    "outside: the run has no privacy guarantee, and no total counts it",
)
_OUTSIDE_WARNING = "outside the budget: no total above counts them, and none holds if a file of one was passed on"


def build(evidence: Evidence) -> Section:
    """The dataset's ledger as it was when the report was made."""
    return Section(
        "4",
        "Ledger",
        (
            Paragraph(_LEAD),
            Statements(_totals(evidence)),
            *_figure(evidence),
            Heading("Entries"),
            _table(evidence),
            Heading("What the states mean"),
            Bullets(_STATES),
            Heading("What seals it"),
            Statements(_seal(evidence)),
        ),
    )


def entries(evidence: Evidence) -> list[Json]:
    """The entries of the dataset's ledger."""
    return records(evidence.items("/ledger/entries"))


def is_outside(entry: Json) -> bool:
    """Whether an entry is of a run without a privacy guarantee."""
    return entry.get("guarantee") == NOT_GUARANTEED


def spent_statement(evidence: Evidence) -> Statement:
    """What all runs on the dataset have spent together, of which cap."""
    return evidence.computed(
        "All releases of this dataset so far",
        "/ledger/epsilon_spent",
        "/ledger/epsilon_cap",
        "/ledger/delta",
        "/ledger/entries",
        text=_spent,
    )


def _spent(spent: Any, cap: Any, delta: Any, found: Any) -> str:
    outside = sum(map(is_outside, records(found)))
    further = f"; {counted(outside, 'further run')} without a privacy guarantee, {_OUTSIDE_WARNING}" if outside else ""
    return f"ε = {epsilon_text(spent)} of {epsilon_text(cap)}, composed at δ = {delta_text(delta)}{further}"


def _totals(evidence: Evidence) -> tuple[Statement, ...]:
    listed = "/ledger/entries"
    return (
        evidence.declared("Cap on ε", "/ledger/epsilon_cap", text=epsilon_text),
        evidence.declared("δ at which all runs are composed", "/ledger/delta", text=delta_text),
        evidence.computed("Spent, composed", "/ledger/epsilon_spent", text=epsilon_text),
        evidence.computed("Reserved by runs in progress", "/ledger/epsilon_reserved", text=epsilon_text),
        evidence.computed("Left", "/ledger/epsilon_left", text=remainder_text),
        evidence.computed("Sum of the ε of all runs, for comparison", "/ledger/sum_of_epsilons", text=epsilon_text),
        evidence.computed("Rule of composition", "/certificate/privacy/accountant"),
        evidence.computed("Entries", listed, text=_states),
        evidence.computed("Runs beside this one that were charged, tuning included", listed, "/run/id", text=_others),
        evidence.computed("Cancelled before any row was read, and not charged", listed, text=_cancelled),
        evidence.computed("Runs without a privacy guarantee", listed, text=_outside),
        evidence.computed("Charged for the evaluation of this run", "/certificate/events", text=_evaluation_charges),
    )


def _states(found: Any) -> str:
    states = Counter("outside" if is_outside(entry) else provided(entry, "state") for entry in records(found))
    named = ", ".join(f"{count:,} {clean(state)}" for state, count in states.items())
    return f"{states.total():,}: {named}" if named else "none"


def _others(found: Any, run_id: Any) -> str:
    others = [entry for entry in records(found) if entry.get("run_id") != run_id and entry.get("state") == "committed"]
    return f"{len(others):,}, each with its own entry" if others else "none"


def _cancelled(found: Any) -> str:
    cancelled = sum(entry.get("state") == "released" for entry in records(found))
    return f"{cancelled:,}" if cancelled else "none"


def _outside(found: Any) -> str:
    outside = sum(map(is_outside, records(found)))
    return f"{outside:,}, {_OUTSIDE_WARNING}" if outside else "none"


def _evaluation_charges(events: Any) -> str:
    charged = [event for event in records(events) if is_evaluation(event)]
    if not charged:
        return "nothing: the run measured nothing for its own report"
    rho = sum(number(event.get("rho")) or 0.0 for event in charged)
    return f"{counted(len(charged), 'measurement')}, ρ = {upward_text(rho, 4)}, part of this run's ε"


def is_evaluation(event: Json) -> bool:
    """Whether a charged measurement served the releasable report and not the synthesis."""
    return str(event.get("purpose", "")).startswith("releasable report")


def _figure(evidence: Evidence) -> tuple[Block, ...]:
    found = [(entry, number(entry.get("epsilon"))) for entry in entries(evidence)]
    charged = [(entry, epsilon) for entry, epsilon in found if epsilon is not None and _is_counted(entry)]
    spent, cap = number(evidence.at("/ledger/epsilon_spent")), number(evidence.at("/ledger/epsilon_cap"))
    if not charged or spent is None:
        return ()
    values = (*(epsilon for _, epsilon in charged), spent)
    labels = (*(f"{_day(entry)}, run {_short(entry)}" for entry, _ in charged), "All of them, composed")
    texts = tuple(map(epsilon_text, values))
    said = "; ".join(f"{label}: ε = {text}" for label, text in zip(labels, texts, strict=True))
    limit = "" if cap is None else f" The cap is ε = {epsilon_text(cap)}."
    chart = Bars(labels, values, texts, "ε", cap, "" if cap is None else f"cap {epsilon_text(cap)}")
    return (
        Figure(
            name="ledger-spend",
            caption="ε of each charged run, and of all together, below the cap",
            alt=f"Horizontal bars. {said}.{limit}",
            chart=chart,
            source="/ledger",
        ),
    )


def _is_counted(entry: Json) -> bool:
    return not is_outside(entry) and entry.get("state") in ("committed", "reserved")


def _day(entry: Json) -> str:
    return clean(str(entry.get("created_at"))[:10])


def _short(entry: Json) -> str:
    return clean(str(entry.get("run_id"))[:8])


def _table(evidence: Evidence) -> Table:
    rows = tuple(map(_row, entries(evidence)))
    return Table(
        "Every entry of the dataset's ledger, oldest first",
        ("Entry and run", "Time", "User and purpose", "Charged as", "ρ", "State", "ε, δ"),
        rows or ((NOT_PROVIDED,) * 7,),
        (2.4, 1.5, 1.8, 1.8, 1.2, 1.4, 1.3),
        "/ledger/entries",
    )


def _row(entry: Json) -> tuple[str, ...]:
    is_free = is_outside(entry)
    multiplier = number(part(entry, "event").get("noise_multiplier"))
    return (
        f"{provided(entry, 'id')}; run {provided(entry, 'run_id')}",
        moment_text(entry.get("created_at")),
        f"{provided(entry, 'user')}: {provided(entry, 'purpose')}",
        _mechanism(multiplier, is_free=is_free),
        "none" if is_free else upward_text(multiplier and multiplier**-2.0 / 2.0, 4),
        "outside the budget" if is_free else provided(entry, "state"),
        "no privacy guarantee"
        if is_free
        else f"{epsilon_text(entry.get('epsilon'))}, {delta_text(entry.get('delta'))}",
    )


def _mechanism(multiplier: float | None, *, is_free: bool) -> str:
    """What a run is charged as: one Gaussian that covers all its measurements."""
    if is_free:
        return "rows read without protection"
    return f"Gaussian, noise multiplier {number_text(multiplier)}" if multiplier else NOT_PROVIDED


def _seal(evidence: Evidence) -> tuple[Statement, ...]:
    return (
        evidence.computed("Entries of the audit log then", "/audit_log/entries", text=number_text),
        evidence.computed("Hash that seals the audit log then", "/audit_log/head"),
    )
