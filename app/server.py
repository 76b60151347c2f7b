"""The web application: Streamlit's pages, with the API beside them on the same port."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from starlette.routing import Mount

from app.api import create_api
from app.ui import navigation, sign_in  # noqa: F401  # loaded now, so that the first visitor does not wait for it
from app.wiring import process_services

app = st.App(Path(__file__).with_name("main.py"), routes=[Mount("/api", app=create_api(process_services()))])
