"""What a verification says: one sentence for each thing it looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PDF, EVIDENCE_FILE, PACKAGE, LOOSE_FILE = "pdf", "evidence", "package", "file"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Args:
        part: the part of the file, or what joins two of them, in a few words.
        is_good: whether it is as it should be.
        sentence: what was found.
    """

    part: str
    is_good: bool
    sentence: str


@dataclass(frozen=True)
class Verification:
    """What was found in a file.

    Args:
        kind: `pdf`, `evidence`, `package`, or `file` for one that a manifest names.
        is_valid: whether all is as it should be.
        checks: all that was looked at, in order.
        document: what the evidence says of the document (`id`, `version`, `status`, …); None where it was not read.
        statement_fingerprint: of the key that signed the evidence or the manifest; None where no signature holds.
        document_fingerprint: of the certificate that signed the PDF; None where there is no PDF or no signature holds.
        evidence_sha256: of the evidence, in its canonical form; None where it was not read.
    """

    kind: str
    is_valid: bool
    checks: tuple[Check, ...]
    document: Mapping[str, Any] | None
    statement_fingerprint: str | None
    document_fingerprint: str | None
    evidence_sha256: str | None = None


def good(part: str, sentence: str) -> Check:
    """That a part is as it should be."""
    return Check(part, True, sentence)


def bad(part: str, sentence: str) -> Check:
    """That a part is not as it should be."""
    return Check(part, False, sentence)


def are_good(checks: Sequence[Check]) -> bool:
    """Whether there are checks, and all are good."""
    return bool(checks) and all(check.is_good for check in checks)
