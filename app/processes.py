"""Child processes that are started again when they die, and all end with their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from app.logs import get_logger

SECONDS_BETWEEN_LOOKS = 1.0
SECONDS_BEFORE_RESTART = 3.0
SECONDS_TO_END = 5.0

_logger = get_logger(__name__)


@dataclass(frozen=True)
class Child:
    """One child process.

    Args:
        name: for the log.
        command: program and arguments.
        cwd: folder to run in.
    """

    name: str
    command: tuple[str, ...]
    cwd: Path


class Supervisor:
    """Starts children, restarts those that die, stops all."""

    def __init__(self) -> None:
        self._running: list[tuple[Child, subprocess.Popen[bytes]]] = []
        self._stopping = threading.Event()
        self._lock = threading.Lock()

    def start(self, child: Child) -> subprocess.Popen[bytes]:
        """Start a child in a session of its own, so that Ctrl+C reaches the parent only."""
        process = subprocess.Popen(child.command, cwd=child.cwd, start_new_session=True)
        with self._lock:
            self._running.append((child, process))
        _logger.info("child_started", name=child.name, pid=process.pid)
        return process

    def watch(self) -> None:
        """Restart children that die, from now on."""
        threading.Thread(target=self._watch, name="supervisor", daemon=True).start()

    def stop(self) -> None:
        """End all children, the last one started first; a run at work is killed and its charge stays."""
        self._stopping.set()
        with self._lock:
            running = list(reversed(self._running))
            self._running.clear()
        for child, process in running:
            _stop(process)
            _logger.info("child_stopped", name=child.name)

    def _watch(self) -> None:
        while not self._stopping.wait(SECONDS_BETWEEN_LOOKS):
            with self._lock:
                dead = [(child, process) for child, process in self._running if process.poll() is not None]
                self._running = [pair for pair in self._running if pair not in dead]
            for child, process in dead:
                _logger.error("child_died", name=child.name, status=process.returncode)
                if not self._stopping.wait(SECONDS_BEFORE_RESTART):
                    self.start(child)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask twice, since a worker first waits for its job, then kill what is left of its group."""
    for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            break
        process.send_signal(number)
        _wait(process, SECONDS_TO_END)
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    end = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
