"""The sweeper: what a crash leaves behind is put right, and never to the harm of the ledger."""

from datetime import timedelta

import pytest
from redis import Redis
from rq import Queue, SimpleWorker

from app.clock import utc_now
from app.queueing import JobState
from app.services.ledger import LedgerService
from app.services.results import Attempt
from app.wiring import build
from tests.app.builders import ready_dataset, submit
from workers.sweeper import DIED, NOT_STARTED, Sweeper, settle, sweep


@pytest.fixture
def dataset_id(services, owner):
    return ready_dataset(services, owner, cap=1.0)


@pytest.fixture
def later(settings, services):
    """The same application, a minute later."""
    return build(
        settings, database=services.database, queue=services.queue, now=lambda: utc_now() + timedelta(minutes=1)
    )


def queue_of(settings, connection):
    return Queue(settings.queue_name, connection=connection, serializer="json")


def reserve_and_crash(services, owner, dataset_id, monkeypatch):
    """The process dies between the reservation and the queue."""

    class CrashError(BaseException):
        pass

    def crash(*attempt):
        raise CrashError

    with monkeypatch.context() as patch:
        patch.setattr(services.queue, "enqueue", crash)
        with pytest.raises(CrashError):
            submit(services, owner, dataset_id)
    return services.runs.list(owner)[0]


def test_a_crash_between_reserve_and_enqueue_is_repaired(services, later, owner, dataset_id, settings, monkeypatch):
    run = reserve_and_crash(services, owner, dataset_id, monkeypatch)
    assert (run.status, run.ledger_state) == ("queued", "reserved")
    sweep(services)
    assert services.queue.state(run.id) is JobState.MISSING, "a run that was reserved just now may still be enqueued"
    sweep(later)
    assert services.queue.state(run.id) is JobState.WAITING
    monkeypatch.setattr("workers.jobs.process_services", lambda: services)
    with Redis.from_url(settings.redis_url) as connection:
        SimpleWorker([queue_of(settings, connection)], connection=connection, serializer="json").work(burst=True)
    assert services.runs.get(owner, run.id).status == "done"
    assert services.ledger.summary(owner, dataset_id).n_entries == 1


def test_a_crash_after_commit_still_costs(services, owner, dataset_id):
    run = submit(services, owner, dataset_id, epsilon=0.5)
    services.ledger.commit(run.id)
    services.queue.remove(run.id)
    sweep(services)
    run = services.runs.get(owner, run.id)
    assert (run.status, run.error, run.spent) == ("failed", DIED, True)
    assert services.ledger.summary(owner, dataset_id).epsilon_spent == pytest.approx(0.5, abs=1e-5)


def test_a_job_that_failed_before_the_charge_costs_nothing(services, owner, dataset_id, settings, monkeypatch):
    def broken():
        raise RuntimeError("the application cannot be built")

    monkeypatch.setattr("workers.jobs.process_services", broken)
    run = submit(services, owner, dataset_id)
    with Redis.from_url(settings.redis_url) as connection:
        SimpleWorker([queue_of(settings, connection)], connection=connection, serializer="json").work(burst=True)
    assert services.queue.state(run.id) is JobState.BROKEN
    sweep(services)
    run = services.runs.get(owner, run.id)
    assert (run.status, run.error, run.ledger_state) == ("failed", NOT_STARTED, "released")
    assert services.ledger.summary(owner, dataset_id).epsilon_left == 1.0


def test_a_stopping_run_whose_job_is_gone_is_cancelled(services, owner, dataset_id):
    run = submit(services, owner, dataset_id)
    services.ledger.commit(run.id)
    services.runs.cancel(owner, run.id)
    services.queue.remove(run.id)
    sweep(services)
    run = services.runs.get(owner, run.id)
    assert (run.status, run.spent) == ("cancelled", True)


def test_a_run_that_does_not_stop_by_itself_is_killed_after_its_grace(services, later, owner, dataset_id, monkeypatch):
    stopped = []
    run = submit(services, owner, dataset_id)
    services.ledger.commit(run.id)
    services.runs.cancel(owner, run.id)
    monkeypatch.setattr(services.queue, "stop", lambda *attempt: stopped.append(attempt))
    monkeypatch.setattr(services.queue, "state", lambda *attempt: JobState.STARTED)
    sweep(services)
    assert stopped == []
    sweep(later)
    assert stopped == [(run.id, 1)]


def test_a_run_at_work_or_done_is_left_alone(services, later, owner, dataset_id, monkeypatch):
    run = submit(services, owner, dataset_id)
    services.ledger.commit(run.id)
    monkeypatch.setattr(services.queue, "state", lambda *attempt: JobState.STARTED)
    sweep(later)
    assert services.runs.get(owner, run.id).status == "running"
    services.results.finish(Attempt(run.id), "done")
    settle(services, Attempt(run.id))
    assert services.runs.get(owner, run.id).status == "done"


def test_several_sweepers_repair_once(services, later, owner, dataset_id, settings, monkeypatch):
    run = reserve_and_crash(services, owner, dataset_id, monkeypatch)
    for _ in range(3):
        sweep(later)
    with Redis.from_url(settings.redis_url) as connection:
        assert queue_of(settings, connection).job_ids == [run.id]


def test_the_thread_survives_a_queue_that_is_away(services, owner, dataset_id, monkeypatch):
    sweeps = []
    real = LedgerService.release

    def release(self, *args, **options):
        sweeps.append(args)
        return real(self, *args, **options)

    run = submit(services, owner, dataset_id)
    answers = iter([False])

    def clean():
        if next(answers, True) is False:
            raise ConnectionError("away")

    monkeypatch.setattr(LedgerService, "release", release)
    monkeypatch.setattr(services.queue, "clean_abandoned", clean)
    monkeypatch.setattr(services.queue, "state", lambda *attempt: JobState.BROKEN)
    sweeper = Sweeper(services, seconds=0.01)
    sweeper.start()
    while services.runs.get(owner, run.id).status != "failed":
        assert sweeper.is_alive()
    sweeper.end()
    sweeper.join(5)
    assert sweeps
    assert not sweeper.is_alive()


def test_sweeping_without_anything_to_do_changes_nothing(services, owner):
    sweep(services)
    assert services.runs.list(owner) == []
