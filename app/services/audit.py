"""Who did what, when, to which thing; never with a cell value."""

from __future__ import annotations

from typing import Any

from app.clock import Clock
from app.services.views import AuditView, UserView
from app.store import audit as rows
from app.store.models import AuditEntry
from app.store.session import Database, Session


class AuditService:
    """The audit trail.

    Args:
        database: where it is kept.
        now: the time.
    """

    def __init__(self, database: Database, now: Clock) -> None:
        self._database = database
        self._now = now

    def record(
        self, user: UserView | None, action: str, object_kind: str, object_id: str | None, **detail: Any
    ) -> None:
        """Add a line in a transaction of its own."""
        with self._database.write() as session:
            self.add(session, user, action, object_kind, object_id, **detail)

    def add(
        self,
        session: Session,
        user: UserView | None,
        action: str,
        object_kind: str,
        object_id: str | None,
        **detail: Any,
    ) -> None:
        """Add a line to the transaction of what it tells.

        Args:
            session: that transaction.
            user: who did it; None where nobody is signed in.
            action: such as `dataset.register`.
            object_kind: `account`, `dataset`, `run` or `token`.
            object_id: which one.
            detail: numbers, names of settings and of columns; no cell values.
        """
        session.add(
            AuditEntry(
                created_at=self._now(),
                user_id=user.id if user is not None else None,
                username=user.username if user is not None else "",
                action=action,
                object_kind=object_kind,
                object_id=object_id,
                detail=detail,
            )
        )

    def list(self, user: UserView, limit: int = 200) -> list[AuditView]:
        """The user's own lines, newest first; an administrator also sees everybody's account lines."""
        with self._database.read() as session:
            found = rows.list_audit(session, user.id, with_accounts=user.is_admin, limit=limit)
        return [
            AuditView(
                id=entry.id,
                created_at=entry.created_at,
                username=entry.username,
                action=entry.action,
                object_kind=entry.object_kind,
                object_id=entry.object_id,
                detail=entry.detail,
            )
            for entry in found
        ]
