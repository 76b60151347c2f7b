"""From a run's row to what its owner sees."""

from __future__ import annotations

from app.services.budget import stated_epsilon
from app.services.release import release_view
from app.services.views import RunView
from app.store import ledger as ledger_rows
from app.store import runs as rows
from app.store.models import Run
from engine.privacy.guarantee import GUARANTEED, NOT_GUARANTEED


def run_view(run: Run) -> RunView:
    """The row as a view."""
    state = run.ledger_entry.state
    return RunView(
        id=run.id,
        dataset_id=run.dataset_id,
        dataset_name=run.dataset.name,
        username=run.user.username,
        status=run.status,
        stage=run.stage,
        method=run.plan.plan["method"],
        guarantee=NOT_GUARANTEED if state == ledger_rows.OUTSIDE else GUARANTEED,
        epsilon=stated_epsilon(run.ledger_entry.epsilon_micro),
        delta=run.ledger_entry.delta,
        n_rows=run.plan.plan.get("n_rows"),
        holdout_share=run.holdout_share,
        target=run.target,
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        error=run.error,
        note=run.note,
        spent=state == ledger_rows.COMMITTED,
        ledger_state=state,
        attempt=run.attempt,
        task=run.task,
        can_resume=run.status in rows.RESUMABLE and run.checkpoint_id is not None,
        criteria=tuple(run.plan.criteria),
        release=release_view(run),
    )
