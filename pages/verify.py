"""Verify any report, evidence or package, and the keys to compare with."""

import streamlit as st

from app.ui import layout, session
from app.ui.evidence import checks, keys

user = session.require_user()
services = session.services()
layout.page_header(
    "Verify",
    "Check whether a report is as it was signed, and with which key. The file is read here and not kept.",
)
checks.ask(user)
st.header("Without this page", anchor=False)
checks.offline()
st.header("Keys of this installation", anchor="keys")
keys.show(user, services.signing.list())
