"""A real worker process, with a real process per job: work, stop, and sudden death."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from sqlalchemy import make_url

from tests.app.builders import ready_dataset, submit

ROOT = Path(__file__).resolve().parents[2]
SLOW_TABLE = "age,colour\n" + "".join(f"{row % 90},blue\n" for row in range(400_000))
SECONDS = 60

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture
def worker(settings):
    """`python -m workers.main` on the test's application."""
    environment = os.environ | {
        "DATA_DIR": str(settings.data_dir),
        "REDIS_URL": settings.redis_url,
        "WORKER_THREADS": "1",
        "LOG_FORMAT": "json",
        "CANCEL_GRACE_SECONDS": "1",
        "PYTHONPATH": str(ROOT),
    }
    log = settings.data_dir / "worker.log"
    with log.open("wb") as stream:
        process = subprocess.Popen([sys.executable, "-m", "workers.main"], cwd=ROOT, env=environment, stderr=stream)
        yield process
        for _ in range(2):
            if process.poll() is None:
                process.terminate()
                time.sleep(0.3)
        process.wait(20)


def wait_for(condition, what):
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen"
        time.sleep(0.1)


def job_process(worker):
    children = psutil.Process(worker.pid).children()
    return children[0] if children else None


def status(services, owner, run):
    return services.runs.get(owner, run.id).status


def test_a_worker_process_does_the_whole_line(services, owner, worker):
    dataset_id = ready_dataset(services, owner)
    run = submit(services, owner, dataset_id, n_rows=25)
    wait_for(lambda: services.runs.get(owner, run.id).is_finished, "the run")
    done = services.runs.get(owner, run.id)
    assert (done.status, done.note) == ("done", None)
    assert '"event": "worker_device"' in (services.settings.data_dir / "worker.log").read_text()
    log = [line.message for line in services.runs.progress(owner, run.id).log]
    assert [message for message in log if message.startswith("Computing on ")]
    assert len(services.reports.preview(owner, run.id)) == 25
    wait_for(lambda: services.queue.worker_count() == 1, "the worker's registration")


def test_a_killed_job_process_stays_charged(services, owner, worker):
    dataset_id = ready_dataset(services, owner, content=SLOW_TABLE)
    run = submit(services, owner, dataset_id)
    wait_for(lambda: status(services, owner, run) == "running", "the start")
    job_process(worker).kill()
    wait_for(lambda: status(services, owner, run) == "failed", "the notice of death")
    ended = services.runs.get(owner, run.id)
    assert ended.spent
    assert "stays charged" in ended.error
    assert worker.poll() is None


def test_a_run_at_work_can_be_cancelled(services, owner, worker):
    dataset_id = ready_dataset(services, owner, content=SLOW_TABLE)
    run = submit(services, owner, dataset_id)
    wait_for(lambda: status(services, owner, run) == "running", "the start")
    services.runs.cancel(owner, run.id)
    wait_for(lambda: status(services, owner, run) == "cancelled", "the end")
    assert services.runs.get(owner, run.id).spent


def freeze(process, database_url):
    """Stop a process where it does not hold the database's write lock, on which all others would wait."""
    for _ in range(100):
        os.kill(process.pid, signal.SIGSTOP)
        connection = sqlite3.connect(make_url(database_url).database, timeout=0.1, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            os.kill(process.pid, signal.SIGCONT)
            time.sleep(0.02)
        else:
            return
        finally:
            connection.close()
    raise AssertionError("the process always holds the write lock")


def test_a_run_that_hangs_is_killed_by_the_sweeper_after_its_grace(services, settings, owner, worker):
    dataset_id = ready_dataset(services, owner, content=SLOW_TABLE)
    run = submit(services, owner, dataset_id)
    wait_for(lambda: status(services, owner, run) == "running", "the start")
    hung = job_process(worker)
    freeze(hung, settings.database_url)
    services.runs.cancel(owner, run.id)
    wait_for(lambda: status(services, owner, run) == "cancelled", "the kill")
    wait_for(lambda: not hung.is_running(), "the death of the job's process")
    assert services.runs.get(owner, run.id).spent


def test_computing_threads_reach_the_job_before_numpy(services, owner, worker):
    dataset_id = ready_dataset(services, owner, content=SLOW_TABLE)
    run = submit(services, owner, dataset_id)
    wait_for(lambda: job_process(worker) is not None, "the job's process")
    assert job_process(worker).environ()["OMP_NUM_THREADS"] == "1"
    services.runs.cancel(owner, run.id)


def test_without_redis_a_worker_says_what_is_missing(tmp_path):
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "REDIS_URL": ""}
    ended = subprocess.run(
        [sys.executable, "-m", "workers.main"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30
    )
    assert ended.returncode == 2
    assert ended.stderr == "REDIS_URL is needed: a worker has no queue without it\n"
