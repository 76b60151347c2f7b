"""What services hand out about declarations, signed reports and the keys that sign them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.reporting.evidence import FINAL, INTERNAL_EDITION


@dataclass(frozen=True)
class QuestionView:
    """Something that only a person can know or decide.

    Args:
        id: unique among all questions.
        label: the question in a few words.
        help: what belongs there, with an example.
        kind: `text`, `long`, `date`, `url`, `choice` or `columns`.
        completed_by: who answers.
        required: whether a final report needs an answer.
        choices: the answers of a choice.
        required_when: id of another question, and the answer to it that makes this one required; None where none does.
    """

    id: str
    label: str
    help: str
    kind: str
    completed_by: str
    required: bool
    choices: tuple[str, ...]
    required_when: tuple[str, str] | None


@dataclass(frozen=True)
class FrameworkView:
    """One law, standard or guide that a report can be arranged for.

    Args:
        id: such as `gdpr`.
        title: its name, with article or number.
        reference: where the text is found.
        can_say: what its annex can state.
        cannot_say: what no annex can state.
        questions: what people have to answer beside the common questions.
    """

    id: str
    title: str
    reference: str
    can_say: str
    cannot_say: str
    questions: tuple[QuestionView, ...]


@dataclass(frozen=True)
class DeclarationsView:
    """What people stated about a dataset and its use.

    Args:
        dataset_id: the dataset.
        version: 1, 2 and so on; 0 where nothing was saved yet.
        frameworks: ids of the chosen frameworks.
        answers: by id of the question; a list of names for questions about columns, a text for all others.
        declared_by: who saved this version; None where nothing was saved yet.
        declared_at: when.
    """

    dataset_id: str
    version: int = 0
    frameworks: tuple[str, ...] = ()
    answers: dict[str, Any] | None = None
    declared_by: str | None = None
    declared_at: datetime | None = None

    @property
    def values(self) -> dict[str, Any]:
        """The answers; empty where nothing was saved yet."""
        return dict(self.answers or {})


@dataclass(frozen=True)
class KeyView:
    """One pair of public keys of this installation. No secret key ever leaves the service.

    Args:
        statement_fingerprint: SHA-256 of the Ed25519 key that signs the evidence, in hexadecimal digits.
        document_fingerprint: SHA-256 of the certificate that signs the PDF, in hexadecimal digits.
        statement_public_key: the Ed25519 key as PEM.
        certificate_pem: the certificate as PEM.
        not_after: when the certificate expires.
        source: where the keys came from.
        created_at: when this installation first had them.
        retired_at: since when new reports are signed by others; None for the keys in use.
        has_expired: whether the certificate cannot sign any more.
    """

    id: str
    statement_fingerprint: str
    document_fingerprint: str
    statement_public_key: str
    certificate_pem: str
    not_after: datetime
    source: str
    created_at: datetime
    retired_at: datetime | None
    has_expired: bool

    @property
    def is_current(self) -> bool:
        """Whether new reports are signed by them."""
        return self.retired_at is None


@dataclass(frozen=True)
class EvidenceFileView:
    """One stored file of a report.

    Args:
        kind: its name in the package.
        filename: name to save it under, made of ids only.
    """

    kind: str
    filename: str
    media_type: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class EvidenceView:
    """One version of a run's signed report; it is never changed, except that a later one supersedes it.

    Args:
        id: of the report; its document id is the same number, written as a UUID.
        version: per run, from 1.
        status: `draft` or `final`.
        edition: `releasable` or `internal`.
        frameworks: ids of the frameworks that it has an annex for.
        declarations_version: which version of the declarations it states; None where there was none.
        created_by: who made it.
        evidence_sha256: digest of the canonical evidence.
        superseded_by: id of the newest report of the same run and edition that supersedes it; a draft supersedes no
            final one. None where none does.
        superseded_by_version: its version.
        superseded_at: when it was made.
        is_protected: whether the run has a privacy guarantee.
        package_filename: name to save the package under.
        files: what it consists of, beside the synthetic table; empty where the files were removed with the dataset.
    """

    id: str
    document_id: str
    run_id: str
    dataset_id: str
    version: int
    status: str
    edition: str
    frameworks: tuple[str, ...]
    declarations_version: int | None
    created_at: datetime
    created_by: str
    evidence_sha256: str
    statement_fingerprint: str
    document_fingerprint: str
    superseded_by: str | None
    superseded_by_version: int | None
    superseded_at: datetime | None
    is_protected: bool
    package_filename: str
    files: tuple[EvidenceFileView, ...]

    @property
    def is_final(self) -> bool:
        """Whether it is meant to be filed."""
        return self.status == FINAL

    @property
    def is_internal(self) -> bool:
        """Whether it holds numbers that no budget paid for."""
        return self.edition == INTERNAL_EDITION

    @property
    def is_superseded(self) -> bool:
        """Whether there is a later one."""
        return self.superseded_by is not None


@dataclass(frozen=True)
class CheckView:
    """What one check of a file found.

    Args:
        part: what was checked.
        is_good: whether it is as it should be.
        sentence: what was found.
    """

    part: str
    is_good: bool
    sentence: str


@dataclass(frozen=True)
class VerificationView:
    """Whether a file is what this installation signed.

    Args:
        filename: name of the file that was checked.
        kind: what it is, such as `pdf`, `evidence` or `package`.
        is_valid: whether every check is good.
        checks: all checks, in order.
        document: of the evidence, the part about the document: id, version, status, edition and so on; None where the
            file holds none that can be read.
        statement_fingerprint: of the key that signed the evidence; None where none did.
        document_fingerprint: of the certificate that signed the PDF; None where none did.
        is_recorded: whether this installation has a record of the report with the same digest.
        superseded_by_version: version of the report that supersedes it here; None where none does.
        superseded_at: when that was made.
    """

    filename: str
    kind: str
    is_valid: bool
    checks: tuple[CheckView, ...]
    document: dict[str, Any] | None
    statement_fingerprint: str | None
    document_fingerprint: str | None
    is_recorded: bool
    superseded_by_version: int | None
    superseded_at: datetime | None
