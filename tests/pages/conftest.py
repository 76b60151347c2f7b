"""What every test of a page starts from."""

import pytest

import app.wiring
from engine.privacy.plan import UnitOfProtection


@pytest.fixture
def studio(services, monkeypatch):
    """The pages over the test's own services."""
    monkeypatch.setattr(app.wiring, "process_services", lambda: services)
    monkeypatch.setattr("app.ui.session.process_services", lambda: services)
    return services


@pytest.fixture
def secret(studio, owner):
    return studio.accounts.open_session(owner)


@pytest.fixture
def sample(studio, owner):
    """The sample table, ready for a run."""
    dataset = studio.datasets.register_sample(owner)
    studio.datasets.save_schema(owner, dataset.id, dataset.schema, set(dataset.schema.names))
    studio.datasets.save_unit(owner, dataset.id, UnitOfProtection(), 5000)
    studio.datasets.save_budget(owner, dataset.id, 3.0, 1e-6)
    studio.datasets.save_draft(owner, dataset.id, epsilon=1.0, method="mst")
    return studio.datasets.get(owner, dataset.id)
