"""The release step: what a run's verdict lets out, and an owner who decides otherwise."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from app.clock import Clock
from app.errors import ConflictError, InvalidInputError, NotFoundError, ReleaseClosedError, UnavailableError
from app.reporting.claims import refuse_claims
from app.services.audit import AuditService
from app.services.dataset_checks import printable
from app.services.release_views import OutcomeView, OverrideView, ReleaseView
from app.services.views import UserView
from app.store import runs as rows
from app.store.ledger import OUTSIDE
from app.store.models import Run
from app.store.runs import Attempt
from app.store.session import Database

OPEN, CLOSED, OVERRIDDEN, WAITING, NEVER = "open", "closed", "overridden", "waiting", "never"

SHORTEST_REASON, LONGEST_REASON = 10, 500
NOT_CLOSED = "This release is not closed, so there is nothing to override."
BEATEN = "This run's release was overridden, or its report was asked for again, a moment ago. Look at it once more."


class ReleaseService:
    """Releases of runs on the datasets of a user.

    Args:
        database: where runs are kept.
        audit: told of every override.
        now: the time.
    """

    def __init__(self, database: Database, audit: AuditService, now: Clock) -> None:
        self._database = database
        self._audit = audit
        self._now = now

    def override(self, user: UserView, run_id: str, reason: object) -> ReleaseView:
        """Open a release that its criteria close; once, and for the audit trail to keep.

        Args:
            user: the owner.
            run_id: the run.
            reason: why, in `SHORTEST_REASON` to `LONGEST_REASON` characters.

        Raises:
            NotFoundError: the user has no such run.
            InvalidInputError: the reason is too short or too long, or makes a claim that no report may print.
            ConflictError: the release is not closed, or somebody else was first.
        """
        with self._database.write() as session:
            run = rows.find_own_run(session, user.id, run_id)
            if run is None:
                raise NotFoundError("run")
            text = _reason(reason)
            before = release_view(run)
            if before.state != CLOSED:
                raise ConflictError(NOT_CLOSED)
            override = {"reason": text, "username": user.username, "at": self._now().isoformat()}
            if not rows.record_override(session, Attempt(run_id, run.attempt), override):
                raise ConflictError(BEATEN)
            failed = [f"{outcome.title} ({outcome.required}): {outcome.sentence}" for outcome in before.failed]
            self._audit.add(session, user, "release.override", "run", run_id, reason=text, failed=failed)
        with self._database.read() as session:
            run = rows.find_own_run(session, user.id, run_id)
            if run is None:
                raise NotFoundError("run")
            return release_view(run)


def release_view(run: Run) -> ReleaseView:
    """Whether a run's releasable files may leave, and why not."""
    outcomes = tuple(OutcomeView(**outcome) for outcome in _verdict(run)["outcomes"])
    override = _override(run.release_override)
    return ReleaseView(_state(run, outcomes, override), outcomes, override)


def require_open(run: Run) -> None:
    """Refuse to let a run's releasable files leave where its release is closed.

    Raises:
        UnavailableError: the run is not finished, so its criteria are not judged.
        ReleaseClosedError: a criterion is not met; it says which, and by how much.
    """
    view = release_view(run)
    if view.state == WAITING:
        raise UnavailableError("The run is not finished yet.")
    if view.state == CLOSED:
        raise ReleaseClosedError([f"{outcome.title}: {outcome.sentence}" for outcome in view.failed])


def _state(run: Run, outcomes: tuple[OutcomeView, ...], override: OverrideView | None) -> str:
    if run.ledger_entry.state == OUTSIDE:
        return NEVER
    if run.status in rows.UNFINISHED:
        return WAITING
    if all(outcome.is_met for outcome in outcomes):
        return OPEN
    return CLOSED if override is None else OVERRIDDEN


def _verdict(run: Run) -> dict[str, Any]:
    """What the worker judged; without a report nothing could be computed, so no criterion is met."""
    if run.verdict is not None:
        return run.verdict
    if not run.plan.criteria or run.status in rows.UNFINISHED:
        return {"outcomes": []}
    from engine.evaluation.criteria import judge_stored

    return judge_stored(run.plan.criteria, None, None).to_json()


def _override(stored: dict[str, Any] | None) -> OverrideView | None:
    if stored is None:
        return None
    return OverrideView(stored["reason"], stored["username"], datetime.fromisoformat(stored["at"]))


def _reason(reason: object) -> str:
    text = printable(" ".join(reason.split())) if isinstance(reason, str) else ""
    if not SHORTEST_REASON <= len(text) <= LONGEST_REASON:
        raise InvalidInputError(f"State a reason of {SHORTEST_REASON} to {LONGEST_REASON} characters.")
    refuse_claims([text])
    return text
