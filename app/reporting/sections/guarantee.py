"""Section 2: the guarantee with its native parameters, its unit and its limits."""

from __future__ import annotations

import math
from typing import Any

from app.reporting.document import Block, Figure, Heading, Lines, Paragraph, Section, Statement, Statements, Table
from app.reporting.evidence import Evidence
from app.reporting.frameworks.common import UNIT_REASON
from app.reporting.printable import (
    LONGEST_STATEMENT,
    NOT_PROVIDED,
    clean,
    delta_text,
    epsilon_text,
    number_text,
    percent_text,
)
from app.reporting.sections.phrases import (
    TRAINING,
    band_sentence,
    epsilon_sentence,
    number,
    records,
    unit_places,
    unit_text,
    upward_text,
)
from engine.errors import EngineError

PRIORS = (0.01, 0.1, 0.5)
PROFILE_POWERS = range(-6, 5)
"""The curve of ε is drawn for the run's δ times these powers of ten."""

_LEAD = (
    "The guarantee is a bound on what anyone can learn about one unit from the synthetic table, whatever they know "
    "already and however they compute. It is stated with its own parameters, so that it can be converted, and with the "
    "unit that it protects: values of ε for another unit or at another δ cannot be held against it."
)
_ODDS_LEAD = (
    "Somebody suspects something about one unit, and then sees the synthetic table. However they reason, their "
    "suspicion stays within these bounds, except with a probability of about δ."
)


def build(evidence: Evidence) -> Section:
    """The guarantee of the run."""
    return Section(
        "2",
        "The guarantee",
        (
            Paragraph(_LEAD),
            Statements((_sentence(evidence), *_bound(evidence))),
            Heading("Whom it protects"),
            Statements(_unit(evidence)),
            Heading("Native parameters"),
            Statements((*_native(evidence), *_trainings(evidence))),
            Heading("ε at several δ"),
            *_conversion(evidence),
            Heading("δ and the number of rows"),
            Statements(_size(evidence)),
            Heading("What a suspicion can become"),
            Paragraph(_ODDS_LEAD),
            _odds(evidence),
        ),
    )


def _sentence(evidence: Evidence) -> Statement:
    return evidence.computed(
        "In one sentence",
        "/certificate/privacy/epsilon",
        "/certificate/privacy/delta",
        *unit_places(evidence),
        text=epsilon_sentence,
    )


def _bound(evidence: Evidence) -> tuple[Statement, ...]:
    user = clean(evidence.at("/run/user"))
    return (
        evidence.computed("Variant", "/certificate/guarantee", text=_variant),
        evidence.computed("ε of what was recorded", "/certificate/privacy/epsilon", text=epsilon_text),
        evidence.computed(
            "ε computed again from the events", "/recomputed/epsilon", "/recomputed/agrees", text=_recomputed
        ),
        evidence.computed("ε charged to the ledger", "/certificate/privacy/charged_epsilon", text=epsilon_text),
        evidence.declared("ε asked for", "/certificate/privacy/target_epsilon", text=epsilon_text, by=user),
        evidence.declared("δ", "/certificate/privacy/delta", text=delta_text, by=user),
        evidence.computed("How much ε says", "/certificate/privacy/epsilon", text=band_sentence),
    )


def _variant(guarantee: Any) -> str:
    return f"(ε, δ)-{clean(guarantee)} in the central model: whoever operates the software holds the private rows"


def _recomputed(epsilon: Any, agrees: Any) -> str:
    verdict = "agrees with the certificate" if agrees is True else "does not agree with the certificate"
    return f"{epsilon_text(epsilon)}, which {verdict}"


def _unit(evidence: Evidence) -> tuple[Statement, ...]:
    unit = unit_places(evidence)
    kind, id_column = unit[0], ("/certificate/unit/id_column",) if len(unit) > 1 else ()
    return (
        evidence.declared("Unit of protection", *unit, text=unit_text),
        UNIT_REASON.statement(evidence),
        evidence.computed("Level", kind, text=_level),
        evidence.computed("Neighbouring tables", "/certificate/neighbouring_relation", text=_neighbours),
        evidence.computed("Rows per unit", *unit, *id_column, text=_rows_per_unit),
        evidence.computed("Rows left out by that limit", kind, text=_rows_left_out),
    )


def _level(kind: Any) -> str:
    levels = {
        "person": "user level: all rows of a person that count are protected together",
        "row": "event level: each row is protected by itself",
    }
    return levels.get(kind, NOT_PROVIDED)


def _neighbours(relation: Any) -> str:
    return f"{clean(relation)}; the number of units is not taken as known"


def _rows_per_unit(kind: Any, most: Any = None, id_column: Any = None) -> str:
    if kind == "person":
        rows = "1 random row was" if most == 1 else f"{number_text(most)} random rows were"
        return (
            f"of each person, told apart by {clean(id_column)}, at most {rows} kept before anything was measured; rows "
            "that name nobody were left out"
        )
    if kind == "row":
        return "one; whoever has several rows is protected for each of them, not for all together"
    return NOT_PROVIDED


def _rows_left_out(kind: Any) -> str:
    if kind == "person":
        return "not counted: their number is a fact about the private rows, and no budget paid for it"
    return "none: nothing is limited where each row is a unit" if kind == "row" else NOT_PROVIDED


def _native(evidence: Evidence) -> tuple[Statement, ...]:
    return (
        evidence.computed(
            "Gaussian differential privacy", "/certificate/privacy/mu", text=lambda mu: f"μ = {upward_text(mu)}"
        ),
        evidence.computed(
            "Read as zero-concentrated",
            "/certificate/privacy/rho_zcdp",
            "/certificate/privacy/epsilon_zcdp",
            text=lambda rho, epsilon: f"ρ = {upward_text(rho)}, which by itself gives ε = {epsilon_text(epsilon)}",
        ),
        evidence.computed(
            "Accountant", "/certificate/privacy/accountant", text=lambda text: clean(text, LONGEST_STATEMENT)
        ),
    )


def _trainings(evidence: Evidence) -> list[Statement]:
    found = [
        f"/certificate/events/{index}"
        for index, event in enumerate(evidence.items("/certificate/events"))
        if isinstance(event, dict) and event.get("mechanism") == TRAINING
    ]
    fields = ("noise_multiplier", "sampling_rate", "steps", "event/noise_multiplier", "event/delta_extra")
    return [
        evidence.computed("Training", *(f"{place}/{name}" for name in fields), text=_training_text) for place in found
    ]


def _training_text(multiplier: Any, rate: Any, steps: Any, covering: Any, delta_extra: Any) -> str:
    extra = f", but for a part of δ = {delta_text(delta_extra)}" if number(delta_extra) else ""
    return (
        f"σ = {number_text(multiplier)} × the clipping norm, q = {number_text(rate)} by Poisson sampling, "
        f"T = {number_text(steps)} steps; together covered by one Gaussian of noise multiplier "
        f"{number_text(covering)}{extra}"
    )


def _conversion(evidence: Evidence) -> tuple[Block, ...]:
    points = records(evidence.items("/certificate/privacy/epsilon_at"))
    rows = tuple((delta_text(point.get("delta")), epsilon_text(point.get("epsilon"))) for point in points)
    table = Table(
        "The same guarantee, read at other values of δ",
        ("δ", "ε, at most"),
        rows or ((NOT_PROVIDED, NOT_PROVIDED),),
        (1.0, 1.0),
        "/certificate/privacy/epsilon_at",
    )
    profile = _profile(evidence)
    return (table, *([profile] if profile else []))


def _profile(evidence: Evidence) -> Figure | None:
    """ε as a function of δ, from the events alone; None where they give no finite ε."""
    from engine.privacy.accounting import compose_epsilon

    center = number(evidence.at("/certificate/privacy/delta")) or 0.0
    deltas = [delta for power in PROFILE_POWERS if 0.0 < (delta := center * 10.0**power) < 1.0]
    try:
        recorded = [event["event"] for event in evidence.items("/certificate/events")]
        pairs = [(delta, compose_epsilon(recorded, delta)) for delta in deltas] if recorded else []
    except (EngineError, KeyError, TypeError, ValueError):
        return None
    finite = [(delta, epsilon) for delta, epsilon in pairs if math.isfinite(epsilon)]
    if not finite:
        return None
    said = "; ".join(f"δ = {delta_text(delta)}: ε = {epsilon_text(epsilon)}" for delta, epsilon in finite)
    return Figure(
        name="privacy-profile",
        caption="The whole guarantee: every pair of δ and ε on the curve or above it holds for this run",
        alt=f"A falling curve of ε over δ, computed from the recorded events. {said}.",
        chart=Lines(
            x=tuple(delta for delta, _ in finite),
            series=(("ε, at most", tuple(epsilon for _, epsilon in finite)),),
            x_axis="δ",
            y_axis="ε",
            log_x=True,
        ),
        source="/certificate",
    )


def _size(evidence: Evidence) -> tuple[Statement, ...]:
    delta = "/certificate/privacy/delta"
    return (
        evidence.declared("δ against the declared number of rows", "/dataset/declared_rows", delta, text=_declared),
        evidence.computed(
            "δ against the noisy number of rows", "/certificate/rows/estimated_private", delta, text=_measured
        ),
        evidence.computed("Exact number of private rows", "/certificate/neighbouring_relation", text=_exact_rows),
    )


def _declared(rows: Any, delta: Any) -> str:
    return f"n = {number_text(rows)} as declared in public; {_expected_failures(rows, delta)}"


def _measured(rows: Any, delta: Any) -> str:
    return f"n is about {number_text(_whole(rows))} by charged measurements; {_expected_failures(rows, delta)}"


def _expected_failures(rows: Any, delta: Any) -> str:
    exact, chance = number(rows), number(delta)
    if exact is None or chance is None:
        return f"δ × n is {NOT_PROVIDED}"
    return f"δ × n = {number_text(chance * exact, 2)}, which should lie far below one"


def _exact_rows(relation: Any) -> str:
    return f"not released: tables are neighbours where they differ by this: {clean(relation)}"


def _whole(value: Any) -> Any:
    exact = number(value)
    return value if exact is None else round(exact)


def _odds(evidence: Evidence) -> Table:
    return Table(
        "A suspicion before the synthetic table is seen, and the least and the most that it can become",
        ("Before", "After, at least", "After, at most"),
        suspicion_rows(evidence.at("/certificate/privacy/epsilon")) or ((NOT_PROVIDED,) * 3,),
        (1.0, 1.0, 1.0),
        "/certificate/privacy/epsilon",
    )


def suspicion_rows(epsilon: Any) -> tuple[tuple[str, ...], ...]:
    """For a suspicion of some strength, the weakest and the strongest that it can become."""
    exact = number(epsilon)
    if exact is None:
        return ()
    rows = []
    for prior in PRIORS:
        odds = math.log(prior / (1.0 - prior))
        low, high = _chance(odds - exact), _chance(odds + exact)
        rows.append((percent_text(prior), percent_text(low, math.floor), percent_text(high, math.ceil)))
    return tuple(rows)


def _chance(log_odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-log_odds)) if log_odds > -700 else 0.0
