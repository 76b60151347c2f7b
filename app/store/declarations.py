"""Rows of declarations: versions per dataset, of which none is ever changed."""

from __future__ import annotations

from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload

from app.store.models import Declarations
from app.store.session import Session


def latest_declarations(session: Session, dataset_id: str) -> Declarations | None:
    """The newest version; None where nothing was declared."""
    return session.scalar(_versions(dataset_id).limit(1))


def list_declarations(session: Session, dataset_id: str) -> list[Declarations]:
    """All versions, newest first."""
    return list(session.scalars(_versions(dataset_id)))


def _versions(dataset_id: str) -> Select[Declarations]:
    return (
        select(Declarations)
        .options(joinedload(Declarations.user))
        .where(Declarations.dataset_id == dataset_id)
        .order_by(Declarations.version.desc())
    )
