"""A run's private rows in two parts, from memory and from a file that is read in parts."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from engine.data import rows as rows_module
from engine.data.export import write_csv, write_parquet
from engine.data.ingest import IngestLimits, read_table
from engine.data.rows import FileRows, FrameRows
from engine.privacy.noise import KEY_BYTES
from engine.privacy.plan import UnitOfProtection
from tests.app.builders import ready_dataset, submit
from tests.tables import SMALL_SCHEMA, small_plan, small_table
from workers import tables
from workers.jobs import do_run
from workers.tables import read_tables

KEY = bytes(range(KEY_BYTES))


def work_on(filename, holdout_share=0.25):
    dataset = SimpleNamespace(filename=filename)
    return SimpleNamespace(
        plan=small_plan(unit=UnitOfProtection()), dataset=dataset, holdout_share=holdout_share, holdout_key=KEY
    )


@pytest.fixture(params=[("t.csv", 2**26), ("t.csv", 10), ("t.parquet", 10)])
def read(request, tmp_path, monkeypatch):
    """Reads a table of 2,000 rows with a share set aside, whole or in parts."""
    name, stream_from = request.param
    monkeypatch.setattr(rows_module, "STREAM_FROM_BYTES", stream_from)
    table = small_table(2000)
    (write_csv if name == "t.csv" else write_parquet)(table, tmp_path / name)

    def make(holdout_share):
        found = read_tables(tmp_path / name, work_on(name, holdout_share), IngestLimits())
        assert isinstance(found.rows, FileRows if stream_from == 10 else FrameRows)
        return read_table(tmp_path / name, schema=SMALL_SCHEMA).table, found

    return make


def test_the_parts_are_the_table(read):
    table, found = read(0.25)
    compared = found.for_comparison()
    train = pd.concat(list(found.train.chunks(SMALL_SCHEMA.names)), ignore_index=True)
    pd.testing.assert_frame_equal(train, compared.train)
    pd.testing.assert_frame_equal(compared.train, table.loc[~found.held_out].reset_index(drop=True))
    pd.testing.assert_frame_equal(compared.holdout, table.loc[found.held_out].reset_index(drop=True))
    holdout = pd.concat(list(found.holdout.chunks(SMALL_SCHEMA.names)), ignore_index=True)
    pd.testing.assert_frame_equal(holdout, compared.holdout)


def test_nothing_set_aside(read):
    table, found = read(0.0)
    assert found.holdout is None
    assert found.for_comparison().holdout is None
    pd.testing.assert_frame_equal(found.for_comparison().train, table)


def test_a_large_file_is_compared_with_some_of_its_rows(read, monkeypatch):
    monkeypatch.setattr(tables, "COMPARED_ROWS", 100)
    _, found = read(0.25)
    compared = found.for_comparison()
    sizes = (len(compared.train), len(compared.holdout))
    held_out = int(found.held_out.sum())
    assert sizes == ((2000 - held_out, held_out) if isinstance(found.rows, FrameRows) else (100, 100))


def test_the_choice_reaches_all_rows():
    """10,000 draws of 10 out of 40 kept rows: each is drawn 2,500 times, standard deviation 43; six of them allowed."""
    keep = np.arange(80) % 2 == 0
    drawn = sum(tables._some_of(keep, 10, seed).astype(int) for seed in range(10_000))
    assert (drawn[~keep] == 0).all()
    assert (abs(drawn[keep] - 2500) < 6 * 43.4).all()


def test_a_run_on_a_file_that_is_read_in_parts(services, owner, monkeypatch):
    monkeypatch.setattr(rows_module, "STREAM_FROM_BYTES", 10)
    monkeypatch.setattr(tables, "COMPARED_ROWS", 20)
    run = submit(services, owner, ready_dataset(services, owner, cap=1.0), epsilon=0.5, n_rows=40)
    do_run(services, run.id)
    run = services.runs.get(owner, run.id)
    assert (run.status, run.error, run.note) == ("done", None, None)
