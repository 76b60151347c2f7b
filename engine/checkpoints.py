"""Where a training keeps what it needs to go on after its process ended; the engine does not know where that is.

A step that began is spent, whether or not anything of it was kept. So the number of begun steps is noted before they
are taken, apart from the weights: a training that goes on starts from the saved weights and counts every step that
began as taken, and never passes the number of steps that its charge was derived from.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol


class Checkpoints(Protocol):
    """What a training keeps of itself; it holds no private row."""

    def load(self) -> bytes | None:
        """The state that was saved last; None where there is none."""

    def save(self, state: bytes) -> None:
        """Keep a state in the place of the one before; a reader never gets half of it."""

    def begin(self, steps: int) -> None:
        """Note durably that all steps up to this number count as taken; called before they are.

        Args:
            steps: number of steps since the beginning of the training, at least as many as are noted.
        """

    def begun(self) -> int:
        """Number of steps that count as taken; 0 at first."""


class FolderCheckpoints:
    """Checkpoints in a folder on this machine.

    Args:
        path: the folder, made on first use and readable by this user only.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._state = path / "state"
        self._begun = path / "begun"

    def load(self) -> bytes | None:
        """The state that was saved last; None where there is none."""
        return self._state.read_bytes() if self._state.exists() else None

    def save(self, state: bytes) -> None:
        """Keep a state in the place of the one before."""
        self._write(self._state, state)

    def begin(self, steps: int) -> None:
        """Note that all steps up to this number count as taken.

        Raises:
            ValueError: more steps are noted already.
        """
        check_begin(steps, self.begun())
        self._write(self._begun, str(steps).encode())

    def begun(self) -> int:
        """Number of steps that count as taken; 0 at first."""
        return int(self._begun.read_bytes()) if self._begun.exists() else 0

    def _write(self, target: Path, content: bytes) -> None:
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_durably(target, content)


def check_begin(steps: int, begun: int) -> None:
    """Refuse to forget steps that began; raises ValueError."""
    if steps < begun:
        raise ValueError(f"{begun} steps began already, so {steps} cannot be all")


def write_durably(target: Path, content: bytes) -> None:
    """Replace a file at once: after this returns, also a machine that loses power keeps the new content.

    Args:
        target: the file, in a folder that is there.
        content: what it holds afterwards.
    """
    partial = target.with_name(f"{target.name}.partial")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
        stream.write(content)
    move_durably(partial, target)


def move_durably(written: Path, target: Path) -> None:
    """Put a file that is complete in the place of another one of the same folder, with all its bytes on the disk.

    Args:
        written: the new file.
        target: the name that it gets.
    """
    _sync(written)
    written.replace(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
