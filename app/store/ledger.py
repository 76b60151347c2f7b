"""The ledger's transactions: reserve, commit, release.

Composition is not additive, so no single UPDATE can hold the cap. A writer reads the entries and the dataset's
`ledger_version`, computes outside of any lock, and appends only where the version is still the one it read;
who comes second starts again. States go reserved → committed or reserved → released, each by one conditional
UPDATE, so of two who try exactly one wins. A run without a privacy guarantee has an entry that is outside from its
beginning to its end: it is never composed, and its times tell whether it has read the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, select, update

from app.store.models import Dataset, LedgerEntry
from app.store.session import Session

RESERVED = "reserved"
COMMITTED = "committed"
RELEASED = "released"
OUTSIDE = "outside"
IN_BUDGET = (RESERVED, COMMITTED)


@dataclass(frozen=True)
class Charge:
    """One reserved or committed entry, as the accountant needs it."""

    event: dict[str, Any]
    state: str


@dataclass(frozen=True)
class Standing:
    """A dataset's budget at one moment.

    Args:
        version: the dataset's ledger version when it was read.
        epsilon_cap_micro: the cap; None while there is none.
        delta: the dataset's δ.
        charges: reserved and committed entries.
    """

    version: int
    epsilon_cap_micro: int | None
    delta: float
    charges: tuple[Charge, ...]


def read_standing(session: Session, dataset_id: str) -> Standing:
    """Cap, δ and charges of a dataset, with the version they belong to."""
    row = session.execute(
        select(Dataset.ledger_version, Dataset.epsilon_cap_micro, Dataset.delta).where(Dataset.id == dataset_id)
    ).one()
    charges = session.execute(
        select(LedgerEntry.event, LedgerEntry.state)
        .where(LedgerEntry.dataset_id == dataset_id, LedgerEntry.state.in_(IN_BUDGET))
        .order_by(LedgerEntry.created_at, LedgerEntry.id)
    )
    return Standing(
        version=row.ledger_version,
        epsilon_cap_micro=row.epsilon_cap_micro,
        delta=row.delta,
        charges=tuple(Charge(charge.event, charge.state) for charge in charges),
    )


def advance(session: Session, dataset_id: str, version: int, **changes: Any) -> bool:
    """Move the dataset's ledger from the version that was read to the next one.

    Args:
        session: a writing transaction.
        dataset_id: the dataset.
        version: the version that was read.
        changes: further columns of the dataset to set.

    Returns:
        False where somebody else was first; nothing is changed then.
    """
    statement = (
        update(Dataset)
        .where(Dataset.id == dataset_id, Dataset.ledger_version == version, Dataset.deleted_at.is_(None))
        .values(ledger_version=version + 1, **changes)
    )
    return _changed_one(session, statement)


def commit_entry(session: Session, run_id: str, now: datetime) -> bool:
    """reserved → committed; False where the entry is not reserved any more, and not one outside that has not begun."""
    return _move(session, run_id, state=COMMITTED, committed_at=now) or _mark_outside(session, run_id, committed_at=now)


def release_entry(session: Session, run_id: str, now: datetime, note: str) -> bool:
    """reserved → released; False where the entry is not reserved any more, so it stays charged.

    An entry outside stays one; False where its run has read the table.
    """
    released = {"released_at": now, "note": note}
    return _move(session, run_id, state=RELEASED, **released) or _mark_outside(session, run_id, **released)


def annotate_entry(session: Session, run_id: str, note: str) -> None:
    """State beside an entry what became of its run."""
    session.execute(update(LedgerEntry).where(LedgerEntry.run_id == run_id).values(note=note))


def list_entries(session: Session, dataset_id: str) -> list[LedgerEntry]:
    """All entries of a dataset, oldest first."""
    statement = (
        select(LedgerEntry).where(LedgerEntry.dataset_id == dataset_id).order_by(LedgerEntry.created_at, LedgerEntry.id)
    )
    return list(session.scalars(statement))


def _move(session: Session, run_id: str, **changes: Any) -> bool:
    statement = update(LedgerEntry).where(LedgerEntry.run_id == run_id, LedgerEntry.state == RESERVED).values(**changes)
    return _changed_one(session, statement)


def _mark_outside(session: Session, run_id: str, **changes: Any) -> bool:
    """Say of an entry outside the budget that its run begins, or never will; False where either was said before."""
    statement = (
        update(LedgerEntry)
        .where(
            LedgerEntry.run_id == run_id,
            LedgerEntry.state == OUTSIDE,
            LedgerEntry.committed_at.is_(None),
            LedgerEntry.released_at.is_(None),
        )
        .values(**changes)
    )
    return _changed_one(session, statement)


def _changed_one(session: Session, statement: Any) -> bool:
    return cast(CursorResult[Any], session.execute(statement)).rowcount == 1
