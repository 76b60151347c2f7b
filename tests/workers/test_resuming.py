"""A run that goes on: from its checkpoint, without a second charge, with the same rows, one attempt at a time."""

from dataclasses import replace

import pytest

from app.artifacts import BucketStore
from app.errors import ConflictError, NotFoundError, SupersededError
from app.queueing import JobState, job_id
from app.services import reports
from app.services.results import Attempt
from app.wiring import build
from engine.errors import CancelledError
from tests.app.builders import ready_dataset, submit
from tests.workers import stepwise
from workers.jobs import PRICE_CHANGED, do_run
from workers.reporting_progress import RunProgress
from workers.sweeper import DIED, GOES_ON, MOST_STALLED_ATTEMPTS, STALLED, sweep


class DeathError(BaseException):
    """The process ends at once: nothing after it is done."""


@pytest.fixture(autouse=True)
def method():
    with stepwise.registered():
        yield


@pytest.fixture
def dataset_id(services, owner):
    dataset_id = ready_dataset(services, owner, cap=1.0, schema=stepwise.SCHEMA, content=stepwise.TABLE)
    services.datasets.save_draft(owner, dataset_id, method="stepwise", epsilon=0.5, holdout_share=0.2)
    return dataset_id


@pytest.fixture
def steps(monkeypatch):
    """Numbers of the steps that all attempts took, in order; what is put into `then` happens at its step."""
    taken = []
    taken_then = {}

    def note_step(step):
        taken.append(step)
        if step in taken_then:
            taken_then.pop(step)()

    monkeypatch.setattr(stepwise, "note_step", note_step)
    note_step.taken, note_step.then = taken, taken_then
    return note_step


def die():
    raise DeathError


def killed_run(services, owner, dataset_id, steps, at_step):
    """A run whose process is killed in mid-training; RQ has noticed."""
    run = submit(services, owner, dataset_id, epsilon=0.5, n_rows=40)
    steps.then[at_step] = die
    with pytest.raises(DeathError):
        do_run(services, run.id)
    services.queue.remove(run.id)
    return run.id


def ledger_of(services, owner, dataset_id):
    return services.ledger.entries(owner, dataset_id)


def test_a_killed_run_goes_on_and_is_charged_once(services, owner, dataset_id, steps):
    run_id = killed_run(services, owner, dataset_id, steps, at_step=22)
    before = ledger_of(services, owner, dataset_id)
    assert [entry.state for entry in before] == ["committed"]
    sweep(services)
    waiting = services.runs.get(owner, run_id)
    assert (waiting.status, waiting.attempt, waiting.spent) == ("queued", 2, True)
    assert services.queue.state(run_id, 2) is JobState.WAITING
    assert services.runs.progress(owner, run_id).message == "Waiting for a worker, to go on from the last checkpoint"
    do_run(services, run_id, 2)
    done = services.runs.get(owner, run_id)
    assert (done.status, done.error, done.note) == ("done", None, None)
    assert ledger_of(services, owner, dataset_id) == before
    # Steps 21 to 24 had begun when the process died at 22, so they count as taken and are not taken again.
    assert steps.taken == [*range(1, 23), *range(25, stepwise.STEPS + 1)]
    assert GOES_ON in [line.message for line in services.runs.progress(owner, run_id).log]
    assert services.reports.certificate(owner, run_id)["privacy"]["epsilon"] <= 0.5


def test_every_attempt_learns_from_the_same_rows(services, owner, dataset_id, steps, monkeypatch):
    import workers.tables

    seen = []
    real = workers.tables.read_tables

    def read_tables(*arguments):
        tables = real(*arguments)
        seen.append(tables.held_out)
        return tables

    monkeypatch.setattr(workers.tables, "read_tables", read_tables)
    run_id = killed_run(services, owner, dataset_id, steps, at_step=6)
    sweep(services)
    do_run(services, run_id, 2)
    other = submit(services, owner, dataset_id, epsilon=0.1)
    do_run(services, other.id)
    assert (seen[0] == seen[1]).all()
    assert 0 < seen[0].sum() < 150
    assert (seen[0] != seen[2]).any()


def test_a_run_without_a_checkpoint_ends(services, owner, dataset_id):
    run = submit(services, owner, dataset_id, method="independent")
    services.ledger.commit(run.id)
    services.queue.remove(run.id)
    sweep(services)
    ended = services.runs.get(owner, run.id)
    assert (ended.status, ended.error, ended.spent, ended.can_resume) == ("failed", DIED, True, False)
    with pytest.raises(ConflictError, match="cannot go on"):
        services.runs.resume(owner, run.id)


def test_attempts_that_get_nowhere_end_with_a_clear_sentence(services, owner, dataset_id, steps):
    run_id = killed_run(services, owner, dataset_id, steps, at_step=2)
    for attempt in range(2, MOST_STALLED_ATTEMPTS + 1):
        sweep(services)
        begun = services.checkpoints.of(Attempt(run_id, attempt)).begun()
        steps.then[begun + 1] = die
        with pytest.raises(DeathError):
            do_run(services, run_id, attempt)
        services.queue.remove(run_id, attempt)
    sweep(services)
    ended = services.runs.get(owner, run_id)
    assert (ended.status, ended.error, ended.spent, ended.can_resume) == ("failed", STALLED, True, True)
    services.runs.resume(owner, run_id)
    do_run(services, run_id, MOST_STALLED_ATTEMPTS + 1)
    assert services.runs.get(owner, run_id).status == "done"
    assert len(steps.taken) == len(set(steps.taken)) <= stepwise.STEPS


def test_a_new_checkpoint_allows_further_attempts(services, owner, dataset_id, steps):
    run_id = killed_run(services, owner, dataset_id, steps, at_step=2)
    for attempt in range(2, MOST_STALLED_ATTEMPTS + 3):
        sweep(services)
        assert services.runs.get(owner, run_id).attempt == attempt
        begun = services.checkpoints.of(Attempt(run_id, attempt)).begun()
        steps.then[begun + stepwise.STEPS_AT_A_TIME + 1] = die
        with pytest.raises(DeathError):
            do_run(services, run_id, attempt)
        services.queue.remove(run_id, attempt)
    assert services.runs.get(owner, run_id).status == "running"


def cancelled_run(services, owner, dataset_id, steps):
    run = submit(services, owner, dataset_id, epsilon=0.5, n_rows=40)

    def cancel():
        services.runs.cancel(owner, run.id)
        raise CancelledError("the run was cancelled")

    steps.then[15] = cancel
    do_run(services, run.id)
    return services.runs.get(owner, run.id)


def test_a_cancelled_run_is_resumed_by_its_owner(services, owner, stranger, dataset_id, steps):
    cancelled = cancelled_run(services, owner, dataset_id, steps)
    assert (cancelled.status, cancelled.spent, cancelled.can_resume) == ("cancelled", True, True)
    before = ledger_of(services, owner, dataset_id)
    with pytest.raises(NotFoundError):
        services.runs.resume(stranger, cancelled.id)
    resumed = services.runs.resume(owner, cancelled.id)
    assert (resumed.status, resumed.error, resumed.finished_at) == ("queued", None, None)
    assert ledger_of(services, owner, dataset_id) == before
    assert services.audit.list(owner)[0].action == "run.resume"
    with pytest.raises(ConflictError):
        services.runs.resume(owner, cancelled.id)
    do_run(services, cancelled.id, 2)
    assert services.runs.get(owner, cancelled.id).status == "done"
    after = ledger_of(services, owner, dataset_id)
    assert after == [replace(before[0], note="")], "only the remark that it was cancelled is gone"
    assert len(steps.taken) == len(set(steps.taken)) <= stepwise.STEPS


def test_a_run_that_waits_to_go_on_is_cancelled_at_once_and_stays_charged(services, owner, dataset_id, steps):
    run_id = killed_run(services, owner, dataset_id, steps, at_step=9)
    sweep(services)
    cancelled = services.runs.cancel(owner, run_id)
    assert (cancelled.status, cancelled.spent, cancelled.can_resume) == ("cancelled", True, True)
    assert services.queue.state(run_id, 2) is JobState.MISSING
    do_run(services, run_id, 2)
    assert services.runs.get(owner, run_id).status == "cancelled"


def test_a_resumed_run_reaches_the_queue_later_where_that_is_away(services, owner, dataset_id, steps, monkeypatch):
    from app.errors import QueueUnavailableError

    def away(*arguments):
        raise QueueUnavailableError

    cancelled = cancelled_run(services, owner, dataset_id, steps)
    with monkeypatch.context() as patch:
        patch.setattr(services.queue, "enqueue", away)
        assert services.runs.resume(owner, cancelled.id).status == "queued"
    monkeypatch.setattr("workers.sweeper.ENQUEUE_GRACE_SECONDS", -1.0)
    sweep(services)
    assert services.queue.state(cancelled.id, 2) is JobState.WAITING


def test_two_attempts_alive_and_only_the_later_one_writes(services, owner, dataset_id, steps, tmp_path):
    run_id = killed_run(services, owner, dataset_id, steps, at_step=9)
    sweep(services)
    old, new = Attempt(run_id, 1), Attempt(run_id, 2)
    assert services.results.start_again(new)
    (tmp_path / "file").write_bytes(b"old")
    stale, current = services.checkpoints.of(old), services.checkpoints.of(new)
    kept = current.load()
    for write in (
        lambda: stale.save(b"old"),
        lambda: stale.begin(40),
        lambda: services.results.save_file(old, reports.SYNTHETIC_CSV, tmp_path / "file", reports.RELEASABLE),
        lambda: RunProgress(services, old).report("fitting", 0.5, "old"),
        lambda: services.results.is_cancel_requested(old),
    ):
        with pytest.raises(SupersededError):
            write()
    services.results.set_stage(old, "old")
    for status in ("done", "failed", "cancelled"):
        assert not services.results.finish(old, status)
    assert not services.results.start_again(old)
    assert not services.results.queue_again(old, 1)
    run = services.runs.get(owner, run_id)
    assert (run.status, run.stage == "old", run.attempt) == ("running", False, 2)
    assert (current.load(), current.begun()) == (kept, 12)
    assert services.reports.list_artifacts(owner, run_id) == []
    current.begin(13)
    current.save(b"new")
    assert (current.load(), current.begun(), stale.load()) == (b"new", 13, b"new")


def test_an_old_attempt_that_wakes_up_in_mid_training_harms_nothing(services, owner, dataset_id, steps):
    """The first attempt is only slow: while it sleeps in a step, another one is started and finishes the run."""
    run = submit(services, owner, dataset_id, epsilon=0.5, n_rows=40)

    def taken_over():
        services.queue.remove(run.id)
        sweep(services)
        do_run(services, run.id, 2)

    steps.then[11] = taken_over
    do_run(services, run.id)
    done = services.runs.get(owner, run.id)
    assert (done.status, done.attempt, done.error) == ("done", 2, None)
    assert len(steps.taken) == len(set(steps.taken)) <= stepwise.STEPS
    assert [entry.state for entry in ledger_of(services, owner, dataset_id)] == ["committed"]


def test_files_of_an_attempt_replace_those_of_the_one_before(services, owner, dataset_id, monkeypatch):
    """The first attempt dies after it has stored its files, in the evaluation."""
    import engine.evaluation.evaluate

    run = submit(services, owner, dataset_id, epsilon=0.5, n_rows=40)
    with monkeypatch.context() as patch:
        patch.setattr(engine.evaluation.evaluate, "evaluate", lambda *tables, **options: die())
        with pytest.raises(DeathError):
            do_run(services, run.id)
    early = {file.kind: file for file in services.reports.list_artifacts(owner, run.id)}
    services.queue.remove(run.id)
    sweep(services)
    do_run(services, run.id, 2)
    late = {file.kind: file for file in services.reports.list_artifacts(owner, run.id)}
    assert set(early) < set(late)
    assert len(services.reports.preview(owner, run.id)) == 40
    assert late["synthetic.parquet"].created_at > early["synthetic.parquet"].created_at
    assert stored_files(services) == files_in_database(services)


def stored_files(services):
    return {path.name for path in services.files.folder.rglob("*") if path.is_file()}


def files_in_database(services):
    from app.store.models import Artifact, Run

    with services.database.read() as session:
        listed = {row.id for row in session.query(Artifact)}
        return listed | {row.checkpoint_id for row in session.query(Run) if row.checkpoint_id}


def test_a_checkpoint_is_never_handed_out_and_goes_when_the_run_is_done(services, owner, dataset_id, steps):
    cancelled = cancelled_run(services, owner, dataset_id, steps)
    assert services.reports.list_artifacts(owner, cancelled.id) == []
    for kind in ("checkpoint", "state"):
        with pytest.raises(NotFoundError):
            services.reports.open_artifact(owner, cancelled.id, kind)
    assert len(stored_files(services) - files_of_dataset(services)) == 1
    services.runs.resume(owner, cancelled.id)
    do_run(services, cancelled.id, 2)
    assert not services.runs.get(owner, cancelled.id).can_resume
    assert stored_files(services) == files_in_database(services)
    assert services.checkpoints.of(Attempt(cancelled.id, 2)).load() is None


def files_of_dataset(services):
    from app.store.models import Artifact

    with services.database.read() as session:
        return {row.id for row in session.query(Artifact)}


def test_a_checkpoint_goes_with_its_dataset_even_one_that_was_being_written(services, owner, dataset_id, steps):
    cancelled = cancelled_run(services, owner, dataset_id, steps)
    services.runs.resume(owner, cancelled.id)
    assert services.results.start_again(Attempt(cancelled.id, 2))
    with pytest.MonkeyPatch.context() as patch, pytest.raises(DeathError):
        patch.setattr("app.store.runs.move_attempt", lambda *arguments, **changes: die())
        services.checkpoints.of(Attempt(cancelled.id, 2)).save(b"half way")
    assert services.results.finish(Attempt(cancelled.id, 2), "failed")
    services.datasets.delete(owner, dataset_id)
    assert stored_files(services) == set()


def test_a_new_version_with_another_price_does_not_go_on(services, owner, dataset_id, steps, monkeypatch):
    import engine.privacy.price

    run_id = killed_run(services, owner, dataset_id, steps, at_step=9)
    sweep(services)
    real = engine.privacy.price.price_plan
    event = {"type": "GaussianDpEvent", "noise_multiplier": 1.0}
    monkeypatch.setattr(engine.privacy.price, "price_plan", lambda plan: replace(real(plan), event=event))
    monkeypatch.setattr(services.datasets, "source_path", lambda key: pytest.fail("a row was read"))
    do_run(services, run_id, 2)
    ended = services.runs.get(owner, run_id)
    assert (ended.status, ended.ledger_state) == ("failed", "committed")
    assert ended.error.startswith(PRICE_CHANGED)
    assert "stays charged" in ended.error


def test_a_state_that_is_saved_twice_is_the_later_one(services, owner, dataset_id):
    run = submit(services, owner, dataset_id)
    checkpoints = services.checkpoints.of(Attempt(run.id))
    with pytest.raises(SupersededError):
        checkpoints.save(b"before the charge")
    services.ledger.commit(run.id)
    assert (checkpoints.load(), checkpoints.begun()) == (None, 0)
    for state in (b"one", b"two", b"three"):
        checkpoints.save(state)
        assert checkpoints.load() == state
    checkpoints.begin(5)
    with pytest.raises(ValueError, match="5 steps began already"):
        checkpoints.begin(4)
    assert len(stored_files(services) - files_of_dataset(services)) == 1


@pytest.mark.integration
def test_a_checkpoint_in_a_bucket_is_read_by_another_machine(services, settings, owner, dataset_id, steps, s3_address):
    import boto3

    client = boto3.client("s3", endpoint_url=s3_address)
    client.create_bucket(Bucket="checkpoints")
    machines = [
        build(settings, database=services.database, queue=services.queue, files=BucketStore("checkpoints", s3_address))
        for _ in range(2)
    ]
    dataset_id = ready_dataset(machines[0], owner, cap=1.0, schema=stepwise.SCHEMA, content=stepwise.TABLE)
    machines[0].datasets.save_draft(owner, dataset_id, method="stepwise")
    run_id = killed_run(machines[0], owner, dataset_id, steps, at_step=22)
    before = {item["Key"] for item in client.list_objects_v2(Bucket="checkpoints")["Contents"]}
    sweep(machines[1])
    do_run(machines[1], run_id, 2)
    assert services.runs.get(owner, run_id).status == "done"
    after = {item["Key"] for item in client.list_objects_v2(Bucket="checkpoints")["Contents"]}
    assert len(before - after) == 1, "the checkpoint is gone"
    assert steps.taken == [*range(1, 23), *range(25, stepwise.STEPS + 1)]
    for machine in machines:
        machine.files.close()
    client.close()


def test_names_of_jobs_tell_attempts_apart():
    assert [job_id("a" * 32, attempt) for attempt in (1, 2)] == ["a" * 32, f"{'a' * 32}-2"]
