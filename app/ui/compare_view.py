"""Several reports side by side, on a wide screen, a narrow one and on paper."""

from __future__ import annotations

from html import escape
from itertools import groupby
from string import ascii_uppercase

import streamlit as st

from app.services.comparison import FEWEST_RUNS
from app.services.comparison_views import ComparedFinding, ComparedMeasure, ComparedRun, Comparison
from app.services.views import RunView
from app.ui import charts, layout, messages
from engine.evaluation.criteria import written

PARTS = {"fidelity": "Fidelity", "utility": "Utility", "privacy": "Privacy"}
GOALS = {"low": "the lower, the better", "high": "the higher, the better"}
CHOOSING = (
    "Choosing a run to release by numbers that compare with real rows tells something about these rows that ε does not "
    "cover."
)

_STYLE = """<style>
.studio-compare {overflow-x: auto;}
.studio-compare table {border-collapse: collapse; width: 100%; font-size: .9rem;}
.studio-compare th, .studio-compare td {text-align: left; vertical-align: top; padding: .45rem .6rem;
  border-bottom: 1px solid color-mix(in srgb, currentColor 15%, transparent);}
.studio-compare td {min-width: 7rem; font-variant-numeric: tabular-nums;}
.studio-compare th[scope=row] {font-weight: 500; min-width: 8rem; max-width: 16rem;}
.studio-compare small {display: block; opacity: .8; font-weight: 400;}
.studio-compare .best {font-weight: 700;}
.studio-compare p {display: none; font-size: .8rem; opacity: .8; margin: 0 !important;}
@media (max-width: 640px) {.studio-compare p {display: block;}}
@media print {.studio-compare {overflow: visible;} .studio-compare p {display: none;}}
</style>"""


def label(run: RunView) -> str:
    """A run in one line; its id's first digits tell equal ones apart."""
    return f"{run.method} · {messages.cost(run)} · {messages.when(run.created_at)} · {run.id[:8]}"


def show(comparison: Comparison) -> None:
    """The runs, every finding by part of the report, and a chart of one."""
    _runs(comparison.runs)
    for run, letter in zip(comparison.runs, ascii_uppercase, strict=False):
        if run.alarms:
            st.error(f"Run {letter} has an alarm: {'; '.join(run.alarms)}", icon=":material/warning:")
    _chart(comparison)
    for part, group in groupby(comparison.measures, key=lambda measure: measure.part):
        st.subheader(PARTS.get(part, part.capitalize()), anchor=False)
        _table(list(group), len(comparison.runs))
    st.caption(
        "Every cell has the value, its 95 % interval, and what stands beside it in that run's report. “best” marks the "
        "value nearest to the goal; where intervals overlap, the difference can be chance."
    )


def _runs(runs: tuple[ComparedRun, ...]) -> None:
    facts = {
        "Method": [run.method for run in runs],
        "Privacy loss": [_loss(run) for run in runs],
        "Synthetic rows": [f"{run.synthetic_rows:,}" for run in runs],
        "Real rows set aside": [f"{run.holdout_rows:,}" for run in runs],
        "Submitted": [messages.when(run.created_at) for run in runs],
    }
    rows = [_row(escape(name), [escape(value) for value in values]) for name, values in facts.items()]
    _html("Runs", len(runs), rows)


def _loss(run: ComparedRun) -> str:
    if run.epsilon is None or run.delta is None:
        return messages.NO_GUARANTEE
    return f"ε {messages.epsilon(run.epsilon)} at δ = {messages.delta(run.delta)}"


def _table(measures: list[ComparedMeasure], n_runs: int) -> None:
    rows = []
    for measure in measures:
        title = (
            f"{escape(measure.title)}<small>{escape(measure.metric_title)}; {GOALS[measure.goal]}; "
            f"{escape(measure.classification)}</small>"
        )
        rows.append(_row(title, [_cell(found, measure) for found in measure.findings]))
    _html("Measure", n_runs, rows)


def _cell(found: ComparedFinding, measure: ComparedMeasure) -> str:
    if found.value is None:
        lines = ["could not be computed", f"<small>{escape(found.reason or '')}</small>"]
    else:
        value = escape(written(found.value, measure.unit))
        lines = [f'<span class="best">{value} · best</span>' if found.is_best else value]
        if found.interval is not None:
            low, high = (escape(written(end, measure.unit)) for end in found.interval)
            lines.append(f"<small>{low} to {high}</small>")
    if found.reference is not None:
        beside = f"{measure.reference_title}: {written(found.reference, measure.unit)}"
        lines.append(f"<small>{escape(beside)}</small>")
    return "".join(lines)


def _row(title: str, cells: list[str]) -> str:
    return f'<tr><th scope="row">{title}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _html(first: str, n_runs: int, rows: list[str]) -> None:
    hint = "<p>Swipe the table sideways to see every run.</p>" if n_runs > FEWEST_RUNS else ""
    letters = "".join(f'<th scope="col">Run {letter}</th>' for letter in ascii_uppercase[:n_runs])
    head = f'<thead><tr><th scope="col">{first}</th>{letters}</tr></thead>'
    st.html(
        f'{_STYLE}<div class="studio-compare" tabindex="0">{hint}<table>{head}'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _chart(comparison: Comparison) -> None:
    measures = {
        f"{measure.metric_title}: {measure.title}": measure
        for measure in comparison.measures
        if any(found.value is not None for found in measure.findings)
    }
    chosen = st.selectbox("Chart of", list(measures), key="compare_measure")
    if chosen is None:
        return
    measure = measures[chosen]
    names = [f"{letter}: {run.method}" for letter, run in zip(ascii_uppercase, comparison.runs, strict=False)]
    layout.chart(
        charts.compared_runs(names, measure),
        key="compare_chart",
        alt=f"{chosen} of the runs, with 95 % intervals",
    )
    st.caption(f"{GOALS[measure.goal].capitalize()}. Bars show 95 % intervals where there are some.")
