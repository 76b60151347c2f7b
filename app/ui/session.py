"""Who is signed in. The browser holds a secret that names a session kept, and ended, on the server."""

from __future__ import annotations

import json

import streamlit as st

from app import origin
from app.services.views import UserView
from app.wiring import Services, process_services

COOKIE_NAME = "studio_session"
_SECRET = "session_secret"
_UNKEPT = "session_not_in_cookie"
_ADDRESS = "session_address"
THIS_MACHINE = "127.0.0.1"

_KEEP = """<script>
fetch("/api/browser-session", {method: "POST", credentials: "same-origin",
  headers: {"Content-Type": "application/json"}, body: JSON.stringify({session: %s})});
</script>"""
_FORGET = '<script>fetch("/api/browser-session", {method: "DELETE", credentials: "same-origin"});</script>'


def services() -> Services:
    """The application's use-cases, told where this browser is."""
    origin.come_from(_address())
    return process_services()


def _address() -> str:
    """Address of the browser; Streamlit gives none for this machine, and none once the browser is gone."""
    found = st.context.ip_address or st.session_state.get(_ADDRESS, THIS_MACHINE)
    st.session_state[_ADDRESS] = found
    return str(found)


def current_user() -> UserView | None:
    """The user of this browser, from this page's state or from the cookie; the server has the last word."""
    for secret in (st.session_state.get(_SECRET), st.context.cookies.get(COOKIE_NAME)):
        user = services().accounts.session_user(secret) if isinstance(secret, str) else None
        if user is not None:
            st.session_state[_SECRET] = secret
            return user
    if st.session_state.pop(_SECRET, None) is not None:
        st.html(_FORGET, unsafe_allow_javascript=True)
    return None


def require_user() -> UserView:
    """The signed-in user; without one the page stops here."""
    user = current_user()
    if user is None:
        st.info("Sign in to continue.")
        st.stop()
    return user


def begin(user: UserView) -> None:
    """Open a session for a user who gave the right password."""
    st.session_state[_SECRET] = services().accounts.open_session(user)
    st.session_state[_UNKEPT] = True
    st.rerun()


def keep_cookie() -> None:
    """After a sign-in, hand the secret to the browser's cookie, which scripts cannot read."""
    if st.session_state.pop(_UNKEPT, False):
        st.html(_KEEP % json.dumps(st.session_state[_SECRET]), unsafe_allow_javascript=True)


def secret() -> str | None:
    """The secret of this browser's session."""
    value: str | None = st.session_state.get(_SECRET)
    return value


def end() -> None:
    """Sign out: the session ends on the server, so a copied cookie is worthless too."""
    ended = st.session_state.get(_SECRET)
    if ended:
        services().accounts.close_session(ended)
    st.session_state.clear()
    st.session_state[_SECRET] = ended
    st.rerun()
