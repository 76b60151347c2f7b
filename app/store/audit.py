"""The lines of the audit log: those a reader asks for, and the erasure of who and from where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, CursorResult, or_, select, update
from sqlalchemy.orm import Session

from app.store.models import AuditEntry

_ROWS_AT_ONCE = 1000


@dataclass(frozen=True)
class AuditFilter:
    """Which lines; a part that is empty or None asks for all.

    Args:
        username: name of who acted, at that time.
        action: such as `dataset.register`, or the beginning before the point, such as `dataset`.
        object_kind: such as `dataset`.
        object_id: id of the object.
        since: first moment.
        until: moment before which they were written.
    """

    username: str = ""
    action: str = ""
    object_kind: str = ""
    object_id: str = ""
    since: datetime | None = None
    until: datetime | None = None


def list_audit(
    session: Session, user_id: str | None, wanted: AuditFilter, *, limit: int, before: int | None
) -> list[AuditEntry]:
    """Lines, newest first.

    Args:
        session: a transaction.
        user_id: whose lines; None for everybody's.
        wanted: which of them.
        limit: most lines.
        before: number that all of them lie below, to page through them.
    """
    statement = select(AuditEntry).where(*_conditions(user_id, wanted)).order_by(AuditEntry.sequence.desc())
    if before is not None:
        statement = statement.where(AuditEntry.sequence < before)
    return list(session.scalars(statement.limit(limit)))


def own_lines(session: Session, user_id: str) -> Iterator[AuditEntry]:
    """All of a user's lines, oldest first."""
    statement = select(AuditEntry).where(AuditEntry.user_id == user_id).order_by(AuditEntry.sequence)
    return iter(session.scalars(statement, execution_options={"yield_per": _ROWS_AT_ONCE}))


def list_values(session: Session, user_id: str | None, name: str, limit: int) -> list[str]:
    """The values that a column of a reader's lines has, in alphabetical order.

    Args:
        session: a transaction.
        user_id: whose lines; None for everybody's.
        name: the column.
        limit: most values.
    """
    column = AuditEntry.__table__.columns[name]
    statement = select(column).where(*_conditions(user_id, AuditFilter()), column != "").distinct().order_by(column)
    return list(session.scalars(statement.limit(limit)))


def erase_person(session: Session, user_id: str) -> int:
    """Erase a user's name and addresses from all lines; gives how many were changed."""
    statement = (
        update(AuditEntry)
        .where(AuditEntry.user_id == user_id, AuditEntry.person_salt != "")
        .values(username="", address="", person_salt="")
    )
    result = session.execute(statement, execution_options={"synchronize_session": False})
    return result.rowcount if isinstance(result, CursorResult) else 0


def _conditions(user_id: str | None, wanted: AuditFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if user_id is not None:
        found.append(AuditEntry.user_id == user_id)
    for name in ("username", "object_kind", "object_id"):
        if value := getattr(wanted, name):
            found.append(getattr(AuditEntry, name) == value)
    if wanted.action:
        begins = AuditEntry.action.startswith(f"{wanted.action}.", autoescape=True)
        found.append(or_(AuditEntry.action == wanted.action, begins))
    if wanted.since is not None:
        found.append(AuditEntry.created_at >= wanted.since)
    if wanted.until is not None:
        found.append(AuditEntry.created_at < wanted.until)
    return found
