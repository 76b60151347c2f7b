"""One budget per dataset: what is reserved, what is spent, what still fits."""

from __future__ import annotations

import builtins
from dataclasses import dataclass, field
from typing import Any, NoReturn

from app.clock import Clock
from app.errors import AlreadyCommittedError, BudgetRefusedError, ConflictError, ForbiddenError, NotFoundError
from app.services import budget
from app.services.audit import AuditService
from app.services.views import Feasibility, LedgerEntryView, LedgerSummary, UserView
from app.store import datasets as dataset_rows
from app.store import ledger as rows
from app.store import runs as run_rows
from app.store.models import LedgerEntry, Plan, Run, new_id
from app.store.session import Database, Session
from engine.privacy.guarantee import GUARANTEED, NON_PRIVATE, NOT_GUARANTEED

UNPROTECTED_FORBIDDEN = "The owner of this dataset forbids runs without a privacy guarantee."

MOST_TRIES = 1000
"""Each lost race means that somebody else was granted or refused, so this many losses are a fault."""


@dataclass(frozen=True)
class Reservation:
    """What is written when a run is reserved.

    Args:
        plan: the plan as JSON.
        price: its price as JSON, with `event`, `epsilon` and `delta`; without an ε it is outside the budget.
        holdout_share: share of units set aside for the evaluation.
        target: column that the utility check predicts.
        criteria: limits that the release is held against, as JSON.
    """

    plan: dict[str, Any]
    price: dict[str, Any]
    holdout_share: float
    target: str | None
    criteria: builtins.list[dict[str, Any]] = field(default_factory=list)


class LedgerService:
    """Reserve, commit and release; the only writer of ledger entries.

    Args:
        database: where the ledger is kept.
        audit: told of every reservation and release.
        now: the time.
    """

    def __init__(self, database: Database, audit: AuditService, now: Clock) -> None:
        self._database = database
        self._audit = audit
        self._now = now

    def summary(self, user: UserView, dataset_id: str) -> LedgerSummary:
        """Where the budget of the user's dataset stands."""
        standing = self.standing(user, dataset_id)
        events = [charge.event for charge in standing.charges]
        spent = budget.composed_epsilon(
            [charge.event for charge in standing.charges if charge.state == rows.COMMITTED], standing.delta
        )
        cap = standing.epsilon_cap_micro
        return LedgerSummary(
            epsilon_cap=None if cap is None else budget.from_micro(cap),
            delta=standing.delta,
            epsilon_spent=spent,
            epsilon_reserved=budget.composed_epsilon(events, standing.delta) - spent,
            epsilon_left=None if cap is None else budget.epsilon_left(events, standing.delta, cap),
            sum_of_epsilons=sum(budget.composed_epsilon([event], standing.delta) for event in events),
            n_entries=len(events),
        )

    def entries(self, user: UserView, dataset_id: str) -> builtins.list[LedgerEntryView]:
        """All entries of the user's dataset, oldest first, released ones too."""
        with self._database.read() as session:
            self._require(session, user, dataset_id)
            return [_entry_view(entry) for entry in rows.list_entries(session, dataset_id)]

    def standing(self, user: UserView, dataset_id: str) -> rows.Standing:
        """Cap, δ and charges of the user's dataset."""
        with self._database.read() as session:
            self._require(session, user, dataset_id)
            return rows.read_standing(session, dataset_id)

    def weigh(self, user: UserView, dataset_id: str, price: dict[str, Any]) -> Feasibility:
        """Whether a price fits into what is left; raises NotReadyError while there is no cap."""
        return budget.weigh(self.standing(user, dataset_id), price["event"], price["epsilon"])

    def reserve(self, user: UserView, dataset_id: str, reservation: Reservation) -> str:
        """Write plan, run and ledger entry in one transaction, where the composed ε stays within the cap.

        Args:
            user: the owner.
            dataset_id: the dataset.
            reservation: what to write.

        Returns:
            Id of the run, which is `queued`; the caller puts it into the queue.

        Raises:
            BudgetRefusedError: it would pass the cap; nothing was written.
            ForbiddenError: it has no privacy guarantee, and the dataset forbids such runs.
            NotReadyError: the dataset has no cap yet.
        """
        price = reservation.price
        if price["event"] == NON_PRIVATE:
            with self._database.write() as session:
                self._require_allowed(session, user, dataset_id)
                return self._append(session, user, dataset_id, reservation)
        for _ in range(MOST_TRIES):
            standing = self.standing(user, dataset_id)
            events = [*(charge.event for charge in standing.charges), price["event"]]
            if not budget.fits(events, standing.delta, budget.cap_of(standing)):
                self._refuse(user, dataset_id, budget.weigh(standing, price["event"], price["epsilon"]))
            with self._database.write() as session:
                if rows.advance(session, dataset_id, standing.version):
                    return self._append(session, user, dataset_id, reservation)
        raise ConflictError("Too many runs are being reserved at once. Try again.")

    def set_cap(self, user: UserView, dataset_id: str, epsilon: float, delta: float) -> None:
        """Set a dataset's budget; it may fall, but never below what is reserved and spent.

        Args:
            user: the owner.
            dataset_id: the dataset.
            epsilon: the cap.
            delta: the dataset's δ; all entries are composed at it again.

        Raises:
            ConflictError: more is reserved and spent than this.
        """
        cap_micro = int(epsilon * budget.MICRO + 0.5)
        for _ in range(MOST_TRIES):
            standing = self.standing(user, dataset_id)
            charges = [charge.event for charge in standing.charges]
            if not budget.fits(charges, delta, cap_micro):
                used = budget.composed_epsilon(charges, delta)
                raise ConflictError(
                    f"At δ = {delta:g}, ε {used:.4g} is reserved or spent already; a budget cannot be set below that."
                )
            with self._database.write() as session:
                if rows.advance(session, dataset_id, standing.version, epsilon_cap_micro=cap_micro, delta=delta):
                    self._audit.add(session, user, "budget.set", "dataset", dataset_id, epsilon=epsilon, delta=delta)
                    return
        raise ConflictError("Too many runs are being reserved at once. Try again.")

    def commit(self, run_id: str) -> None:
        """Charge a run for good and mark it running; called before a private row is read.

        Raises:
            AlreadyCommittedError: the reservation was committed or released before.
        """
        now = self._now()
        refusal = AlreadyCommittedError("This reservation was used or given back before; it cannot be used again.")
        with self._database.write() as session:
            if not rows.commit_entry(session, run_id, now):
                raise refusal
            started = {"status": run_rows.RUNNING, "started_at": now}
            if not run_rows.move_run(session, run_id, (run_rows.QUEUED,), **started):
                raise refusal

    def release(self, run_id: str, status: str, note: str, error: str | None = None) -> bool:
        """Give a reservation back and finish its run, where no noise was drawn.

        Args:
            run_id: the run.
            status: what becomes of the run: `cancelled` or `failed`.
            note: why, for the ledger.
            error: why, for the run.

        Returns:
            False where the reservation was committed before, so that it stays charged.
        """
        now = self._now()
        with self._database.write() as session:
            if not rows.release_entry(session, run_id, now, note):
                return False
            run_rows.move_run(session, run_id, (run_rows.QUEUED,), status=status, finished_at=now, error=error)
            return True

    def _refuse(self, user: UserView, dataset_id: str, found: Feasibility) -> NoReturn:
        self._audit.record(user, "budget.refused", "dataset", dataset_id, epsilon=found.cost_epsilon)
        raise BudgetRefusedError(
            cost_epsilon=found.cost_epsilon,
            composed_epsilon=found.composed_after,
            epsilon_left=found.left_epsilon,
            epsilon_cap=found.epsilon_cap,
        )

    def _append(self, session: Session, user: UserView, dataset_id: str, reservation: Reservation) -> str:
        now = self._now()
        plan_id, run_id = new_id(), new_id()
        price = reservation.price
        common = {"dataset_id": dataset_id, "user_id": user.id, "created_at": now}
        session.add(Plan(id=plan_id, plan=reservation.plan, price=price, criteria=reservation.criteria, **common))
        session.flush()
        session.add(
            Run(
                id=run_id,
                plan_id=plan_id,
                status=run_rows.QUEUED,
                stage="queued",
                holdout_share=reservation.holdout_share,
                target=reservation.target,
                **common,
            )
        )
        session.flush()
        is_outside = price["event"] == NON_PRIVATE
        session.add(
            LedgerEntry(
                run_id=run_id,
                state=rows.OUTSIDE if is_outside else rows.RESERVED,
                epsilon_micro=None if is_outside else budget.to_micro(price["epsilon"]),
                delta=None if is_outside else price["delta"],
                event=price["event"],
                **common,
            )
        )
        if is_outside:
            self._audit.add(session, user, "run.submit_unprotected", "run", run_id)
        else:
            self._audit.add(session, user, "run.reserve", "run", run_id, epsilon=price["epsilon"])
        return run_id

    @staticmethod
    def _require_allowed(session: Session, user: UserView, dataset_id: str) -> None:
        dataset = dataset_rows.find_dataset(session, user.id, dataset_id)
        if dataset is None:
            raise NotFoundError("dataset")
        if not dataset.allows_unprotected:
            raise ForbiddenError(UNPROTECTED_FORBIDDEN)

    @staticmethod
    def _require(session: Session, user: UserView, dataset_id: str) -> None:
        if dataset_rows.find_dataset(session, user.id, dataset_id) is None:
            raise NotFoundError("dataset")


def _entry_view(entry: LedgerEntry) -> LedgerEntryView:
    return LedgerEntryView(
        id=entry.id,
        run_id=entry.run_id,
        username=entry.user.username,
        state=entry.state,
        guarantee=NOT_GUARANTEED if entry.state == rows.OUTSIDE else GUARANTEED,
        epsilon=budget.stated_epsilon(entry.epsilon_micro),
        delta=entry.delta,
        event=entry.event,
        note=entry.note,
        created_at=entry.created_at,
        committed_at=entry.committed_at,
        released_at=entry.released_at,
    )
