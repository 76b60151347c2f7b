"""The queue: ids in, states and progress out. Jobs are named by text, so no job code is loaded here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, cast

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.command import send_stop_job_command
from rq.exceptions import DuplicateJobError, InvalidJobOperation, NoSuchJobError
from rq.job import Job, JobStatus
from rq.registry import StartedJobRegistry

from app.errors import QueueUnavailableError

RUN_JOB = "workers.jobs.run_synthesis"
RESULT_SECONDS = 24 * 3600
FAILURE_SECONDS = 7 * 24 * 3600
CONNECT_SECONDS = 3
ANSWER_SECONDS = 10
LOG_LINES = 200


class JobState(StrEnum):
    """What the queue knows of a run's job."""

    MISSING = "missing"
    WAITING = "waiting"
    STARTED = "started"
    FINISHED = "finished"
    BROKEN = "broken"


_STATES = {
    JobStatus.CREATED: JobState.WAITING,
    JobStatus.QUEUED: JobState.WAITING,
    JobStatus.SCHEDULED: JobState.WAITING,
    JobStatus.DEFERRED: JobState.WAITING,
    JobStatus.STARTED: JobState.STARTED,
    JobStatus.FINISHED: JobState.FINISHED,
}


class RunQueue:
    """Runs waiting for a worker.

    Args:
        redis_url: the Redis; nothing is connected before the first call.
        name: the queue's name.
        timeout_seconds: after which a job is stopped.
    """

    def __init__(self, redis_url: str, *, name: str, timeout_seconds: int) -> None:
        self.redis_url = redis_url
        self.name = name
        self.timeout_seconds = timeout_seconds
        self.connection = Redis.from_url(
            redis_url or "redis://127.0.0.1:6379/0",
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=ANSWER_SECONDS,
        )
        self._queue = Queue(name, connection=self.connection, serializer="json")

    def enqueue(self, run_id: str, attempt: int = 1) -> None:
        """Put an attempt of a run into the queue; one that is there already stays there once.

        Raises:
            QueueUnavailableError: Redis does not answer.
        """
        with _translated():
            try:
                self._queue.enqueue_call(
                    RUN_JOB,
                    args=(run_id, attempt),
                    job_id=job_id(run_id, attempt),
                    unique=True,
                    timeout=self.timeout_seconds,
                    result_ttl=RESULT_SECONDS,
                    failure_ttl=FAILURE_SECONDS,
                )
            except DuplicateJobError:
                return

    def remove(self, run_id: str, attempt: int = 1) -> None:
        """Take an attempt out of the queue, where it still is."""
        with _translated():
            job = self._job(run_id, attempt)
            if job is not None:
                job.delete()

    def stop(self, run_id: str, attempt: int = 1) -> None:
        """Make the worker kill a running job, where it still runs."""
        with _translated():
            try:
                send_stop_job_command(self.connection, job_id(run_id, attempt), serializer="json")
            except (NoSuchJobError, InvalidJobOperation):
                return

    def state(self, run_id: str, attempt: int = 1) -> JobState:
        """What became of an attempt's job."""
        with _translated():
            job = self._job(run_id, attempt)
            if job is None:
                return JobState.MISSING
            return _STATES.get(job.get_status(refresh=False), JobState.BROKEN)

    def progress(self, run_id: str) -> dict[str, Any] | None:
        """What was written last: stage, fraction, message, updated_at, log; None before that."""
        with _translated():
            found = cast("bytes | None", self.connection.get(self._key("progress", run_id)))
        return json.loads(found) if found is not None else None

    def save_progress(
        self,
        run_id: str,
        *,
        stage: str,
        fraction: float,
        message: str,
        earlier: Sequence[dict[str, str]] = (),
        is_logged: bool = True,
    ) -> None:
        """Write where a run stands; its log goes on from what earlier attempts wrote.

        Args:
            run_id: the run.
            stage: the stage it is in.
            fraction: share of the run that is done.
            message: a sentence without any cell value.
            earlier: steps since the last write, each with `at`, `stage` and `message`, from `progress_line`.
            is_logged: whether the message becomes a line of the log.
        """
        log = list((self.progress(run_id) or {"log": []})["log"])
        last = progress_line(stage, message)
        for line in (*earlier, last) if is_logged else earlier:
            if not log or line["message"] != log[-1]["message"]:
                log.append(line)
        value = {
            "stage": stage,
            "fraction": fraction,
            "message": message,
            "updated_at": last["at"],
            "log": log[-LOG_LINES:],
        }
        self._write("progress", run_id, value)

    def note(self, run_id: str, message: str) -> None:
        """Add a step to a run's log, from outside of the run.

        Args:
            run_id: the run.
            message: a sentence without any cell value.
        """
        before = self.progress(run_id) or {"stage": "queued", "fraction": 0.0}
        self.save_progress(run_id, stage=before["stage"], fraction=before["fraction"], message=message)

    def training(self, run_id: str) -> list[dict[str, Any]]:
        """Numbers of a run's training, oldest first, thinned; empty where there are none."""
        with _translated():
            found = cast("bytes | None", self.connection.get(self._key("training", run_id)))
        return json.loads(found) if found is not None else []

    def save_training(self, run_id: str, points: Sequence[dict[str, Any]]) -> None:
        """Write the numbers of a run's training, in the place of those before."""
        self._write("training", run_id, list(points))

    def _write(self, kind: str, run_id: str, value: Any) -> None:
        with _translated():
            self.connection.set(self._key(kind, run_id), json.dumps(value), ex=FAILURE_SECONDS)

    def _key(self, kind: str, run_id: str) -> str:
        return f"studio:{self.name}:{kind}:{run_id}"

    def clean_abandoned(self) -> None:
        """Let RQ mark jobs as failed whose worker has not been heard of."""
        with _translated():
            StartedJobRegistry(self.name, connection=self.connection, serializer="json").cleanup()

    def is_reachable(self) -> bool:
        """Whether Redis answers."""
        try:
            return bool(self.connection.ping())
        except RedisError:
            return False

    def worker_count(self) -> int:
        """Number of workers that listen to the queue."""
        with _translated():
            return int(Worker.count(queue=self._queue))

    def close(self) -> None:
        """Close all connections."""
        self.connection.close()

    def _job(self, run_id: str, attempt: int) -> Job | None:
        try:
            return Job.fetch(job_id(run_id, attempt), connection=self.connection, serializer="json")
        except NoSuchJobError:
            return None


def job_id(run_id: str, attempt: int) -> str:
    """Name of the job that is an attempt of a run; each attempt has its own, whatever became of the one before."""
    return run_id if attempt == 1 else f"{run_id}-{attempt}"


def progress_line(stage: str, message: str) -> dict[str, str]:
    """One step of a run's log, of this moment."""
    return {"at": datetime.now(UTC).isoformat(), "stage": stage, "message": message}


def redis_answers(url: str) -> bool:
    """Whether a Redis answers at this address."""
    try:
        with Redis.from_url(url, socket_connect_timeout=CONNECT_SECONDS) as connection:
            return bool(connection.ping())
    except RedisError:
        return False


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except RedisError:
        raise QueueUnavailableError from None
