"""Runs: submit, watch, cancel; and what happens when the queue is away."""

from dataclasses import replace

import pytest

from app.errors import ConflictError, NotFoundError, QueueUnavailableError, UnavailableError
from app.queueing import JobState
from app.services.results import Attempt
from app.wiring import build
from tests.app.builders import ready_dataset, submit
from tests.conftest import FAST_BCRYPT_ROUNDS


@pytest.fixture
def dataset_id(services, owner):
    return ready_dataset(services, owner, cap=1.0)


def test_a_submitted_run_waits_in_the_queue(services, owner, dataset_id):
    run = submit(services, owner, dataset_id, n_rows=10)
    assert (run.status, run.ledger_state, run.spent, run.n_rows) == ("queued", "reserved", False, 10)
    assert (run.method, run.dataset_name, run.username) == ("independent", "Test table", "owner")
    assert services.queue.state(run.id) is JobState.WAITING
    assert services.runs.list(owner) == services.runs.list(owner, dataset_id) == [run]


def test_a_run_is_queued_once(services, owner, dataset_id):
    run = submit(services, owner, dataset_id)
    services.queue.enqueue(run.id)
    services.queue.enqueue(run.id)
    assert services.queue._queue.job_ids == [run.id]


def test_the_job_carries_ids_only(services, owner, dataset_id):
    run = submit(services, owner, dataset_id)
    job = services.queue._queue.fetch_job(run.id)
    assert (job.func_name, job.args, job.kwargs) == ("workers.jobs.run_synthesis", [run.id, 1], {})
    assert job.timeout == 12 * 3600


def test_a_waiting_run_is_cancelled_for_free(services, owner, dataset_id):
    run = submit(services, owner, dataset_id, epsilon=0.9)
    cancelled = services.runs.cancel(owner, run.id)
    assert (cancelled.status, cancelled.ledger_state, cancelled.spent) == ("cancelled", "released", False)
    assert services.queue.state(run.id) is JobState.MISSING
    assert services.ledger.summary(owner, dataset_id).epsilon_left == 1.0
    assert "not charged" in services.ledger.entries(owner, dataset_id)[0].note
    submit(services, owner, dataset_id, epsilon=0.9)


def test_a_run_at_work_is_asked_to_stop_and_keeps_its_charge(services, owner, dataset_id):
    run = submit(services, owner, dataset_id)
    services.ledger.commit(run.id)
    stopping = services.runs.cancel(owner, run.id)
    assert (stopping.status, stopping.spent) == ("stopping", True)
    assert services.results.is_cancel_requested(Attempt(run.id))
    assert "stays charged" in services.runs.progress(owner, run.id).message
    assert services.runs.cancel(owner, run.id).status == "stopping"


def test_a_finished_run_cannot_be_cancelled(services, owner, dataset_id):
    run = submit(services, owner, dataset_id)
    services.runs.cancel(owner, run.id)
    with pytest.raises(ConflictError, match="finished"):
        services.runs.cancel(owner, run.id)


def test_results_are_not_there_before_the_run_ends(services, owner, dataset_id):
    run = submit(services, owner, dataset_id)
    assert services.reports.list_artifacts(owner, run.id) == []
    for call in (services.reports.evaluation, services.reports.certificate, services.reports.preview):
        with pytest.raises(UnavailableError, match="not finished"):
            call(owner, run.id)
    with pytest.raises(NotFoundError):
        services.reports.open_artifact(owner, run.id, "source")


def test_everything_of_a_run_is_invisible_to_others(services, owner, stranger, dataset_id):
    mine = submit(services, owner, dataset_id).id
    calls = [
        services.runs.get,
        services.runs.progress,
        services.runs.cancel,
        services.reports.evaluation,
        services.reports.certificate,
        services.reports.preview,
        services.reports.list_artifacts,
        lambda user, key: services.reports.open_artifact(user, key, "synthetic.csv"),
    ]
    for call in calls:
        with pytest.raises(NotFoundError) as foreign:
            call(stranger, mine)
        with pytest.raises(NotFoundError) as missing:
            call(stranger, "0" * 32)
        assert foreign.value.user_message == missing.value.user_message
    assert services.runs.list(stranger) == services.runs.list(stranger, dataset_id) == []
    assert services.runs.get(owner, mine).status == "queued"


def test_without_a_queue_nothing_is_spent(settings, tmp_path):
    away = replace(settings, redis_url=f"unix://{tmp_path}/no.sock")
    services = build(away, password_rounds=FAST_BCRYPT_ROUNDS)
    services.database.migrate()
    owner = services.accounts.create_administrator("owner", "owner@example.org", "correct horse battery")
    dataset_id = ready_dataset(services, owner)
    with pytest.raises(QueueUnavailableError, match="Nothing was spent"):
        submit(services, owner, dataset_id)
    run = services.runs.list(owner)[0]
    assert (run.status, run.ledger_state) == ("failed", "released")
    assert "not charged" in run.error
    assert services.ledger.summary(owner, dataset_id).epsilon_left == 1.0
    assert services.runs.progress(owner, run.id).message == "Failed"
    assert not services.queue.is_reachable()
    services.close()


def test_what_people_do_is_in_the_audit_trail(services, owner, dataset_id):
    run = submit(services, owner, dataset_id)
    services.runs.cancel(owner, run.id)
    trail = services.audit.list(owner)
    assert [entry.action for entry in trail][:2] == ["run.cancel", "run.reserve"]
    assert {"schema.confirm", "unit.set", "budget.set"} <= {entry.action for entry in trail}
    assert trail[0].object_id == run.id
