"""Which device a run computes on: one run at a time per GPU, and nobody has to guess which.

A worker looks for GPUs once, and its jobs inherit what it found. A job takes the lock of a GPU before it charges
anything, so a run that waits for one can be cancelled for free; the lock is gone when its process is, however it ends.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from app.logs import get_logger

GPUS_VARIABLE = "STUDIO_GPUS"
VISIBLE_VARIABLE = "CUDA_VISIBLE_DEVICES"
SECONDS_BETWEEN_TRIES = 1.0
SECONDS_TO_LOOK = 120
SIGNS = (Path("/dev/nvidia0"), Path("/dev/kfd"), Path("/dev/dxg"))

WAIT, CPU, OFF = "wait", "cpu", "off"
"""What a run does where every GPU is in use; OFF never uses one."""

_logger = get_logger(__name__)


@dataclass(frozen=True)
class Gpu:
    """One GPU of this machine.

    Args:
        id: the same in every process.
        name: its model.
        visible_as: what `CUDA_VISIBLE_DEVICES` must be for a process to see it alone.
    """

    id: str
    name: str
    visible_as: str


@dataclass(frozen=True)
class Device:
    """What a run computes on.

    Args:
        engine_name: what the engine is told: `cpu`, or `auto`, which takes the one GPU that the process sees.
        title: for people.
    """

    engine_name: str
    title: str


def announce(gpu_choice: str, environment: MutableMapping[str, str] | None = None) -> tuple[Gpu, ...]:
    """Look for GPUs, say in the log what there is, and leave it to the jobs of this worker.

    Args:
        gpu_choice: the setting `GPU`.
        environment: where the jobs find it; the process's own where None.
    """
    target = os.environ if environment is None else environment
    gpus = find_gpus() if gpu_choice != OFF and has_signs() else ()
    target[GPUS_VARIABLE] = json.dumps([asdict(gpu) for gpu in gpus])
    for gpu in gpus:
        _logger.info("worker_device", device=gpu.name, id=gpu.id)
    if not gpus:
        _logger.info("worker_device", device=cpu_title(target))
    return gpus


def has_signs() -> bool:
    """Whether it is worth asking torch for a GPU, which takes seconds."""
    return any(path.exists() for path in SIGNS) or shutil.which("nvidia-smi") is not None


def find_gpus() -> tuple[Gpu, ...]:
    """Every GPU that torch can use here; none where it cannot say."""
    try:
        told = subprocess.run(
            [sys.executable, "-m", "engine.devices"], capture_output=True, timeout=SECONDS_TO_LOOK, check=True
        )
        return tuple(Gpu(**values) for values in json.loads(told.stdout))
    except (OSError, subprocess.SubprocessError, ValueError, TypeError):
        _logger.warning("gpus_unknown")
        return ()


def known_gpus(environment: MutableMapping[str, str] | None = None) -> tuple[Gpu, ...]:
    """What the worker of this process found."""
    source = os.environ if environment is None else environment
    return tuple(Gpu(**values) for values in json.loads(source.get(GPUS_VARIABLE, "[]")))


def cpu_title(environment: MutableMapping[str, str] | None = None) -> str:
    """The processor, with the threads that a run computes with."""
    threads = int((os.environ if environment is None else environment).get("OMP_NUM_THREADS") or os.cpu_count() or 1)
    return f"CPU, {threads} thread{'s' if threads > 1 else ''}"


class DeviceLocks:
    """The GPUs of this machine, each for one run at a time.

    Args:
        folder: of the locks; every worker of this machine has the same.
        gpus: all GPUs.
        environment: where the process reads which GPU it sees; its own where None.
    """

    def __init__(
        self, folder: Path, gpus: tuple[Gpu, ...], environment: MutableMapping[str, str] | None = None
    ) -> None:
        self._folder = folder
        self._gpus = gpus
        self._environment = os.environ if environment is None else environment

    @contextmanager
    def held(self, *, wants_gpu: bool, choice: str, on_wait: Callable[[str], bool]) -> Iterator[Device | None]:
        """A device for as long as the block runs.

        Args:
            wants_gpu: whether the run waits for a GPU; another one takes what is free.
            choice: the setting `GPU`: `wait`, `cpu` or `off`.
            on_wait: called with a sentence before each further try; False where the run is not wanted any more.

        Yields:
            The device; None where the run is not wanted any more.
        """
        if not self._gpus or choice == OFF:
            yield Device("cpu", cpu_title(self._environment))
            return
        while (taken := self._take()) is None:
            if not wants_gpu or choice == CPU:
                with self._seeing(""):
                    yield Device("cpu", f"{cpu_title(self._environment)}; every GPU is in use by another run")
                return
            names = " and ".join(sorted({gpu.name for gpu in self._gpus}))
            if not on_wait(f"Waiting for a GPU: another run is using {names}."):
                yield None
                return
            time.sleep(SECONDS_BETWEEN_TRIES)
        gpu, lock = taken
        try:
            with self._seeing(gpu.visible_as):
                yield Device("auto", gpu.name)
        finally:
            lock.release()

    def _take(self) -> tuple[Gpu, FileLock] | None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for gpu in self._gpus:
            name = "".join(letter if letter.isalnum() or letter == "-" else "_" for letter in gpu.id)
            lock = FileLock(self._folder / f"{name}.lock")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                continue
            return gpu, lock
        return None

    @contextmanager
    def _seeing(self, visible: str) -> Iterator[None]:
        """Let this process see these GPUs only; it has not used any yet."""
        before = self._environment.get(VISIBLE_VARIABLE)
        self._environment[VISIBLE_VARIABLE] = visible
        try:
            yield
        finally:
            if before is None:
                self._environment.pop(VISIBLE_VARIABLE, None)
            else:
                self._environment[VISIBLE_VARIABLE] = before
