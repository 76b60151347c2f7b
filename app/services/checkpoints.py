"""Checkpoints of runs: the state as a stored file that is never handed out, the steps that began in the database.

Both belong to one attempt at a time. An attempt writes files of its own names only, and the database takes its state
or its steps by one conditional UPDATE, so an attempt that was superseded can neither replace a state nor take a step.
"""

from __future__ import annotations

import hashlib

from app.artifacts import FileStore, save_bytes
from app.errors import SupersededError
from app.store import runs as rows
from app.store.models import Run
from app.store.runs import Attempt
from app.store.session import Database
from engine.checkpoints import check_begin

_SLOTS = 2  # the state that counts, and the one that is being written


class RunCheckpoints:
    """The engine's `Checkpoints` for one attempt of a run.

    Args:
        database: where the steps are counted.
        files: where the state lies.
        attempt: who writes.
    """

    def __init__(self, database: Database, files: FileStore, attempt: Attempt) -> None:
        self._database = database
        self._files = files
        self._attempt = attempt

    def load(self) -> bytes | None:
        """The state that any attempt saved last; None where there is none."""
        file_id = self._run().checkpoint_id
        if file_id is None:
            return None
        with self._files.open(file_id) as stream:
            return stream.read()

    def save(self, state: bytes) -> None:
        """Keep a state in the place of the one before.

        Raises:
            SupersededError: another attempt took over, or the run has ended.
        """
        before = self._run().checkpoint_id
        mine = _file_ids(self._attempt)
        file_id = next(candidate for candidate in mine if candidate != before)
        save_bytes(self._files, file_id, state)
        with self._database.write() as session:
            changes = {"checkpoint_id": file_id, "stalled_attempts": 0}
            is_kept = rows.move_attempt(session, self._attempt, rows.AT_WORK, **changes)
        if not is_kept:
            self._files.delete(file_id)
            raise SupersededError
        if before is not None:
            self._files.delete(before)

    def begin(self, steps: int) -> None:
        """Note durably that all steps up to this number count as taken; called before they are.

        Raises:
            SupersededError: another attempt took over, or the run has ended.
            ValueError: more steps are noted already.
        """
        with self._database.write() as session:
            is_begun = rows.begin_steps(session, self._attempt, steps)
            is_mine = is_begun or rows.hold(session, self._attempt)
        if not is_mine:
            raise SupersededError
        check_begin(steps, steps if is_begun else self.begun())

    def begun(self) -> int:
        """Number of steps that count as taken, by whichever attempt; 0 at first."""
        return self._run().steps_begun

    def _run(self) -> Run:
        with self._database.read() as session:
            run = rows.find_run(session, self._attempt.run_id)
        if run is None:
            raise SupersededError
        return run


class CheckpointsService:
    """Used by workers only.

    Args:
        database: where runs are kept.
        files: where states lie.
    """

    def __init__(self, database: Database, files: FileStore) -> None:
        self._database = database
        self._files = files

    def of(self, attempt: Attempt) -> RunCheckpoints:
        """Where an attempt reads and writes."""
        return RunCheckpoints(self._database, self._files, attempt)

    def delete(self, run_id: str) -> None:
        """Remove the state of a run that is done."""
        with self._database.read() as session:
            run = rows.find_run(session, run_id)
        if run is None or run.status != rows.DONE:
            return
        for file_id in checkpoint_files(run):
            self._files.delete(file_id)
        with self._database.write() as session:
            rows.move_run(session, run_id, (rows.DONE,), checkpoint_id=None)


def checkpoint_files(run: Run) -> list[str]:
    """Ids of all files that the attempts of a run may have left, also one that was killed while it wrote."""
    return [file_id for number in range(1, run.attempt + 1) for file_id in _file_ids(Attempt(run.id, number))]


def _file_ids(attempt: Attempt) -> list[str]:
    """The names that an attempt's states may have; nobody else writes to them."""
    return [
        hashlib.sha256(f"checkpoint {attempt.run_id} {attempt.number} {slot}".encode()).hexdigest()[:32]
        for slot in range(_SLOTS)
    ]
