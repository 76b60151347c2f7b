"""Step 9: what may leave."""

import streamlit as st

from app.ui import further_rows, layout, messages, navigation, release_gate, release_view, released_view, session
from app.ui.evidence import entry, making

user = session.require_user()
services = session.services()
run = layout.open_run(user)
layout.run_header(
    run,
    "release",
    "Release" if run.is_protected else "Files, for internal use",
    f"Method {run.method}, {messages.cost(run)}",
)
with messages.reporting():
    certificate = services.reports.certificate(user, run.id)
    preview = services.reports.preview(user, run.id)
    files = {artifact.kind: artifact for artifact in services.reports.list_artifacts(user, run.id)}

if not run.is_protected:
    release_view.internal(user, run, certificate, preview, files)
    st.stop()

release_gate.show(user, run)

stated = certificate["privacy"]
with st.container(border=True):
    st.subheader("The guarantee", anchor=False)
    st.markdown(messages.odds_sentence(stated["epsilon"], stated["delta"], release_view.unit_words(certificate)))
    st.caption(
        f"Neighbouring relation: {certificate['neighbouring_relation']}. Every release is charged in the ledger."
    )

st.subheader("Synthetic table", anchor=False)
st.dataframe(release_view.readable(preview), hide_index=True, width="stretch", key="release_preview")
st.caption(f"The first of {certificate['rows']['synthetic']:,} synthetic rows.")
neutral = st.toggle(
    "Neutralise formulas in the CSV",
    value=True,
    key="release_neutral",
    help="Puts an apostrophe before texts that a spreadsheet would run as a formula.",
)
csv_kind = "synthetic.csv" if neutral else "synthetic_raw.csv"
with st.container(horizontal=True):
    release_view.download(user, run, files, csv_kind, "CSV", primary=True)
    release_view.download(user, run, files, "synthetic.parquet", "Parquet")

st.subheader("Evidence", anchor=False)
st.write("A signed report says what the run did and what that means, and a stranger can verify it.")
place = entry.show(user, run)

if "released_report.json" in files:
    with messages.reporting():
        released_view.show(services.reports.released_report(user, run.id))

st.subheader("Draw further rows", anchor=False)
if "model.npz" in files:
    further_rows.show(user, run, certificate, neutralise_formulas=neutral)
else:
    st.caption("This run has kept no model to draw from.")

if "model.npz" in files:
    st.subheader("Ask the table", anchor=False)
    st.write(
        "Counts, shares and means of the private table with error bars, from what the run has measured and paid for. "
        "They are better evidence than the same numbers read off synthetic rows, and cost nothing further."
    )
    navigation.link("ask", "Ask for a count, a share or a mean", icon="query_stats", run=run.id)

st.subheader("Further files", anchor=False)
st.write(
    "The certificate lists every mechanism that read the rows; anyone can compute ε from it again. The model draws "
    "rows elsewhere: `python -m engine sample model.npz --rows 1000 --out rows.csv`."
)
with st.container(horizontal=True):
    release_view.download(user, run, files, "certificate.json", "Certificate")
    if "released_report.json" in files:
        release_view.download(user, run, files, "released_report.json", "Quality report")
    if "model.npz" in files:
        release_view.download(user, run, files, "model.npz", "Model")
if run.note:
    st.info(run.note, icon=":material/info:")

st.subheader("What is not covered", anchor=False)
st.markdown("\n".join(f"- {sentence}" for sentence in certificate["not_covered"]))
st.caption("After a release, every change is a new run and costs more.")
making.carry_out(user, run, place)
