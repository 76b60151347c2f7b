"""From a dataset's row to what its owner sees."""

from __future__ import annotations

from app.services.budget import from_micro
from app.services.dataset_checks import unit_of
from app.services.views import DatasetView
from app.store.models import Dataset
from engine.data.schema import TableSchema


def dataset_view(dataset: Dataset) -> DatasetView:
    """The row as a view."""
    cap = dataset.epsilon_cap_micro
    return DatasetView(
        id=dataset.id,
        name=dataset.name,
        filename=dataset.filename,
        n_rows=dataset.n_rows,
        n_columns=dataset.n_columns,
        columns=tuple(dataset.columns),
        size_bytes=dataset.size_bytes,
        created_at=dataset.created_at,
        schema=TableSchema.from_json(dataset.table_schema) if dataset.table_schema else None,
        confirmed=frozenset(dataset.confirmed or ()),
        schema_confirmed=dataset.schema_confirmed_at is not None,
        schema_confirmed_at=dataset.schema_confirmed_at,
        unit=unit_of(dataset.unit),
        declared_rows=dataset.declared_rows,
        epsilon_cap=None if cap is None else from_micro(cap),
        delta=dataset.delta,
        allows_unprotected=dataset.allows_unprotected,
        draft=dict(dataset.draft or {}),
        is_sample=bool(dataset.is_sample),
        next_step=next_step(dataset),
    )


def next_step(dataset: Dataset) -> str:
    """The first step of the wizard that is not done."""
    draft = dataset.draft or {}
    is_unprotected = "method" in draft and not is_protected(draft["method"])
    if dataset.schema_confirmed_at is None:
        return "columns"
    if dataset.unit is None or dataset.declared_rows is None:
        return "protect"
    if is_unprotected:
        return "review"
    if dataset.epsilon_cap_micro is None:
        return "budget"
    if "method" not in draft or "epsilon" not in draft:
        return "model"
    return "review"


def is_protected(method: object) -> bool:
    """Whether a method has a privacy guarantee; one that nobody knows is refused later, and is taken for one here."""
    from engine.errors import PlanError
    from engine.synthesizers.registry import method_info

    try:
        return method_info(str(method)).private
    except PlanError:
        return True
