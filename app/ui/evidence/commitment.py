"""The key by which an auditor who has the private file checks what the reports say of it."""

from __future__ import annotations

import streamlit as st

from app.services.views import RunView, UserView
from app.ui import session


def offer(user: UserView, run: RunView) -> None:
    """Let the owner take the key, to be handed to whoever may see the private file anyway."""
    with st.expander("Key of the commitment to the private file", icon=":material/key:"):
        st.write(
            "Every report names a keyed digest of the uploaded file, which tells nothing without its key. Whoever has "
            "the file and the key sees whether the run was made of that file. Hand the key only to somebody who may "
            "see the private rows; the audit log keeps that you took it."
        )
        st.code("python -m engine commitment FILE --key-file commitment-key.txt", language=None, wrap_lines=True)
        st.download_button(
            "Take the key (TXT)",
            data=lambda: session.services().evidence.commitment_key(user, run.dataset_id).encode(),
            file_name="commitment-key.txt",
            mime="text/plain",
            key="evidence_commitment_key",
            icon=":material/download:",
            on_click="ignore",
        )
