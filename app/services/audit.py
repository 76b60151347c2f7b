"""Who did what, when, from where, to which thing; never with a cell value, and sealed so that changes show."""

from __future__ import annotations

import builtins
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app import origin
from app.clock import Clock
from app.errors import ForbiddenError, NotFoundError, UnavailableError
from app.services.views import AuditView, UserView
from app.store import audit as rows
from app.store import audit_chain, users
from app.store.audit import AuditFilter
from app.store.models import AuditEntry, new_id
from app.store.session import Database, Session
from engine.evidence.chain import ERASURE, plain_detail
from engine.evidence.chain_check import ChainCheck, check_chain

__all__ = ["AuditChoices", "AuditFilter", "AuditService", "BreakView", "ChainView", "chain_view"]

LONGEST_USERNAME = 64
EVERYTHING = AuditFilter()
MOST_LINES = 1000
MOST_CHOICES = 500


@dataclass(frozen=True)
class AuditChoices:
    """What a reader's lines can be told apart by."""

    usernames: tuple[str, ...]
    actions: tuple[str, ...]
    object_kinds: tuple[str, ...]


@dataclass(frozen=True)
class BreakView:
    """A place where the log was changed.

    Args:
        sequence: number of the entry, or of the first one that is missing.
        entry_id: its id; None where it is missing.
        kind: such as `altered`, `missing` or `inserted`.
        sentence: the same in words.
    """

    sequence: int
    entry_id: str | None
    kind: str
    sentence: str


@dataclass(frozen=True)
class ChainView:
    """What the check of the log found.

    Args:
        is_whole: whether nothing was changed.
        entries: how many entries were read.
        erased: entries whose name and address were erased, which is no change.
        head: seal of the last entry.
        checked_at: when.
        breaks: places that were changed, at most 200.
        n_breaks: how many there are.
    """

    is_whole: bool
    entries: int
    erased: int
    head: str | None
    checked_at: datetime
    breaks: tuple[BreakView, ...]
    n_breaks: int


class AuditService:
    """The audit log.

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
        """Add a line to the transaction of what it tells; it is sealed when that is committed.

        Args:
            session: that transaction, one that writes.
            user: who did it; None where nobody is signed in.
            action: such as `dataset.register`.
            object_kind: such as `account`, `dataset`, `run`, `token`, `evidence` or `key`.
            object_id: which one.
            detail: numbers, names of settings and of columns; no cell values. Numbers that JSON does not keep exactly
                are stored as texts.
        """
        entry = AuditEntry(
            id=new_id(),
            created_at=self._now(),
            user_id=user.id if user is not None else None,
            username=user.username if user is not None else "",
            address=origin.current(),
            person_salt=audit_chain.new_salt(),
            action=action,
            object_kind=object_kind,
            object_id=object_id,
            detail=plain_detail(detail),
        )
        audit_chain.append(session, entry)

    def list(
        self,
        user: UserView,
        limit: int = 200,
        *,
        wanted: AuditFilter = EVERYTHING,
        before: int | None = None,
    ) -> builtins.list[AuditView]:
        """Lines, newest first: an administrator's reading is of all, everybody else's of their own.

        Args:
            user: who reads.
            limit: most lines, up to `MOST_LINES`.
            wanted: which of them.
            before: number that all of them lie below, to page through them.
        """
        limit = max(1, min(limit, MOST_LINES))
        with self._database.read() as session:
            found = rows.list_audit(session, _reach(user), wanted, limit=limit, before=before)
        return [_view(entry) for entry in found]

    def choices(self, user: UserView) -> AuditChoices:
        """What the lines of `list` can be told apart by, each at most `MOST_CHOICES` values."""
        with self._database.read() as session:
            names, actions, kinds = (
                tuple(rows.list_values(session, _reach(user), name, MOST_CHOICES))
                for name in ("username", "action", "object_kind")
            )
        return AuditChoices(names, actions, kinds)

    def head(self) -> dict[str, Any]:
        """How many entries the log has, and the seal of the last one.

        Raises:
            UnavailableError: the log has lost its head.
        """
        with self._database.read() as session:
            found = audit_chain.read_head(session)
        if found is None:
            raise UnavailableError(audit_chain.LOG_IS_BROKEN)
        return {"entries": found.entries, "head": found.hash}

    def verify(self, user: UserView) -> ChainView:
        """Check the whole log; what is told of it are numbers and ids, so that everybody may ask.

        Args:
            user: who asks.
        """
        return chain_view(self.check(), self._now())

    def check(self) -> ChainCheck:
        """Check the whole log as it stands at one moment."""
        with self._database.snapshot() as session:
            return check_chain(audit_chain.read_chain(session), audit_chain.read_head(session))

    def erase_person(self, user: UserView, user_id: str) -> int:
        """Erase somebody's name and addresses from all lines so far; the chain stays whole, and a new line says so.

        Args:
            user: an administrator.
            user_id: whose.

        Returns:
            How many lines were changed.

        Raises:
            ForbiddenError: the user is no administrator.
            NotFoundError: there is no such user.
        """
        if not user.is_admin:
            raise ForbiddenError("Only an administrator may erase names and addresses from the audit log.")
        with self._database.write() as session:
            if users.find_user(session, user_id) is None:
                raise NotFoundError("user")
            count = rows.erase_person(session, user_id)
            self.add(session, user, ERASURE, "account", user_id, lines=count)
        return count


def chain_view(found: ChainCheck, moment: datetime) -> ChainView:
    """The result of a check, for reading."""
    return ChainView(
        is_whole=found.is_whole,
        entries=found.entries,
        erased=found.erased,
        head=found.head.hash if found.head else None,
        checked_at=moment,
        breaks=tuple(BreakView(place.sequence, place.entry_id, place.kind, place.sentence) for place in found.breaks),
        n_breaks=found.n_breaks,
    )


def _reach(user: UserView) -> str | None:
    """Whose lines a user may read; None for everybody's."""
    return None if user.is_admin else user.id


def _view(entry: AuditEntry) -> AuditView:
    return AuditView(
        id=entry.id,
        sequence=entry.sequence,
        created_at=entry.created_at,
        username=entry.username,
        address=entry.address,
        is_erased=not entry.person_salt,
        action=entry.action,
        object_kind=entry.object_kind,
        object_id=entry.object_id,
        detail=entry.detail,
        hash=entry.hash,
    )
