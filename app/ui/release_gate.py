"""The verdict on a run's criteria, and the way to open a release that they close."""

from __future__ import annotations

import streamlit as st

from app.services.release import CLOSED, LONGEST_REASON, NEVER, OVERRIDDEN, SHORTEST_REASON, WAITING
from app.services.release_views import OutcomeView
from app.services.views import RunView, UserView
from app.ui import messages, session
from engine.evaluation.criteria import REVEALS

ICONS = {"met": "check_circle", "not met": "cancel", "could not be computed": "help"}


def show(user: UserView, run: RunView) -> None:
    """What became of the criteria; a page behind a closed release stops here."""
    release = run.release
    if release.state in (WAITING, NEVER):
        return
    if release.state == CLOSED:
        count = "One criterion is" if len(release.failed) == 1 else f"{len(release.failed)} criteria are"
        st.error(f"**This release is closed.** {count} not met.", icon=":material/lock:")
    elif release.state == OVERRIDDEN and release.override is not None:
        by = release.override
        st.warning("**Released by override**, although a criterion is not met.", icon=":material/lock_open:")
        st.text(f"Reason: {by.reason}")
        st.caption(f"{by.username}, {messages.when(by.at)}. The audit log keeps it.")
    if release.state == CLOSED or run.criteria:
        outcomes(release.outcomes)
        st.caption(REVEALS)
    if release.state == CLOSED:
        _override(user, run)
        st.stop()


def outcomes(found: tuple[OutcomeView, ...]) -> None:
    """What became of each criterion, in words and not only in colour."""
    with st.container(border=True):
        st.subheader("Acceptance criteria", anchor=False)
        for outcome in found:
            st.markdown(
                f":material/{ICONS.get(outcome.state, 'help')}: **{outcome.state.capitalize()}** · {outcome.title}, "
                f"{outcome.required}"
            )
            st.text(outcome.sentence)


def _override(user: UserView, run: RunView) -> None:
    st.subheader("Open it all the same", anchor=False)
    st.write(
        "You own this table, so you can. The audit log keeps your reason, with your name, the time and what is not met."
    )
    with st.form("release_override", border=False):
        reason = st.text_area(
            "Reason",
            max_chars=LONGEST_REASON,
            key="release_reason",
            placeholder=f"At least {SHORTEST_REASON} characters",
        )
        pressed = st.form_submit_button("Override and open the release", icon=":material/lock_open:")
    if pressed:
        with messages.showing():
            session.services().release.override(user, run.id, reason)
            messages.saved("The release is open")
            st.rerun()
