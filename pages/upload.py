"""Step 1: the private table."""

import streamlit as st

from app.ui import layout, messages, navigation, session

user = session.require_user()
services = session.services()
limits = services.settings

layout.steps("upload")
layout.page_header("Add a dataset", "Choose the private table that you want a synthetic copy of.")
st.caption(
    f"CSV, TSV, Parquet, JSON, JSON lines or Excel (.xlsx) · up to {limits.max_upload_mb:,} MiB, "
    f"{limits.max_rows:,} rows and {limits.max_columns:,} columns. The file stays on this installation."
)

uploaded = st.file_uploader(
    "Table",
    type=["csv", "tsv", "txt", "parquet", "json", "jsonl", "ndjson", "xlsx"],
    key="upload_file",
    max_upload_size=limits.max_upload_mb,
)
name = st.text_input(
    "Name of the dataset", key="upload_name", max_chars=120, placeholder="Taken from the file if left empty"
)
if st.button("Add this table", type="primary", disabled=uploaded is None, key="upload_add") and uploaded is not None:
    with messages.reporting(), st.spinner("Reading and describing the table"):
        dataset = services.datasets.register(user, name=name, filename=uploaded.name, source=uploaded)
    navigation.go("columns", dataset=dataset.id)

st.divider()
st.subheader("No table at hand?", anchor=False)
st.write("The sample holds 5,000 simulated patient encounters with 12 columns. They belong to nobody.")
if st.button("Try the sample table", icon=":material/science:", key="upload_sample"):
    with messages.reporting(), st.spinner("Reading the sample table"):
        dataset = services.datasets.register_sample(user)
    navigation.go("columns", dataset=dataset.id)
