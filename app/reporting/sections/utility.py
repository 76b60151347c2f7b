"""Section 8: what the table is good for, how far it is off, and for whom that is worse."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

from app.reporting.document import Block, Bullets, Heading, Note, Paragraph, Section, Statement, Statements, Table
from app.reporting.evidence import Evidence
from app.reporting.frameworks.common import CONTACT, INTENDED_USE, NOT_FOR
from app.reporting.printable import (
    LONGEST_STATEMENT,
    NOT_PROVIDED,
    clean,
    number_text,
    percent_text,
    provided,
)
from app.reporting.sections.findings import (
    METRICS,
    SETS,
    columns_figure,
    findings_figure,
    findings_table,
    internal_findings_table,
    noise_table,
    value_text,
)
from app.reporting.sections.phrases import Json, counted, items, number, records

MOST_SETS = 60
MOST_SUBGROUPS = 20

_LEAD = (
    "A distance is the share of rows that would have to move to another cell for two tables to count alike: zero is "
    "equal. Every number here was charged to the budget, follows from the noise alone, or reads synthetic rows only."
)
INTERNAL_WARNING = (
    "What follows shows statistics of private rows. It must stay where the private rows may be, and leaves with no "
    "synthetic table."
)
_BIAS = (
    "Noise is the same for every count, so it is large beside the counts of small groups: relative errors of rare "
    "values are the largest.",
    "A noisy count below zero becomes an empty cell, and the others are scaled to the total. On average this adds rows "
    "to rare cells and takes them from common ones.",
    "A number that was clipped lies at its bound, so means and spreads of columns with far values are pulled in.",
    "A relation that was not measured is not kept: columns look independent there, also where they are not.",
)


def build(evidence: Evidence) -> Section:
    """Quality with intervals, errors by column and group, and what the table is not for."""
    figures = [figure for figure in (findings_figure(evidence), columns_figure(evidence)) if figure is not None]
    return Section(
        "8",
        "Utility and bias",
        (
            Paragraph(_LEAD),
            Statements(_basis(evidence)),
            findings_table(evidence),
            *figures,
            Heading("What the noise allows"),
            Statements(_noise(evidence)),
            noise_table(evidence, MOST_SETS),
            Heading("Groups, clipping and counts below zero"),
            Bullets(_BIAS),
            Statements(_bias(evidence)),
            *_internal(evidence),
            Heading("What the table is for"),
            Statements(use_statements(evidence)),
        ),
    )


def _basis(evidence: Evidence) -> tuple[Statement, ...]:
    report = "/released_report"
    return (
        evidence.computed("Confidence of each interval", f"{report}/confidence", text=_percent),
        evidence.computed(
            "Share of the run's privacy loss that paid for it", f"{report}/evaluation_share", text=_share
        ),
        evidence.computed("Prediction on rows that were set aside", f"{METRICS}/noisy-utility", text=_prediction),
    )


def _percent(value: Any) -> str:
    exact = number(value)
    return NOT_PROVIDED if exact is None else percent_text(exact)


def _share(value: Any) -> str:
    return f"{_percent(value)}" if value else "none: nothing was measured for the report, so only bounds are given"


def _prediction(metric: Any) -> str:
    if not isinstance(metric, dict) or "unavailable" in metric:
        reason = metric.get("unavailable") if isinstance(metric, dict) else None
        return f"{NOT_PROVIDED}: {clean(reason)}" if reason else NOT_PROVIDED
    titles = {str(measure.get("name")): clean(measure.get("title")) for measure in records(items(metric, "measures"))}
    units = {str(measure.get("name")): measure.get("unit") for measure in records(items(metric, "measures"))}
    said = [
        f"{titles.get(name, clean(name))} {value_text(finding.get('value'), units.get(name))}"
        for finding in records(items(metric, "findings"))
        for name in (str(finding.get("measure")),)
    ]
    return "a model that saw synthetic rows only: " + ", ".join(said) if said else NOT_PROVIDED


def _noise(evidence: Evidence) -> tuple[Statement, ...]:
    uncertainty = "/certificate/uncertainty"
    return (
        evidence.computed(
            "What a bound means", f"{uncertainty}/meaning", text=lambda text: clean(text, LONGEST_STATEMENT)
        ),
        evidence.computed("Confidence of each bound", f"{uncertainty}/confidence", text=_percent),
        evidence.computed("A count of measured rows is off by", SETS, f"{uncertainty}/confidence", text=_count_error),
        evidence.computed("Pairs that were not measured", SETS, text=_unmeasured),
    )


def _count_error(sets: Any, confidence: Any) -> str:
    level = number(confidence)
    scales = [scale for found in records(sets) if (scale := number(found.get("noise_scale"))) is not None]
    if not scales or level is None or not 0.0 < level < 1.0:
        return NOT_PROVIDED
    width = NormalDist().inv_cdf(0.5 + level / 2.0)
    least, most = number_text(width * min(scales), 3), number_text(width * max(scales), 3)
    rows = f"{least} rows" if least == most else f"{least} to {most} rows, by the noise of the set"
    return f"at most {rows}, with a confidence of {percent_text(level)} per count"


def _unmeasured(sets: Any) -> str:
    unmeasured = [found for found in records(sets) if found.get("measured") is False]
    if not unmeasured:
        return "no bound is known for them"
    bounded = sum(number(found.get("distance_at_most")) is not None for found in unmeasured)
    return f"{counted(len(unmeasured), 'pair')} that could have been chosen; the noise bounds {bounded:,} of them"


def _bias(evidence: Evidence) -> tuple[Statement, ...]:
    return (
        evidence.computed("Columns whose numbers are clipped", "/certificate/columns", text=_clipped),
        evidence.computed("Values that were clipped", f"{METRICS}/clipping/findings"),
        evidence.computed("Quality by subgroup, charged", f"{METRICS}/subgroups/findings"),
    )


def _clipped(columns: Any) -> str:
    clipped = [column for column in records(columns) if str(column.get("outside_rule", "")).startswith("clipped")]
    names = ", ".join(provided(column, "name") for column in clipped)
    return f"{len(clipped):,}: {names}" if clipped else "none"


def _internal(evidence: Evidence) -> tuple[Block, ...]:
    """In the internal edition, what comparison with the private rows says."""
    if not evidence.is_internal:
        return ()
    return (
        Heading("Compared with the private rows"),
        Note(INTERNAL_WARNING, is_warning=True),
        internal_findings_table(evidence),
        *subgroup_blocks(evidence),
    )


def subgroup_blocks(evidence: Evidence) -> tuple[Block, ...]:
    """Groups of the wrong size, by the largest error; internal."""
    place = "/evaluation/metrics/subgroups/details/by_size"
    groups = records(evidence.items(place))
    if not groups:
        return ()
    table = Table(
        "Groups whose size is farthest from the private rows; no budget paid for these numbers",
        ("Group", "Share of private rows", "Share of synthetic rows", "Relative error", "Interval"),
        tuple(map(_group, groups[:MOST_SUBGROUPS])),
        (2.6, 1.2, 1.2, 1.1, 1.6),
        place,
    )
    return (table,)


def _group(group: Json) -> tuple[str, ...]:
    pairs = zip(items(group, "columns"), items(group, "labels"), strict=False)
    interval = " to ".join(value_text(end, "share") for end in items(group, "size_interval"))
    return (
        ", ".join(f"{clean(column)} = {clean(label)}" for column, label in pairs),
        value_text(group.get("real"), "share"),
        value_text(group.get("synthetic"), "share"),
        value_text(group.get("size_error"), "share"),
        interval or NOT_PROVIDED,
    )


def use_statements(evidence: Evidence) -> tuple[Statement, ...]:
    """Declared uses, and whom to ask for results on the private rows."""
    return tuple(question.statement(evidence) for question in (INTENDED_USE, NOT_FOR, CONTACT))
