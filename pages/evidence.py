"""Evidence of a run: what people declare, and the signed reports that are made of it."""

import streamlit as st

from app.ui import layout, messages, navigation, session
from app.ui.evidence import commitment, declaring, files, history, making, parts

user = session.require_user()
services = session.services()
run = layout.open_run(user)
layout.run_header(
    run,
    "release",
    "Evidence" if run.is_protected else "Record, for internal use",
    "A signed report of this run that a stranger can verify. It states what was computed and what people declare, and "
    "leaves every conclusion to its reader."
    if run.is_protected
    else "A signed record of what was done. It says on every page that there is no privacy guarantee.",
)
navigation.link(
    "release", "Back to the release" if run.is_protected else "Back to the files", icon="arrow_back", run=run.id
)
with messages.reporting():
    reports = services.evidence.list(user, run.id)

if run.status != "done":
    st.info("Reports are made of finished runs.", icon=":material/schedule:")
    st.stop()
if not run.is_protected:
    place = st.container()
    making.outcome(reports)
    making.choose_record(run)
    files.versions(user, reports)
    making.carry_out(user, run, place)
    st.stop()

with messages.reporting():
    form = declaring.open_form(user, services.datasets.get(user, run.dataset_id))
declaring.warn(form)
part = parts.choose(form, reports)
if part == parts.FRAMEWORKS:
    declaring.choose(form)
    parts.go_on("Answer the questions", parts.ANSWERS)
elif part == parts.ANSWERS:
    declaring.answer(form)
    history.show(form)
    parts.go_on("Make a report", parts.REPORTS)
else:
    place = st.container()
    making.outcome(reports)
    making.choose(user, run, form)
    files.versions(user, reports)
    commitment.offer(user, run)
    making.carry_out(user, run, place, form)
