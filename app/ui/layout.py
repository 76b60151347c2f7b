"""The look that all screens share, and the steps of the wizard."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app.errors import AppError
from app.services.views import DatasetView, RunView, UserView
from app.ui import messages, navigation, session

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

STEPS = (
    ("upload", "Data"),
    ("columns", "Columns"),
    ("protect", "Protected"),
    ("budget", "Budget"),
    ("model", "Model"),
    ("review", "Review"),
    ("run", "Train"),
    ("report", "Report"),
    ("release", "Release"),
    ("ask", "Ask"),
)
_ORDER = [name for name, _ in STEPS]

_STYLE = """<style>
.block-container {padding-top: 4.5rem; padding-bottom: 5rem; max-width: 60rem;}
h1 {font-size: 1.9rem !important; letter-spacing: -0.01em; padding-bottom: .25rem !important;}
h2 {font-size: 1.3rem !important;} h3 {font-size: 1.08rem !important;}
.studio-steps {display: flex; gap: .3rem; list-style: none; padding: 0 !important; margin: 0 !important;
  flex-wrap: wrap;}
.studio-steps li {margin: 0 !important; padding: 0 !important; font-size: .82rem;}
.studio-steps a, .studio-steps span {display: inline-flex; align-items: center; gap: .35rem; padding: .2rem .6rem;
  border-radius: 99px; border: 1px solid color-mix(in srgb, currentColor 20%, transparent);
  text-decoration: none !important; color: inherit !important;}
.studio-steps .done a {background: color-mix(in srgb, var(--st-primary-color, #0B6B6B) 12%, transparent);}
.studio-steps .now span {background: var(--st-primary-color, #0B6B6B); color: #fff !important; font-weight: 600;
  border-color: transparent;}
.studio-steps .later span {opacity: .55;}
.studio-kicker {font-size: .9rem; opacity: .75; margin: 1.1rem 0 -.6rem !important;}
.studio-figures {display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .8rem;
  margin: 0 !important; padding: 0 !important;}
.studio-figures div {border: 1px solid color-mix(in srgb, currentColor 18%, transparent); border-radius: 8px;
  padding: .7rem .9rem;}
.studio-figures dt {font-size: .85rem; opacity: .8; font-weight: 400;}
.studio-figures dd {font-size: 1.7rem; margin: .1rem 0 0 !important; line-height: 1.25;
  font-variant-numeric: tabular-nums;}
.studio-bar {display: flex; height: .8rem; border-radius: 99px; overflow: hidden;
  background: color-mix(in srgb, currentColor 12%, transparent);}
.studio-bar i {display: block; height: 100%;}
.studio-legend {display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; font-size: .85rem; margin-top: .45rem;}
.studio-legend b {display: inline-block; width: .7rem; height: .7rem; border-radius: 3px; margin-right: .4rem;}
.studio-log {list-style: none; margin: 0 !important; padding: 0 !important; font-size: .9rem;}
.studio-log li {display: flex; gap: .9rem; margin: 0 !important; padding: .3rem 0 !important;
  border-bottom: 1px solid color-mix(in srgb, currentColor 12%, transparent);}
.studio-log time {flex: none; opacity: .7; font-variant-numeric: tabular-nums;}
.studio-log span {min-width: 0; overflow-wrap: anywhere;}
.studio-log li:first-child span {font-weight: 600;}
@media (max-width: 640px) {
  .block-container {padding-left: 1rem; padding-right: 1rem; padding-top: 4rem;}
  h1 {font-size: 1.5rem !important;}
  .studio-steps .later {display: none;}
}
</style>"""

ICON = Path(__file__).with_name("icon.svg")

COLOURS = ("#0B7A75", "#E0A030", "#5B6CC0", "#A05195", "#7A8B93")


def apply_style() -> None:
    """The stylesheet, once per run of the script."""
    st.html(_STYLE)


def brand() -> None:
    """The product's mark and name, on screens that have no menu."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.image(str(ICON), width=32)
        st.markdown("**Synthetic Data Studio**", width="content")


def page_header(title: str, lead: str | None = None) -> None:
    """A screen's title and one sentence that says what it is for."""
    st.title(title, anchor=False)
    if lead:
        st.write(lead)


def open_dataset(user: UserView) -> DatasetView:
    """The dataset that the URL names; without one the page stops with a way back."""
    dataset_id = st.query_params.get("dataset", "")
    try:
        return session.services().datasets.get(user, dataset_id)
    except AppError:
        st.info("Choose one of your datasets first.", icon=":material/table:")
        navigation.link("datasets", "Go to datasets", icon="arrow_forward")
        st.stop()


def open_run(user: UserView) -> RunView:
    """The run that the URL names; without one the page stops with a way back."""
    run_id = st.query_params.get("run", "")
    try:
        return session.services().runs.get(user, run_id)
    except AppError:
        st.info("Choose one of your runs first.", icon=":material/play_circle:")
        navigation.link("runs", "Go to runs", icon="arrow_forward")
        st.stop()


def wizard_header(dataset: DatasetView, step: str, title: str, lead: str) -> None:
    """The steps, the dataset's name, and the step's title. A step before which something is missing stops here."""
    steps(step, dataset=dataset)
    page_header(title, lead)
    missing = dataset.next_step
    if _ORDER.index(missing) < _ORDER.index(step):
        label = dict(STEPS)[missing].lower()
        st.info(f"This step opens when the step “{label}” is done.", icon=":material/lock:")
        navigation.link(missing, f"Go to {label}", icon="arrow_back", dataset=dataset.id)
        st.stop()


def run_header(run: RunView, step: str, title: str, lead: str) -> None:
    """The same for the steps that belong to a run, and that it protects nobody where that is so."""
    steps(step, run=run)
    page_header(title, lead)
    if not run.is_protected:
        no_guarantee()


def no_guarantee() -> None:
    """That nothing protects the rows, so large that nobody passes over it."""
    st.error(messages.NO_GUARANTEE_NOTE, icon=":material/gpp_bad:")


def steps(current: str, *, dataset: DatasetView | None = None, run: RunView | None = None) -> None:
    """The wizard's steps, those that can be opened as links, and the name of what they are about."""
    targets = _targets(dataset, run)
    items = []
    is_unprotected = run is not None and not run.is_protected
    shown = [step for step in STEPS if not (is_unprotected and step[0] == "ask")]
    for position, (name, label) in enumerate(shown, start=1):
        text = f"{position} {'Files' if is_unprotected and name == 'release' else label}"
        if name == current:
            items.append(f'<li class="now"><span aria-current="step">{text}</span></li>')
        elif name in targets:
            items.append(f'<li class="done"><a href="{escape(targets[name])}" target="_self">{text}</a></li>')
        else:
            items.append(f'<li class="later"><span>{text}</span></li>')
    subject = dataset.name if dataset is not None else run.dataset_name if run is not None else ""
    kicker = f'<p class="studio-kicker">{escape(subject)}</p>' if subject else ""
    st.html(f'<ol class="studio-steps" aria-label="Steps">{"".join(items)}</ol>{kicker}')


def _targets(dataset: DatasetView | None, run: RunView | None) -> dict[str, str]:
    """URLs of the steps that can be opened."""
    if dataset is not None:
        reached = _ORDER.index(dataset.next_step)
        return {name: f"/{name}?dataset={dataset.id}" for name in _ORDER[1 : reached + 1]}
    if run is not None:
        planned = {name: f"/{name}?dataset={run.dataset_id}" for name in _ORDER[1:6]}
        made = _ORDER[6:] if run.status == "done" else _ORDER[6:7]
        return planned | {name: f"/{name}?run={run.id}" for name in made}
    return {}


def figures(values: dict[str, str]) -> None:
    """A few numbers with their names, side by side as far as the screen allows."""
    cells = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in values.items())
    st.html(f'<dl class="studio-figures">{cells}</dl>')


def chart(figure: Figure, *, key: str, alt: str) -> None:
    """A figure over the whole width, without Plotly's buttons.

    Args:
        figure: what to show.
        key: name of the element, unique on its page.
        alt: what it shows, for those who do not see it.
    """
    st.plotly_chart(figure, key=key, config={"displayModeBar": False}, alt=alt)


def bar(parts: list[tuple[str, float, str]], total: float) -> None:
    """A horizontal bar of parts with a legend.

    Args:
        parts: label, length and text per part.
        total: length of the whole bar.
    """
    cells, legend = [], []
    for position, (label, length, text) in enumerate(parts):
        colour = COLOURS[position % len(COLOURS)]
        width = 100.0 * max(length, 0.0) / total if total > 0 else 0.0
        cells.append(f'<i style="width:{min(width, 100.0):.2f}%;background:{colour}"></i>')
        legend.append(f'<span><b style="background:{colour}"></b>{escape(label)} {escape(text)}</span>')
    said = "; ".join(f"{label} {text}" for label, _, text in parts)
    st.html(
        f'<div class="studio-bar" role="img" aria-label="{escape(said)}">{"".join(cells)}</div>'
        f'<div class="studio-legend">{"".join(legend)}</div>'
    )


def log(lines: list[tuple[str, str]]) -> None:
    """Steps of some work, the newest one first.

    Args:
        lines: time and message of each.
    """
    items = "".join(f"<li><time>{escape(at)}</time><span>{escape(message)}</span></li>" for at, message in lines)
    st.html(f'<ol class="studio-log" aria-label="Last steps, newest first">{items}</ol>')


def status_badge(status: str) -> None:
    """A run's status as a coloured word."""
    colour = {"done": "green", "failed": "red", "cancelled": "gray", "stopping": "orange"}.get(status, "blue")
    icon = {"done": "check_circle", "failed": "error", "cancelled": "cancel"}.get(status, "schedule")
    st.badge(status.capitalize(), icon=f":material/{icon}:", color=colour)  # type: ignore[arg-type]
