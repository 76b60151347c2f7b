"""Runs without a privacy guarantee: allowed or forbidden by the owner, outside every budget, internal for ever."""

import json
import math
import re

import pytest
from alembic import command
from alembic.config import Config
from starlette.testclient import TestClient

from app.api import create_api
from app.errors import (
    AlreadyCommittedError,
    ForbiddenError,
    InvalidInputError,
    InvalidPlanError,
    NotFoundError,
    NotReadyError,
    UnavailableError,
)
from app.services.reports import INTERNAL
from app.services.results import Attempt
from app.store.session import MIGRATIONS
from engine.privacy.accounting import compose_epsilon
from engine.privacy.guarantee import NON_PRIVATE
from engine.privacy.plan import UnitKind, UnitOfProtection
from tests.app.builders import SCHEMA, add_dataset, ready_dataset, submit
from tests.tables import UNPROTECTED
from workers.jobs import do_run
from workers.sweeper import settle

PREFIX = "NO-PRIVACY-GUARANTEE_run-"
A_NUMBER = re.compile(r"ε\W{0,4}(?:\d|inf|nan|unlimited)", re.IGNORECASE)


@pytest.fixture
def dataset_id(services, owner):
    return ready_dataset(services, owner, cap=1.0)


def start(services, owner, dataset_id, method="gaussian-copula", **choices):
    return submit(services, owner, dataset_id, epsilon=None, method=method, **choices)


def totals(services, owner, dataset_id):
    return services.ledger.summary(owner, dataset_id)


def test_the_event_is_the_accountants():
    assert compose_epsilon([NON_PRIVATE], 1e-6) == math.inf


@pytest.mark.parametrize("method", UNPROTECTED)
def test_a_run_is_listed_outside_the_budget_and_changes_no_total(services, owner, dataset_id, method):
    submit(services, owner, dataset_id, epsilon=0.4)
    before = totals(services, owner, dataset_id)
    run = start(services, owner, dataset_id, method)
    assert totals(services, owner, dataset_id) == before
    do_run(services, run.id)
    run = services.runs.get(owner, run.id)
    assert (run.status, run.error, run.note) == ("done", None, None)
    assert totals(services, owner, dataset_id) == before
    assert (run.guarantee, run.epsilon, run.delta, run.ledger_state, run.spent) == (
        "none",
        None,
        None,
        "outside",
        False,
    )
    assert not run.is_protected
    entry = services.ledger.entries(owner, dataset_id)[-1]
    assert (entry.state, entry.guarantee, entry.epsilon, entry.delta) == ("outside", "none", None, None)
    assert entry.committed_at is not None


def test_all_its_files_are_internal_and_say_so_in_their_names(services, owner, dataset_id):
    run = start(services, owner, dataset_id, n_rows=30)
    do_run(services, run.id)
    files = {file.kind: file for file in services.reports.list_artifacts(owner, run.id)}
    assert set(files) == {
        *("synthetic.csv", "synthetic_raw.csv", "synthetic.parquet", "certificate.json", "report.json")
    }
    assert {file.classification for file in files.values()} == {INTERNAL}
    assert all(file.filename == f"{PREFIX}{run.id[:8]}-{kind}" for kind, file in files.items())
    services.reports.open_artifact(owner, run.id, "synthetic.csv").read()
    assert services.audit.list(owner)[0].action == "artifact.download_internal"
    with pytest.raises(UnavailableError, match="keeps no model"):
        services.further_rows.columns(owner, run.id)
    protected = submit(services, owner, dataset_id, epsilon=0.5, n_rows=30)
    do_run(services, protected.id)
    made = services.reports.list_artifacts(owner, protected.id)
    assert {file.classification for file in made if file.kind == "synthetic.csv"} == {"releasable"}
    assert not any(file.filename.startswith("NO-") for file in made)


def test_the_certificate_states_that_there_is_no_guarantee(services, owner, dataset_id):
    run = start(services, owner, dataset_id)
    do_run(services, run.id)
    certificate = services.reports.certificate(owner, run.id)
    assert certificate["guarantee"] == "none"
    assert certificate["privacy"]["statement"].startswith("No privacy guarantee:")
    assert 200 < certificate["rows"]["synthetic"] < 280  # about 20 % of 300 rows are set aside for the report
    assert not A_NUMBER.search(json.dumps(certificate, ensure_ascii=False))


def test_a_method_that_protects_nobody_takes_no_epsilon(services, owner, dataset_id):
    plan = services.plans.draft_plan(owner, dataset_id, method="ctgan", epsilon=0.5)
    with pytest.raises(InvalidPlanError, match="no ε: leave it out"):
        services.runs.submit(owner, dataset_id, plan)
    saved = services.plans.draft_plan(owner, dataset_id, method="ctgan")
    assert services.datasets.get(owner, dataset_id).draft["epsilon"] == 0.1
    assert (saved.epsilon, saved.delta) == (None, None)
    with pytest.raises(InvalidPlanError, match="outside the budget"):
        services.plans.feasibility(owner, dataset_id, saved)
    assert services.ledger.entries(owner, dataset_id) == []


def test_no_budget_is_needed_and_none_is_touched(services, owner):
    dataset_id = add_dataset(services, owner)
    services.datasets.save_schema(owner, dataset_id, SCHEMA, set(SCHEMA.names))
    with pytest.raises(NotReadyError):
        start(services, owner, dataset_id)
    services.datasets.save_unit(owner, dataset_id, UnitOfProtection(), 300)
    assert services.datasets.get(owner, dataset_id).next_step == "budget"
    do_run(services, start(services, owner, dataset_id).id)
    services.datasets.save_draft(owner, dataset_id, method="ctgan")
    assert services.datasets.get(owner, dataset_id).next_step == "review"
    with pytest.raises(NotReadyError) as missing:
        services.plans.draft_plan(owner, dataset_id, method="mst", epsilon=1.0)
    assert missing.value.step == "budget"
    assert totals(services, owner, dataset_id).epsilon_cap is None


def test_an_owner_forbids_them_and_every_way_is_closed(services, owner, dataset_id):
    plan = services.plans.draft_plan(owner, dataset_id, method="tvae")
    waiting = start(services, owner, dataset_id)
    assert not services.datasets.allow_unprotected(owner, dataset_id, False).allows_unprotected
    for way in (services.plans.price, services.plans.resources, services.runs.submit):
        with pytest.raises(ForbiddenError, match="forbids runs without a privacy guarantee"):
            way(owner, dataset_id, plan)
    do_run(services, waiting.id)
    stopped = services.runs.get(owner, waiting.id)
    assert (stopped.status, stopped.spent) == ("failed", False)
    assert "forbids" in stopped.error
    assert services.reports.list_artifacts(owner, waiting.id) == []
    submit(services, owner, dataset_id, epsilon=0.2)
    services.datasets.allow_unprotected(owner, dataset_id, True)
    assert start(services, owner, dataset_id).status == "queued"
    actions = [entry.action for entry in services.audit.list(owner)]
    assert {"unprotected.forbid", "unprotected.allow", "run.submit_unprotected"} <= set(actions)


def test_the_ledger_itself_refuses_what_is_forbidden(services, owner, dataset_id, monkeypatch):
    """Whoever forgets to check the plan is refused by the one who writes the entry."""
    plan = services.plans.draft_plan(owner, dataset_id, method="tvae")
    services.datasets.allow_unprotected(owner, dataset_id, False)
    monkeypatch.setattr(type(services.plans), "check", lambda *_: None)
    with pytest.raises(ForbiddenError):
        services.runs.submit(owner, dataset_id, plan)
    assert services.ledger.entries(owner, dataset_id) == []


@pytest.mark.parametrize("value", [None, "no", 0, 1, []])
def test_the_setting_is_true_or_false(services, owner, stranger, dataset_id, value):
    with pytest.raises(InvalidInputError, match="true or false"):
        services.datasets.allow_unprotected(owner, dataset_id, value)
    with pytest.raises(NotFoundError):
        services.datasets.allow_unprotected(stranger, dataset_id, value)


def test_a_run_begins_once_and_ends_before_or_after(services, owner, dataset_id):
    run = start(services, owner, dataset_id)
    services.ledger.commit(run.id)
    with pytest.raises(AlreadyCommittedError):
        services.ledger.commit(run.id)
    assert not services.ledger.release(run.id, "failed", "too late")
    services.results.finish(Attempt(run.id), "cancelled", ledger_note="its ε stays charged")
    note = services.ledger.entries(owner, dataset_id)[0].note
    assert "nothing is charged" in note and "ε" not in note
    waiting = start(services, owner, dataset_id)
    assert services.runs.cancel(owner, waiting.id).status == "cancelled"
    with pytest.raises(AlreadyCommittedError):
        services.ledger.commit(waiting.id)
    assert [entry.state for entry in services.ledger.entries(owner, dataset_id)] == ["outside", "outside"]


@pytest.mark.parametrize("begins", [False, True])
def test_a_lost_worker_ends_the_run_and_speaks_of_no_charge(services, owner, dataset_id, begins):
    run = start(services, owner, dataset_id)
    if begins:
        services.ledger.commit(run.id)
    settle(services, Attempt(run.id))
    ended = services.runs.get(owner, run.id)
    assert (ended.status, ended.ledger_state) == ("failed", "outside")
    assert "ε" not in ended.error + services.ledger.entries(owner, dataset_id)[0].note


def test_a_failure_speaks_of_no_charge(services, owner, dataset_id, monkeypatch):
    def fail(*arguments, **options):
        raise InvalidInputError("no")

    monkeypatch.setattr("engine.pipeline.synthesize", fail)
    run = start(services, owner, dataset_id)
    do_run(services, run.id)
    assert services.runs.get(owner, run.id).status == "failed"
    assert "ε" not in services.ledger.entries(owner, dataset_id)[0].note


def test_another_unit_can_still_be_protected(services, owner, dataset_id):
    """An entry outside the budget belongs to no unit, so it does not bind later ones."""
    do_run(services, start(services, owner, dataset_id).id)
    changed = services.datasets.save_unit(owner, dataset_id, UnitOfProtection(UnitKind.PERSON, "age", 2), 300)
    assert changed.unit.id_column == "age"


def test_the_api_shows_and_takes_them_alike(services, owner, dataset_id):
    headers = {"Authorization": f"Bearer {services.accounts.create_token(owner, 'test')[1]}"}
    with TestClient(create_api(services), raise_server_exceptions=False, headers=headers) as client:
        body = {"dataset_id": dataset_id, "method": "gaussian-copula", "n_rows": 20}
        refused = client.post("/runs", json=body | {"epsilon": 0.5})
        assert refused.status_code == 422
        assert "leave it out" in refused.json()["error"]["message"]
        made = client.post("/runs", json=body)
        assert made.status_code == 201
        run = made.json()
        assert (run["guarantee"], run["epsilon"], run["delta"], run["ledger_state"]) == ("none", None, None, "outside")
        do_run(services, run["id"])
        ledger = client.get(f"/datasets/{dataset_id}/ledger").json()
        assert ledger["summary"]["epsilon_spent"] == ledger["summary"]["sum_of_epsilons"] == 0.0
        assert [(entry["guarantee"], entry["epsilon"]) for entry in ledger["entries"]] == [("none", None)]
        file = client.get(f"/runs/{run['id']}/artifacts/synthetic.csv")
        assert file.headers["x-classification"] == "internal"
        assert PREFIX in file.headers["content-disposition"]
        assert client.post(f"/runs/{run['id']}/rows", json={"n_rows": 5}).status_code == 503
        assert client.put(f"/datasets/{dataset_id}/unprotected", json={"allowed": "no"}).status_code == 422
        setting = client.put(f"/datasets/{dataset_id}/unprotected", json={"allowed": False})
        assert setting.json()["allows_unprotected"] is False
        forbidden = client.post("/runs", json=body)
        assert (forbidden.status_code, forbidden.json()["error"]["code"]) == (403, "forbidden")


@pytest.mark.integration
def test_older_tables_cannot_hold_such_a_run_and_are_not_made_of_newer_ones(services, owner, dataset_id):
    start(services, owner, dataset_id)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with services.database.engine.begin() as connection:
        config.attributes["connection"] = connection
        with pytest.raises(ValueError, match="without a privacy guarantee"):
            command.downgrade(config, "0002")
