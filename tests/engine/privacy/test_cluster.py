"""A real cluster of two worker processes counts what one process counts, also where it loses a worker."""

import os
import signal
from functools import partial
from pathlib import Path

import dask
import numpy as np
import pytest
from distributed import LocalCluster

from engine.data.encode import table_domain
from engine.data.rows import FrameRows
from engine.errors import ExecutionError
from engine.execution import Execution, ScratchFolder
from engine.pipeline import fit
from engine.privacy.cluster import ClusterCounter, count_in_file
from engine.privacy.counting import count_here
from engine.privacy.encoded_rows import encode_rows
from tests.tables import SMALL_SCHEMA, small_plan, small_table

# on a busy machine Dask warns that its folders are slow to make
pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.filterwarnings("ignore::UserWarning")]

DOMAIN = table_domain(SMALL_SCHEMA.fields, {})
SETS = [(0,), (1,), (0, 1), (1, 3), (0, 2, 3)]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("workers"))
    options = {"threads_per_worker": 1, "processes": True, "dashboard_address": None, "local_directory": folder}
    patient = {"distributed.comm.timeouts.connect": "120s", "distributed.comm.timeouts.tcp": "120s"}
    with dask.config.set(patient), LocalCluster(n_workers=2, **options) as running:
        yield running


@pytest.fixture
def shared(tmp_path, cluster):
    folder = ScratchFolder(Execution(cluster.scheduler_address, tmp_path))
    yield folder
    folder.close()


def die_once(mark, *arguments):
    """Count, but kill the first worker that takes a task."""
    try:
        Path(mark).unlink()
    except FileNotFoundError:
        return count_in_file(*arguments)
    return os.kill(os.getpid(), signal.SIGKILL)


def fail(*arguments):
    raise OSError("no such folder")


def counts_agree(counter, encoded):
    for there, here in zip(counter(encoded, SETS, DOMAIN.sizes), count_here(encoded, SETS, DOMAIN.sizes), strict=True):
        np.testing.assert_array_equal(there, here)


def test_the_same_counts(cluster, shared):
    encoded = encode_rows(FrameRows(small_table(5000), 100), DOMAIN, shared, -1)
    counter = ClusterCounter(cluster.scheduler_address)
    counts_agree(counter, encoded)
    encoded.regroup(0, (np.arange(DOMAIN.sizes[0]) // 7).astype(np.int32))
    counts_agree(counter, encoded)
    counter.close()


def test_a_lost_worker_loses_no_row(cluster, shared, tmp_path):
    encoded = encode_rows(FrameRows(small_table(5000), 100), DOMAIN, shared, -1)
    mark = tmp_path / "alive"
    mark.touch()
    before = {worker.pid for worker in cluster.workers.values()}
    counter = ClusterCounter(cluster.scheduler_address, partial(die_once, str(mark)))
    counts_agree(counter, encoded)
    counter.close()
    assert not mark.exists()
    assert {worker.pid for worker in cluster.workers.values()} != before


def test_a_whole_run(cluster, tmp_path):
    execution = Execution(cluster.scheduler_address, tmp_path)
    run = fit(small_table(), small_plan("aim"), execution=execution)
    assert sum(map(len, run.pieces())) == run.n_rows
    assert list(tmp_path.iterdir()) == []


def test_failures_are_told(cluster, shared):
    encoded = encode_rows(FrameRows(small_table(), 100), DOMAIN, shared, -1)
    counter = ClusterCounter(cluster.scheduler_address, fail)
    with pytest.raises(ExecutionError, match="ENGINE_SCRATCH"):
        counter(encoded, SETS, DOMAIN.sizes)
    counter.close()


def test_a_scheduler_that_is_not_there(monkeypatch):
    monkeypatch.setattr("engine.privacy.cluster.CONNECT_SECONDS", 0.5)
    with pytest.raises(ExecutionError, match="ENGINE_SCHEDULER"):
        ClusterCounter("tcp://127.0.0.1:9")
