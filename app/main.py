"""The Streamlit entry: look, sign-in gate, navigation."""

from __future__ import annotations

import streamlit as st

from app.ui import layout, navigation, session, sign_in

st.set_page_config(page_title="Synthetic Data Studio", page_icon=str(layout.ICON), layout="centered")
layout.apply_style()

user = session.current_user()
page = navigation.choose(signed_in=user is not None)
if user is None:
    sign_in.show()
else:
    st.logo(str(layout.ICON))
    session.keep_cookie()
    page.run()
