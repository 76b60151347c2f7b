"""The job: charge first, then read; what fails, what is kept, what is never written down."""

import itertools
import sqlite3
from dataclasses import replace

import pytest
from redis import Redis
from rq import Queue, SimpleWorker

from app.errors import AlreadyCommittedError, UnavailableError
from app.queueing import JobState
from app.services.results import Attempt
from engine.data.schema import Field, FieldType, TableSchema
from engine.errors import PlanError
from engine.progress import ProgressEvent
from tests.app.builders import ready_dataset, submit
from workers.failures import RedactedJobError
from workers.jobs import PRICE_CHANGED, do_run
from workers.reporting_progress import RunProgress

MARKER = "Zebulon-Quux-493"

RELEASABLE = {
    "synthetic.csv",
    "synthetic_raw.csv",
    "synthetic.parquet",
    "certificate.json",
    "model.npz",
    "released_report.json",
}


@pytest.fixture
def dataset_id(services, owner):
    return ready_dataset(services, owner, cap=1.0)


def engine_fails(monkeypatch, error):
    def synthesize(*args, **options):
        raise error

    monkeypatch.setattr("engine.pipeline.synthesize", synthesize)


def test_a_run_makes_every_file(services, owner, dataset_id):
    run = submit(services, owner, dataset_id, epsilon=0.5, n_rows=40)
    do_run(services, run.id)
    run = services.runs.get(owner, run.id)
    assert (run.status, run.error, run.note, run.spent) == ("done", None, None, True)
    files = {file.kind: file for file in services.reports.list_artifacts(owner, run.id)}
    assert set(files) == RELEASABLE | {"report.json"}
    assert {kind for kind, file in files.items() if file.classification == "releasable"} >= RELEASABLE
    assert files["report.json"].classification == "internal"
    assert len(services.reports.preview(owner, run.id)) == 40


def test_a_part_of_the_charge_buys_a_releasable_report(services, owner, dataset_id):
    run = submit(services, owner, dataset_id, epsilon=0.9, target="colour", evaluation_share=0.2)
    do_run(services, run.id)
    report = services.reports.released_report(owner, run.id)
    assert (report["classification"], report["evaluation_share"]) == ("releasable", 0.2)
    assert report["metrics"]["noisy-distances"]["findings"]
    assert "was set aside" not in str(report["metrics"]["noisy-utility"])
    certificate = services.reports.certificate(owner, run.id)
    paid = {event["mechanism"] for event in certificate["events"] if "releasable report" in event["purpose"]}
    assert paid == {"noisy_distance", "scored_histogram"}
    assert certificate["privacy"]["epsilon"] <= services.ledger.entries(owner, dataset_id)[0].epsilon


def test_the_certificate_says_what_the_ledger_charged(services, owner, dataset_id):
    run = submit(services, owner, dataset_id, epsilon=0.5)
    do_run(services, run.id)
    certificate = services.reports.certificate(owner, run.id)
    entry = services.ledger.entries(owner, dataset_id)[0]
    assert certificate["privacy"]["epsilon"] <= entry.epsilon
    assert certificate["privacy"]["target_epsilon"] == 0.5
    assert services.ledger.summary(owner, dataset_id).epsilon_spent == pytest.approx(0.5, abs=1e-5)


def test_the_charge_comes_before_the_first_row_is_read(services, owner, dataset_id, monkeypatch):
    seen = []
    read = services.datasets.source_path

    def source_path(key):
        seen.append(services.ledger.entries(owner, dataset_id)[0].state)
        return read(key)

    monkeypatch.setattr(services.datasets, "source_path", source_path)
    do_run(services, submit(services, owner, dataset_id).id)
    assert seen == ["committed"]


def test_the_same_job_twice_spends_once(services, owner, dataset_id):
    run = submit(services, owner, dataset_id)
    do_run(services, run.id)
    files = services.reports.list_artifacts(owner, run.id)
    do_run(services, run.id)
    assert services.reports.list_artifacts(owner, run.id) == files
    assert services.ledger.summary(owner, dataset_id).n_entries == 1
    with pytest.raises(AlreadyCommittedError):
        services.ledger.commit(run.id)


def test_a_plan_whose_price_has_changed_is_given_back_unread(services, owner, dataset_id, monkeypatch):
    import engine.privacy.price

    real = engine.privacy.price.price_plan
    run = submit(services, owner, dataset_id)
    dearer = replace(
        real(services.results.load(Attempt(run.id)).plan), event={"type": "GaussianDpEvent", "noise_multiplier": 1.0}
    )
    monkeypatch.setattr(engine.privacy.price, "price_plan", lambda plan: dearer)
    monkeypatch.setattr(services.datasets, "source_path", lambda key: pytest.fail("a row was read"))
    do_run(services, run.id)
    run = services.runs.get(owner, run.id)
    assert (run.status, run.ledger_state, run.error) == ("failed", "released", PRICE_CHANGED)


def test_a_cancelled_run_is_left_alone_by_its_job(services, owner, dataset_id):
    run = submit(services, owner, dataset_id)
    services.runs.cancel(owner, run.id)
    do_run(services, run.id)
    assert services.runs.get(owner, run.id).status == "cancelled"
    assert services.reports.list_artifacts(owner, run.id) == []


def test_a_known_failure_is_told_and_charged(services, owner, dataset_id, monkeypatch):
    engine_fails(monkeypatch, PlanError("the range does not rise above the noise"))
    run = submit(services, owner, dataset_id)
    do_run(services, run.id)
    run = services.runs.get(owner, run.id)
    assert (run.status, run.error) == ("failed", "The range does not rise above the noise.")
    assert run.spent
    assert "stays charged" in services.ledger.entries(owner, dataset_id)[0].note
    with pytest.raises(UnavailableError, match="does not rise"):
        services.reports.certificate(owner, run.id)


def test_too_little_memory_is_said_so(services, owner, dataset_id, monkeypatch):
    engine_fails(monkeypatch, MemoryError())
    run = submit(services, owner, dataset_id)
    do_run(services, run.id)
    assert "memory" in services.runs.get(owner, run.id).error


def test_an_unexpected_failure_leaves_without_its_message(services, owner, dataset_id, monkeypatch):
    engine_fails(monkeypatch, ValueError(f"could not convert {MARKER}"))
    run = submit(services, owner, dataset_id)
    with pytest.raises(RedactedJobError) as raised:
        do_run(services, run.id)
    assert str(raised.value).startswith("ValueError at ")
    assert raised.value.__context__ is None
    assert raised.value.__cause__ is None
    assert MARKER not in services.runs.get(owner, run.id).error


def test_a_failing_report_does_not_lose_the_synthetic_table(services, owner, dataset_id, monkeypatch):
    def fail(*args, **options):
        raise ValueError(MARKER)

    monkeypatch.setattr("engine.evaluation.evaluate.evaluate", fail)
    run = submit(services, owner, dataset_id)
    do_run(services, run.id)
    run = services.runs.get(owner, run.id)
    assert run.status == "done"
    assert "could not be made" in run.note
    assert MARKER not in run.note
    assert {file.kind for file in services.reports.list_artifacts(owner, run.id)} >= RELEASABLE


def test_a_cancelled_run_stops_and_keeps_its_charge(services, owner, dataset_id, monkeypatch):
    import engine.pipeline

    real = engine.pipeline.synthesize

    def synthesize(table, plan, **options):
        services.runs.cancel(owner, run.id)
        return real(table, plan, **options)

    monkeypatch.setattr(engine.pipeline, "synthesize", synthesize)
    run = submit(services, owner, dataset_id)
    do_run(services, run.id)
    ended = services.runs.get(owner, run.id)
    assert (ended.status, ended.spent) == ("cancelled", True)
    assert "stays charged" in services.ledger.entries(owner, dataset_id)[0].note
    assert services.reports.list_artifacts(owner, run.id) == []


def test_a_run_cancelled_during_its_report_keeps_what_was_paid_for(services, owner, dataset_id, monkeypatch):
    import engine.evaluation.evaluate

    real = engine.evaluation.evaluate.evaluate

    def evaluate(*tables, **options):
        services.runs.cancel(owner, run.id)
        options["progress"](ProgressEvent("comparing", 0.0, "Comparing"))
        return real(*tables, **options)

    monkeypatch.setattr(engine.evaluation.evaluate, "evaluate", evaluate)
    run = submit(services, owner, dataset_id)
    do_run(services, run.id)
    ended = services.runs.get(owner, run.id)
    assert (ended.status, ended.note) == ("done", "The evaluation could not be made: the run was cancelled.")
    assert {file.kind for file in services.reports.list_artifacts(owner, run.id)} == RELEASABLE


def test_formulas_are_neutralised_in_the_csv_and_kept_in_the_raw_one(services, owner):
    schema = TableSchema((Field("note", FieldType.STRING, enum=("=1+1", "@x"), required=True),))
    dataset_id = ready_dataset(services, owner, schema=schema, content="note\n" + "=1+1\n@x\n" * 50)
    run = submit(services, owner, dataset_id, n_rows=20)
    do_run(services, run.id)
    safe = services.reports.open_artifact(owner, run.id, "synthetic.csv").read().decode()
    raw = services.reports.open_artifact(owner, run.id, "synthetic_raw.csv").read().decode()
    assert not [line for line in safe.splitlines()[1:] if line.strip('"').startswith(("=", "@"))]
    assert [line for line in raw.splitlines()[1:] if line.startswith(("=", "@"))]


def test_progress_is_kept_in_the_queue(services, owner, dataset_id):
    run = submit(services, owner, dataset_id)
    assert services.runs.progress(owner, run.id).message == "Waiting for a worker"
    do_run(services, run.id)
    progress = services.runs.progress(owner, run.id)
    assert (progress.stage, progress.fraction, progress.message) == ("done", 1.0, "Done")
    stages = [line.stage for line in progress.log]
    assert [stage for stage in ("checking", "measuring", "sampling", "writing") if stage not in stages] == []
    assert progress.log[0].at <= progress.log[-1].at


def test_a_run_that_needs_too_much_memory_is_released_before_a_row_is_read(services, owner, dataset_id, monkeypatch):
    run = submit(services, owner, dataset_id)
    monkeypatch.setattr("engine.resources.available_memory", lambda: 2**20)
    monkeypatch.setattr("engine.data.ingest.read_table", lambda *args, **options: pytest.fail("the table was read"))
    do_run(services, run.id)
    run = services.runs.get(owner, run.id)
    assert (run.status, run.ledger_state, run.spent) == ("failed", "released", False)
    assert "of memory" in run.error
    assert services.ledger.entries(owner, dataset_id)[0].note.endswith("Not charged.")
    assert services.ledger.summary(owner, dataset_id).epsilon_left == 1.0


def test_no_step_is_lost_between_two_writes(services, owner, dataset_id):
    run = submit(services, owner, dataset_id)
    services.ledger.commit(run.id)
    callback = RunProgress(services, Attempt(run.id)).part(0.0, 1.0)
    for number in range(5):
        callback(ProgressEvent("measuring", 0.1 * number, f"Round {number}"))
        callback(ProgressEvent("measuring", 0.1 * number, f"Round {number}"))
    callback(ProgressEvent("fitting", 0.9, "Fitting"))
    log = services.runs.progress(owner, run.id).log
    assert [line.message for line in log] == [*(f"Round {number}" for number in range(5)), "Fitting"]
    assert [line.stage for line in log] == ["measuring"] * 5 + ["fitting"]
    assert all(first.at <= second.at for first, second in itertools.pairwise(log))


def column_with_marker():
    """A private table in which one cell cannot be a number, and the schema that makes reading fail."""
    schema = TableSchema((Field("age", FieldType.INTEGER, minimum=0, maximum=99),))
    return schema, f"age\n1\n{MARKER}\n3\n"


def everything_in_redis(url):
    with Redis.from_url(url) as connection:
        for key in connection.scan_iter():
            kind = connection.type(key)
            yield key
            if kind == b"hash":
                yield from (part for pair in connection.hgetall(key).items() for part in pair)
            elif kind == b"stream":
                yield repr(connection.xrange(key)).encode()
            elif kind == b"string":
                yield connection.get(key)
            elif kind == b"zset":
                yield from connection.zrange(key, 0, -1)


@pytest.mark.parametrize("failing", ["read", "engine"])
def test_no_cell_value_is_left_in_redis_database_or_log(services, owner, settings, monkeypatch, caplog, capfd, failing):
    monkeypatch.setattr("workers.jobs.process_services", lambda: services)
    if failing == "read":
        schema, content = column_with_marker()
        dataset_id = ready_dataset(services, owner, schema=schema, content="age\n1\n2\n3\n")
        with services.datasets.source_path(dataset_id) as path:
            path.write_text(content)
    else:
        dataset_id = ready_dataset(services, owner)
        engine_fails(monkeypatch, ValueError(f"cell {MARKER} is odd"))
    run = submit(services, owner, dataset_id)
    with Redis.from_url(settings.redis_url) as connection:
        queue = Queue(settings.queue_name, connection=connection, serializer="json")
        SimpleWorker([queue], connection=connection, serializer="json").work(burst=True)
    assert services.runs.get(owner, run.id).status == "failed"
    found = list(everything_in_redis(settings.redis_url))
    assert any(run.id.encode() in part for part in found)
    assert not [part for part in found if MARKER.encode() in part]
    with sqlite3.connect(settings.data_dir / "studio.sqlite3") as connection:
        dump = "\n".join(connection.iterdump())
    connection.close()
    assert run.id in dump
    assert MARKER not in dump
    out, err = capfd.readouterr()
    assert MARKER not in caplog.text + out + err


def test_the_worker_takes_the_job_by_name(services, owner, dataset_id, settings, monkeypatch):
    monkeypatch.setattr("workers.jobs.process_services", lambda: services)
    run = submit(services, owner, dataset_id)
    assert services.queue.state(run.id) is JobState.WAITING
    with Redis.from_url(settings.redis_url) as connection:
        queue = Queue(settings.queue_name, connection=connection, serializer="json")
        SimpleWorker([queue], connection=connection, serializer="json").work(burst=True)
    assert services.queue.state(run.id) is JobState.FINISHED
    assert services.runs.get(owner, run.id).status == "done"
