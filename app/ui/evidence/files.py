"""The versions of a run's report, and the files of each."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.services.evidence_views import EvidenceFileView, EvidenceView
from app.services.views import UserView
from app.ui import messages, session

PDF = "report.pdf"
LABELS = {
    PDF: "PDF report",
    "report.docx": "Word (DOCX)",
    "report.html": "Web page (HTML)",
    "model_card.md": "Model card (Markdown)",
    "model_card.html": "Model card (HTML)",
    "certificate.json": "Certificate (JSON)",
    "dp_registry.yaml": "Entry for the registry of DP deployments (YAML)",
    "evidence.json": "Evidence (JSON)",
    "evidence.sig.json": "Signature of the evidence (JSON)",
    "recompute_epsilon.py": "Script that computes ε again (Python)",
    "keys/statement_key.pem": "Public key of the evidence (PEM)",
    "keys/document_certificate.pem": "Certificate of the PDF's signature (PEM)",
    "README.txt": "How to verify (text)",
}
SHORT = 16


def newest(reports: Sequence[EvidenceView]) -> EvidenceView | None:
    """The report that no later one supersedes: a releasable one first, and of these a final one."""
    standing = [report for report in reports if not report.is_superseded]
    return min(standing, key=lambda report: (report.is_internal, not report.is_final, -report.version), default=None)


def card(user: UserView, report: EvidenceView, place: str) -> None:
    """One version: what it is, and its downloads.

    Args:
        user: the owner.
        report: the version.
        place: distinguishes the same report in two places of a page.
    """
    with st.container(border=True, key=f"evidence_{place}_{report.version}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**Version {report.version}**", width="content")
            badges(report)
        st.caption(f"{messages.when(report.created_at)}, by {report.created_by} · {_basis(report)}")
        if report.is_superseded:
            st.caption(
                f"Version {report.superseded_by_version} superseded it on {messages.when(report.superseded_at)}. Its "
                "files stay as they were signed."
            )
        downloads(user, report, place)


def versions(user: UserView, reports: Sequence[EvidenceView]) -> None:
    """All versions, newest first."""
    st.subheader("Versions", anchor=False)
    if not reports:
        st.caption("None is made yet. A later version never changes an earlier one.")
    for report in sorted(reports, key=lambda view: view.version, reverse=True):
        card(user, report, "versions")


def badges(report: EvidenceView) -> None:
    """Status, edition, and whether a later one is there, each in a word."""
    if report.is_final:
        st.badge("Final", icon=":material/task_alt:", color="green")
    else:
        st.badge("Draft: not for filing", icon=":material/edit_note:", color="gray")
    if report.is_internal:
        st.badge("Internal", icon=":material/lock:", color="orange")
    if report.is_superseded:
        st.badge("Superseded", icon=":material/history:", color="gray")


def _basis(report: EvidenceView) -> str:
    """What it was made from."""
    declared = (
        f"declarations version {report.declarations_version}" if report.declarations_version else "no declarations"
    )
    return f"{declared} · signed by key {report.statement_fingerprint[:SHORT]}…"


def downloads(user: UserView, report: EvidenceView, place: str, *, is_primary: bool = True) -> None:
    """The package, the PDF, and all other files on demand; each is fetched when its button is pressed, not before."""
    by_kind = {file.kind: file for file in report.files}
    if not by_kind:
        st.caption("Its files were removed with the dataset.")
        return
    with st.container(horizontal=True):
        st.download_button(
            "Package (ZIP)",
            data=lambda: session.services().evidence.open_package(user, report.id).read(),
            file_name=report.package_filename,
            mime="application/zip",
            key=f"evidence_{place}_{report.version}_package",
            icon=":material/folder_zip:",
            type="primary" if is_primary and not report.is_superseded else "secondary",
            on_click="ignore",
        )
        if PDF in by_kind:
            _file(user, report, by_kind[PDF], place)
        more = st.popover("More files", icon=":material/list:", key=f"evidence_{place}_{report.version}_more")
        with more.container(gap="xxsmall"):
            for kind in sorted(by_kind.keys() - {PDF}, key=_order):
                _file(user, report, by_kind[kind], place, is_listed=True)


def _file(user: UserView, report: EvidenceView, file: EvidenceFileView, place: str, *, is_listed: bool = False) -> None:
    st.download_button(
        f"{LABELS.get(file.kind, file.kind)} · {messages.size(file.size_bytes)}",
        data=lambda: session.services().evidence.open_file(user, report.id, file.kind).read(),
        file_name=file.filename,
        mime=file.media_type,
        key=f"evidence_{place}_{report.version}_{file.kind}",
        icon=None if is_listed else ":material/picture_as_pdf:",
        type="tertiary" if is_listed else "secondary",
        on_click="ignore",
    )


def _order(kind: str) -> tuple[int, str]:
    known = list(LABELS)
    return (known.index(kind) if kind in known else len(known), kind)
