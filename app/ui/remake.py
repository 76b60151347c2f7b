"""Making the report of a finished run again."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.errors import AppError
from app.services.views import RunView, UserView
from app.ui import messages, navigation, session

HELP = (
    "Compares the stored synthetic rows with the same real rows again; nothing is charged. The new verdict on the "
    "acceptance criteria takes the place of the one before, and ends an override of it."
)


def report_or_button(user: UserView, run: RunView) -> dict[str, Any]:
    """The run's report; where there is none to show, why not, a way to make it again, and the page ends."""
    try:
        return session.services().reports.current_evaluation(user, run.id)
    except AppError as error:
        st.error(error.user_message, icon=":material/error:")
        if run.is_finished:
            button(user, run)
        st.stop()


def button(user: UserView, run: RunView) -> None:
    """A button that has the report made again and shows the run at work."""
    if st.button("Make the report again", icon=":material/replay:", key="report_again", help=HELP):
        with messages.reporting():
            session.services().runs.evaluate(user, run.id)
        navigation.go("run", run=run.id)
