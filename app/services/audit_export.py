"""The audit log as a file: for an administrator all of it with its signed head, for others their own lines."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from app.clock import Clock
from app.errors import UnavailableError
from app.services.audit import AuditService
from app.services.signing import SigningService
from app.services.views import ArtifactFile, ArtifactView, UserView
from app.store import audit as rows
from app.store import audit_chain
from app.store.models import AuditEntry
from app.store.session import Database, Session
from engine.evidence.chain import UnreadableEntry

if TYPE_CHECKING:
    from engine.evidence.keys import Signer

MEDIA_TYPE = "application/jsonl"
INTERNAL = "internal"


class AuditExportService:
    """Makes files of the audit log.

    Args:
        database: where it is kept.
        audit: told of every export.
        signing: whose key states where the log ends.
        now: the time.
    """

    def __init__(self, database: Database, audit: AuditService, signing: SigningService, now: Clock) -> None:
        self._database = database
        self._audit = audit
        self._signing = signing
        self._now = now

    def export(self, user: UserView) -> ArtifactFile:
        """Write what a user may read of the log; the file holds the line that tells of it, too.

        Args:
            user: an administrator for the whole log; anybody else gets their own lines, which make no chain.

        Returns:
            JSON lines, as `python -m engine verify-audit` takes them; the caller closes the stream.

        Raises:
            UnavailableError: there is no key to sign with, or the log cannot be read.
        """
        signer = self._signing.signer() if user.is_admin else None
        with suppress(UnavailableError):  # a log that takes no further line is exported for whoever examines it
            self._audit.record(user, "audit.export", "account", user.id, scope="all" if user.is_admin else "own")
        moment = self._now()
        with ExitStack() as undo:
            stream = cast(BinaryIO, undo.enter_context(tempfile.TemporaryFile()))
            with self._database.snapshot() as session:
                lines = _own_lines(session, user, moment) if signer is None else _all_lines(session, moment, signer)
                size, sha256 = _write(stream, lines)
            stream.seek(0)
            undo.pop_all()  # from here on, the caller closes it
        view = ArtifactView(
            kind="audit_log",
            filename=f"audit-log-{moment:%Y-%m-%d}.jsonl",
            media_type=MEDIA_TYPE,
            size_bytes=size,
            sha256=sha256,
            classification=INTERNAL,
            created_at=moment,
        )
        return ArtifactFile(view, stream)


def _all_lines(session: Session, moment: datetime, signer: Signer) -> Iterable[dict[str, Any]]:
    """The signed head, and every entry as it is stored, whether or not its seal fits."""
    from engine.evidence.audit_file import whole_log_header

    head = audit_chain.read_head(session)
    if head is None:
        raise UnavailableError(audit_chain.LOG_IS_BROKEN)
    yield whole_log_header(head, moment, signer)
    for entry in audit_chain.read_chain(session):
        if isinstance(entry, UnreadableEntry):
            yield {"sequence": entry.sequence, "id": entry.id, "unreadable": entry.reason}
        else:
            yield entry.to_json()


def _own_lines(session: Session, user: UserView, moment: datetime) -> Iterable[dict[str, Any]]:
    """A user's lines, without what only a chain needs."""
    from engine.evidence.audit_file import own_lines_header

    yield own_lines_header(moment)
    for entry in rows.own_lines(session, user.id):
        yield _own_line(entry)


def _own_line(entry: AuditEntry) -> dict[str, Any]:
    names = ("sequence", "id", "username", "address", "action", "object_kind", "object_id", "detail")
    said = {name: getattr(entry, name) for name in names}
    return said | {"created_at": audit_chain.moment_text(entry.created_at)}


def _write(stream: BinaryIO, lines: Iterable[dict[str, Any]]) -> tuple[int, str]:
    """Write lines; gives their size in bytes and their SHA-256."""
    from engine.evidence.audit_file import line

    size, digest = 0, hashlib.sha256()
    for value in lines:
        content = line(value)
        stream.write(content)
        digest.update(content)
        size += len(content)
    return size, digest.hexdigest()
