"""A file to verify, and what its verification found."""

from __future__ import annotations

import shutil
import tempfile
from datetime import datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app.errors import AppError
from app.reporting.evidence import DRAFT
from app.services.evidence_views import CheckView, VerificationView
from app.services.verification import RECORD
from app.services.views import UserView
from app.ui import messages, session

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

FOUND = "verify_found"
KINDS = {"pdf": "PDF", "evidence": "evidence", "package": "package", "file": "file"}
OFFLINE = "python -m engine verify FILE"
RECOMPUTE = "python recompute_epsilon.py evidence.json"

_STYLE = """<style>
.studio-checks {list-style: none; margin: 0 !important; padding: 0 !important;
  border: 1px solid color-mix(in srgb, currentColor 18%, transparent); border-radius: 8px;}
.studio-checks li {display: grid; grid-template-columns: 1.2rem minmax(0, 11rem) minmax(0, 1fr); gap: .15rem .8rem;
  margin: 0 !important; padding: .6rem .9rem !important; align-items: baseline;
  border-bottom: 1px solid color-mix(in srgb, currentColor 12%, transparent);}
.studio-checks li:last-child {border-bottom: 0;}
.studio-checks i {font-style: normal; font-weight: 700; color: light-dark(#0B7A3B, #4CC38A);}
.studio-checks .bad i, .studio-checks .bad b {color: light-dark(#B3261E, #FF8A80);}
.studio-checks b {font-weight: 600; overflow-wrap: anywhere;}
.studio-checks li > span {overflow-wrap: anywhere;}
.studio-checks .said {position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);}
@media (max-width: 640px) {
  .studio-checks li {grid-template-columns: 1.2rem minmax(0, 1fr);}
  .studio-checks li > span {grid-column: 2;}
}
</style>"""


def ask(user: UserView) -> None:
    """Take a file, verify it once, and show what was found."""
    uploaded = st.file_uploader(
        "Report (PDF), package (ZIP) or evidence (JSON)",
        type=["pdf", "zip", "json"],
        key="verify_file",
        max_upload_size=session.services().settings.max_upload_mb,
    )
    if uploaded is None:
        st.session_state.pop(FOUND, None)
        return
    of_file, found = st.session_state.get(FOUND, (None, None))
    if of_file != uploaded.file_id:
        with st.spinner("Checking signatures, hashes and ε"):
            found = _verified(user, uploaded)
            st.session_state[FOUND] = (uploaded.file_id, found)
    if isinstance(found, VerificationView):
        _show(found)
    else:
        st.error(str(found), icon=":material/error:")


def _verified(user: UserView, uploaded: UploadedFile) -> VerificationView | str:
    """What was found, or why nothing can be."""
    with tempfile.TemporaryDirectory(prefix="studio-") as folder:
        path = Path(folder) / "upload"
        with path.open("wb") as target:
            shutil.copyfileobj(uploaded, target)
        try:
            return session.services().evidence.verify(path, uploaded.name, user)
        except AppError as error:
            return error.user_message


def _show(found: VerificationView) -> None:
    """The outcome in one sentence, what it does not mean, every check, and which document it is."""
    st.html(_STYLE)
    _verdict(found)
    if found.superseded_by_version is not None:
        st.warning(
            f"**Superseded.** Version {found.superseded_by_version} replaced this report on "
            f"{messages.when(found.superseded_at)}. Ask for that one.",
            icon=":material/history:",
        )
    elif (found.document or {}).get("status") == DRAFT:
        st.info("It is a draft: not for filing.", icon=":material/edit_note:")
    st.html(f'<ul class="studio-checks" aria-label="Checks">{"".join(map(_line, found.checks))}</ul>')
    _document(found)


def _verdict(found: VerificationView) -> None:
    """What all checks say together: changed, of unknown origin, or as it was signed here."""
    from engine.evidence.evidence_verification import ORIGIN

    what = KINDS.get(found.kind, "file")
    failed = list(dict.fromkeys(check.part for check in found.checks if not check.is_good))
    if changed := [part for part in failed if part not in (ORIGIN, RECORD)]:
        st.error(
            f"**Do not rely on this {what}.** It is not as it was signed: {', '.join(changed)}.",
            icon=":material/gpp_bad:",
        )
    elif failed or not found.is_valid:
        st.warning(
            f"**This {what} is as it was signed, but not by this installation.** Compare the fingerprint below with "
            "the one that its issuer publishes: only that shows where it comes from.",
            icon=":material/help:",
        )
    else:
        st.success(
            f"**This {what} is as this installation signed it.** Nothing in it was changed since.",
            icon=":material/verified:",
        )
    st.caption(
        "This shows who signed the file and whether it was changed. Whether what it reports is enough for a purpose, "
        "people decide."
    )


def _line(check: CheckView) -> str:
    """One check, told apart by a mark and a word and not only by colour."""
    state, mark, word = ("good", "✓", "Good") if check.is_good else ("bad", "✗", "Failed")
    part = check.part if "." in check.part else f"{check.part[:1].upper()}{check.part[1:]}"  # names of files stay
    return (
        f'<li class="{state}"><i aria-hidden="true">{mark}</i>'
        f'<b><span class="said">{word}: </span>{escape(part)}</b><span>{escape(check.sentence)}</span></li>'
    )


def _document(found: VerificationView) -> None:
    """Which report it is, and which keys signed it."""
    document = found.document or {}
    facts = {
        "Document": document.get("id"),
        "Version": document.get("version"),
        "Status": document.get("status"),
        "Edition": document.get("edition"),
        "Made": _moment(document.get("created")),
    }
    with st.container(border=True):
        st.subheader("What it is", anchor=False)
        for label, value in facts.items():
            if value is not None:
                left, right = st.columns([1, 3], wrap=False)
                left.markdown(f":gray[{label}]")
                right.text(str(value))
        for label, fingerprint in (
            ("Evidence signed by the key with the fingerprint", found.statement_fingerprint),
            ("PDF signed by the certificate with the fingerprint", found.document_fingerprint),
        ):
            if fingerprint:
                st.caption(label)
                st.code(fingerprint, language=None, wrap_lines=True)


def _moment(text: object) -> str | None:
    """A moment as all pages write it; as it was found where it is none."""
    try:
        return messages.when(datetime.fromisoformat(str(text)))
    except ValueError:
        return None if text is None else str(text)


def offline() -> None:
    """How anybody verifies a report without this installation."""
    st.write(
        "Whoever receives a report needs neither this page nor an account. The engine checks signatures, attachment "
        "and hashes without a network:"
    )
    st.code(OFFLINE, language=None, wrap_lines=True)
    st.write(
        "The script in the package computes ε again from the mechanisms that the evidence lists. It needs nothing but "
        "the library dp-accounting:"
    )
    st.code(RECOMPUTE, language=None, wrap_lines=True)
    st.write(
        "PDF readers show the signature of the PDF too, and call its issuer unknown until they trust the certificate. "
        "Whoever checks a report compares its fingerprints with those below, which have to come by another way than it."
    )
