"""What a visitor without a session sees: first-run setup, or the sign-in form."""

from __future__ import annotations

import streamlit as st

from app.errors import AppError
from app.ui import layout, session


def show() -> None:
    """Set up the first administrator on a fresh installation, else ask for name and password."""
    with st.columns([1, 6, 1])[1]:
        layout.brand()
        if session.services().accounts.has_users():
            _sign_in()
        else:
            _set_up()


def _sign_in() -> None:
    st.title("Sign in")
    with st.form("sign_in", border=True):
        username = st.text_input("User name", key="sign_in_username", autocomplete="username")
        password = st.text_input("Password", type="password", key="sign_in_password", autocomplete="current-password")
        if not st.form_submit_button("Sign in", type="primary", width="stretch"):
            return
    try:
        user = session.services().accounts.authenticate(username, password)
    except AppError as error:
        st.error(error.user_message, icon=":material/error:")
        return
    session.begin(user)


def _set_up() -> None:
    st.title("Welcome")
    st.write("This is a new installation. Make the administrator's account; you sign in with it from now on.")
    with st.form("set_up", border=True):
        username = st.text_input("User name", key="set_up_username", autocomplete="username")
        email = st.text_input("E-mail", key="set_up_email", autocomplete="email")
        password = st.text_input(
            "Password",
            type="password",
            key="set_up_password",
            autocomplete="new-password",
            help="At least 10 characters; a sentence is easy to remember.",
        )
        repeated = st.text_input("Password again", type="password", key="set_up_repeated", autocomplete="new-password")
        if not st.form_submit_button("Make the account", type="primary", width="stretch"):
            return
    if password != repeated:
        st.error("The two passwords differ. Type the same one twice.", icon=":material/error:")
        return
    try:
        user = session.services().accounts.create_administrator(username, email, password)
    except AppError as error:
        st.error(error.user_message, icon=":material/error:")
        return
    session.begin(user)
