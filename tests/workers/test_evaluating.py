"""Reports that are made again: free, from what is stored, with what was there before kept where it fails."""

import pytest
from redis import Redis
from rq import Queue, SimpleWorker
from starlette.testclient import TestClient

from app.api import create_api
from app.errors import ConflictError, NotFoundError
from app.services.results import Attempt
from app.store import runs as rows
from engine.evaluation.metric import MetricInfo
from engine.evaluation.registry import list_metrics
from tests.app.builders import ready_dataset, submit
from tests.conftest import FEW_METRICS
from workers import reporting_progress
from workers.jobs import do_run
from workers.sweeper import EVALUATION_DIED, settle, sweep

pytestmark = pytest.mark.usefixtures("few_metrics")

IMPOSSIBLE = {"metric": "closest-record", "measure": "share-closer-to-training", "limit": 0.0}
REASON = "The recipient signed a contract."


@pytest.fixture
def dataset_id(services, owner):
    return ready_dataset(services, owner, cap=3.0)


def finished(services, owner, dataset_id, **choices):
    run = submit(services, owner, dataset_id, n_rows=60, **{"epsilon": 0.5} | choices)
    do_run(services, run.id)
    return services.runs.get(owner, run.id)


def again(services, owner, run):
    """Ask for the report and make it, in this process."""
    asked = services.runs.evaluate(owner, run.id)
    do_run(services, run.id, asked.attempt)
    return services.runs.get(owner, run.id)


def files(services, owner, run):
    return {file.kind: file for file in services.reports.list_artifacts(owner, run.id)}


def cancel_at(monkeypatch, services, owner, name):
    """The owner cancels every run while one metric is computed; gives the names of all that were begun."""
    begun, real = [], MetricInfo.compute
    monkeypatch.setattr(reporting_progress, "SECONDS_BETWEEN_WRITES", 0.0)

    def compute(info, context):
        begun.extend({info.name} & set(FEW_METRICS))
        if info.name == name:
            for run in services.runs.list(owner):
                if not run.is_finished:
                    services.runs.cancel(owner, run.id)
        return real(info, context)

    monkeypatch.setattr(MetricInfo, "compute", compute)
    return begun


def test_the_run_page_names_every_metric_while_it_is_computed(services, owner, dataset_id, all_metrics):
    run = finished(services, owner, dataset_id)
    log = services.runs.progress(owner, run.id).log
    told = [line.message for line in log if line.stage == "evaluating"]
    titles = [info.title for info in list_metrics()]
    assert [message for message in told if message in titles] == titles


def test_cancelling_during_a_metric_stops_the_report_and_keeps_the_table(services, owner, dataset_id, monkeypatch):
    names = list(FEW_METRICS)
    with monkeypatch.context() as patched:
        begun = cancel_at(patched, services, owner, names[1])
        run = finished(services, owner, dataset_id)
    assert begun == names[:2]
    assert (run.status, run.spent) == ("done", True)
    assert run.note == "The evaluation could not be made: the run was cancelled."
    assert {"synthetic.csv", "model.npz"} <= set(files(services, owner, run))
    assert "report.json" not in files(services, owner, run)
    run = again(services, owner, run)
    assert (run.status, run.note, run.error, run.task) == ("done", None, None, "evaluation")
    assert set(services.reports.evaluation(owner, run.id)["metrics"]) == set(names)


@pytest.mark.parametrize("method", ["independent", "mst", "gaussian-copula"])
def test_the_same_rows_give_the_same_report_and_cost_nothing(services, owner, dataset_id, method, all_metrics):
    epsilon = None if method == "gaussian-copula" else 0.5
    run = finished(services, owner, dataset_id, method=method, epsilon=epsilon, target="colour")
    first, before = services.reports.evaluation(owner, run.id), files(services, owner, run)
    spent = services.ledger.summary(owner, dataset_id)
    after = again(services, owner, run)
    assert (after.status, after.note, after.ledger_state) == ("done", None, run.ledger_state)
    second = services.reports.evaluation(owner, run.id)
    if method == "gaussian-copula":  # it keeps no model, so that no further rows can be judged
        first, second = ([part.get("findings") for part in made["metrics"].values()] for made in (first, second))
    assert second == first
    assert services.ledger.summary(owner, dataset_id) == spent
    kept = [kind for kind in before if kind != "report.json"]
    assert [files(services, owner, run)[kind] for kind in kept] == [before[kind] for kind in kept]
    assert files(services, owner, run)["report.json"].created_at > before["report.json"].created_at
    assert [entry.note for entry in services.ledger.entries(owner, dataset_id)] == [""]


def test_a_cancelled_repetition_leaves_everything_as_it_was(services, owner, dataset_id, monkeypatch):
    services.datasets.save_draft(owner, dataset_id, criteria=[IMPOSSIBLE])
    run = finished(services, owner, dataset_id)
    services.release.override(owner, run.id, REASON)
    before = files(services, owner, run)
    with monkeypatch.context() as patched:
        cancel_at(patched, services, owner, FEW_METRICS[0])
        after = again(services, owner, run)
    assert (after.status, after.note) == ("done", "The evaluation could not be made: the run was cancelled.")
    assert files(services, owner, run) == before
    assert after.release.state == "overridden"
    assert after.release.outcomes == services.runs.get(owner, run.id).release.outcomes


def test_a_new_verdict_needs_a_new_override(services, owner, dataset_id):
    services.datasets.save_draft(owner, dataset_id, criteria=[IMPOSSIBLE])
    run = finished(services, owner, dataset_id)
    services.release.override(owner, run.id, REASON)
    assert services.runs.evaluate(owner, run.id).release.state == "waiting"
    do_run(services, run.id, 2)
    assert services.runs.get(owner, run.id).release.state == "closed"
    assert services.release.override(owner, run.id, REASON).state == "overridden"
    actions = [entry.action for entry in services.audit.list(owner)]
    assert actions.count("release.override") == actions.count("run.verdict") == 2
    assert actions.count("run.evaluate") == 1


def test_a_repetition_that_waits_is_cancelled_at_once(services, owner, dataset_id):
    run = finished(services, owner, dataset_id)
    services.runs.evaluate(owner, run.id)
    assert services.runs.progress(owner, run.id).message == "Waiting for a worker"
    cancelled = services.runs.cancel(owner, run.id)
    assert (cancelled.status, cancelled.stage, cancelled.ledger_state) == ("done", "done", "committed")
    assert "the run was cancelled" in cancelled.note
    assert [entry.note for entry in services.ledger.entries(owner, dataset_id)] == [""]
    do_run(services, run.id, cancelled.attempt)
    assert services.runs.get(owner, run.id) == cancelled


@pytest.mark.parametrize("status", ["queued", "running", "stopping"])
@pytest.mark.parametrize("method", ["independent", "gaussian-copula"])
def test_a_worker_that_dies_leaves_a_finished_run(services, owner, dataset_id, status, method):
    run = finished(services, owner, dataset_id, method=method, epsilon=None if method == "gaussian-copula" else 0.5)
    services.runs.evaluate(owner, run.id)
    if status != "queued":
        assert services.results.start_again(Attempt(run.id, 2))
    if status == "stopping":
        services.runs.cancel(owner, run.id)
    settle(services, Attempt(run.id, 2))
    ended = services.runs.get(owner, run.id)
    expected = "The report could not be made again: the run was cancelled." if status == "stopping" else EVALUATION_DIED
    assert (ended.status, ended.note, ended.ledger_state) == ("done", expected, run.ledger_state)
    assert again(services, owner, ended).note is None


def test_a_repetition_that_was_never_queued_is_queued_by_the_sweeper(services, owner, dataset_id, monkeypatch):
    run = finished(services, owner, dataset_id)
    services.runs.evaluate(owner, run.id)
    services.queue.remove(run.id, 2)
    monkeypatch.setattr("workers.sweeper.ENQUEUE_GRACE_SECONDS", -1.0)
    sweep(services)
    assert services.queue.state(run.id, 2).value == "waiting"


def test_the_worker_takes_a_repetition_by_name(services, owner, dataset_id, settings, monkeypatch):
    monkeypatch.setattr("workers.jobs.process_services", lambda: services)
    run = finished(services, owner, dataset_id)
    services.runs.evaluate(owner, run.id)
    with Redis.from_url(settings.redis_url) as connection:
        queue = Queue(settings.queue_name, connection=connection, serializer="json")
        SimpleWorker([queue], connection=connection, serializer="json").work(burst=True)
    ended = services.runs.get(owner, run.id)
    assert (ended.status, ended.attempt, ended.note) == ("done", 2, None)


def test_a_run_that_failed_after_its_table_was_stored_gets_its_report(services, owner, dataset_id):
    run = finished(services, owner, dataset_id)
    with services.database.write() as session:
        rows.move_run(session, run.id, ("done",), status="failed", error="The worker ended.", verdict=None)
    ended = again(services, owner, run)
    assert (ended.status, ended.error, ended.note) == ("done", None, None)


def test_what_cannot_be_reported_on_is_refused(services, owner, stranger, dataset_id):
    waiting = submit(services, owner, dataset_id)
    with pytest.raises(ConflictError, match="finished run"):
        services.runs.evaluate(owner, waiting.id)
    services.runs.cancel(owner, waiting.id)
    with pytest.raises(ConflictError, match="no synthetic table"):
        services.runs.evaluate(owner, waiting.id)
    resumable = submit(services, owner, dataset_id)
    services.ledger.commit(resumable.id)
    services.checkpoints.of(Attempt(resumable.id)).save(b"state")
    services.results.finish(Attempt(resumable.id), "failed", error="The worker ended.")
    with pytest.raises(ConflictError, match="resumed instead"):
        services.runs.evaluate(owner, resumable.id)
    run = finished(services, owner, dataset_id)
    with pytest.raises(NotFoundError):
        services.runs.evaluate(stranger, run.id)
    services.runs.evaluate(owner, run.id)
    with pytest.raises(ConflictError, match="finished run"):
        services.runs.evaluate(owner, run.id)


def test_without_its_model_the_report_is_made_all_the_same(services, owner, dataset_id):
    from app.store.datasets import remove_run_file

    run = finished(services, owner, dataset_id)
    with services.database.write() as session:
        assert remove_run_file(session, run.id, "model.npz")
    assert again(services, owner, run).note is None


def test_a_report_is_asked_for_over_the_api(services, owner, dataset_id):
    run = finished(services, owner, dataset_id)
    headers = {"Authorization": f"Bearer {services.accounts.create_token(owner, 'test')[1]}"}
    with TestClient(create_api(services)) as client:
        asked = client.post(f"/runs/{run.id}/evaluate", headers=headers)
        assert (asked.status_code, asked.json()["task"], asked.json()["attempt"]) == (200, "evaluation", 2)
        assert client.post(f"/runs/{run.id}/evaluate", headers=headers).status_code == 409
