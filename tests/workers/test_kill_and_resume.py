"""kill -9 of a worker in mid-training on real servers: another worker goes on, and the ledger is right to the step.

A further method is one more `Case`: it has to train by steps, keep checkpoints and tell its numbers.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil
import pytest
from redis import Redis
from rq import Queue
from rq.registry import StartedJobRegistry

from app.services.results import Attempt
from app.wiring import build
from tests.app.builders import ready_dataset, submit
from tests.conftest import FAST_BCRYPT_ROUNDS
from tests.tables import SMALL_SCHEMA, small_table
from tests.workers import stepwise

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 120

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@dataclass(frozen=True)
class Case:
    """A method that can be killed and resumed.

    Args:
        method: its name.
        schema: of the table.
        content: the table.
        kill_at: it is killed as soon as its progress says this step.
        command: what starts a worker that knows it.
        environment: further variables of the worker.
        check_steps: looks at the folder of the test, once the run is done.
    """

    method: str
    schema: object
    content: str
    kill_at: int
    command: str = "import sys; from workers.main import main; sys.exit(main())"
    environment: dict = field(default_factory=dict)
    check_steps: Callable = lambda folder: None


def check_stepwise(folder):
    """No step was taken twice, and no more than there are; two processes took them."""
    lines = [line.split() for line in (folder / "steps").read_text().splitlines()]
    steps = [int(step) for _, step in lines]
    assert len(steps) == len(set(steps)) <= stepwise.STEPS
    assert steps == sorted(steps)
    assert steps[-1] == stepwise.STEPS
    assert len({process for process, _ in lines}) == 2


CASES = [
    Case(
        method="stepwise",
        schema=stepwise.SCHEMA,
        content=stepwise.TABLE,
        kill_at=stepwise.STEPS // 3,
        command="import sys; from tests.workers.stepwise_worker import main; sys.exit(main())",
        environment={"STEPWISE_SECONDS": "0.15"},
        check_steps=check_stepwise,
    ),
    Case(
        method="dp-ctgan",
        schema=SMALL_SCHEMA,
        content=small_table(2000).to_csv(index=False),
        kill_at=50,
    ),
]


@pytest.fixture(autouse=True)
def method():
    with stepwise.registered():
        yield


@pytest.fixture
def services(settings, make_postgres_database):
    built = build(replace(settings, database_url=make_postgres_database()), password_rounds=FAST_BCRYPT_ROUNDS)
    built.database.migrate()
    yield built
    built.close()


@contextmanager
def worker(services, case, folder):
    """A worker process on the test's servers; it and its jobs are gone after the block."""
    settings = services.settings
    environment = os.environ | {
        "DATA_DIR": str(settings.data_dir),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "WORKER_THREADS": "1",
        "PYTHONPATH": str(ROOT),
        "STEPWISE_JOURNAL": str(folder / "steps"),
        **case.environment,
    }
    with (folder / "worker.log").open("ab") as log:
        process = subprocess.Popen([sys.executable, "-c", case.command], cwd=ROOT, env=environment, stderr=log)
    try:
        yield process
    finally:
        kill_all(process)


def kill_all(process):
    """SIGKILL for a worker and every process that it started, at once, as when a machine is lost."""
    try:
        root = psutil.Process(process.pid)
        family = [*root.children(recursive=True), root]
    except psutil.NoSuchProcess:
        family = []
    for member in family:
        member.send_signal(signal.SIGKILL)
    process.wait(20)
    psutil.wait_procs(family, timeout=20)


def let_heartbeats_expire(settings):
    """As if more than a minute had passed since the worker was last heard of."""
    with Redis.from_url(settings.redis_url) as connection:
        queue = Queue(settings.queue_name, connection=connection, serializer="json")
        key = StartedJobRegistry(queue=queue, serializer="json").key
        started = connection.zrange(key, 0, -1)
        assert len(started) == 1
        connection.zadd(key, dict.fromkeys(started, 1.0))


def wait_for(condition, what, folder):
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen: {(folder / 'worker.log').read_text()[-3000:]}"
        time.sleep(0.1)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.method)
def test_a_killed_worker_is_followed_by_another_one(services, owner, tmp_path, case):
    dataset_id = ready_dataset(services, owner, cap=1.0, schema=case.schema, content=case.content)
    run = submit(services, owner, dataset_id, epsilon=0.5, method=case.method, n_rows=50)

    def step():
        training = services.runs.progress(owner, run.id).training
        return training[-1].step if training else 0

    with worker(services, case, tmp_path) as process:
        wait_for(lambda: step() >= case.kill_at, "the training", tmp_path)
        kill_all(process)
    at_death = services.runs.get(owner, run.id)
    assert (at_death.status, at_death.attempt) == ("running", 1)
    ledger = services.ledger.entries(owner, dataset_id)
    assert [entry.state for entry in ledger] == ["committed"]
    begun = services.checkpoints.of(Attempt(run.id)).begun()
    assert begun >= case.kill_at
    let_heartbeats_expire(services.settings)
    with worker(services, case, tmp_path):
        wait_for(lambda: services.runs.get(owner, run.id).is_finished, "the end", tmp_path)
    done = services.runs.get(owner, run.id)
    assert (done.status, done.error, done.note, done.attempt) == ("done", None, None, 2)
    assert services.ledger.entries(owner, dataset_id) == ledger
    last = services.runs.progress(owner, run.id).training[-1]
    assert begun <= last.step == last.steps
    assert len(services.reports.preview(owner, run.id, 100)) == 50
    case.check_steps(tmp_path)
