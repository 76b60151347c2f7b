"""Rows of signing keys: public halves only, and none is ever removed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, true, update

from app.store.models import SigningKey
from app.store.session import Session


def list_keys(session: Session) -> list[SigningKey]:
    """All keys, newest first."""
    return list(session.scalars(select(SigningKey).order_by(SigningKey.created_at.desc(), SigningKey.id)))


def installed_key(session: Session) -> SigningKey | None:
    """The pair that the installation made and keeps in its folder; None where it has made none."""
    return session.scalar(select(SigningKey).where(SigningKey.is_installed.is_(true())))


def find_key(session: Session, statement_fingerprint: str, document_fingerprint: str) -> SigningKey | None:
    """A pair by its fingerprints."""
    return session.scalar(
        select(SigningKey).where(
            SigningKey.statement_fingerprint == statement_fingerprint,
            SigningKey.document_fingerprint == document_fingerprint,
        )
    )


def retire_others(session: Session, key_id: str, now: datetime) -> None:
    """Have one pair be the one in use."""
    others = update(SigningKey).where(SigningKey.id != key_id, SigningKey.retired_at.is_(None))
    session.execute(others.values(retired_at=now))
    session.execute(update(SigningKey).where(SigningKey.id == key_id).values(retired_at=None))


def replace_installed(session: Session, key: SigningKey) -> None:
    """Have a new pair take the place of the one that the installation made before.

    Raises:
        IntegrityError: another process was first.
    """
    session.execute(update(SigningKey).where(SigningKey.is_installed.is_(true())).values(is_installed=None))
    session.add(key)
    session.flush()
