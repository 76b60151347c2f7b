"""Checkpoints in a folder: what was saved last is there whole, and steps that began are never forgotten."""

import pytest

from engine.checkpoints import FolderCheckpoints, write_durably


def test_nothing_is_there_at_first(tmp_path):
    checkpoints = FolderCheckpoints(tmp_path / "new")
    assert checkpoints.load() is None
    assert checkpoints.begun() == 0
    assert not (tmp_path / "new").exists()


def test_another_object_on_the_same_folder_goes_on(tmp_path):
    first = FolderCheckpoints(tmp_path)
    first.save(b"one")
    first.begin(7)
    first.save(b"two")
    second = FolderCheckpoints(tmp_path)
    assert (second.load(), second.begun()) == (b"two", 7)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["begun", "state"]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_steps_that_began_cannot_be_taken_back(tmp_path):
    checkpoints = FolderCheckpoints(tmp_path)
    checkpoints.begin(7)
    checkpoints.begin(7)
    with pytest.raises(ValueError, match="7 steps began already"):
        checkpoints.begin(6)
    assert checkpoints.begun() == 7


def test_a_write_that_ends_early_leaves_what_was_there(tmp_path, monkeypatch):
    target = tmp_path / "state"
    write_durably(target, b"whole")

    def full(descriptor):
        raise OSError("no space left")

    monkeypatch.setattr("engine.checkpoints.os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        write_durably(target, b"a longer content that is cut")
    assert target.read_bytes() == b"whole"
