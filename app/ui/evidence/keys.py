"""The public keys of this installation, and their replacement by an administrator."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.services.evidence_views import KeyView
from app.services.views import UserView
from app.ui import messages, session

ROTATION = (
    "New reports are signed by new keys from now on. What the old ones signed stays valid, and they stay listed here. "
    "Publish the new fingerprints wherever the old ones are published."
)


def show(user: UserView, keys: Sequence[KeyView]) -> None:
    """The keys in use, those before, and a way to replace them."""
    current = [key for key in keys if key.is_current]
    if not current:
        st.caption("No key is made yet; the first report makes one.")
    for key in current:
        _key(key)
    retired = [key for key in keys if not key.is_current]
    if retired:
        with st.expander(f"Earlier keys: {len(retired)}", icon=":material/history:"):
            for key in retired:
                _key(key)
    if user.is_admin:
        _rotate(user)


def _key(key: KeyView) -> None:
    """Fingerprints to compare, and the keys themselves to keep."""
    with st.container(border=True, key=f"verify_key_{key.id}"):
        if key.is_current:
            st.badge("In use", icon=":material/key:", color="green")
        else:
            st.badge(f"Retired {messages.when(key.retired_at)}", icon=":material/history:", color="gray")
        if key.has_expired and key.is_current:
            st.error("The certificate has expired, so it signs no more.", icon=":material/error:")
        st.caption("Evidence: SHA-256 of the Ed25519 key")
        st.code(key.statement_fingerprint, language=None, wrap_lines=True)
        st.caption("PDF: SHA-256 of the certificate")
        st.code(key.document_fingerprint, language=None, wrap_lines=True)
        st.caption(
            f"{key.source.capitalize()} on {messages.when(key.created_at)}. The certificate expires on "
            f"{messages.when(key.not_after)}."
        )
        with st.container(horizontal=True):
            _download("Public key (PEM)", key.statement_public_key, f"statement_key-{key.id[:8]}.pem")
            _download("Certificate (PEM)", key.certificate_pem, f"document_certificate-{key.id[:8]}.pem")


def _download(label: str, text: str, filename: str) -> None:
    st.download_button(
        label,
        data=text,
        file_name=filename,
        mime="application/x-pem-file",
        key=f"verify_{filename}",
        icon=":material/download:",
        on_click="ignore",
    )


def _rotate(user: UserView) -> None:
    with st.popover("Replace the keys", icon=":material/autorenew:", key="verify_rotate"):
        st.write(ROTATION)
        understood = st.checkbox("I will publish the new fingerprints.", key="verify_rotate_understood")
        pressed = st.button("Make new keys", type="primary", disabled=not understood, key="verify_rotate_confirm")
    if pressed:
        with messages.showing():
            session.services().signing.rotate(user)
            messages.saved("New keys are in use")
            st.rerun()
