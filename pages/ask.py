"""Beside the release: a question about the private table, answered with an interval."""

import streamlit as st

from app.ui import ask_view, layout, messages, navigation, session

user = session.require_user()
services = session.services()
run = layout.open_run(user)
layout.run_header(
    run,
    "ask",
    "Ask the table",
    "A count, a share or a mean of the private table, with an interval that holds it. It follows from what this run "
    f"has measured and paid for, so any number of questions adds nothing to {messages.cost(run)}.",
)
with messages.reporting():
    columns = services.further_rows.columns(user, run.id)

question = ask_view.question(columns)
if question is not None:
    with messages.showing():
        ask_view.show(services.answers.ask(user, run.id, question))

st.caption(
    "Numbers read off synthetic rows have no such interval: their scatter shows the drawing of rows and not the noise, "
    "so tests and standard errors computed from synthetic rows are too sure of themselves."
)
navigation.link("release", "Back to the release", icon="arrow_back", run=run.id)
