"""Section 0: what the document is about, who made it of what, and which keys seal it."""

from __future__ import annotations

from typing import Any

from app.reporting.document import Statement
from app.reporting.evidence import DRAFT, FINAL, INTERNAL_EDITION, RELEASABLE_EDITION, Evidence
from app.reporting.printable import NOT_PROVIDED, clean, number_text
from app.reporting.sections.phrases import moment_text, records

PREFACE = (
    "This document is evidence. It is not a certification or legal advice. It is written for those who review the "
    "privacy of a release: privacy officers, review boards and auditors."
)

_STATUSES = {
    DRAFT: "draft: answers may be missing, so it is not for filing",
    FINAL: "final: every required answer was given",
}
_EDITIONS = {
    RELEASABLE_EDITION: "releasable: it holds nothing that no budget paid for",
    INTERNAL_EDITION: "internal: it holds statistics of private rows that no budget paid for, and must stay where the "
    "private rows may be",
}
_RELEASES = {
    "open": "open: every criterion that was fixed beforehand is met",
    "closed": "closed: a criterion that was fixed beforehand is not met",
    "never": "never: without a privacy guarantee nothing is released",
    "waiting": "waiting: the run is not finished",
}


def cover(evidence: Evidence) -> tuple[Statement, ...]:
    """The facts of the first page."""
    return (*_identity(evidence), *_subject(evidence), *_files(evidence), *_keys(evidence))


def _identity(evidence: Evidence) -> tuple[Statement, ...]:
    return (
        evidence.computed("Document", "/document/id"),
        evidence.computed(
            "Version", "/document/version", "/document/supersedes/version", "/document/supersedes/id", text=_version
        ),
        evidence.computed("Status", "/document/status", text=lambda status: _STATUSES.get(status, clean(status))),
        evidence.computed("Edition", "/document/edition", text=lambda edition: _EDITIONS.get(edition, clean(edition))),
        evidence.computed("Made", "/document/created", text=moment_text),
        evidence.computed(
            "Made by",
            "/document/generator/name",
            "/document/generator/version",
            text=lambda name, version: f"{clean(name)} {clean(version)}",
        ),
        evidence.computed("Code that made the run, SHA-256", "/certificate/generator/code_sha256"),
        *((evidence.computed("Frameworks", "/document/frameworks", text=_listed),) if evidence.is_protected else ()),
    )


def _subject(evidence: Evidence) -> tuple[Statement, ...]:
    return (
        evidence.declared(
            "Dataset", "/dataset/name", "/dataset/id", text=lambda name, key: f"{clean(name)} ({clean(key)})"
        ),
        evidence.declared("Columns confirmed", "/dataset/schema_confirmed_at", text=moment_text),
        evidence.computed("Simulated example", "/dataset/is_sample", text=_is_sample),
        evidence.computed(
            "Run",
            "/run/id",
            "/run/user",
            "/run/finished_at",
            text=lambda key, user, at: f"{clean(key)}, by {clean(user)}, finished {moment_text(at)}",
        ),
        release_statement(evidence),
    )


def release_statement(evidence: Evidence) -> Statement:
    """Whether the run's release is open, and by whose decision where its criteria close it."""
    return evidence.computed("Release", "/run/release/state", "/run/release/override", text=_release)


def _files(evidence: Evidence) -> tuple[Statement, ...]:
    files = [
        evidence.computed(
            "Synthetic file, SHA-256",
            f"/synthetic_files/{index}/name",
            f"/synthetic_files/{index}/size_bytes",
            f"/synthetic_files/{index}/sha256",
            text=lambda name, size, sha256: f"{clean(name)}, {number_text(size)} bytes: {clean(sha256)}",
        )
        for index in range(len(evidence.items("/synthetic_files")))
    ]
    return (
        evidence.computed(
            "Synthetic table",
            "/certificate/rows/synthetic",
            "/certificate/columns",
            text=lambda rows, columns: f"{number_text(rows)} rows, {_n_written(columns)} columns",
        ),
        *(files or [evidence.computed("Synthetic file, SHA-256", "/synthetic_files/0/sha256")]),
    )


def _keys(evidence: Evidence) -> tuple[Statement, ...]:
    return (
        evidence.computed("Key of the statement", "/signing/statement_key/fingerprint"),
        evidence.computed("Key of the document", "/signing/document_key/fingerprint"),
    )


def _version(version: Any, before: Any, before_id: Any) -> str:
    replaced = "" if before is None else f", in place of version {number_text(before)} ({clean(before_id)})"
    return number_text(version) + replaced


def _listed(names: Any) -> str:
    return ", ".join(map(clean, names)) if isinstance(names, list) and names else "none chosen"


def _is_sample(is_sample: Any) -> str:
    return "yes: no row is of a real person" if is_sample is True else "no"


def _release(state: Any, override: Any) -> str:
    if not isinstance(override, dict):
        return _RELEASES.get(state, clean(state))
    return (
        f"{clean(state)} by {clean(override.get('username'))} on {moment_text(override.get('at'))}, though a criterion "
        f"is not met: {clean(override.get('reason'), 500)}"
    )


def _n_written(columns: Any) -> str:
    found = records(columns)
    return str(sum(column.get("treatment") != "drop" for column in found)) if found else NOT_PROVIDED
