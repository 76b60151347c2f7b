"""Numbers of the attacks, for the internal edition alone: no budget paid for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.reporting.document import Block, Figure, Heading, Intervals, Note, Paragraph, Statements, Table
from app.reporting.evidence import Evidence
from app.reporting.printable import NOT_PROVIDED, clean, number_text
from app.reporting.sections.phrases import number, part, records

METRICS = "/evaluation/metrics"

SHARE, SCORE, COUNT, EPSILON = UNITS = ("share", "score", "count", "epsilon")
"""Units of `engine.evaluation.metric`, which is slow to load."""

RISKS = {
    "singling-out": "singling out",
    "linkability": "linkability",
    "attribute-inference": "inference",
    "membership": "inference, of who was in the table",
    "copies": "singling out, by copies",
}
"""By name of an attack, the risk that it is about, in the words of WP216."""

SEARCH = "none of the three: a search for faults of the program"
"""What all else is about."""

THREATS = {
    "membership": (
        "Somebody who has the synthetic table and other rows of the same population takes those for rows of the "
        "private table near which synthetic rows are denser than the population. Knowledge assumed: all values of the "
        "rows in question, and as many rows of others."
    ),
    "copies": (
        "Somebody looks for rows of people they know in the synthetic table, equal in all columns or in all but one. "
        "Knowledge assumed: all values of these rows. Rows that were never learned from are the control."
    ),
    "closest-record": (
        "Distances from synthetic rows to private ones are held against distances to rows that were never learned "
        "from. This is a search for faults of the program, and no measure of privacy: a table can lie far from all "
        "rows and still tell about one."
    ),
    "noise-check": (
        "Whoever holds the private rows compares them with the noisy counts that were released, to see whether noise "
        "of the stated size was drawn."
    ),
}
"""By name of an attack whose record does not say it: who attacks, and what they know."""

_COMPARED = ("singling-out", "linkability", "attribute-inference")


def build(evidence: Evidence) -> tuple[Block, ...]:
    """Each attack: who attacks and knows what, how often it succeeded, and what guessing and the control reach."""
    found = {name: metric for name, metric in _metrics(evidence) if metric.get("part") == "privacy"}
    if not found:
        return (Statements((evidence.computed("Attacks", METRICS),)),)
    blocks = [*_figure(found), *_alarms(evidence)]
    for name, metric in found.items():
        blocks += [Heading(clean(metric.get("title"))), *_attack(evidence, name, metric)]
    return tuple(blocks)


def _metrics(evidence: Evidence) -> list[tuple[str, Mapping[str, Any]]]:
    metrics = part(evidence.at("/evaluation"), "metrics")
    return [(name, part(metrics, name)) for name in metrics]


def _alarms(evidence: Evidence) -> list[Block]:
    """Signs of a fault of the program, which nobody must overlook."""
    alarms = records(evidence.at("/evaluation/alarms"))
    if not alarms:
        return []
    found = (
        evidence.computed(f"Alarm: {clean(alarm.get('title'))}", f"/evaluation/alarms/{place}/sentence")
        for place, alarm in enumerate(alarms)
    )
    return [Note("The report has alarms: signs of a fault of the program.", is_warning=True), Statements(tuple(found))]


def _attack(evidence: Evidence, name: str, metric: Mapping[str, Any]) -> list[Block]:
    pointer = f"{METRICS}/{name}"
    blocks: list[Block] = [
        Paragraph(f"Risk, in the words of WP216: {RISKS.get(name, SEARCH)}. {THREATS.get(name, '')}")
    ]
    if "unavailable" in metric:
        reason = evidence.computed("Could not be computed", f"{pointer}/unavailable")
        return [*blocks, Statements((reason,))]
    details = part(metric, "details")
    facts = [
        evidence.computed(title, f"{pointer}/details/{key}")
        for key, title in (("threat_model", "Threat model"), ("knowledge", "Knowledge assumed"))
        if key in details
    ]
    facts += [
        evidence.computed(title, f"{pointer}/details/{key}", text=number_text)
        for key, title in (
            ("targets_each", "Rows attacked, of each group"),
            ("real_rows_each", "Real rows of each group"),
        )
        if key in details
    ]
    blocks += [Statements(tuple(facts))] if facts else []
    if attacks := records(details.get("attacks")):
        blocks.append(_rates(f"{pointer}/details/attacks", metric, attacks))
    else:
        blocks.append(_findings(evidence, pointer, metric))
    blocks.append(_in_words(evidence, f"{pointer}/findings", metric))
    if "caveat" in details:
        blocks.append(Statements((evidence.computed("To be read with", f"{pointer}/details/caveat"),)))
    return blocks


def _rates(pointer: str, metric: Mapping[str, Any], attacks: Sequence[Mapping[str, Any]]) -> Table:
    """Success on training rows, by guessing, and on the control, for each way of the attack."""
    return Table(
        f"{clean(metric.get('title'))}: success on rows that were learned from, by guessing, and on others",
        ("Attack", "Attacks", "Success", "Guessing", "Control", "Beyond the control", "95 % interval"),
        tuple(
            (
                clean(attack.get("title")),
                number_text(attack.get("n_attacks")),
                *(_share(part(attack, group).get("rate")) for group in ("main", "baseline", "control")),
                _share(part(attack, "risk").get("value")),
                _interval(part(attack, "risk").get("interval"), SHARE),
            )
            for attack in attacks
        ),
        (5, 2, 2, 2, 2, 2, 4),
        pointer,
    )


def _findings(evidence: Evidence, pointer: str, metric: Mapping[str, Any]) -> Table:
    """Each measure with its interval and what it is held against."""
    measures = {measure.get("name"): measure for measure in records(metric.get("measures"))}
    rows = []
    for finding in records(metric.get("findings")):
        measure = measures.get(finding.get("measure"), {})
        unit = _unit(measure)
        if unit == EPSILON and not evidence.is_protected:
            continue  # nothing that could be taken for a privacy loss stands in a report without one
        rows.append(
            (
                clean(measure.get("title")),
                _number(finding.get("value"), unit),
                _interval(finding.get("interval"), unit),
                f"{_number(finding.get('reference'), unit)} ({clean(measure.get('reference'))})",
            )
        )
    caption = f"{clean(metric.get('title'))}: what was found, and what it is held against"
    header = ("Measure", "Found", "95 % interval", "Held against")
    return Table(caption, header, tuple(rows), (5, 3, 4, 5), f"{pointer}/findings", (f"{pointer}/measures",))


def _in_words(evidence: Evidence, pointer: str, metric: Mapping[str, Any]) -> Statements:
    """What each finding says to a reader who is no statistician."""
    measures = {measure.get("name"): measure for measure in records(metric.get("measures"))}
    return Statements(
        tuple(
            evidence.computed(clean(measure.get("title")), f"{pointer}/{place}/sentence")
            for place, finding in enumerate(records(metric.get("findings")))
            if (measure := measures.get(finding.get("measure"), {})).get("unit") != EPSILON or evidence.is_protected
        )
    )


def _figure(found: Mapping[str, Mapping[str, Any]]) -> list[Block]:
    """What the three attacks of WP216 gain over their control, with intervals."""
    lines: list[tuple[str, float, float, float]] = []
    for name in _COMPARED:
        metric = part(found, name)
        titles = {measure.get("name"): measure.get("title") for measure in records(metric.get("measures"))}
        for finding in records(metric.get("findings")):
            value, ends = number(finding.get("value")), _ends(finding.get("interval"))
            if value is not None and ends is not None:
                measured = clean(titles.get(finding.get("measure"))).removeprefix("Risk ")
                label = f"{clean(metric.get('title'))}: {measured}"
                lines.append((label, value, *ends))
    if not lines:
        return []
    chart = Intervals(
        tuple(line[0] for line in lines),
        tuple(line[1] for line in lines),
        tuple(line[2] for line in lines),
        tuple(line[3] for line in lines),
        "Success beyond the control, as a share of what the control leaves",
    )
    alt = "; ".join(
        f"{label}: {_share(value)}, from {_share(low)} to {_share(high)}" for label, value, low, high in lines
    )
    caption = "What each attack gains on rows that were learned from, over rows that were not, with intervals"
    return [Figure("risk-of-attacks", caption, f"{caption}. {alt}.", chart, METRICS)]


def _share(value: Any) -> str:
    return _number(value, SHARE)


def _number(value: Any, unit: str) -> str:
    from engine.evaluation.criteria import written

    exact = number(value)
    if exact is not None:
        return written(exact, unit).replace("-", "\u2212")
    return "could not be computed" if isinstance(value, Mapping) else NOT_PROVIDED


def _ends(interval: Any) -> tuple[float, float] | None:
    """Both ends of an interval, where it has them."""
    low, high = map(number, interval) if isinstance(interval, list) and len(interval) == 2 else (None, None)
    return None if low is None or high is None else (low, high)


def _unit(measure: Mapping[str, Any]) -> str:
    """How a measure's numbers are written."""
    unit = measure.get("unit")
    return unit if unit in UNITS else SCORE


def _interval(interval: Any, unit: str) -> str:
    if ends := _ends(interval):
        return f"{_number(ends[0], unit)} to {_number(ends[1], unit)}"
    return "none" if isinstance(interval, Mapping) else NOT_PROVIDED
