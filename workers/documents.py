"""What the PDF says about the dataset and its ledger, as plain JSON."""

from __future__ import annotations

from typing import Any

from app.services.results import RunWork
from app.wiring import Services


def ledger_document(services: Services, work: RunWork) -> dict[str, Any]:
    """The dataset's ledger at this moment."""
    summary = services.ledger.summary(work.owner, work.dataset.id)
    return {
        "epsilon_cap": summary.epsilon_cap,
        "delta": summary.delta,
        "epsilon_spent": summary.epsilon_spent,
        "epsilon_reserved": summary.epsilon_reserved,
        "epsilon_left": summary.epsilon_left,
        "sum_of_epsilons": summary.sum_of_epsilons,
        "entries": [
            {
                "run_id": entry.run_id,
                "user": entry.username,
                "state": entry.state,
                "guarantee": entry.guarantee,
                "epsilon": entry.epsilon,
                "created_at": entry.created_at.isoformat(timespec="seconds"),
                "purpose": entry.note or "synthesis",
            }
            for entry in services.ledger.entries(work.owner, work.dataset.id)
        ],
    }


def dataset_document(work: RunWork, synthetic_sha256: str) -> dict[str, Any]:
    """The dataset as its owner declared it; the exact number of private rows is left out.

    Args:
        work: the run.
        synthetic_sha256: digest of the synthetic CSV that the document goes with.
    """
    dataset = work.dataset
    confirmed_at = dataset.schema_confirmed_at
    return {
        "id": dataset.id,
        "name": dataset.name,
        "declared_by": work.owner.username,
        "declared_rows": dataset.declared_rows,
        "schema_confirmed_at": confirmed_at.isoformat(timespec="seconds") if confirmed_at else None,
        "is_sample": dataset.is_sample,
        "run_id": work.run_id,
        "synthetic_sha256": synthetic_sha256,
    }
