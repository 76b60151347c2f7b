"""The audit trail's rows."""

from __future__ import annotations

from sqlalchemy import or_, select

from app.store.models import AuditEntry
from app.store.session import Session

ACCOUNT_KIND = "account"


def list_audit(session: Session, user_id: str, *, with_accounts: bool, limit: int) -> list[AuditEntry]:
    """A user's own lines, newest first, and with them everybody's account lines where asked."""
    wanted = AuditEntry.user_id == user_id
    if with_accounts:
        wanted = or_(wanted, AuditEntry.object_kind == ACCOUNT_KIND)
    statement = select(AuditEntry).where(wanted).order_by(AuditEntry.created_at.desc(), AuditEntry.id)
    return list(session.scalars(statement.limit(limit)))
