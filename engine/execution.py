"""Where the work is done: in this process or on a cluster, and in which folder rows may lie while it lasts."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from engine.errors import ExecutionError

SCHEDULER_VARIABLE = "ENGINE_SCHEDULER"
SCRATCH_VARIABLE = "ENGINE_SCRATCH"


@dataclass(frozen=True)
class Execution:
    """Settings of the machine rather than of a run; no output depends on them.

    Args:
        scheduler: address of a Dask scheduler such as `tcp://host:8786`; empty counts in this process.
        scratch: folder for rows that do not fit in memory; the system's temporary folder where None. The workers of
            a cluster must see the same folder.
    """

    scheduler: str = ""
    scratch: Path | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Execution:
        """The settings as the environment states them."""
        values = os.environ if environment is None else environment
        scratch = values.get(SCRATCH_VARIABLE, "").strip()
        return cls(values.get(SCHEDULER_VARIABLE, "").strip(), Path(scratch) if scratch else None)


class ScratchFolder:
    """A folder that only this user may enter (mode 0700), and that goes away with this object.

    It is removed by `close`, when the object is collected, and when the interpreter ends, also by an error. A file
    that nobody else has to see loses its name as soon as it is open, so that even a killed process leaves nothing
    that can be read.

    Args:
        execution: where the folder is made, and whether other processes have to see its files.

    Raises:
        ExecutionError: the folder cannot be made.
    """

    def __init__(self, execution: Execution) -> None:
        made = None
        with suppress(OSError):
            made = tempfile.mkdtemp(prefix="engine-", dir=execution.scratch)
        if made is None:
            raise ExecutionError(f"no folder can be made in the scratch folder: check {SCRATCH_VARIABLE}")
        self.path = Path(made)
        self._shared = bool(execution.scheduler)
        self._files: list[BinaryIO] = []
        self._remove = weakref.finalize(self, _remove, self.path, self._files)

    def open(self, kind: str) -> BinaryIO:
        """A new empty file for writing and reading, closed with the folder; a shared one keeps its path as `name`."""
        path = self.path / f"{kind}-{len(self._files)}"
        file = path.open("x+b")
        if not self._shared:
            path.unlink()
        self._files.append(file)
        return file

    def close(self) -> None:
        """Remove the folder and all that is in it; may be called twice."""
        self._remove()


def _remove(path: Path, files: list[BinaryIO]) -> None:
    for file in files:
        file.close()
    shutil.rmtree(path, ignore_errors=True)
