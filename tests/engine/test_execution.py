"""Settings of the machine, and folders that leave nothing behind."""

import gc
import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import ExecutionError
from engine.execution import Execution, ScratchFolder

ROOT = Path(__file__).resolve().parents[2]


def test_from_the_environment():
    assert Execution.from_environment({}) == Execution("", None)
    stated = {"ENGINE_SCHEDULER": " tcp://host:8786 ", "ENGINE_SCRATCH": "/mnt/scratch"}
    assert Execution.from_environment(stated) == Execution("tcp://host:8786", Path("/mnt/scratch"))


def filled(tmp_path, scheduler=""):
    folder = ScratchFolder(Execution(scheduler, tmp_path))
    file = folder.open("cells")
    file.write(b"private")
    file.flush()
    return folder, file


@pytest.mark.parametrize("scheduler", ["", "tcp://host:8786"])
def test_nothing_is_left_after_closing(tmp_path, scheduler):
    folder, file = filled(tmp_path, scheduler)
    assert folder.path.parent == tmp_path
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in folder.path.iterdir()] == (["cells-0"] if scheduler else [])
    folder.close()
    folder.close()
    assert file.closed
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_after_collection(tmp_path):
    folder, file = filled(tmp_path, "tcp://host:8786")
    del folder, file
    gc.collect()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ["raise SystemError", "sys.exit(3)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_nothing_readable_is_left_by_a_process_that_ends_badly(tmp_path, ending):
    code = f"""
import os, signal, sys
from pathlib import Path
from engine.errors import ExecutionError
from engine.execution import Execution, ScratchFolder
folder = ScratchFolder(Execution(scratch=Path({str(tmp_path)!r})))
folder.open("cells").write(b"private")
{ending}
"""
    finished = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert finished.returncode != 0
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_scratch_folder_that_is_not_there(tmp_path):
    with pytest.raises(ExecutionError, match="ENGINE_SCRATCH"):
        ScratchFolder(Execution(scratch=tmp_path / "nowhere"))
