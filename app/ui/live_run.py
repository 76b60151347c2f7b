"""A run's progress, refreshed by itself while the run is at work."""

from __future__ import annotations

import streamlit as st

from app.errors import AppError
from app.services.views import ProgressLine, RunView, UserView
from app.ui import layout, messages, session, training_view

SECONDS_BETWEEN_LOOKS = 2
STEPS_SHOWN = 8
STAGES = ("queued", "checking", "measuring", "fitting", "sampling", "evaluating", "done")
STOP = "A run that still waits costs nothing. One that has read the table keeps its charge, whatever it has made."
STOP_UNPROTECTED = "Nothing is charged for a run without a privacy guarantee. Whatever it has made so far is dropped."
STOP_EVALUATION = (
    "Nothing is charged, and nothing is lost: what the run made stays, with the report that it had before."
)
BELONGS_TO = {"training": "fitting", "writing": "sampling"}
CHARGED = {
    "reserved": "Reserved: nothing has been read yet.",
    "committed": "Charged: the run has read the table.",
    "released": "Not charged.",
    "outside": "Outside the budget: no privacy guarantee.",
}


def show(user: UserView, run: RunView) -> None:
    """Status, stages, log and, while it is possible, the way to stop."""
    if run.is_finished:
        _body(user, run)
        return

    @st.fragment(run_every=SECONDS_BETWEEN_LOOKS, key="run_progress")
    def look() -> None:
        now = session.services().runs.get(user, run.id)
        if now.is_finished:
            st.rerun()
        _body(user, now)

    look()


def _body(user: UserView, run: RunView) -> None:
    progress = session.services().runs.progress(user, run.id)
    with st.container(horizontal=True, vertical_alignment="center"):
        layout.status_badge(run.status)
        st.caption(CHARGED.get(run.ledger_state, ""))
    if run.status == "queued" and not session.services().runs.worker_count():
        st.warning("No worker is running, so the run waits. Start one with `python -m workers.main`.")
    st.progress(min(max(progress.fraction, 0.0), 1.0), text=progress.message)
    _stages(run, progress.stage)
    if run.error:
        st.error(run.error, icon=":material/error:")
        st.caption("The cost stays charged: noise had been drawn." if run.spent else "Nothing was charged.")
    if run.can_resume:
        st.caption("The run can go on from its last checkpoint, at no further cost.")
    if run.note:
        st.info(run.note, icon=":material/info:")
    if not run.is_finished:
        _stop(user, run)
    training_view.show(run, progress.training)
    _log(progress.log)


def _stages(run: RunView, stage: str) -> None:
    shown = BELONGS_TO.get(stage, stage)
    reached = len(STAGES) - 1 if run.status == "done" else STAGES.index(shown) if shown in STAGES else 0
    items = []
    for position, name in enumerate(STAGES):
        state = "now" if position == reached else "done" if position < reached else "later"
        items.append(f'<li class="{state}"><span>{name.capitalize()}</span></li>')
    st.html(f'<ol class="studio-steps" aria-label="Stages">{"".join(items)}</ol>')


def _log(lines: tuple[ProgressLine, ...]) -> None:
    """The last steps, newest first, and all of them on demand."""
    if not lines:
        return
    st.caption("Last steps, newest first (UTC)")
    layout.log([(f"{line.at:%H:%M:%S}", line.message) for line in reversed(lines[-STEPS_SHOWN:])])
    if len(lines) > STEPS_SHOWN:
        with st.expander(f"All {len(lines)} steps"):
            st.dataframe(
                [{"Time (UTC)": f"{line.at:%H:%M:%S}", "Stage": line.stage, "Message": line.message} for line in lines],
                hide_index=True,
                width="stretch",
                key="run_log",
            )


def _what_stopping_means(run: RunView) -> str:
    if run.task == "evaluation":
        return STOP_EVALUATION
    return STOP if run.is_protected else STOP_UNPROTECTED


def _stop(user: UserView, run: RunView) -> None:
    if run.status == "stopping":
        st.caption("Stopping. What was charged stays charged." if run.is_protected else "Stopping.")
        return
    with st.popover("Stop this run", icon=":material/stop_circle:", key="run_stop"):
        st.write(_what_stopping_means(run))
        if st.button("Stop it", type="primary", key="run_stop_confirm"):
            try:
                session.services().runs.cancel(user, run.id)
            except AppError as error:
                st.error(error.user_message)
            else:
                messages.saved("Stopping")
                st.rerun()
