"""Findings of a report, drawn alike whatever the metric: number, interval, reference, and what they say."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import streamlit as st

Json = dict[str, Any]

OVERVIEW = (
    ("marginals", "two-way"),
    ("marginals", "three-way"),
    ("prediction", "boosting"),
    ("detection", "auc"),
    ("attribute-inference", "all-columns"),
    ("membership", "auc"),
)

_STYLE = """<style>
.studio-findings {display: grid; grid-template-columns: repeat(auto-fit, minmax(min(16rem, 100%), 1fr)); gap: .8rem;
  margin: 0 !important; padding: 0 !important;}
.studio-findings section {border: 1px solid color-mix(in srgb, currentColor 18%, transparent); border-radius: 8px;
  padding: .75rem .95rem .8rem;}
.studio-findings h4 {font-size: .85rem !important; font-weight: 400 !important; opacity: .8; margin: 0 !important;
  padding: 0 !important;}
.studio-findings strong {font-size: 1.6rem; font-weight: 400; line-height: 1.3; font-variant-numeric: tabular-nums;}
.studio-findings small {font-size: .82rem; opacity: .8; white-space: nowrap; margin-left: .35rem;
  font-variant-numeric: tabular-nums;}
.studio-findings .none {font-size: .95rem; line-height: 1.45; display: block;}
.studio-findings p {font-size: .88rem; margin: .45rem 0 0 !important; line-height: 1.45;}
.studio-findings .reference {opacity: .8; display: flex; gap: .4rem; align-items: baseline;}
.studio-findings .reference i {flex: none; width: .2rem; height: .75rem; background: #E0A030; border-radius: 1px;
  align-self: center;}
.studio-track {position: relative; height: .9rem; margin: .35rem 0 .1rem;}
.studio-track::before {content: ""; position: absolute; left: 0; right: 0; top: 50%; height: 2px; margin-top: -1px;
  background: color-mix(in srgb, currentColor 16%, transparent); border-radius: 1px;}
.studio-track i {position: absolute; top: 50%; transform: translate(-50%, -50%);}
.studio-track .band {transform: translateY(-50%); height: .42rem; border-radius: 99px; min-width: 3px;
  background: color-mix(in srgb, var(--st-primary-color, #0B7A75) 45%, transparent);}
.studio-track .point {width: .6rem; height: .6rem; border-radius: 99px; background: var(--st-primary-color, #0B7A75);}
.studio-track .mark {width: .2rem; height: .9rem; border-radius: 1px; background: #E0A030;}
</style>"""


def apply_style() -> None:
    """The stylesheet of findings, once per page."""
    st.html(_STYLE)


def why_not(value: Any) -> str | None:
    """The reason why a number or a part is missing, or None where it is there."""
    if isinstance(value, dict) and "unavailable" in value:
        return str(value["unavailable"])
    return None


def percent(value: Any, digits: int = 1) -> str:
    """A share for reading."""
    return f"{100 * value:.{digits}f} %" if isinstance(value, int | float) else "could not be computed"


def span(interval: Any, digits: int = 1) -> str:
    """An interval of shares for reading."""
    if (reason := why_not(interval)) is not None:
        return f"could not be computed: {reason}"
    return f"{percent(interval[0], digits)} to {percent(interval[1], digits)}"


def number(value: float, unit: str) -> str:
    """A number of a finding, as its unit is written."""
    if unit == "share":
        return f"{100 * value:.{2 if abs(value) < 0.0995 else 1}f} %"
    if unit == "count":
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) < 1000 else f"{value:,.0f}"


def details(report: Json, name: str) -> Json:
    """What a metric found beside its findings, or why it could not be computed, or that this report lacks it."""
    part: Json = report["metrics"].get(name, {"unavailable": "this report was made before there was such a metric"})
    found: Json = part.get("details", part)
    return found


def alarms(report: Json) -> None:
    """Signs of a fault, above everything else."""
    for alarm in report["alarms"]:
        st.error(f"**{alarm['title']}.** {alarm['sentence']}", icon=":material/crisis_alert:")


def overview(report: Json) -> None:
    """A few findings of every part, to look at first."""
    chosen = []
    for name, measure in OVERVIEW:
        part = report["metrics"].get(name, {})
        finding = next((item for item in part.get("findings", ()) if item["measure"] == measure), None)
        if finding is not None and why_not(finding["value"]) is None:
            chosen.append((finding, next(item for item in part["measures"] if item["name"] == measure)))
    st.html(f'<div class="studio-findings">{"".join(_card(*item, short=True) for item in chosen)}</div>')


def section(report: Json, name: str, extra: Callable[[Json], None] | None = None, *, expanded: bool = False) -> None:
    """A metric: its title and first number, and folded away its question, all findings, and what else there is.

    Args:
        report: the report.
        name: the metric; one that the report lacks is passed over.
        extra: shows the metric's details.
        expanded: whether it is open from the start.
    """
    part = report["metrics"].get(name)
    if part is None:
        return
    with st.expander(_headline(part), expanded=expanded):
        st.caption(part["question"])
        if (reason := why_not(part)) is not None:
            st.info(f"Could not be computed: {reason}.", icon=":material/info:")
            return
        measures = {measure["name"]: measure for measure in part["measures"]}
        cards = "".join(_card(finding, measures[finding["measure"]]) for finding in part["findings"])
        st.html(f'<div class="studio-findings">{cards}</div>')
        if extra is not None:
            extra(part["details"])


def _headline(part: Json) -> str:
    """A metric's title, and of its first finding the number and what stands beside it."""
    title = f"**{part['title']}**"
    if why_not(part) is not None or why_not(part["findings"][0]["value"]) is not None:
        return f"{title} · could not be computed"
    finding, measure = part["findings"][0], part["measures"][0]
    value = number(finding["value"], measure["unit"])
    if why_not(finding["reference"]) is not None:
        return f"{title} · {value}"
    return f"{title} · {value}, against {number(finding['reference'], measure['unit'])}"


def _card(finding: Json, measure: Json, *, short: bool = False) -> str:
    title = f"<h4>{escape(measure['title'])}</h4>"
    value, unit = finding["value"], measure["unit"]
    if (reason := why_not(value)) is not None:
        said = f'<strong class="none">Could not be computed: {escape(reason)}.</strong>'
        return f"<section>{title}{said}</section>"
    sentence = "" if short else f"<p>{escape(finding['sentence'])}</p>"
    return (
        f"<section>{title}<strong>{number(value, unit)}</strong>{_interval(finding['interval'], unit)}"
        f"{_track(finding, measure)}{sentence}{_reference(finding['reference'], measure)}</section>"
    )


def _interval(interval: Any, unit: str) -> str:
    if why_not(interval) is not None:
        return ""
    low, high = (number(end, unit) for end in interval)
    return f"<small>95 %: {low} to {high}</small>"


def _reference(reference: Any, measure: Json) -> str:
    reason = why_not(reference)
    said = number(reference, measure["unit"]) if reason is None else f"none, {reason}"
    mark = "<i></i>" if reason is None else ""
    return f'<p class="reference">{mark}<span>{escape(measure["reference"])}: {escape(said)}</span></p>'


def _track(finding: Json, measure: Json) -> str:
    """A line with the interval, the number and the reference, from 0 or the least of them to beyond the greatest."""
    interval, reference = finding["interval"], finding["reference"]
    if why_not(interval) is not None or why_not(reference) is not None:
        return ""
    numbers = [finding["value"], reference, *interval]
    start = min(0.0, *numbers)
    whole = 1.0 if measure["unit"] == "share" and max(numbers) > 0.6 else 1.15 * (max(numbers) - start)
    if whole <= 0:
        return ""
    low, high, point, mark = (
        100 * min((each - start) / whole, 1.0) for each in (*interval, finding["value"], reference)
    )
    return (
        f'<div class="studio-track" aria-hidden="true"><i class="band" style="left:{low:.2f}%;width:{high - low:.2f}%">'
        f'</i><i class="mark" style="left:{mark:.2f}%"></i><i class="point" style="left:{point:.2f}%"></i></div>'
    )
