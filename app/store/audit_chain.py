"""The audit log as a chain: sealing what a transaction appended, and reading it back for a check."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Text, bindparam, cast, exists, select, type_coerce, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.types import NullType

from app.errors import UnavailableError
from app.store.models import AuditEntry, AuditHead
from engine.evidence.chain import AuditRecord, Head, Person, SealedEntry, UnreadableEntry, read_entry, seal

HEAD_NUMBER = 1
LOG_IS_BROKEN = (
    "The audit log has lost its head or goes on beyond it, so nothing is written. "
    "Run python -m app.verify_audit and restore a backup."
)

_HEADS, _ENTRIES = AuditHead.__table__, AuditEntry.__table__
_LOCKED_HEAD = (
    select(_HEADS.c.entries, _HEADS.c.hash, exists().where(_ENTRIES.c.sequence > _HEADS.c.entries).correlate(_HEADS))
    .where(_HEADS.c.number == HEAD_NUMBER)
    .with_for_update(of=_HEADS)
)
_MOVED_HEAD = (
    update(AuditHead)
    .where(_HEADS.c.number == HEAD_NUMBER)
    .values(entries=bindparam("new_entries"), hash=bindparam("new_hash"))
)

_APPENDED = "audit_entries"
_ROWS_AT_ONCE = 1000


def open_log(session: Session) -> None:
    """Let entries be appended to a transaction that writes."""
    session.info[_APPENDED] = []


def append(session: Session, entry: AuditEntry) -> None:
    """Add an entry to a transaction; its place in the log is decided when the transaction ends.

    Args:
        session: of `Database.write`.
        entry: all of it but its number and its seals.
    """
    if _APPENDED not in session.info:
        raise RuntimeError("an audit entry needs a transaction that writes")
    session.info[_APPENDED].append(entry)


def seal_entries(session: Session) -> None:
    """Number and seal what was appended; the caller commits at once.

    Raises:
        UnavailableError: the log has no head to continue from, or somebody went on beyond it.
    """
    appended: list[AuditEntry] = session.info.pop(_APPENDED)
    if not appended:
        return
    session.flush()  # so that the head is the last row that this transaction locks
    connection = session.connection()
    row = connection.execute(_LOCKED_HEAD).one_or_none()
    if row is None or row[2]:
        raise UnavailableError(LOG_IS_BROKEN)
    entries, last_hash, _ = row
    for entry in appended:
        entries += 1
        _seal(entry, entries, last_hash)
        last_hash = entry.hash
        session.add(entry)
    connection.execute(_MOVED_HEAD, {"new_entries": entries, "new_hash": last_hash})


def read_head(session: Session) -> Head | None:
    """Where the log ends; None where that is lost."""
    row = session.execute(select(AuditHead.entries, AuditHead.hash).where(AuditHead.number == HEAD_NUMBER)).first()
    return None if row is None else Head(*row)


def read_chain(session: Session) -> Iterator[SealedEntry | UnreadableEntry]:
    """All entries in the order of their numbers, read without trust in what somebody may have put there."""
    table = AuditEntry.__table__
    columns = [
        (cast(column, Text) if column.name == "detail" else type_coerce(column, NullType())).label(column.name)
        for column in table.columns
    ]
    statement = select(*columns).order_by(table.c.sequence, table.c.id)
    found = session.execute(statement, execution_options={"yield_per": _ROWS_AT_ONCE})
    try:
        for row in found.mappings():
            yield _stored_entry(dict(row))
    except DBAPIError:
        yield UnreadableEntry(None, None, "the database gives no text for it, and for none after it")
    finally:
        found.close()


def new_salt() -> str:
    """A random text that makes a digest of a name and an address useless to whoever does not have it."""
    return secrets.token_hex(16)


def moment_text(moment: datetime) -> str:
    """A moment as the chain seals it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _seal(entry: AuditEntry, sequence: int, previous_hash: str) -> None:
    person = Person(entry.username, entry.address, entry.person_salt)
    entry.sequence, entry.previous_hash, entry.person_digest = sequence, previous_hash, person.digest()
    record = AuditRecord(
        sequence=sequence,
        id=entry.id,
        created_at=moment_text(entry.created_at),
        user_id=entry.user_id,
        action=entry.action,
        object_kind=entry.object_kind,
        object_id=entry.object_id,
        detail=entry.detail,
        person_digest=entry.person_digest,
    )
    entry.hash = seal(previous_hash, record)


def _stored_entry(row: dict[str, Any]) -> SealedEntry | UnreadableEntry:
    """An entry from what the driver gives; SQLite keeps whatever was written into a column, of any type."""
    row["created_at"] = _stored_moment(row["created_at"])
    try:
        row["detail"] = json.loads(row["detail"])
    except (TypeError, ValueError, RecursionError):
        row["detail"] = None
    return read_entry(row)


def _stored_moment(value: Any) -> Any:
    """A stored moment as the chain seals it; what is none stays as it is."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return value
    if not isinstance(value, datetime):
        return value
    return moment_text(value.replace(tzinfo=UTC) if value.tzinfo is None else value)
